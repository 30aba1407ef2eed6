"""What can go wrong, one exception class a fact; light, so that serving can name them before numpy is loaded.

Each is raised with a sentence that a person can act on. Each class has the HTTP status line (RFC 9110, section 15) that
fits: a class can't be forgotten in a table elsewhere. What becomes of a problem is decided at the edge: in
`serving/application.py`, and in the commands, which end with exit status 1.
"""

from typing import ClassVar


class Problem(Exception):
    """Base of everything this project raises on purpose; `str(problem)` is the sentence to show."""

    status: ClassVar[str] = "500 Internal Server Error"


class NotAPicture(Problem):
    """The bytes are no picture, or a broken one."""

    status = "400 Bad Request"


class FormatNotAllowed(Problem):
    """A picture, but in a format outside `decoding.FORMATS`."""

    status = "415 Unsupported Media Type"


class PictureTooLarge(Problem):
    """More pixels than `costs` allows for its format."""

    status = "413 Content Too Large"


class OutOfLimits(Problem):
    """Reading or scoring took too much time or memory, or its process was killed."""

    status = "503 Service Unavailable"


class NoInk(Problem):
    """A picture with nothing drawn on it."""

    status = "422 Unprocessable Content"


class TooManyDigits(Problem):
    """More digits in one picture than `numbers.MOST_DIGITS`, or more pieces of ink than these can have."""

    status = "422 Unprocessable Content"


class UnknownModel(Problem):
    """No model of that name can be chosen."""

    status = "404 Not Found"


class NoModel(Problem):
    """A model that should be there has no file to load."""

    status = "503 Service Unavailable"


class BrokenModel(Problem):
    """A model file that is damaged or is not what its card says."""

    status = "503 Service Unavailable"


class MissingPackage(Problem):
    """A Python package that is needed is not installed where this Python looks."""

    status = "503 Service Unavailable"


class NotADigit(Problem):
    """Something other than 0 to 9 where a digit is asked for."""

    status = "400 Bad Request"


class BadSetting(Problem):
    """A value on the command line, or in the environment, that can't work."""

    status = "503 Service Unavailable"


class NoSuchPart(Problem):
    """A tower, a layer, a map or a place on it that the network does not have."""

    status = "400 Bad Request"
