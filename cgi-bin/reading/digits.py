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
from reading.preprocessing import Preprocessed, preprocess, to_png

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reading.arrays import Float
    from reading.classifier import Model


class Digit(NamedTuple):
    """What a model says of one picture."""

    digit: int  # the one with the highest score
    confidence: float  # its score, 0..1
    unsure: bool  # the answer should rather not be believed
    scores: list[float]  # ten, 0..1, index is the digit, sum 1 but for rounding
    model: str  # the name of the model
    picture: Float  # float32 (28, 28), 0 paper to 1 ink, as the model read it
    steps: list[str]  # what was done to the picture, one clause in plain English each

    def facts(self) -> dict[str, Any]:
        """The answer as JSON states it, on the command line and over HTTP."""
        facts = {"result": 1, "data": self.scores, "error": "", "digit": self.digit, "confidence": self.confidence}
        return facts | {"unsure": self.unsure, "model": self.model, "seen": as_url(self.picture), "done": self.steps}


def read(data: bytes, model: str = DEFAULT) -> Digit:
    """Read the digit on a picture file (PNG, JPEG, WebP, GIF or BMP) with the model of that name.

    Raises NotAPicture, FormatNotAllowed, PictureTooLarge, OutOfLimits, NoInk, and UnknownModel, NoModel, BrokenModel,
    MissingPackage.
    """
    return next(classify([preprocess(data)], classifier.load(model)))


def classify(pictures: list[Preprocessed], model: Model) -> Iterator[Digit]:
    """Score pictures all at once; one digit for each, in their order. Raises BrokenModel."""
    scores = model.score(np.reshape([one.picture for one in pictures], (-1, 28, 28)))
    each = zip(pictures, scores.data.tolist(), scores.unsure.tolist(), strict=True)
    return (_digit(picture, data, unsure, model.card["name"]) for picture, data, unsure in each)


def as_url(picture: Float) -> str:
    """A picture (h, w) of 0..1 as the data URL of a PNG file, white ink on black."""
    return f"data:image/png;base64,{base64.b64encode(to_png(picture)).decode()}"


def _digit(picture: Preprocessed, scores: list[float], unsure: bool, model: str) -> Digit:
    scores = [round(score, 6) for score in scores]
    digit = max(range(len(scores)), key=scores.__getitem__)
    return Digit(digit, scores[digit], unsure, scores, model, picture.picture, picture.steps)
