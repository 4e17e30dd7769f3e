"""What only somebody with the database in their hands can do: take the record's guards away."""

from django.db import connection

from accounts.database import objects_postgresql, objects_sqlite

IS_POSTGRESQL = connection.vendor == "postgresql"
_TABLES = {
    name: trigger.table for name, trigger in objects_postgresql.TRIGGERS.items()
}  # fmt: skip


def trigger_names() -> list[str]:
    """Return the names of all triggers that this database has."""
    return list(_TABLES if IS_POSTGRESQL else objects_sqlite.TRIGGERS)


def drop_trigger(name: str) -> None:
    """Take one trigger away."""
    execute(f"DROP TRIGGER {name}" + (f" ON {_TABLES[name]}" if IS_POSTGRESQL else ""))


def drop_triggers() -> None:
    """Take all of them away."""
    for name in trigger_names():
        drop_trigger(name)


def disarm_trigger(name: str) -> None:
    """Put a trigger that does nothing in one's place."""
    drop_trigger(name)
    if not IS_POSTGRESQL:
        execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON accounts_entry BEGIN SELECT 1; END")
        return
    execute(
        "CREATE FUNCTION does_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    )
    execute(
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {_TABLES[name]} "
        "FOR EACH STATEMENT EXECUTE FUNCTION does_nothing()"
    )


def execute(statement: str) -> None:
    """Run a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
