"""P40: a stop finishes the launches in flight and takes no new ones, and all ends cleanly."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.faults import upstream as faults
from tests.faults.test_served import Visitor, rows, verdict, worker_pids
from tests.faults.upstream import Conversation, Upstream
from tests.served import Served, served_portal

BUDGET = 3
"""PORTAL_UPSTREAM_TIMEOUT_SECONDS; a stop may take it and five seconds."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@contextmanager
def served(folder: Path, upstream: Upstream, seconds: int = BUDGET) -> Iterator[Served]:
    addresses = {
        "AWS_ENDPOINT_URL_STS": upstream.url,
        "PORTAL_FEDERATION_URL": upstream.federation_url,
    }
    budget = {"PORTAL_UPSTREAM_TIMEOUT_SECONDS": str(seconds)}
    with served_portal(folder, upstream=addresses, **budget) as running:
        yield running


@pytest.fixture
def portal(tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    """One that a test may stop."""
    with served(tmp_path, upstream) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    """One whose workers a test may end."""
    with served(tmp_path_factory.mktemp("lasting"), upstream) as running:
        yield running


@contextmanager
def in_flight(portal: Served, upstream: Upstream) -> Iterator["Future[requests.Response]"]:
    """A launch that AWS has been asked for and does not answer before the block ends."""
    asked, release = threading.Event(), threading.Event()

    def held(conversation: Conversation) -> None:
        asked.set()
        faults.held(release)(conversation)

    ann = Visitor(portal).sign_in("ann")
    upstream.sts.append(held)
    with ThreadPoolExecutor(1) as pool:
        launch = pool.submit(ann.go)
        assert asked.wait(20)
        try:
            yield launch
        finally:
            release.set()


def last_launch(portal: Served) -> tuple[str, str, str]:
    """Phase, outcome and error of the newest row of a launch that somebody made."""
    statement = (
        "SELECT phase, outcome, error FROM accounts_entry "
        "WHERE action='launch' AND request_id<>'' ORDER BY id DESC LIMIT 1"
    )
    phase, outcome, error = rows(portal, statement)[0]
    return str(phase), str(outcome), str(error)


def refuses_connections(portal: Served) -> bool:
    port = int(portal.url.rpartition(":")[2])
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return True
    return False


def wait_until_refused(portal: Served) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends and not refuses_connections(portal):
        threading.Event().wait(0.02)
    assert refuses_connections(portal)


def all_workers(portal: Served) -> list[int]:
    """Both of them: the second one may still be starting."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends and len(worker_pids(portal)) < 2:
        threading.Event().wait(0.02)
    return worker_pids(portal)


def wait_for_other_workers(portal: Served, before: list[int]) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        now = worker_pids(portal)
        if len(now) == len(before) and not set(now) & set(before):
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"the same workers: {before}")


def test_P40_a_stop_delivers_the_launch_in_flight_and_takes_no_new_one(
    portal: Served, upstream: Upstream
) -> None:
    """Also when whoever stops it grows impatient and says so twice."""
    with in_flight(portal, upstream) as launch:
        for _ in range(2):
            portal.process.send_signal(signal.SIGTERM)
            wait_until_refused(portal)
    assert launch.result(20).status_code == 302
    assert portal.process.wait(20) == 0
    assert last_launch(portal) == ("closed", "succeeded", "")
    assert verdict(portal).startswith("ok  ")


def test_P40_a_stop_waits_for_no_answer_longer_than_the_launch_may(
    portal: Served, upstream: Upstream
) -> None:
    with in_flight(portal, upstream) as launch:
        portal.process.send_signal(signal.SIGTERM)
        assert portal.process.wait(20) == 0
        assert launch.result(20).status_code == 504
    assert last_launch(portal)[:2] == ("closed", "failed")
    assert verdict(portal).startswith("ok  ")


def test_P40_connections_that_idle_do_not_delay_a_stop(tmp_path: Path, upstream: Upstream) -> None:
    """Long before it would wait for nobody any more."""
    with served(tmp_path, upstream, seconds=60) as portal, ExitStack() as open_ones:
        for _ in range(10):
            session = open_ones.enter_context(requests.Session())
            session.trust_env = False
            assert session.get(f"{portal.url}/healthz", timeout=5).status_code == 200
            port = int(portal.url.rpartition(":")[2])
            open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
        portal.process.send_signal(signal.SIGTERM)
        assert portal.process.wait(30) == 0


def test_P40_workers_that_are_told_to_stop_deliver_and_are_replaced(
    lasting: Served, upstream: Upstream
) -> None:
    before = all_workers(lasting)
    with in_flight(lasting, upstream) as launch:
        for pid in before:
            os.kill(pid, signal.SIGTERM)
    assert launch.result(20).status_code == 302
    wait_for_other_workers(lasting, before)
    assert Visitor(lasting).sign_in("ann").go().status_code == 302
    assert verdict(lasting).startswith("ok  ")


def test_P40_a_reload_delivers_the_launch_in_flight_and_goes_on_serving(
    lasting: Served, upstream: Upstream
) -> None:
    before = all_workers(lasting)
    with in_flight(lasting, upstream) as launch:
        lasting.process.send_signal(signal.SIGHUP)
        assert requests.get(f"{lasting.url}/healthz", timeout=5).status_code == 200
    assert launch.result(20).status_code == 302
    wait_for_other_workers(lasting, before)
    assert lasting.process.returncode is None
    assert Visitor(lasting).sign_in("ann").go().status_code == 302


def test_P28_a_killed_worker_leaves_started_and_another_takes_its_place(
    lasting: Served, upstream: Upstream
) -> None:
    before = all_workers(lasting)
    with in_flight(lasting, upstream) as launch:
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            launch.result(20)
    assert last_launch(lasting) == ("opened", "started", "")
    wait_for_other_workers(lasting, before)
    assert Visitor(lasting).sign_in("ann").go().status_code == 302
    assert verdict(lasting).startswith("ok  ")
