"""Django's changepassword, which knows placeholders, directory people and the record."""

import getpass
import sys
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError

from accounts.errors import RecordUnavailable
from accounts.local_people import NobodyOfThatName, NotALocalPerson, change_password, find
from accounts.management.password_prompt import ask_for_password
from accounts.models import normal_username


class Command(changepassword.Command):
    """Gives a local person another password; a placeholder becomes a local person by it."""

    help = "Change a local person's password; a placeholder becomes a local person."

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for the password twice, then change it."""
        username = normal_username(options["username"] or getpass.getuser())
        try:
            person = find(username)
            if person is None:
                raise NobodyOfThatName(f"there is nobody called {username}")
            self.stdout.write(f"Changing the password of {person.username}")
            change_password(username, ask_for_password(person, self.stderr))
        except (NobodyOfThatName, NotALocalPerson, RecordUnavailable) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            self.stderr.write("\nOperation cancelled.")
            sys.exit(1)
        self.stdout.write(f"Password changed successfully for {person.username}.")
