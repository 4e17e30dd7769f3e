"""Each way in which STS can fail becomes its own status, sentence and hint (P36, contract)."""

import dataclasses
from dataclasses import dataclass

import pytest

from portal.aws.budget import Budget
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan
from portal.aws.sources import Sources
from portal.errors import AwsRefused, AwsUnavailable, UpstreamError
from tests.faults.upstream import (
    Fault,
    Upstream,
    cut,
    hung_up,
    raw,
    refused,
    reset,
    said,
    then_closed,
)


def failed(plan: SessionPlan, sources: Sources, budget: Budget) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        fetch(plan, sources, budget)
    return caught.value


@dataclass(frozen=True)
class Case:
    """A fault that stays, and what comes of it; ``hint`` must be in the first cause named."""

    fault: Fault
    status: int
    code: str
    sentence: str
    hint: str
    attempts: int = 1


REFUSED = {
    "access denied": Case(
        refused("AccessDenied"),
        502,
        "AccessDenied",
        "does not let the portal enter",
        "trust policy",
    ),
    "malformed policy": Case(
        refused("MalformedPolicyDocument", 400),
        502,
        "MalformedPolicyDocument",
        "session policy",
        "Correct the session policy",
    ),
    "policy too large": Case(
        refused("PackedPolicyTooLarge", 400), 502, "PackedPolicyTooLarge", "too large", "Shorten"
    ),
    "region disabled": Case(
        refused("RegionDisabledException"), 502, "RegionDisabledException", "region", "Enable STS"
    ),
    "expired": Case(refused("ExpiredToken"), 502, "ExpiredToken", "expired", "“default”"),
    "expired, newer name": Case(
        refused("ExpiredTokenException", 400), 502, "ExpiredTokenException", "expired", "Renew"
    ),
    "unknown key": Case(
        refused("InvalidClientTokenId"), 502, "InvalidClientTokenId", "does not know", "“default”"
    ),
    "bad signature": Case(
        refused("SignatureDoesNotMatch"), 502, "SignatureDoesNotMatch", "signature", "secret key"
    ),
    "clock": Case(refused("RequestExpired", 400), 502, "RequestExpired", "clock", "NTP"),
    "unheard of": Case(
        refused("BrandNewCode", 400), 502, "BrandNewCode", "222222222222", "BrandNewCode"
    ),
}
BUSY = {
    "Throttling": Case(refused("Throttling", 400), 503, "Throttling", "busy", "Many", 4),
    "ThrottlingException": Case(
        refused("ThrottlingException", 400), 503, "ThrottlingException", "busy", "Many", 4
    ),
    "RequestLimitExceeded": Case(
        refused("RequestLimitExceeded", 503), 503, "RequestLimitExceeded", "busy", "Many", 4
    ),
    "TooManyRequestsException": Case(
        refused("TooManyRequestsException", 429), 503, "TooManyRequestsException", "busy", "Many", 4
    ),
    "ServiceUnavailable": Case(
        refused("ServiceUnavailable", 503), 503, "ServiceUnavailable", "busy", "Many", 4
    ),
    "InternalFailure": Case(
        refused("InternalFailure", 500), 503, "InternalFailure", "busy", "Many", 4
    ),
    "5xx as a web page": Case(said(502, "<html>oops"), 503, "Http502", "busy", "Many", 4),
    "5xx without a body": Case(said(503), 503, "Http503", "busy", "Many", 4),
    "429 as text": Case(said(429, "slow down"), 503, "Http429", "busy", "Many", 4),
}
BROKEN = {
    "cut": Case(cut, 502, "AnswerCut", "broke off half-way", "network", 4),
    "hung up": Case(hung_up, 503, "ConnectionLost", "broke off", "network", 4),
    "reset": Case(reset, 503, "ConnectionLost", "broke off", "network", 4),
    "no HTTP": Case(raw(b"SSH-2.0-OpenSSH\r\n\r\n"), 502, "Unreadable", "cannot read", "AWS_"),
    "a web page": Case(said(200, "<html><p>Hello"), 502, "Unreadable", "cannot read", "AWS_"),
    "nothing": Case(said(200), 502, "Unreadable", "cannot read", "AWS_"),
    "JSON": Case(said(200, '{"a": 1}'), 502, "Unreadable", "cannot read", "AWS_"),
    "not text": Case(said(200, b"\xff\xfe\x00"), 502, "Unreadable", "cannot read", "AWS_"),
    "an XML bomb": Case(
        said(200, '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'),
        502,
        "Unreadable",
        "cannot read",
        "AWS_",
    ),
    "refused as a web page": Case(said(403, "<html>no"), 502, "Unreadable", "cannot read", "AWS_"),
    "too large": Case(said(200, b"<a>" * 200_000), 502, "Unreadable", "cannot read", "AWS_"),
    "redirect": Case(
        said(302, Location="/elsewhere"), 502, "Redirected", "led elsewhere", "AWS_ENDPOINT"
    ),
    "redirect that keeps the body": Case(
        said(307, Location="/elsewhere"), 502, "Redirected", "led elsewhere", "AWS_ENDPOINT"
    ),
}


@pytest.mark.parametrize(
    "case", [*REFUSED.values(), *BUSY.values(), *BROKEN.values()], ids=[*REFUSED, *BUSY, *BROKEN]
)
def test_p36_each_fault_of_sts_has_its_own_words_and_its_own_number_of_tries(
    case: Case, plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    upstream.sts.extend([case.fault] * 9)
    error = failed(plan, sources, budget)
    assert (error.status, error.code) == (case.status, case.code)
    assert case.sentence in error.message % error.params
    assert case.hint in error.hint.splitlines()[0] % error.params
    assert len(upstream.asked_sts) == case.attempts
    passes = isinstance(error, AwsUnavailable)
    assert passes != isinstance(error, AwsRefused)
    assert error.retry_makes_sense == passes
    assert ("Try again" in error.next_step) == passes


PASSING = {
    "throttled": refused("Throttling", 400),
    "unavailable": refused("ServiceUnavailable", 503),
    "a web page of a load balancer": said(502, "<html>oops"),
    "cut": cut,
    "reset": reset,
    "hung up": hung_up,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_p36_what_passes_within_the_budget_is_never_seen_by_the_person(
    fault: Fault, plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    upstream.sts.extend([fault, fault])
    assert fetch(plan, sources, budget).access_key_id
    assert len(upstream.asked_sts) == 3


def test_the_environments_own_number_of_attempts_multiplies_nothing(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    upstream.sts.extend([refused("Throttling", 400)] * 9)
    assert failed(plan, sources, budget).status == 503
    assert len(upstream.asked_sts) == 4


def test_each_try_is_signed_anew(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    upstream.sts.append(refused("Throttling", 400))
    fetch(plan, sources, budget)
    first, second = upstream.asked_sts
    assert first.parameters == second.parameters
    assert "Signature=" in second.headers["authorization"]


def test_a_retry_after_from_sts_is_waited_for(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    waits: list[float],
) -> None:
    upstream.sts.extend([refused("Throttling", 400, Retry_After="4"), said(503, Retry_After="2")])
    fetch(plan, sources, budget)
    assert waits == [4, 2]


def test_a_kept_connection_that_was_closed_between_two_launches_fails_no_launch(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    waits: list[float],
) -> None:
    upstream.sts.append(then_closed)
    fetch(plan, sources, budget)
    fetch(plan, sources, budget)
    assert waits == []
    assert upstream.connections == 2


def test_a_kept_connection_that_is_closed_as_the_request_arrives_is_replaced_at_once(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    waits: list[float],
) -> None:
    fetch(plan, sources, budget)
    upstream.sts.append(reset)
    fetch(plan, sources, budget)
    assert waits == []
    assert upstream.connections == 2


def test_p25_no_redirect_of_sts_is_followed(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    with Upstream() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            upstream.sts.append(said(status, Location=f"{elsewhere.url}/"))
            assert failed(plan, sources, budget).status == 502
        assert elsewhere.seen == []


CAUSES = {
    "nothing special": ({}, ["asks for an external id", "lacks the permission"]),
    "external id": ({"external_id": "x7"}, ["is not the external id", "lacks the permission"]),
    "source identity": (
        {"source_identity": "ann"},
        ["asks for an external id", "sts:SetSourceIdentity", "lacks the permission"],
    ),
    "tags": (
        {"session_tags": {"team": "a"}},
        ["asks for an external id", "sts:TagSession", "lacks the permission"],
    ),
}


@pytest.mark.parametrize(("changes", "first"), CAUSES.values(), ids=CAUSES)
def test_the_causes_of_a_denial_follow_what_the_role_asks_for(
    changes: dict[str, object],
    first: list[str],
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
) -> None:
    upstream.sts.append(refused("AccessDenied"))
    error = failed(dataclasses.replace(plan, **changes), sources, budget)  # type: ignore[arg-type]
    causes = [line % error.params for line in error.hint.splitlines()]
    assert [word for word, cause in zip(first, causes, strict=False) if word in cause] == first
    assert "does not name the identity" in causes[0]
    assert any("sts:AssumeRole" in cause for cause in causes)
    assert "service control policy" in causes[-1]


def test_a_denied_federation_token_speaks_of_the_iam_user_it_needs(
    token_plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    upstream.sts.append(refused("AccessDenied"))
    error = failed(token_plan, sources, budget)
    causes = [line % error.params for line in error.hint.splitlines()]
    assert "sts:GetFederationToken" in causes[0]
    assert "long-term keys" in causes[1]


@pytest.mark.parametrize(
    ("seconds", "first"), [(43200, "maximum session duration"), (3600, "session name")]
)
def test_a_validation_error_names_the_length_first_only_where_it_can_be_the_cause(
    seconds: int,
    first: str,
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
) -> None:
    upstream.sts.append(refused("ValidationError", 400))
    error = failed(dataclasses.replace(plan, duration_seconds=seconds), sources, budget)
    assert first in error.hint.splitlines()[0] % error.params


def test_p29_awss_own_sentence_reaches_the_log_without_control_characters_and_cut(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    evil = "one&#10;two&#13;\x7fthree \u202ereversed " + "x" * 900
    upstream.sts.append(refused("AccessDenied", message=evil))
    error = failed(plan, sources, budget)
    assert "one two three" in error.log
    assert error.log.isprintable()
    assert len(error.log) < 400
    assert "xxx" not in error.message + error.next_step + error.hint + str(error.params)
