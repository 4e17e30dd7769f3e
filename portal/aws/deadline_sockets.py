"""Sockets whose timeout counts for everything that follows it, not for each read anew.

A socket's own timeout starts again with every byte, so that an answer which drips holds a thread
for ever. Here ``settimeout`` sets a deadline: connecting, the TLS handshake, headers and body must
all be done by then. A name lookup takes no timeout at all and is left behind in a thread.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from portal.aws.background import in_background

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
SocketOptions = Iterable[tuple[int, int, int | bytes]]


class DeadlineSocket(socket.socket):
    """A socket with a deadline. Reading after it raises TimeoutError."""

    _ends: float | None = None

    def settimeout(self, value: float | None, /) -> None:
        """All that follows must be done within ``value`` seconds from now."""
        self._ends = None if value is None else time.monotonic() + value
        super().settimeout(value)

    def gettimeout(self) -> float | None:
        """Seconds until the deadline."""
        return None if self._ends is None else max(self._ends - time.monotonic(), 0.001)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As socket.recv, by the deadline."""
        self._hurry()
        return super().recv(buflen, flags)

    def recv_into(self, buffer: "WriteableBuffer", *sizes: Any) -> int:
        """As socket.recv_into, by the deadline."""
        self._hurry()
        return super().recv_into(buffer, *sizes)

    def _hurry(self) -> None:
        if self._ends is None:
            return
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        super().settimeout(left)


class DeadlineTlsSocket(DeadlineSocket, ssl.SSLSocket):
    """The same under TLS; for ``SSLContext.sslsocket_class``."""


def connect(host: str, port: int, seconds: float, options: SocketOptions) -> DeadlineSocket:
    """A connection to the first address of ``host`` that answers, within ``seconds`` in all.

    Raises OSError, of which TimeoutError and socket.gaierror are kinds.
    """
    ends = time.monotonic() + seconds
    addresses = _addresses(host, port, seconds)
    failure: OSError = TimeoutError("deadline")
    for number, address in enumerate(addresses):
        left = ends - time.monotonic()
        if left <= 0:
            break
        try:
            # An address that swallows packets leaves the others their share of the time.
            return _connected(address, left / (len(addresses) - number), ends, options)
        except OSError as error:
            failure = error
    raise failure


def _addresses(host: str, port: int, seconds: float) -> Sequence[Address]:
    lookup = in_background(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return lookup.result(timeout=seconds)


def _connected(
    address: Address, seconds: float, ends: float, options: SocketOptions
) -> DeadlineSocket:
    family, kind, protocol, _, where = address
    connection = DeadlineSocket(family, kind, protocol)
    try:
        for option in options:
            connection.setsockopt(*option)
        connection.settimeout(seconds)
        connection.connect(where)
        connection.settimeout(max(ends - time.monotonic(), 0.001))
    except BaseException:
        connection.close()
        raise
    return connection
