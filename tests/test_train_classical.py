"""train.py -M trains a scikit-learn model, reports on it, and replaces the old one only by a whole one."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import small_mnist
import train
from commands import run
from learning import publishing
from learning.classical import calibrated, estimators, pictures
from learning.classical import card as model_card
from learning.classical import run as training_run
from learning.classical import search as grid
from learning.data import hdf5, strokes
from learning.data.mnist import Mnist
from reading import cards, classifier

MODELS = ["svm", "forest", "extra", "sgd", "voting"]


def as_mnist(n_train: int = 200, copies: int = 1) -> Mnist:
    X, y = small_mnist.pictures(n_train)
    X, y = np.tile(X, (copies, 1, 1)), np.tile(y, copies)
    return Mnist(X, y, *small_mnist.pictures(50, seed=1), "made here", {}, copies)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A HDF5 file as fetch.py makes them."""
    path = tmp_path_factory.mktemp("data") / "small.h5"
    hdf5.write(path, as_mnist(), seed=0)
    return path


@pytest.fixture(autouse=True)
def no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of strokes that are not there; what is said then has a test of its own."""
    monkeypatch.setattr(train, "NO_STROKES", "")


def train_main(data: Path, *arguments: object) -> int:
    return train.main(["-d", str(data), *map(str, arguments)])


def card_of(folder: Path, name: str) -> dict:
    return json.loads((folder / f"{name}.json").read_text())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_command_trains_reports_and_saves(data: Path, tmp_path: Path) -> None:
    out, plots = tmp_path / "models", tmp_path / "plots"
    ended = run("train", "-M", "svm", "-d", data, "-o", out, "-m", "--plots", plots, "-v", "-C", 5, "--seed", 3)
    assert ended.status == 0, ended.err
    assert files(out) == ["svm.json", "svm.onnx"]
    card, exported = card_of(out, "svm"), (out / "svm.onnx").read_bytes()
    assert (card["bytes"], card["sha256"]) == (len(exported), hashlib.sha256(exported).hexdigest())
    assert card["settings"] == {"C": 5.0, "gamma": "scale", "kernel": "rbf", "degree": 3}
    assert (card["name"], card["file"], card["input"], card["seed"]) == ("svm", "svm.onnx", "deskewed", 3)
    assert (card["test_images"], card["dataset"]["train_images"], card["dataset"]["variants"]) == (50, 200, 0)
    assert card["accuracy"] == 1 - card["test_errors"] / 50 > 0.9
    assert 0.5 < card["unsure"]["confidence"] < 1
    assert (card["held_back"], card["dataset"]["test_images_also_in_training"]) == (20, 0)
    assert card["on_held_back"]["accuracy"] * 20 == pytest.approx(round(card["on_held_back"]["accuracy"] * 20))
    head, table, matrix, last = ended.out.strip().split("\n\n", 1)[0], *split_report(ended.out)
    assert head == "Report on 50 test images"
    assert [row.split()[0] for row in table.splitlines()[2:12]] == list("0123456789")
    counts = np.array([row.split()[1:] for row in matrix.splitlines()[1:]], int)
    assert (counts.sum(), np.trace(counts)) == (50, 50 - card["test_errors"])
    assert last.startswith(f"{card['accuracy']:.2%} of 50 test images right, fitted in ")
    assert files(plots) == ["confusion.png", "digits.png", "misread.png"]
    assert "fitting" in ended.err
    assert "Warning" not in ended.err


def split_report(out: str) -> tuple[str, str, str]:
    """The table of the classification report, the confusion matrix, and the last line."""
    table, rest = out.split("\nConfusion matrix: a row for each label, a column for each answer\n\n")
    matrix, last = rest.split("\n\n")
    return table.split("\n\n", 1)[1], matrix, last


def test_the_numbers_that_a_model_has_learnt_are_counted() -> None:
    X, y = np.random.default_rng(0).random((60, 6)).astype(np.float32), np.arange(60) % 10
    linear = make_pipeline(StandardScaler(), SGDClassifier()).fit(X, y)
    assert model_card.learnt(linear) == 2 * 6 + 10 * (6 + 1)
    stump = ExtraTreesClassifier(3, max_leaf_nodes=2, random_state=0).fit(X, y)
    assert model_card.learnt(stump) == 3 * (2 + 2 * 10)
    machine = SVC().fit(X, y)
    vectors = len(machine.support_)
    assert model_card.learnt(machine) == vectors * 6 + 9 * vectors + 45


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_served_as_its_card_says(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ["-E", 10] if name in ("forest", "extra", "voting") else []
    assert train_main(data, "-M", name, "-o", tmp_path, *few) == 0
    monkeypatch.setattr(cards, "MODELS", tmp_path)
    mnist = as_mnist()
    scores = classifier.load(name).score(mnist.X_test / np.float32(255))
    card = card_of(tmp_path, name)
    assert (scores.data.argmax(1) == mnist.y_test).mean() == card["accuracy"]
    np.testing.assert_array_equal(scores.unsure, scores.data.max(1) < card["unsure"]["confidence"])


def test_the_same_seed_gives_the_same_card_apart_from_times(data: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert train_main(data, "-M", "sgd", "-o", tmp_path / name) == 0
    one, two = (card_of(tmp_path / name, "sgd") | {"fit_seconds": 0, "trained": ""} for name in ("one", "two"))
    assert one == two


def test_grid_search_chooses_the_best_and_overrides_single_options(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"C": [1e-4, 10.0], "gamma": [0.6, 500.0]}
    monkeypatch.setitem(grid.GRIDS, "svm", small)
    plots = tmp_path / "plots"
    assert train_main(data, "-M", "svm", "-g", "-C", 1e-4, "-o", tmp_path, "--plots", plots) == 0
    card = card_of(tmp_path, "svm")
    search = card["search"]
    assert search["best"] == {"C": 10.0, "gamma": 0.6}
    assert card["settings"] == {"C": 10.0, "gamma": 0.6, "kernel": "rbf", "degree": 3}
    assert [(row["C"], row["gamma"]) for row in search["candidates"]] == [
        (1e-4, 0.6),
        (1e-4, 500.0),
        (10.0, 0.6),
        (10.0, 500.0),
    ]
    assert (search["folds"], search["images"]) == (5, 200)
    out = capsys.readouterr().out
    assert "best of 4 by 5-fold cross-validation on 200 images" in out
    assert ": C 10.0, gamma 0.6\n" in out
    assert Image.open(plots / "search.png").format == "PNG"


def test_a_grid_search_looks_at_so_many_images_at_most(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "SEARCHED", 120)
    monkeypatch.setitem(grid.GRIDS, "sgd", {"loss": ["hinge"], "alpha": [1e-4, 1e-3]})
    assert train_main(data, "-M", "sgd", "-g", "-o", tmp_path) == 0
    card = card_of(tmp_path, "sgd")
    assert (card["search"]["images"], card["dataset"]["train_images"]) == (120, 200)


def test_the_svm_is_searched_over_at_least_eight_candidates() -> None:
    assert len(grid.ParameterGrid(grid.GRIDS["svm"])) >= 8
    assert set(grid.GRIDS) == set(estimators.SETTINGS)


@pytest.mark.parametrize("name", ["svm", "voting"])
def test_of_a_polynomial_kernel_degree_and_price_are_searched(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(grid.POLY[name]) == {"C", "degree"}
    monkeypatch.setitem(grid.POLY, name, {"C": [1e-4, 10.0], "degree": [2]})
    few = ["-E", 5] if name == "voting" else []
    plots = tmp_path / "plots"
    assert train_main(data, "-M", name, "-g", "--kernel", "poly", "-o", tmp_path, "--plots", plots, *few) == 0
    card = card_of(tmp_path, name)
    assert card["search"]["best"] == {"C": card["settings"]["C"], "degree": 2}
    assert [(row["C"], row["degree"]) for row in card["search"]["candidates"]] == [(1e-4, 2), (10.0, 2)]
    assert (card["settings"]["kernel"], card["settings"]["degree"]) == ("poly", 2)
    assert Image.open(plots / "search.png").format == "PNG"


def test_a_vote_is_searched_as_a_whole(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(grid.GRIDS, "voting", {"C": [3.0], "n_estimators": [1, 12]})
    assert train_main(data, "-M", "voting", "-g", "-E", 3, "-o", tmp_path) == 0
    card = card_of(tmp_path, "voting")
    rows = card["search"]["candidates"]
    assert [(row["C"], row["n_estimators"]) for row in rows] == [(3.0, 1), (3.0, 12)]
    best = max(rows, key=lambda row: row["accuracy"])
    assert card["settings"]["n_estimators"] == card["search"]["best"]["n_estimators"] == best["n_estimators"]


def test_validation_reports_on_pictures_kept_apart(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_main(data, "-M", "sgd", "-V", "-m", "-o", tmp_path) == 0
    card, out = card_of(tmp_path, "sgd"), capsys.readouterr().out
    assert out.startswith("Report on 20 validation images\n")
    assert f"{card['validation']['accuracy']:.2%} of 20 validation images right" in out
    assert (card["dataset"]["train_images"], card["validation"]["images"], card["test_images"]) == (180, 20, 50)


def test_variants_are_never_in_training_when_their_original_is_kept_apart() -> None:
    mnist = as_mnist(200, copies=3)
    mnist.X_train[:, 0, 0] = np.tile(np.arange(200), 3)  # which original
    chosen = train.parser().parse_args(["-M", "sgd", "-V", "--subset", "180"])
    training, held = pictures.pictures_of(mnist, strokes.read(), chosen)
    assert held is not None
    kept, apart = (set(np.rint(each.X[:, 0] * 255)) for each in (training, held))
    assert (len(kept), len(apart), kept & apart) == (162, 18, set())
    assert (len(training.y), training.originals, len(held.y)) == (486, 162, 18)
    np.testing.assert_array_equal(training.y, np.tile(training.y[:162], 3))


def test_pen_strokes_are_learnt_from_behind_the_images_and_the_card_says_so(data: Path, tmp_path: Path) -> None:
    written = [(f"writer {i}", i % 10, [[[0, 0], [50 * i, 1000]]]) for i in range(20)]
    strokes.write(tmp_path / "strokes.jsonl.gz", written)
    assert train_main(data, "-M", "sgd", "--strokes", tmp_path / "strokes.jsonl.gz", "-o", tmp_path / "models") == 0
    card = card_of(tmp_path / "models", "sgd")
    assert card["strokes"] == {"digits": 20, "writers": 20}
    assert (card["dataset"]["train_images"], card["dataset"]["variants"]) == (200, 0)
    chosen = train.parser().parse_args(["-M", "sgd"])
    training, _ = pictures.pictures_of(as_mnist(), strokes.read(tmp_path / "strokes.jsonl.gz"), chosen)
    assert (len(training.y), training.originals, training.drawn) == (
        200 + 20 * pictures.DRAWN,
        200,
        20 * pictures.DRAWN,
    )
    assert training.y[200:].tolist() == [i % 10 for i in range(20)] * pictures.DRAWN
    assert not np.array_equal(*np.split(training.X[200:], pictures.DRAWN))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-M", "svm", "-E", "9"], "svm has no option --estimators; it has --validation, --subset, --gridsearch, "),
        (["-M", "forest", "-C", "9"], "forest has no option --regularization; it has --validation, "),
        (["-M", "voting", "--fast"], "voting has no option --fast; it has --validation, --subset, --gridsearch, --reg"),
        (["-M", "sgd", "--epochs", "3"], "sgd has no option --epochs; it has "),
        (["-M", "svm", "--quick"], "svm has no option --quick; it has "),
        (["-M", "svm", "--epochs", "32"], "svm has no option --epochs; it has "),  # the usual number, but given
        (["-M", "svm", "--repeat=20"], "svm has no option --repeat; it has "),
        (["-M", "svm", "--resume"], "svm has no option --resume; it has "),
        (["-M", "cnn", "-A", "1"], "cnn has no option --alpha; it has --epochs, "),
        (["-C", "1"], "cnn has no option --regularization; it has --epochs, "),
        (["--repeat", "5"], "cnn has no option --repeat; it has --epochs, "),
        (["--extra", "a.csv", "--epochs", "5"], "cnn with --extra has no option --epochs; it has --extra, --repeat, "),
        (["--extra", "a.csv", "-m"], "cnn with --extra has no option --metrics; it has --extra, --repeat, "),
        (["-M", "horse"], "argument -M/--model: invalid choice: 'horse'"),
        (["-M", "svm", "-C", "nan"], "argument -C/--regularization: 'nan' is not a number above 0"),
        (["-M", "svm", "-C", "-1"], "argument -C/--regularization: '-1' is not a number above 0"),
        (["-M", "svm", "-C", "inf"], "argument -C/--regularization: 'inf' is not a number above 0"),
        (["-M", "svm", "--seed", "-1"], "argument --seed: '-1' is not a whole number from 0 to 4294967295"),
        (["-M", "svm", "--seed", "4294967296"], "argument --seed: '4294967296' is not a whole number from 0 to 429496"),
        (["-M", "svm", "--seed", "1.5"], "argument --seed: '1.5' is not a whole number from 0 to 4294967295"),
        (["-M", "svm", "--seed", ""], "argument --seed: '' is not a whole number from 0 to 4294967295"),
        (["-M", "svm", "--subset", "9" * 5000], f"argument --subset: '{'9' * 40}...' is not a whole number up to 1,0"),
        (["-M", "svm", "--subset", "0"], "argument --subset: '0' is not a whole number from 1 on"),
        (["-M", "svm", "--subset", "nan"], "argument --subset: 'nan' is not a whole number from 1 on"),
        (["-M", "svm", "--subset", "٣"], "argument --subset: '٣' is not a whole number from 1 on"),
        (["-M", "extra", "-E", "1" + "0" * 30], "argument -E/--estimators: '1000000000000000000000000000000' is not"),
        (["--learning-rate", "nan"], "argument --learning-rate: 'nan' is not a number above 0"),
        (["--doubted", "nan"], "argument --doubted: 'nan' is not a number from 0 to 1"),
        (["--dropout", "1"], "argument --dropout: '1' is not a number below 1"),
        (["--dropout", "-0.1"], "argument --dropout: '-0.1' is not a number from 0 to 1"),
        (["--doubted", "1.1"], "argument --doubted: '1.1' is not a number from 0 to 1"),
        (["-d", ""], "argument -d/--dataset/--data: it is empty"),
        (["-o", ""], "argument -o/--outpath: it is empty"),
        (["--plots", ""], "argument --plots: it is empty"),
        (["-M", "svm", "-G", "wide"], "argument -G/--gamma: 'wide' is not a number above 0"),
        (["-M", "forest", "-D", "0"], "argument -D/--max_depth: '0' is not a whole number from 1 on"),
        (["-M", "sgd", "-L", "mse"], "argument -L/--loss: invalid choice: 'mse'"),
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        train.main(arguments)
    assert ended.value.code == 2
    assert f"train.py: error: {sentence}" in capsys.readouterr().err


def without(mnist: Mnist, digit: int) -> Mnist:
    kept = mnist.y_train != digit
    return mnist._replace(X_train=mnist.X_train[kept], y_train=mnist.y_train[kept])


def damage_nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("arguments", "prepare", "sentence"),
    [
        (
            ["-d", "{}/six.h5"],
            lambda folder: hdf5.write(folder / "six.h5", without(as_mnist(), 6), 0),
            "There are 0 training images of the digit 6; it takes at least 10.",
        ),
        (
            ["-d", "{}/few.h5", "-V"],
            lambda folder: hdf5.write(folder / "few.h5", as_mnist(100), 0),
            "There are 9 training images of the digit 0; it takes at least 10.",
        ),
        (
            ["-d", "{}/few.h5", "-M", "voting", "-g"],
            lambda folder: hdf5.write(folder / "few.h5", as_mnist(120), 0),
            "There are 12 training images of the digit 0; it takes at least 13.",
        ),
        (["--subset", "9999"], damage_nothing, "--subset 9999 is more than the 200 training images there are."),
        (["--plots", "/dev/null/plots"], damage_nothing, "Can't write to the folder /dev/null/plots: Not a directory."),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(
    arguments: list[str],
    prepare: Callable[[Path], object],
    sentence: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare(tmp_path)
    given = [argument.format(tmp_path) for argument in arguments]
    assert train_main(data, "-M", "sgd", "-o", tmp_path / "models", *given) == 1
    assert capsys.readouterr() == ("", f"train.py: {sentence.format(tmp_path)}\n")


@pytest.mark.parametrize("name", ["cnn", "sgd"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-d", "{}/none.h5"], "{}/none.h5 is no folder; MNIST's four IDX files should be in it."),
        (["-d", "{}/text.h5"], "{}/text.h5 is no HDF5 file, or a damaged one; `fetch.py` makes one."),
        (["-o", "/dev/null/models"], "Can't write to the folder /dev/null/models: Not a directory."),
    ],
)
def test_no_model_can_be_trained_from_bad_data_or_into_a_bad_folder(
    name: str, arguments: list[str], sentence: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "cnn":
        pytest.importorskip("tensorflow", reason="the CNN is trained with TensorFlow, which is not installed")
    (tmp_path / "text.h5").write_text("a text")
    given = [argument.format(tmp_path) for argument in arguments]
    assert train_main(data, "-M", name, "-o", tmp_path / "models", *given) == 1
    assert capsys.readouterr() == ("", f"train.py: {sentence.format(tmp_path)}\n")


@pytest.mark.parametrize(
    ("name", "arguments", "recorded"),
    [
        ("svm", ["-C", "5"], {"C": 5.0}),
        ("svm", ["-G", "0.3"], {"gamma": 0.3}),
        ("svm", ["-G", "auto"], {"gamma": "auto"}),
        ("svm", ["--kernel", "linear"], {"kernel": "linear"}),
        ("svm", ["--kernel", "poly", "--degree", "2"], {"kernel": "poly", "degree": 2}),
        ("forest", ["-E", "5"], {"n_estimators": 5}),
        ("extra", ["-E", "5", "-D", "4"], {"n_estimators": 5, "max_depth": 4}),
        ("sgd", ["-L", "hinge"], {"loss": "hinge"}),
        ("sgd", ["-L", "log"], {"loss": "log_loss"}),
        ("sgd", ["-L", "squared_error"], {"loss": "squared_error"}),
        ("sgd", ["-L", "huber"], {"loss": "huber"}),
        ("sgd", ["-L", "epsilon_insensitive"], {"loss": "epsilon_insensitive"}),
        ("sgd", ["-L", "squared_epsilon_insensitive"], {"loss": "squared_epsilon_insensitive"}),
        ("sgd", ["-P", "l1"], {"penalty": "l1"}),
        ("sgd", ["-A", "0.01"], {"alpha": 0.01}),
    ],
)
def test_each_option_is_trained_with_and_noted_in_the_card(
    name: str, arguments: list[str], recorded: dict, data: Path, tmp_path: Path
) -> None:
    assert train_main(data, "-M", name, "-o", tmp_path, *arguments) == 0
    card = card_of(tmp_path, name)
    assert card["settings"] == estimators.SETTINGS[name] | recorded
    assert card["accuracy"] > 0.5


def test_two_trainings_do_not_share_a_folder(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with publishing.reserved(tmp_path):
        assert train_main(data, "-M", "sgd", "-o", tmp_path) == 1
        ended = run("train", "-M", "svm", "-d", data, "-o", tmp_path)
    said = f"train.py: Another training is at work in the folder {tmp_path}. Wait for its end, or name another one.\n"
    assert capsys.readouterr() == ("", said)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.endswith(said)
    assert files(tmp_path) == []
    assert train_main(data, "-M", "sgd", "-o", tmp_path) == 0
    assert files(tmp_path) == ["sgd.json", "sgd.onnx"]


@pytest.mark.parametrize(
    ("option", "file"),
    [("-o", "sgd.onnx"), ("-o", "sgd.json"), ("--plots", "misread.png")],
)
def test_only_regular_files_are_replaced_and_that_is_said_first(
    option: str, file: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).symlink_to("target")
    (tmp_path / "target").write_text("old")
    given = [option, tmp_path, *(["-o", tmp_path / "models"] if option != "-o" else [])]
    assert train_main(data, "-M", "sgd", *given) == 1
    said = f"train.py: {tmp_path / file} is a symbolic link, which is not replaced. Name the file itself.\n"
    assert capsys.readouterr() == ("", said)
    assert (tmp_path / "target").read_text() == "old"


def test_scores_of_a_loss_without_probabilities_are_calibrated(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train_main(data, "-M", "sgd", "-L", "huber", "-o", tmp_path) == 0
    monkeypatch.setattr(cards, "MODELS", tmp_path)
    scores = classifier.load("sgd").score(as_mnist().X_test / np.float32(255)).data
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)
    assert scores.min() >= 0
    assert card_of(tmp_path, "sgd")["temperature"] != 1


def test_settings_with_which_nothing_can_be_fitted_are_said(
    data: Path, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_main(data, "-M", "sgd", "-A", "1e300", "-o", old) == 1
    said = capsys.readouterr().err
    assert said.startswith("train.py: With these settings nothing can be fitted: Floating-point under-/overflow ")
    assert said.endswith(" The old model stays.\n")
    assert_old_stays(old)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with an older model in it."""
    for file in ("sgd.json", "sgd.onnx"):
        (tmp_path / file).write_text("old")
    return tmp_path


def assert_old_stays(folder: Path) -> None:
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"sgd.json": "old", "sgd.onnx": "old"}


def test_a_full_disk_leaves_the_old_model_whole(
    data: Path, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert train_main(data, "-M", "sgd", "-o", old) == 1
    sentence = f"train.py: Can't save the model in {old}: No space left on device. The old one stays.\n"
    assert capsys.readouterr() == ("", sentence)
    assert_old_stays(old)


@pytest.mark.parametrize("failing", [1, 2])
def test_when_one_file_cannot_be_replaced_the_new_model_counts_all_the_same(
    failing: int,
    data: Path,
    old: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail_move: Callable[[int, OSError], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_move(failing, OSError(5, "Input/output error"))
    assert train_main(data, "-M", "sgd", "-o", old) == 1
    counts = "It counts all the same; the next training moves its files from .sgd.new."
    assert capsys.readouterr() == ("", f"train.py: Can't save the model in {old}: Input/output error. {counts}\n")
    monkeypatch.setattr(cards, "MODELS", str(old))
    assert [card["name"] for card in cards.available()] == ["sgd"]
    classifier.load("sgd")


def test_an_export_that_disagrees_leaves_the_old_model_whole(
    data: Path, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = calibrated.Calibrated.predict_proba
    monkeypatch.setattr(calibrated.Calibrated, "predict_proba", lambda self, X: real(self, X) + 2e-4)
    assert train_main(data, "-M", "sgd", "-o", old) == 1
    sentence = "The exported model scores up to 2.0e-04 apart from scikit-learn; the old model stays."
    assert capsys.readouterr().err == f"train.py: {sentence}\n"
    assert_old_stays(old)


def test_a_run_that_is_stopped_leaves_the_old_model_whole(
    data: Path, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_run, "check_agreement", stop)
    assert train_main(data, "-M", "sgd", "-o", old) == 1
    assert capsys.readouterr().err.startswith("\ntrain.py: stopped; the model is as it was.")
    assert_old_stays(old)


def test_no_pickle_is_written_or_read() -> None:
    for path in (Path(estimators.__file__).parent).glob("*.py"):
        text = path.read_text("utf-8")
        assert "import pickle" not in text
        assert "joblib.dump" not in text
        assert "joblib.load" not in text
