"""The process and the user at the other end of a Unix socket, from the kernel of Linux or macOS."""

import sys
from _socket import SOL_SOCKET, socket  # the module `socket` wraps it, and takes a fresh process 5 ms to import

SO_PEERCRED, UCRED = 17, 12  # Linux: struct ucred is pid, uid, gid
SOL_LOCAL, LOCAL_PEERCRED, LOCAL_PEERPID, XUCRED = 0, 1, 2, 76  # macOS: struct xucred begins with version, uid


def peer(connection: socket) -> "tuple[int, int]":
    """Return the process and the user at the other end; for a server's socket, who has begun to listen."""
    if sys.platform == "darwin":
        return _number(connection.getsockopt(SOL_LOCAL, LOCAL_PEERPID, 4), 0), _number(
            connection.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, XUCRED), 4
        )
    found = connection.getsockopt(SOL_SOCKET, SO_PEERCRED, UCRED)
    return _number(found, 0), _number(found, 4)


def _number(packed: bytes, at: int) -> int:
    """Return the 32-bit number at that place."""
    return int.from_bytes(packed[at : at + 4], sys.byteorder)
