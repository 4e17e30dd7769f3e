"""P36: who hangs holds no more than their share of threads; a burst waits its turn; both end.

The clock is the tests' own, the threads are real. Nobody sleeps: a thread that waits in vain is
woken by its own patience, which the clock says is over.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from portal.bulkhead import PASSWORDS, Bulkhead, Person, for_threads
from portal.errors import Overloaded

PATIENCE = 1.0
"""Of a compartment whose calls were never seen to end."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refusal() -> Overloaded:
    return Overloaded(log="full", message="Full.", next_step="Wait.")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hull(clock: Clock) -> Bulkhead:
    """For a worker of 16 threads: 13 in all, 10 of one compartment."""
    return Bulkhead(13, 10, clock)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as made:
        yield made


def filled(hull: Bulkhead, calls: ExitStack, count: int = 10, name: str = "aws") -> None:
    for _ in range(count):
        calls.enter_context(hull.entered(name, refusal))


def is_refused(hull: Bulkhead, name: str = "aws", who: Person | None = None) -> bool:
    try:
        with hull.entered(name, refusal, who):
            return False
    except Overloaded:
        return True


def failed(hull: Bulkhead, clock: Clock, seconds: float, error: Exception) -> None:
    with hull.entered("aws", refusal):
        clock.now += seconds
        raise error


def wait_for(
    pool: ThreadPoolExecutor, hull: Bulkhead, count: int, who: Person | None = None
) -> list[Future[bool]]:
    """So many people who came to a full compartment, each known to wait in it."""
    waiting = threading.Semaphore(0)
    condition = hull._changed
    real = condition.wait

    def wait(timeout: float | None = None) -> bool:
        waiting.release()
        return real(timeout)

    condition.wait = wait  # type: ignore[method-assign]
    futures = [pool.submit(is_refused, hull, "aws", who) for _ in range(count)]
    for _ in range(count):
        assert waiting.acquire(timeout=10)
    condition.wait = real  # type: ignore[method-assign]
    return futures


@pytest.mark.parametrize(
    ("threads", "most", "most_of_one"),
    [(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 3, 2), (8, 7, 6), (16, 13, 10), (32, 26, 20)],
)
def test_P36_some_threads_are_always_kept(threads: int, most: int, most_of_one: int) -> None:
    hull = for_threads(threads)
    with ExitStack() as calls:
        filled(hull, calls, most_of_one)
        assert hull._full(hull._compartment("aws")) is not None
        if most > most_of_one:
            filled(hull, calls, min(most - most_of_one, most_of_one), "aws-cn")


def test_P36_a_compartment_that_hangs_is_refused_at_once_and_the_others_go_on(
    hull: Bulkhead, clock: Clock
) -> None:
    with ExitStack() as calls:
        filled(hull, calls)
        clock.now += PATIENCE
        assert is_refused(hull)
        with pytest.raises(Overloaded):
            hull.require_room("aws", refusal)
        for _ in range(20):
            with ExitStack() as others:
                filled(hull, others, 3, "aws-cn")
                clock.now += 0.1
                with pytest.raises(Overloaded):
                    hull.require_room("aws", refusal)
        filled(hull, calls, 3, "aws-cn")
        hull.require_room("directory", refusal)
        clock.now += PATIENCE
        assert is_refused(hull, "directory")
    assert not is_refused(hull)


def test_whoever_waits_is_let_go_when_the_compartment_is_found_to_stand_still(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as calls:
        filled(hull, calls)
        futures = wait_for(pool, hull, 3)
        clock.now += PATIENCE
        assert [future.result(10) for future in futures] == [True] * 3


def test_whoever_waits_gets_the_place_that_comes_free(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as calls:
        filled(hull, calls)
        futures = wait_for(pool, hull, 6)
        clock.now += 0.1
        calls.close()
        assert [future.result(10) for future in futures] == [False] * 6


def test_a_straggler_costs_its_own_place_only(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    """One call of ten hangs, the others go on: a burst still waits its turn."""
    with ExitStack() as straggler, ExitStack() as calls:
        filled(hull, straggler, 1)
        for _ in range(5):
            filled(hull, calls, 9)
            clock.now += 0.2
            futures = wait_for(pool, hull, 3)
            calls.close()
            assert [future.result(10) for future in futures] == [False] * 3


def test_P36_while_some_straggle_those_who_wait_leave_the_kept_threads_alone(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as calls:
        filled(hull, calls, 9)
        clock.now += PATIENCE
        with hull.entered("aws", refusal):
            pass
        filled(hull, calls, 1)
        futures = wait_for(pool, hull, 3)
        assert is_refused(hull)
        calls.close()
        assert [future.result(10) for future in futures] == [False] * 3


def test_after_a_call_that_hung_nobody_waits_until_one_ends_well(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as calls:
        filled(hull, calls, 9)
        with pytest.raises(TimeoutError):
            failed(hull, clock, 10, TimeoutError())
        filled(hull, calls, 1)
        assert is_refused(hull)
    with hull.entered("aws", refusal):
        clock.now += 0.01
    with ExitStack() as calls:
        filled(hull, calls)
        futures = wait_for(pool, hull, 2)
        calls.close()
        assert [future.result(10) for future in futures] == [False] * 2


def test_quick_refusals_of_aws_are_no_hang(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as calls:
        filled(hull, calls, 9)
        for _ in range(20):
            with pytest.raises(ValueError, match="no"):
                failed(hull, clock, 0.1, ValueError("no"))
        filled(hull, calls, 1)
        futures = wait_for(pool, hull, 3)
        calls.close()
        assert [future.result(10) for future in futures] == [False] * 3


class Theirs(Overloaded):
    """What one person is told who has their share."""


def person(key: str) -> Person:
    return Person(key, lambda: Theirs(log="theirs", message="Yours.", next_step="Wait."))


def clicked(hull: Bulkhead, calls: ExitStack, key: str, count: int) -> None:
    for _ in range(count):
        calls.enter_context(hull.entered("aws", refusal, person(key)))


def test_P36_one_person_leaves_places_for_the_others(hull: Bulkhead) -> None:
    with ExitStack() as calls:
        clicked(hull, calls, "ann", 7)
        for _ in range(40):
            with pytest.raises(Theirs):
                clicked(hull, calls, "ann", 1)
            with pytest.raises(Theirs):
                hull.require_room("aws", refusal, person("ann"))
        hull.require_room("aws", refusal, person("bob"))
        clicked(hull, calls, "bob", 3)
        with hull.entered("aws-cn", refusal, person("ann")):
            pass
    with ExitStack() as calls:
        clicked(hull, calls, "ann", 7)
    assert not hull._compartment("aws").asked


def test_P36_who_waits_for_a_place_has_asked_for_it(
    hull: Bulkhead, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    with ExitStack() as others:
        filled(hull, others)
        futures = wait_for(pool, hull, 7, person("ann"))
        with pytest.raises(Theirs):
            hull.require_room("aws", refusal, person("ann"))
        others.close()
        assert [future.result(10) for future in futures] == [False] * 7
    hull.require_room("aws", refusal, person("ann"))


@pytest.mark.parametrize(("places", "share"), [(1, 2), (2, 2), (3, 2), (6, 4), (10, 7), (20, 14)])
def test_a_share_is_two_thirds_but_a_person_may_always_do_two_things(
    places: int, share: int
) -> None:
    assert Bulkhead(100, places)._compartment("aws").share == share


@pytest.mark.parametrize(
    ("threads", "checked"), [(1, 1), (2, 1), (4, 3), (8, 4), (16, 6), (32, 10)]
)
def test_P38_nobody_waits_to_have_their_password_checked_beyond_a_few(
    threads: int, checked: int
) -> None:
    hull = for_threads(threads)
    with ExitStack() as calls:
        filled(hull, calls, checked, PASSWORDS)
        with pytest.raises(Overloaded):
            hull.require_room(PASSWORDS, refusal)
        assert is_refused(hull, PASSWORDS)
    assert not is_refused(hull, PASSWORDS)


def usual(hull: Bulkhead, clock: Clock, seconds: float) -> None:
    for _ in range(40):
        with hull.entered("aws", refusal):
            clock.now += seconds


@pytest.mark.parametrize(
    ("seconds", "patience"), [(0.01, 0.15), (0.1, 0.3), (0.3, 0.9), (5.0, 1.0)]
)
def test_patience_follows_the_usual_length_within_its_limits(
    hull: Bulkhead, clock: Clock, seconds: float, patience: float
) -> None:
    usual(hull, clock, seconds)
    with ExitStack() as calls:
        filled(hull, calls)
        clock.now += patience * 0.97
        hull.require_room("aws", refusal)
        clock.now += patience * 0.06
        with pytest.raises(Overloaded):
            hull.require_room("aws", refusal)


def test_a_compartment_that_was_empty_for_long_is_not_judged_by_its_past(
    hull: Bulkhead, clock: Clock
) -> None:
    usual(hull, clock, 0.01)
    clock.now += 3600
    with ExitStack() as calls:
        filled(hull, calls)
        hull.require_room("aws", refusal)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_place_is_given_back_however_the_call_ends(
    error: type[BaseException], hull: Bulkhead
) -> None:
    for _ in range(30):
        with pytest.raises(error), hull.entered("aws", refusal):
            raise error
    with ExitStack() as calls:
        filled(hull, calls)


def test_many_threads_never_hold_more_than_may_be_held_and_none_is_lost() -> None:
    hull = Bulkhead(6, 4)
    lock = threading.Lock()
    inside = {"aws": 0, "aws-cn": 0}
    most: list[tuple[int, int]] = []

    def call(number: int) -> int:
        name = ("aws", "aws-cn")[number % 2]
        try:
            with hull.entered(name, refusal):
                with lock:
                    inside[name] += 1
                    most.append((max(inside.values()), sum(inside.values())))
                with lock:
                    inside[name] -= 1
        except Overloaded:
            return 0
        return 1

    with ThreadPoolExecutor(24) as pool:
        served = sum(pool.map(call, range(4000)))
    assert max(of_one for of_one, _ in most) <= 4
    assert max(all_of_them for _, all_of_them in most) <= 6
    assert (served, inside) == (4000, {"aws": 0, "aws-cn": 0})
