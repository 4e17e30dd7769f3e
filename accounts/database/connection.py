"""What the record and the commands want of a connection, whatever database it leads to."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.database import file as database_file

LONGEST_WAIT_FOR_ANOTHER_MIGRATION_SECONDS = 120
_PAUSE_SECONDS = 0.2
# Any numbers will do that no other program takes on the same database.
_MIGRATION_LOCK = int.from_bytes(b"sekisho")
_APPLY_LOCK = _MIGRATION_LOCK + 1


def require_usable() -> None:
    """Make sure that this thread's connection writes where the next one will read.

    A connection that the server has ended is left for a new one. Raises OSError where an SQLite
    file was moved, deleted or replaced; the connection is closed then.
    """
    if connection.vendor == "sqlite":
        database_file.require_same()
    elif connection.connection and not connection.in_atomic_block and not connection.is_usable():
        connection.close()


@contextmanager
def in_a_hurry(seconds: float) -> Iterator[None]:
    """Let this thread's statements wait less long than others, where a server answers them."""
    connection.ensure_connection()
    raw = connection.connection
    if connection.vendor != "postgresql":
        yield
        return
    before, raw.longest_wait = raw.longest_wait, seconds
    try:
        yield
    finally:
        raw.longest_wait = before


def in_one_line(error: Exception) -> str:
    """Return what a database said, without line breaks and the full stop."""
    return " ".join(str(error).split()).rstrip(".")


@contextmanager
def one_migration_at_a_time(using: str) -> Iterator[None]:
    """Let servers that start at once lay the database one after the other.

    Makes the SQLite file where there is none yet. Raises OperationalError when another migration
    does not end, OSError when the file or its lock file cannot be made.
    """
    migrated = connections[using]
    turn: AbstractContextManager[None]
    if migrated.vendor == "postgresql":
        turn = _turn_at_server(migrated)
    elif database_file.is_kept_in(migrated):
        database_file.create()
        turn = _turn_at_file()
    else:
        turn = nullcontext()
    with turn:
        yield


def one_large_change_at_a_time() -> None:
    """Let no other apply, sync or change of an administrator until this transaction ends.

    They write many rows in orders of their own, and would wait for each other in a circle; and
    what an administrator may change is judged by all that the others have changed. On SQLite a
    transaction that writes is alone anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_APPLY_LOCK])


@contextmanager
def _turn_at_server(migrated: BaseDatabaseWrapper) -> Iterator[None]:
    def takes_turn() -> bool:
        with migrated.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_MIGRATION_LOCK])
            row: tuple[bool] = cursor.fetchone()
        return row[0]

    _wait_until(takes_turn)
    try:
        yield
    finally:
        # A lock of the session: where this cannot be said the session has ended, and it with it.
        if migrated.connection is not None and migrated.is_usable():
            with migrated.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


@contextmanager
def _turn_at_file() -> Iterator[None]:
    with database_file.lock_file("migration-lock") as takes_turn:
        _wait_until(takes_turn)
        yield


def _wait_until(takes_turn: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_FOR_ANOTHER_MIGRATION_SECONDS
    while not takes_turn():
        if time.monotonic() > deadline:
            raise OperationalError("another migration has not ended")
        time.sleep(_PAUSE_SECONDS)
