"""Train a model again, and replace the shipped one once the new one is complete and checked.

python cgi-bin/train.py            the CNN, on MNIST's 60,000 training images
python cgi-bin/train.py --resume   go on where a run was cut short
"""

import argparse
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 (failed) or 2 (usage)."""
    if "GATEWAY_INTERFACE" in os.environ:  # a web server would let anybody start hours of work
        print("Content-Type: text/plain\n\nTraining is started from a command line, not through a web server.")
        return 1
    try:
        import training  # noqa: F401  (what it imports may not be installed)
    except ModuleNotFoundError as missing:
        print(
            f"train.py: {missing.name} is not installed; run: pip install -r requirements.txt",
            file=sys.stderr,
        )
        return 1
    from errors import Problem

    chosen = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is like Ctrl-C
    try:
        return run(chosen)
    except Problem as problem:
        print(f"train.py: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ntrain.py: stopped; the model is as it was. Go on with --resume.", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    from training import Settings

    usual = Settings()
    made = argparse.ArgumentParser(
        prog="train.py",
        description=__doc__.split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--epochs", type=positive, default=usual.epochs, help="times that every training image is seen")
    made.add_argument("--batch-size", type=positive, default=usual.batch_size, help="images a step")
    made.add_argument("--learning-rate", type=float, default=usual.learning_rate, help="of Adam, at its highest")
    made.add_argument("--seed", type=int, default=usual.seed, help="of all random numbers")
    made.add_argument("--data", metavar="SOURCE", help="folder or URL with MNIST's four files (see the README)")
    made.add_argument("-o", "--outpath", type=Path, default=ROOT / "models", help="folder of the trained model")
    made.add_argument("--work", type=Path, default=ROOT / "out", help="folder of checkpoint and learning curve")
    made.add_argument("--resume", action="store_true", help="go on from the checkpoint of a run that was cut short")
    return made


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def run(chosen: argparse.Namespace) -> int:
    """Train as the command line says."""
    import dataset
    from training import Settings, train

    names = ("epochs", "batch_size", "learning_rate", "seed", "doubted")
    settings = Settings(**{name: getattr(chosen, name) for name in names})
    card = train(dataset.load(chosen.data), settings, chosen.outpath, chosen.work, chosen.resume)
    print(f"{card['accuracy']:.2%} of {card['test_images']:,} test images right; the model is in {chosen.outpath}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
