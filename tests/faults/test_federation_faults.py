"""Each way in which the federation endpoint can fail becomes its own status and sentence (P36)."""

import json
from datetime import UTC, datetime

import pytest

from portal.aws.budget import Budget
from portal.aws.federation import sign_in_token
from portal.aws.plan import TemporaryCredentials
from portal.aws.transport import Transport
from portal.errors import UpstreamError
from tests.faults.upstream import (
    SIGNIN_TOKEN,
    Fault,
    Upstream,
    cut,
    hung_up,
    raw,
    reset,
    said,
    then_closed,
)

CREDENTIALS = TemporaryCredentials("ASIA1", "secret", "token", datetime(2031, 1, 1, tzinfo=UTC))

FAULTS: dict[str, tuple[Fault, int, str, int]] = {
    "refused": (said(400, "<html>Invalid credentials"), 502, "SigninRefused", 1),
    "forbidden": (said(403), 502, "SigninRefused", 1),
    "throttled": (said(429), 503, "Http429", 4),
    "5xx": (said(500, "<html>oops"), 503, "Http500", 4),
    "unavailable": (said(503), 503, "Http503", 4),
    "cut": (cut, 502, "AnswerCut", 4),
    "hung up": (hung_up, 503, "ConnectionLost", 4),
    "reset": (reset, 503, "ConnectionLost", 4),
    "no HTTP": (raw(b"220 mail ready\r\n"), 502, "Unreadable", 1),
    "redirect": (said(302, Location="/elsewhere"), 502, "Redirected", 1),
    "a web page": (said(200, "<html>Sign in"), 502, "Unreadable", 1),
    "nothing": (said(200), 502, "Unreadable", 1),
    "no content": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), 502, "Unreadable", 1),
    "a list": (said(200, "[]"), 502, "Unreadable", 1),
    "no token": (said(200, "{}"), 502, "Unreadable", 1),
    "an empty token": (said(200, '{"SigninToken": ""}'), 502, "Unreadable", 1),
    "a number": (said(200, '{"SigninToken": 7}'), 502, "Unreadable", 1),
    "a token too long": (said(200, json.dumps({"SigninToken": "x" * 9000})), 502, "Unreadable", 1),
    "nested too deep": (said(200, "[" * 100_000), 502, "Unreadable", 1),
    "too large": (said(200, b" " * 600_000), 502, "Unreadable", 1),
    "not text": (said(200, b'{"SigninToken": "\xff"}'), 502, "Unreadable", 1),
}


@pytest.mark.parametrize("console_seconds", [None, 43200])
@pytest.mark.parametrize(("fault", "status", "code", "tries"), FAULTS.values(), ids=FAULTS)
def test_p36_each_fault_of_the_sign_in_has_its_own_words_and_number_of_tries(
    fault: Fault,
    status: int,
    code: str,
    tries: int,
    console_seconds: int | None,
    upstream: Upstream,
    transport: Transport,
    budget: Budget,
) -> None:
    upstream.federation.extend([fault] * 9)
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(CREDENTIALS, console_seconds, upstream.federation_url, transport, budget)
    error = caught.value
    assert (error.status, error.code) == (status, code)
    assert error.message % error.params
    assert error.retry_makes_sense == (code != "SigninRefused")
    assert len(upstream.asked_federation) == tries


@pytest.mark.parametrize("fault", [said(503), said(429), cut, hung_up, reset])
def test_p36_what_passes_within_the_budget_is_never_seen_by_the_person(
    fault: Fault, upstream: Upstream, transport: Transport, budget: Budget
) -> None:
    upstream.federation.extend([fault, fault])
    token = sign_in_token(CREDENTIALS, None, upstream.federation_url, transport, budget)
    assert token == SIGNIN_TOKEN


def test_a_kept_connection_that_was_closed_between_two_launches_fails_no_launch(
    upstream: Upstream, transport: Transport, budget: Budget, waits: list[float]
) -> None:
    upstream.federation.append(then_closed)
    for _ in range(2):
        sign_in_token(CREDENTIALS, None, upstream.federation_url, transport, budget)
    assert (waits, upstream.connections) == ([], 2)


def test_p25_no_redirect_of_the_sign_in_is_followed(
    upstream: Upstream, transport: Transport, budget: Budget
) -> None:
    with Upstream() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            upstream.federation.append(said(status, Location=f"{elsewhere.url}/federation"))
            with pytest.raises(UpstreamError) as caught:
                sign_in_token(CREDENTIALS, 3600, upstream.federation_url, transport, budget)
            assert caught.value.code == "Redirected"
        assert elsewhere.seen == []


def test_a_refusal_names_the_console_length_first_where_the_role_has_one(
    upstream: Upstream, transport: Transport, budget: Budget
) -> None:
    hints = {}
    for console_seconds in (None, 3600):
        upstream.federation.append(said(400))
        with pytest.raises(UpstreamError) as caught:
            sign_in_token(CREDENTIALS, console_seconds, upstream.federation_url, transport, budget)
        hints[console_seconds] = caught.value.hint
    assert "a console session length of its own" in hints[3600].splitlines()[0]
    assert "console_seconds" not in hints[None]
