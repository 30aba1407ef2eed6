"""What can go wrong, one exception class a fact; light, so that the door can name them before numpy is loaded.

Each is raised with a sentence that a person can act on. What a fact means as an HTTP status or as an exit
status is decided at the edge (`wire.py`, the commands), never here.
"""


class Problem(Exception):
    """Base of everything this project raises on purpose; `str(problem)` is the sentence to show."""


class NotAPicture(Problem):
    """The bytes are no picture, or a broken one."""


class FormatNotAllowed(Problem):
    """A picture, but in a format outside `ink.FORMATS`."""


class PictureTooLarge(Problem):
    """More pixels a side than `ink.MAX_SIDE`."""


class OutOfLimits(Problem):
    """Reading or scoring took too much time or memory, or its process was killed."""


class NoInk(Problem):
    """A picture with nothing drawn on it."""


class UnknownModel(Problem):
    """No model of that name can be chosen."""


class NoModel(Problem):
    """A model that should be there has no file to load."""


class BrokenModel(Problem):
    """A model file that is damaged or is not what its card says."""


class MissingPackage(Problem):
    """A Python package that is needed is not installed where this Python looks."""


class BadDataset(Problem):
    """Data that is missing, short, swapped, or not what its name says."""


class BadSetting(Problem):
    """A value on the command line that can't work."""


class TrainingFailed(Problem):
    """A model was trained but must not be used."""
