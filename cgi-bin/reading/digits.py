"""From pictures to digits: what the page, the command line and `from reading import read` all answer with.

digit = read(open("five.png", "rb").read())
digit.digit, digit.confidence, digit.unsure    # 5, 0.997, False
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reading import classifier
from reading.cards import DEFAULT
from reading.errors import TooManyDigits
from reading.numbers.writing import DIGIT_WIDE
from reading.preprocessing import Preprocessed, preprocess, to_png

ALSO_READ = "read from the way of the pen, too"  # as a step, of a drawing with its strokes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reading.arrays import Float
    from reading.classifier import Model
    from reading.numbers.number import Number


class Digit(NamedTuple):
    """What a model says of one picture."""

    digit: int  # the one with the highest score
    confidence: float  # its score, 0..1
    unsure: bool  # the answer should rather not be believed
    scores: list[float]  # ten, 0..1, index is the digit, sum 1 but for rounding
    model: str  # the name of the model
    picture: Float  # float32 (28, 28), 0 paper to 1 ink, as the model read it
    steps: list[str]  # what was done to the picture, one clause in plain English each
    number: Number | None = None  # if the picture has several digits; then this one is unsure
    strokes: Sequence[Float] = ()  # of the pen that were read, too, (k, 2) points each

    def facts(self) -> dict[str, Any]:
        """The answer as JSON states it, on the command line and over HTTP."""
        facts = {"result": 1, "data": self.scores, "error": "", "digit": self.digit, "confidence": self.confidence}
        facts |= {"unsure": self.unsure, "model": self.model, "seen": as_url(self.picture), "done": self.steps}
        return facts | (_facts_of(self.number) if self.number else {})


def read(data: bytes, model: str = DEFAULT, how: str = "auto") -> Digit:
    """Read the digit on a picture file (PNG, JPEG, WebP, GIF or BMP) with the model of that name.

    `how` is "one" for one digit, "number" for several, "auto" if the program is to decide.
    Raises NotAPicture, FormatNotAllowed, PictureTooLarge, OutOfLimits, NoInk, TooManyDigits, and UnknownModel, NoModel,
    BrokenModel, MissingPackage.
    """
    found = next(classify([preprocess(data, how)], classifier.load(model)))
    if isinstance(found, TooManyDigits):
        raise found
    return found


def classify(pictures: list[Preprocessed], model: Model) -> Iterator[Digit | TooManyDigits]:
    """Score pictures all at once; one digit for each, in their order, or what is wrong with it. Raises BrokenModel."""
    every = np.reshape([one.picture for one in pictures], (-1, 28, 28))
    outputs = model.heard(every, [one.strokes for one in pictures])
    scores = model.judged(outputs)
    each = zip(pictures, outputs, scores.data.tolist(), scores.unsure.tolist(), strict=True)
    return (_answer(picture, whole, data, unsure, model) for picture, whole, data, unsure in each)


def _answer(
    picture: Preprocessed, outputs: Float, scores: list[float], unsure: bool, model: Model
) -> Digit | TooManyDigits:
    """The digit, and the number where there is one; or that it has too many digits."""
    digit = _digit(picture, scores, unsure, model.card["name"])
    if model.trajectory and model.trajectory.reads(picture.strokes):
        digit = digit._replace(steps=[*digit.steps, ALSO_READ], strokes=picture.strokes)
    writing = picture.writing
    if writing is None or not (writing.forced or unsure or not writing.shape.is_one(DIGIT_WIDE)):
        return digit
    from reading.numbers import number as numbers  # not on the way of one digit: it takes a fresh process 5 ms

    try:
        number = numbers.read(writing, model, outputs)
    except TooManyDigits as problem:
        return problem
    return digit._replace(number=number, unsure=unsure or number.several) if number else digit


def _facts_of(number: Number) -> dict[str, Any]:
    """A number as JSON states it."""
    digits = [
        {"digit": one.digit, "confidence": one.confidence, "unsure": one.unsure, "data": one.scores, "box": one.box}
        | {"seen": as_url(one.picture)}
        for one in number.digits
    ]
    return {"number": number.text, "digits": digits, "rows": number.rows}


def as_url(picture: Float) -> str:
    """A picture (h, w) of 0..1 as the data URL of a PNG file, white ink on black."""
    return f"data:image/png;base64,{base64.b64encode(to_png(picture)).decode()}"


def _digit(picture: Preprocessed, scores: list[float], unsure: bool, model: str) -> Digit:
    scores = [round(score, 6) for score in scores]
    digit = max(range(len(scores)), key=scores.__getitem__)
    return Digit(digit, scores[digit], unsure, scores, model, picture.picture, picture.steps)
