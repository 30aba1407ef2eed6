"""The figures of the page's gallery: of the samples that the page has, drawn as it draws, and still true."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import gallery
from reading import classifier

FEW = 12  # drawings of each sample


def test_the_samples_are_those_of_the_page_in_its_order():
    found = gallery.samples()
    text = gallery.SAMPLES.read_text("utf-8")
    places = [text.index(f'[{sample.digit}, "{sample.style}", ') for sample in found]
    assert places == sorted(places)
    assert len(found) == text.count("],\n") == 19


def test_a_line_is_drawn_as_the_page_draws_it():
    corner = gallery.curve(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]))
    middles = [[5, 0], [8.75, 1.25], [10, 5]]  # a curve is half-way between its bend and the middle of its ends
    np.testing.assert_allclose(corner[[0, -1]], [[0, 0], [10, 10]])
    assert [min(np.hypot(*(corner - place).T)) < 0.6 for place in middles] == [True] * 3
    dot = gallery.curve(np.array([[3.0, 4.0], [3.1, 4.0]]))
    np.testing.assert_allclose(dot, np.tile([3, 4], (len(dot), 1)))


def test_each_drawing_is_another_one_and_the_same_seed_gives_the_same():
    seven = next(sample for sample in gallery.samples() if sample.digit == 7)
    first, again = (gallery.drawing(seven, np.random.default_rng(1)) for _ in range(2))
    assert first == again
    assert first != gallery.drawing(seven, np.random.default_rng(2))
    assert Image.open(io.BytesIO(first)).size == (280, 280)


def test_the_figures_on_the_page_are_those_of_the_shipped_network():
    drawn, read = gallery.on_page()
    fresh = np.array(gallery.counts(FEW, classifier.load()))
    assert drawn >= 100
    assert len(read) == len(fresh)
    assert 100 * sum(read) / len(read) / drawn == pytest.approx(100 * fresh.mean() / FEW, abs=3)
    assert (np.abs(np.array(read) / drawn - fresh / FEW) < 0.3).all()


def test_the_command_prints_and_writes_what_it_found(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gallery, "READ", tmp_path / "read.js")
    assert gallery.main(["--drawings", "1", "--write"]) == 0
    printed = capsys.readouterr().out
    drawn, read = gallery.on_page()
    assert (drawn, len(read)) == (1, 19)
    assert f"| 0 with a slash: engineers | {read[13]} |" in printed
    assert f"All: {100 * sum(read) / 19:.2f} %" in printed
    monkeypatch.setattr(gallery, "READ", gallery.SAMPLES)
    with pytest.raises(ValueError, match="does not have the form"):
        gallery.on_page()


def test_a_model_that_is_not_there_is_a_sentence(capsys):
    assert gallery.main(["--model", "none"]) == 1
    assert capsys.readouterr().err.startswith("gallery.py: There is no model of that name.")
