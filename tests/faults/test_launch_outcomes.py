"""Every status of the contract's launch list, provoked once: its page, its row, no secret in it.

P11, P18, P20, P21, P26, P36: through the whole portal, with an upstream that fails on demand.
"""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import record
from accounts.errors import InvalidRequest
from accounts.history import details_of
from accounts.models import Account, Entry, Grant, Outcome, Phase, Role, User
from portal import launch
from portal.aws import methods
from portal.bulkhead import Bulkhead
from portal.errors import AwsUnavailable
from tests.faults import upstream as faults
from tests.faults.fixtures import broker_keys, clean_environment, upstream
from tests.faults.upstream import UPSTREAM_SECRETS, Fault, Upstream

__all__ = ["broker_keys", "clean_environment", "upstream"]

GO = "/go/payments-prod/team/Developer/"
BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """Sources and connections as after a start."""
    launch.sources.cache_clear()
    launch.transport.cache_clear()
    yield
    launch.sources.cache_clear()
    launch.transport.cache_clear()


@pytest.fixture
def role(ann: User) -> Role:
    account = Account.objects.create(
        account_id="222222222222", alias="payments-prod", name="Payments production"
    )
    made = Role.objects.create(
        account=account,
        name="team/Developer",
        region="ap-northeast-1",
        destination="s3",
        max_session_seconds=7200,
        external_id="an-external-id",
        session_tags={"who": "{username}"},
        set_source_identity=True,
        policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    )
    Grant.objects.create(user=ann, account=account, role_name="team/Developer")
    return made


@pytest.fixture
def ann_at(
    signed_in: Client,
    role: Role,
    broker_keys: None,
    upstream: Upstream,
    settings: LazySettings,
) -> Client:
    settings.PORTAL_FEDERATION_URL = upstream.federation_url
    settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS = 2
    return signed_in


def go(client: Client, query: str = "", path: str = GO) -> Any:
    return client.get(path + query, headers=BROWSER)


def last_act() -> Entry:
    return Entry.objects.order_by("-id").first() or pytest.fail("the record is empty")


def test_a_launch_asks_aws_for_exactly_what_the_role_says_and_redirects(
    ann_at: Client, upstream: Upstream
) -> None:
    answer = go(ann_at)
    assert answer.status_code in (302, 303)
    assert answer["Location"].startswith(f"{upstream.federation_url}?Action=login&")
    sts, federation = upstream.seen
    assert sts.parameters == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": "arn:aws:iam::222222222222:role/team/Developer",
        "RoleSessionName": "ann",
        "DurationSeconds": "3600",
        "ExternalId": "an-external-id",
        "SourceIdentity": "ann",
        "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "Tags.member.1.Key": "who",
        "Tags.member.1.Value": "ann",
    }
    assert federation.method == "POST"
    assert set(federation.parameters) == {"Action", "Session"}


def test_P21_the_redirect_is_kept_nowhere_and_tells_nobody(ann_at: Client) -> None:
    answer = go(ann_at)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer.content == b""


def test_the_row_says_who_entered_what_and_until_when(ann_at: Client) -> None:
    go(ann_at, "?to=ec2&seconds=1800")
    opened, closed = Entry.objects.filter(action="launch").order_by("id")
    assert (opened.phase, opened.outcome) == (Phase.OPENED, Outcome.STARTED)
    assert (closed.phase, closed.outcome, closed.error) == (Phase.CLOSED, Outcome.SUCCEEDED, "")
    assert closed.actor == closed.session_name == closed.source_identity == "ann"
    assert (closed.account, closed.role) == ("222222222222", "team/Developer")
    assert closed.grant == "user ann: team/Developer in 222222222222"
    assert closed.access_key_id == faults.ACCESS_KEY_ID
    assert closed.duration_seconds == 1800
    assert closed.expires.endswith("Z")
    assert closed.region == "ap-northeast-1"
    assert closed.destination.startswith("https://ap-northeast-1.console.aws.amazon.com/ec2/")
    assert closed.request_id
    assert record.verify().how == ""


def test_a_launch_costs_at_most_ten_statements_and_two_calls_on_open_connections(
    ann_at: Client, upstream: Upstream
) -> None:
    go(ann_at)
    connections, calls = upstream.connections, len(upstream.seen)
    session = ann_at.session
    session["last_used_at"] -= 120
    session.save()
    with CaptureQueriesContext(connection) as queries:
        answer = ann_at.get(
            f"{GO}?to=/sqs/home&region=eu-central-1",
            headers=BROWSER,
        )
    assert answer.status_code in (302, 303)
    statements = [q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(statements) <= 10, "\n".join(s[:110] for s in statements)
    assert len(upstream.seen) - calls == 2
    assert upstream.connections == connections


# --- what the portal itself says no to -------------------------------------------------------


def expire(role: Role) -> None:
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))


def not_yet(role: Role) -> None:
    Grant.objects.update(starts=timezone.now() + timedelta(hours=1))


def close_role(role: Role) -> None:
    Role.objects.update(disabled=True)


def close_account(role: Role) -> None:
    Account.objects.update(disabled=True)


def nothing(role: Role) -> None:
    """Leave all as it is."""


DENIED: dict[str, tuple[Callable[[Role], None], str, str, int, str]] = {
    "unknown account": (nothing, "/go/nowhere/Developer/", "", 404, "NotGranted"),
    "unknown role": (nothing, "/go/payments-prod/Nobody/", "", 404, "NotGranted"),
    "ended": (expire, GO, "", 403, "NotNow"),
    "not begun": (not_yet, GO, "", 403, "NotNow"),
    "role closed": (close_role, GO, "", 403, "NotNow"),
    "account closed": (close_account, GO, "", 403, "NotNow"),
    "other site": (nothing, GO, "?to=https://evil.example/", 400, "InvalidRequest"),
    "no region": (nothing, GO, "?to=s3&region=moon-1", 400, "InvalidRequest"),
    "no number": (nothing, GO, "?seconds=an+hour", 400, "InvalidRequest"),
    "too long": (nothing, GO, "?seconds=7201", 409, "LimitExceeded"),
    "too short": (nothing, GO, "?seconds=899", 409, "LimitExceeded"),
    # In the order of the contract: 404, 403, 400, 409.
    "404 before 400": (nothing, "/go/nowhere/x/", "?seconds=x", 404, "NotGranted"),
    "403 before 400": (expire, GO, "?seconds=x", 403, "NotNow"),
    "400 before 409": (nothing, GO, "?seconds=9&to=https://x.y/", 400, "InvalidRequest"),
}


@pytest.mark.parametrize("name", DENIED)
def test_P11_what_the_portal_denies_asks_nothing_of_aws_and_is_one_row(
    name: str, ann_at: Client, role: Role, upstream: Upstream
) -> None:
    change, path, query, status, error = DENIED[name]
    change(role)
    rows = Entry.objects.count()
    answer = go(ann_at, query, path)
    assert answer.status_code == status
    assert upstream.seen == []
    assert Entry.objects.count() == rows + 1
    entry = last_act()
    assert (entry.phase, entry.outcome, entry.error) == (Phase.SINGLE, Outcome.DENIED, error)
    if status != 404:
        assert (entry.account, entry.role) == ("222222222222", "team/Developer")
        # Whoever was granted it knows its names; to others the record tells none either.
        names = {name: details_of(entry.details)[name] for name in role.known_as}
        assert names == role.known_as
    else:
        assert "account_name" not in details_of(entry.details)
    assert entry.request_id == answer["X-Request-Id"]
    assert entry.request_id in answer.content.decode()


def test_what_was_only_typed_is_kept_cut_and_harmless(ann_at: Client) -> None:
    go(ann_at, path="/go/" + "a" * 300 + "/<b>%0A2026/")
    entry = last_act()
    assert entry.account == "a" * 100
    assert entry.role == r"<b>\u000a2026"


def test_more_launches_than_allowed_are_429_with_one_row_a_minute(
    ann_at: Client, settings: LazySettings
) -> None:
    settings.PORTAL_LAUNCHES_PER_MINUTE = 2
    assert [go(ann_at).status_code for _ in range(5)] == [302, 302, 429, 429, 429]
    answer = go(ann_at)
    assert int(answer["Retry-After"]) > 0
    assert Entry.objects.filter(error="TooMany", outcome=Outcome.DENIED).count() == 1


# --- what AWS says no to, or nothing at all --------------------------------------------------

FAILED: dict[str, tuple[list[Fault], list[Fault], int]] = {
    "refused": ([faults.refused("AccessDenied")], [], 502),
    "duration": ([faults.refused("ValidationError", 400)], [], 502),
    "expired broker": ([faults.refused("ExpiredToken")], [], 502),
    "region off": ([faults.refused("RegionDisabledException")], [], 502),
    "policy too large": ([faults.refused("PackedPolicyTooLarge", 400)], [], 502),
    "unknown refusal": ([faults.refused("SomethingNew", 400)], [], 502),
    "throttled": ([faults.refused("Throttling", 400)] * 9, [], 503),
    "busy": ([faults.said(503)] * 9, [], 503),
    "nonsense": ([faults.said(200, "<html>hello</html>")], [], 502),
    "cut": ([faults.cut] * 9, [], 502),
    "redirect": ([faults.said(302, Location="https://evil.example/")], [], 502),
    "huge": ([faults.said(200, b"a" * 10_000_000)], [], 502),
    "no answer": ([faults.silent] * 9, [], 504),
    "other account": (
        [faults.answered_as("arn:aws:sts::999999999999:assumed-role/Developer/ann")],
        [],
        500,
    ),
    "sign-in refused": ([], [faults.said(400, "<html>bad</html>")], 502),
    "sign-in busy": ([], [faults.said(500)] * 9, 503),
    "sign-in nonsense": ([], [faults.said(200, "{}")], 502),
    "sign-in letters": ([], [faults.said(200, '{"SigninToken": "\\ud800"}')], 502),
    "sign-in euros": ([], [faults.said(200, json.dumps({"SigninToken": "€" * 8192}))], 502),
    "credential letters": ([faults.answered_as(SessionToken="a\nb")], [], 502),
    "for ever": ([faults.answered_as(Expiration="9999-12-31T23:59:59Z")], [], 502),
    "sign-in redirect": ([], [faults.said(302, Location="https://evil.example/")], 502),
    "sign-in no answer": ([], [faults.silent] * 9, 504),
}


@pytest.mark.parametrize("name", FAILED)
def test_P36_what_aws_answers_is_a_sentence_and_a_failed_act(
    name: str, ann_at: Client, upstream: Upstream
) -> None:
    sts, federation, status = FAILED[name]
    upstream.sts.extend(sts)
    upstream.federation.extend(federation)
    answer = go(ann_at)
    page = answer.content.decode()
    assert answer.status_code == status
    opened, closed = Entry.objects.filter(action="launch").order_by("id")
    assert (opened.outcome, closed.outcome) == (Outcome.STARTED, Outcome.FAILED)
    assert closed.error
    assert closed.request_id in page
    assert "Traceback" not in page
    assert not [secret for secret in UPSTREAM_SECRETS if secret in page]
    assert record.verify().how == ""


def test_P20_what_sts_repeats_in_an_error_reaches_neither_page_nor_row_nor_log(
    ann_at: Client, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    token = "IQoJb3JpZ2luX2VjEXAMPLE/0123456789abcdefghijklmnop=="
    upstream.sts.append(faults.refused(token, message=f"your token {token} an-external-id"))
    caplog.set_level(logging.DEBUG)
    page = go(ann_at).content.decode()
    kept = json.dumps(list(Entry.objects.values()))
    logged = " ".join(str(vars(line)) for line in caplog.records)
    for place in (page, kept, logged):
        assert token not in place
        assert "an-external-id" not in place
    assert last_act().error == "Unknown"


def test_an_unforeseen_error_closes_the_act_too(
    ann_at: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unforeseen(*_: Any) -> Any:
        raise RuntimeError("of all things")

    monkeypatch.setattr(methods, "fetch", unforeseen)
    ann_at.raise_request_exception = False
    answer = go(ann_at)
    assert answer.status_code == 500
    assert (last_act().outcome, last_act().error) == (Outcome.FAILED, "RuntimeError")
    assert "of all things" not in answer.content.decode()


def test_P11_the_grant_is_looked_at_again_after_a_wait_for_the_brokers_credentials(
    ann_at: Client, monkeypatch: pytest.MonkeyPatch, upstream: Upstream
) -> None:
    def expires_meanwhile(*_: Any) -> bool:
        Grant.objects.update(expires=timezone.now())
        return False

    monkeypatch.setattr(launch, "_NO_WAIT", timedelta(0))
    monkeypatch.setattr(launch, "is_chained", expires_meanwhile)
    assert go(ann_at).status_code == 403
    assert upstream.seen == []


def test_P14_trying_again_is_offered_only_for_what_opened_at_once(
    ann_at: Client, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.sts.extend([faults.said(503)] * 9)
    assert "Try again" in go(ann_at).content.decode()

    def no_answer(*_: Any) -> bool:
        raise AwsUnavailable(log="no answer", message="No answer.", next_step="Wait.")

    monkeypatch.setattr(launch, "is_chained", no_answer)
    page = ann_at.get(f"{GO}?to=/iam/home", headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 503
    assert "?to=/iam/home" not in page.content.decode()


def test_the_use_case_itself_asks_for_the_reason(ann_at: Client, role: Role, ann: User) -> None:
    Role.objects.update(require_reason=True)
    visitor = launch.Visitor(user=ann, ip="", user_agent="", request_id="")
    prepared = launch.prepare_credentials(visitor, launch.Wish("payments-prod", role.name))
    with pytest.raises(InvalidRequest):
        launch.issue_credentials(prepared)
    with pytest.raises(InvalidRequest):
        launch.open_console(prepared)


def test_without_broker_credentials_an_administrator_is_asked_for(
    ann_at: Client, monkeypatch: pytest.MonkeyPatch, upstream: Upstream
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    answer = go(ann_at)
    assert answer.status_code == 500
    assert upstream.seen == []
    assert last_act().outcome == Outcome.FAILED


def test_a_tag_that_aws_would_not_take_is_500_and_named_before_aws_is_asked(
    ann_at: Client, role: Role, upstream: Upstream
) -> None:
    Role.objects.update(session_tags={"team": "{username}, and more"})
    answer = go(ann_at)
    assert answer.status_code == 500
    assert "team" in answer.content.decode()
    assert upstream.seen == []


def test_P36_when_nobody_may_wait_any_more_one_row_says_so_and_aws_is_not_asked(
    ann_at: Client, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [0.0]
    full = Bulkhead(2, 1, clock=lambda: moment[0])
    monkeypatch.setattr(launch, "bulkhead", lambda: full)
    count = Entry.objects.count()
    with full.entered("aws", launch.too_many_wait):
        moment[0] += 2
        answer = go(ann_at)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "AWS answers slowly" in answer.content.decode()
    assert upstream.seen == []
    entry = last_act()
    assert Entry.objects.count() == count + 1
    assert (entry.phase, entry.outcome, entry.error) == (Phase.SINGLE, Outcome.FAILED, "Overloaded")
    assert (entry.account, entry.request_id) == ("222222222222", answer["X-Request-Id"])
    assert go(ann_at).status_code in (302, 303)


def test_a_federation_token_with_temporary_credentials_is_refused_before_aws_is_asked(
    ann_at: Client, role: Role, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    Role.objects.update(method="federation_token", session_policy="{}", set_source_identity=False)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
    answer = go(ann_at)
    assert answer.status_code == 500
    assert "long-term keys" in answer.content.decode()
    assert upstream.seen == []
    assert (last_act().outcome, last_act().error) == (Outcome.FAILED, "TemporaryCredentials")


# --- P26: no row, no act ---------------------------------------------------------------------


@pytest.fixture
def read_only() -> Iterator[Callable[[], None]]:
    """The database refuses every write from the moment this is called."""

    def refuse() -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON")

    yield refuse
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = OFF")


def test_P26_a_record_that_cannot_be_written_launches_nothing(
    ann_at: Client, upstream: Upstream, read_only: Callable[[], None]
) -> None:
    read_only()
    answer = go(ann_at)
    assert answer.status_code == 503
    assert upstream.seen == []


def test_P26_when_the_end_cannot_be_written_nothing_is_handed_out(
    ann_at: Client, read_only: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    closing = record.close_act

    def close(*words: Any) -> None:
        read_only()
        closing(*words)

    monkeypatch.setattr(record, "close_act", close)
    answer = go(ann_at)
    assert answer.status_code == 503
    assert "Location" not in answer
    assert last_act().outcome == Outcome.STARTED


def test_P26_a_cut_record_launches_nothing(ann_at: Client, upstream: Upstream) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER record_head_goes_on")
        cursor.execute("UPDATE accounts_recordhead SET count = count - 1")
    answer = go(ann_at)
    assert answer.status_code == 503
    assert upstream.seen == []


def test_the_record_of_all_this_verifies_by_command(
    ann_at: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    go(ann_at)
    call_command("audit", "verify")
    assert capsys.readouterr().out.startswith("ok  ")
