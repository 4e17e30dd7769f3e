"""Own history: folded to one line an act, filtered, ranked, and safe to open in a spreadsheet."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import history, record
from accounts.history import Filters, History
from accounts.history_export import EXPORT_COLUMNS, export_rows, spreadsheet_cells
from accounts.history_year import year_of
from accounts.models import Action, Outcome, User
from accounts.record import Act

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def act(user: User, ago: timedelta = timedelta(0), **fields: object) -> Act:
    known = {"action": Action.LAUNCH, "account": "222222222222", "role": "Developer"}
    return Act(
        actor=user.username,
        actor_key=user.record_key,
        time=record.moment_text(NOW - ago),
        **{**known, **fields},  # type: ignore[arg-type]
    )


def told(user: User, filters: Filters | None = None) -> list[str]:
    return [row.reason for row in History(filters or Filters(), user.record_key).page(100).rows]


class TestFolding:
    def test_an_act_of_two_rows_is_one_line_and_one_without_an_end_reads_as_started(
        self, ann: User
    ) -> None:
        ended, begun = act(ann, timedelta(hours=1)), act(ann)
        for each in (ended, begun):
            record.open_act(each)
        record.close_act(ended, Outcome.SUCCEEDED)
        record.write(act(ann, timedelta(hours=2), action=Action.SIGN_IN), Outcome.SUCCEEDED)
        rows = [(row.act_id, row.outcome) for row in History.of(ann).page(9).rows]
        assert rows[:2] == [(begun.act_id, "started"), (ended.act_id, "succeeded")]
        assert len(rows) == 3

    def test_P12_only_their_own_by_key_whoever_bears_the_name(self, ann: User, bob: User) -> None:
        record.write(act(bob), Outcome.SUCCEEDED)
        record.write(Act(Action.LAUNCH, "ann", "the key of an ann of old"), Outcome.SUCCEEDED)
        record.write(Act(Action.LAUNCH, "ann", ""), Outcome.SUCCEEDED)
        assert History.of(ann).page(9).rows == []


class TestFilters:
    @pytest.fixture(autouse=True)
    def _past(self, ann: User) -> None:
        days = timedelta(days=1)
        for fields, outcome in (
            ({"reason": "now", "ago": 0 * days, "destination": "https://x/sqs/home"}, "succeeded"),
            ({"reason": "100% sure_ly", "ago": 1 * days, "account": "111111111111"}, "succeeded"),
            ({"reason": "denied", "ago": 2 * days}, "denied"),
            ({"reason": "keys", "ago": 3 * days, "action": Action.CREDENTIALS}, "succeeded"),
            ({"reason": "door", "ago": 4 * days, "action": Action.SIGN_IN}, "succeeded"),
            (
                {
                    "reason": "named",
                    "ago": 5 * days,
                    "details": {"account_name": "決済 本番", "environment": "production"},
                },
                "failed",
            ),
        ):
            record.write(act(ann, **fields), Outcome(outcome))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("filters", "reasons"),
        [
            (Filters(), ["now", "100% sure_ly", "denied", "keys", "door", "named"]),
            (Filters(words=("SQS",)), ["now"]),
            (Filters(words=("sqs", "elsewhere")), []),
            (Filters(words=("100%",)), ["100% sure_ly"]),
            (Filters(words=("sure_ly",)), ["100% sure_ly"]),
            (Filters(words=("%",)), ["100% sure_ly"]),
            (Filters(words=("決済",)), ["named"]),
            (Filters(account="111111111111"), ["100% sure_ly"]),
            (Filters(environment="production"), ["named"]),
            (Filters(what="opened"), ["now", "100% sure_ly"]),
            (Filters(what="trouble"), ["denied", "named"]),
            (Filters(what="credentials"), ["keys"]),
            (Filters(what="sign-in"), ["door"]),
            (Filters(since=date(2026, 11, 24)), ["now", "100% sure_ly"]),
            (Filters(until=date(2026, 11, 21)), ["door", "named"]),
            (Filters(since=date(2026, 11, 23), until=date(2026, 11, 23)), ["denied"]),
            (Filters(until=date.max), ["now", "100% sure_ly", "denied", "keys", "door", "named"]),
        ],
    )
    def test_a_filter_leaves_what_it_says(
        self, ann: User, filters: Filters, reasons: list[str]
    ) -> None:
        assert told(ann, filters) == reasons

    def test_older_goes_on_where_the_page_ended(self, ann: User) -> None:
        everything = History.of(ann).page(100).rows
        for at, row in enumerate(everything):
            assert History.of(ann).page(100, before=row.id).rows == everything[at + 1 :]

    def test_acts_of_the_same_moment_are_neither_lost_nor_told_twice(self, ann: User) -> None:
        for reason in "abc":
            record.write(act(ann, timedelta(days=9), reason=reason), Outcome.SUCCEEDED)
        rows = History.of(ann).page(100).rows[-3:]
        assert [row.reason for row in rows] == ["c", "b", "a"]
        assert History.of(ann).page(100, before=rows[0].id).rows == rows[1:]


def test_P12_an_account_that_was_only_typed_gets_no_name(ann: User) -> None:
    record.write(act(ann, account="555555555555"), Outcome.DENIED, "NotGranted")
    for name in ("Old name", "New name"):
        known = act(ann, method="assume_role", details={"account_name": name})
        record.write(known, Outcome.SUCCEEDED)
    year = year_of(History.of(ann), NOW.date())
    assert year.accounts == [("222222222222", "New name")]


def test_a_console_session_ends_by_its_own_length() -> None:
    ends, written = record.moment_text(NOW + timedelta(minutes=30)), record.moment_text(NOW)
    assert history.session_ends(ends, written, 3600, {}) == NOW + timedelta(minutes=30)
    console = history.session_ends(ends, written, 3600, {"console_seconds": 28800})
    assert console == NOW + timedelta(hours=8)


class TestExport:
    COLUMNS = (
        "id, time, actor, action, account, role, method, source, grant, session_name, "
        "source_identity, access_key_id, region, destination, duration_seconds, expires, reason, "
        "ip, user_agent, request_id, outcome, error, details"
    )

    def test_columns_are_the_contracts_in_its_order(self, ann: User) -> None:
        record.write(act(ann, details={"alias": "x"}), Outcome.SUCCEEDED)
        (row,) = export_rows(History.of(ann))
        assert ", ".join(row) == ", ".join(EXPORT_COLUMNS) == self.COLUMNS
        assert row["details"] == {"alias": "x"}
        assert row["time"] == "2026-11-25T12:00:00.000000Z"

    def test_an_acts_id_is_the_same_before_and_after_its_end(self, ann: User) -> None:
        begun = act(ann)
        record.open_act(begun)
        (before,) = export_rows(History.of(ann))
        record.close_act(begun, Outcome.SUCCEEDED)
        (after,) = export_rows(History.of(ann))
        assert before["id"] == after["id"]
        assert (before["outcome"], after["outcome"]) == ("started", "succeeded")

    @pytest.mark.parametrize(
        "reason",
        [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            " =1",
            "\u3000=1",
            "\uff1d1",
            "=cmd|' /C calc'!A0",
        ],
    )
    def test_P19_no_cell_of_a_spreadsheet_is_a_formula(self, ann: User, reason: str) -> None:
        fields = {"reason": reason, "user_agent": reason, "role": reason, "destination": reason}
        record.write(act(ann, **fields), Outcome.DENIED, reason)  # type: ignore[arg-type]
        (row,) = export_rows(History.of(ann))
        cells = dict(zip(EXPORT_COLUMNS, spreadsheet_cells(row), strict=True))
        for column in (*fields, "error"):
            assert cells[column] == f"'{reason}"
        assert not any(cell.lstrip()[:1] in set("=+-@\uff1d") for cell in cells.values() if cell)

    @pytest.mark.parametrize(
        ("reason", "cell"),
        [
            ("a;=1", "a;'=1"),
            ("a; +1;-1", "a;' +1;'-1"),
            ('a;"=1', "a;'\"=1"),
            ("a;\u3000@x", "a;'\u3000@x"),
            ("a;b=c-d", "a;b=c-d"),
        ],
    )
    def test_P19_nor_after_a_semicolon_at_which_some_split_lines(
        self, ann: User, reason: str, cell: str
    ) -> None:
        record.write(act(ann, reason=reason, details={"x": reason}), Outcome.SUCCEEDED)
        (row,) = export_rows(History.of(ann))
        cells = dict(zip(EXPORT_COLUMNS, spreadsheet_cells(row), strict=True))
        assert cells["reason"] == cell
        parts = [part.lstrip(' \u3000"') for part in cells["details"].split(";")]
        assert not any(part[:1] in set("=+-@") for part in parts)

    def test_what_is_written_meanwhile_changes_nothing_of_an_export(
        self, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "_ROWS_AT_ONCE", 1)
        begun = act(ann, timedelta(days=1))
        record.open_act(begun)
        for _ in range(3):
            record.write(act(ann), Outcome.SUCCEEDED)
        rows = export_rows(History.of(ann))
        first = next(rows)
        record.close_act(begun, Outcome.SUCCEEDED)
        record.write(act(ann, timedelta(days=2)), Outcome.SUCCEEDED)
        told = [first, *rows]
        assert len(told) == len({row["id"] for row in told}) == 4
        assert told[-1]["outcome"] == "started"


@pytest.mark.django_db
def test_a_part_of_an_export_is_smaller_where_rows_are_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "_LONGEST_PART", 200_000)
    long = {"notes": [f"{n} " + "x" * 2000 for n in range(30)]}
    for number in range(60):
        details = long if number % 20 < 10 else {}
        act = Act(action=Action.SIGN_IN, actor="ann", reason=str(number), details=details)
        record.write(act, Outcome.SUCCEEDED)
    tracemalloc.start()
    try:
        reasons = [int(reason) for reason, _ in History().every("reason", "details")]
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reasons == list(reversed(range(60)))
    assert most < 1_000_000
