"""An upstream that plays STS and the federation endpoint on loopback and fails on demand.

It speaks real HTTP over real sockets. Each request takes the next fault from its queue, and is
answered as ``otherwise`` says when there is none: well, unless a test says otherwise.
"""

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ACCESS_KEY_ID = "ASIAFROMSTS000000001"
SECRET_ACCESS_KEY = "secret-key-from-sts-7f3a"
SESSION_TOKEN = "session-token-from-sts-9c1e"
SIGNIN_TOKEN = "signin-token-from-federation-2b8d"
BROKER_ARN = "arn:aws:iam::222222222222:user/broker"
UPSTREAM_SECRETS = (SECRET_ACCESS_KEY, SESSION_TOKEN, SIGNIN_TOKEN)

Fault = Callable[["Conversation"], None]


@dataclass(frozen=True)
class Seen:
    """One request as the upstream saw it; ``connection`` numbers the TCP connections from 1."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    connection: int


@dataclass
class Upstream:
    """``sts`` and ``federation`` queue the faults of the next requests, the first one first.

    A portal asks who it is when it starts; those calls have a queue (``identity``) and a list
    (``asked_who``) of their own, so that a test sees what people did.
    """

    tls: ssl.SSLContext | None = None
    sts: deque[Fault] = field(default_factory=deque)
    federation: deque[Fault] = field(default_factory=deque)
    identity: deque[Fault] = field(default_factory=deque)
    asked_who: list[Seen] = field(default_factory=list)
    otherwise: Fault = field(default_factory=lambda: well)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    client_gone: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Upstream":
        self._lock = threading.Lock()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def federation_url(self) -> str:
        return f"{self.url}/federation"

    @property
    def asked_sts(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == "/"]

    @property
    def asked_federation(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == "/federation"]

    def connected(self) -> int:
        with self._lock:
            self.connections += 1
            return self.connections

    def next_fault(self, path: str) -> Fault:
        queue = self.sts if path == "/" else self.federation
        with self._lock:
            return queue.popleft() if queue else self.otherwise


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        super().__init__(("127.0.0.1", 0), Conversation)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if not self.upstream.tls:
            super().finish_request(request, client_address)
            return
        with self.upstream.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.upstream.client_gone.set()


class Conversation(BaseHTTPRequestHandler):
    """One TCP connection; ``parameters`` are those of the request at hand."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.number = self.server.upstream.connected()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.parameters = dict(parse_qsl(url.query) + parse_qsl(body))
        headers = {name.lower(): value for name, value in self.headers.items()}
        upstream = self.server.upstream
        seen = Seen(self.command, url.path, url.query, headers, self.parameters, self.number)
        if self.parameters.get("Action") == "GetCallerIdentity":
            upstream.asked_who.append(seen)
            fault = upstream.identity.popleft() if upstream.identity else well
        else:
            upstream.seen.append(seen)
            fault = upstream.next_fault(url.path)
        fault(self)

    do_GET = do_POST = _answer

    def say(self, status: int, body: str | bytes, headers: Mapping[str, str] | None = None) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def say_raw(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def well(conversation: Conversation) -> None:
    """The right answer."""
    action = conversation.parameters.get("Action")
    if action == "getSigninToken":
        conversation.say(200, json.dumps({"SigninToken": SIGNIN_TOKEN}))
    elif action == "GetFederationToken":
        conversation.say(200, federation_answer("222222222222", conversation.parameters["Name"]))
    elif action == "GetCallerIdentity":
        is_chinese = "/cn-" in conversation.headers.get("Authorization", "")
        arn = BROKER_ARN.replace("arn:aws:", "arn:aws-cn:") if is_chinese else BROKER_ARN
        conversation.say(200, identity_answer(arn))
    else:
        conversation.say(200, assume_role_answer(conversation.parameters))


def known_as(arn: str) -> Fault:
    """GetCallerIdentity answered with that ARN."""
    return lambda conversation: conversation.say(200, identity_answer(arn))


def identity_answer(arn: str) -> str:
    account = arn.split(":")[4]
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AIDA1</UserId>"
        f"<Account>{account}</Account></GetCallerIdentityResult>"
        "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )


def assume_role_answer(parameters: Mapping[str, str], arn: str = "", **changes: str | None) -> str:
    head, _, role = parameters["RoleArn"].partition(":role/")
    name = role.rpartition("/")[2]
    session = parameters["RoleSessionName"]
    arn = arn or f"{head.replace(':iam:', ':sts:')}:assumed-role/{name}/{session}"
    user = (
        f"<AssumedRoleUser><AssumedRoleId>AROA1:x</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>"
    )
    return _result(parameters.get("Action", "AssumeRole"), user, changes)


def federation_answer(account: str, name: str, partition: str = "aws") -> str:
    arn = f"arn:{partition}:sts::{account}:federated-user/{name}"
    user = (
        f"<FederatedUser><FederatedUserId>{account}:{name}</FederatedUserId>"
        f"<Arn>{arn}</Arn></FederatedUser>"
    )
    return _result("GetFederationToken", user, {})


def _result(action: str, user: str, changes: Mapping[str, str | None]) -> str:
    fields: dict[str, str | None] = {
        "AccessKeyId": ACCESS_KEY_ID,
        "SecretAccessKey": SECRET_ACCESS_KEY,
        "SessionToken": SESSION_TOKEN,
        "Expiration": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    fields |= changes
    credentials = "".join(
        f"<{name}>{value}</{name}>" for name, value in fields.items() if value is not None
    )
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
        f"<Credentials>{credentials}</Credentials>{user}</{action}Result>"
        f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    )


# --- faults ---------------------------------------------------------------------------------------


def refused(code: str, status: int = 403, message: str = "no", **headers: str) -> Fault:
    """AWS's error document."""
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId>"
        "</ErrorResponse>"
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda conversation: conversation.say(status, body, named)


def said(status: int, body: str | bytes = "", **headers: str) -> Fault:
    """Any status and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda conversation: conversation.say(status, body, named)


def answered_as(arn: str = "", **changes: str | None) -> Fault:
    """AssumeRole answered with another ARN, or with fields changed or (None) left out."""
    return lambda conversation: conversation.say(
        200, assume_role_answer(conversation.parameters, arn, **changes)
    )


def federated_as(account: str, partition: str = "aws") -> Fault:
    """GetFederationToken answered for another account or partition."""
    return lambda conversation: conversation.say(
        200, federation_answer(account, conversation.parameters["Name"], partition)
    )


def raw(content: bytes) -> Fault:
    """Those bytes, and the connection closed."""

    def fault(conversation: Conversation) -> None:
        conversation.say_raw(content)
        conversation.hang_up()

    return fault


def cut(conversation: Conversation) -> None:
    """An answer that breaks off half-way."""
    conversation.say_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<AssumeRoleResponse")
    conversation.hang_up()


def hung_up(conversation: Conversation) -> None:
    """The connection closed without an answer."""
    conversation.hang_up()


def reset(conversation: Conversation) -> None:
    """The connection reset without an answer."""
    linger = struct.pack("ii", 1, 0)
    conversation.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    conversation.hang_up()


def silent(conversation: Conversation) -> None:
    """No answer at all, and the connection kept."""
    conversation.connection.settimeout(30)
    if not conversation.connection.recv(1):
        conversation.server.upstream.client_gone.set()
    conversation.hang_up()


def held(release: threading.Event) -> Fault:
    """Answered well, but only once ``release`` is set; nothing when the client leaves before."""

    def fault(conversation: Conversation) -> None:
        release.wait(30)
        well(conversation)

    return fault


def dripping(beginning: bytes) -> Fault:
    """``beginning`` at once, then a byte every few milliseconds for as long as anybody reads."""

    def fault(conversation: Conversation) -> None:
        upstream = conversation.server.upstream
        conversation.hang_up()
        try:
            conversation.say_raw(beginning)
            while not upstream.stopping.wait(0.02):
                conversation.say_raw(b"a")
        except OSError:
            upstream.client_gone.set()

    return fault


def then_closed(conversation: Conversation) -> None:
    """Answered well, then the kept connection is closed without a word."""
    well(conversation)
    conversation.hang_up()


def together(count: int) -> Fault:
    """Answered well once ``count`` requests are here at the same moment."""
    barrier = threading.Barrier(count, timeout=20)

    def fault(conversation: Conversation) -> None:
        barrier.wait()
        well(conversation)

    return fault
