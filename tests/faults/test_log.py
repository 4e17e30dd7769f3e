"""Each line of the log is JSON; a request's number is on its page, its row and its AWS calls."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults import upstream as faults
from tests.faults.test_served import GO, Visitor, rows, worker_pids
from tests.faults.upstream import BROKER_ARN, Upstream
from tests.served import Served, served_portal

SECRET = "a-cookie-that-nobody-may-read"


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
    with served_portal(tmp_path_factory.mktemp("log"), upstream=addresses) as served:
        yield served


def lines(portal: Served) -> list[dict[str, Any]]:
    """Every line there is; one that is no JSON object fails the test."""
    parsed = [json.loads(line) for line in portal.log.read_text(encoding="utf-8").splitlines()]
    assert all(isinstance(line, dict) and line["level"] and line["time"] for line in parsed)
    return parsed


def wait_for_line(portal: Served, **wanted: str) -> dict[str, Any]:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        for line in lines(portal):
            if all(words in str(line.get(name, "")) for name, words in wanted.items()):
                return line
        threading.Event().wait(0.05)
    raise AssertionError(f"no line {wanted}: {portal.log.read_text(encoding='utf-8')}")


def test_one_number_is_on_the_page_the_row_the_log_line_and_the_calls(
    portal: Served, upstream: Upstream
) -> None:
    upstream.federation.append(faults.said(400, "no"))
    answer = Visitor(portal).sign_in("ann").go()
    number = answer.headers["X-Request-Id"]
    assert answer.status_code == 502
    assert number in answer.text
    told = [seen.headers["user-agent"] for seen in upstream.seen[-2:]]
    assert all(agent.endswith(f"sekisho/{number}") for agent in told)
    found = rows(portal, f"SELECT phase FROM accounts_entry WHERE request_id='{number}'")
    assert sorted(found) == [("closed",), ("opened",)]
    about = [line for line in lines(portal) if line.get("request_id") == number]
    assert {line["message"] for line in about} >= {"failed", "request"}
    assert {line["path"] for line in about if "path" in line} == {GO}


def test_who_the_broker_is_stands_in_the_log_once_for_each_source(portal: Served) -> None:
    found = wait_for_line(portal, message="broker", source="default")
    wait_for_line(portal, message="broker", source="china")
    assert (found["arn"], found["account"]) == (BROKER_ARN, BROKER_ARN.split(":")[4])
    assert (found["method"], found["chained"]) == ("config-file", False)
    booted = [line for line in lines(portal) if line["message"].startswith("Booting")]
    if len(booted) == 2:
        assert len([line for line in lines(portal) if line["message"] == "broker"]) == 2


def test_a_broker_without_credentials_is_a_warning_that_names_the_fix(tmp_path: Path) -> None:
    none = {"AWS_CONFIG_FILE": os.devnull}
    with served_portal(tmp_path, upstream=none) as portal:
        line = wait_for_line(portal, message="broker unknown", source="default")
        china = wait_for_line(portal, message="broker unknown", source="china")
    assert (line["level"], line["code"]) == ("WARNING", "NoCredentialsError")
    assert "AWS_ACCESS_KEY_ID" in line["check"][0]
    assert china["code"] == "ProfileNotFound"
    assert "“china”" in china["check"][0]


def test_P20_the_servers_own_messages_are_json_and_quote_nobody(portal: Served) -> None:
    port = int(portal.url.rpartition(":")[2])
    for request in (
        f"GET /?{SECRET}\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nCookie : {SECRET}\r\n\r\n",
        f"{SECRET}\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request.encode())
            assert client.recv(4096).startswith(b"HTTP/1.1 400")
    wait_for_line(portal, message="unreadable request", ip="127.0.0.1")
    killed = worker_pids(portal)[0]
    os.kill(killed, signal.SIGKILL)
    wait_for_line(portal, message=f"Worker (pid:{killed}) was sent SIGKILL", level="ERROR")
    wait_for_line(portal, message="Booting worker", level="INFO")
    assert requests.get(f"{portal.url}/healthz", timeout=5).status_code == 200
    assert SECRET not in portal.log.read_text(encoding="utf-8")
