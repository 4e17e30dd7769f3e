"""``manage.py access apply FILE`` and ``manage.py access export``."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from accounts.access_file.apply import DatabaseMoved, Proposal
from accounts.access_file.document import read_bytes
from accounts.access_file.export import export_text
from accounts.access_file.problems import AccessFileProblems, Problem
from accounts.errors import RecordUnavailable
from accounts.record import neutral

FILE_REFUSED = 2
DATABASE_REFUSED = 1
YES_KEY = "--yes"


class Command(BaseCommand):
    """Makes the database match an access file, or writes one."""

    help = "Apply an access file to the database, or export the database as one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the two subcommands and their words."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True)
        apply = subcommands.add_parser("apply", help="make the database match an access file")
        apply.add_argument("file", metavar="FILE")
        apply.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
        apply.add_argument(
            "--prune",
            action="store_true",
            help="remove what an earlier file named and this one does not",
        )
        apply.add_argument(
            "--yes", action="store_true", help="allow to remove more than a third of the grants"
        )
        subcommands.add_parser("export", help="write the database as an access file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run a subcommand."""
        if options["subcommand"] == "export":
            self._export()
        else:
            self._apply(**options)

    def _export(self) -> None:
        try:
            self.stdout.write(export_text(), ending="")
        except DatabaseError as error:
            self._fail([f"database: {error}"], DATABASE_REFUSED)

    def _apply(self, *, file: str, dry_run: bool, prune: bool, yes: bool, **_: Any) -> None:
        try:
            path = Path(file)
            proposal = Proposal(read_bytes(path), file_name=path.name, prune=prune)
            self._show(proposal)
            if dry_run:
                return
            if proposal.plan.takes_too_much and not yes:
                raise AccessFileProblems([Problem(0, YES_KEY, self._third(proposal))])
            proposal.apply()
        except AccessFileProblems as problems:
            self._fail(list(problems.lines(file)), FILE_REFUSED)
        except DatabaseMoved:
            reason = "changed while the plan was made; nothing was applied, run it again"
            self._fail([f"{file}: database: {reason}"], DATABASE_REFUSED)
        except (DatabaseError, RecordUnavailable) as error:
            self._fail([f"{file}: database: {error}; nothing was applied"], DATABASE_REFUSED)

    def _show(self, proposal: Proposal) -> None:
        self.stdout.write("\n".join(map(neutral, proposal.plan.lines())))

    def _third(self, proposal: Proposal) -> str:
        plan = proposal.plan
        return (
            f"{plan.removed_grants} of {plan.grants_before} grants would go, more than a third; "
            f"run it with --yes if that is meant"
        )

    def _fail(self, lines: list[str], status: int) -> None:
        for line in lines:
            self.stderr.write(neutral(line), style_func=str)
        sys.exit(status)
