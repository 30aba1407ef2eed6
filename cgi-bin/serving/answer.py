"""From pictures to the answer that a reply holds: ten scores each, and why if that is asked for."""

import time
import traceback
from typing import TYPE_CHECKING, NamedTuple

from reading import errors
from reading.ways import WAYS
from serving.body import Picture
from serving.errors import BadRequest
from serving.packages import need
from serving.reply import SORRY, Answer, failure
from serving.request import Explanation

# --- settings ---------------------------------------------------------------------------------------
BUDGET_SECONDS = 1.2  # processor time for the pictures of one form; a hundred photos of a phone take half of it
# ----------------------------------------------------------------------------------------------------

NO_TIME = "Those before this picture took all the time that one request may take. Send it again, with fewer others."

if TYPE_CHECKING:
    from reading.arrays import Float
    from reading.classifier import Model
    from reading.digits import Digit
    from reading.preprocessing import Preprocessed


class How(NamedTuple):
    """What the address asks for."""

    model: str = ""  # the name of the model, "" for the default one
    read: str = WAYS[0]
    explanation: Explanation | None = None


def models() -> Answer:
    """Return the models that can be chosen, as their cards describe them."""
    need("reading.classifier")  # who can choose a model must get answers from it, too
    cards = need("reading.cards")
    return {"result": 1, "error": "", "models": cards.available(), "default": cards.DEFAULT}


def healthy() -> Answer:
    """Return that all is well: the default model can be loaded. Raises what a picture would be answered with."""
    return {"result": 1, "error": "", "health": "ok", "model": _model("").card["name"]}


def score(asked: list[Picture], how: How) -> Answer:
    """Return the scores of one picture, or a list of them as "results". Raises if a lone one is no good."""
    if len(asked) > 1:
        if how.explanation:
            raise BadRequest("Only a single picture can be explained; send one at a time.")
        return _score_all(asked, how)
    picture = need("reading.preprocessing").preprocess(asked[0].data, how.read)
    model = _model(how.model)
    digit = next(need("reading.digits").classify([picture], model))
    if isinstance(digit, errors.Problem):
        raise digit
    answer: Answer = digit.facts()
    return answer | (_explained(digit, model, how.explanation) if how.explanation else {})


def _score_all(asked: list[Picture], how: How) -> Answer:
    """Return the scores of several pictures; one that can't be read does not spoil the others."""
    until = time.thread_time() + BUDGET_SECONDS
    read = [_preprocessed(picture, how.read) if time.thread_time() < until else failure(NO_TIME) for picture in asked]
    good = [one for one in read if not isinstance(one, dict)]
    if good:
        scored = (_facts(digit) for digit in need("reading.digits").classify(good, _model(how.model)))
    answers = [one if isinstance(one, dict) else next(scored) for one in read]
    named = [answer | {"file": picture.file} for answer, picture in zip(answers, asked, strict=True)]
    if not good:
        return failure(f"None of the {len(asked)} pictures could be read.") | {"results": named}
    return {"result": 1, "error": "", "results": named}


def _facts(digit: "Digit | errors.Problem") -> Answer:
    """Return what is said of one picture of several."""
    return failure(str(digit)) if isinstance(digit, errors.Problem) else digit.facts()


def _preprocessed(picture: Picture, read: str) -> "Preprocessed | Answer":
    """Return one picture of several as the models take it, or the failure that stands in its place."""
    preprocessing = need("reading.preprocessing")
    try:
        done: Preprocessed = preprocessing.preprocess(picture.data, read)
        return done
    except errors.MissingPackage:
        raise
    except errors.Problem as problem:
        return failure(str(problem))
    except Exception:  # a picture that shows a bug of ours must not take the others with it
        traceback.print_exc()
        return failure(SORRY)


def _model(name: str) -> "Model":
    """Return the model of that name, "" for the default one."""
    classifier = need("reading.classifier")
    model: Model = classifier.load(name or need("reading.cards").DEFAULT)
    return model


def _explained(digit: "Digit", model: "Model", asked: Explanation) -> Answer:
    """Return "evidence", 28 rows of 28 numbers, and the digit that it is about; or "network", the network at work."""
    picture, winner = _asked_for(digit, asked.at)
    chosen = winner if asked.digit is None else asked.digit
    if asked.kind == "network":
        inspection = need("reading.inspection")
        shown = inspection.network(model, picture, chosen, *asked.focus)
        if shown and asked.at is None:
            shown |= inspection.trajectory(model, digit.strokes)
        return {"network": shown} if shown else {}
    found = need("reading.explain").evidence(model, picture, chosen)
    return {"evidence": found.round(6).tolist(), "explained": chosen}


def _asked_for(digit: "Digit", at: int | None) -> "tuple[Float, int]":
    """Return the picture that is to be explained, and its digit: of a number the one at that place."""
    if at is None:
        return digit.picture, digit.digit
    digits = digit.number.digits if digit.number else []
    if at >= len(digits):
        raise BadRequest(f"?at={at} asks for a digit that is not there: {len(digits)} were read as a number.")
    return digits[at].picture, digits[at].digit
