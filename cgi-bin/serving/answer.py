"""From pictures to the answer that a reply holds: ten scores each, and why if that is asked for."""

import time
import traceback
from typing import TYPE_CHECKING

from reading import errors
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
    from reading.classifier import Model
    from reading.digits import Digit
    from reading.preprocessing import Preprocessed


def models() -> Answer:
    """Return the models that can be chosen, as their cards describe them."""
    need("reading.classifier")  # who can choose a model must get answers from it, too
    cards = need("reading.cards")
    return {"result": 1, "error": "", "models": cards.available(), "default": cards.DEFAULT}


def healthy() -> Answer:
    """Return that all is well: the default model can be loaded. Raises what a picture would be answered with."""
    return {"result": 1, "error": "", "health": "ok", "model": _model("").card["name"]}


def score(asked: list[Picture], name: str, explanation: Explanation | None = None) -> Answer:
    """Return the scores of one picture, or a list of them as "results". Raises if a lone one is no good."""
    if len(asked) > 1:
        if explanation:
            raise BadRequest("Only a single picture can be explained; send one at a time.")
        return _score_all(asked, name)
    picture = need("reading.preprocessing").preprocess(asked[0].data)
    model = _model(name)
    digit = next(need("reading.digits").classify([picture], model))
    answer: Answer = digit.facts()
    return answer | (_explained(digit, model, explanation) if explanation else {})


def _score_all(asked: list[Picture], name: str) -> Answer:
    """Return the scores of several pictures; one that can't be read does not spoil the others."""
    until = time.thread_time() + BUDGET_SECONDS
    read = [_preprocessed(picture) if time.thread_time() < until else failure(NO_TIME) for picture in asked]
    good = [one for one in read if not isinstance(one, dict)]
    if good:
        scored = (digit.facts() for digit in need("reading.digits").classify(good, _model(name)))
    answers = [one if isinstance(one, dict) else next(scored) for one in read]
    named = [answer | {"file": picture.file} for answer, picture in zip(answers, asked, strict=True)]
    if not good:
        return failure(f"None of the {len(asked)} pictures could be read.") | {"results": named}
    return {"result": 1, "error": "", "results": named}


def _preprocessed(picture: Picture) -> "Preprocessed | Answer":
    """Return one picture of several as the models take it, or the failure that stands in its place."""
    preprocessing = need("reading.preprocessing")
    try:
        done: Preprocessed = preprocessing.preprocess(picture.data)
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
    """Return "evidence", 28 rows of 28 numbers, or "layers", the feature maps as PNG data URLs."""
    explain = need("reading.explain")
    if asked.kind == "1":
        chosen = digit.digit if asked.digit is None else asked.digit
        return {"evidence": explain.evidence(model, digit.picture, chosen).round(6).tolist(), "explained": chosen}
    found, as_url = explain.layers(model, digit.picture), need("reading.digits").as_url
    shown = [{"name": one.name, "note": one.note, "maps": [as_url(each) for each in one.maps]} for one in found]
    return {"layers": shown} if shown else {}
