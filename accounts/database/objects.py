"""What the database must hold beside tables: the record's triggers and the view of granted roles.

What stands in a migration's way is taken away before it; whatever is missing after it, or not as
it should be, is laid anew. A migration that changes nothing touches nothing, so that a second
server can start beside one that serves. How it is said to each database is in
``objects_sqlite`` and ``objects_postgresql``.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.database import objects_postgresql, objects_sqlite

_BY_VENDOR: dict[str, ModuleType] = {
    "sqlite": objects_sqlite,
    "postgresql": objects_postgresql,
}


def make_way(using: str, plan: Sequence[object] = (), **_: Any) -> None:
    """Before a migration that does something: take away what its tables could not change under."""
    if plan:
        remove(using)


def remove(using: str) -> None:
    """Take triggers and view away, as far as a changing table cannot have them."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for statement in _BY_VENDOR[connection.vendor].removals():
            cursor.execute(statement)


def install(using: str, **_: Any) -> None:
    """After every migration: lay what is missing or altered; on a bare database do nothing."""
    connection = connections[using]
    if "accounts_entry" not in connection.introspection.table_names():
        return
    absent = missing(connection)
    if not absent:
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        _BY_VENDOR[connection.vendor].lay(cursor, absent)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers and views that are not there as they were laid."""
    with connection.cursor() as cursor:
        names: list[str] = sorted(_BY_VENDOR[connection.vendor].missing(cursor))
    return names


def foreign(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what others hung on the record's tables, such as ``trigger t on accounts_entry``.

    It can swallow, divert or alter rows. It is not ours, so nothing here takes it away.
    """
    with connection.cursor() as cursor:
        names: list[str] = sorted(_BY_VENDOR[connection.vendor].foreign(cursor))
    return names
