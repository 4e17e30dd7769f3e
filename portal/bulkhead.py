"""How many threads may wait for somebody else at once, so that the others go on serving pages.

A worker has ``PORTAL_THREADS`` threads, and whoever launches holds one while AWS or the directory
answers. When one of those hangs, its compartment fills up and holds no more than its share; whoever
comes after is told so at once (503) instead of taking the last threads.

In a full compartment people wait for a place for as long as places come free: two hundred clicks
at once all arrive. When none has come free for a few times the usual length of a call, the
compartment stands still: those who wait are let go and nobody waits any longer, until a call ends
well again. There is no timer and no state to reset: places and the ends of calls tell all of it.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings

from accounts.errors import PortalError

SHORTEST_PATIENCE_SECONDS = 0.15
"""No compartment is judged to stand still sooner, however quick its calls usually are."""
LONGEST_PATIENCE_SECONDS = 1.0
"""Nor later, however slow they are: the most that a hang can hold pages up, and only once."""

DIRECTORY = "directory"
"""The compartment of calls to the directory; calls to AWS go by partition."""

_TIMES_THE_USUAL = 3
_UNKNOWN_SECONDS = LONGEST_PATIENCE_SECONDS / _TIMES_THE_USUAL
_WEIGHT_OF_THE_NEWEST = 0.2

Refusal = Callable[[], PortalError]


@dataclass(eq=False)
class _Calls:
    """The calls of one compartment, or of all: those under way, the usual length, the last move.

    ``moved`` is when a place last came free by a call that did not hang, or when the first call
    of an empty compartment began. ``hung`` says that the last end was that of a call which had
    waited in vain.
    """

    most: int
    usual: float = _UNKNOWN_SECONDS
    moved: float = 0
    hung: bool = False
    begun: dict[object, float] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return len(self.begun) >= self.most

    @property
    def patience(self) -> float:
        wished = self.usual * _TIMES_THE_USUAL
        return min(max(wished, SHORTEST_PATIENCE_SECONDS), LONGEST_PATIENCE_SECONDS)

    def stands_still_from(self) -> float:
        return float("-inf") if self.hung else self.moved + self.patience

    def straggles_from(self) -> float:
        """When the oldest call will have taken longer than calls of a healthy upstream do."""
        return next(iter(self.begun.values()), float("inf")) + self.patience

    def begin(self, call: object, now: float) -> None:
        if not self.begun:
            self.moved = now
        self.begun[call] = now

    def end(self, call: object, now: float, *, is_well: bool) -> None:
        seconds = now - self.begun.pop(call)
        self.hung = not is_well and seconds >= self.patience
        if not self.hung:
            self.moved = now
        if is_well:
            self.usual += (seconds - self.usual) * _WEIGHT_OF_THE_NEWEST


class Bulkhead:
    """At most ``most`` calls at once, and at most ``most_of_one`` of one compartment.

    A compartment is made by naming it. ``clock`` is seconds, monotonic.
    """

    def __init__(
        self, most: int, most_of_one: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_of_one = most_of_one
        self._clock = clock
        self._changed = threading.Condition()
        self._all = _Calls(most)
        self._compartments: dict[str, _Calls] = {}
        self._waiting = 0

    @contextmanager
    def entered(self, name: str, refusal: Refusal) -> Iterator[None]:
        """Hold a place in the compartment ``name`` for as long as the block runs.

        Waits for one while they come free; raises what ``refusal`` makes when none does. What the
        block raises passes through and counts as a failed call. A block must not enter again.
        """
        call = object()
        with self._changed:
            calls = self._compartment(name)
            if not self._wait_for_a_place(calls):
                raise refusal()
            for each in (calls, self._all):
                each.begin(call, self._clock())
        is_well = False
        try:
            yield
            is_well = True
        finally:
            with self._changed:
                for each in (calls, self._all):
                    each.end(call, self._clock(), is_well=is_well)
                self._changed.notify_all()

    def require_room(self, name: str, refusal: Refusal) -> None:
        """Raise what ``refusal`` makes when ``entered`` would not even wait; takes no place."""
        with self._changed:
            full = self._full(self._compartment(name))
            if full and self._waits_until(full) <= self._clock():
                raise refusal()

    def _compartment(self, name: str) -> _Calls:
        return self._compartments.setdefault(name, _Calls(self._most_of_one))

    def _full(self, calls: _Calls) -> _Calls | None:
        """Return what lacks a place: the compartment, the whole, or nothing."""
        return next((each for each in (calls, self._all) if each.is_full), None)

    def _wait_for_a_place(self, calls: _Calls) -> bool:
        """Tell whether there is a place now; waits for one while it makes sense."""
        self._waiting += 1
        try:
            while full := self._full(calls):
                seconds = self._waits_until(full) - self._clock()
                if seconds <= 0:
                    return False
                self._changed.wait(seconds)
            return True
        finally:
            self._waiting -= 1

    def _waits_until(self, full: _Calls) -> float:
        """Return the moment from which it makes no sense to wait, as far as is known now.

        While some calls straggle, those who wait may not take the threads kept for pages either.
        """
        has_spare_threads = len(self._all.begun) + self._waiting <= self._all.most
        if has_spare_threads:
            return full.stands_still_from()
        return min(full.stands_still_from(), full.straggles_from())


def for_threads(threads: int) -> Bulkhead:
    """Return a bulkhead for a worker with so many threads.

    A fifth of them (at least one) is kept for pages and health checks, as much again for the
    other compartments when one is full: of 16 threads 13 may wait, 10 of them for one partition.
    With one or two threads there is nothing to keep: one may wait.
    """
    kept = max(1, threads // 5)
    return Bulkhead(max(1, threads - kept), max(1, threads - 2 * kept))


@functools.cache
def bulkhead() -> Bulkhead:
    """Return this process's bulkhead, shared by its threads."""
    return for_threads(settings.PORTAL_THREADS)
