"""Take no new connection on an address, so that who listens there can answer those it has and leave none behind.

Linux finishes a TCP handshake before the server accepts the connection. A listener that closes resets what waits for it
there, and between its last look and its close there is always time for one more. So its address gets a second
listener in its SO_REUSEPORT group (socket(7)): a program attached to the group gives it every new handshake
(SO_ATTACH_REUSEPORT_CBPF), and a filter of its own drops each of them (SO_ATTACH_FILTER). The client's kernel repeats
its first packet after a second, and finds a closed port by then, or the next server.
"""

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

SO_ATTACH_FILTER = 26  # these two are numbers of Linux's asm-generic/socket.h, which Python has no names for
SO_ATTACH_REUSEPORT_CBPF = 51
RETURN = 0x06  # classic BPF's BPF_RET | BPF_K: end with a constant
DROP = 0  # bytes of a packet that a filter lets through
SECOND = 1  # place of the second listener in its group, which counts from 0


@contextmanager
def closed_to_new(bind: str) -> Iterator[bool]:
    """Drop new handshakes on an address:port that one socket with SO_REUSEPORT of this user listens on.

    Yields False where that can't be done: on another system than Linux, where only root may filter packets, or where
    nobody listens with SO_REUSEPORT.
    """
    with ExitStack() as stack:
        try:
            for place in addresses(bind):
                stack.enter_context(_second_listener(*place))
        except OSError as problem:
            print(f"While {bind} closes, new connections may be reset: {problem}", file=sys.stderr)
            yield False
        else:
            yield True


def addresses(bind: str) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    """Return the families and addresses that address:port, or name:port, stands for. Raises OSError."""
    host, _, port = bind.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [(family, address) for family, _, _, _, address in found]


def _second_listener(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    """Return a listener that takes every new handshake from the first one at an address, and drops it."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as nginx's, or it is another group
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        attach(listener, SO_ATTACH_FILTER, DROP)
        listener.bind(address)
        listener.listen()
        attach(listener, SO_ATTACH_REUSEPORT_CBPF, SECOND)
    except BaseException:
        listener.close()
        raise
    return listener


def attach(listener: socket.socket, option: int, constant: int) -> None:
    """Attach a BPF program that returns a constant. Raises PermissionError where only root may."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, constant))
    listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("HP", 1, ctypes.addressof(program)))
