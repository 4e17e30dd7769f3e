"""Notices that the SQLite file was moved, deleted or replaced while a connection has it open.

Such a connection goes on writing into a file that nobody will find again.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

Identity = tuple[int, int]


def is_kept_in(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection's database is a file, not a server or memory."""
    return connection.vendor == "sqlite" and not connection.is_in_memory_db()  # type: ignore[attr-defined]


def create() -> None:
    """Make an empty file where there is none yet, readable by its owner only, to be migrated.

    Raises OSError where that cannot be.
    """
    os.close(os.open(settings.DATABASE.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


@contextmanager
def lock_file(name: str) -> Iterator[Callable[[], bool]]:
    """Open a lock file beside the database and yield what tries to take it, without waiting.

    It is free again when the block ends, or the process. Raises OSError where it cannot be made.
    """
    path = f"{settings.DATABASE.path}.{name}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def takes() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield takes
    finally:
        os.close(descriptor)


def remember(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Note which file a new connection has opened; called for each one that Django makes."""
    connection.opened_file = _identity(connection)  # type: ignore[attr-defined]


def reopen_if_replaced(**_: Any) -> None:
    """Let a request begin with the file that is there now; called at each one's start."""
    if connection.connection is not None and not _is_same():
        connection.close()


def require_same() -> None:
    """Make sure that this thread's connection writes where the next one will read.

    Raises OSError otherwise, and closes the connection.
    """
    connection.ensure_connection()
    if not _is_same():
        connection.close()
        raise OSError("the database file was moved, deleted or replaced")


def _is_same() -> bool:
    opened: Identity | None = getattr(connection, "opened_file", None)
    return opened == _identity(connection)


def _identity(connection: BaseDatabaseWrapper) -> Identity | None:
    """Device and inode of the file; None where there is none, or no file at all."""
    if not is_kept_in(connection):
        return None
    try:
        found = Path(settings.DATABASE.path).stat()
    except FileNotFoundError:
        return -1, -1
    return found.st_dev, found.st_ino
