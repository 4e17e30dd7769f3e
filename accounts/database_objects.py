"""What the database must hold beside tables: the record's triggers and the view of granted roles.

Both are taken away before a migration and laid anew after it. SQLite remakes a table to alter
it, which silently drops the table's triggers and fails where a view still reads the table.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

APPEND_ONLY = "the record is append-only"

RECORD_TRIGGERS = {
    "entry_no_update": f"""
        CREATE TRIGGER entry_no_update BEFORE UPDATE ON accounts_entry
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    "entry_no_delete": f"""
        CREATE TRIGGER entry_no_delete BEFORE DELETE ON accounts_entry
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    # INSERT OR REPLACE deletes the row in its way without asking a DELETE trigger.
    "entry_no_replace": f"""
        CREATE TRIGGER entry_no_replace BEFORE INSERT ON accounts_entry
        WHEN EXISTS (SELECT 1 FROM accounts_entry WHERE id = NEW.id
                     OR (act_id = NEW.act_id AND phase = NEW.phase))
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",  # noqa: S608
    "record_head_no_delete": f"""
        CREATE TRIGGER record_head_no_delete BEFORE DELETE ON accounts_recordhead
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
    "record_head_no_replace": f"""
        CREATE TRIGGER record_head_no_replace BEFORE INSERT ON accounts_recordhead
        WHEN EXISTS (SELECT 1 FROM accounts_recordhead)
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",  # noqa: S608
    "record_head_goes_on": f"""
        CREATE TRIGGER record_head_goes_on BEFORE UPDATE ON accounts_recordhead
        WHEN NEW.id <> OLD.id OR NEW.count <> OLD.count + 1
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END""",
}

GRANTED_ROLE_VIEW = "accounts_grantedrole"

# The account carries every tag that the grant names (a grant without tags: any account).
_TAGS_MATCH = """NOT EXISTS (
    SELECT 1 FROM json_each(g.account_tags) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM json_each(a.tags) AS carried
        WHERE carried.key = wanted.key AND carried.value = wanted.value))"""

_SUBJECTS = {
    "g.user_id": "accounts_grant g",
    "m.user_id": "accounts_membership m CROSS JOIN accounts_grant g ON g.group_id = m.group_id",
}

# Three shapes, so that each finds its roles by an index: one account; any account with one
# role's name; any account with any role. CROSS JOIN keeps SQLite from starting at the catalogue.
_REACHES = (
    """CROSS JOIN accounts_account a ON a.account_id = g.account_id
       CROSS JOIN accounts_role r ON r.account_id = a.account_id
           AND (g.role_name = '*' OR r.name = g.role_name)
       WHERE g.account_id IS NOT NULL""",
    f"""CROSS JOIN accounts_role r ON r.name = g.role_name
       CROSS JOIN accounts_account a ON a.account_id = r.account_id
       WHERE g.account_id IS NULL AND g.role_name <> '*' AND {_TAGS_MATCH}""",
    f"""CROSS JOIN accounts_account a ON {_TAGS_MATCH}
       CROSS JOIN accounts_role r ON r.account_id = a.account_id
       WHERE g.account_id IS NULL AND g.role_name = '*'""",
)


def granted_role_view_sql() -> str:
    """Return the view's statement: who (directly, by a group) times what (three shapes)."""
    branches = [
        # Every part is written above; nothing from outside gets in.
        f"""SELECT {user} AS user_id, r.id AS role_id, g.id AS grant_id,
            r.account_id AS account_id, a.alias AS account_alias, r.name AS role_name
            FROM {subject} {reach} AND {user} IS NOT NULL"""  # noqa: S608
        for user, subject in _SUBJECTS.items()
        for reach in _REACHES
    ]
    return f"CREATE VIEW {GRANTED_ROLE_VIEW} AS " + " UNION ALL ".join(branches)


def remove(using: str, **_: Any) -> None:
    """Take triggers and view away, before a migration touches their tables."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"DROP VIEW IF EXISTS {GRANTED_ROLE_VIEW}")
        for name in RECORD_TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def install(using: str, **_: Any) -> None:
    """Lay triggers and view anew, after every migration; on a bare database do nothing."""
    connection = connections[using]
    if "accounts_entry" not in connection.introspection.table_names():
        return
    remove(using)
    with connection.cursor() as cursor:
        for statement in (*RECORD_TRIGGERS.values(), granted_role_view_sql()):
            cursor.execute(statement)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers and views that are not there as they were laid."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
        there = {name: statement.split() for name, statement in cursor.fetchall()}
    wanted = {**RECORD_TRIGGERS, GRANTED_ROLE_VIEW: granted_role_view_sql()}
    return sorted(name for name, sql in wanted.items() if there.get(name) != sql.split())
