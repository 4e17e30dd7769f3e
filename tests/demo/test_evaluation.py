"""The stand-in reads trust policies and permissions as they are given, and grants nothing else."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo.standin import Config, StandIn
from demo.standin.evaluation import Attempt, allows, denies
from tests.demo.conftest import BROKER, BROKER_ARN, WORLD, sts_client

ROLE = "arn:aws:iam::222222222222:role/Developer"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", **more}


ENTER = Attempt("sts:AssumeRole", ROLE, [BROKER_ARN], {"sts:ExternalId": "ours"})


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(Principal={"AWS": BROKER_ARN}), True),
        (allow(Principal={"AWS": [BROKER_ARN, "arn:aws:iam::1:user/x"]}), True),
        (allow(Principal="*"), True),
        (allow(Principal={"AWS": "*"}), True),
        (allow(Principal={"AWS": "arn:aws:iam::111111111111:user/other"}), False),
        (allow(Principal={"Service": "ec2.amazonaws.com"}), False),
        (allow(Resource=ROLE), True),
        (allow(Resource="arn:aws:iam::*:role/Dev*"), True),
        (allow(Resource="arn:aws:iam::222222222222:role/Deploy"), False),
        (allow(Resource="*", Action=["sts:Assume*"]), True),
        (allow(Resource="*", Action="sts:TagSession"), False),
        (allow(Resource="*", Condition={"StringEquals": {"sts:ExternalId": "ours"}}), True),
        (allow(Resource="*", Condition={"StringEquals": {"sts:ExternalId": ["x"]}}), False),
        (allow(Resource="*", Condition={"StringLike": {"sts:ExternalId": "ou*"}}), True),
        (allow(Resource="*", Condition={"StringEquals": {"STS:externalid": "ours"}}), True),
        (allow(Resource="*", Condition={"StringLike": {"sts:ExternalId": "OU*"}}), False),
        (allow(Resource="*", Condition={"StringEquals": {"aws:Unknown": "x"}}), False),
        (allow(Resource="*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), False),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, False),
    ],
)
def test_a_statement_allows_what_it_says(statement: dict[str, Any], expected: bool) -> None:
    assert allows(document(statement), ENTER) is expected


def test_a_denial_wins_over_what_another_statement_allows() -> None:
    deny = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}
    assert allows(document(allow(Resource="*"), deny), ENTER) is False


@pytest.mark.parametrize(
    ("condition", "is_denied"),
    [
        ({}, True),
        ({"StringEquals": {"sts:ExternalId": "theirs"}}, False),
        ({"DateLessThan": {"aws:TokenIssueTime": "2027-01-31T12:00:00Z"}}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "2027-01-31T11:00:00Z"}}, False),
        ({"DateLessThan": {"aws:TokenIssueTime": ["2020-01-01", "2027-02-01"]}}, True),
        ({"StringEquals": {"aws:SourceIdentity": "ann"}}, False),
        ({"StringLike": {"aws:userid": "*:ann"}}, True),
        ({"StringLike": {"aws:userid": "*:an"}}, False),
        # What is not understood denies.
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, True),
        ({"StringEquals": {"aws:Unknown": "x"}}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "yesterday"}}, True),
        (
            {
                "Bool": {"aws:MultiFactorAuthPresent": "false"},
                "StringEquals": {"sts:ExternalId": "theirs"},
            },
            False,
        ),
    ],
)
def test_a_denial_under_a_condition_denies_whom_it_is_about(
    condition: dict[str, Any], is_denied: bool
) -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    session = {
        "sts:ExternalId": "ours",
        "aws:userid": "AROADEVELOPER:ann",
        "aws:TokenIssueTime": "2027-01-31T11:30:00+00:00",
    }
    attempt = replace(ENTER, context=session)
    assert denies(document(allow(Resource="*"), deny), attempt) is is_denied
    assert allows(document(allow(Resource="*"), deny), attempt) is not is_denied
    assert not denies("", attempt)


def enter(standin: StandIn, **more: Any) -> str:
    """What STS says to the broker who enters Developer: the session's name, or an error code."""
    try:
        answer = sts_client(standin).assume_role(RoleArn=ROLE, RoleSessionName="ann", **more)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return answer["AssumedRoleUser"]["Arn"].rpartition("/")[2]


def with_trust(*statements: dict[str, Any]) -> Config:
    hub, payments, *others = WORLD.accounts
    trusting = replace(payments.roles[0], trust_policy=document(*statements))
    account = replace(payments, roles=(trusting, *payments.roles[1:]))
    return Config(WORLD.users, (hub, account, *others))


def test_the_trust_policy_that_is_given_decides_part_by_part(standin: StandIn) -> None:
    who = {"AWS": BROKER_ARN}
    asks = {"StringEquals": {"sts:ExternalId": "ours"}}
    standin.become(with_trust(allow(Principal=who, Condition=asks)))
    assert enter(standin) == "AccessDenied"
    assert enter(standin, ExternalId="theirs") == "AccessDenied"
    assert enter(standin, ExternalId="ours") == "ann"
    assert enter(standin, ExternalId="ours", SourceIdentity="ann") == "AccessDenied"
    beside = {**allow(Principal=who), "Action": "sts:SetSourceIdentity"}
    standin.become(with_trust(allow(Principal=who, Condition=asks), beside))
    assert enter(standin, ExternalId="ours", SourceIdentity="ann") == "ann"
    tags = [{"Key": "team", "Value": "payments"}]
    assert enter(standin, ExternalId="ours", Tags=tags) == "AccessDenied"


def test_a_condition_on_the_external_id_does_not_hold_for_what_rides_along(
    standin: StandIn,
) -> None:
    both = allow(
        Principal={"AWS": BROKER_ARN},
        Action=["sts:AssumeRole", "sts:SetSourceIdentity"],
        Condition={"StringEquals": {"sts:ExternalId": "ours"}},
    )
    standin.become(with_trust(both))
    assert enter(standin, ExternalId="ours") == "ann"
    assert enter(standin, ExternalId="ours", SourceIdentity="ann") == "AccessDenied"


def test_the_permission_policy_that_is_given_decides_too(standin: StandIn) -> None:
    for resource, expected in ((ROLE, "ann"), (f"{ROLE}s", "AccessDenied")):
        permissions = document(allow(Resource=resource))
        users = tuple(
            replace(user, policy=permissions) if user is BROKER else user for user in WORLD.users
        )
        standin.become(Config(users, WORLD.accounts))
        assert enter(standin) == expected
