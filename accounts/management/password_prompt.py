"""Asks for a new password at the terminal."""

import getpass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, OutputWrapper

from accounts.models import User

MOST_TRIES = 3


def ask_for_password(person: User, stderr: OutputWrapper) -> str:
    """Ask twice, until both are the same and the validators are content.

    Raises CommandError after ``MOST_TRIES``, and where nobody can type.
    """
    for _ in range(MOST_TRIES):
        password = _typed("Password: ")
        if password != _typed("Password (again): "):
            stderr.write("The passwords are not the same. Try again.")
            continue
        try:
            validate_password(password, person)
        except ValidationError as error:
            stderr.write("\n".join(error.messages))
            continue
        if password.strip():
            return password
        stderr.write("A blank password is none. Try again.")
    raise CommandError(f"No password after {MOST_TRIES} tries; nothing has changed.")


def _typed(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        message = "No password was typed; nothing has changed. Run this in a terminal."
        raise CommandError(message) from None
