"""Makes local people and gives them passwords, from the command line or by an administrator; their
own they change here.

A name that was only granted something under becomes a person and keeps its grants. A directory
person is never taken over: their password is the directory's. Each change and its row in the
record are one transaction: no row, no change.
"""

from typing import Any

from django.contrib.auth.hashers import make_password

from accounts import record
from accounts.administration.changing import Administrator, Changes, Told, changing
from accounts.errors import NotAllowed, gettext_noop
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


def require_own_password(user: User) -> None:
    """Raise NotAllowed unless the person's password is the portal's to change."""
    if user.origin != Origin.LOCAL:
        raise NotAllowed(
            log=f"{user.username!r} has no password of the portal's own",
            message=gettext_noop("Your password is the directory’s, so it is not changed here."),
            next_step=gettext_noop("Change it where you change the one of your computer or mail."),
            code="NotALocalPerson",
        )


def hashed(password: str) -> str:
    """Return what is kept of a password. It takes long, so never within ``changing``.

    Whoever holds the writers' turn must not let the others wait for it.
    """
    return make_password(password)


def require_password_of_ours(user: User) -> None:
    """Raise NotAllowed where somebody's password is the directory's."""
    if user.origin == Origin.DIRECTORY:
        raise _is_the_directorys(user)


def give_password(changes: Changes, user: User, password_hash: str) -> None:
    """Give a local person another password, or a name that waits its first: then it is local.

    Their sessions end with their next request. Raises NotAllowed for a directory person.
    """
    ours = User.objects.filter(pk=user.pk).exclude(origin=Origin.DIRECTORY)
    if not ours.update(password=password_hash, origin=Origin.LOCAL):
        raise _is_the_directorys(user)
    _tell_password(changes, user)
    user.password, user.origin = password_hash, Origin.LOCAL


def change_own_password(person: Administrator, password: str) -> None:
    """Give a person the password that they chose themselves; all their sessions end.

    Their current one has been asked for. Raises NotAllowed where it is not the portal's, or is
    another by now, RecordUnavailable; then nothing has changed.
    """
    user = person.user
    require_own_password(user)
    password_hash = hashed(password)
    with changing(person) as changes:
        unchanged = User.objects.filter(
            pk=user.pk, password=user.password, origin=Origin.LOCAL, is_active=True
        )
        if not unchanged.update(password=password_hash):
            raise _changed_meanwhile(user)
        _tell_password(changes, user)
    user.password = password_hash


def _tell_password(changes: Changes, user: User) -> None:
    """Tell that somebody has another password; what it was and is now, nobody is told."""
    before, after = None, {"password": "new"}
    if user.origin != Origin.LOCAL:
        before, after = {"origin": str(user.origin)}, {"origin": str(Origin.LOCAL), **after}
    changes.tell(Told("password", "user", user.username, before, after))


def _is_the_directorys(user: User) -> NotAllowed:
    return NotAllowed(
        log=f"{user.username!r} is a directory person",
        message=gettext_noop("%(name)s is a directory person, whose password is the directory’s."),
        next_step=gettext_noop(
            "If the name belongs to somebody else now, run: manage.py directory forget %(name)s"
        ),
        params={"name": user.username},
        code="NotALocalPerson",
    )


def _changed_meanwhile(user: User) -> NotAllowed:
    return NotAllowed(
        log=f"{user.username!r} has another password by now",
        message=gettext_noop("Your password was changed from somewhere else at the same moment."),
        next_step=gettext_noop("Sign in again; if it was not you, ask an administrator."),
        code="ChangedMeanwhile",
    )


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
