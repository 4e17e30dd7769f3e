"""How requests reach AWS: kept connections, hard deadlines, verified TLS, no redirects.

botocore signs, parses and finds endpoints; its requests go out here all the same (the event
``before-send``), because its own client knows no deadline for a whole answer and no size limit.
Nothing that leaves this module quotes an address, a header or a body: they hold secrets.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import botocore.session
import certifi
import requests
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as UrllibTimeout

from portal.aws import deadline_sockets, failures
from portal.aws.budget import Budget
from portal.aws.quiet import silence
from portal.aws.retrying import Again, retry_after_seconds
from portal.aws.user_agent import user_agent
from portal.errors import AwsUnavailable, UpstreamError

if TYPE_CHECKING:
    from botocore.compat import HTTPHeaders

CONNECTIONS_PER_HOST = 128
CONNECT_SECONDS = 3.0
"""Longest wait for name lookup, connection and handshake together, so that a retry may follow."""
IDLE_SECONDS = 60.0
"""A connection unused for longer is not trusted: a firewall may have forgotten it silently."""
LONGEST_ANSWER = 256 * 1024
"""Bytes. Real answers have a few kilobytes."""

_SOCKET_OPTIONS: deadline_sockets.SocketOptions = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
)


@dataclass(frozen=True)
class Request:
    """What to send. All of it may be secret. ``ca_bundle``: a PEM file or folder, or empty."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | str | None = field(default=None, repr=False)
    ca_bundle: str = ""

    @property
    def host(self) -> str:
        """The host alone, for logs."""
        return urlsplit(self.url).hostname or "AWS"


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status; the body may be secret."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def stream(self) -> Iterator[bytes]:
        """The body, as botocore asks for it."""
        yield self.body


class _Connection(HTTPConnection):
    """Opened and read by a deadline; not kept for longer than firewalls remember it."""

    _used: float = 0

    def _new_conn(self) -> socket.socket:
        self._used = time.monotonic()
        return deadline_sockets.connect(
            self._dns_host, self.port, self.timeout or CONNECT_SECONDS, _SOCKET_OPTIONS
        )

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as urllib3 has it
        self._used = time.monotonic()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used < IDLE_SECONDS and super().is_connected


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Transport:
    """One for each process, shared by its threads.

    Certificates are verified by the request's bundle, else by AWS_CA_BUNDLE (or ``ca_bundle`` of
    the shared configuration), else REQUESTS_CA_BUNDLE, else certifi's list. Proxies come from the
    environment, as requests reads it.
    """

    def __init__(self) -> None:
        silence()
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str, str], urllib3.PoolManager] = {}

    def send(self, request: Request, budget: Budget) -> Answer:
        """The answer to ``request``, redirects included as they are.

        Raises Again when another attempt may help, else AwsUnavailable (502, 503, 504) or
        ConfigurationProblem.
        """
        outcome = self._outcome(request, budget)
        if isinstance(outcome, Answer):
            return outcome
        raise outcome

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            for route in self._routes.values():
                route.clear()
            self._routes.clear()

    def _outcome(self, request: Request, budget: Budget) -> Answer | Again | UpstreamError:
        # Failures are returned and raised outside, so that they carry no context: the text of
        # urllib3's exceptions quotes addresses.
        seconds = budget.remaining()
        try:
            response = self._route(request).urlopen(
                request.method,
                request.url,
                body=request.body,
                headers=request.headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds),
            )
        except OSError as error:
            return _of_os_error(request.host, error)
        except (HTTPError, http.client.HTTPException, ValueError) as error:
            return _of_http_error(request.host, error)
        except UpstreamError as error:
            return error
        return _read(request.host, response)

    def _route(self, request: Request) -> urllib3.PoolManager:
        """The pool that leads to the request's host, by a proxy where the environment says so."""
        url = urlsplit(request.url)
        key = (url.scheme, url.netloc, request.ca_bundle)
        if key not in self._routes:
            with self._lock:
                if key not in self._routes:
                    self._routes[key] = self._made_route(request)
        return self._routes[key]

    def _made_route(self, request: Request) -> urllib3.PoolManager:
        with requests.Session() as session:
            found = session.merge_environment_settings(request.url, {}, None, None, None)
        bundle = request.ca_bundle or _botocores_bundle() or found["verify"]
        proxy = found["proxies"].get(urlsplit(request.url).scheme) or found["proxies"].get("all")
        settings: dict[str, Any] = {
            "maxsize": CONNECTIONS_PER_HOST,
            "ssl_context": _tls(bundle if isinstance(bundle, str) else certifi.where()),
            "cert_reqs": "CERT_REQUIRED",
        }
        route = _through(proxy, settings) if proxy else urllib3.PoolManager(**settings)
        route.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return route


def _botocores_bundle() -> str:
    try:
        return botocore.session.Session().get_config_variable("ca_bundle") or ""
    except BotoCoreError:
        # A broken shared configuration is told of by the source that needs it.
        return ""


def _tls(bundle: str) -> ssl.SSLContext:
    failure: UpstreamError
    try:
        if Path(bundle).is_dir():
            context = ssl.create_default_context(capath=bundle)
        else:
            context = ssl.create_default_context(cafile=bundle)
    except OSError as error:
        failure = failures.no_bundle(type(error).__name__)
    else:
        context.sslsocket_class = deadline_sockets.DeadlineTlsSocket
        return context
    raise failure


def _through(proxy: str, settings: Mapping[str, Any]) -> urllib3.ProxyManager:
    address = proxy if "//" in proxy else f"http://{proxy}"
    url = urllib3.util.parse_url(address)
    headers = urllib3.make_headers(proxy_basic_auth=url.auth) if url.auth else None
    return urllib3.ProxyManager(address, proxy_headers=headers, **settings)


def _read(host: str, response: urllib3.BaseHTTPResponse) -> Answer | Again | UpstreamError:
    parts: list[bytes] = []
    length = 0
    try:
        for part in response.stream(64 * 1024, decode_content=False):
            parts.append(part)
            length += len(part)
            if length > LONGEST_ANSWER:
                response.close()
                return failures.unreadable(host, f"more than {LONGEST_ANSWER} bytes")
    except (UrllibTimeout, TimeoutError):
        response.close()
        return failures.no_answer(host)
    except (HTTPError, http.client.HTTPException, OSError, ValueError):
        response.close()
        return Again(failures.cut(host), at_once=True)
    return Answer(response.status, response.headers, b"".join(parts))


def _of_os_error(host: str, error: OSError) -> Again | AwsUnavailable:
    why = type(error).__name__
    if isinstance(error, TimeoutError):
        return Again(failures.no_answer(host))
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return Again(failures.broken_off(host, why), at_once=True)
    return Again(failures.unreachable(host, why))


def _of_http_error(host: str, error: Exception) -> Again | AwsUnavailable:
    cause = error.args[-1] if error.args else None
    if isinstance(error, UrllibTimeout):
        return Again(failures.no_answer(host))
    if isinstance(error, SSLError):
        return _of_tls_error(host, cause)
    if isinstance(error, ProtocolError):
        return _of_protocol_error(host, cause)
    if isinstance(error, urllib3.exceptions.ProxyError):
        return Again(failures.unreachable(host, "ProxyError"))
    return failures.unreadable(host, type(error).__name__)


def _of_tls_error(host: str, cause: object) -> Again | AwsUnavailable:
    why = type(cause).__name__
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Again(failures.broken_off(host, why), at_once=True)
    return failures.untrusted(host, why)


def _of_protocol_error(host: str, cause: object) -> Again | AwsUnavailable:
    # urllib3 wraps what the socket raised; RemoteDisconnected is a ConnectionResetError too.
    if isinstance(cause, OSError):
        return _of_os_error(host, cause)
    return failures.unreadable(host, type(cause).__name__)


def answer_botocore(
    transport: Transport, ca_bundle: str, request: AWSPreparedRequest, **_: object
) -> AWSResponse:
    """botocore's event ``before-send``: send its request here, within the current budget.

    An answer that is a redirect, or busy without one of AWS's codes, never reaches the parser.
    """
    headers = dict(cast(Mapping[str, str], request.headers))
    headers["User-Agent"] = user_agent(_text(headers.get("User-Agent", "")))
    body = cast(bytes | str | None, request.body)
    sent = Request(request.method, request.url, headers, body, ca_bundle)
    answer = transport.send(sent, Budget.current())
    refuse_redirect(sent.host, answer)
    if is_busy(answer) and b"<Error" not in answer.body:
        raise come_back_later(sent.host, answer)
    return AWSResponse(request.url, answer.status, cast("HTTPHeaders", answer.headers), answer)


def _text(header: str | bytes) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header


def refuse_redirect(host: str, answer: Answer) -> None:
    """Raises AwsUnavailable (502) when the answer is a redirect."""
    if 300 <= answer.status < 400:
        raise failures.redirected(host, answer.status)


def is_busy(answer: Answer) -> bool:
    """Whether the status alone says that another attempt may succeed."""
    return answer.status == 429 or answer.status >= 500


def come_back_later(host: str, answer: Answer) -> Again:
    """What an answer of 429 or 5xx means."""
    pause = retry_after_seconds(answer.headers.get("Retry-After", ""))
    return Again(failures.busy(host, answer.status), retry_after=pause)
