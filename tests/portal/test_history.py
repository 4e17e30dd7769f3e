"""History: what they did in plain words, filters as addresses, and the same rows to take away."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from accounts import history, record
from accounts.history_export import EXPORT_COLUMNS
from accounts.models import Action, Entry, Outcome, User
from accounts.record import Act
from portal.pages import history_parts
from portal.pages.history_lines import Line
from tests.portal.catalogue import PAYMENTS, role
from tests.portal.reading import Element, read

MARKUP = "\"><script>alert(1)</script><b x='&"
KNOWN: dict[str, Any] = {
    "account": "222222222222",
    "role": "Developer",
    "method": "assume_role",
    "details": {
        "alias": "payments-prod",
        "account_name": "Payments production",
        "role_title": "Developer",
        "environment": "production",
        "console_seconds": 3600,
    },
    "duration_seconds": 3600,
}


def did(user: User, outcome: Outcome, error: str = "", **fields: Any) -> None:
    known = {"action": Action.LAUNCH, "actor": user.username, "actor_key": user.record_key}
    record.write(Act(**{**known, **fields}), outcome, error)


def page(client: Client, path: str = "/history/", **query: str) -> Element:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return read(answer.content)


def sentences(document: Element) -> list[str]:
    return [line.text for line in document.all("li", class_="line")]


def streamed(client: Client, form: str, **query: str) -> str:
    answer = client.get(f"/history/export.{form}", query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


class TestLines:
    def test_each_act_is_told_in_plain_words(self, ann: User, signed_in: Client) -> None:
        ends = record.moment_text(timezone.now() + timedelta(seconds=3590))
        did(ann, Outcome.SUCCEEDED, **KNOWN, expires=ends, reason="PAY-2041",
            destination="https://ap-northeast-1.console.aws.amazon.com/s3/home?region=ap-northeast-1",
            region="ap-northeast-1")  # fmt: skip
        told = {
            **KNOWN,
            "details": {**KNOWN["details"], "message": "AWS does not let the portal in."},
        }
        did(ann, Outcome.FAILED, "AccessDenied", **told, request_id="K7Q2-F9MD-4RXH")
        did(ann, Outcome.DENIED, "NotGranted", account="hub", role="Admin")
        did(ann, Outcome.SUCCEEDED, **{**KNOWN, "action": Action.CREDENTIALS}, expires=ends,
            access_key_id="ASIAEXAMPLE123456")  # fmt: skip
        did(ann, Outcome.DENIED, "WrongPassword", action=Action.SIGN_IN)
        did(ann, Outcome.SUCCEEDED, action=Action.SIGN_OUT, ip="192.0.2.24")
        lines = sentences(page(signed_in))
        for line, words in zip(
            reversed(lines),
            (
                ["You signed in"],
                ["You opened Payments production as Developer, at S3 in Tokyo", "Production",
                 "For 1 h, until", "“PAY-2041”", "59 min left"],
                ["AWS did not let you in to Payments production as Developer",
                 "AWS does not let the portal in.", "reference K7Q2-F9MD-4RXH", "Failed"],
                ["You asked for hub as Admin and have no grant for it", "Denied"],
                ["You took credentials for Payments production as Developer", "ending in 123456"],
                ["A sign-in with your name and a wrong password was refused"],
                ["You signed out", "From 192.0.2.24"],
            ),
            strict=True,
        ):  # fmt: skip
            for part in words:
                assert part in line

    def test_what_was_said_then_is_told_in_the_readers_language(
        self, ann: User, signed_in: Client
    ) -> None:
        waits = {"message": "As many of your launches as may already wait for AWS."}
        did(ann, Outcome.DENIED, "TooMany", **{**KNOWN, "details": {**KNOWN["details"], **waits}})
        User.objects.update(language="ja")
        line = sentences(page(signed_in))[0]
        assert "AWS の応答を待っているあなたの起動が、上限に達しています。" in line

    @pytest.mark.parametrize(
        ("action", "outcome", "error", "sentence"),
        [
            ("launch", "started", "", "You began to open <b>Hub</b> as <b>Admin</b>"),
            ("launch", "succeeded", "", "You opened <b>Hub</b> as <b>Admin</b>, in Tokyo"),
            ("launch", "failed", "Throttling", "You did not get in to <b>Hub</b> as <b>Admin</b>"),
            (
                "launch",
                "failed",
                "AccessDenied",
                "AWS did not let you in to <b>Hub</b> as <b>Admin</b>",
            ),
            (
                "credentials",
                "denied",
                "NotNow",
                "The portal did not let you in to <b>Hub</b> as <b>Admin</b>",
            ),
            (
                "credentials",
                "denied",
                "NotGranted",
                "You asked for <b>Hub</b> as <b>Admin</b> and have no grant for it",
            ),
            (
                "credentials",
                "started",
                "",
                "You began to take credentials for <b>Hub</b> as <b>Admin</b>",
            ),
            ("sign-in", "denied", "Throttled", "A sign-in with your name was refused"),
            (
                "sign-in",
                "denied",
                "SwitchedOff",
                "You were not signed in, though your password was right",
            ),
            ("admin-change", "succeeded", "", "You changed something in the administration"),
            ("access-apply", "succeeded", "", "You applied the access file <b></b>"),
            ("launch", "odd", "", "launch, odd"),
        ],
    )
    def test_every_act_has_a_sentence_of_its_own(
        self, action: str, outcome: str, error: str, sentence: str
    ) -> None:
        now = timezone.now()
        entry = Entry(
            action=action,
            outcome=outcome,
            error=error,
            account="Hub",
            role="Admin",
            region="ap-northeast-1",
            details="{}",
            time=record.moment_text(now),
            expires="",
        )
        assert Line.of(entry, now).sentence == sentence

    def test_an_act_that_never_ended_says_so(self, ann: User, signed_in: Client) -> None:
        record.open_act(Act(Action.LAUNCH, "ann", ann.record_key, **KNOWN))
        assert "You began to open Payments production" in sentences(page(signed_in))[0]

    def test_P12_nobody_elses_acts_are_told_or_exported(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        did(bob, Outcome.SUCCEEDED, **{**KNOWN, "reason": "bobs"})
        record.write(Act(Action.LAUNCH, "ann", "another key", reason="another"), Outcome.SUCCEEDED)
        assert len(sentences(page(signed_in))) == 1
        for form in ("csv", "json"):
            text = streamed(signed_in, form)
            assert "bobs" not in text
            assert "another" not in text

    def test_nothing_found_says_so_and_leads_back(self, signed_in: Client) -> None:
        document = page(signed_in, q="zebra")
        assert "Nothing matches" in document.text
        assert sentences(document) == []

    def test_older_leads_through_all_of_them_once(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history_parts, "LINES_A_PAGE", 3)
        for n in range(7):
            did(ann, Outcome.SUCCEEDED, **{**KNOWN, "reason": f"r{n}"})
        seen: list[str] = []
        path = "/history/?what=opened"
        while path:
            document = page(signed_in, path)
            seen += sentences(document)
            older = [a.attributes["href"] for a in document.all("a") if a.text == "Older"]
            path = f"/history/{older[0]}" if older else ""
        assert [line.split("“")[1][:2] for line in seen] == [f"r{n}" for n in reversed(range(7))]

    @pytest.mark.parametrize(
        "query",
        [
            {"before": "x"},
            {"before": "9" * 40},
            {"before": "0"},
            {"from": "yesterday", "to": "9999-12-31"},
            {"what": "everything", "environment": "'"},
            {"account": MARKUP, "q": MARKUP},
            {"q": "\x00\ud800".encode("utf-8", "replace").decode()},
        ],
    )
    def test_a_filter_that_is_none_does_no_harm(
        self, signed_in: Client, query: dict[str, str]
    ) -> None:
        assert signed_in.get("/history/", query).status_code == 200

    def test_what_is_chosen_counts_for_more_than_what_the_address_has_left(
        self, ann: User, signed_in: Client
    ) -> None:
        did(ann, Outcome.SUCCEEDED, **KNOWN)
        did(ann, Outcome.SUCCEEDED, **{**KNOWN, "action": Action.CREDENTIALS})
        (line,) = sentences(page(signed_in, action="launch", what="credentials"))
        assert "You took credentials" in line

    def test_an_account_may_be_called_by_its_alias_as_in_everybodys_record(
        self, ann: User, signed_in: Client
    ) -> None:
        did(ann, Outcome.SUCCEEDED, **{**KNOWN, "details": {}}, reason="before it had one")
        did(ann, Outcome.SUCCEEDED, **KNOWN, reason="since")
        did(ann, Outcome.SUCCEEDED, account="111111111111", reason="elsewhere")
        for account in ("222222222222", "payments-prod", "Payments-Prod"):
            rows = json.loads(streamed(signed_in, "json", account=account))
            assert [row["reason"] for row in rows] == ["since", "before it had one"]
            document = page(signed_in, account=account)
            chosen = document.one("select", id="account").one("option", selected="")
            assert (chosen.attributes["value"], chosen.text) == (
                "222222222222",
                "Payments production",
            )

    def test_P12_an_alias_that_was_only_typed_tells_of_no_account(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        role(PAYMENTS, account_alias="payments-prod")
        did(bob, Outcome.SUCCEEDED, **KNOWN)
        for account in ("payments-prod", "no-such-thing", PAYMENTS):
            did(ann, Outcome.DENIED, "NotGranted", account=account, role="Admin")
        for account in ("payments-prod", "no-such-thing"):
            rows = json.loads(streamed(signed_in, "json", account=account))
            assert [row["account"] for row in rows] == [account]
            chosen = page(signed_in, account=account).one("option", selected="", value=account)
            assert chosen.text == account

    def test_what_was_done_and_how_it_ended_are_filters_of_the_address(
        self, ann: User, signed_in: Client
    ) -> None:
        did(ann, Outcome.DENIED, "NotNow", **KNOWN)
        did(ann, Outcome.SUCCEEDED, **KNOWN)
        did(ann, Outcome.DENIED, "NotNow", **{**KNOWN, "action": Action.CREDENTIALS})
        query = {"action": "launch", "outcome": "denied"}
        (row,) = json.loads(streamed(signed_in, "json", **query))
        assert (row["action"], row["outcome"]) == ("launch", "denied")
        document = page(signed_in, **query)
        assert len(sentences(document)) == 1
        form = document.one("form", role="search")
        assert {name: form.one("input", name=name).attributes["value"] for name in query} == query


class TestExport:
    def test_csv_and_json_hold_the_same_rows_and_exactly_what_is_filtered(
        self, ann: User, signed_in: Client
    ) -> None:
        for n in range(3):
            did(ann, Outcome.SUCCEEDED, **{**KNOWN, "reason": f'line {n}, “quoted” "x"\nnext'})
        did(ann, Outcome.DENIED, "NotGranted", account="hub", role="Admin", reason="other")
        rows = json.loads(streamed(signed_in, "json", what="opened"))
        cells = list(csv.DictReader(io.StringIO(streamed(signed_in, "csv", what="opened"))))
        assert [tuple(row) for row in (*rows, *cells)] == [EXPORT_COLUMNS] * 6
        assert [row["id"] for row in rows] == [row["id"] for row in cells]
        assert [row["reason"][:6] for row in rows] == ["line 2", "line 1", "line 0"]
        assert rows[0]["details"] == json.loads(cells[0]["details"]) == KNOWN["details"]
        assert rows[0]["duration_seconds"] == 3600
        assert cells[0]["duration_seconds"] == "3600"
        document = page(signed_in, what="opened")
        links = [a.attributes["href"] for a in document.all("a", download="")]
        assert links == ["/history/export.csv?what=opened", "/history/export.json?what=opened"]
        assert "these 3 lines" in document.text

    def test_they_come_as_files_of_their_kind(self, signed_in: Client) -> None:
        for form, kind in (("csv", "text/csv; charset=utf-8"), ("json", "application/json")):
            answer = signed_in.get(f"/history/export.{form}")
            assert answer.headers["Content-Type"] == kind
            disposition = answer.headers["Content-Disposition"]
            assert disposition.startswith('attachment; filename="history-')
            assert disposition.endswith(f'.{form}"')

    def test_none_is_an_empty_array_and_a_line_of_headings(self, signed_in: Client) -> None:
        assert json.loads(streamed(signed_in, "json", q="zebra")) == []
        assert len(streamed(signed_in, "csv", q="zebra").splitlines()) == 1

    @pytest.mark.parametrize("form", ["xml", "CSV", "csv.gz", ""])
    def test_another_form_is_no_page(self, signed_in: Client, form: str) -> None:
        assert signed_in.get(f"/history/export.{form}").status_code == 404

    def test_P15_downloads_carry_every_header(self, signed_in: Client) -> None:
        headers = signed_in.get("/history/export.csv").headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_P19_P29_what_others_typed_stays_text_on_the_page_and_in_exports(
    ann: User, signed_in: Client
) -> None:
    wild = f"{MARKUP}\r\n\x1b[31m=1"
    told = dict.fromkeys(("account_name", "role_title", "environment", "message"), wild)
    did(ann, Outcome.DENIED, wild, account=wild, role=wild, reason=wild, user_agent=wild,
        destination=wild, region=wild[:32], ip=wild[:45], request_id=wild[:32], method="x",
        details=told)  # fmt: skip
    did(ann, Outcome.SUCCEEDED, account=wild, role=wild, destination=wild, method="x",
        access_key_id=wild, details={"alias": wild})  # fmt: skip
    content = signed_in.get("/history/").content
    assert b"<script>alert" not in content
    assert b"\x1b" not in content
    text = streamed(signed_in, "csv")
    assert "\x1b" not in text
    assert all(row["reason"].isprintable() for row in csv.DictReader(io.StringIO(text)))


def test_a_page_takes_nine_queries_at_most_however_long_the_history(
    ann: User, signed_in: Client
) -> None:
    for _ in range(60):
        did(ann, Outcome.SUCCEEDED, **KNOWN)
    with CaptureQueriesContext(connection) as queries:
        page(signed_in, q="payments", what="opened")
    assert len(queries) <= 9
    assert Entry.objects.count() == 61


class TestZone:
    """Days and filters are those of the person's time zone."""

    DAY = timezone.now() - timedelta(days=20)

    @pytest.fixture(autouse=True)
    def _in_tokyo(self, ann: User) -> None:
        User.objects.filter(pk=ann.pk).update(time_zone="Asia/Tokyo")
        for hour, reason in ((14, "late"), (15, "early")):
            moment = record.moment_text(self.DAY.replace(hour=hour, minute=30))
            did(ann, Outcome.SUCCEEDED, **KNOWN, reason=reason, time=moment)

    def test_lines_stand_under_their_day(self, signed_in: Client) -> None:
        document = page(signed_in)
        days = [day.text for day in document.one("ol", class_="days").all("h3")][1:]
        there = [self.DAY + timedelta(days=1), self.DAY]
        assert days == [date_format(day, "l j F Y") for day in there]
        assert "times in Tokyo (JST)" in document.text
        lines = sentences(document)
        assert "00:30" in lines[1]
        assert "23:30" in lines[2]

    def test_filters_ask_for_days_there(self, signed_in: Client) -> None:
        for days, reason in ((0, "late"), (1, "early")):
            day = f"{self.DAY + timedelta(days=days):%Y-%m-%d}"
            (line,) = sentences(page(signed_in, **{"from": day, "to": day}))
            assert reason in line

    def test_an_export_holds_the_days_that_the_page_shows(self, signed_in: Client) -> None:
        for days, reason in ((0, "late"), (1, "early")):
            day = f"{self.DAY + timedelta(days=days):%Y-%m-%d}"
            (row,) = json.loads(streamed(signed_in, "json", **{"from": day, "to": day}))
            assert row["reason"] == reason

    def test_the_calendar_counts_days_there(self, signed_in: Client) -> None:
        document = page(signed_in)
        assert "2 launches in a year" in document.text
        rows = document.one("div", **{"aria-label": "Launches by month"}).all("tr")
        days_with_any = [int(cells[1].text) for row in rows if (cells := [*row.all("td")])]
        assert sum(days_with_any) == 2


class TestPlots:
    def test_the_calendar_has_a_square_a_day_and_says_in_words_what_it_shows(
        self, ann: User, signed_in: Client
    ) -> None:
        now = timezone.now()
        for days in (3, 3, 3, 40):
            moment = record.moment_text(now - timedelta(days=days))
            did(ann, Outcome.SUCCEEDED, **KNOWN, time=moment)
        did(ann, Outcome.FAILED, "AccessDenied", **KNOWN, time=record.moment_text(now))
        document = page(signed_in)
        picture = document.one("svg", role="img")
        squares = [rect for rect in picture.all("rect") if rect.attributes.get("class") != "cut"]
        today = timezone.localdate()
        assert len(squares) == 7 * 52 + today.weekday() + 1
        assert sum(rect.attributes.get("class") == "h4" for rect in squares) == 1
        assert len([*picture.all("rect", class_="cut")]) == 1
        title = picture.one("title")
        assert picture.attributes["aria-labelledby"] == title.attributes["id"]
        assert title.text.startswith("4 launches from ")
        assert "Most often Payments production, most on" in document.text
        assert "1 denied or failed." in document.text
        assert "Nothing from" in document.text

    def test_bars_are_a_table_and_lead_to_their_lines(self, ann: User, signed_in: Client) -> None:
        for number in range(9):
            known = {**KNOWN, "account": f"{number:012}", "details": {"account_name": f"A{number}"}}
            for _ in range(10 - number):
                did(ann, Outcome.SUCCEEDED, **known)
        document = page(signed_in, what="opened")
        table = document.one("table", class_="bars")
        rows = [row.text for row in table.all("tr")][1:]
        assert rows[0] == "A010"
        assert rows[-1] == "3 more accounts9"
        link = [*table.all("a")][1]
        assert link.attributes["href"] == "?what=opened&account=000000000001"
        document = page(signed_in, account="000000000001")
        assert "By role" in document.text
        assert "9 launches in a year" in document.text

    def test_nothing_to_plot_says_so(self, signed_in: Client) -> None:
        document = page(signed_in)
        assert "0 launches in a year" in document.text
        assert "Nothing was opened." in document.text


def test_a_look_that_found_too_little_says_how_far_it_was_and_goes_on(
    ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOOKED_THROUGH", 5)
    did(ann, Outcome.SUCCEEDED, **KNOWN, reason="zebra")
    for _ in range(8):
        did(ann, Outcome.SUCCEEDED, **KNOWN)
    document = page(signed_in, q="zebra")
    assert "No act of yours since" in document.text
    (further,) = [a for a in document.all("a") if a.text == "Look further back"]
    document = page(signed_in, "/history/" + further.attributes["href"])
    assert "zebra" in sentences(document)[0]
    assert json.loads(streamed(signed_in, "json", q="zebra"))[0]["reason"] == "zebra"


def test_still_open_are_sessions_that_last(ann: User, signed_in: Client) -> None:
    now = timezone.now()
    short = {**KNOWN, "details": {**KNOWN["details"], "console_seconds": 3600}}
    long = {**KNOWN, "details": {**KNOWN["details"], "console_seconds": 43_200}}
    two_hours_ago = record.moment_text(now - timedelta(hours=2))
    ended = record.moment_text(now - timedelta(hours=1))
    for reason, known, ends in (
        ("over", short, ended),
        ("lasts", short, record.moment_text(now + timedelta(minutes=9))),
        ("console", long, ended),
    ):
        did(ann, Outcome.SUCCEEDED, **known, reason=reason, time=two_hours_ago, expires=ends)
    did(ann, Outcome.DENIED, "NotNow", **KNOWN, reason="denied")
    found = sentences(page(signed_in, what="open"))
    assert [line.split("“")[1].split("”")[0] for line in found] == ["console", "lasts"]
