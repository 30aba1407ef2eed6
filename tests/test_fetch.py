"""fetch.py saves MNIST as HDF5, with variants of the training images, or as sample pictures."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import fetch
import small_disk
import small_mnist
from commands import help_of, plain, run
from learning.data import dataset, hdf5, variants
from learning.data.mnist import Mnist, without_variants
from learning.errors import BadDataset

FILES = small_mnist.files(n_train=30, n_test=20)
SUMS = small_mnist.checksums(FILES)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return small_mnist.write(tmp_path / "idx", FILES)


@pytest.fixture
def mnist(data: Path) -> Mnist:
    return dataset.load(data, SUMS)


def fetch_main(data: Path, *arguments: object) -> int:
    return fetch.main(["--data", str(data), "--checksums", str(data / "SHA256SUMS"), *map(str, arguments)])


def test_it_saves_the_data_set_with_where_it_came_from(data: Path, mnist: Mnist, tmp_path: Path) -> None:
    path = tmp_path / "new" / "mnist.h5"
    ended = run("fetch", "--data", data, "--checksums", data / "SHA256SUMS", "-o", path, "--seed", 7)
    assert ended == (0, f"30 training and 20 test images are in {path}.\n", "")
    with h5py.File(path) as file:
        assert {name: (file[name].shape, file[name].dtype, file[name].compression) for name in file} == {
            "X_train": ((30, 28, 28), np.uint8, "gzip"),
            "y_train": ((30,), np.uint8, "gzip"),
            "X_test": ((20, 28, 28), np.uint8, "gzip"),
            "y_test": ((20,), np.uint8, "gzip"),
        }
        assert dict(file.attrs) == {"source": str(data), "seed": 7, "copies": 1, "sha256": json.dumps(SUMS)}
        for name in file:
            np.testing.assert_array_equal(file[name], getattr(mnist, name))
    assert [each.name for each in path.parent.iterdir()] == ["mnist.h5"]


def test_what_it_saves_is_read_again_as_a_data_set(data: Path, mnist: Mnist, tmp_path: Path) -> None:
    assert fetch_main(data, "-o", tmp_path / "mnist.h5") == 0
    again = dataset.load(tmp_path / "mnist.h5")
    for one, other in zip(mnist[:4], again[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    assert again[4:] == (str(data), SUMS, 1)


def test_shifts_follow_the_images_in_their_order(data: Path, mnist: Mnist, tmp_path: Path) -> None:
    assert fetch_main(data, "-s", "-o", tmp_path / "mnist.h5") == 0
    shifted = dataset.load(tmp_path / "mnist.h5")
    assert (shifted.copies, len(shifted.X_train)) == (5, 150)
    np.testing.assert_array_equal(shifted.y_train, np.tile(mnist.y_train, 5))
    np.testing.assert_array_equal(shifted.X_train[:30], mnist.X_train)
    np.testing.assert_array_equal(shifted.X_train[30:60, :-1], mnist.X_train[:, 1:])  # up
    np.testing.assert_array_equal(shifted.X_train[60:90, 1:], mnist.X_train[:, :-1])  # down
    np.testing.assert_array_equal(shifted.X_train[90:120, :, :-1], mnist.X_train[:, :, 1:])  # left
    np.testing.assert_array_equal(shifted.X_train[120:150, :, 1:], mnist.X_train[:, :, :-1])  # right
    np.testing.assert_array_equal(shifted.X_test, mnist.X_test)


def test_variants_can_be_left_out_again(data: Path, mnist: Mnist, tmp_path: Path) -> None:
    assert fetch_main(data, "-s", "-r", "-o", tmp_path / "mnist.h5") == 0
    plain = without_variants(dataset.load(tmp_path / "mnist.h5"))
    np.testing.assert_array_equal(plain.X_train, mnist.X_train)
    np.testing.assert_array_equal(plain.y_train, mnist.y_train)
    assert plain.copies == 1


def test_a_shift_brings_in_paper_and_no_ink_from_the_other_side() -> None:
    full = np.full((1, 28, 28), 255, np.uint8)
    assert variants.shifted(full, -1, 0)[0, -1].max() == variants.shifted(full, 1, 0)[0, 0].max() == 0
    assert variants.shifted(full, 0, -1)[0, :, -1].max() == variants.shifted(full, 0, 1)[0, :, 0].max() == 0


def test_turns_are_small_and_the_same_for_the_same_seed(data: Path, mnist: Mnist, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        assert fetch_main(data, "-r", "--seed", seed, "-o", tmp_path / name) == 0
    one, same, other = (dataset.load(tmp_path / name).X_train for name in ("one", "same", "other"))
    assert len(one) == 30 * (1 + variants.TURNS)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    before, after = np.tile(mnist.X_train, (3, 1, 1)).astype(float), one.astype(float)
    assert (np.abs(before - after).mean(axis=(1, 2))[30:] > 0).all()
    likeness = [np.corrcoef(b.ravel(), a.ravel())[0, 1] for b, a in zip(before, after, strict=True)]
    assert min(likeness) > 0.6


def test_samples_are_test_images_named_by_their_label(data: Path, mnist: Mnist, tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    ended = run("fetch", "--data", data, "--checksums", data / "SHA256SUMS", "--samples", 5, folder)
    assert ended == (0, f"5 test images are in {folder}.\n", "")
    files = sorted(folder.iterdir())
    assert len(files) == 5
    for file in files:
        label, row = map(int, file.stem.split("-"))
        assert label == mnist.y_test[row]
        np.testing.assert_array_equal(np.asarray(Image.open(file)), mnist.X_test[row])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--samples", "21", "samples"], "--samples 21 is more than the 20 test images there are."),
        (
            ["--samples", "-3", "samples"],
            "--samples wants a number of images from 1 on: '-3' is not a whole number from 1 on.",
        ),
        (
            ["--samples", "0", "samples"],
            "--samples wants a number of images from 1 on: '0' is not a whole number from 1 on.",
        ),
        (
            ["--samples", "9" * 5000, "samples"],
            f"--samples wants a number of images from 1 on: '{'9' * 40}...' is not a whole number up to 1,000,000.",
        ),
        (["--samples", "3", ""], "--samples wants a folder after the number, and its name is empty."),
        (["-o", "/dev/null/mnist.h5"], "Can't write /dev/null/mnist.h5: File exists."),
        (["--samples", "3", "/dev/null/samples"], "Can't write samples to /dev/null/samples: Not a directory."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    data: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch_main(data, *arguments) == 1
    assert capsys.readouterr() == ("", f"fetch.py: {sentence}\n")


def link(path: Path) -> None:
    path.with_name("target").write_text("old")
    path.symlink_to("target")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (link, "is a symbolic link, which is not replaced. Name the file itself."),
        (lambda path: path.symlink_to("nowhere"), "is a symbolic link, which is not replaced. Name the file itself."),
        (os.mkfifo, "is no regular file, and is not replaced. Name another file."),
        (Path.mkdir, "is no regular file, and is not replaced. Name another file."),
    ],
)
def test_only_a_regular_file_is_replaced(
    make: Callable[[Path], object], what: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "mnist.h5"
    make(path)
    before = {each.name: each.lstat() for each in path.parent.iterdir()}
    assert fetch_main(data, "-o", path) == 1
    assert capsys.readouterr() == ("", f"fetch.py: {path} {what}\n")
    assert {each.name: each.lstat() for each in path.parent.iterdir()} == before


@pytest.mark.parametrize("path", ["/dev/null", ".", "/", "/dev/fd/1"])
def test_no_device_and_no_folder_is_replaced(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And that is said before anything is looked for."""
    before = os.lstat(path)
    assert fetch.main(["--data", "/nowhere", "-o", path]) == 1
    assert capsys.readouterr().err.startswith(f"fetch.py: {path} is ")
    assert os.lstat(path)[:4] == before[:4]


def test_no_sample_is_written_through_a_link(
    data: Path, tmp_path: Path, mnist: Mnist, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = tmp_path / "samples", tmp_path / "precious"
    folder.mkdir()
    target.write_text("old")
    for row, label in enumerate(mnist.y_test):
        (folder / f"{label}-{row:05d}.png").symlink_to(target)
    assert fetch_main(data, "--samples", 1, folder) == 1
    assert "is a symbolic link, which is not replaced." in capsys.readouterr().err
    assert target.read_text() == "old"


def test_what_a_killed_run_has_left_is_tidied(data: Path, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = tmp_path / "out"
    folder.mkdir()
    left, running, other = f".mnist.h5.{ended.pid}.part", f".mnist.h5.{os.getppid()}.part", f".a.h5.{ended.pid}.part"
    for name in (left, running, other):
        (folder / name).write_text("x")
    assert fetch_main(data, "-o", folder / "mnist.h5") == 0
    assert sorted(each.name for each in folder.iterdir()) == sorted([running, other, "mnist.h5"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seed", "-1", "-r"], "argument --seed: '-1' is not a whole number from 0 to 4294967295"),
        (["--seed", "9" * 5000], f"argument --seed: '{'9' * 40}...' is not a whole number from 0 to 4294967295"),
        (["--seed", "nan"], "argument --seed: 'nan' is not a whole number from 0 to 4294967295"),
        (["-o", ""], "argument -o/--outpath: it is empty"),
        (["--data", ""], "argument --data: it is empty"),
        (["--checksums", ""], "argument --checksums: it is empty"),
    ],
)
def test_a_wrong_option_is_a_usage_error(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        fetch.main(["--data", "/nowhere", *arguments])
    assert ended.value.code == 2
    assert f"fetch.py: error: {sentence}\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fetch", "train", "predict"])
def test_the_commands_run_as_modules_too(name: str) -> None:
    """In the folder cgi-bin, `python -m fetch` is fetch.py."""
    command = [sys.executable, "-m", name, "--help"]
    ended = subprocess.run(command, cwd=Path(fetch.__file__).parent, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert plain(ended.stdout) == help_of(name)


def test_a_module_does_what_the_command_does(data: Path, tmp_path: Path) -> None:
    given = ["--data", data, "--checksums", data / "SHA256SUMS", "-o", tmp_path / "mnist.h5"]
    ended = subprocess.run([sys.executable, "-m", "fetch", *given], cwd=Path(fetch.__file__).parent)
    assert ended.returncode == 0
    assert (tmp_path / "mnist.h5").is_file()


def test_data_that_is_not_mnist_is_refused_without_its_checksums(data: Path) -> None:
    ended = run("fetch", "--data", data)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(f"fetch.py: {data}/train-images-idx3-ubyte.gz is not the right train-images-idx3-ub")


def test_when_writing_fails_the_old_file_stays(mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mnist.h5"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hdf5, "_add", full)
    with pytest.raises(BadDataset) as error:
        hdf5.write(path, mnist, 0)
    assert str(error.value) == f"Can't write {path}: No space left on device."
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["mnist.h5"]


def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    with small_disk.mounted(tmp_path / "disk", "size=8k") as folder:
        path = folder / "mnist.h5"
        ended = run("fetch", "--data", data, "--checksums", data / "SHA256SUMS", "-o", path)
        assert ended == (1, "", f"fetch.py: Can't write {path}: No space left on device.\n")
        assert list(folder.iterdir()) == []


def change(path: Path, name: str, array: np.ndarray | None) -> None:
    with h5py.File(path, "a") as file:
        del file[name]
        if array is not None:
            file[name] = array


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda p: p.write_text("a text"), "{} is no HDF5 file, or a damaged one; `fetch.py` makes one."),
        (
            lambda p: p.write_bytes(p.read_bytes()[:5000]),
            "{} is no HDF5 file, or a damaged one; `fetch.py` makes one.",
        ),
        (lambda p: change(p, "y_test", None), "{} has no data set y_test; it has X_test, X_train, y_train."),
        (
            lambda p: change(p, "X_test", np.zeros((20, 784), np.uint8)),
            "X_test in {} is uint8 (20, 784) and should be uint8 (n, 28, 28).",
        ),
        (
            lambda p: change(p, "X_test", np.zeros((20, 28, 28))),
            "X_test in {} is float64 (20, 28, 28) and should be uint8 (n, 28, 28).",
        ),
        (
            lambda p: change(p, "y_test", np.zeros(19, np.uint8)),
            "{} has 20 pictures in X_test but 19 labels in y_test.",
        ),
        (lambda p: change(p, "y_test", np.full(20, 10, np.uint8)), "y_test in {} has the label 10; digits are 0 to 9."),
    ],
)
def test_a_wrong_hdf5_file_is_named_with_what_is_wrong(mnist, tmp_path: Path, damage, sentence: str) -> None:
    path = tmp_path / "mnist.h5"
    hdf5.write(path, mnist, 0)
    damage(path)
    with pytest.raises(BadDataset) as error:
        dataset.load(path)
    assert str(error.value) == sentence.format(path)


def test_a_changed_pixel_is_noticed(mnist: Mnist, tmp_path: Path) -> None:
    path = tmp_path / "mnist.h5"
    hdf5.write(path, mnist, 0)
    with h5py.File(path, "a") as file:
        file["X_train"][3, 5, 5] ^= 1
    with pytest.raises(BadDataset, match=r"^X_train in .* was changed or damaged: it isn't what its checksum says\.$"):
        dataset.load(path)


def test_it_does_not_run_as_a_cgi_script() -> None:
    ended = run("fetch", GATEWAY_INTERFACE="CGI/1.1")
    assert ended.status == 1
    assert ended.out.endswith("Data is fetched from a command line, not through a web server.\n")
