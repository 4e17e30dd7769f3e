"""Django's migrate, one at a time, on an SQLite file that it makes where there is none."""

from typing import Any

from django.core.management.commands import migrate

from accounts.database.connection import one_migration_at_a_time


class Command(migrate.Command):
    """Brings the database's tables, triggers and view to what the portal needs."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Wait for another migration to end, then check and migrate."""
        with one_migration_at_a_time(options["database"]):
            return super().execute(*args, **options)
