"""Django's createsuperuser, which knows placeholders, directory people and the record."""

import os
import sys
from typing import Any

from django.contrib.auth.management import get_default_username
from django.contrib.auth.management.commands import createsuperuser
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from accounts.errors import RecordUnavailable
from accounts.local_people import NameIsTaken, NotALocalPerson, find_free, make_superuser
from accounts.management.password_prompt import ask_for_password
from accounts.models import User, check_person_name, normal_username


class Command(createsuperuser.Command):
    """Makes the first administrator: a local person with all rights."""

    help = "Make a local administrator; a placeholder of that name becomes one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take Django's own words, and the e-mail address, which nobody has to have."""
        super().add_arguments(parser)
        parser.add_argument("--email", help="the e-mail address; may be left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, or read the environment, then make the administrator."""
        try:
            if options["interactive"]:
                self._ask(options["username"], options["email"])
            else:
                self._read(options["username"], options["email"])
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        except (NameIsTaken, NotALocalPerson, RecordUnavailable) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            self.stderr.write("\nOperation cancelled.")
            sys.exit(1)
        if options["verbosity"]:
            self.stdout.write("Superuser created successfully.")

    def _ask(self, username: str | None, email: str | None) -> None:
        if not self.stdin.isatty():
            raise CommandError("This is not a terminal; use --noinput and DJANGO_SUPERUSER_….")
        username = username if username is not None else self._ask_username()
        person = self._person(username)
        email = email if email is not None else self._ask_email()
        person.email = email
        make_superuser(username, ask_for_password(person, self.stderr), email)

    def _ask_username(self) -> str:
        default = get_default_username()
        hint = f" (leave blank to use '{default}')" if default else ""
        return input(f"User name{hint}: ") or default

    def _ask_email(self) -> str:
        email = input("E-mail address (may be left blank): ")
        return _right_email(email)

    def _read(self, username: str | None, email: str | None) -> None:
        """Take what Django's own command takes from the environment."""
        username = username if username is not None else _variable("USERNAME")
        if not username:
            raise CommandError("Use --username or DJANGO_SUPERUSER_USERNAME with --noinput.")
        password = _variable("PASSWORD")
        if not password.strip():
            raise CommandError("Use DJANGO_SUPERUSER_PASSWORD with --noinput.")
        self._person(username)
        email = _right_email(email if email is not None else _variable("EMAIL"))
        make_superuser(username, password, email)

    def _person(self, username: str) -> User:
        """Return whom the name would be, before anything else is asked."""
        name = normal_username(username)
        check_person_name(name)
        return find_free(name) or User(username=name)


def _right_email(email: str) -> str:
    if email:
        validate_email(email)
    return email


def _variable(name: str) -> str:
    # Django's own command reads these names; they are no settings of the portal.
    return os.environ.get(f"DJANGO_SUPERUSER_{name}", "")  # noqa: TID251
