"""Credentials: issued by POST alone, within every limit, shown once to one answer."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import history
from accounts.models import Action, Entry, Grant, Outcome, Role, User
from portal import launch
from portal.aws.identity import Identity
from portal.aws.plan import SessionPlan, TemporaryCredentials
from tests.portal.catalogue import PAYMENTS, payments, role
from tests.portal.reading import Element, read

PATH = "/credentials/payments-prod/Developer/"
ISSUED = TemporaryCredentials(
    "ASIAEXAMPLE0000001",
    "known/secret+key=" * 2,
    "known/session+token=" * 8,
    datetime(2030, 1, 1, tzinfo=UTC),
)
MARKUP = '"><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def plans(monkeypatch: pytest.MonkeyPatch) -> list[SessionPlan]:
    """What AWS was asked for: it always answers with the same credentials."""
    asked: list[SessionPlan] = []

    def fetch(plan: SessionPlan, *_: object) -> TemporaryCredentials:
        asked.append(plan)
        return ISSUED

    monkeypatch.setattr("portal.launch.methods.fetch", fetch)
    monkeypatch.setattr(launch, "is_chained", lambda *_: False)
    return asked


def lengths(document: Element) -> list[str]:
    return [label.text for label in document.one("div", class_="seg").all("label")]


def outcomes(user: User) -> list[tuple[str, str]]:
    rows = history.History.of(user, history.Filters(action=Action.CREDENTIALS)).page(99).rows
    return [(row.outcome, row.error) for row in rows]


class TestAsking:
    def test_get_says_what_and_how_long_and_issues_nothing(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann, session_seconds=3600, max_session_seconds=7200)
        document = read(signed_in.get(PATH).content)
        assert "Developer in Payments production" in document.one("main").text
        assert lengths(document) == ["15 min", "30 min", "1 h", "2 h"]
        chosen = document.one("div", class_="seg").one("input", checked="")
        assert chosen.attributes["value"] == "3600"
        assert plans == []
        assert outcomes(ann) == []

    @pytest.mark.parametrize(
        ("seconds", "status"),
        [("7200", 200), ("7201", 409), ("899", 409), ("soon", 400), ("-1", 400), ("1e3", 400),
         ("9" * 12, 409), ("9" * 15, 409), ("9" * 5000, 409), ("0" * 16, 409),
         ("0" * 16 + "900", 200)],
    )  # fmt: skip
    def test_a_length_in_the_address_is_chosen_or_refused_by_get_and_by_post(
        self, ann: User, signed_in: Client, seconds: str, status: int
    ) -> None:
        payments(ann, max_session_seconds=7200)
        assert signed_in.get(PATH, {"seconds": seconds}).status_code == status
        assert signed_in.post(f"{PATH}?seconds={seconds}").status_code == status
        assert signed_in.post(PATH, {"seconds": seconds}).status_code == status

    def test_a_length_with_zeros_before_it_is_the_one_that_the_form_chooses(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        document = read(signed_in.get(PATH, {"seconds": "0" * 16 + "900"}).content)
        chosen = document.one("div", class_="seg").one("input", checked="")
        assert chosen.attributes["value"] == "900"

    def test_P12_unknown_and_never_granted_answer_alike(
        self, ann: User, bob: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann)
        role(PAYMENTS, "Admin", to=bob)
        for method in (signed_in.get, signed_in.post):
            said = set()
            for path in ("payments-prod/Admin", "payments-prod/Nobody", "nowhere/Developer"):
                answer = method(f"/credentials/{path}/")
                assert answer.status_code == 404
                reference = answer.headers["X-Request-Id"].encode()
                said.add(re.sub(rb'value="[^"]{64}"', b"", answer.content.replace(reference, b"")))
            assert len(said) == 1
        assert plans == []


class TestIssuing:
    def test_every_shell_gets_its_text_and_the_row_stands(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann)
        answer = signed_in.post(PATH, {"seconds": "900"})
        assert answer.status_code == 200
        texts = ["".join(pre._texts()) for pre in read(answer.content).all("pre")]
        secret, token = ISSUED.secret_access_key, ISSUED.session_token
        for start, text in zip(
            (
                "export AWS_SECRET_ACCESS_KEY=",
                "set -gx AWS_SECRET_ACCESS_KEY '",
                "$Env:AWS_SECRET_ACCESS_KEY = '",
                "set AWS_SECRET_ACCESS_KEY=",
                "aws_secret_access_key = ",
            ),
            texts,
            strict=True,
        ):
            assert start + secret in text
            assert token in text
            assert "ap-northeast-1" in text
        assert plans[0].duration_seconds == 900
        assert outcomes(ann) == [(Outcome.SUCCEEDED, "")]

    def test_what_the_form_leaves_out_is_what_the_address_says(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann, require_reason=True)
        address = f"{PATH}?seconds=900&reason=refunds&region=eu-west-1&to=sqs"
        assert signed_in.post(address).status_code == 200
        assert signed_in.post(address, {"seconds": "1800", "reason": "audit"}).status_code == 200
        assert signed_in.post(address, {"reason": ""}).status_code == 400
        assert [plan.duration_seconds for plan in plans] == [900, 1800]
        rows = Entry.objects.filter(action=Action.CREDENTIALS, outcome=Outcome.SUCCEEDED)
        told = rows.order_by("id").values_list("reason", "region", "duration_seconds")
        assert list(told) == [("refunds", "ap-northeast-1", 900), ("audit", "ap-northeast-1", 1800)]

    def test_whoever_asks_for_what_is_not_theirs_is_in_the_record(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        assert signed_in.post("/credentials/payments-prod/Admin/").status_code == 404
        Role.objects.update(disabled=True)
        assert signed_in.post(PATH).status_code == 403
        assert outcomes(ann) == [(Outcome.DENIED, "NotNow"), (Outcome.DENIED, "NotGranted")]

    def test_values_are_hidden_until_a_shell_is_asked_for_without_script(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        folds = list(read(signed_in.post(PATH).content).all("details", class_="shell"))
        assert len(folds) == 5
        assert {fold.attributes["name"] for fold in folds} == {"shell"}
        assert not any("open" in fold.attributes for fold in folds)

    def test_P17_a_length_beyond_a_limit_is_refused_beside_its_field_and_in_the_record(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann, max_session_seconds=7200)
        for seconds, status in (("7201", 409), ("899", 409), ("x", 400)):
            answer = signed_in.post(PATH, {"seconds": seconds})
            assert answer.status_code == status
            assert read(answer.content).one("span", id="seconds-e").text
        assert plans == []
        assert outcomes(ann) == [
            (Outcome.DENIED, "InvalidRequest"),
            (Outcome.DENIED, "LimitExceeded"),
            (Outcome.DENIED, "LimitExceeded"),
        ]

    def test_a_role_that_asks_for_a_reason_gives_nothing_without_one(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann, require_reason=True)
        for reason in ("", "   "):
            answer = signed_in.post(PATH, {"reason": reason, "seconds": "900"})
            assert answer.status_code == 400
            document = read(answer.content)
            assert document.one("span", id="reason-e").text
            assert document.one("input", value="900").attributes["checked"] == ""
        answer = signed_in.post(PATH, {"seconds": "899"})
        assert answer.status_code == 400
        assert all(read(answer.content).one("span", id=f"{f}-e") for f in ("reason", "seconds"))
        assert plans == []
        assert signed_in.post(PATH, {"reason": "refunds"}).status_code == 200
        assert Entry.objects.filter(action=Action.CREDENTIALS).latest("id").reason == "refunds"

    def test_P11_a_grant_that_ended_since_the_form_was_shown_gives_nothing(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann)
        assert signed_in.get(PATH).status_code == 200
        Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
        assert signed_in.post(PATH).status_code == 403
        assert plans == []

    def test_P14_nothing_is_issued_without_the_forms_token(
        self, ann: User, signed_in: Client, plans: list[SessionPlan]
    ) -> None:
        payments(ann)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = signed_in.cookies
        assert strict.post(PATH).status_code == 403
        assert plans == []


def test_P18_a_token_of_a_source_of_another_account_is_a_row_that_says_who_how_and_how_long(
    ann: User, signed_in: Client, plans: list[SessionPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Identity("arn:aws:iam::111111111111:user/b", "aws", "111111111111", "env", False)
    monkeypatch.setattr("portal.aws.sources.Sources.identity", lambda *_: broker)
    monkeypatch.setattr("portal.aws.sources.Sources.has_temporary", lambda *_: False)
    payments(ann, method="federation_token", session_seconds=7200, session_policy="{}")
    answers = [
        signed_in.get("/go/payments-prod/Developer/?to=sqs"),
        signed_in.post(PATH, {"seconds": "900"}),
    ]
    for answer in answers:
        assert answer.status_code == 500
        assert "credentials for this role are of account 111111111111" in answer.content.decode()
        assert b"AWS answered" not in answer.content
    assert plans == []
    console, shell = Entry.objects.filter(method="federation_token").order_by("id")
    for row in (console, shell):
        assert (row.outcome, row.error, row.region) == ("failed", "OtherAccount", "ap-northeast-1")
        assert row.session_name == "ann"
        assert row.grant == str(Grant.objects.get())
    assert (console.duration_seconds, shell.duration_seconds) == (7200, 900)
    assert "/sqs/" in console.destination


def test_P21_the_answer_is_kept_by_nobody_and_tells_nobody_where_it_was(
    ann: User, signed_in: Client
) -> None:
    payments(ann)
    answer = signed_in.post(PATH, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    # Compression beside what an attacker can put into a page would tell its length.
    assert "Content-Encoding" not in answer.headers


def test_P20_no_secret_is_in_the_record_the_session_or_a_later_page(
    ann: User, signed_in: Client, caplog: pytest.LogCaptureFixture
) -> None:
    payments(ann)
    with caplog.at_level("DEBUG"):
        assert ISSUED.secret_access_key.encode() in signed_in.post(PATH).content
        later = b"".join(
            signed_in.get(path).content for path in (PATH, "/", "/history/", "/bookmarks/")
        )
        exported = signed_in.get("/history/export.json")
    streamed = b"".join(exported.streaming_content)  # type: ignore[attr-defined]
    kept = " ".join(str(row) for row in Entry.objects.values())
    session = str(dict(signed_in.session))
    for secret in (ISSUED.secret_access_key, ISSUED.session_token):
        assert secret.encode() not in later + streamed
        assert secret not in kept + session + caplog.text


def test_P19_names_and_reasons_carry_no_markup(ann: User, signed_in: Client) -> None:
    payments(ann, account_name=MARKUP, title=MARKUP, require_reason=True)
    for answer in (
        signed_in.get(PATH, {"reason": MARKUP}),
        signed_in.post(PATH, {"reason": MARKUP, "seconds": "x"}),
        signed_in.post(PATH, {"reason": MARKUP}),
    ):
        assert b"<script>alert" not in answer.content
