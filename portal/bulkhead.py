"""How many threads may wait for somebody else at once, so that the others go on serving pages.

A worker has ``PORTAL_THREADS`` threads, and whoever launches holds one while AWS or the directory
answers. When one of those hangs, its compartment fills up and holds no more than its share; whoever
comes after is told so at once (503) instead of taking the last threads.

In a full compartment people wait for a place for as long as places come free: two hundred clicks
at once all arrive. When none has come free for a few times the usual length of a call, the
compartment stands still: those who wait are let go and nobody waits any longer, until a call ends
well again. There is no timer and no state to reset: places and the ends of calls tell all of it.

One person holds or waits for no more than two thirds of a compartment, so that their forty clicks
leave places for everybody else; what they ask beyond it is refused at once, in words of its own.
Checking passwords is waiting too, for the processor, and so is waiting for one's turn at being read
from the directory: these have compartments of their own, in which nobody waits for a place.
"""

import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
PASSWORDS = "passwords"
"""The compartment of those whose password is checked here, or is about to be."""
TURNS = "turns"
"""The compartment of those who wait while another request reads the same person."""
CHECKED_AT_ONCE = 2
"""A password hash takes 100 MB for a moment: strangers must not make a hundred at once."""

_TIMES_THE_USUAL = 3
_UNKNOWN_SECONDS = LONGEST_PATIENCE_SECONDS / _TIMES_THE_USUAL
_WEIGHT_OF_THE_NEWEST = 0.2

Refusal = Callable[[], PortalError]


@dataclass(frozen=True)
class Person:
    """Who asks, by a key of theirs, and what they are told when they ask for more than theirs."""

    key: str
    refusal: Refusal


@dataclass(eq=False)
class _Calls:
    """The calls of one compartment, or of all: those under way, the usual length, the last move.

    ``moved`` is when a place last came free by a call that did not hang, or when the first call
    of an empty compartment began. ``hung`` says that the last end was that of a call which had
    waited in vain. ``asked`` counts by person the places that they hold or wait for.
    """

    most: int
    may_wait: bool = True
    usual: float = _UNKNOWN_SECONDS
    moved: float = 0
    hung: bool = False
    begun: dict[object, float] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> int:
        """How many places one person may hold or wait for."""
        return max(2, self.most - self.most // 3)

    @property
    def is_full(self) -> bool:
        return len(self.begun) >= self.most

    @property
    def patience(self) -> float:
        wished = self.usual * _TIMES_THE_USUAL
        return min(max(wished, SHORTEST_PATIENCE_SECONDS), LONGEST_PATIENCE_SECONDS)

    def stands_still_from(self) -> float:
        if self.hung or not self.may_wait:
            return float("-inf")
        return self.moved + self.patience

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

    A compartment is made by naming it; ``without_waiting`` names those in which nobody waits for a
    place, with how many each has. ``clock`` is seconds, monotonic.
    """

    def __init__(
        self,
        most: int,
        most_of_one: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        without_waiting: Mapping[str, int] | None = None,
    ) -> None:
        self._most_of_one = most_of_one
        self._clock = clock
        self._changed = threading.Condition()
        self._all = _Calls(most)
        self._compartments = {
            name: _Calls(places, may_wait=False) for name, places in (without_waiting or {}).items()
        }
        self._waiting = 0

    @contextmanager
    def entered(self, name: str, refusal: Refusal, person: Person | None = None) -> Iterator[None]:
        """Hold a place in the compartment ``name`` for as long as the block runs.

        Waits for one while they come free; raises what ``refusal`` makes when none does, and at
        once what the person's makes when they have their share. What the block raises passes
        through and counts as a failed call. A block must not enter again.
        """
        with self._share_of(person, name), self._place(name, refusal):
            yield

    @contextmanager
    def _share_of(self, person: Person | None, name: str) -> Iterator[None]:
        if person is None:
            yield
            return
        with self._changed:
            asked = self._compartment(name).asked
            self._require_share(name, person)
            asked[person.key] += 1
        try:
            yield
        finally:
            with self._changed:
                asked[person.key] -= 1
                if not asked[person.key]:
                    del asked[person.key]

    @contextmanager
    def _place(self, name: str, refusal: Refusal) -> Iterator[None]:
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

    def require_room(self, name: str, refusal: Refusal, person: Person | None = None) -> None:
        """Raise what ``entered`` would raise without waiting; takes no place."""
        with self._changed:
            self._require_share(name, person)
            full = self._full(self._compartment(name))
            if full and self._waits_until(full) <= self._clock():
                raise refusal()

    def _require_share(self, name: str, person: Person | None) -> None:
        calls = self._compartment(name)
        if person is not None and calls.asked[person.key] >= calls.share:
            raise person.refusal()

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
    With one or two threads there is nothing to keep: one may wait. Beside the two whose passwords
    are checked a quarter of the threads may be about to be. An eighth may wait for turns.
    """
    kept = max(1, threads // 5)
    most = max(1, threads - kept)
    return Bulkhead(
        most,
        max(1, threads - 2 * kept),
        without_waiting={
            PASSWORDS: min(most, CHECKED_AT_ONCE + threads // 4),
            TURNS: max(1, threads // 8),
        },
    )


@functools.cache
def bulkhead() -> Bulkhead:
    """Return this process's bulkhead, shared by its threads."""
    return for_threads(settings.PORTAL_THREADS)
