"""A portal as people meet it: really served, with the stand-in as AWS, on its own database.

The whole thing runs in processes of its own: gunicorn started by ``portal.server.serve``, the
stand-in in this process, so that a test can look at what AWS was asked.
"""

import atexit
import functools
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from demo.people import CAST
from demo.standin import StandIn
from demo.standin.organisation import (
    ACCESS_FILE,
    config_from_access_file,
    generate_keys,
    shared_config,
)

ROOT = Path(__file__).resolve().parents[1]
KEYS = {
    "SECRET_KEY": "the signing key of the tests, which is long enough to hold".replace(" ", "-"),
    "PORTAL_RECORD_KEY": "the record key of the tests, which is long enough".replace(" ", "-"),
}
PASSWORDS = {person.name: person.password for person in CAST}


@dataclass
class Served:
    """A running portal: where it is, what it was started with, and the AWS behind it."""

    url: str
    environment: Mapping[str, str]
    standin: StandIn
    process: "subprocess.Popen[bytes]"
    log: Path

    def sign_in(self, page: Page, name: str) -> None:
        """Sign a person in by the form."""
        page.goto(f"{self.url}/sign-in/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORDS[name])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/")

    def manage(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a management command against this portal's database."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=dict(self.environment),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )


# Before a server's own words: it ends when the run that started it is killed.
TIED_TO_THIS_PROCESS = ("setpriv", "--pdeathsig", "KILL", "--")


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served_portal(
    folder: Path, *, upstream: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Served]:
    """Serve the demo organisation until the block ends.

    ``upstream`` replaces the stand-in's addresses (a server that fails, for example).
    """
    keys = generate_keys()
    with StandIn(config_from_access_file(ACCESS_FILE, keys)) as standin:
        aws_config = folder / "aws-config"
        aws_config.write_text(shared_config(keys), encoding="utf-8")
        port = free_port()
        environment = {
            **KEYS,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHON_DOTENV_DISABLED": "1",
            "PORT": str(port),
            "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}",
            "WEB_CONCURRENCY": "2",
            "AWS_CONFIG_FILE": str(aws_config),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": standin.sts_url,
            "PORTAL_FEDERATION_URL": standin.federation_url,
            **(upstream or {}),
            **settings,
        }
        _fill(environment)
        log = folder / "portal.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*TIED_TO_THIS_PROCESS, sys.executable, "-m", "portal.server.serve"],
                cwd=ROOT,
                env=environment,
                stderr=stderr,
            )
        served = Served(f"http://localhost:{port}", environment, standin, process, log)
        try:
            _wait_until_ready(served)
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def _fill(environment: Mapping[str, str]) -> None:
    url = environment["DATABASE_URL"]
    if url.startswith("sqlite:///") and all(environment[key] == KEYS[key] for key in KEYS):
        shutil.copy(_filled_once(), url.removeprefix("sqlite:///"))
    else:
        _migrate_and_settle(environment)


@functools.cache
def _filled_once() -> Path:
    """An SQLite database with the demo organisation, made at the first use in a run."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name, "portal.sqlite3")
    _migrate_and_settle(
        {
            **KEYS,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": folder.name,
            "PYTHONPATH": str(ROOT),
            "PYTHON_DOTENV_DISABLED": "1",
            "DATABASE_URL": f"sqlite:///{path}",
        }
    )
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _migrate_and_settle(environment: Mapping[str, str]) -> None:
    for words in (["manage.py", "migrate", "-v", "0"], ["-m", "tests.settle"]):
        subprocess.run([sys.executable, *words], cwd=ROOT, env=dict(environment), check=True)


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{served.url}/readyz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError):
            if _has_ended(served.process):
                break
    raise AssertionError(f"not ready: {served.log.read_text(encoding='utf-8')}")


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(timeout=0.05)
    except subprocess.TimeoutExpired:
        return False
    return True
