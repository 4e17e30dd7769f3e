"""``manage.py directory sync`` and ``manage.py directory forget NAME``."""

import contextlib
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from accounts.directory import sync as directory_sync
from accounts.directory.people import NotADirectoryPerson, forget, refresh
from accounts.directory.sync import TakesTooMuch
from accounts.errors import NotLetIn, RecordUnavailable
from accounts.models import Origin, User, normal_username
from accounts.record import neutral
from portal.errors import DirectoryUnavailable
from portal.signin.directory import door

REFUSED = 1


class StillThere(Exception):
    """Who is to be forgotten is in the directory, or may be; the text is one line."""


class Command(BaseCommand):
    """Reads directory people again, or forgets one."""

    help = "Read every directory person again, or forget one whose name is somebody else's now."
    # For cron: one line, and no warnings that the start has told already.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the two subcommands and their words."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True)
        sync = subcommands.add_parser("sync", help="read everybody's state and groups again")
        sync.add_argument(
            "--yes",
            action="store_true",
            help="also when it takes more than a third of the people's access",
        )
        forget = subcommands.add_parser(
            "forget", help="delete a directory person with their own grants and bookmarks"
        )
        forget.add_argument("name", metavar="NAME")
        forget.add_argument(
            "--yes",
            action="store_true",
            help="also when the directory still has that person, or cannot tell",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run a subcommand: one line, exit 0; or one line on standard error, exit 1.

        A sync that left somebody out exits 1 as well, after its line.
        """
        try:
            if options["subcommand"] == "sync":
                self._sync(is_meant=options["yes"])
            else:
                self._forget(normal_username(options["name"]), is_meant=options["yes"])
        except (NotADirectoryPerson, StillThere, RecordUnavailable, DatabaseError) as error:
            self._fail(f"{error}; nothing was changed")
        except DirectoryUnavailable as error:
            self._fail(f"directory: {error}; nothing was changed")
        except TakesTooMuch as error:
            self._fail(
                f"{error}: more than a third of those who have access; nothing was changed (run "
                f"it with --yes if that is meant)"
            )

    def _sync(self, *, is_meant: bool) -> None:
        if not door.is_on():
            raise NotADirectoryPerson("AUTH_LDAP_SERVER_URI is not set, so there is no directory")
        read = timezone.now()
        reading = door.read_all(directory_sync.known_ids())
        summary = directory_sync.sync(
            reading.people, read, unreadable=reading.unreadable, is_meant=is_meant
        )
        self._say(str(summary))
        if summary.unreadable:
            sys.exit(REFUSED)

    def _forget(self, name: str, *, is_meant: bool) -> None:
        user = User.objects.filter(username=name, origin=Origin.DIRECTORY).first()
        has_moved = ""
        # A name that somebody left has no id, and nobody who could still be there.
        if user is not None and user.directory_id and not is_meant:
            has_moved = self._called_now(user)
        forget(name)
        self._say(f"forgotten: {name}{has_moved}")

    def _called_now(self, user: User) -> str:
        """Read somebody again who is to be forgotten; a new name takes them out of the way.

        Raises StillThere where they are in the directory and still have the name here, or where
        nobody can tell.
        """
        before, read = user.username, timezone.now()
        try:
            person = door.read(before, user.directory_id or "")
        except DirectoryUnavailable as error:
            why = f"nobody can tell whether the directory still has {before} ({error})"
            raise StillThere(f"{why}; --yes forgets them all the same") from None
        if person is None or person.directory_id != user.directory_id:
            return ""
        with contextlib.suppress(NotLetIn):
            refresh(user, person, read)
        if user.username == before:
            there = f"{before} is still in the directory"
            if person.username != before:
                there += f", called {person.username} there (a name that they cannot have here yet)"
            raise StillThere(f"{there}; --yes forgets them all the same")
        return f" (who had that name is called {user.username} now and keeps what is theirs)"

    def _say(self, line: str) -> None:
        self.stdout.write(neutral(line))

    def _fail(self, line: str) -> None:
        self.stderr.write(neutral(line), style_func=str)
        sys.exit(REFUSED)
