"""Before a launch, what is known of a directory person is read again when it is too old.

One request at a time reads a person; others of theirs go on with what is known. Does not ask for
anything while what is known is young enough, and holds no transaction while the directory is asked.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.directory import people as directory_people
from accounts.errors import gettext_noop
from accounts.models import Origin, User
from portal.directory_settings import DirectorySettings
from portal.errors import DirectoryUnavailable
from portal.signin.directory import door

# Somebody who clicked twice waits for the reading that the first click began.
_LONGEST_WAIT_SECONDS = 2

_CLOCKS_MAY_DIFFER = timedelta(seconds=60)

_lock = threading.Lock()
_being_read: dict[int, threading.Event] = {}


def require_let_in(user: User) -> None:
    """Make sure that the directory still lets its person in; nothing to do for everybody else.

    Raises NotLetIn when it does not, DirectoryUnavailable when it does not answer and what is known
    is too old, RecordUnavailable when what it says cannot be recorded.
    """
    if user.origin != Origin.DIRECTORY:
        return
    directory = settings.DIRECTORY
    if directory is None:
        raise _off(user)
    _require_present(user)
    if _age(user) >= timedelta(seconds=directory.refresh_seconds):
        with _reading(user) as is_mine:
            if is_mine:
                _read_again(user, directory)
            elif _is_too_old(user, directory):
                _wait_for_the_other(user, directory)


def _require_present(user: User) -> None:
    error = directory_people.refusal(user.directory_state, user.username)
    if error is not None:
        raise error


def _age(user: User) -> timedelta:
    """How old what is known is; what a clock that ran ahead wrote is as old as can be."""
    age = timezone.now() - user.directory_read if user.directory_read else timedelta.max
    return age if age >= -_CLOCKS_MAY_DIFFER else timedelta.max


def _is_too_old(user: User, directory: DirectorySettings) -> bool:
    return _age(user) > timedelta(seconds=directory.stale_seconds)


@contextmanager
def _reading(user: User) -> Iterator[bool]:
    """Tell whether it is this request that reads the person."""
    with _lock:
        is_mine = user.pk not in _being_read
        if is_mine:
            _being_read[user.pk] = threading.Event()
    try:
        yield is_mine
    finally:
        if is_mine:
            with _lock:
                _being_read.pop(user.pk).set()


def _read_again(user: User, directory: DirectorySettings) -> None:
    now = timezone.now()
    try:
        person = door.read(user.username)
    except DirectoryUnavailable as error:
        if _is_too_old(user, directory):
            raise _too_old(user, error.log) from None
        return
    directory_people.refresh(user, person, now)


def _wait_for_the_other(user: User, directory: DirectorySettings) -> None:
    with _lock:
        other = _being_read.get(user.pk)
    if other is not None:
        other.wait(_LONGEST_WAIT_SECONDS)
    user.refresh_from_db(fields=["directory_state", "directory_read"])
    _require_present(user)
    if _is_too_old(user, directory):
        raise _too_old(user, "somebody else reads them")


def _too_old(user: User, cause: str) -> DirectoryUnavailable:
    return DirectoryUnavailable(
        log=f"what is known of {user.username!r} is too old: {cause}",
        message=gettext_noop(
            "The directory does not answer, and what the portal knows of you is too old."
        ),
        next_step=gettext_noop("Try again in a minute; if it stays so, tell an administrator."),
    )


def _off(user: User) -> DirectoryUnavailable:
    return DirectoryUnavailable(
        log=f"{user.username!r} is a directory person, and no directory is set",
        message=gettext_noop("The portal no longer asks the directory that knows you."),
        next_step=gettext_noop("Ask an administrator to connect it again."),
        retry_makes_sense=False,
        retry_after=None,
        code="NoDirectory",
    )
