"""What is asked of AWS again, and after which pause.

Throttling, 5xx and broken connections are tried again within the launch's budget, refusals never.
AssumeRole, GetFederationToken and getSigninToken may all be repeated without harm.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from portal.aws.budget import Budget
from portal.errors import UpstreamError

T = TypeVar("T")

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0


class Again(Exception):
    """This attempt failed as ``error`` says, and another may succeed.

    ``at_once``: the first repetition needs no pause (a kept connection that was closed meanwhile,
    credentials that were replaced). ``retry_after``: the least pause in seconds that AWS asked for.
    """

    def __init__(
        self, error: UpstreamError, *, at_once: bool = False, retry_after: float = 0
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.at_once = at_once
        self.retry_after = retry_after


def persistently(attempt: Callable[[], T], budget: Budget) -> T:
    """The result of ``attempt``, made up to four times while it raises Again.

    Raises the last attempt's own error when no attempt or no time is left.
    """
    number = 1
    outcome = _outcome(attempt)
    while isinstance(outcome, Again):
        pause = _pause(outcome, number)
        if number == ATTEMPTS or not budget.allows(pause):
            raise outcome.error
        if pause:
            budget.wait(pause)
        outcome = _outcome(attempt)
        number += 1
    return outcome


def retry_after_seconds(header: str) -> float:
    """The seconds of a Retry-After header, 0 where it names none (a date is ignored)."""
    return float(header) if header.isascii() and header.isdigit() and len(header) < 6 else 0


def _outcome(attempt: Callable[[], T]) -> T | Again:
    # Returned, not raised on, so that the error which leaves has no context.
    try:
        return attempt()
    except Again as again:
        return again


def _pause(again: Again, number: int) -> float:
    if again.at_once and number == 1:
        return 0
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (number - 1))
    return max(again.retry_after, random.uniform(0, longest))  # noqa: S311 - jitter, no secret
