"""P26-P28: the record in a database file of its own, as processes share it."""

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import LazySettings, settings
from django.db import OperationalError

from accounts.database import connection as migration
from accounts.database import file as database_file
from accounts.record_queue import one_writer_at_a_time
from portal import database_url


class TestWithAFile:
    """The record in a database file of its own, as processes share it."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        environment = {
            "SECRET_KEY": settings.SECRET_KEY,
            "PORTAL_RECORD_KEY": settings.PORTAL_RECORD_KEY[0],
            "DATABASE_URL": f"sqlite:///{tmp_path}/record.sqlite3",
            "PATH": "/usr/bin:/bin",
        }
        manage(environment, "migrate", "--verbosity", "0")
        return environment

    def test_eight_writers_at_once_leave_a_whole_chain(self, environment: dict[str, str]) -> None:
        writers = [
            subprocess.Popen(
                [sys.executable, "manage.py", "shell", "-v", "0", "-c", WRITE_IN_FOUR_THREADS],
                env=environment,
                stderr=subprocess.PIPE,
            )
            for _ in range(2)
        ]
        assert [(w.communicate()[1], w.returncode) for w in writers] == [(b"", 0), (b"", 0)]
        assert manage(environment, "audit", "verify").startswith("ok  400 entries, head ")

    def test_P28_a_writer_killed_in_mid_act_leaves_the_act_started(
        self, environment: dict[str, str]
    ) -> None:
        killed = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", OPEN_AND_DIE],
            env=environment,
            check=False,
        )
        assert killed.returncode == -9
        path = environment["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT phase, outcome FROM accounts_entry").fetchall()
        assert rows == [("opened", "started")]
        assert manage(environment, "audit", "verify").startswith("ok  1 entries")

    def test_P26_a_read_only_database_takes_no_act(self, environment: dict[str, str]) -> None:
        said = manage(environment, "shell", "-v", "0", "-c", WRITE_READ_ONLY)
        assert json.loads(said) == "RecordUnavailable"


def manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


WRITE_IN_FOUR_THREADS = """
import threading
from accounts import record
from accounts.models import Action, Outcome
def write():
    for _ in range(25):
        act = record.Act(action=Action.LAUNCH, actor="ann", actor_key="k")
        record.open_act(act)
        record.close_act(act, Outcome.SUCCEEDED)
threads = [threading.Thread(target=write) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
"""
OPEN_AND_DIE = """
import os, signal
from accounts import record
from accounts.models import Action
record.open_act(record.Act(action=Action.LAUNCH, actor="ann", actor_key="k"))
os.kill(os.getpid(), signal.SIGKILL)
"""
WRITE_READ_ONLY = """
import json
from django.db import connection
from accounts import record
from accounts.errors import RecordUnavailable
from accounts.models import Action
connection.cursor().execute("PRAGMA query_only = ON")
try:
    record.open_act(record.Act(action=Action.LAUNCH, actor="ann", actor_key="k"))
except RecordUnavailable as error:
    print(json.dumps(type(error).__name__))
"""


def test_two_servers_that_start_at_once_lay_one_file(tmp_path: Path) -> None:
    """Both migrate; the second waits where the first is, and then finds nothing to do."""
    path = tmp_path / "portal.sqlite3"
    environment = {
        "SECRET_KEY": settings.SECRET_KEY,
        "PORTAL_RECORD_KEY": settings.PORTAL_RECORD_KEY[0],
        "DATABASE_URL": f"sqlite:///{path}",
        "PATH": "/usr/bin:/bin",
    }
    starts = [
        subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "-v", "0"],
            env=environment,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = [(start.communicate()[1], start.returncode) for start in starts]
    assert said == [(b"", 0)] * 3
    assert manage(environment, "check", "--database", "default", "--fail-level", "WARNING")


def test_a_migration_waits_while_another_lays_the_file(
    tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE = database_url.parse(f"sqlite:///{tmp_path}/portal.sqlite3", tmp_path)
    monkeypatch.setattr(database_file, "is_kept_in", lambda connection: True)
    monkeypatch.setattr(migration, "LONGEST_WAIT_FOR_ANOTHER_MIGRATION_SECONDS", 0)
    with (
        migration.one_migration_at_a_time("default"),
        pytest.raises(OperationalError, match="another migration has not ended"),
        migration.one_migration_at_a_time("default"),
    ):
        raise AssertionError("two migrated at once")
    with migration.one_migration_at_a_time("default"):
        pass


def test_one_threads_turn_is_not_taken_by_another() -> None:
    """Two threads of a process that both begin with the same head would fork the chain."""
    tried, taken = threading.Event(), threading.Event()

    def second() -> None:
        tried.set()
        with one_writer_at_a_time():
            taken.set()

    thread = threading.Thread(target=second)
    with one_writer_at_a_time():
        thread.start()
        assert tried.wait(30)
        # Without a lock the other takes its turn within microseconds of trying.
        assert not taken.wait(0.5)
    assert taken.wait(30)
    thread.join(30)
