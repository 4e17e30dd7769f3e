"""nginx while clients are slow, while the portal is away, and while it is told to stop."""

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import requests

from tests.faults import upstream as faults
from tests.faults.upstream import Upstream
from tests.proxy.conftest import PROXY, Behind
from tests.proxy.nginx import nginx_before
from tests.proxy.people import GO, Person
from tests.served import free_port, served_portal

HALVES = (
    b"GET / HTTP/1.1\r\nHost: loc",
    b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nusername=",
)


def test_P38_slow_clients_of_nginx_hold_no_thread_of_the_portal(behind: Behind) -> None:
    ann = Person(behind, "127.0.0.31").sign_in("ann")
    context = ssl.create_default_context(cafile=behind.nginx.certificates.authority)
    with ExitStack() as stack:
        for half in HALVES:
            for _ in range(60):
                plain = socket.create_connection(("127.0.0.1", behind.nginx.secure_port), 20)
                slow = context.wrap_socket(plain, server_hostname="localhost")
                stack.enter_context(closing(slow))
                slow.sendall(half)
        for _ in range(5):
            began = time.monotonic()
            assert ann.get("/").status_code == 200
            assert time.monotonic() - began < 9


def test_while_the_portal_is_away_there_is_a_sentence_and_a_time_to_try_again(
    tmp_path: Path,
) -> None:
    with nginx_before(f"127.0.0.1:{free_port()}", tmp_path, free_port()) as nginx:
        for path in ("/", "/healthz"):
            answer = requests.get(
                nginx.url + path, verify=str(nginx.certificates.authority), timeout=20
            )
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "10"
            assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
            assert "Try again in a minute" in answer.text


def test_P40_told_to_stop_the_portal_finishes_the_launches_in_flight_and_takes_no_new_ones(
    tmp_path: Path,
) -> None:
    port, go_on, asked = free_port(), threading.Event(), threading.Semaphore(0)

    def when_told(conversation: faults.Conversation) -> None:
        asked.release()
        go_on.wait(20)
        faults.well(conversation)

    with Upstream(otherwise=when_told) as upstream, ExitStack() as stack:
        portal = stack.enter_context(
            served_portal(
                tmp_path,
                upstream={
                    "AWS_ENDPOINT_URL_STS": upstream.url,
                    "PORTAL_FEDERATION_URL": upstream.federation_url,
                },
                PORTAL_URL=f"https://localhost:{port}",
                PORTAL_TRUSTED_PROXIES=PROXY,
            )
        )
        (tmp_path / "nginx").mkdir()
        before = f"127.0.0.1:{portal.environment['PORT']}"
        nginx = stack.enter_context(nginx_before(before, tmp_path / "nginx", port))
        people = [Person(Behind(portal, nginx), "127.0.0.32").sign_in("ann") for _ in range(4)]
        pool = stack.enter_context(ThreadPoolExecutor(len(people)))
        launches = [pool.submit(person.get, GO) for person in people]
        assert all(asked.acquire(timeout=20) for _ in people)
        portal.process.terminate()
        deadline = time.monotonic() + 10
        while people[0].get("/healthz").status_code != 503 and time.monotonic() < deadline:
            pass
        assert people[0].get("/").status_code == 503
        go_on.set()
        answers = [launch.result() for launch in launches]
        assert {answer.status_code for answer in answers} == {302}
        assert all(answer.headers["Location"].startswith(upstream.url) for answer in answers)
        assert portal.process.wait(timeout=20) == 0
        assert portal.manage("audit", "verify").stdout.startswith("ok  ")
