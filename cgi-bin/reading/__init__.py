"""From a picture to digits, and why.

    from reading import read
    read(open("five.png", "rb").read()).digit

`decoding` turns a file into pixels within limits; `ink` and `photo` tell ink from paper; `frames` finds what is around
a digit; `parts` finds what is connected and leaves out specks; `normalising` makes of it what MNIST would have made;
`preprocessing` does these in a row. `cards` knows the files in `models/`, `engines` run them, `classifier` scores with
them, `trajectory` reads the way of the pen beside a picture, `digits` answers, `explain` says why, `inspection` and
`classical` show a model at work.

May import numpy, Pillow and the inference engines: no training library, nothing of HTTP, nothing of `serving` or
`learning`. `errors` is light: importing it imports none of these packages.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reading.digits import Digit, read

__all__ = ["Digit", "read"]


def __getattr__(name: str) -> Any:
    # Only now (PEP 562), so that a request that is refused never waits for numpy.
    if name not in __all__:
        raise AttributeError(f"module 'reading' has no attribute {name!r}")
    from reading import digits

    return getattr(digits, name)
