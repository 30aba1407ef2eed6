"""Invented hands: digits in the ways in which people of many countries write them, each as its strokes.

    strokes, labels = write(1000, rng)      # lists of strokes (k, 2) of 0..1, y down, and labels (n,)

MNIST's writers learnt to write in one country. What others write and MNIST has not or hardly - a one with a flag as
long as its stem, a four in one stroke, a nine whose loop crosses its stem - is written down here as a few points each,
and every point is moved at random. Nothing here was traced from anybody's writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Float, Ints

ROUGH = 0.045  # deviation of each point, in shares of the digit's height
FINE = 9  # points on a curve between two of its own

Point = tuple[float, float]


class Line(NamedTuple):
    """A stroke with corners at its points, or a smooth curve through them."""

    points: tuple[Point, ...]
    curved: bool = False


class Hand(NamedTuple):
    """One way of writing a digit."""

    digit: int
    weight: float  # how often it is written, against the others
    what: str
    strokes: tuple[Line, ...]


def _line(*points: Point) -> Line:
    return Line(points)


def _curve(*points: Point) -> Line:
    return Line(points, curved=True)


STEM = _line((0.55, 0), (0.55, 1))
HANDS = (
    Hand(1, 5, "a bar", (_line((0.5, 0), (0.5, 1)),)),
    Hand(7, 5, "plain", (_line((0, 0), (0.65, 0), (0.25, 1)),)),
    Hand(7, 4, "a wide top", (_line((0, 0), (0.8, 0), (0.35, 1)),)),
    # one: what makes it a one is that its flag falls; level, it would be a seven's top
    Hand(1, 3, "a flag half as long as the stem", (_line((0.2, 0.42), (0.55, 0), (0.53, 1)),)),
    Hand(1, 3, "a flag down to the middle", (_line((0.12, 0.6), (0.55, 0), (0.55, 1)),)),
    Hand(1, 3, "a long flag that rises slowly", (_line((-0.02, 0.38), (0.58, 0), (0.5, 1)),)),
    Hand(1, 2, "a flag as long as the stem", (_line((0.1, 0.85), (0.5, 0), (0.58, 1)),)),
    Hand(1, 2, "a flag that is bent", (_curve((0.05, 0.55), (0.32, 0.38), (0.55, 0)), STEM)),
    Hand(1, 1, "a flag that hangs", (_curve((0.05, 0.5), (0.25, 0.2), (0.55, 0)), STEM)),
    Hand(1, 2, "a flag and a foot", (_line((0.2, 0.3), (0.5, 0), (0.5, 1)), _line((0.2, 1), (0.8, 1)))),
    Hand(1, 2, "a long flag and a long foot", (_line((0.1, 0.4), (0.5, 0), (0.5, 1)), _line((0, 1), (1, 1)))),
    Hand(1, 1, "no flag and a foot", (_line((0.5, 0), (0.5, 1)), _line((0.15, 1), (0.85, 1)))),
    Hand(1, 1, "a hook", (_curve((0.3, 0.18), (0.45, 0.02), (0.52, 0.2), (0.52, 0.6), (0.5, 1)),)),
    Hand(0, 1, "a slash", (_curve((0.45, 0), (0.05, 0.4), (0.3, 1), (0.7, 0.6), (0.45, 0)), _line((0.7, 0), (0, 1)))),
    Hand(
        0, 1, "a loop at the top", (_curve((0.5, 0.05), (0.1, 0.3), (0.2, 0.95), (0.7, 0.6), (0.45, 0.05), (0.7, 0)),)
    ),
    Hand(0, 1, "open at the top", (_curve((0.35, 0), (0.02, 0.5), (0.4, 1), (0.75, 0.5), (0.55, 0.08)),)),
    Hand(
        0,
        1,
        "begun inside",
        (_curve((0.45, 0.25), (0.33, 0.08), (0.05, 0.4), (0.3, 1), (0.7, 0.6), (0.5, 0.02), (0.3, 0.1)),),
    ),
    Hand(
        2,
        1,
        "a large loop below",
        (_curve((0.1, 0.2), (0.4, 0), (0.65, 0.25), (0.3, 0.8), (0.02, 0.92), (0.08, 0.68), (0.4, 0.8), (0.8, 0.98)),),
    ),
    Hand(
        2,
        1,
        "a curl on top",
        (
            _curve((0.35, 0.25), (0.2, 0.22), (0.2, 0.05), (0.5, 0), (0.68, 0.2), (0.4, 0.6), (0, 1)),
            _line((0, 1), (0.8, 1)),
        ),
    ),
    Hand(
        2,
        0.5,
        "a swan's neck",
        (_curve((0.05, 0.2), (0.35, 0), (0.6, 0.25), (0.35, 0.65), (0, 1)), _line((0, 1), (0.75, 1))),
    ),
    Hand(
        3,
        1,
        "a flat top",
        (_line((0.05, 0), (0.65, 0), (0.3, 0.4)), _curve((0.3, 0.4), (0.7, 0.6), (0.55, 0.95), (0, 0.95))),
    ),
    Hand(
        3,
        1,
        "a loop in the middle",
        (_curve((0.05, 0.1), (0.4, 0), (0.5, 0.25), (0.2, 0.45), (0.6, 0.65), (0.35, 1), (0, 0.85)),),
    ),
    Hand(
        4,
        2,
        "in one stroke, round",
        (_curve((0.35, 0), (0.05, 0.5), (0.3, 0.62), (0.75, 0.35), (0.72, 0.15), (0.6, 0.5), (0.5, 1)),),
    ),
    Hand(4, 1, "in one stroke, pointed", (_line((0.3, 0), (0.02, 0.6), (0.75, 0.5), (0.65, 0.2), (0.55, 1)),)),
    Hand(4, 1, "in one stroke, closed", (_line((0.6, 1), (0.62, 0), (0, 0.65), (0.9, 0.65)),)),
    Hand(4, 1, "open", (_line((0.15, 0), (0.05, 0.55), (0.8, 0.52)), _line((0.62, 0.15), (0.58, 1)))),
    Hand(
        4, 1, "a short stem that begins low", (_line((0.4, 0), (0, 0.62), (0.85, 0.6)), _line((0.5, 0.42), (0.42, 1)))
    ),
    Hand(
        5,
        1,
        "a cap on its own",
        (_curve((0.1, 0.02), (0.05, 0.4), (0.55, 0.5), (0.5, 0.95), (0, 0.92)), _line((0.1, 0), (0.7, 0))),
    ),
    Hand(
        5,
        0.5,
        "in one stroke, round",
        (_curve((0.7, 0.02), (0.25, 0.05), (0.12, 0.42), (0.6, 0.6), (0.4, 1), (0, 0.88)),),
    ),
    Hand(
        6,
        1,
        "a loop that turns outward",
        (_curve((0.55, 0), (0.15, 0.5), (0.3, 1), (0.6, 0.75), (0.3, 0.55), (-0.1, 0.72)),),
    ),
    Hand(
        6,
        0.5,
        "a straight stem",
        (_line((0.5, 0), (0.05, 0.65)), _curve((0.05, 0.65), (0.25, 1), (0.6, 0.8), (0.35, 0.55), (0.05, 0.7))),
    ),
    Hand(
        7,
        1.5,
        "a round top and a bar",
        (_curve((0, 0.12), (0.3, 0), (0.62, 0.08), (0.5, 0.45), (0.32, 1)), _line((0.15, 0.52), (0.75, 0.48))),
    ),
    Hand(7, 1.5, "a bar", (_line((0, 0.02), (0.65, 0), (0.3, 1)), _line((0.15, 0.5), (0.72, 0.5)))),
    Hand(
        7,
        1,
        "a curl at its start",
        (_curve((0.14, 0.22), (0, 0.1), (0.2, 0), (0.65, 0.02)), _line((0.65, 0.02), (0.3, 1))),
    ),
    Hand(
        7,
        0.7,
        "a hook at its foot",
        (_line((0, 0), (0.6, 0), (0.32, 0.8)), _curve((0.32, 0.8), (0.33, 0.97), (0.47, 0.98))),
    ),
    Hand(7, 1, "a serif", (_line((0.02, 0.2), (0, 0), (0.65, 0), (0.25, 1)),)),
    Hand(7, 1, "a wave on top", (_curve((0, 0.18), (0.12, 0), (0.4, 0.08), (0.65, 0)), _line((0.65, 0), (0.3, 1)))),
    Hand(
        8,
        1,
        "open at the top",
        (_curve((0.72, 0.1), (0.35, 0), (0.12, 0.22), (0.6, 0.7), (0.3, 1), (0.05, 0.78), (0.5, 0.4), (0.62, 0)),),
    ),
    Hand(
        8,
        1,
        "two loops apart",
        (
            _curve((0.4, 0), (0.12, 0.2), (0.4, 0.42), (0.65, 0.2), (0.4, 0)),
            _curve((0.4, 0.48), (0.05, 0.75), (0.4, 1), (0.72, 0.75), (0.4, 0.5)),
        ),
    ),
    Hand(
        9,
        2,
        "a small loop that crosses its stem",
        (_curve((0.7, 0.12), (0.4, 0), (0.15, 0.15), (0.35, 0.32), (0.68, 0.18), (0.6, 0.55), (0.45, 1)),),
    ),
    Hand(
        9,
        1.5,
        "a wide tail",
        (
            _curve(
                (0.6, 0.08), (0.2, 0.05), (0.15, 0.4), (0.6, 0.35), (0.65, 0.05), (0.62, 0.7), (0.35, 1), (-0.05, 0.85)
            ),
        ),
    ),
    Hand(
        9,
        1,
        "a straight stem",
        (_curve((0.6, 0.1), (0.2, 0.02), (0.15, 0.4), (0.6, 0.3)), _line((0.62, 0.02), (0.6, 1))),
    ),
    Hand(
        9,
        1,
        "a flat loop",
        (_curve((0.65, 0.05), (0.2, 0.15), (0.2, 0.32), (0.62, 0.18)), _line((0.65, 0.05), (0.55, 1))),
    ),
)


def write(count: int, rng: np.random.Generator) -> tuple[list[list[Float]], Ints]:
    """Write `count` digits, each in one of the HANDS: their strokes, (k, 2) points each, and int64 labels (count,)."""
    weight = np.array([hand.weight for hand in HANDS])
    chosen = rng.choice(len(HANDS), count, p=weight / weight.sum())
    return [written(HANDS[i], rng) for i in chosen], np.array([HANDS[i].digit for i in chosen])


def written(hand: Hand, rng: np.random.Generator) -> list[Float]:
    """The strokes of one digit in this hand, each point moved at random; ends that meet stay together."""
    moved: dict[Point, Float] = {}
    strokes = []
    for line in hand.strokes:
        for point in line.points:
            moved.setdefault(point, np.array(point) + rng.normal(0, ROUGH, 2))
        points = np.array([moved[point] for point in line.points])
        strokes.append(curve(points) if line.curved else points)
    return strokes


def curve(points: Float) -> Float:
    """A smooth curve through (k, 2) points (Catmull and Rom, 1974): float (FINE * (k - 1) + 1, 2)."""
    around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    a, b, c, d = (around[i : len(around) - 3 + i, None] for i in range(4))
    t = (np.arange(FINE) / FINE)[:, None]
    smooth = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.concatenate([smooth.reshape(-1, 2), points[-1:]])
