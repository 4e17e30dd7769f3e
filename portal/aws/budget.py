"""One deadline for everything that a launch asks of AWS, retries and waits included."""

import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self

from portal.aws import failures

_current: ContextVar["Budget"] = ContextVar("budget")


class Budget:
    """The seconds that one launch may spend on AWS, counted from now.

    ``with budget:`` makes it the thread's current one, for code that botocore calls and that
    therefore cannot be handed a budget. ``clock`` and ``sleep`` are seconds, monotonic.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._ends = clock() + seconds
        self._outer: list[Token[Budget]] = []

    @staticmethod
    def current() -> "Budget":
        """The budget of the launch that this thread is working for. LookupError without one."""
        return _current.get()

    def remaining(self) -> float:
        """Seconds left, above zero. Raises AwsUnavailable (504) when nothing is left."""
        left = self._ends - self._clock()
        if left <= 0:
            raise failures.no_answer()
        return left

    def allows(self, seconds: float) -> bool:
        """Whether a wait of that length leaves anything to go on with."""
        return seconds < self._ends - self._clock()

    def wait(self, seconds: float) -> None:
        """Sleep that long. Raises AwsUnavailable (504) when it would take all that is left."""
        if not self.allows(seconds):
            raise failures.no_answer()
        self._sleep(seconds)

    def __enter__(self) -> Self:
        self._outer.append(_current.set(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _current.reset(self._outer.pop())
