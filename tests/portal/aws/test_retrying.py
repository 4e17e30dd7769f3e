"""What is tried again, how often and after which pause; and the one deadline over all of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.aws import failures
from portal.aws.budget import Budget
from portal.aws.retrying import ATTEMPTS, Again, persistently, retry_after_seconds
from portal.errors import AwsUnavailable


class Clock:
    """A clock that a sleeping thread moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def failing(times: int, again: Again) -> tuple[Callable[[], str], list[int]]:
    tries: list[int] = []

    def attempt() -> str:
        tries.append(1)
        if len(tries) <= times:
            raise again
        return "done"

    return attempt, tries


def busy(**how: float) -> Again:
    return Again(failures.busy("sts", 503), retry_after=how.get("retry_after", 0))


def test_p36_a_busy_upstream_is_asked_four_times_at_most() -> None:
    clock = Clock()
    attempt, tries = failing(99, busy())
    with pytest.raises(AwsUnavailable) as caught:
        persistently(attempt, Budget(60, clock, clock.sleep))
    assert (caught.value.status, len(tries)) == (503, ATTEMPTS)
    assert len(clock.slept) == ATTEMPTS - 1
    assert all(pause <= 0.1 * 2**number for number, pause in enumerate(clock.slept))


@given(seconds=st.floats(0.001, 5), retry_after=st.sampled_from([0, 1, 2, 30]))
def test_p36_no_wait_is_longer_than_what_is_left(seconds: float, retry_after: float) -> None:
    clock = Clock()
    attempt, _ = failing(99, busy(retry_after=retry_after))
    with pytest.raises(AwsUnavailable):
        persistently(attempt, Budget(seconds, clock, clock.sleep))
    assert clock.now < 1000 + seconds


def test_a_retry_after_that_fits_is_honoured_and_one_that_does_not_ends_the_tries() -> None:
    clock = Clock()
    attempt, tries = failing(1, busy(retry_after=3))
    assert persistently(attempt, Budget(10, clock, clock.sleep)) == "done"
    assert clock.slept == [3]
    attempt, tries = failing(1, busy(retry_after=11))
    with pytest.raises(AwsUnavailable):
        persistently(attempt, Budget(10, clock, clock.sleep))
    assert (len(tries), clock.slept) == (1, [3])


def test_a_closed_connection_is_tried_again_at_once_but_only_once_so() -> None:
    clock = Clock()
    attempt, _ = failing(2, Again(failures.broken_off("sts", "x"), at_once=True))
    assert persistently(attempt, Budget(10, clock, clock.sleep)) == "done"
    assert len(clock.slept) == 1


def test_the_pauses_differ_so_that_many_do_not_come_back_together() -> None:
    pauses = set()
    for _ in range(20):
        clock = Clock()
        persistently(failing(1, busy())[0], Budget(10, clock, clock.sleep))
        pauses.add(clock.slept[0])
    assert len(pauses) > 10


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3), ("", 0), ("-1", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("٣", 0), ("9" * 9, 0)],
)
def test_only_a_plain_number_counts_as_retry_after(header: str, seconds: float) -> None:
    assert retry_after_seconds(header) == seconds


def test_a_spent_budget_says_that_aws_did_not_answer_in_time() -> None:
    clock = Clock()
    budget = Budget(5, clock, clock.sleep)
    assert budget.remaining() == 5
    clock.now += 5
    with pytest.raises(AwsUnavailable) as caught:
        budget.remaining()
    assert (caught.value.status, caught.value.code) == (504, "NoAnswer")


def test_a_budget_refuses_a_wait_that_it_cannot_afford() -> None:
    clock = Clock()
    budget = Budget(1, clock, clock.sleep)
    with pytest.raises(AwsUnavailable):
        budget.wait(1)
    assert clock.slept == []
