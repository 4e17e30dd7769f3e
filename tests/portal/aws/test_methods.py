"""What STS is asked for, and which of its answers count."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.aws.budget import Budget
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan
from portal.aws.sources import Sources
from portal.errors import AwsUnavailable, ConfigurationProblem
from tests.faults.fixtures import DEFAULT
from tests.faults.upstream import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    Upstream,
    answered_as,
    federated_as,
)

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789+=,.@_-", min_size=2, max_size=32)
IAM_TEXT = st.text("abcXYZ019 _.:/=+-@", min_size=1, max_size=40)
POLICIES = st.builds(
    lambda action: json.dumps({"Version": "2012-10-17", "Statement": [{"Action": action}]}),
    st.text("abcdefgh:*", min_size=1, max_size=20),
)
ARNS = st.builds("arn:aws:iam::222222222222:policy/{}".format, NAMES)
TAGS = st.dictionaries(IAM_TEXT, IAM_TEXT, max_size=6)


def plans() -> st.SearchStrategy[SessionPlan]:
    assumed = st.builds(
        SessionPlan,
        method=st.just("assume_role"),
        partition=st.just("aws"),
        account_id=st.just("222222222222"),
        role_arn=st.builds("arn:aws:iam::222222222222:role/{}".format, NAMES),
        session_name=NAMES,
        duration_seconds=st.integers(900, 43200),
        source=st.just(DEFAULT),
        console_seconds=st.none() | st.integers(900, 43200),
        source_identity=st.just("") | NAMES,
        external_id=st.just("") | st.text("abcXYZ019+=,.@:/-", min_size=2, max_size=60),
        session_policy=st.just("") | POLICIES,
        policy_arns=st.lists(ARNS, max_size=10).map(tuple),
        session_tags=TAGS,
    )
    federated = st.builds(
        SessionPlan,
        method=st.just("federation_token"),
        partition=st.just("aws"),
        account_id=st.just("222222222222"),
        role_arn=st.just(""),
        session_name=NAMES,
        duration_seconds=st.integers(900, 129600),
        source=st.just(DEFAULT),
        session_policy=POLICIES,
        policy_arns=st.lists(ARNS, max_size=10).map(tuple),
        session_tags=TAGS,
    )
    return assumed | federated


def expected(plan: SessionPlan) -> dict[str, str]:
    """The query protocol's parameters for that plan, written down a second time by hand."""
    sent = {"Version": "2011-06-15", "DurationSeconds": str(plan.duration_seconds)}
    if plan.method == "assume_role":
        sent |= {"Action": "AssumeRole", "RoleArn": plan.role_arn}
        sent |= {"RoleSessionName": plan.session_name}
        sent |= {"ExternalId": plan.external_id} if plan.external_id else {}
        sent |= {"SourceIdentity": plan.source_identity} if plan.source_identity else {}
    else:
        sent |= {"Action": "GetFederationToken", "Name": plan.session_name}
    sent |= {"Policy": plan.session_policy} if plan.session_policy else {}
    for number, arn in enumerate(plan.policy_arns, 1):
        sent[f"PolicyArns.member.{number}.arn"] = arn
    for number, (key, value) in enumerate(plan.session_tags.items(), 1):
        sent |= {f"Tags.member.{number}.Key": key, f"Tags.member.{number}.Value": value}
    return sent


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans())
def test_sts_is_asked_for_exactly_what_the_plan_holds_and_nothing_else(
    plan: SessionPlan, sources: Sources, upstream: Upstream
) -> None:
    fetch(plan, sources, Budget(10))
    assert upstream.asked_sts[-1].parameters == expected(plan)


def test_a_person_gets_the_credentials_that_sts_made(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    credentials = fetch(plan, sources, budget)
    assert credentials.access_key_id == ACCESS_KEY_ID
    assert credentials.secret_access_key == SECRET_ACCESS_KEY
    assert credentials.session_token == SESSION_TOKEN
    assert credentials.expiration > datetime.now(UTC)
    assert SECRET_ACCESS_KEY not in repr(credentials)
    assert SESSION_TOKEN not in repr(credentials)


@pytest.mark.parametrize(
    ("arn", "code", "named"),
    [
        ("arn:aws:sts::999999999999:assumed-role/Developer/ann", "OtherAccount", "999999999999"),
        ("arn:aws-cn:sts::222222222222:assumed-role/Developer/ann", "OtherPartition", "aws-cn"),
        ("arn:aws:sts::222222222222:assumed-role/Admin/ann", "OtherRole", "Admin"),
        ("arn:aws:sts::222222222222:federated-user/ann", "OtherRole", "federated-user/ann"),
    ],
)
def test_p18_credentials_for_another_place_are_thrown_away_and_both_are_named(
    arn: str,
    code: str,
    named: str,
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
) -> None:
    upstream.sts.append(answered_as(arn))
    with pytest.raises(ConfigurationProblem) as caught:
        fetch(plan, sources, budget)
    problem = caught.value
    sentence = problem.message % problem.params
    assert (problem.status, problem.code) == (500, code)
    assert named in sentence
    expected_place = {"OtherAccount": "222222222222", "OtherPartition": "aws", "OtherRole": "team/"}
    assert expected_place[code] in sentence
    assert len(upstream.asked_sts) == 1


@pytest.mark.parametrize(
    ("account", "partition", "code"),
    [("111111111111", "aws", "OtherAccount"), ("222222222222", "aws-us-gov", "OtherPartition")],
)
def test_p18_a_federation_token_of_another_account_than_the_entrys_is_thrown_away(
    account: str,
    partition: str,
    code: str,
    token_plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
) -> None:
    upstream.sts.append(federated_as(account, partition))
    with pytest.raises(ConfigurationProblem) as caught:
        fetch(token_plan, sources, budget)
    assert caught.value.code == code
    assert DEFAULT.name in caught.value.hint % caught.value.params or code == "OtherPartition"


PAST = "2011-07-15T23:28:33Z"
HOLES: list[dict[str, Any]] = [
    {"AccessKeyId": None},
    {"SecretAccessKey": None},
    {"SessionToken": ""},
    {"Expiration": None},
    {"Expiration": "soon"},
    {"Expiration": PAST},
    {"arn": "nothing of the kind"},
]


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_an_answer_that_lacks_something_is_nonsense_and_gives_nothing(
    hole: dict[str, Any],
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
) -> None:
    upstream.sts.append(answered_as(**hole))
    with pytest.raises(AwsUnavailable) as caught:
        fetch(plan, sources, budget)
    assert (caught.value.status, caught.value.code) == (502, "Unreadable")


def test_a_roles_path_is_no_other_role(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    deep = dataclasses.replace(plan, role_arn="arn:aws:iam::222222222222:role/a/b/c/Developer")
    assert fetch(deep, sources, budget).access_key_id == ACCESS_KEY_ID
