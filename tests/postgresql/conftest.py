"""One server for a whole run, and databases that are migrated already."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.postgresql.server import Server, running
from tests.served import KEYS, ROOT

TEMPLATE = "migrated"
_numbers = itertools.count(1)


@dataclass
class Database:
    """A database of a test's own: ``query`` reads it past the portal."""

    server: Server
    name: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its DATABASE_URL."""
        return self.server.url(self.name)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser and return its rows."""
        with self.server.connect(self.name) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command on it."""
        return run(["manage.py", *words], DATABASE_URL=self.url, **variables)

    def shell(self, script: str) -> "subprocess.Popen[bytes]":
        """Start a script in the portal's own surroundings."""
        return subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
            cwd=ROOT,
            env=environment(DATABASE_URL=self.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def environment(**variables: str) -> dict[str, str]:
    """Return what a process of the portal is started with."""
    return {
        **KEYS,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONPATH": str(ROOT),
        "PYTHON_DOTENV_DISABLED": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **variables,
    }


def run(words: Sequence[str], **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of the portal to its end."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def ended(*processes: "subprocess.Popen[bytes]") -> list[str]:
    """Wait for scripts, make sure that all went well, and return what they printed."""
    said = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        said.append(out.decode())
    return said


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A quick server: nobody may stop, hang or break it."""
    with running() as started:
        migrate_template(started)
        yield started


def migrate_template(server: Server) -> None:
    """Make the database that others are copied from."""
    migrated = run(
        ["manage.py", "migrate", "-v", "0"], DATABASE_URL=server.create_database(TEMPLATE)
    )
    assert migrated.returncode == 0, migrated.stderr


def copy_of_template(server: Server) -> Database:
    """Return a migrated database of a test's own."""
    name = f"portal_{next(_numbers)}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return Database(server, name)


@pytest.fixture
def database(server: Server) -> Database:
    """A migrated database."""
    return copy_of_template(server)


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may break, with a migrated template; a crash loses nothing."""
    with running(durable=True) as started:
        migrate_template(started)
        yield started
