"""Windows of time, joined and compared: what two grants after each other come to."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.administration.windows import (
    EARLIEST,
    LATEST,
    Window,
    Windows,
    covers,
    from_now,
    last_end,
    left,
    window,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def at(days: int) -> datetime:
    return NOW + timedelta(days=days)


@pytest.mark.parametrize(
    ("windows", "joined"),
    [
        ([], ()),
        ([window(None, None)], ((EARLIEST, LATEST),)),
        ([(at(-9), at(-1))], ()),
        ([(at(-9), NOW)], ()),
        ([(at(3), at(2))], ()),
        ([(at(-9), at(1))], ((EARLIEST, at(1)),)),
        ([(at(2), at(3)), (at(-9), at(2))], ((EARLIEST, at(3)),)),
        ([(at(2), at(9)), (at(3), at(4))], ((at(2), at(9)),)),
        ([(at(5), at(6)), (at(1), at(2))], ((at(1), at(2)), (at(5), at(6)))),
    ],
)
def test_what_is_over_is_left_out_and_what_touches_is_one(
    windows: list[Window], joined: Windows
) -> None:
    assert from_now(windows, NOW) == joined


def test_what_is_left_of_each_is_told_apart_where_how_long_counts() -> None:
    each = [(at(2), at(9)), (at(-9), at(3)), (at(-9), at(-1)), (at(5), at(4))]
    assert left(each, NOW) == ((EARLIEST, at(3)), (at(2), at(9)))
    one_of_both = ((EARLIEST, at(9)),)
    assert covers(from_now(each, NOW), one_of_both)
    assert not covers(left(each, NOW), one_of_both)


def test_times_lie_within_others_as_a_whole_or_not_at_all() -> None:
    held = ((at(0), at(5)), (at(7), at(9)))
    assert covers(held, ((at(1), at(5)), (at(7), at(8))))
    assert covers(held, ())
    assert not covers(held, ((at(4), at(8)),))
    assert not covers((), ((at(1), at(2)),))
    assert covers((each for each in held), held)


def test_the_last_end_is_none_where_there_is_none() -> None:
    assert last_end(((at(1), at(2)), (at(5), at(6)))) == at(6)
    assert last_end(((at(1), LATEST),)) is None
    assert last_end(()) is None
