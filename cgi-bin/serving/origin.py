"""Who may ask: the name that a request is sent to, and the page that has a browser send it.

A page of another origin can have a browser post here, and a page under a foreign name that resolves to this machine
(DNS rebinding) could read whatever is here. No more than text is compared; `deploy/start.py` does it for every file.
"""

import re

from serving.errors import ForeignOrigin, WrongHost

NUMBERS = re.compile(r"[0-9.]+|\[[0-9a-f:.]+\]")  # IP addresses, as deploy/nginx.conf.in has them: nobody else's name


def check_host(host: str, names: str) -> None:
    """Raise WrongHost unless a Host header is localhost, an IP address, or one of the names (MNIST_HOSTS)."""
    if host and not _is_ours(host, names):
        raise WrongHost("This server does not go by that name; MNIST_HOSTS gives it more names.")


def check_origin(origin: str, site: str, host: str, names: str) -> None:
    """Raise ForeignOrigin for what a page of another origin sends.

    Browsers say with `site` (Sec-Fetch-Site) what no proxy changes. Where they do not, as without HTTPS, the header
    Origin has the host of Host, or one of the names. Who sends neither is no browser.
    """
    same = site in ("same-origin", "none")
    own = origin.partition("://")[2].lower()
    if origin and not same and (site or own != host.lower()) and not (own and _is_named(own, names)):
        raise ForeignOrigin(
            "Pages of other origins may not send pictures here; MNIST_HOSTS gives this server more names."
        )


def _is_ours(host: str, names: str) -> bool:
    """Whether a host, with or without its port, is localhost, an IP address, or one of the names."""
    name = _without_port(host)
    return name == "localhost" or bool(NUMBERS.fullmatch(name)) or _is_named(host, names)


def _is_named(host: str, names: str) -> bool:
    """Whether a host is one of the names, as nginx reads them: *.example.org is every name below example.org."""
    name = _without_port(host)
    return any(name == each or (each[:2] == "*." and name.endswith(each[1:])) for each in names.lower().split())


def _without_port(host: str) -> str:
    """Return the host in lower case, without its port and without a final dot."""
    return re.sub(r":\d*$", "", host.lower()).rstrip(".")
