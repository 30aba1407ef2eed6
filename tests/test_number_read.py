"""What a number is, from what a model says: a model that says what it is told to shows what it was asked."""

from collections.abc import Callable

import numpy as np
import pytest

import pictures
from reading.classifier import Model
from reading.errors import TooManyDigits
from reading.numbers import cuts, number, path, verifier
from reading.numbers.pieces import Piece
from reading.numbers.writing import Shape, Writing

WHOLE = np.full(10, 0.1)  # what is said of all ink as one digit
Said = Callable[[int, int], tuple[int, float]]


class Scripted:
    """A model that says what it is told to, and keeps what it was asked."""

    def __init__(self, said: Said) -> None:
        """`said` has the digit of a picture and how likely it is, for the number of the batch and of the picture."""
        self.said, self.asked = said, list[np.ndarray]()
        self.model = Model({"name": "scripted", "unsure": {"confidence": 0.4}}, self.run)

    def run(self, asked: np.ndarray) -> np.ndarray:
        """The scores of pictures."""
        self.asked.append(asked)
        answers = np.zeros((len(asked), 10), np.float32)
        for at, answer in enumerate(answers):
            digit, likely = self.said(len(self.asked) - 1, at)
            answer[:] = (1 - likely) / 9
            answer[digit] = likely
        return answers


class Fickle(Scripted):
    """A model that says of a picture whatever its ink happens to make of it, but always the same."""

    def __init__(self) -> None:
        """Say what `said` is not asked for."""
        super().__init__(unsure)

    def run(self, asked: np.ndarray) -> np.ndarray:
        """The scores of pictures."""
        self.asked.append(asked)
        seeds = (1000 * asked.sum((1, 2))).astype(int).tolist()
        return np.stack([np.random.default_rng(seed).dirichlet([0.2] * 11) for seed in seeds]).astype(np.float32)


@pytest.fixture(autouse=True)
def all_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier says nothing here, unless a test has it say something."""
    monkeypatch.setattr(verifier, "whole", lambda candidates, *_: np.ones(len(candidates)))


def sure(_batch: int, at: int) -> tuple[int, float]:
    """Every piece is surely a digit, in turn."""
    return at % 10, 1.0


def unsure(_batch: int, at: int) -> tuple[int, float]:
    """No piece is easy to read."""
    return at % 10, 0.2


def bars(*rows: list[int], forced: bool = False, step: float = 1) -> Writing:
    """Rows of bars that are 12 wide and 60 high, at these columns."""
    ink = np.zeros((100 * len(rows) - 40, max(map(max, rows)) + 12), np.uint8)
    for at, row in enumerate(rows):
        for left in row:
            ink[100 * at : 100 * at + 60, left : left + 12] = 255
    return Writing(ink, [], 7.0, 5.0, step, Shape(2.0, False), forced)


def read(writing: Writing, said: Said, whole: np.ndarray = WHOLE) -> tuple[number.Number | None, list[np.ndarray]]:
    """The number, and the batches of pictures that the model was asked about."""
    scripted = Scripted(said)
    return number.read(writing, scripted.model, whole), scripted.asked


def text(writing: Writing, said: Said, whole: np.ndarray = WHOLE) -> str:
    """The number that is read, or nothing."""
    found, _ = read(writing, said, whole)
    return found.text if found else ""


def test_sure_pieces_far_apart_are_a_number_at_once() -> None:
    found, asked = read(bars([0, 40], step=3.3), sure)
    assert found is not None
    assert (found.text, found.rows, found.several, found.unsure, len(asked)) == ("01", ["01"], True, False, 1)
    assert [(one.digit, one.confidence, one.unsure) for one in found.digits] == [(0, 1, False), (1, 1, False)]
    assert [one.box for one in found.digits] == [(7, 5, 40, 198), (139, 5, 40, 198)]
    assert [one.scores.index(1) for one in found.digits] == [0, 1]


@pytest.mark.parametrize(
    ("likely", "unsure"), [([0.9, 0.9, 0.9], [False, False, False]), ([0.9, 0.8, 0.9], [False, True, False])]
)
def test_digits_that_are_together_more_than_half_as_doubtful_as_one_may_be_are_unsure(
    likely: list[float], unsure: list[bool]
) -> None:
    found, _ = read(bars([0, 110, 220]), lambda _batch, at: (at, likely[at]))
    assert found is not None
    assert ([one.unsure for one in found.digits], found.unsure) == (unsure, any(unsure))


def test_scores_have_six_decimals() -> None:
    found, _ = read(bars([0, 40]), lambda _batch, at: (at + 8, 0.8765432))
    assert found is not None
    assert [one.confidence for one in found.digits] == [0.876543, 0.876543]
    assert [one.scores for one in found.digits] == [[0.013717] * 8 + [0.876543, 0.013717], [0.013717] * 9 + [0.876543]]


@pytest.mark.parametrize("seed", range(12))
def test_no_path_is_better_than_the_one_that_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def halves(candidates: list[Piece], *_: object) -> np.ndarray:
        return np.array([1.0 if int(one.ink.sum()) % 3 else 0.01 for one in candidates])

    monkeypatch.setattr(verifier, "whole", halves)
    gaps = np.random.default_rng(seed).integers(14, 40, 9)
    writing = bars(np.cumsum([0, *gaps[:4]]).tolist(), np.cumsum([0, *gaps[4:]]).tolist(), forced=True)
    fickle, text, doubts = Fickle(), list[str](), list[bool]()
    fickle.model.card["unsure"]["confidence"] = -1.0  # no number is doubtful for its digits
    for row, _ in number.lattices(writing, fickle.model):
        outputs = fickle.model.outputs(np.stack([number.picture(one.ink) for one in row.candidates]))
        whole = halves([one.ink for one in row.candidates])
        way = path.best(row, path.terms(row, outputs, whole) @ list(path.WEIGHTS.values()))
        text.append("".join(map(str, outputs[way.chosen].argmax(1))))
        doubts += [at in way.doubted for at in way.chosen]
    found = number.read(writing, fickle.model, WHOLE)
    assert found is not None
    assert (found.rows, [one.unsure for one in found.digits]) == (text, doubts)


def test_what_is_likelier_put_together_is_one_digit() -> None:
    found, asked = read(bars([0, 14, 120]), lambda batch, at: (at, 0.3) if batch == 0 else (9, 1.0))
    assert [len(each) for each in asked] == [3, 1]
    assert found is not None
    assert (found.text, [one.unsure for one in found.digits]) == ("92", [False, True])
    assert [one.box for one in found.digits] == [(7, 5, 26, 60), (127, 5, 12, 60)]


def test_the_most_promising_candidates_are_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number, "MOST_SCORED", 1)
    writing = bars([0, 14], [0, 32, 64, 96, 128, 160])
    _, asked = read(writing, lambda batch, at: (at, 0.5 if at < 2 else 1.0) if batch != 1 or at < 2 else (at, 1.0))
    assert [len(each) for each in asked] == [2, 6, 1]
    columns = np.flatnonzero((asked[2][0] > 0.5).any(0))
    assert columns[-1] - columns[0] < 12  # two bars near each other, not two far from each other


@pytest.mark.parametrize("likely", [(0.5, 0.3), (0.3, 0.5), (0.2, 0.9), (0.8, 0.15), (1.0, 0.2), (0.4, 0.6)])
def test_candidates_of_all_rows_are_asked_for_in_the_order_of_what_they_may_cost_less(
    likely: tuple[float, float],
) -> None:
    def said(batch: int, at: int) -> tuple[int, float]:
        return at % 10, likely[batch % 2]

    writing = bars([0, 20, 48, 90], [3, 19, 43, 71, 150])
    scripted = Scripted(said)
    every = []
    for row, outputs in number.lattices(writing, scripted.model):
        cost = np.array([path.cost_of_digit(one[None], np.ones(1)).item() for one in outputs])
        cost = np.array([0 if one.piece is None else cost[one.piece] for one in row.candidates]) + path.geometry(row)
        alone = [one.piece is not None for one in row.candidates]
        least = path.through(row, cost) - path.best(row, np.where(alone, cost, np.inf)).cost
        open_ = [(one, less) for one, less, known in zip(row.candidates, least, alone, strict=True) if not known]
        every += [(less, number.picture(one.ink)) for one, less in open_ if less <= np.log(3)]
    every.sort(key=lambda each: each[0])
    _, asked = read(writing, said)
    assert len(asked) >= 2 + bool(every)
    assert not every or asked[2] == pytest.approx(np.stack([one for _, one in every[: number.AT_ONCE]]))


def test_so_many_candidates_are_asked_for() -> None:
    rows = [14 * at for at in range(20)]
    _, asked = read(bars(rows, rows), unsure)
    assert [len(each) for each in asked] == [20, 20, *[16] * 8]


def touching(gap: float = -24, digits: str = "24702470", forced: bool = False) -> Writing:
    """Digits that touch, as one piece of ink."""
    ink = 255 - np.asarray(pictures.number(digits, gap).reduce(4))
    rows, columns = np.flatnonzero(ink.max(1) > 64), np.flatnonzero(ink.max(0) > 64)
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Writing(ink, [], 0, 0, 4, Shape(4.0, False), forced)


def test_where_pieces_alone_make_no_number_the_cheapest_parts_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number, "MOST_SCORED", 5)
    writing = touching()
    ((row, _),) = number.lattices(writing, Scripted(unsure).model)
    assert all(one.piece is None for one in row.candidates)
    least = path.through(row, path.geometry(row))
    expected = [row.candidates[at].ink for at in np.argsort(least, kind="stable")[:5]]
    _, asked = read(writing, unsure)
    assert asked[1] == pytest.approx(np.stack([number.picture(one) for one in expected]))


def test_where_there_is_no_path_a_number_is_refused_if_it_has_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number, "MOST_SCORED", 0)
    assert text(touching(), unsure) == ""
    with pytest.raises(TooManyDigits, match="more than 32 digits"):
        read(touching(forced=True), unsure)


def test_what_is_no_line_is_refused_if_it_has_to_be_a_number() -> None:
    assert text(bars([0, 5000]), sure) == "01"
    low = bars([0, 40])
    low = low._replace(ink=low.ink[:7])
    assert read(low, sure) == (None, [])
    with pytest.raises(TooManyDigits, match="more than 32 digits"):
        read(low._replace(forced=True), sure)


@pytest.mark.parametrize(
    ("more", "found", "unsure"), [(-0.5, "", False), (0.5, "01", True), (1.05, "01", True), (1.15, "01", False)]
)
def test_a_number_is_to_be_likelier_than_one_digit(
    more: float, found: str, unsure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path, "FAVOUR", 5.0)
    writing = bars([0, 36])
    rows = [row for row, _ in number.lattices(writing, Scripted(sure).model)]
    apart = path.best(rows[0], np.where([one.piece is None for one in rows[0].candidates], 99, path.geometry(rows[0])))
    nothing = np.array([1.0] + [0.0] * 9)
    a_unit = path.cost_of_digit(nothing[None] / np.e, np.array([2])).item()
    whole = nothing * np.exp(-(apart.cost + more - path.cost_of_one(rows, nothing, 1)) / a_unit)
    assert path.cost_of_one(rows, whole, 1) - apart.cost == pytest.approx(more)
    said, _ = read(writing, sure, whole)
    assert ((said.text, said.unsure) if said else ("", False)) == (found, unsure)
    must, _ = read(writing._replace(forced=True), sure, whole)
    assert must is not None
    assert (must.text, must.unsure) == ("01", False)


def test_one_piece_is_one_digit_unless_it_has_to_be_a_number() -> None:
    assert text(bars([0]), sure, WHOLE / 1e4) == ""
    found, _ = read(bars([0], forced=True), sure)
    assert found is not None
    assert (found.text, found.several, found.unsure) == ("0", False, False)


@pytest.mark.parametrize(("likely", "cut"), [(0.9, False), (0.89, True)])
def test_what_is_easy_to_read_is_not_cut(likely: float, cut: bool) -> None:
    writing = touching(digits="42")
    ((row, outputs),) = number.lattices(writing, Scripted(lambda _, at: (at, likely)).model)
    assert (row.places > 2) is cut
    assert outputs.shape == (1, 10)
    assert {(one.first, one.last) for one in row.candidates if one.piece == 0} == {(0, row.places - 1)}


@pytest.mark.parametrize(("most", "places"), [(0, 1), (9, 4), (8, 3), (99, 9)])
def test_the_pieces_of_a_picture_share_its_cuts(most: int, places: int, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = touching(digits="42").ink
    three = np.zeros((3 * len(digits) + 80, digits.shape[1]), np.uint8)
    for row in range(3):
        three[row * (len(digits) + 40) :][: len(digits)] = digits
    monkeypatch.setattr(number, "MOST_CUTS", most)
    monkeypatch.setattr(cuts, "MOST_CUTS", 8)
    found = number.lattices(Writing(three, [], 0, 0, 4, Shape(4.0, False), forced=False), Scripted(unsure).model)
    assert [row.places - 1 for row, _ in found] == [places] * 3


@pytest.mark.parametrize("rows", [1, 2])
def test_thirty_two_digits_are_read_and_no_more(rows: int) -> None:
    line = [32 * at for at in range(32 // rows)]
    assert len(text(bars(*[line] * rows), sure).replace(" ", "")) == 32
    with pytest.raises(TooManyDigits, match="more than 32 digits"):
        read(bars(*[line] * (rows - 1), [*line, 32 * len(line)]), sure)


def test_rows_are_in_order_and_parted_by_a_space() -> None:
    found, _ = read(bars([0, 40], [10, 60, 100]), sure)
    assert found is not None
    assert (found.text, found.rows, len(found.digits)) == ("01 012", ["01", "012"], 5)
    assert [one.box[:2] for one in found.digits] == [(7, 5), (47, 5), (17, 105), (67, 105), (107, 105)]


def test_a_point_is_in_the_text_and_no_digit() -> None:
    writing = bars([0, 60])
    writing.ink.flags.writeable = True
    writing.ink[50:58, 30:38] = 255
    found, asked = read(writing, sure)
    assert found is not None
    assert (found.text, len(found.digits), [len(each) for each in asked]) == ("0.2", 2, [3])
