"""A model at work as JSON states it: what `?explain=network` adds to an answer, and what the page draws.

inspection.network(model, picture, 4)             # the first tower, and what in it speaks for a four
inspection.network(model, picture, 4, tower=3)    # the fourth
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading import activations, cards, classical, fields, telling
from reading.in_json import PLACES, Facts, in_bytes, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.activations import Cell, Forward
    from reading.arrays import Float, Ints
    from reading.classifier import Model

MAPS = 8  # feature maps of each layer
BYTES = 38_000  # of feature maps in one answer, before base64: with it, the JSON stays below 60,000 bytes
INPUTS = 3  # inputs of a cell that are shown in full


def network(
    model: Model,
    picture: Float,
    digit: int,
    tower: int = 0,
    together: tuple[int, ...] = (),
    whole: int | None = None,
    cell: tuple[int, int, int, int] | None = None,
) -> Facts:
    """A tower at work on a picture float32 (28, 28), 0 paper to 1 ink; of a scikit-learn model what `classical` tells.

    {} for a CNN of which numpy has no weights.

    The last layer's maps are ordered by what they add to the output for `digit`. `together` are towers whose mean is
    wanted: then each tower's outputs are there. `whole` is a layer of which as many maps are there as fit. `cell` is a
    layer, a channel, a row and a column whose value is worked out. Raises NoSuchPart, NoModel, BrokenModel.
    """
    if not cards.has_weights(model.card):
        return classical.at_work(model, picture, digit)
    passed = activations.forward(model, picture, tower)
    if whole is not None:
        activations.check(whole, len(passed.maps), "layer", "A tower")
    facts = {"tower": tower, "digit": digit, "seen": in_bytes(passed.seen, 1.0)}
    facts |= _towers(model, {tower: passed.logits}) if not together else _together(model, picture, together)
    added = activations.contributions(passed, digit)
    facts |= _head(model, passed, added, digit) | {"columns": _columns(model, passed, added, whole)}
    return facts | ({"cell": {"at": cell} | _cell(activations.cell(passed, *cell))} if cell else {})


def trajectory(model: Model, strokes: Sequence[Float]) -> Facts:
    """What the trajectory network alone says of strokes (k, 2) that a model read, too; {} if it read none."""
    if not model.trajectory or not strokes:
        return {}
    from reading.trajectory import steps

    scores = model.trajectory.score(steps(strokes)[None])[0, : cards.DIGITS]
    ten = scores / scores.sum()
    return {"trajectory": {"data": rounded(ten), "says": telling.best(ten)}}


def _towers(model: Model, outputs: dict[int, Float]) -> Facts:
    """Each tower's view, and what those conclude whose outputs are known."""
    views, heat = model.card["network"]["towers"], model.card["temperature"]
    told: list[Facts] = [{"view": view} for view in views]
    for i, logits in outputs.items():
        told[i] |= {"logits": rounded(logits), "says": telling.best(telling.shares(logits, heat))}
    return {"towers": told, "temperature": heat}


def _together(model: Model, picture: Float, chosen: tuple[int, ...]) -> Facts:
    """What each tower concludes, and the mean of those that are chosen. Raises NoSuchPart."""
    outputs = activations.logits(model, picture)
    for number in chosen:
        activations.check(number, len(outputs), "tower", "The network")
    scores = telling.shares(np.mean([outputs[i] for i in chosen], axis=0), model.card["temperature"])
    told = {"towers": list(chosen), "data": rounded(scores), "says": telling.best(scores)}
    return _towers(model, dict(enumerate(outputs))) | {"together": told}


def _head(model: Model, passed: Forward, added: Float, digit: int) -> Facts:
    """What the channels of the last layer add to the output for a digit, and the tower's ten scores; also in words."""
    card, bias = model.card, float(passed.tower.bias[digit])
    heat, shown = card["temperature"], _telling(added)[:MAPS].tolist()
    facts = {"contributions": rounded(added), "bias": round(bias, PLACES)}
    facts |= {"shares": rounded(telling.shares(passed.logits, heat))}
    view = card["network"]["towers"][passed.number]
    says = telling.conclusion(view, passed.logits, heat)
    return facts | {"says": says, "sum": telling.addition(added, shown, bias, digit)}


def _telling(numbers: Float) -> Ints:
    """The order of numbers, the largest, positive or negative, first."""
    return np.argsort(-np.abs(numbers), kind="stable")


def _columns(model: Model, passed: Forward, added: Float, whole: int | None) -> list[Facts]:
    """The feature maps of each layer, the strongest first; of the last layer, those that add or take most."""
    orders = [activations.strongest(maps) for maps in passed.maps[:-1]]
    orders.append(_telling(added))
    counts = _counts([maps.shape for maps in passed.maps], whole)
    parts = zip(_notes(model), passed.maps, orders, counts, fields.of(passed.tower), strict=True)
    columns = [note | _column(maps, order[:count].tolist(), field) for note, maps, order, count, field in parts]
    last = columns[-1]
    pairs = zip(last["says"], last["shown"], strict=True)
    return [*columns[:-1], last | {"says": [f"{words}, adds {telling.signed(added[i])}" for words, i in pairs]}]


def _column(maps: Float, shown: list[int], field: fields.Field) -> Facts:
    height, width, channels = maps.shape
    top = max(float(maps.max()), 1e-6)
    size = {"height": height, "width": width, "channels": channels, "field": field._asdict()}
    size |= {"says": [telling.brightest(f"map {channel}", maps[..., channel]) for channel in shown]}
    return size | {
        "top": round(top, PLACES),
        "shown": shown,
        "maps": in_bytes(maps[..., shown].transpose(2, 0, 1), top),
    }


def _counts(shapes: list[tuple[int, ...]], whole: int | None) -> list[int]:
    """How many maps (h, w, channels) of each layer there is room for; as many as can be of the layer `whole`."""
    sizes = [height * width for height, width, _ in shapes]
    share = max(1, min(MAPS, BYTES // sum(sizes)))
    counts = [share] * len(shapes)
    if whole is not None:
        left = BYTES - share * (sum(sizes) - sizes[whole])
        counts[whole] = max(share, left // sizes[whole])
    return counts


def _notes(model: Model) -> list[Facts]:
    """A name and a sentence for each layer, as the card has them; a name where it has none."""
    layers, told = model.card["network"]["layers"], model.card.get("layers", [])
    if len(told) == len(layers):
        return [{"name": each["name"], "note": each["note"]} for each in told]
    return [{"name": f"layer {i + 1}", "note": ""} for i in range(len(layers))]


def _cell(cell: Cell) -> Facts:
    """A cell's arithmetic: its largest inputs in full, the others' sum, the bias, and the sum before and after ReLU."""
    order = _telling(cell.sums)
    shown, others = order[:INPUTS].tolist(), cell.sums[order[INPUTS:]]
    rest = {"count": len(others), "sum": round(float(others.sum()), PLACES)}
    sums = {"bias": cell.bias, "sum": cell.bias + float(cell.sums.sum()), "value": cell.value}
    told = {name: round(number, PLACES) for name, number in sums.items()} | {"says": telling.work(cell, shown)}
    return {"inputs": [_input(cell, channel) for channel in shown], "others": rest} | told


def _input(cell: Cell, channel: int) -> Facts:
    """One channel of a cell's inputs: values, weights, and the sum of their products."""
    window, weights = (part[..., channel].round(PLACES).tolist() for part in (cell.window, cell.weights))
    added = round(float(cell.sums[channel]), PLACES)
    return {"channel": channel, "values": window, "weights": weights, "sum": added}
