"""Windows of time in which somebody may enter: from a grant's start to its end, compared.

A grant without a start has always been there, one without an end stays for ever. When somebody may
enter is told by windows that are joined, how long they may stay by those of single grants alone.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias

Window: TypeAlias = tuple[datetime, datetime]
"""From a moment on, and until another."""
Windows: TypeAlias = tuple[Window, ...]
"""In order."""

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def window(starts: datetime | None, expires: datetime | None) -> Window:
    """Return when a grant holds."""
    return starts or EARLIEST, expires or LATEST


def left(windows: Iterable[Window], now: datetime) -> Windows:
    """Return each time that is not over; what has begun has always been."""
    ahead = (w for w in windows if w[1] > max(now, w[0]))
    return tuple(sorted((EARLIEST if starts <= now else starts, ends) for starts, ends in ahead))


def from_now(windows: Iterable[Window], now: datetime) -> Windows:
    """Join the times that are not over, so that they are apart from each other."""
    joined: list[Window] = []
    for begins, ends in left(windows, now):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return tuple(joined)


def covers(windows: Iterable[Window], others: Iterable[Window]) -> bool:
    """Tell whether each of the other times lies within one of the first ones.

    Between single grants that is: whenever one of the others lets in, one of the first does too,
    and ends no sooner.
    """
    within = tuple(windows)
    return all(any(a <= b[0] and b[1] <= e for a, e in within) for b in others)


def last_end(windows: Windows) -> datetime | None:
    """Return when it all ends; None: never, or it never was."""
    return None if not windows or windows[-1][1] == LATEST else windows[-1][1]
