"""The portal as it is served: many people at once, killed workers, a broken disk, and no secret.

P20, P26, P28: on two worker processes with their own database, against the strict stand-in.
"""

import os
import re
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.standin import SeenRequest
from tests.faults import upstream as faults
from tests.faults.upstream import UPSTREAM_SECRETS, Upstream
from tests.served import KEYS, PASSWORDS, Served, served_portal

GO = "/go/payments-dev/Developer/"


class Visitor:
    """Somebody with a plain HTTP client: no Sec-Fetch headers, as from a script."""

    def __init__(self, served: Served) -> None:
        self.url = served.url
        self.http = requests.Session()
        self.http.trust_env = False

    def sign_in(self, name: str) -> "Visitor":
        page = self.http.get(f"{self.url}/sign-in/", timeout=20).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        answer = self.http.post(
            f"{self.url}/sign-in/",
            {
                "username": name,
                "password": PASSWORDS[name],
                "csrfmiddlewaretoken": token[1],
            },
            timeout=20,
            allow_redirects=False,
        )
        assert answer.status_code == 303
        return self

    def go(self, path: str = GO) -> requests.Response:
        return self.http.get(self.url + path, timeout=20, allow_redirects=False)


def rows(served: Served, statement: str) -> list[tuple[Any, ...]]:
    path = served.environment["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database, database:
        return database.execute(statement).fetchall()


def asked_for_people(served: Served) -> list[SeenRequest]:
    """What AWS was asked, but for who the portal is, which each worker asks when it starts."""
    who = "GetCallerIdentity"
    return [seen for seen in served.standin.requests if seen.parameters.get("Action") != who]


def verdict(served: Served) -> str:
    return served.manage("audit", "verify").stdout


def worker_pids(served: Served) -> list[int]:
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A portal that a test may break."""
    with served_portal(tmp_path, PORTAL_UPSTREAM_TIMEOUT_SECONDS="5") as portal:
        yield portal


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def test_twenty_people_who_launch_at_once_all_arrive_and_the_chain_is_whole(own: Served) -> None:
    visitors = [Visitor(own).sign_in("ann") for _ in range(20)]
    together = threading.Barrier(20)

    def arrive(visitor: Visitor) -> str:
        together.wait(20)
        login = visitor.go()
        assert login.status_code in (302, 303), login.text
        console = requests.get(login.headers["Location"], timeout=20)
        assert console.status_code == 200
        return console.text

    with ThreadPoolExecutor(20) as pool:
        pages = list(pool.map(arrive, visitors))
    assert all("assumed-role/Developer/ann" in page for page in pages)
    launched = rows(own, "SELECT count(*) FROM accounts_entry WHERE phase='closed' AND ip<>''")
    assert launched[0][0] >= 20
    assert verdict(own).startswith("ok  ")


def test_P28_a_worker_killed_in_mid_launch_leaves_an_act_started_and_others_go_on(
    tmp_path: Path, upstream: Upstream
) -> None:
    upstream_urls = {
        "AWS_ENDPOINT_URL_STS": upstream.url,
        "PORTAL_FEDERATION_URL": upstream.federation_url,
    }
    with served_portal(tmp_path, upstream=upstream_urls) as served:
        visitor = Visitor(served).sign_in("ann")
        asked = threading.Event()

        def never_answer(conversation: faults.Conversation) -> None:
            asked.set()
            faults.silent(conversation)

        upstream.sts.append(never_answer)
        waiting = threading.Thread(target=lambda: _ignoring_the_cut(visitor))
        waiting.start()
        assert asked.wait(20)
        for pid in worker_pids(served):
            os.kill(pid, signal.SIGKILL)
        waiting.join(20)
        begun = rows(
            served,
            "SELECT outcome FROM accounts_entry WHERE action='launch' AND ip<>'' "
            "AND actor='ann' AND request_id<>'' ORDER BY id",
        )
        assert begun == [("started",)]
        assert visitor.go().status_code in (302, 303)
        assert verdict(served).startswith("ok  ")


def _ignoring_the_cut(visitor: Visitor) -> None:
    try:
        visitor.go()
    except requests.ConnectionError:
        return


def test_P26_a_database_that_refuses_writes_launches_nothing_and_answers_503(
    own: Served,
) -> None:
    visitor = Visitor(own).sign_in("ann")
    asked = len(asked_for_people(own))
    rows(
        own,
        "CREATE TRIGGER full_disk BEFORE INSERT ON accounts_entry "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    )
    answer = visitor.go()
    assert answer.status_code == 503
    assert len(asked_for_people(own)) == asked
    assert "cannot write its record" in answer.text
    assert "RecordUnavailable" in own.log.read_text()


def test_P26_a_database_file_that_is_gone_launches_nothing_until_it_is_back(
    own: Served,
) -> None:
    visitor = Visitor(own).sign_in("ann")
    assert {visitor.go().status_code for _ in range(5)} == {302}
    entries = rows(own, "SELECT count(*) FROM accounts_entry")
    database = Path(own.environment["DATABASE_URL"].removeprefix("sqlite:///"))
    away = database.with_name("away")
    database.rename(away)
    asked = len(asked_for_people(own))
    answers = [visitor.go() for _ in range(8)]
    assert not [answer for answer in answers if "SigninToken" in answer.headers.get("Location", "")]
    assert len(asked_for_people(own)) == asked
    assert requests.get(f"{own.url}/readyz", timeout=5).status_code == 503
    assert not database.exists()
    away.rename(database)
    statuses = [visitor.go().status_code for _ in range(64)]
    assert statuses[-1] == 302
    opened = sum(status == 302 for status in statuses)
    assert rows(own, "SELECT count(*) FROM accounts_entry")[0][0] == entries[0][0] + 2 * opened
    assert verdict(own).startswith("ok  ")


def test_readiness_tells_of_a_missing_trigger_and_liveness_does_not_care(own: Served) -> None:
    anywhere = {"Host": "10.0.0.7"}
    assert requests.get(f"{own.url}/readyz", headers=anywhere, timeout=5).status_code == 200
    rows(own, "DROP TRIGGER entry_no_update")
    answer = requests.get(f"{own.url}/readyz", headers=anywhere, timeout=5)
    assert answer.status_code == 503
    assert "entry_no_update" in answer.text
    assert requests.get(f"{own.url}/healthz", headers=anywhere, timeout=5).status_code == 200


def test_P20_no_secret_is_in_any_log_page_row_or_file_at_debug(
    tmp_path: Path, upstream: Upstream
) -> None:
    broker_secret = "broker-secret-that-nobody-may-see-0001"
    upstream_urls = {
        "AWS_ENDPOINT_URL_STS": upstream.url,
        "PORTAL_FEDERATION_URL": upstream.federation_url,
        "AWS_ACCESS_KEY_ID": "AKIABROKER0000000001",
        "AWS_SECRET_ACCESS_KEY": broker_secret,
    }
    with served_portal(tmp_path, upstream=upstream_urls, LOG_LEVEL="DEBUG") as served:
        pages = [_a_day_at_the_portal(served, upstream)]
        environment = dict(served.environment)
        served.manage("access", "export")
    secrets = [
        broker_secret,
        *UPSTREAM_SECRETS,
        *KEYS.values(),
        *PASSWORDS.values(),
        "a-wrong-password-7781",
    ]
    kept = [path for path in tmp_path.iterdir() if path.suffix != "" or path.name == "portal.log"]
    texts = {path.name: path.read_bytes().decode("utf-8", "replace") for path in kept}
    texts["pages"] = "\n".join(pages)
    assert "portal.log" in texts
    assert any("sqlite3" in name for name in texts)
    assert environment["LOG_LEVEL"] == "DEBUG"
    found = [(name, secret) for name, text in texts.items() for secret in secrets if secret in text]
    assert found == []


def _a_day_at_the_portal(served: Served, upstream: Upstream) -> str:
    """Right and wrong passwords, launches by POST and GET that succeed and fail in many ways."""
    stranger = Visitor(served)
    page = stranger.http.get(f"{served.url}/sign-in/", timeout=20).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    form = {
        "username": "ann",
        "password": "a-wrong-password-7781",
        "csrfmiddlewaretoken": token[1],
    }
    seen = [stranger.http.post(f"{served.url}/sign-in/", form, timeout=20).text]
    ann = Visitor(served).sign_in("ann")
    by_get = "/go/payments-prod/ReadOnly/"
    for sts, federation in (
        ([], []),
        ([faults.refused("AccessDenied", message="as said")], []),
        ([faults.said(200, "<nonsense/>")], []),
        ([faults.cut] * 5, []),
        ([], [faults.said(400, "no")]),
        ([], [faults.said(302, Location="https://evil.example/")]),
        ([], [faults.raw(b"garbage\r\n\r\n")] * 5),
        ([], [faults.reset] * 5),
    ):
        for path in (GO, by_get):
            upstream.sts.extend(sts)
            upstream.federation.extend(federation)
            seen.append(ann.go(path).text)
            upstream.sts.clear()
            upstream.federation.clear()
    seen.extend(ann.go(path).text for path in ("/", "/history/", "/history/export.json"))
    return "\n".join(seen)
