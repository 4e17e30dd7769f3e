"""Directory servers that fail: they hang, lie, break off, or show the wrong certificate.

Each listens on a free port of loopback in this process and counts who connected. ``Hostile`` runs
a behaviour for every connection; ``Relay`` passes on to a real server what it does not spoil.
"""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.directory.certificates import Certificate

_START_TLS = b"1.3.6.1.4.1.1466.20037"
_SUCCESS = 0
_PROTOCOL_ERROR = 2

Behaviour = Callable[["Hostile", socket.socket], None]


@dataclass
class Hostile:
    """A server that does one thing with each connection."""

    behave: Behaviour
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Hostile":
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        # Closing alone does not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        """Its address for plain LDAP and StartTLS."""
        return f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def ldaps_url(self) -> str:
        """The same port, for a client that begins with TLS."""
        return f"ldaps://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self.behave(self, connection)
        with self._lock:
            self._open.discard(connection)


# --- what a server does with a connection ---------------------------------------------------------


def silent(_: Hostile, connection: socket.socket) -> None:
    """Listen to everything and say nothing; with ``ldaps_url``: hang in the handshake."""
    while connection.recv(4096):
        pass


def hang_up(_: Hostile, connection: socket.socket) -> None:
    """Close at once."""
    connection.close()


def garbage(_: Hostile, connection: socket.socket) -> None:
    """Answer in another protocol."""
    while connection.recv(4096):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def half_an_answer(hostile: Hostile, connection: socket.socket) -> None:
    """Answer half a message and keep the connection."""
    connection.recv(4096)
    connection.sendall(b"\x30\x0c\x02\x01\x01\x61")
    silent(hostile, connection)


def broken_off(_: Hostile, connection: socket.socket) -> None:
    """Answer half a message and close."""
    connection.recv(4096)
    connection.sendall(b"\x30\x0c\x02\x01\x01\x61")


def endless(hostile: Hostile, connection: socket.socket) -> None:
    """Begin an answer of a gigabyte and send it as fast as it is read."""
    connection.recv(4096)
    connection.sendall(
        b"\x30\x84\x40\x00\x00\x00\x02\x01\x01\x61\x84\x3f\xff\xff\xf0\x0a\x01\x00\x04"
    )
    connection.sendall(b"\x84\x3f\xff\xff\x00")
    while not hostile.stopping.is_set():
        connection.sendall(b"a" * 65536)


def dripping(hostile: Hostile, connection: socket.socket) -> None:
    """Answer a byte every 200 ms of a message that is megabytes long."""
    connection.recv(4096)
    connection.sendall(b"\x30\x84\x00\x7f\xff\xff\x02\x01\x01\x61\x84\x00\x7f\xff\xf0")
    while not hostile.stopping.wait(0.2):
        connection.sendall(b"\x04")


def silent_after_start_tls(hostile: Hostile, connection: socket.socket) -> None:
    """Agree to StartTLS and hang in the handshake."""
    _answer_start_tls(connection, connection.recv(4096), _SUCCESS)
    silent(hostile, connection)


def dripping_handshake(hostile: Hostile, connection: socket.socket) -> None:
    """Agree to StartTLS and send a TLS record a byte every 200 ms."""
    _answer_start_tls(connection, connection.recv(4096), _SUCCESS)
    connection.sendall(b"\x16\x03\x03\x3f\xff")
    while not hostile.stopping.wait(0.2):
        connection.sendall(b"\x02")


def _answer_start_tls(connection: socket.socket, request: bytes, code: int) -> None:
    if _START_TLS not in request:
        raise ConnectionError("the client did not ask for StartTLS")
    length_of_length = request[1] & 0x7F if request[1] & 0x80 else 0
    message_id = request[2 + length_of_length + 2]
    connection.sendall(bytes([0x30, 12, 2, 1, message_id, 0x78, 7, 0x0A, 1, code, 4, 0, 4, 0]))


# --- between the client and a real server ---------------------------------------------------------


def impostor(real_url: str, certificate: Certificate, *, start_tls: bool) -> Behaviour:
    """Behave like the real server with another certificate: who does not look at it gets in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)

    def behave(hostile: Hostile, connection: socket.socket) -> None:
        if start_tls:
            _answer_start_tls(connection, connection.recv(4096), _SUCCESS)
        with context.wrap_socket(connection, server_side=True) as secured:
            _relay(hostile, secured, real_url)

    return behave


def stripping(real_url: str) -> Behaviour:
    """Refuse StartTLS and behave like the real server in plain text."""

    def behave(hostile: Hostile, connection: socket.socket) -> None:
        _answer_start_tls(connection, connection.recv(4096), _PROTOCOL_ERROR)
        _relay(hostile, connection, real_url)

    return behave


def stalling(real_url: str, requests: int) -> Behaviour:
    """Behave like the real server for so many requests of a connection, then hang.

    The service's bind is the first request, the search for the person the second.
    """

    return lambda hostile, connection: _relay(hostile, connection, real_url, requests)


def lagging(real_url: str, seconds: float) -> Behaviour:
    """Behave like the real server, each answer so many seconds late."""
    return lambda hostile, connection: _relay(hostile, connection, real_url, late=seconds)


def _relay(
    hostile: Hostile,
    client: socket.socket,
    real_url: str,
    requests: int | None = None,
    late: float = 0,
) -> None:
    """Pass everything on until one side leaves; of the requests only so many."""
    real = urlsplit(real_url)
    with socket.create_connection((real.hostname or "", real.port or 389)) as server:
        while not hostile.stopping.is_set():
            for source in _readable(client, server):
                packet = source.recv(65536)
                if not packet:
                    return
                if source is server:
                    hostile.stopping.wait(late)
                    client.sendall(packet)
                elif requests is None or requests > 0:
                    requests = None if requests is None else requests - 1
                    server.sendall(packet)


def _readable(client: socket.socket, server: socket.socket) -> list[socket.socket]:
    if isinstance(client, ssl.SSLSocket) and client.pending():
        return [client]
    return select.select([client, server], [], [], 0.2)[0]


# --- where nobody answers at all ------------------------------------------------------------------


@contextmanager
def closed_port() -> Iterator[str]:
    """An address where connections are refused, and nobody else begins to listen."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"ldap://127.0.0.1:{reserved.getsockname()[1]}"


@contextmanager
def unreachable() -> Iterator[str]:
    """An address where not even a connection comes about, as behind a firewall that drops."""
    with socket.socket() as listener, contextlib.ExitStack() as callers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # A full queue of connections that nobody accepts: the system drops whoever comes next.
        for _ in range(4):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
