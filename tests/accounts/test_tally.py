"""What plots are counted from: right in every time zone, however it came about."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts import record, tally
from accounts.errors import RecordUnavailable
from accounts.models import Action, Entry, Outcome, Tally
from accounts.record import Act
from accounts.tally import Count, LocalDays

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 25)


@pytest.fixture
def _in_kathmandu() -> Iterator[None]:
    """A zone that is 5 h 45 min ahead."""
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        yield


def launch(moment: datetime, outcome: Outcome = Outcome.SUCCEEDED, **fields: str) -> None:
    act = Act(Action.LAUNCH, "ann", "key", account="222222222222", time=record.moment_text(moment))
    record.open_act(act)
    record.close_act(act, outcome, "" if outcome == Outcome.SUCCEEDED else "AccessDenied")


@pytest.fixture(params=["counted ahead", "added up"])
def _when(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether rows are counted ahead, each on its own, or added up by the page."""
    if request.param == "counted ahead":
        monkeypatch.setattr(tally, "_WORTH_COUNTING", 1)
        monkeypatch.setattr(tally, "COUNTED_AT_ONCE", 1)


@pytest.mark.usefixtures("_in_kathmandu", "_when")
def test_days_are_those_of_the_readers_time_zone() -> None:
    midnight = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
    for moment in (midnight - timedelta(microseconds=1), midnight, midnight + timedelta(hours=23)):
        launch(moment)
    launch(midnight, Outcome.FAILED)
    launch(midnight + timedelta(days=1))
    tally.keep_up(99)
    counts = tally.by_day(LocalDays(DAY - timedelta(days=1), DAY + timedelta(days=1)))
    assert counts == {
        DAY - timedelta(days=1): Count(1),
        DAY: Count(2, 1),
        DAY + timedelta(days=1): Count(1),
    }
    assert tally.by_day(LocalDays(DAY, DAY)) == {DAY: Count(2, 1)}


@pytest.mark.usefixtures("_when")
def test_an_act_that_ends_after_midnight_counts_on_the_day_on_which_it_began() -> None:
    act = Act(
        Action.LAUNCH, "ann", "key", account="2" * 12, time=record.moment_text(
            datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)
        )
    )  # fmt: skip
    record.open_act(act)
    tally.keep_up(99)
    days = LocalDays(DAY - timedelta(days=1), DAY)
    assert tally.by_day(days) == {}
    record.close_act(act, Outcome.SUCCEEDED)
    tally.keep_up(99)
    assert tally.by_day(days) == {DAY - timedelta(days=1): Count(1)}
    assert tally.by_account(DAY) == {"2" * 12: 1}


def test_no_row_is_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_WORTH_COUNTING", 1)
    monkeypatch.setattr(tally, "COUNTED_AT_ONCE", 3)
    noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
    for number in range(1, 8):
        launch(noon)
        tally.keep_up(1)
        assert tally.by_day(LocalDays(DAY, DAY)) == {DAY: Count(number)}
    assert 0 < Tally.objects.get().counted <= Entry.objects.count()


def test_a_head_that_counts_more_than_there_is_keeps_nobody_counting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launch(datetime(2026, 11, 25, 12, tzinfo=UTC))
    Tally.objects.create(id=1, counted=Entry.objects.latest("id").id)
    tries, recording = [], record.recording

    def counted() -> object:
        tries.append(1)
        assert len(tries) <= 2, "it goes on and on"
        return recording()

    monkeypatch.setattr(tally, "_rows_uncounted", lambda: tally.COUNTED_AT_ONCE)
    monkeypatch.setattr(record, "recording", counted)
    tally.catch_up()
    tally.keep_up(99)
    assert len(tries) == 2


def test_where_the_database_takes_no_rows_the_page_adds_up_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object, **_words: object) -> None:
        raise RecordUnavailable(log="read only", message="No.", next_step="Wait.")

    launch(datetime(2026, 11, 25, 12, tzinfo=UTC))
    monkeypatch.setattr(tally, "_WORTH_COUNTING", 1)
    monkeypatch.setattr(record, "recording", fail)
    tally.keep_up()
    assert tally.by_day(LocalDays(DAY, DAY)) == {DAY: Count(1)}
    assert not Tally.objects.exists()
    monkeypatch.setattr(tally, "_MOST_ADDED_UP", 0)
    assert tally.is_behind()
