"""The stand-in as a running thing: two loopback listeners and what came in through them."""

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from demo.standin.config import Config
from demo.standin.console import Console
from demo.standin.federation import Federation
from demo.standin.iam import Iam
from demo.standin.messages import Answer, RepeatedParameter, Request
from demo.standin.sessions import Sessions
from demo.standin.sts import Sts

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 262_144
LONGEST_SILENCE_SECONDS = 120
STATIC_ROOT = Path(__file__).resolve().parents[2] / "static"


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SeenRequest:
    """A request that AWS's side saw, its secrets too, for tests; kept in memory only.

    ``parameters`` are those of query and body together; ``status`` is the answer's.
    ``user_agent`` is what CloudTrail would keep.
    """

    method: str
    path: str
    parameters: Mapping[str, str] = field(repr=False)
    status: int
    user_agent: str = ""


class StandIn:
    """STS and the federation endpoint on one origin, the console on another.

    ``static_root`` is the folder with the product's style sheets and icons; ``clock`` tells the
    time in UTC and lets a test look ahead; ``kept`` is the file in which IAM remembers what was put
    there, None to forget it. Raises ConfigError for such a file that cannot be.
    """

    def __init__(
        self,
        config: Config,
        static_root: Path = STATIC_ROOT,
        clock: Callable[[], datetime] = utc_now,
        kept: Path | None = None,
    ) -> None:
        sessions = Sessions()
        self._iam = Iam(config, self.become, kept)
        config = self._iam.config
        self.requests: list[SeenRequest] = []
        self._sts = Sts(config, sessions, clock)
        self._console = Console(config, self._iam, static_root, clock)
        self._federation = Federation(sessions, self._console.admit, clock)
        self._upstream: Listener | None = None
        self._console_listener: Listener | None = None

    def become(self, config: Config) -> None:
        """Change the world: what was issued stays, and the next call meets the new one."""
        self._iam.config = config
        self._sts.config = config
        self._console.config = config

    def start(self) -> "StandIn":
        """Listen on two free ports and return at once."""
        self._upstream = Listener(self._answer_upstream)
        self._console_listener = Listener(self._console.answer)
        self._console.url = self._console_listener.url
        return self

    def stop(self) -> None:
        """Close both listeners and every connection."""
        for listener in (self._upstream, self._console_listener):
            if listener is not None:
                listener.stop()

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def sts_url(self) -> str:
        """The endpoint for ``AWS_ENDPOINT_URL_STS``."""
        return _started(self._upstream).url

    @property
    def federation_url(self) -> str:
        """The endpoint for ``PORTAL_FEDERATION_URL``."""
        return f"{_started(self._upstream).url}/federation"

    @property
    def console_url(self) -> str:
        """The console's origin."""
        return _started(self._console_listener).url

    @property
    def connections(self) -> int:
        """How many TCP connections STS and the federation endpoint have accepted so far."""
        return _started(self._upstream).connections

    def _answer_upstream(self, request: Request) -> Answer:
        if request.path == "/federation":
            answer = self._federation.answer(request)
        else:
            answer = self._sts.answer(request)
        try:
            parameters = request.parameters
        except RepeatedParameter:
            parameters = {}
        user_agent = request.headers.get("user-agent", "")
        seen = SeenRequest(request.method, request.path, parameters, answer.status, user_agent)
        self.requests.append(seen)
        return answer


class Listener(ThreadingHTTPServer):
    """An HTTP/1.1 server on a free loopback port, serving from the moment it is made."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        super().__init__((LOOPBACK, 0), Handler)
        self.answer = answer
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._stopping = False
        self._thread = Thread(target=self._serve_until_stopped, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The listener's origin."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a new connection and hand it to a thread of its own."""
        with self._lock:
            self.connections += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection and close it."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Name a mistake of ours, without its text, which could hold a secret."""
        error = sys.exception()
        if not isinstance(error, OSError):
            print(f"stand-in: {type(error).__name__}", file=sys.stderr)

    def stop(self) -> None:
        """Stop listening and cut the connections that are still open."""
        if self._stopping:
            return
        self._stopping = True
        # The loop looks at the flag after each connection, so it gets one.
        socket.create_connection((LOOPBACK, self.server_address[1])).close()
        self._thread.join()
        self.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the other side may have left already
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve_until_stopped(self) -> None:
        while not self._stopping:
            self.handle_request()


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection; writes no log, because addresses here are secrets."""

    server: Listener
    protocol_version = "HTTP/1.1"
    server_version = "LocalStandIn"
    sys_version = ""
    timeout = LONGEST_SILENCE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if (
            not length.isdigit()
            or int(length) > LARGEST_BODY
            or "Transfer-Encoding" in self.headers
        ):
            self.close_connection = True
            self._write(Answer(413))
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(length))
        self._write(self.server.answer(Request(self.command, path, query, headers, body)))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _serve

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


def _started(listener: Listener | None) -> Listener:
    if listener is None:
        raise RuntimeError("the stand-in has not been started")
    return listener
