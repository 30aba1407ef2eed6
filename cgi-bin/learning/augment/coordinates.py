"""Where things are in a picture: the sizes and types that all of this package share.

All coordinates are pixels of the 28x28 picture, x to the right, y down; a pixel's centre is a whole number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


SIDE = 28  # pixels a side of a picture
BOX = 20.0  # pixels: MNIST fits the longer side of a digit into this
PAD = 4  # pixels of margin that a distance field has around the picture
FAR = 9.0  # pixels: distances are kept up to this one
POINTS = 48  # points kept of each skeleton, to know its outline and its ends
SEGMENTS = 12  # line segments that one picture may have on top of its skeleton


class Skeletons(NamedTuple):
    """Digits as pens leave them."""

    fields: Float  # float16 (n, 36, 36): distance of each pixel's centre to the skeleton, at most FAR
    points: Float  # float32 (n, POINTS, 2): x and y of points on the skeleton, evenly chosen

    def of(self, chosen: Ints) -> Skeletons:
        """The skeletons with these numbers."""
        return Skeletons(self.fields[chosen], self.points[chosen])


def chain(corners: Float) -> Float:
    """The line segments (k - 1, 4) that join (k, 2) corners, one after the other."""
    return np.concatenate([corners[:-1], corners[1:]], axis=1)
