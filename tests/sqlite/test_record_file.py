"""P26-P28: the record in a database file of its own, as processes share it."""

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from accounts.record_queue import one_writer_at_a_time


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


def test_one_threads_turn_is_not_taken_by_another() -> None:
    """Two threads of a process that both begin with the same head would fork the chain."""
    seen: list[str] = []
    inside = threading.Event()
    go_on = threading.Event()

    def first() -> None:
        with one_writer_at_a_time():
            inside.set()
            go_on.wait(5)
            seen.append("first")

    def second() -> None:
        with one_writer_at_a_time():
            seen.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(5)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert seen == ["first", "second"]
