"""A line to a directory server that cannot last longer than it may.

libldap knows no deadline for a whole exchange: a name with many addresses, a TLS handshake or an
answer that drips byte by byte holds a thread far beyond any timeout that it can be given, and what
it verifies can be changed by files and variables outside of the portal's settings. So connecting
and TLS are done here, and libldap gets one end of a socket pair. A thread passes bytes on between
its other end and the server; it ends with the line, at the latest at the deadline, and libldap
then meets a closed connection.
"""

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NoNameInTime
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from portal.aws.background import in_background

MOST_BYTES_OF_AN_ANSWER = 4 * 1024 * 1024
Address = tuple[int, Any]
_CHUNK = 64 * 1024
_PORTS = {"ldap": 389, "ldaps": 636}

# The extended request for StartTLS (RFC 4511, 4.14), the first message of its connection.
_START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
_LONGEST_START_TLS_ANSWER = 4096


class LineProblem(OSError):
    """The line did not come about; the text says why and names no secret."""


@dataclass(frozen=True)
class Server:
    """Where a server is, and how the line to it is made safe."""

    url: str
    starts_tls: bool = False
    ca_file: str = ""

    @property
    def is_ldaps(self) -> bool:
        """Whether TLS comes before the first word."""
        return urlsplit(self.url).scheme == "ldaps"

    @property
    def host(self) -> str:
        """The name that its certificate has to be for."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Where it listens."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]


class Line:
    """An open line. Close it after use, when libldap has let go of its end."""

    def __init__(self, server: Server, deadline: float) -> None:
        """Connect by ``deadline``, in seconds of ``time.monotonic``. Raises LineProblem."""
        self._deadline = deadline
        self._outer = _connected(server, deadline)
        try:
            self._end, self._inner = socket.socketpair()
        except OSError as error:
            self._outer.close()
            raise LineProblem(_reason(error)) from None
        self._is_over_size = False
        self._thread = threading.Thread(target=self._pass_on, name="directory-line", daemon=True)
        self._thread.start()

    def hand_over(self) -> int:
        """Return the portal's end as a file descriptor for libldap, which will close it."""
        return self._end.detach()

    def may_last_until(self, deadline: float) -> None:
        """Give the line another deadline."""
        self._deadline = deadline

    @property
    def is_over_size(self) -> bool:
        """Whether it was cut because one answer was longer than any may be."""
        return self._is_over_size

    @property
    def is_over_time(self) -> bool:
        """Whether its deadline has come."""
        return time.monotonic() >= self._deadline

    def close(self) -> None:
        """Cut the line, whatever is still under way, and wait for its thread."""
        with contextlib.suppress(OSError):
            self._outer.shutdown(socket.SHUT_RDWR)
        self._end.close()
        self._thread.join()

    def _pass_on(self) -> None:
        with self._outer, self._inner, contextlib.suppress(OSError, ValueError):
            received = 0
            while (left := self._deadline - time.monotonic()) > 0:
                readable = self._readable(left)
                if self._inner in readable:
                    received = 0
                    data = _received(self._inner)
                    if data == b"":
                        return
                    _send(self._outer, data, left)
                if self._outer in readable:
                    data = _received(self._outer)
                    received += len(data or b"")
                    # Told before the answer's end arrives: it must not be taken for a whole one.
                    self._is_over_size = received > MOST_BYTES_OF_AN_ANSWER
                    if data == b"" or self._is_over_size:
                        return
                    _send(self._inner, data, left)

    def _readable(self, seconds: float) -> list[socket.socket]:
        if isinstance(self._outer, ssl.SSLSocket) and self._outer.pending():
            return [self._outer]
        # Not select, which knows 1,024 descriptors only; in slices, as the deadline may be moved.
        poll, ends = select.poll(), (self._inner, self._outer)
        for end in ends:
            poll.register(end, select.POLLIN)
        ready = {number for number, _ in poll.poll(min(seconds, 0.5) * 1000)}
        return [end for end in ends if end.fileno() in ready]


def _received(source: socket.socket) -> bytes | None:
    """Return what there is; nothing at the end, None where there is nothing yet.

    What arrives need not be for us: TLS has its own words, and a record comes in pieces.
    """
    source.settimeout(0)
    try:
        return source.recv(_CHUNK)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None


def _send(target: socket.socket, data: bytes | None, seconds: float) -> None:
    if data:
        target.settimeout(seconds)
        target.sendall(data)


# --- connecting ------------------------------------------------------------------------------


def _connected(server: Server, deadline: float) -> socket.socket:
    plain = _connected_plain(server, deadline)
    try:
        if server.starts_tls:
            _start_tls(plain, deadline)
        if server.is_ldaps or server.starts_tls:
            return _secured(plain, server, deadline)
    except (OSError, ValueError) as error:
        plain.close()
        if isinstance(error, LineProblem):
            raise
        raise LineProblem(_reason(error)) from None
    return plain


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise LineProblem("no answer in time")
    return left


def _connected_plain(server: Server, deadline: float) -> socket.socket:
    """Try the addresses of the server's name in turn; each has its share of the time."""
    addresses = _addresses(server, deadline)
    problem = "its name has no address"
    for tried, (family, address) in enumerate(addresses):
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(_left(deadline) / (len(addresses) - tried))
            plain.connect(address)
        except OSError as error:
            plain.close()
            problem = _reason(error)
            continue
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain
    raise LineProblem(problem)


def _addresses(server: Server, deadline: float) -> list[Address]:
    def look_up() -> list[Address]:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys((family, address) for family, _, _, _, address in found))

    try:
        return in_background(look_up).result(timeout=_left(deadline))
    except NoNameInTime:
        raise LineProblem("the name lookup did not answer in time") from None
    except OSError:
        raise LineProblem("its name cannot be looked up") from None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was refused: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return getattr(error, "strerror", None) or type(error).__name__


def _secured(plain: socket.socket, server: Server, deadline: float) -> ssl.SSLSocket:
    """Make the line safe: the certificate has to be for the server's name, always."""
    context = ssl.create_default_context(cafile=server.ca_file or None)
    # Python 3.13 also wants key identifiers, which the authority of many a house does not write:
    # who is trusted stays the same, and the same on every Debian.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    plain.settimeout(_left(deadline))
    secured = context.wrap_socket(plain, server_hostname=server.host, do_handshake_on_connect=False)
    try:
        secured.settimeout(_left(deadline))
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


# --- StartTLS --------------------------------------------------------------------------------


def _start_tls(plain: socket.socket, deadline: float) -> None:
    """Ask for TLS and read exactly the answer: whatever came after it in the clear is no answer."""
    plain.settimeout(_left(deadline))
    plain.sendall(_START_TLS)
    answer = _message(plain, deadline)
    if _start_tls_code(answer) != 0:
        raise LineProblem("it refused StartTLS")


def _message(plain: socket.socket, deadline: float) -> bytes:
    """Read one message and return what its SEQUENCE holds."""
    tag, length = _exactly(plain, 2, deadline)
    if length & 0x80:
        length = int.from_bytes(_exactly(plain, length & 0x7F, deadline))
    if tag != 0x30 or not 0 < length <= _LONGEST_START_TLS_ANSWER:
        raise LineProblem("it does not speak LDAP")
    return _exactly(plain, length, deadline)


def _exactly(plain: socket.socket, count: int, deadline: float) -> bytes:
    data = b""
    while len(data) < count:
        plain.settimeout(_left(deadline))
        piece = plain.recv(count - len(data))
        if not piece:
            raise LineProblem("it hung up")
        data += piece
    return data


def _start_tls_code(answer: bytes) -> int:
    """Return the result code: after the message's number (1), in an ExtendedResponse [24]."""
    parts = _elements(answer)
    if next(parts, None) != (0x02, b"\x01"):
        raise LineProblem("it does not speak LDAP")
    tag, response = next(parts, (0, b""))
    inner_tag, code = next(_elements(response), (0, b""))
    if tag != 0x78 or inner_tag != 0x0A or len(code) != 1:
        raise LineProblem("it does not speak LDAP")
    return code[0]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each BER element, as far as the data goes."""
    while len(data) >= 2:
        tag, length, start = data[0], data[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start])
        yield tag, data[start : start + length]
        data = data[start + length :]
