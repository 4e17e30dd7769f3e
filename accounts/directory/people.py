"""Directory people: who a person of the directory is here, at sign-in and when read again.

The directory's immutable id says who somebody is. A name is only a name: it can wait for its
person (a placeholder), move with them, or be given to somebody new, who is refused until the old
person is forgotten. A local person is never taken over.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from accounts import record
from accounts.directory.changes import Change, DirectoryPerson, Mirror, is_known_better, tell
from accounts.directory.names import what_is_theirs
from accounts.errors import NotLetIn, gettext_noop
from accounts.models import DirectoryState, Origin, User, normal_username

T = TypeVar("T")
DIRECTORY = "directory"
"""What the record calls the actor of a change that the directory made."""


# --- at sign-in ------------------------------------------------------------------------------


def admit(person: DirectoryPerson, read: datetime) -> User:
    """Return who a person is here, whose password the directory has found right at ``read``.

    Raises NotLetIn, RecordUnavailable; what the directory said of somebody known is kept even
    when they are not let in.
    """

    def decide() -> tuple[User | None, NotLetIn | None]:
        user, error = _whose(person)
        if user is not None:
            _take_over(user, person, Mirror.read(), read)
            error = refusal(user.directory_state, user.username)
        return user, error

    with record.recording():
        user, error = _decided(decide)
    if user is None or error is not None:
        raise error or _name_was_anothers(person.username)
    return user


def _decided(decide: Callable[[], T]) -> T:
    """Decide, and once more where another request or an access file has just taken a name."""
    try:
        with transaction.atomic():
            return decide()
    except IntegrityError:
        return decide()


def _whose(person: DirectoryPerson) -> tuple[User | None, NotLetIn | None]:
    """Find out who it is by the immutable id; make or claim a user for somebody new.

    Somebody known comes with the name that they had; a new one is theirs as soon as they are read.
    What the directory knows of another person of that name is not read here, and not touched.
    """
    users = User.objects.select_for_update()
    known = users.filter(directory_id=person.directory_id).first()
    holder = users.filter(username=person.username).first()
    if holder is not None and holder.origin == Origin.LOCAL:
        return None, _name_is_local(person.username)
    if known is not None:
        return known, None
    if holder is not None and holder.origin == Origin.DIRECTORY:
        return None, _name_was_anothers(person.username)
    if person.state != DirectoryState.PRESENT:
        # Nobody is made for somebody who is not let in.
        return None, refusal(person.state, person.username)
    return _made(holder, person), None


def _made(placeholder: User | None, person: DirectoryPerson) -> User:
    """Give a name to its person, with what was granted under it; the rest is the first reading's.

    That one turns the name into a directory person and leaves the row.
    """
    user = placeholder or User.objects.create_placeholder(person.username)
    user.directory_id = person.directory_id
    user.save()
    return user


# --- read again -------------------------------------------------------------------------------


def refresh(user: User, person: DirectoryPerson | None, read: datetime) -> None:
    """Take over what the directory said of its person at ``read``; None: nobody has that name.

    ``user`` is brought up to date. Raises NotLetIn when they are not let in any more,
    RecordUnavailable when that cannot be written: then nothing has changed.
    """
    mirror = Mirror.read()
    if Change.of(user, person, mirror).is_none:
        # Nothing to tell, so nobody has to queue for the record.
        known = User.objects.filter(pk=user.pk, directory_state=user.directory_state)
        if known.update(directory_read=read):
            user.directory_read = read
            require_present(user.directory_state, user.username)
            return

    def decide() -> User | None:
        fresh = User.objects.select_for_update().filter(pk=user.pk).first()
        if fresh is not None:
            _take_over(fresh, person, mirror, read)
        return fresh

    with record.recording():
        fresh = _decided(decide)
    if fresh is None:
        require_present(DirectoryState.GONE, user.username)
    else:
        user.directory_state, user.directory_read = fresh.directory_state, fresh.directory_read
        user.name, user.email, user.is_staff = fresh.name, fresh.email, fresh.is_staff
        user.username, user.is_active = fresh.username, fresh.is_active
        require_present(fresh.directory_state, fresh.username)
        if not fresh.is_active:
            raise _switched_off(fresh.username)


def _take_over(user: User, person: DirectoryPerson | None, mirror: Mirror, read: datetime) -> None:
    """Apply what changes, unless what is known was read later still."""
    if not is_known_better(user, read):
        Change.of(user, person, mirror).apply(read, DIRECTORY)


# --- refusals --------------------------------------------------------------------------------

_REFUSALS: Mapping[str, tuple[str, str, str]] = {
    DirectoryState.GONE: (
        "DirectoryGone",
        gettext_noop("The directory no longer knows you."),
        gettext_noop("If that should not be, ask an administrator of the directory."),
    ),
    DirectoryState.DISABLED: (
        "DirectoryDisabled",
        gettext_noop("Your account in the directory is disabled."),
        gettext_noop("If that should not be, ask an administrator of the directory."),
    ),
    DirectoryState.OUTSIDE: (
        "DirectoryOutside",
        gettext_noop("The directory does not have you in a group that may use this portal."),
        gettext_noop("If you should have access, ask an administrator of the directory."),
    ),
    DirectoryState.REPLACED: (
        "DirectoryReplaced",
        gettext_noop("Your user name belongs to somebody else in the directory now."),
        gettext_noop("Sign in with your new name, or ask an administrator."),
    ),
}


def require_present(state: str, username: str) -> None:
    """Raise NotLetIn for a directory person in a state that lets nobody in."""
    error = refusal(state, username)
    if error is not None:
        raise error


def refusal(state: str, username: str) -> NotLetIn | None:
    """Return what a directory person in this state is told; None for one who is present."""
    if state == DirectoryState.PRESENT:
        return None
    code, message, next_step = _REFUSALS.get(state, _REFUSALS[DirectoryState.GONE])
    log = f"{username!r} is {state or 'unread'} in the directory"
    return NotLetIn(log=log, message=message, next_step=next_step, code=code)


def _switched_off(username: str) -> NotLetIn:
    return NotLetIn(
        log=f"{username!r} has the name of somebody who is switched off here",
        message=gettext_noop("An administrator has switched this user name off in the portal."),
        next_step=gettext_noop("If you should have access, ask an administrator."),
        code="SwitchedOff",
    )


def _name_is_local(username: str) -> NotLetIn:
    return NotLetIn(
        log=f"the directory's {username!r} has the name of a local person",
        message=gettext_noop("This name belongs to a person with a password of the portal's own."),
        next_step=gettext_noop(
            "The directory's password does not open it. If you are that person, use the portal's "
            "password; otherwise ask an administrator."
        ),
        code="NameIsLocal",
    )


def _name_was_anothers(username: str) -> NotLetIn:
    return NotLetIn(
        log=f"{username!r} has another immutable id in the directory than the person known here",
        message=gettext_noop("This name belonged to somebody else when the portal last met it."),
        next_step=gettext_noop(
            "Ask an administrator to run “manage.py directory forget” for it; then sign in again."
        ),
        code="NameWasAnothers",
    )


# --- forgetting ------------------------------------------------------------------------------


class NotADirectoryPerson(Exception):
    """The name is nobody's, a placeholder's or a local person's; the text is one line."""


def forget(username: str) -> str:
    """Delete a directory person with their own grants and bookmarks, and return their name.

    The next sign-in of that name starts with nothing; the old person's history stays in the record
    under a key that nobody has again. Raises NotADirectoryPerson, RecordUnavailable; then nothing
    has changed.
    """
    name = normal_username(username)
    with record.recording():
        user = User.objects.select_for_update().filter(username=name).first()
        if user is None:
            raise NotADirectoryPerson(f"there is nobody called {name}")
        if user.origin != Origin.DIRECTORY:
            kind = "a local person" if user.origin == Origin.LOCAL else "not signed in yet"
            raise NotADirectoryPerson(f"{name} is {kind}, and no directory person to forget")
        before = _all_of(user)
        user.delete()
        tell(record.COMMAND_LINE, "directory forget", name, before, None)
    return name


def _all_of(user: User) -> dict[str, Any]:
    """Return everything that goes with a person, as the record keeps it."""
    return {
        "origin": str(user.origin),
        "state": str(user.directory_state),
        "name": user.name,
        "email": user.email,
        "directory_id": user.directory_id,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        **what_is_theirs(user),
    }
