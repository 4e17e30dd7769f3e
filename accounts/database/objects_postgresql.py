"""The record's triggers and the view of granted roles, in PostgreSQL's words.

The triggers stay through migrations, as PostgreSQL alters tables in place; only the view has to
make way. They are enabled ALWAYS, so that ``session_replication_role`` does not silence them. Each
lies as it should when the catalogue says so: on which table, for which events, by which function,
enabled; the function by its text and its pinned search path; the view by its text as PostgreSQL
tells it, whose hash was noted in the view's comment when it was laid. What somebody else hung on
the record's tables (a trigger, a rule, a parent or child) is told as foreign and left alone.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from accounts.database import granted_role_view
from accounts.database.carried_tags import ON_POSTGRESQL
from accounts.database.refusal import APPEND_ONLY

_SEARCH_PATH = "pg_catalog, pg_temp"
_REFUSED = f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation';"

_FUNCTIONS = {
    "record_refuses_change": f"""
BEGIN
    {_REFUSED}
END""",
    "record_has_one_head": f"""
DECLARE
    has_head boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.%I)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO has_head;
    IF has_head OR NEW.id <> 1 THEN
        {_REFUSED}
    END IF;
    RETURN NEW;
END""",  # noqa: S608 nothing from outside gets in
    "record_head_goes_on": f"""
DECLARE
    has_row boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (SELECT 1 FROM %I.accounts_entry WHERE id = $1 AND hash = $2)',
        TG_TABLE_SCHEMA
    ) INTO has_row USING NEW.count, NEW.hash;
    IF NEW.id <> OLD.id OR NEW.count <= OLD.count OR NOT has_row THEN
        {_REFUSED}
    END IF;
    RETURN NEW;
END""",  # noqa: S608
}

# The catalogue's bits of pg_trigger.tgtype.
_ROW, _BEFORE = 1, 2
_EVENTS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
_ENABLED_ALWAYS = "A"


@dataclass(frozen=True)
class _Trigger:
    """A trigger before one event; ``each_row`` or each statement."""

    event: str
    table: str
    function: str
    each_row: bool = False

    @property
    def bits(self) -> int:
        return _BEFORE | _EVENTS[self.event] | (_ROW if self.each_row else 0)


# Each row's, so that a row is guarded whatever table a statement names: a statement's trigger
# does not hear of a change through a table that ours was made to inherit from.
TRIGGERS = {
    "entry_no_update": _Trigger("UPDATE", "accounts_entry", "record_refuses_change", each_row=True),
    "entry_no_delete": _Trigger("DELETE", "accounts_entry", "record_refuses_change", each_row=True),
    "entry_no_truncate": _Trigger("TRUNCATE", "accounts_entry", "record_refuses_change"),
    "record_head_no_delete": _Trigger(
        "DELETE", "accounts_recordhead", "record_refuses_change", each_row=True
    ),
    "record_head_no_truncate": _Trigger("TRUNCATE", "accounts_recordhead", "record_refuses_change"),
    "record_head_no_replace": _Trigger(
        "INSERT", "accounts_recordhead", "record_has_one_head", each_row=True
    ),
    "record_head_goes_on": _Trigger(
        "UPDATE", "accounts_recordhead", "record_head_goes_on", each_row=True
    ),
}

_VIEW = granted_role_view.create_statement(
    join="JOIN", tags_match=ON_POSTGRESQL.format(carried="a.tags", wanted="g.account_tags")
)


def removals() -> Iterator[str]:
    """Yield the statement that lets columns change their type."""
    yield f"DROP VIEW IF EXISTS {granted_role_view.NAME}"


# --- laying ----------------------------------------------------------------------------------


def lay(cursor: Any, names: Collection[str]) -> None:
    """Lay these triggers and views, in place of whatever bears their names."""
    functions = {TRIGGERS[name].function for name in names if name in TRIGGERS}
    for function in sorted(functions):
        _lay_function(cursor, function)
    for name in names:
        if name in TRIGGERS:
            _lay_trigger(cursor, name, TRIGGERS[name])
        else:
            _lay_view(cursor)


def _lay_function(cursor: Any, name: str) -> None:
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
        f"SET search_path = {_SEARCH_PATH} AS $function${_FUNCTIONS[name]}$function$"
    )


def _lay_trigger(cursor: Any, name: str, trigger: _Trigger) -> None:
    each = "ROW" if trigger.each_row else "STATEMENT"
    cursor.execute(
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {trigger.event} ON {trigger.table} "
        f"FOR EACH {each} EXECUTE FUNCTION {trigger.function}()"
    )
    cursor.execute(f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {name}")


def _lay_view(cursor: Any) -> None:
    cursor.execute(f"DROP VIEW IF EXISTS {granted_role_view.NAME}")
    cursor.execute(_VIEW)
    definition, _ = _view_there(cursor)
    cursor.execute(f"COMMENT ON VIEW {granted_role_view.NAME} IS '{_noted(definition)}'")


def _noted(definition: str) -> str:
    """Return what the view's comment notes: what we said and what PostgreSQL made of it."""
    return hashlib.sha256(f"{_VIEW}\0{definition}".encode()).hexdigest()


# --- looking ---------------------------------------------------------------------------------


def missing(cursor: Any) -> Iterator[str]:
    """Yield the names of what is not there as it was laid."""
    there = _triggers_there(cursor)
    for name, trigger in TRIGGERS.items():
        if there.get((trigger.table, name)) != _as_laid(trigger):
            yield name
    definition, comment = _view_there(cursor)
    if comment != _noted(definition):
        yield granted_role_view.NAME


def foreign(cursor: Any) -> Iterator[str]:
    """Yield what hangs on the record's tables and is not ours: it can swallow or divert rows."""
    ours = {(trigger.table, name) for name, trigger in TRIGGERS.items()}
    yield from (
        f"trigger {name} on {table}" for table, name in _triggers_there(cursor).keys() - ours
    )
    cursor.execute(
        """
        SELECT 'rule ' || r.rulename || ' on ' || c.relname
        FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
        WHERE c.oid IN (to_regclass('accounts_entry'), to_regclass('accounts_recordhead'))
        UNION ALL
        SELECT 'inheritance of ' || c.relname || ' from ' || p.relname
        FROM pg_catalog.pg_inherits i
        JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
        WHERE c.oid IN (to_regclass('accounts_entry'), to_regclass('accounts_recordhead'))
           OR p.oid IN (to_regclass('accounts_entry'), to_regclass('accounts_recordhead'))
        UNION ALL
        SELECT 'row security on ' || c.relname FROM pg_catalog.pg_class c
        WHERE c.relrowsecurity
          AND c.oid IN (to_regclass('accounts_entry'), to_regclass('accounts_recordhead'))"""
    )
    yield from (name for (name,) in cursor.fetchall())


def _as_laid(trigger: _Trigger) -> tuple[Any, ...]:
    body = _FUNCTIONS[trigger.function]
    settings = [f"search_path={_SEARCH_PATH}"]
    return trigger.bits, _ENABLED_ALWAYS, True, body, "plpgsql", settings


def _triggers_there(cursor: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    # A trigger is plain when it has no WHEN, no list of columns and no words of its own.
    cursor.execute(
        """
        SELECT c.relname, t.tgname, t.tgtype, t.tgenabled::text,
               t.tgqual IS NULL AND t.tgattr::text = '' AND t.tgnargs = 0 AND NOT p.prosecdef,
               p.prosrc, l.lanname, p.proconfig
        FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        WHERE t.tgrelid IN (to_regclass('accounts_entry'), to_regclass('accounts_recordhead'))
          AND NOT t.tgisinternal"""
    )
    return {(table, name): tuple(facts) for table, name, *facts in cursor.fetchall()}


def _view_there(cursor: Any) -> tuple[str, str | None]:
    cursor.execute(
        """
        SELECT pg_catalog.pg_get_viewdef(c.oid), pg_catalog.obj_description(c.oid, 'pg_class')
        FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(%s) AND c.relkind = 'v'""",
        [granted_role_view.NAME],
    )
    return cursor.fetchone() or ("", None)
