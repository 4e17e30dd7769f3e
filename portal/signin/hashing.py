"""Checking and making passwords, a few at a time: each takes 100 MB and a core for a moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.errors import Seconds, gettext_noop
from portal.bulkhead import CHECKED_AT_ONCE, PASSWORDS, bulkhead
from portal.signin.throttle import Throttled

_HASHING = threading.BoundedSemaphore(CHECKED_AT_ONCE)
_LONGEST_WAIT_SECONDS = 5


@contextmanager
def hashing() -> Iterator[None]:
    """Hold a place among those whose password is hashed. Raises Throttled when there is none."""
    with bulkhead().entered(PASSWORDS, busy):
        if not _HASHING.acquire(timeout=_LONGEST_WAIT_SECONDS):
            raise busy()
        try:
            yield
        finally:
            _HASHING.release()


def require_room() -> None:
    """Raise Throttled where ``hashing`` would at once; takes no place."""
    bulkhead().require_room(PASSWORDS, busy)


def busy() -> Throttled:
    """Return the refusal of one password too many at the same moment."""
    return Throttled(
        log="too many sign-ins at the same moment",
        message=gettext_noop("Many people are signing in at this moment."),
        next_step=gettext_noop("Try again in %(seconds)s."),
        params={"seconds": Seconds(_LONGEST_WAIT_SECONDS)},
        retry_after=_LONGEST_WAIT_SECONDS,
    )
