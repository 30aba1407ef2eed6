"""Train a model again, and replace the shipped one once the new one is complete and checked.

python cgi-bin/train.py            the CNN, on MNIST's 60,000 training images
python cgi-bin/train.py --resume   go on where a run was cut short
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

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
    made = argparse.ArgumentParser(prog="train.py", description=__doc__.split("\n\n")[0])

    def add(*names: str, help: str, **more: Any) -> None:  # noqa: A002
        made.add_argument(*names, help=help + (" (default: %(default)s)" if "default" in more else ""), **more)

    add("--epochs", type=positive, default=usual.epochs, help="times that every training image is seen")
    add("--batch-size", type=positive, default=usual.batch_size, help="images a step")
    add("--learning-rate", type=float, default=usual.learning_rate, help="of Adam, at its highest")
    add("--seed", type=int, default=usual.seed, help="of all random numbers")
    add("--doubted", type=float, default=usual.doubted, help="share of held-back digits that may be marked unsure")
    add("--data", metavar="SOURCE", help="folder or URL with MNIST's four files; else the cache, or a download")
    add("-o", "--outpath", type=Path, help="folder of the trained model (default: models; with --extra out/taught)")
    add("--work", type=Path, help="folder of checkpoint and learning curve (default: out)")
    add("--resume", action="store_true", help="go on from the checkpoint of a run that was cut short")
    add("--extra", type=Path, metavar="FILE", help="teach the CNN the drawings of a CSV file that the page exported")
    add("--repeat", type=positive, default=20, help="times that each drawing of --extra counts an epoch")
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

    if chosen.extra:
        return taught(chosen)

    names = ("epochs", "batch_size", "learning_rate", "seed", "doubted")
    settings = Settings(**{name: getattr(chosen, name) for name in names})
    folder, work = chosen.outpath or ROOT / "models", chosen.work or ROOT / "out"
    card = train(dataset.load(chosen.data), settings, folder, work, chosen.resume)
    print(f"{card['accuracy']:.2%} of {card['test_images']:,} test images right; the model is in {folder}.")
    return 0


def taught(chosen: argparse.Namespace) -> int:
    """Teach the shipped CNN somebody's drawings; it stays as it is unless --outpath names its folder."""
    import dataset
    from teach import Lesson, teach

    folder = chosen.outpath or ROOT / "out" / "taught"
    card = teach(dataset.load(chosen.data), chosen.extra, Lesson(repeat=chosen.repeat), ROOT / "models", folder)
    extra = card["extra"]
    print(
        f"Of {extra['drawings']} drawings, {extra['right_before']} were read rightly before, and "
        f"{extra['right_after']} after, by cross-validation. MNIST test set: {card['accuracy']:.2%}. "
        f"The taught model is in {folder}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
