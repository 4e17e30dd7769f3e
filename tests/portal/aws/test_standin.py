"""End to end against the strict stand-in: both methods, and the refusals that AWS would give."""

import dataclasses
import json
from collections.abc import Iterator

import pytest

from demo.standin import AwsAccount, Config, IamUser, StandIn, TrustedRole
from portal.aws.budget import Budget
from portal.aws.federation import login_url, sign_in_token
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan, TemporaryCredentials
from portal.aws.sources import Sources
from portal.aws.transport import Request, Transport
from portal.errors import UpstreamError
from portal.log_lines import request_id
from tests.faults.fixtures import BROKER_KEY_ID, BROKER_SECRET

HUB = "222222222222"
USER = IamUser("broker", HUB, BROKER_KEY_ID, BROKER_SECRET)
TRUSTED = (f"arn:aws:iam::{HUB}:user/broker",)
ROLES = (
    TrustedRole("team/Developer", TRUSTED, max_session_seconds=3600),
    TrustedRole("Guarded", TRUSTED, external_id="right-one"),
    TrustedRole("Named", TRUSTED, allows_tag_session=True, allows_set_source_identity=True),
    TrustedRole("Closed", (f"arn:aws:iam::{HUB}:user/somebody-else",)),
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
DESTINATION = "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1"


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """AWS in small: one account with one IAM user and four roles."""
    config = Config(accounts=(AwsAccount(HUB, roles=ROLES),), users=(USER,))
    with StandIn(config) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", running.sts_url)
        yield running


def entered(plan: SessionPlan, role: str, **changes: object) -> SessionPlan:
    arn = f"arn:aws:iam::{HUB}:role/{role}"
    return dataclasses.replace(plan, role_arn=arn, **changes)  # type: ignore[arg-type]


def opened(
    credentials: TemporaryCredentials, seconds: int | None, standin: StandIn, transport: Transport
) -> tuple[int, str]:
    """Status and Location of the login URL."""
    endpoint = standin.federation_url
    token = sign_in_token(credentials, seconds, endpoint, transport, Budget(10))
    url = login_url(token, DESTINATION, "http://localhost:8000", endpoint)
    answer = transport.send(Request("GET", url, {}), Budget(10))
    return answer.status, answer.headers.get("Location", "")


def test_the_standin_knows_the_broker_and_sees_the_number_of_the_request(
    plan: SessionPlan, sources: Sources, standin: StandIn
) -> None:
    found = sources.find_identity(plan.source, "aws", Budget(10))
    assert (found.arn, found.account_id) == (TRUSTED[0], HUB)
    number = request_id.set("K7Q2-F9MD-4RXH")
    fetch(entered(plan, "team/Developer"), sources, Budget(10))
    request_id.reset(number)
    assert standin.requests[-1].user_agent.endswith(" sekisho/K7Q2-F9MD-4RXH")
    assert standin.requests[-1].status == 200


@pytest.mark.parametrize("console_seconds", [None, 43200])
def test_a_role_opens_the_console_also_for_longer_than_its_own_maximum(
    console_seconds: int | None,
    plan: SessionPlan,
    sources: Sources,
    transport: Transport,
    budget: Budget,
    standin: StandIn,
) -> None:
    credentials = fetch(plan, sources, budget)
    status, location = opened(credentials, console_seconds, standin, transport)
    assert status in {302, 303}
    assert location.startswith(standin.console_url)


def test_a_federation_token_opens_the_console(
    token_plan: SessionPlan,
    sources: Sources,
    transport: Transport,
    budget: Budget,
    standin: StandIn,
) -> None:
    credentials = fetch(dataclasses.replace(token_plan, session_policy=POLICY), sources, budget)
    assert opened(credentials, None, standin, transport)[0] in {302, 303}


def test_everything_that_a_role_can_ask_for_is_accepted(
    plan: SessionPlan, sources: Sources, budget: Budget, standin: StandIn
) -> None:
    everything = entered(
        plan,
        "Named",
        source_identity="ann",
        session_tags={"team": "payments", "who": "ann@example.test"},
        session_policy=POLICY,
        policy_arns=(f"arn:aws:iam::{HUB}:policy/Reader",),
    )
    assert fetch(everything, sources, budget).session_token
    guarded = entered(plan, "Guarded", external_id="right-one")
    assert fetch(guarded, sources, budget).session_token


REFUSALS = {
    "no trust": ("Closed", {}, "AccessDenied"),
    "no such role": ("Nobody", {}, "AccessDenied"),
    "no external id": ("Guarded", {}, "AccessDenied"),
    "a wrong external id": ("Guarded", {"external_id": "wrong"}, "AccessDenied"),
    "source identity not trusted": ("team/Developer", {"source_identity": "ann"}, "AccessDenied"),
    "tags not trusted": ("team/Developer", {"session_tags": {"a": "b"}}, "AccessDenied"),
    "too long": ("team/Developer", {"duration_seconds": 43200}, "ValidationError"),
    "no policy": ("team/Developer", {"session_policy": "{nonsense"}, "MalformedPolicyDocument"),
}


@pytest.mark.parametrize(("role", "changes", "code"), REFUSALS.values(), ids=REFUSALS)
def test_what_aws_refuses_is_refused_with_its_own_code(
    role: str,
    changes: dict[str, object],
    code: str,
    plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    standin: StandIn,
) -> None:
    with pytest.raises(UpstreamError) as caught:
        fetch(entered(plan, role, **changes), sources, budget)
    assert (caught.value.status, caught.value.code) == (502, code)


def test_a_console_length_for_a_federation_token_is_refused_by_the_sign_in(
    token_plan: SessionPlan,
    sources: Sources,
    transport: Transport,
    budget: Budget,
    standin: StandIn,
) -> None:
    credentials = fetch(dataclasses.replace(token_plan, session_policy=POLICY), sources, budget)
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(credentials, 3600, standin.federation_url, transport, budget)
    assert (caught.value.status, caught.value.code) == (502, "SigninRefused")


def test_a_wrong_secret_and_an_unknown_key_are_told_apart(
    plan: SessionPlan,
    transport: Transport,
    budget: Budget,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", BROKER_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    codes = []
    for key in (BROKER_KEY_ID, "AKIANOBODY0000000000"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        with pytest.raises(UpstreamError) as caught:
            fetch(plan, Sources(transport), budget)
        codes.append(caught.value.code)
    assert codes == ["SignatureDoesNotMatch", "InvalidClientTokenId"]
