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

    def handle(self, *args: Any, **options: Any) -> None:
        """Run a subcommand: one line, exit 0; or one line on standard error, exit 1."""
        try:
            if options["subcommand"] == "sync":
                line = self._sync(is_meant=options["yes"])
            else:
                line = self._forget(options["name"])
        except (NotADirectoryPerson, RecordUnavailable, DatabaseError) as error:
            self._fail(f"{error}; nothing was changed")
        except DirectoryUnavailable as error:
            self._fail(f"directory: {error}; nothing was changed")
        except TakesTooMuch as error:
            self._fail(
                f"{error}, more than a third of those who have it; nothing was changed (run it "
                f"with --yes if that is meant)"
            )
        else:
            self.stdout.write(neutral(line))

    def _sync(self, *, is_meant: bool) -> str:
        if not door.is_on():
            raise NotADirectoryPerson("AUTH_LDAP_SERVER_URI is not set, so there is no directory")
        read = timezone.now()
        people = door.read_all(directory_sync.known_ids())
        return str(directory_sync.sync(people, read, is_meant=is_meant))

    def _forget(self, name: str) -> str:
        user = User.objects.filter(username=normal_username(name), origin=Origin.DIRECTORY).first()
        if user is not None and door.is_on():
            self._read_again(user)
            if user.username != normal_username(name):
                return f"not forgotten: {normal_username(name)} is called {user.username} now"
        return f"forgotten: {forget(name)}"

    def _read_again(self, user: User) -> None:
        """Let somebody who has another name now keep what is theirs; the old one is free."""
        read = timezone.now()
        with contextlib.suppress(DirectoryUnavailable, NotLetIn):
            person = door.read(user.username, user.directory_id or "")
            if person is not None and person.directory_id == user.directory_id:
                refresh(user, person, read)

    def _fail(self, line: str) -> None:
        self.stderr.write(neutral(line), style_func=str)
        sys.exit(REFUSED)
