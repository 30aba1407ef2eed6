"""Train a model again, and replace the shipped one once the new one is complete and checked.

python cgi-bin/train.py            the CNN, on MNIST and on what `fetch.py --strokes` has put in the cache
python cgi-bin/train.py --quick    the same in minutes, or --long, as the shipped one was trained
python cgi-bin/train.py --resume   go on where a run was cut short
python cgi-bin/train.py -M svm     another model: svm, forest, extra, sgd or voting
python cgi-bin/train.py -M trajectory    what reads the strokes of a drawing beside its picture
python cgi-bin/train.py -M svm --seeds 1-8 --cluster    how much of its accuracy is luck, with Ray; nothing is kept
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learning.cnn.settings import Settings
    from learning.data.mnist import Mnist
    from learning.data.strokes import StrokeDigits
    from reading.arrays import Float, Ints
    from reading.cards import Card

ROOT = Path(__file__).resolve().parent.parent
MODELS = ["cnn", "svm", "forest", "extra", "sgd", "voting"]
TRAJECTORY = "trajectory"  # no model that answers alone: the CNN is joined with it
OF_TRAJECTORY = ["--strokes", "--outpath", "--seed"]
OF_ALL = ["--dataset", "--strokes", "--outpath", "--seed", "--metrics", "--plots", "--verbose"]
OF_ALL += ["--cluster", "--seeds"]
OF_SEVERAL = ["--quick", "--long"]  # they stand for other ones, which nobody typed
OF_CNN = ["--epochs", *OF_SEVERAL, "--batch-size", "--learning-rate", "--dropout", "--drawn", "--drawings"]
OF_CNN += ["--doubted", "--work", "--resume", "--refine", "--fast", "--extra"]
OF_LESSON = ["--extra", "--repeat", "--dataset", "--outpath", "--verbose"]
NO_STROKES = """\
No pen strokes are here to learn from; get them with: python cgi-bin/fetch.py --strokes
With MNIST alone, the hands of other countries are read less well (docs/accuracy.md).
"""
SOURCE = "HDF5 file of fetch.py, or folder or URL with MNIST's four files"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 (failed) or 2 (usage)."""
    if "GATEWAY_INTERFACE" in os.environ:  # a web server would let anybody start hours of work
        print("Content-Type: text/plain\n\nTraining is started from a command line, not through a web server.")
        return 1
    if not hasattr(os, "fork"):
        print("train.py: this needs fork, as Linux and macOS have it; on Windows run it in WSL.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is like Ctrl-C
    from reading.errors import Problem

    try:
        import learning.classical.run
        import learning.cnn.run  # noqa: F401  (what they import may not be installed)

        chosen = parser().parse_args(arguments)
        refuse_foreign(chosen, arguments)
        return run(chosen)
    except ModuleNotFoundError as missing:
        print(f"train.py: {not_installed(missing.name)}", file=sys.stderr)
    except Problem as problem:
        print(f"train.py: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ntrain.py: stopped; the model is as it was. A run of the CNN goes on with --resume.", file=sys.stderr)
    return 1


def not_installed(name: str | None) -> str:
    """What to do where a package is not there; TensorFlow has none for every Python."""
    if name in ("tensorflow", "tflearn"):
        classical = ", ".join(MODELS[1:])
        return (
            f"the CNN is trained with {name}, which is not installed for Python {sys.version_info[0]}."
            f"{sys.version_info[1]} (docs/platforms.md says where it is). Without it: train.py -M with {classical}"
        )
    return f"{name} is not installed; run: pip install -r requirements.txt"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    from learning.arguments import Several, named, part, path, positive, seed, seeds, share, whole
    from learning.classical.options import add_arguments
    from learning.cnn.settings import LONG, QUICK, Settings

    usual = Settings()
    made = argparse.ArgumentParser(prog="train.py", description=__doc__.split("\n\n")[0])

    def add(*names: str, help: str, **more: Any) -> None:  # noqa: A002
        made.add_argument(*names, help=help + (" (default: %(default)s)" if "default" in more else ""), **more)

    add("-M", "--model", choices=[*MODELS, TRAJECTORY], default="cnn", help="which model")
    add("--epochs", type=whole, default=usual.epochs, help="times that every training image is seen")
    for name, several in zip(OF_SEVERAL, (QUICK, LONG), strict=True):
        same = " ".join(f"--{each.replace('_', '-')} {value}" for each, value in several.items())
        add(name, action=Several, const=several, help=f"the same as {same}")
    add("--batch-size", type=whole, default=usual.batch_size, help="images a step")
    add("--learning-rate", type=positive, default=usual.learning_rate, help="of Adam, at most; Muon's in proportion")
    add("--dropout", type=part, default=usual.dropout, help="share of the last features dropped while learning")
    add("--drawn", type=share, default=usual.drawn, help="share of MNIST's images that is drawn anew with a pen")
    add("--drawings", type=whole, default=usual.drawings, help="times an epoch that each pen digit is drawn")
    add("--seed", type=seed, default=usual.seed, help="of all random numbers")
    where = "search or train with Ray, on this machine's cores or on the cluster at ADDRESS (HOST:PORT or auto)"
    add("--cluster", nargs="?", const="local", metavar="ADDRESS", help=where)
    told = "train with each of these seeds, tell how they did, and keep nothing"
    add("--seeds", type=seeds, metavar="N-M", help=told)
    add("--doubted", type=share, default=usual.doubted, help="share of held-back digits that may be marked unsure")
    data = ["-d", "--dataset", "--data"]
    add(*data, dest="data", type=named, metavar="SOURCE", help=f"{SOURCE}; else the cache, or a download")
    strokes = "files of pen strokes to learn from besides (default: those that fetch.py --strokes got)"
    add("--strokes", type=path, nargs="+", metavar="FILE", help=strokes)
    add("-o", "--outpath", type=path, help="folder of the trained model (default: models; with --extra out/taught)")
    add("--work", type=path, help="folder of checkpoint and learning curve (default: out)")
    add("--resume", action="store_true", help="go on from the checkpoint of a run that was cut short")
    add("--refine", action="store_true", help="begin a run with the weights of the checkpoint of another one")
    bfloat16 = "compute in bfloat16, faster (default: if the processor can)"
    add("--fast", action=argparse.BooleanOptionalAction, help=bfloat16)
    add("--extra", type=path, metavar="FILE", help="teach the CNN the drawings of a CSV file that the page exported")
    add("--repeat", type=whole, default=20, help="times that each drawing of --extra counts an epoch")
    add("-m", "--metrics", action="store_true", help="print classification report and confusion matrix")
    add("--plots", type=path, metavar="DIR", help="save plots of these, and of misread digits, as PNG files")
    add("-v", "--verbose", action="store_true", help="say what is being done (the CNN always does)")
    add_arguments(made)
    return made


def refuse_foreign(chosen: argparse.Namespace, arguments: list[str] | None) -> None:
    """End with a usage error if an option was given, if only as what is usual, that what is asked for doesn't have."""
    from learning.classical import options as classical_options

    what, own = options(chosen)
    every = {flag for model in MODELS[1:] for flag in classical_options.flags(model)}
    every |= {*OF_CNN, *OF_LESSON, *OF_ALL}
    dests = {"--dataset": "data"} | classical_options.NAMES
    names = {flag: dests.get(flag, flag.strip("-").replace("-", "_")) for flag in every - set(own)}
    # What is there already gets no default: it stays None unless it is given.
    made, given = parser(), argparse.Namespace(**dict.fromkeys(names.values()))
    made.parse_args(arguments, given)
    for flag in sorted(names, key=lambda flag: (flag not in OF_SEVERAL, flag)):
        if getattr(given, names[flag]) is not None:
            made.error(f"{what} has no option {flag}; it has {', '.join(own)}")


def options(chosen: argparse.Namespace) -> tuple[str, list[str]]:
    """What is asked for, and the long flags that it has."""
    from learning.classical import options as classical_options

    if chosen.model == TRAJECTORY:
        return TRAJECTORY, OF_TRAJECTORY
    if chosen.model != "cnn":
        return chosen.model, [*classical_options.flags(chosen.model), *OF_ALL]
    return ("cnn with --extra", OF_LESSON) if chosen.extra else ("cnn", [*OF_CNN, *OF_ALL])


def check_cluster(chosen: argparse.Namespace) -> None:
    """End with a usage error if a cluster is asked for that nothing would be done on, or needed and not asked for."""
    if chosen.cluster and not (chosen.gridsearch or chosen.seeds):
        parser().error("--cluster is for --gridsearch and --seeds")
    if chosen.seeds and not chosen.cluster:
        parser().error("--seeds needs --cluster")


def run_seeds(chosen: argparse.Namespace) -> int:
    """Train with several seeds on a cluster, and tell how they did."""
    from learning.data import dataset
    from learning.data.mnist import without_variants
    from scaling import seeds
    from scaling.cluster import connected, cores
    from scaling.spread import on_cluster

    mnist, strokes, cpus = dataset.load(chosen.data), pen_strokes(chosen.strokes, NO_STROKES), 1
    if chosen.model == "cnn":
        need_tensorflow()
        mnist, cpus, chosen.settings = without_variants(mnist), cores(), settings_of(chosen)
    calls = [(argparse.Namespace(**vars(chosen) | {"seed": each}),) for each in chosen.seeds]
    runs = []
    with connected(chosen.cluster, {}):
        for one in on_cluster(seeds.trained, [mnist, strokes], calls, cpus):
            runs.append(one)
            print(seeds.row(one), flush=True)
    print(seeds.last_row(runs))
    return 0


def run(chosen: argparse.Namespace) -> int:
    """Train as the command line says."""
    check_cluster(chosen)
    if chosen.seeds:
        return run_seeds(chosen)
    if chosen.plots:
        from learning.publishing import check_folder
        from learning.report import PLOTS

        check_folder(chosen.plots, *PLOTS)  # not only when hours are over
    if chosen.model not in ("cnn", TRAJECTORY):
        return run_classical(chosen)
    need_tensorflow()
    if chosen.model == TRAJECTORY:
        return run_trajectory(chosen)
    return taught(chosen) if chosen.extra else run_cnn(chosen)


def need_tensorflow() -> None:
    """Raise ModuleNotFoundError where the CNN can't be trained, before data are loaded."""
    for name in ("tensorflow", "tflearn"):
        if find_spec(name) is None:
            raise ModuleNotFoundError(name=name)


def run_cnn(chosen: argparse.Namespace) -> int:
    """Train the CNN as the command line says, and report on it."""
    from learning.cnn.run import train
    from learning.data import dataset
    from learning.data.mnist import without_variants

    folder, work = chosen.outpath or ROOT / "models", chosen.work or ROOT / "out"
    # The CNN makes variants of its own, and one of a held-back image must not be learnt from.
    mnist = without_variants(dataset.load(chosen.data))
    card = train(mnist, pen_strokes(chosen.strokes, NO_STROKES), settings_of(chosen), folder, work, chosen.resume)
    if chosen.metrics or chosen.plots:
        report_cnn(chosen, mnist, card, folder)
    print(f"{card['accuracy']:.2%} of {card['test_images']:,} test images right; the model is in {folder}.")
    return 0


def run_trajectory(chosen: argparse.Namespace) -> int:
    """Train the trajectory network as the command line says."""
    from learning.cnn.trajectory import train

    held = train(pen_strokes(chosen.strokes), chosen.seed, folder := chosen.outpath or ROOT / "models")["held_back"]
    print(f"{held['accuracy']:.2%} of {held['digits']:,} digits of writers held back right; the file is in {folder}.")
    return 0


def pen_strokes(files: list[Path] | None, without: str = "") -> StrokeDigits:
    """The strokes to learn from besides MNIST: of these files, else of the cache, else none, and what that costs."""
    from learning.data import corpora, strokes

    files = files or corpora.train_files() or []
    if not files:
        print(without, end="", file=sys.stderr, flush=True)
    return strokes.read(*files)


def settings_of(chosen: argparse.Namespace) -> Settings:
    """The settings of the CNN's training that the command line asks for."""
    from learning.cnn import training
    from learning.cnn.settings import Settings

    names = ("epochs", "batch_size", "learning_rate", "dropout", "drawn", "drawings", "seed", "doubted")
    fast = training.has_bfloat16() if chosen.fast is None else chosen.fast
    return Settings(**{name: getattr(chosen, name) for name in names}, refined=chosen.refine, fast=fast)


def report_cnn(chosen: argparse.Namespace, mnist: Mnist, card: Card, folder: Path) -> None:
    """Report on the test set as the exported CNN in `folder` reads it."""
    from reading import engines
    from reading.classifier import Model

    model = Model(card, engines.litert(card, (folder / card["file"]).read_bytes()))
    X = mnist.X_test.astype("float32") / 255
    report_on(chosen, f"{len(X):,} test images", X, mnist.y_test, model.score(X).data)


def run_classical(chosen: argparse.Namespace) -> int:
    """Train a scikit-learn model as the command line says, and report on it."""
    from learning.classical.run import train
    from learning.classical.search import search_table
    from learning.data import dataset
    from scaling.spread import spread

    mnist, strokes = dataset.load(chosen.data), pen_strokes(chosen.strokes, NO_STROKES)
    with spread(chosen.cluster) as spreading:
        card, title, X, y, scores = train(mnist, strokes, chosen, spreading)
    if "search" in card:
        print(search_table(card["search"]), end="\n\n")
    report_on(chosen, title, X, y, scores, card.get("search"))
    right = (scores.argmax(1) == y).mean()
    print(
        f"{right:.2%} of {title} right, fitted in {card['fit_seconds']:.1f} s; "
        f"the model ({card['bytes'] / 1e6:.1f} MB) is in {chosen.outpath or ROOT / 'models'}."
    )
    return 0


def report_on(
    chosen: argparse.Namespace, title: str, X: Float, y: Ints, scores: Float, search: Card | None = None
) -> None:
    """Print and plot how pictures with labels (n,) were scored (n, 10), if the command line asks for it."""
    if not (chosen.metrics or chosen.plots):
        return
    from learning import report

    if chosen.metrics:
        print(report.metrics(title, y, scores), end="\n\n")
    if chosen.plots:
        report.save_plots(chosen.plots, X, y, scores, search)


def taught(chosen: argparse.Namespace) -> int:
    """Teach the shipped CNN somebody's drawings; it stays as it is unless --outpath names its folder."""
    from learning.cnn.teach import Lesson, teach
    from learning.data import dataset

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
