"""What can be wrong with a request, one exception class a fact, as `reading/errors.py` has them for pictures."""

from reading.errors import Problem


class BadRequest(Problem):
    """A request that can't be understood."""

    status = "400 Bad Request"


class ForeignOrigin(Problem):
    """A request that a page of another origin has a browser send."""

    status = "403 Forbidden"


class NotFound(Problem):
    """An address below the script's own."""

    status = "404 Not Found"


class MethodNotAllowed(Problem):
    """A method other than GET, HEAD and POST."""

    status = "405 Method Not Allowed"


class BodyTooSlow(Problem):
    """A body that did not arrive in time."""

    status = "408 Request Timeout"


class LengthRequired(Problem):
    """A body whose length was not announced."""

    status = "411 Length Required"


class BodyTooLarge(Problem):
    """A body, or a number of pictures, above the limit."""

    status = "413 Content Too Large"


class TypeNotSupported(Problem):
    """A body of a media type that is not read here."""

    status = "415 Unsupported Media Type"


class WrongHost(Problem):
    """A request for a name that is not this server's."""

    status = "421 Misdirected Request"


RETRY_SECONDS = 2  # what clients are told who are turned away


class Busy(Problem):
    """Too many requests; `retry_after` is the time in seconds after which to ask again."""

    status = "503 Service Unavailable"

    def __init__(self, sentence: str, retry_after: int = RETRY_SECONDS) -> None:
        """Say so to the client, and when to come back."""
        super().__init__(sentence)
        self.retry_after = retry_after


def named(name: str, base: type[Problem] = Problem) -> type[Problem]:
    """The class of that name among all problems, Problem itself where there is none (of another process' import)."""
    found = (named(name, each) for each in base.__subclasses__())
    return base if base.__name__ == name else next((each for each in found if each is not Problem), Problem)
