"""Slow clients hold no thread, neither while they ask nor while they are answered."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from portal.server import slow_clients
from portal.server.arriving import LONGEST_BODY, look
from portal.server.slow_clients import ClientSocket
from tests.served import Served, served_portal

THREADS = 4
HEAD = b"GET /sign-in/ HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
CHUNKED = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal with one worker of four threads."""
    folder = tmp_path_factory.mktemp("small")
    with served_portal(folder, WEB_CONCURRENCY="1", PORTAL_THREADS=str(THREADS)) as portal:
        yield portal


@pytest.fixture
def strangers(small: Served) -> Iterator["Strangers"]:
    with ExitStack() as stack:
        yield Strangers(int(small.environment["PORT"]), stack)


class Strangers:
    """Connections that stay open until the test ends."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self.port = port
        self.stack = stack

    def connect(self, sends: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.stack.enter_context(closing(connection))
        connection.sendall(sends)
        return connection


def seconds_for_a_page(small: Served) -> float:
    began = time.monotonic()
    assert requests.get(f"{small.url}/sign-in/", timeout=20).status_code == 200
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sends",
    [
        b"",
        HEAD,
        POST + b"100\r\n\r\nusername=",
        POST + b"200000\r\n\r\nusername=" + b"x" * 100_000,
        HEAD + b"Connection: close\r\n\r\n",
        HEAD + b"\r\n",
        POST + b"100\r\nExpect: 100-continue\r\n\r\n",
        POST + b"9999999\r\n\r\nusername=",
        POST + b"9" * 20 + b"\r\n\r\n",
        CHUNKED + b"5\r\nab",
        (HEAD + b"X: " + b"x" * 4_000 + b"\r\n") * 10,
        HEAD + b"\r\nGET /sign-in/",
        b"\r\n\r\nGET /sign-in/",
    ],
    ids=[
        "silent",
        "half a head",
        "half a form",
        "half a long form",
        "never parting",
        "idle",
        "to be told to go on",
        "too long a form",
        "a form without end",
        "half a chunk",
        "a head without end",
        "half a second head",
        "half a head after empty lines",
    ],
)
def test_P38_slow_clients_many_times_the_threads_keep_nobody_waiting(
    sends: bytes, small: Served, strangers: Strangers
) -> None:
    for _ in range(10 * THREADS):
        strangers.connect(sends)
    # Whatever a stranger's first turn leaves behind has its second one after the first page.
    assert max(seconds_for_a_page(small) for _ in range(2)) < 3


def test_P38_who_drips_byte_by_byte_keeps_nobody_waiting(
    small: Served, strangers: Strangers
) -> None:
    dripping = [strangers.connect(HEAD + b"X-Slow: ") for _ in range(3 * THREADS)]
    for _ in range(20):
        for connection in dripping:
            connection.sendall(b"x")
        assert seconds_for_a_page(small) < 3


def test_P38_more_connections_than_a_worker_keeps_close_the_oldest_ones(
    small: Served, strangers: Strangers
) -> None:
    oldest = strangers.connect(HEAD)
    for _ in range(600):
        strangers.connect(HEAD)
    assert seconds_for_a_page(small) < 3
    with pytest.raises(ConnectionResetError):
        oldest.recv(1)


def test_a_request_in_pieces_is_answered(strangers: Strangers) -> None:
    connection = strangers.connect()
    for piece in (HEAD[:10], HEAD[10:], b"Connection: cl", b"ose\r\n\r", b"\n"):
        connection.sendall(piece)
        time.sleep(0.05)  # so that each is a packet of its own
    assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_requests_sent_together_are_answered_one_after_the_other(strangers: Strangers) -> None:
    connection = strangers.connect((HEAD + b"\r\n") * 2 + HEAD + b"Connection: close\r\n\r\n")
    assert connection.makefile("rb").read().count(b"HTTP/1.1 200 OK\r\n") == 3


def test_a_client_that_wants_to_be_told_to_go_on_is_told(strangers: Strangers) -> None:
    connection = strangers.connect(POST + b"1\r\nExpect: 100-continue\r\n\r\n")
    answer = connection.makefile("rb")
    assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
    connection.sendall(b"x")
    assert b"403" in answer.read(100)


@pytest.mark.parametrize(
    ("sends", "status"),
    [
        (HEAD.replace(b"/sign-in/", b"/" + b"x" * 9_000) + b"\r\n", b"414"),
        (HEAD + b"X-Long: " + b"x" * 9_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"X-Many: x\r\n" * 200 + b"\r\n", b"431"),
        (HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"Bad Name: x\r\n\r\n", b"400"),
        (POST + b"300000\r\n\r\n" + b"x" * 300_000, b"413"),
        (POST + b"300000\r\nExpect: 100-continue\r\n\r\n", b"413"),
        (POST + b"9" * 5_000 + b"\r\n\r\n", b"413"),
        (POST + b"-1\r\n\r\n", b"400"),
        (POST + b"0" * 20 + b"1\r\n\r\nx", b"403"),
        (CHUNKED + b"1\r\nx\r\n0\r\n\r\n", b"411"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", b"411"),
    ],
)
def test_what_is_too_large_or_nonsense_is_answered_and_read_no_further(
    sends: bytes, status: bytes, strangers: Strangers
) -> None:
    answer = strangers.connect(sends).makefile("rb").readline()
    assert answer.startswith(b"HTTP/1.1 " + status), answer


@pytest.mark.parametrize(
    "says",
    [b"charset=zlib", b"charset=undefined", b"charset*=undefined''%41", b"charset*=none-such''a"],
)
def test_no_header_breaks_a_request_before_a_page_can_answer(
    says: bytes, strangers: Strangers
) -> None:
    head = b" /sign-in/?next=%41 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
    kind = b"Content-Type: application/x-www-form-urlencoded; " + says + b"\r\n\r\n"
    for method, status in ((b"GET", b"200"), (b"POST", b"400")):
        answer = strangers.connect(method + head + kind).makefile("rb").readline()
        assert answer.startswith(b"HTTP/1.1 " + status), answer


@pytest.mark.parametrize(
    "sends", [POST + b"9999999\r\n\r\n", CHUNKED, HEAD * 3_000], ids=["long", "chunked", "head"]
)
def test_what_is_refused_unread_is_told_why_and_closed(sends: bytes, strangers: Strangers) -> None:
    answer = strangers.connect(sends).makefile("rb").read()
    head, _, text = answer.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in head
    assert b"\r\nX-Content-Type-Options: nosniff" in head
    assert text.count(b". ") == 1
    assert text.endswith(b".\n")
    assert f"\r\nContent-Length: {len(text)}\r\n".encode() in head


def test_a_request_that_came_along_with_the_last_one_may_end_later(strangers: Strangers) -> None:
    connection = strangers.connect(HEAD + b"\r\n" + HEAD)
    answer = connection.makefile("rb")
    assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
    connection.sendall(b"Connection: close\r\n\r\n")
    assert answer.read().count(b"HTTP/1.1 200 OK\r\n") == 1


def test_a_half_closed_request_that_never_ends_is_let_go_at_once(strangers: Strangers) -> None:
    connection = strangers.connect(HEAD)
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(2)
    assert connection.recv(1) == b""


@pytest.fixture
def ends() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """The two ends of a connection: the server's and the client's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        ClientSocket(listener.accept()[0]) as server,
    ):
        yield server, client


def test_a_request_of_any_length_that_is_taken_is_waited_for(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    server, client = ends
    client.sendall(POST + str(LONGEST_BODY).encode() + b"\r\n\r\n")
    assert server.arrival().missing == LONGEST_BODY
    client.sendall(b"x" * (LONGEST_BODY - 1))
    assert server.arrival().missing == 1
    client.sendall(b"x")
    assert select.select([server], [], [], 10)[0]
    assert server.arrival().missing == 0


def test_one_byte_more_than_is_taken_is_not_waited_for() -> None:
    assert b" 413 " in look(POST + str(LONGEST_BODY + 1).encode() + b"\r\n\r\n").refusal


def test_who_wants_to_be_told_to_go_on_is_told_once(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    server, client = ends
    client.sendall(POST + b"3\r\nExpect: 100-Continue\r\n\r\n")
    assert server.arrival().missing == 3
    client.sendall(b"xxx")
    assert select.select([server], [], [], 10)[0]
    assert server.arrival().missing == 0
    server.shutdown(socket.SHUT_WR)
    assert client.makefile("rb").read() == b"HTTP/1.1 100 Continue\r\n\r\n"


def drip(client: socket.socket, server: socket.socket) -> None:
    while True:
        client.sendall(b"x")
        server.recv(1)


def pour(server: socket.socket) -> None:
    while True:
        server.sendall(b"x" * 1_000_000)


def test_reading_ends_at_the_deadline_however_often_a_byte_comes(
    ends: tuple[ClientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "SECONDS_TO_READ", 0.2)
    server, client = ends
    server.begin()
    began = time.monotonic()
    with pytest.raises(ConnectionResetError):
        drip(client, server)
    with pytest.raises(ConnectionResetError):
        server.recv(1)
    assert time.monotonic() - began < 10


def test_an_answer_that_nobody_takes_ends_at_the_deadline(
    ends: tuple[ClientSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "SECONDS_TO_TAKE_THE_ANSWER", 0.2)
    server, _ = ends
    server.begin()
    began = time.monotonic()
    with pytest.raises(ConnectionResetError):
        pour(server)
    assert time.monotonic() - began < 10


def test_a_stop_does_not_wait_for_requests_that_never_come(tmp_path: Path) -> None:
    with served_portal(tmp_path, WEB_CONCURRENCY="1", PORTAL_THREADS="2") as portal:
        port = int(portal.environment["PORT"])
        with (
            socket.create_connection(("127.0.0.1", port)) as silent,
            socket.create_connection(("127.0.0.1", port)) as half,
        ):
            half.sendall(HEAD)
            assert requests.get(f"{portal.url}/healthz", timeout=20).status_code == 200
            began = time.monotonic()
            portal.process.terminate()
            portal.process.wait(timeout=20)
            assert time.monotonic() - began < 8
            silent.settimeout(1)
            assert silent.recv(1) == b""
