"""Which server of the directory is asked, for how long, and which is passed over.

The servers are tried in the order given. One that did not answer is passed over for 30 seconds by
every worker of the server. Where all have failed lately nobody waits for them one after the other:
one request at a time tries again, a few seconds after the last failure, and the others are told at
once that the directory is away; so it is found again soon after it comes back.
"""

import mmap
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from portal.signin.directory.line import Server

PASSED_OVER_SECONDS = 30.0
TRIED_AGAIN_SECONDS = 2.0


class Budget:
    """The seconds that one exchange with the directory may take, whatever it consists of.

    ``answer_seconds`` is the longest wait for one answer; all of them together take at most twice
    that. ``clock`` is seconds, monotonic.
    """

    def __init__(self, answer_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._answer_seconds = answer_seconds
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        """Begin another exchange."""
        self._ends = self._clock() + 2 * self._answer_seconds

    def for_one_answer(self) -> float:
        """Return how long the next answer may take, in seconds; 0 when the time is up."""
        return max(0.0, min(self._answer_seconds, self._ends - self._clock()))

    @property
    def is_nearly_spent(self) -> bool:
        """Whether less is left than one answer may take."""
        return self._ends - self._clock() < self._answer_seconds

    def for_a_first_answer(self, servers_left: int) -> float:
        """Return how long a server may take to be found awake, so that all get their turn."""
        left = max(0.0, self._ends - self._clock())
        return min(self._answer_seconds, left / servers_left)

    def moment_in(self, seconds: float) -> float:
        """Return the clock's time in so many seconds."""
        return self._clock() + seconds


class Memory:
    """What is known of the servers, shared by a process and those that it forks: some moments.

    A moment is in seconds of ``time.monotonic``, which is one clock for all processes; 0: never.
    """

    _MOMENT = struct.Struct("d")
    PLACES = mmap.PAGESIZE // _MOMENT.size

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, mmap.PAGESIZE)

    def __getitem__(self, place: int) -> float:
        moment: float = self._MOMENT.unpack_from(self._shared, place * self._MOMENT.size)[0]
        return moment

    def __setitem__(self, place: int, moment: float) -> None:
        self._MOMENT.pack_into(self._shared, place * self._MOMENT.size, moment)

    def forget(self) -> None:
        """Know nothing any more."""
        self._shared[:] = bytes(len(self._shared))


_NOBODY_TRIES_BEFORE = 0
"""The place of the moment until which one request tries again, where all servers are away."""


class Servers:
    """The servers of a directory and what is known of each.

    ``longest_try`` is the most seconds that a request spends on all of them.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        longest_try: float,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = {
            server: place for place, server in enumerate(servers[: Memory.PLACES - 1], start=1)
        }
        self._longest_try = longest_try
        self._memory = memory or Memory()
        self._clock = clock
        self._lock = threading.Lock()

    @contextmanager
    def in_turn(self) -> Iterator[list[Server]]:
        """Give the servers to be tried now, in their order; none where waiting makes no sense."""
        with self._lock:
            fresh = [server for server in self._places if not self._is_passed_over(server)]
            again = [] if fresh else self._to_be_tried_again()
        try:
            yield fresh or again
        finally:
            if again:
                self._memory[_NOBODY_TRIES_BEFORE] = 0

    def answered(self, server: Server) -> None:
        """Note that a server is there."""
        self._memory[self._places[server]] = 0

    def failed(self, server: Server) -> None:
        """Note that a server did not answer."""
        self._memory[self._places[server]] = self._clock()

    def _is_passed_over(self, server: Server) -> bool:
        failed_at = self._memory[self._places[server]]
        return failed_at > 0 and self._clock() - failed_at < PASSED_OVER_SECONDS

    def _to_be_tried_again(self) -> list[Server]:
        now = self._clock()
        latest = max(self._memory[place] for place in self._places.values())
        if now < self._memory[_NOBODY_TRIES_BEFORE] or now - latest < TRIED_AGAIN_SECONDS:
            return []
        # A moment and no flag: a process that dies while it tries keeps nobody from trying.
        self._memory[_NOBODY_TRIES_BEFORE] = now + self._longest_try
        return list(self._places)
