"""P38: more requests than can be served soon are turned away cheaply; health checks are not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.conf import LazySettings
from django.test import Client

from portal.server import load_shedding
from portal.server.load_shedding import Queue


@pytest.fixture
def waiting() -> Iterator[list[int]]:
    """How many wait, as the test says."""
    length = [0]
    load_shedding.queue.length = lambda: length[0]
    yield length
    load_shedding.queue.length = lambda: 0
    load_shedding.queue.is_too_long()


def test_P38_a_long_queue_is_turned_away_until_it_has_shrunk(
    waiting: list[int], settings: LazySettings, client: Client, db: None
) -> None:
    settings.PORTAL_THREADS = 16
    statuses = []
    for length in (0, 256, 257, 256, 65, 64, 256):
        waiting[0] = length
        statuses.append(client.get("/sign-in/").status_code)
    assert statuses == [200, 200, 503, 503, 503, 200, 200]


def test_P38_whoever_is_turned_away_is_told_when_to_come_back(
    waiting: list[int], client: Client, db: None
) -> None:
    waiting[0] = 10_000
    answer = client.get("/sign-in/")
    assert answer["Retry-After"] == "5"
    assert "Try again in a few seconds" in answer.content.decode()
    assert answer["X-Frame-Options"] == "DENY"
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_the_queue_is_that_of_the_servers_threads() -> None:
    queue, hold = Queue(), Event()
    with ThreadPoolExecutor(1) as threads:
        queue.watch(threads)
        running = Event()
        threads.submit(running.set)
        assert running.wait(10)
        busy = Event()

        def hold_on() -> None:
            busy.set()
            hold.wait(10)

        for _ in range(4):
            threads.submit(hold_on)
        assert busy.wait(10)
        assert queue.length() == 3
        hold.set()
