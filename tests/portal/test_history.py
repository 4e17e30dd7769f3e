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

from accounts import record
from accounts.history import EXPORT_COLUMNS
from accounts.models import Action, Entry, Outcome, User
from accounts.record import Act
from portal.pages import history as page_module
from portal.pages.history_lines import Line
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
            ("admin-change", "succeeded", "", "You changed something in the administration"),
            ("access-apply", "succeeded", "", "access file applied, succeeded"),
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
        monkeypatch.setattr(page_module, "LINES_A_PAGE", 3)
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


def test_a_page_takes_eight_queries_at_most_however_long_the_history(
    ann: User, signed_in: Client
) -> None:
    for _ in range(60):
        did(ann, Outcome.SUCCEEDED, **KNOWN)
    with CaptureQueriesContext(connection) as queries:
        page(signed_in, q="payments", what="opened")
    assert len(queries) <= 8
    assert Entry.objects.count() == 61
