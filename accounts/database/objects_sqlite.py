"""The record's triggers and the view of granted roles, in SQLite's words.

SQLite remakes a table to alter it, which silently drops the table's triggers and fails where a
view still reads the table: all of it goes before a migration and comes back after it.
"""

from collections.abc import Collection, Iterator
from typing import Any

from accounts.database import granted_role_view
from accounts.database.carried_tags import ON_SQLITE
from accounts.database.refusal import APPEND_ONLY

_REFUSE = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"

TRIGGERS = {
    "entry_no_update": f"""
        CREATE TRIGGER entry_no_update BEFORE UPDATE ON accounts_entry
        {_REFUSE}""",
    "entry_no_delete": f"""
        CREATE TRIGGER entry_no_delete BEFORE DELETE ON accounts_entry
        {_REFUSE}""",
    # INSERT OR REPLACE deletes the row in its way without asking a DELETE trigger.
    "entry_no_replace": f"""
        CREATE TRIGGER entry_no_replace BEFORE INSERT ON accounts_entry
        WHEN EXISTS (SELECT 1 FROM accounts_entry WHERE id = NEW.id
                     OR (act_id = NEW.act_id AND phase = NEW.phase))
        {_REFUSE}""",  # noqa: S608
    "record_head_no_delete": f"""
        CREATE TRIGGER record_head_no_delete BEFORE DELETE ON accounts_recordhead
        {_REFUSE}""",
    "record_head_no_replace": f"""
        CREATE TRIGGER record_head_no_replace BEFORE INSERT ON accounts_recordhead
        WHEN EXISTS (SELECT 1 FROM accounts_recordhead)
        {_REFUSE}""",  # noqa: S608
    "record_head_goes_on": f"""
        CREATE TRIGGER record_head_goes_on BEFORE UPDATE ON accounts_recordhead
        WHEN NEW.id <> OLD.id OR NEW.count <= OLD.count OR NOT EXISTS (
            SELECT 1 FROM accounts_entry WHERE id = NEW.count AND hash = NEW.hash)
        {_REFUSE}""",  # noqa: S608
}

# CROSS JOIN keeps SQLite from starting at the catalogue.
_VIEW = granted_role_view.create_statement(
    join="CROSS JOIN",
    tags_match=ON_SQLITE.format(carried="a.tags", wanted="g.account_tags"),
)
_STATEMENTS = {**TRIGGERS, granted_role_view.NAME: _VIEW}


def removals() -> Iterator[str]:
    """Yield the statements that take everything away."""
    yield f"DROP VIEW IF EXISTS {granted_role_view.NAME}"
    yield from (f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS)


def lay(cursor: Any, names: Collection[str]) -> None:
    """Lay these triggers and views, in place of whatever bears their names."""
    for name in names:
        kind = "TRIGGER" if name in TRIGGERS else "VIEW"
        cursor.execute(f"DROP {kind} IF EXISTS {name}")
        cursor.execute(_STATEMENTS[name])


def missing(cursor: Any) -> Iterator[str]:
    """Yield the names of what is not there word for word."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
    there = {name: statement.split() for name, statement in cursor.fetchall()}
    for name, statement in _STATEMENTS.items():
        if there.get(name) != statement.split():
            yield name


def foreign(cursor: Any) -> Iterator[str]:
    """Yield the triggers of the record's tables that are not ours: they can swallow rows."""
    cursor.execute(
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' "
        "AND lower(tbl_name) IN ('accounts_entry', 'accounts_recordhead')"
    )
    yield from (
        f"trigger {name} on {table}" for name, table in cursor.fetchall() if name not in TRIGGERS
    )
