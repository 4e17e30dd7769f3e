"""A worker whose threads serve requests that are there; slow clients wait in its loop.

gunicorn's threaded worker gives a connection a thread before its request has come, reads and
writes for as long as the client likes, and lingers in its own loop before it closes. A handful of
slow connections would hold every thread, or everybody. Here

- a connection waits in the loop, without a thread, until its request is there: head and body stay
  with the kernel and are only looked at (``arriving``). Who asks to be told to go on is told so in
  the loop; what is too long to be waited for is answered there too;
- a thread reads by one deadline, although all is there, and sends the answer by another;
- a client that does not close its side of a finished connection is waited for in the loop too.

A proxy that buffers (deploy/nginx.conf) spares the portal all of this; not everybody has one.
"""

import errno
import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from portal.server.arriving import LONGEST_REQUEST, Arrival, look

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SECONDS_TO_ASK = 10
"""For a request to come, head and body."""

SECONDS_TO_READ = 2
"""For a thread to read a request that is there: a limit that only a mistake of ours would meet."""

SECONDS_TO_TAKE_THE_ANSWER = 60
SECONDS_TO_PART = 2


class ClientSocket(socket.socket):
    """An accepted connection; from ``begin`` on it reads and writes by deadlines."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self._seen = -1
        self._is_told_to_go_on = False
        self._reads_until = 0.0
        self._writes_until: float | None = None

    def begin(self) -> None:
        """Count from now how long a request may take to read and its answer to send."""
        self._reads_until = time.monotonic() + SECONDS_TO_READ
        self._writes_until = None

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As socket.recv, by the deadline."""
        self._hurry(self._reads_until)
        try:
            return super().recv(size, flags)
        except TimeoutError:
            raise _too_slow() from None

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        """As socket.sendall, by the deadline."""
        if self._writes_until is None:
            self._writes_until = time.monotonic() + SECONDS_TO_TAKE_THE_ANSWER
        self._hurry(self._writes_until)
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise _too_slow() from None

    def _hurry(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise _too_slow()
        self.settimeout(left)

    def arrival(self, ahead: bytes = b"") -> Arrival:
        """Look, without waiting, at what there is of a request; ``ahead`` was read before.

        When something is missing, the socket will be readable when more is there than now. A
        client that sends no more counts as whole: whoever reads will find the end.
        """
        there = self.glance(LONGEST_REQUEST, socket.MSG_PEEK)
        has_ended = there is not None and len(there) <= self._seen
        there = there or b""
        arrival = Arrival() if has_ended else look(ahead + there)
        self._seen = len(there) if arrival.missing else -1
        least = len(there) + arrival.missing if arrival.missing else 1
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)
        self._tell_to_go_on(arrival)
        return arrival

    def _tell_to_go_on(self, arrival: Arrival) -> None:
        """Once for a request, and only if its body is waited for."""
        if arrival.missing and arrival.asks_to_go_on and not self._is_told_to_go_on:
            self.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._is_told_to_go_on = bool(arrival.missing) and arrival.asks_to_go_on

    def say(self, text: bytes) -> None:
        """Send a few bytes without waiting; a client that has no room for them misses them."""
        self.setblocking(False)
        with suppress(OSError):
            super().sendall(text)

    def glance(self, size: int, flags: int = 0) -> bytes | None:
        """Return what is there, nothing from a client that sends no more, None if it may yet."""
        self.setblocking(False)
        try:
            return super().recv(size, flags)
        except BlockingIOError:
            return None
        except OSError:
            return b""


def _too_slow() -> ConnectionResetError:
    """What gunicorn passes over in silence: we hang up, as clients do."""
    return ConnectionResetError(errno.ECONNRESET, "the client was too slow")


class Connection(TConn):
    """A connection that does not linger by itself: ``is_parting`` says that it should."""

    sock: ClientSocket
    is_parting = False

    def arrival(self) -> Arrival:
        """Look at the next request, a part of which may have come along with the last one."""
        unreader = getattr(self.parser, "unreader", None)
        return self.sock.arrival(unreader.buf.getvalue() if unreader else b"")

    def close(self, graceful: bool = False) -> None:
        """Close at once; when graceful, say only that nothing more will be sent."""
        if not graceful:
            super().close()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.is_parting = True
        except OSError:
            super().close()


class Worker(ThreadWorker):
    """gunicorn's threaded worker, with slow clients kept out of its threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parting_conns: deque[Connection] = deque()

    def enqueue_req(self, conn: TConn) -> None:
        """Give the connection a thread if its request is there, else let it wait in the loop."""
        ours = _ours(conn)
        arrival = ours.arrival()
        if not arrival.missing:
            self._serve(ours, arrival)
            return
        ours.timeout = time.monotonic() + SECONDS_TO_ASK
        self.pending_conns.append(ours)
        self.poller.register(ours.sock, EVENT_READ, partial(self.on_pending_socket_readable, ours))

    def accept(self, listener: socket.socket) -> None:
        """Let somebody in, and where that fills the house, the one out who waits the longest."""
        super().accept(listener)
        if self.nr_conns >= self.worker_connections:
            for waiting in (self.parting_conns, self.pending_conns, self.keepalived_conns):
                if waiting:
                    self._end(waiting.popleft())
                    return

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Look again; the time that a request has is not renewed by each byte of it."""
        ours = _ours(conn)
        arrival = ours.arrival()
        if not arrival.missing:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._serve(ours, arrival)

    def _serve(self, conn: Connection, arrival: Arrival) -> None:
        if not arrival.refusal:
            super().enqueue_req(conn)
            return
        conn.sock.say(arrival.refusal)
        self.nr_conns -= 1
        conn.close(graceful=True)
        self._part_from(conn)

    def handle(self, conn: TConn) -> bool:
        """In a thread: serve the request, by its deadlines."""
        _ours(conn).sock.begin()
        return super().handle(conn)

    def finish_request(self, conn: TConn, fs: "Future[bool]") -> None:
        """Keep the connection for another request, or part from it without standing still."""
        super().finish_request(conn, fs)
        self._part_from(_ours(conn))

    def _part_from(self, conn: Connection) -> None:
        """Wait in the loop for the other side to close, if it was asked to and has not yet."""
        if conn.is_parting:
            self.nr_conns += 1
            conn.timeout = time.monotonic() + SECONDS_TO_PART
            self.parting_conns.append(conn)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._hear_out, conn))

    def _hear_out(self, conn: Connection, _: Any) -> None:
        """Throw away what still comes: closing before it would take our answer away from them."""
        if conn.sock.glance(LONGEST_REQUEST) == b"":
            self.parting_conns.remove(conn)
            self._end(conn)

    def murder_pending(self) -> None:
        """Close whoever did not ask in time, and whoever does not part."""
        super().murder_pending()
        now = time.monotonic()
        while self.parting_conns and (self.parting_conns[0].timeout or 0) <= now:
            self._end(self.parting_conns.popleft())

    def _end(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Let people in or not; when stopping, refuse them instead of letting them wait."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully, without waiting long for requests that have not come yet."""
        super().handle_exit(sig, frame)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout or 0, time.monotonic() + SECONDS_TO_PART)


def _ours(conn: TConn) -> Connection:
    if isinstance(conn, Connection):
        return conn
    return Connection(conn.cfg, ClientSocket(conn.sock), conn.client, conn.server)
