"""P36, P38: AWS hangs and fifty people click; a flood of requests; the rest goes on.

On two really served workers. What hangs is let go by the test, never by a restart.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.faults import upstream as faults
from tests.faults.test_served import GO, Visitor, rows, verdict, worker_pids
from tests.faults.upstream import Conversation, Upstream
from tests.served import ROOT, Served, served_portal

PEOPLE = 50
CHINA = "/go/china-dev/Developer/"
QUICK_SECONDS = 0.2
GENEROUS_SECONDS = 2.0
"""The slowest single page: two busy cores of a test machine are no promise."""
SECONDS_BETWEEN_CLICKS = 2


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    addresses = {
        "AWS_ENDPOINT_URL_STS": upstream.url,
        "PORTAL_FEDERATION_URL": upstream.federation_url,
    }
    folder = tmp_path_factory.mktemp("overload")
    with served_portal(folder, upstream=addresses, PORTAL_LAUNCHES_PER_MINUTE="0") as served:
        yield served


@pytest.fixture(scope="module")
def people(portal: Served) -> list[requests.Session]:
    """The browsers of a hundred people."""
    return browsers_of(portal, 2 * PEOPLE)


def browsers_of(portal: Served, count: int) -> list[requests.Session]:
    """So many people's, each signed in."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.faults.crowd", str(count)],
        cwd=ROOT,
        env=dict(portal.environment),
        capture_output=True,
        check=True,
    )
    return [browser_with(cookies) for cookies in json.loads(made.stdout)]


def browser_with(cookies: dict[str, str]) -> requests.Session:
    http = requests.Session()
    http.trust_env = False
    http.cookies.update(cookies)
    return http


@contextmanager
def hanging(upstream: Upstream, concerns: Callable[[Conversation], bool]) -> Iterator[None]:
    """Requests that are concerned get no answer until the block ends, and their answer then."""
    over = threading.Event()

    def fault(conversation: Conversation) -> None:
        if concerns(conversation):
            faults.held(over)(conversation)
        else:
            faults.well(conversation)

    upstream.otherwise = fault
    try:
        yield
    finally:
        upstream.otherwise = faults.well
        over.set()


@contextmanager
def again_and_again(acts: Sequence[Callable[[], None]], pause: float = 0) -> Iterator[None]:
    """Do all of these at once, each so many seconds after its end again, until the block ends."""
    stop = threading.Event()

    def repeat(act: Callable[[], None]) -> None:
        while not stop.is_set():
            act()
            stop.wait(pause)

    with ThreadPoolExecutor(len(acts)) as pool:
        repeated = [pool.submit(repeat, act) for act in acts]
        try:
            yield
        finally:
            stop.set()
    assert not [each for each in repeated if each.exception()]


@contextmanager
def clicking(
    url: str, people: list[requests.Session], path: str = GO
) -> Iterator[list[requests.Response]]:
    """People click, and two seconds after an answer again, until the block ends."""
    answers: list[requests.Response] = []

    def click(http: requests.Session) -> None:
        answers.append(http.get(url + path, timeout=30, allow_redirects=False))

    with again_and_again([partial(click, http) for http in people], SECONDS_BETWEEN_CLICKS):
        yield answers


def seconds_of(visitor: Visitor, path: str, times: int) -> list[float]:
    def once() -> float:
        began = time.monotonic()
        assert visitor.go(path).status_code == 200
        return time.monotonic() - began

    return [once() for _ in range(times)]


def require_quick(seconds: list[float], before: list[float]) -> None:
    """Quick by the promise; on a machine that is busy with other things, as quick as before."""
    told = ", ".join(f"{1000 * each:.0f}" for each in seconds)
    allowed = max(QUICK_SECONDS, 2 * statistics.median(before))
    assert statistics.median(seconds) < allowed, told
    assert max(seconds) < max(GENEROUS_SECONDS, 4 * max(before)), told


def wait_for_refusals(answers: Sized, count: int = 10) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends and len(answers) < count:
        threading.Event().wait(0.02)
    assert len(answers) >= count


def of_the_partition_aws(conversation: Conversation) -> bool:
    return conversation.parameters.get("RoleArn", "").startswith("arn:aws:")


def a_federation_call(conversation: Conversation) -> bool:
    return conversation.parameters.get("Action") == "getSigninToken"


def test_P36_sts_hangs_in_one_partition_and_everything_else_stays_quick(
    portal: Served, upstream: Upstream, people: list[requests.Session]
) -> None:
    ann = Visitor(portal).sign_in("ann")
    assert [ann.go(path).status_code for path in (GO, CHINA) * 4] == [302] * 8
    before = worker_pids(portal)
    calm = seconds_of(ann, "/", 10)
    with clicking(portal.url, people[:PEOPLE]) as answers, hanging(upstream, of_the_partition_aws):
        wait_for_refusals(answers)
        pages = seconds_of(ann, "/", 30)
        health = seconds_of(ann, "/healthz", 5)
        elsewhere = [ann.go(CHINA).status_code for _ in range(5)]
        during = list(answers)
    calm += seconds_of(ann, "/", 10)
    require_quick(pages, calm)
    require_quick(health, calm)
    assert elsewhere == [302] * 5
    assert {answer.status_code for answer in during} <= {302, 503}
    refused = [answer for answer in during if answer.status_code == 503]
    assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
    assert "as many people as may already wait" in refused[0].text
    require_row(portal, refused[0])
    assert [ann.go().status_code for _ in range(5)] == [302] * 5
    assert worker_pids(portal) == before
    assert verdict(portal).startswith("ok  ")


def require_row(portal: Served, refused: requests.Response) -> None:
    """The refusal is in the record, under the number that the page shows, with its sentence."""
    number = refused.headers["X-Request-Id"]
    assert number in refused.text
    found = rows(
        portal,
        "SELECT outcome, error, details FROM accounts_entry "
        f"WHERE request_id='{number}' ORDER BY id DESC LIMIT 1",
    )
    outcome, error, details = found[0]
    assert (outcome, error) == ("failed", "Overloaded")
    assert json.loads(details)["message"].startswith("AWS answers slowly")


def test_P36_the_federation_endpoint_hangs_and_pages_stay_quick(
    portal: Served, upstream: Upstream, people: list[requests.Session]
) -> None:
    ann = Visitor(portal).sign_in("ann")
    assert [ann.go().status_code for _ in range(8)] == [302] * 8
    calm = seconds_of(ann, "/", 10)
    with clicking(portal.url, people[:PEOPLE]) as answers, hanging(upstream, a_federation_call):
        wait_for_refusals(answers)
        pages = seconds_of(ann, "/", 20)
    require_quick(pages, calm + seconds_of(ann, "/", 10))
    assert {answer.status_code for answer in answers} <= {302, 503}
    assert [ann.go().status_code for _ in range(5)] == [302] * 5
    assert verdict(portal).startswith("ok  ")


def test_P36_the_brokers_own_credentials_hang_and_pages_stay_quick(
    tmp_path: Path, upstream: Upstream
) -> None:
    """A credential process that answers with a file, and waits until it is there."""
    file = tmp_path / "given"
    process = f"timeout 60 sh -c 'until [ -e {file} ]; do sleep 0.1; done; cat {file}'"
    config = tmp_path / "own-config"
    config.write_text(
        f"[default]\ncredential_process = {process}\n"
        "[profile china]\naws_access_key_id = AKIACHINA\naws_secret_access_key = s\n"
    )
    settings = {
        "AWS_ENDPOINT_URL_STS": upstream.url,
        "PORTAL_FEDERATION_URL": upstream.federation_url,
        "AWS_CONFIG_FILE": str(config),
    }
    given = {"Version": 1, "AccessKeyId": "AKIALATE", "SecretAccessKey": "s"}
    with served_portal(tmp_path, upstream=settings, PORTAL_LAUNCHES_PER_MINUTE="0") as portal:
        ann = Visitor(portal).sign_in("ann")
        calm = seconds_of(ann, "/", 10)
        with clicking(portal.url, browsers_of(portal, PEOPLE)) as answers:
            wait_for_refusals(answers)
            pages = seconds_of(ann, "/", 20)
            assert [ann.go(CHINA).status_code for _ in range(5)] == [302] * 5
            during = list(answers)
            ready = tmp_path / "ready"
            ready.write_text(json.dumps(given))
            ready.rename(file)
        require_quick(pages, calm + seconds_of(ann, "/", 10))
        assert {answer.status_code for answer in during} == {503}
        assert [ann.go().status_code for _ in range(5)] == [302] * 5
        assert verdict(portal).startswith("ok  ")


@contextmanager
def taking(upstream: Upstream, seconds: float) -> Iterator[None]:
    """Each call takes as long as a healthy AWS takes."""

    def answered_in_its_time(conversation: Conversation) -> None:
        upstream.stopping.wait(seconds)
        faults.well(conversation)

    upstream.otherwise = answered_in_its_time
    try:
        yield
    finally:
        upstream.otherwise = faults.well


def clicked_together(url: str, browsers: list[requests.Session]) -> list[requests.Response]:
    """What all are answered who click at the same moment."""
    together = threading.Barrier(len(browsers))

    def click(http: requests.Session) -> requests.Response:
        together.wait(20)
        return http.get(url + GO, timeout=60, allow_redirects=False)

    with ThreadPoolExecutor(len(browsers)) as pool:
        return list(pool.map(click, browsers))


def test_a_burst_at_a_healthy_aws_meets_no_refusal(
    portal: Served, upstream: Upstream, people: list[requests.Session]
) -> None:
    with taking(upstream, 0.1):
        answers = clicked_together(portal.url, people)
    assert Counter(answer.status_code for answer in answers) == {302: 100}


def test_P36_one_person_who_clicks_all_the_time_starves_nobody(
    portal: Served, upstream: Upstream, people: list[requests.Session]
) -> None:
    """AWS is well but slow, and forty clicks of one person are under way at any moment."""
    ann, others = people[0], people[1:5]
    with (
        taking(upstream, 0.5),
        clicking_without_a_break(portal.url, ann, 40) as answers,
    ):
        wait_for_refusals(answers)
        bobs = [http.get(portal.url + GO, timeout=30, allow_redirects=False) for http in others]
    assert [answer.status_code for answer in bobs] == [302] * 4
    assert {answer.status_code for answer in answers} <= {302, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["Retry-After"] == "5"
    assert "As many of your launches" in refused.text


@contextmanager
def clicking_without_a_break(
    url: str, one: requests.Session, times: int
) -> Iterator[list[requests.Response]]:
    """One person has so many clicks under way until the block ends."""
    answers: list[requests.Response] = []

    def click(http: requests.Session) -> None:
        answers.append(http.get(url + GO, timeout=60, allow_redirects=False))

    browsers = [browser_with(one.cookies.get_dict()) for _ in range(times)]
    with again_and_again([partial(click, http) for http in browsers]):
        yield answers


STRANGERS = 40


def test_P38_forty_strangers_with_passwords_leave_pages_and_health_alone(tmp_path: Path) -> None:
    """Each has an address and a name of their own, and tries again as soon as answered.

    A hash takes 100 MB and a core for a moment: what a worker took at most tells how many it made
    at once.
    """
    with served_portal(tmp_path, PORTAL_TRUSTED_PROXIES="127.0.0.1", WEB_CONCURRENCY="1") as portal:
        visitor = Visitor(portal)
        before = max(memory(portal))
        with guessing(visitor) as statuses:
            wait_for_refusals(statuses, STRANGERS)
            assert seconds_of(visitor, "/sign-in/", 10)
            assert seconds_of(visitor, "/healthz", 5)
        most = max(memory(portal, "VmHWM"))
    assert set(statuses) == {403, 429}
    assert most < before + 400_000


@contextmanager
def guessing(visitor: Visitor) -> Iterator[list[int]]:
    """Strangers type wrong passwords until the block ends."""
    page = visitor.go("/sign-in/").text
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    statuses: list[int] = []

    def guess(number: int, http: requests.Session) -> None:
        fields = {"csrfmiddlewaretoken": token, "username": f"nobody-{number}", "password": "x"}
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        answer = http.post(f"{visitor.url}/sign-in/", fields, headers=headers, timeout=60)
        statuses.append(answer.status_code)

    browsers = [browser_with(visitor.http.cookies.get_dict()) for _ in range(STRANGERS)]
    guesses = [partial(guess, number, http) for number, http in enumerate(browsers)]
    with again_and_again(guesses):
        yield statuses


FLOOD = 900
"""Connections at any moment: more than the queues of two workers hold."""


def test_P38_a_flood_is_turned_away_memory_is_flat_and_health_answers(portal: Served) -> None:
    ann = Visitor(portal).sign_in("ann")
    seconds_of(ann, "/", 20)
    before = memory(portal)
    # A browser's tests may have left a loop running in this thread.
    with ThreadPoolExecutor(1) as thread:
        answers = thread.submit(lambda: asyncio.run(flooded(ann))).result()
    turned_away = [answer for answer in answers if b" 503 " in answer[:16]]
    assert turned_away
    assert all(b"\r\nRetry-After: 5\r\n" in answer for answer in turned_away)
    assert {answer.split(b" ")[1] for answer in answers if answer} <= {b"200", b"503"}
    assert max(memory(portal)) < max(before) + 60_000
    assert seconds_of(ann, "/", 3)


async def flooded(ann: Visitor) -> list[bytes]:
    """What a flood of requests for home is told; a health check comes in its midst."""
    flood = [asyncio.create_task(asked(ann, "/")) for _ in range(FLOOD)]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    health = await asyncio.wait_for(asked(ann, "/healthz"), 30)
    assert health.startswith(b"HTTP/1.1 200 ")
    return await asyncio.gather(*flood)


async def asked(ann: Visitor, path: str) -> bytes:
    """The whole answer; nothing where the connection was refused or cut."""
    port = int(ann.url.rpartition(":")[2])
    cookies = "; ".join(f"{each.name}={each.value}" for each in ann.http.cookies)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookies}\r\n"
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
    except OSError:
        return b""
    return answer


def memory(portal: Served, what: str = "VmRSS") -> list[int]:
    """Kilobytes of each worker that are in memory; VmHWM: that were at most."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in worker_pids(portal)]
    return [int(status.split(f"{what}:")[1].split()[0]) for status in statuses]
