"""Makes local people, and gives them passwords, from the command line.

A name that was only granted something under becomes a person and keeps its grants. A directory
person is never taken over: their password is the directory's. Each change and its row in the
record are one transaction: no row, no change.
"""

from typing import Any

from accounts import record
from accounts.models import Action, Origin, Outcome, User, normal_username


class NotALocalPerson(Exception):
    """The name is a directory person's; the text says what to do."""

    def __init__(self, username: str) -> None:
        super().__init__(
            f"{username} is a directory person, whose password is the directory's. If the name "
            f"belongs to somebody else now, run: manage.py directory forget {username}"
        )


class NameIsTaken(Exception):
    """A local person of that name exists already."""


class NobodyOfThatName(Exception):
    """There is neither a person nor a placeholder of that name."""


def find(username: str) -> User | None:
    """Return the person or placeholder of that name. Raises NotALocalPerson."""
    user = User.objects.filter(username=normal_username(username)).first()
    if user and user.origin == Origin.DIRECTORY:
        raise NotALocalPerson(user.username)
    return user


def find_free(username: str) -> User | None:
    """Return the placeholder of that name, None when nobody has it.

    Raises NameIsTaken when a local person has it, NotALocalPerson when a directory person has.
    """
    user = find(username)
    if user and user.origin == Origin.LOCAL:
        raise NameIsTaken(f"there is a local person called {user.username} already")
    return user


def make_superuser(username: str, password: str, email: str) -> User:
    """Make a local administrator with all rights, out of a placeholder where there is one.

    Raises NameIsTaken, NotALocalPerson, RecordUnavailable; then nothing has changed.
    """
    with record.recording():
        user = find_free(username) or User(username=normal_username(username))
        before = _told(user) if user.pk else None
        user.origin = Origin.LOCAL
        user.is_staff = user.is_superuser = user.is_active = True
        user.email = email or user.email
        user.set_password(password)
        user.save()
        _record("createsuperuser", user, before)
    return user


def change_password(username: str, password: str) -> User:
    """Give a local person another password, or a placeholder its first: then it is local.

    Their sessions end with the next request. Raises NobodyOfThatName, NotALocalPerson,
    RecordUnavailable; then nothing has changed.
    """
    with record.recording():
        user = find(username)
        if user is None:
            raise NobodyOfThatName(f"there is nobody called {normal_username(username)}")
        before = _told(user)
        user.origin = Origin.LOCAL
        user.set_password(password)
        user.save()
        _record("changepassword", user, before)
    return user


def _told(user: User) -> dict[str, Any]:
    return {
        "origin": str(user.origin),
        "email": user.email,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
    }


def _record(command: str, user: User, before: dict[str, Any] | None) -> None:
    details = {
        "change": command,
        "user": user.username,
        "before": before,
        "after": {**_told(user), "password": "new"},
    }
    act = record.Act(action=Action.ADMIN_CHANGE, actor=record.COMMAND_LINE, details=details)
    record.write(act, Outcome.SUCCEEDED)
