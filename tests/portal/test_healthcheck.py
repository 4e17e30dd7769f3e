"""What the image's health check says of a server that answers, and of one that does not."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.served import ROOT, Served, free_port


def health(environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "portal.server.healthcheck"],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0"])
def test_a_server_that_answers_is_healthy_without_a_word(served: Served, bind: str) -> None:
    proxied = {"http_proxy": "http://127.0.0.1:1"}
    answer = health({**served.environment, "BIND": bind, **proxied})
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_no_server_is_unhealthy_in_one_line(served: Served) -> None:
    port = str(free_port())
    answer = health({**served.environment, "PORT": port})
    assert answer.returncode == 1
    assert answer.stderr == f"127.0.0.1 port {port} does not answer: ConnectionRefusedError\n"
