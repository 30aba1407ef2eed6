"""What can go wrong between data and models, one exception class a fact; light, so that commands can name them."""

from reading.errors import Problem


class BadDataset(Problem):
    """Data that is missing, short, swapped, or not what its name says."""


class TrainingFailed(Problem):
    """A model was trained but must not be used."""


def reason(error: Exception) -> str:
    """What an error says, without its number and path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
