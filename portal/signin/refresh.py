"""What is known of a directory person is read again before a launch and a page of the
administration, when it is too old, and in any case before each change that they make there.

Requests of one person read one after the other: whoever finds it read since they came goes on with
that. Nobody goes on with what is too old because somebody else is just reading. Does not ask for
anything while what is known is young enough, and holds no transaction while the directory is asked.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.directory import people as directory_people
from accounts.models import DirectoryState, Origin, User
from portal.bulkhead import TURNS, bulkhead
from portal.directory_settings import DirectorySettings
from portal.errors import DirectoryUnavailable
from portal.signin.directory import door, refusals

_CLOCKS_MAY_DIFFER = timedelta(seconds=60)
_AT_ONE_TURN = 2

_lock = threading.Lock()


@dataclass
class _Turn:
    """A person's turn at being read; ``wanted`` by so many requests."""

    held: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0


_turns: dict[int, _Turn] = {}


def require_let_in(
    user: User, refresh_seconds: int | None = None, *, must_answer: bool = False
) -> None:
    """Make sure that the directory still lets its person in; nothing to do for everybody else.

    What is known is read again when it is older than ``refresh_seconds``, 0 for in any case, None
    for ``AUTH_LDAP_REFRESH_SECONDS``. Where the directory ``must_answer``, nobody goes on with what
    is known while it does not.

    Raises NotLetIn when it does not, DirectoryUnavailable when it says nothing of the person, or
    does not answer and what is known is too old, RecordUnavailable when what it says cannot be
    recorded.
    """
    if user.origin != Origin.DIRECTORY:
        return
    directory = settings.DIRECTORY
    if directory is None:
        raise refusals.off(user.username)
    began = timezone.now()
    longest = directory.refresh_seconds if refresh_seconds is None else refresh_seconds
    directory_people.require_present(user.directory_state, user.username)
    if _is_young(user, began, longest):
        return
    with _in_turn(user, 2 * directory.timeout_seconds) as has_waited:
        if has_waited:
            _learn(user)
        if not _is_young(user, began, longest):
            _read_again(user, directory, must_answer)


def _learn(user: User) -> None:
    """Bring up to date what others have read meanwhile. Raises NotLetIn."""
    try:
        user.refresh_from_db(
            fields=["username", "directory_id", "directory_state", "directory_read"]
        )
    except User.DoesNotExist:
        user.directory_state = DirectoryState.GONE
    directory_people.require_present(user.directory_state, user.username)


def _is_young(user: User, began: datetime, refresh_seconds: int) -> bool:
    """Whether what is known is younger than the limit, or was read since this request came."""
    read_since = user.directory_read is not None and began <= user.directory_read <= timezone.now()
    age = max(_age(user), timedelta(0))
    return read_since or age < timedelta(seconds=refresh_seconds)


def _age(user: User) -> timedelta:
    """How old what is known is; what a clock that ran ahead wrote is as old as can be."""
    age = timezone.now() - user.directory_read if user.directory_read else timedelta.max
    return age if age >= -_CLOCKS_MAY_DIFFER else timedelta.max


def _is_too_old(user: User, directory: DirectorySettings) -> bool:
    return _age(user) > timedelta(seconds=directory.stale_seconds)


@contextmanager
def _in_turn(user: User, seconds: int) -> Iterator[bool]:
    """Hold a person's turn at being read; tells whether somebody had it before.

    Raises DirectoryUnavailable where it does not come within so many seconds, and at once where
    one waits for it already or as many wait for turns as may: they must not hold all threads.
    """
    with _lock:
        turn = _turns.setdefault(user.pk, _Turn())
        turn.wanted += 1
        one_waits = turn.wanted > _AT_ONE_TURN
    try:
        has_waited = not turn.held.acquire(blocking=False)
        if has_waited and (one_waits or not _comes(turn, user, seconds)):
            raise refusals.being_read(user.username)
        try:
            yield has_waited
        finally:
            turn.held.release()
    finally:
        with _lock:
            turn.wanted -= 1
            if not turn.wanted:
                del _turns[user.pk]


def _comes(turn: _Turn, user: User, seconds: int) -> bool:
    """Wait for a turn, so many seconds at most. Raises DirectoryUnavailable."""
    with bulkhead().entered(TURNS, lambda: refusals.being_read(user.username)):
        return turn.held.acquire(timeout=seconds)


def _read_again(user: User, directory: DirectorySettings, must_answer: bool) -> None:
    now = timezone.now()
    try:
        person = door.read(user.username, user.directory_id or "")
    except DirectoryUnavailable as error:
        if not error.lets_known_go_on:
            raise
        if must_answer:
            raise refusals.changes_wait(user.username, error.log) from None
        if _is_too_old(user, directory):
            raise refusals.too_old(user.username, error.log) from None
        return
    directory_people.refresh(user, person, now)
