"""``manage.py audit verify``: checks the record's chain."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from accounts.record import Verdict, verify

BROKEN = 1
UNKNOWN_KEY = "unknown key"


class Command(BaseCommand):
    """Says whether the record is what was written."""

    help = "Check the record's chain."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the subcommand."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True)
        subcommands.add_parser("verify", help="read every entry and check the chain")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the one line; exit 1 unless all is well."""
        try:
            verdict = verify()
        except DatabaseError as error:
            self.stderr.write(f"database: {error}", style_func=str)
            sys.exit(BROKEN)
        self.stdout.write(line_of(verdict))
        if verdict.broken_at is not None:
            sys.exit(BROKEN)


def line_of(verdict: Verdict) -> str:
    """Return a verdict as the line that scripts read."""
    if verdict.broken_at is None:
        return f"ok  {verdict.count} entries, head {verdict.head or 'none'}"
    if verdict.how == UNKNOWN_KEY:
        return f"{UNKNOWN_KEY} at {verdict.broken_at}: {verdict.key_id}"
    return f"broken at {verdict.broken_at}: {verdict.how}"
