"""A long record stays quick to read: every question walks an index, none reads all there is.

The databases say so themselves (EXPLAIN); how long it takes is measured elsewhere.
"""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import history, tally
from accounts.history import Filters, History
from accounts.history_export import export_rows
from accounts.history_year import year_of
from accounts.models import Entry
from tests import large_catalogue
from tests.large_catalogue import Size

ROWS = 12_000
SIZE = Size(people=40, accounts=20, roles_each=5, groups=10, grants=20, bookmarks=5, rows=ROWS)
LONGEST = large_catalogue.key_of(5)
PERIOD = Filters(
    since=timezone.localdate() - timedelta(days=60), until=timezone.localdate() - timedelta(days=30)
)


@pytest.fixture(scope="module")
def _filled(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> object:
    """One record for all of these tests, taken back at the end."""
    from django.db import transaction  # noqa: PLC0415

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        block = transaction.atomic()
        block.__enter__()
        large_catalogue.fill(SIZE)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        yield
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


@pytest.fixture
def _as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at once stands to the record as at a million rows."""
    monkeypatch.setattr(history, "LOOKED_THROUGH", ROWS // 50)
    monkeypatch.setattr(history, "MOST_COUNTED", ROWS // 100)
    monkeypatch.setattr(history, "_ROWS_AT_ONCE", ROWS // 50)


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_filled")]


# At the end, or at the end of what is counted: those of subqueries bound nothing.
OWN_LIMIT = re.compile(r"LIMIT \d+( OFFSET \d+)?(\) \S+)?$")


def plans(ask: Callable[[], object]) -> str:
    """What the database says of every statement that a question is."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    lines: list[str] = []
    with connection.cursor() as cursor:
        for query in queries:
            if re.match(r"(WITH|SELECT)\b", query["sql"]):
                cursor.execute(explain + query["sql"].replace("%", "%%"), [])
                limited = "LIMITED " if OWN_LIMIT.search(query["sql"]) else ""
                lines += [limited + " ".join(map(str, row)) for row in cursor.fetchall()]
    return "\n".join(lines)


def reads_all_of_the_record(plan: str) -> bool:
    """Whether the whole table is read, or a whole index without a limit to where it ends."""
    if connection.vendor == "postgresql":
        return "Seq Scan on accounts_entry" in plan
    return any(
        re.search(r"SCAN (accounts_entry|U\d)", line)
        and not (line.startswith("LIMITED ") and " USING " in line)
        for line in plan.splitlines()
    )


WALKED = {
    "everybody": (Filters(), "entry_by_time"),
    "a person": (Filters(person="person-5"), "entry_by_actor"),
    "an account": (Filters(account=large_catalogue.account_id(3)), "entry_by_account"),
    "a role": (Filters(account=large_catalogue.account_id(3), role="Role3"), "entry_by_role"),
    "trouble": (Filters(what="trouble"), "entry_by_trouble"),
    "an action": (Filters(action="admin-change"), "entry_by_action"),
    "a period": (PERIOD, "entry_by_time"),
    "a reference": (Filters(request="K7Q2-F9MD-4RXH"), "entry_by_request_id"),
    "an access key": (Filters(key="ASIA0000000000000000"), "entry_by_access_key_id"),
    "a session name": (Filters(session="person-5"), "entry_by_session_name"),
    "an address": (Filters(ip="192.0.2.5"), "entry_by_ip"),
}


@pytest.mark.usefixtures("_as_if_large")
class TestEveryQuestionWalksAnIndex:
    @pytest.mark.parametrize(("filters", "index"), WALKED.values(), ids=WALKED)
    def test_of_everybody(self, filters: Filters, index: str) -> None:
        everybody = History(filters)
        plan = plans(lambda: (everybody.page(50), everybody.count()))
        assert not reads_all_of_the_record(plan), plan
        if connection.vendor == "sqlite":
            # PostgreSQL may take a better one, as it knows how much there is.
            assert index in plan
            assert "USE TEMP B-TREE" not in plan or index in {
                "entry_by_request_id",
                "entry_by_access_key_id",
            }

    @pytest.mark.parametrize(
        ("filters", "index"),
        [
            (Filters(person="person-5", account=large_catalogue.account_id(3)), "entry_by_actor"),
            (Filters(person="person-5", action="launch", ip="192.0.2.5"), "entry_by_ip"),
            (Filters(account=large_catalogue.account_id(3), action="launch"), "entry_by_account"),
            (Filters(person="person-5", what="trouble"), "entry_by_actor"),
        ],
    )
    def test_only_the_index_that_is_meant_is_walked(self, filters: Filters, index: str) -> None:
        if connection.vendor == "sqlite":
            everybody = History(filters)
            plan = plans(lambda: (everybody.page(50), everybody.count()))
            assert set(re.findall(r"entry_by_\w+", plan)) == {index}

    @pytest.mark.parametrize("what", ["", "opened", "trouble", "credentials", "sign-in", "open"])
    def test_of_one_person(self, what: str) -> None:
        own = History(Filters(what=what, words=("zebra",)), actor_key=LONGEST)
        plan = plans(lambda: (own.page(50), own.count()))
        assert not reads_all_of_the_record(plan), plan

    @pytest.mark.parametrize(
        "filters",
        [
            Filters(words=("zebra",)),
            Filters(role="Role3"),
            Filters(person="person-5", account=large_catalogue.account_id(3), outcome="failed"),
            Filters(environment="production", what="opened"),
            Filters(kind="role", name="Role in 19"),
            Filters(what="open"),
            Filters(what="sign-in", words=("10.0",)),
        ],
    )
    def test_what_no_index_finds_is_looked_for_in_a_bounded_part(self, filters: Filters) -> None:
        everybody = History(filters)
        plan = plans(lambda: (everybody.page(50), everybody.count()))
        assert not reads_all_of_the_record(plan), plan
        page, seen = History(Filters(words=("zebra",))).page(50), 0
        while page.older:
            assert page.rows == []
            assert page.looked_back_to
            seen, page = seen + 1, History(Filters(words=("zebra",))).page(50, page.older)
        assert seen == 50

    @pytest.mark.parametrize(
        "year",
        [
            History(),
            History(actor_key=LONGEST),
            History(Filters(person="person-5")),
            History(Filters(account=large_catalogue.account_id(3))),
            History(Filters(account=large_catalogue.account_id(3), role="Role3")),
        ],
    )
    def test_calendar_and_bars(self, year: History) -> None:
        tally.keep_up(99)
        plan = plans(lambda: year_of(year, timezone.localdate()))
        assert not reads_all_of_the_record(plan), plan

    def test_a_year_of_ones_own_is_counted_from_the_index_itself(self) -> None:
        if connection.vendor == "sqlite":
            own = History(
                Filters(since=timezone.localdate() - timedelta(days=365)), actor_key=LONGEST
            )
            plan = plans(lambda: own.entered(20_000, "id", "time", "account", "action", "outcome"))
            assert "COVERING INDEX entry_by_actor_key" in plan

    def test_the_export_of_everything(self) -> None:
        plan = plans(lambda: sum(1 for _ in History().every("act_id")))
        assert not reads_all_of_the_record(plan), plan


class TestNothingGrows:
    def test_lines_are_counted_up_to_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "MOST_COUNTED", 100)
        assert History().count() == history.Count(100, is_more=True)

    def test_the_count_is_that_of_the_lines(self) -> None:
        acts = len({row["id"] for row in export_rows(History())})
        assert History().count().number == acts
        for filters in (Filters(what="trouble"), Filters(person="person-5"), PERIOD):
            asked = History(filters)
            assert asked.count().number == len(list(export_rows(asked)))

    def test_an_export_reads_a_bounded_part_at_a_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "_ROWS_AT_ONCE", 1000)
        whole = [row["id"] for row in export_rows(History())]
        assert len(whole) == len(set(whole))
        with CaptureQueriesContext(connection) as queries:
            rows = export_rows(History())
            assert next(rows)["id"] == whole[0]
        assert len(queries) <= 4
        assert all("LIMIT" in q["sql"] or "time" in q["sql"] for q in queries)
        assert [row["id"] for row in rows] == whole[1:]

    def test_the_tally_says_what_the_record_says(self) -> None:
        days = tally.LocalDays(timezone.localdate() - timedelta(days=370), timezone.localdate())
        tally.keep_up(99)
        counted, by_account = tally.by_day(days), tally.by_account(date(2000, 1, 1))
        launches = Entry.objects.filter(action="launch", outcome="succeeded")
        assert sum(by_account.values()) == launches.count()
        in_days = launches.filter(time__gte=days.since)
        assert sum(count.launches for count in counted.values()) == in_days.count()
        production = [d for d in in_days.values_list("details", flat=True) if _is_production(d)]
        assert sum(count.production for count in counted.values()) == len(production)
        trouble = Entry.objects.filter(
            action__in=("launch", "credentials"), outcome__in=("denied", "failed")
        ).filter(time__gte=days.since)
        assert sum(count.trouble for count in counted.values()) == trouble.count() > 0

    def test_a_year_of_everybody_takes_the_same_queries_however_much_there_is(self) -> None:
        tally.keep_up(99)
        with CaptureQueriesContext(connection) as queries:
            year_of(History(), timezone.localdate())
        assert len(queries) <= 8


def _is_production(details: str) -> bool:
    return bool(json.loads(details).get("environment") == "production")
