"""moto's STS, which this project did not write, accepts what the portal sends."""

import dataclasses
import json
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from portal.aws.budget import Budget
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan
from portal.aws.sources import Sources
from portal.log_lines import request_id
from tests.faults.fixtures import DEFAULT

MOTO_ACCOUNT = "123456789012"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """moto's server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_moto_assumes_the_role_with_everything_that_can_be_asked_for(
    plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    moto: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    everything = dataclasses.replace(
        plan,
        external_id="x-1",
        source_identity="ann",
        session_policy=POLICY,
        policy_arns=("arn:aws:iam::222222222222:policy/Reader",),
        session_tags={"team": "payments"},
    )
    number = request_id.set("K7Q2-F9MD-4RXH")
    for one in (plan, everything):
        credentials = fetch(one, sources, budget)
        assert credentials.access_key_id.startswith("ASIA")
    request_id.reset(number)


def test_moto_says_who_the_broker_is(
    sources: Sources, budget: Budget, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    found = sources.find_identity(DEFAULT, "aws", budget)
    assert (found.account_id, found.partition, found.chained) == (MOTO_ACCOUNT, "aws", False)
    assert sources.identity(DEFAULT) == found


def test_moto_makes_a_federation_token(
    token_plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    moto: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    own = dataclasses.replace(token_plan, account_id=MOTO_ACCOUNT, session_policy=POLICY)
    assert fetch(own, sources, budget).session_token


def test_p18_motos_own_account_is_not_taken_for_anothers(
    token_plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    moto: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    with pytest.raises(Exception, match=MOTO_ACCOUNT):
        fetch(token_plan, sources, budget)
