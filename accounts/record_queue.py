"""The queue of the record's writers.

SQLite's own waiting is unfair: with many writers some wait for seconds and some give up. So
they queue here first, on a lock among this process's threads and then on a lock file beside the
database among its processes; SQLite's busy timeout remains as a net. PostgreSQL's writers queue
fairly on the locked head row, and need nothing here.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from accounts.database import file as database_file

LONGEST_WAIT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.005

_threads = threading.RLock()
_held = threading.local()


@contextmanager
def one_writer_at_a_time() -> Iterator[None]:
    """Hold the writers' turn; a thread that has it already simply goes on.

    Raises TimeoutError after ``LONGEST_WAIT_SECONDS``, OSError when the lock file cannot be
    opened (a full or read-only disk).
    """
    if connection.vendor != "sqlite":
        yield
        return
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    if not _threads.acquire(timeout=LONGEST_WAIT_SECONDS):
        raise TimeoutError("the record's writers have waited too long for each other")
    try:
        if getattr(_held, "turn", False) or not database_file.is_kept_in(connection):
            yield
            return
        with _lock_file(_lock_path(), deadline):
            _held.turn = True
            try:
                yield
            finally:
                _held.turn = False
    finally:
        _threads.release()


def _lock_path() -> Path:
    return Path(f"{settings.DATABASE.path}.record-lock")


@contextmanager
def _lock_file(path: Path, deadline: float) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(descriptor, deadline)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, deadline: float) -> None:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError("another process keeps the record's lock file") from None
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
