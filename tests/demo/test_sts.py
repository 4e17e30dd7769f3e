"""The stand-in's STS says yes and no where AWS does."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
import requests
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from demo.standin import IamUser, StandIn
from tests.demo.conftest import (
    BROKER,
    CHINA_BROKER,
    DEVELOPER,
    FREE,
    POWERLESS,
    Clock,
    call_by_hand,
    sts_client,
)

ROLES = "arn:aws:iam::222222222222:role/"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}],
    }
)
STATEMENT = {"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}


def policy(**changes: object) -> str:
    statement = {key: value for key, value in {**STATEMENT, **changes}.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def tags(count: int, value: str = "x") -> list[dict[str, str]]:
    return [{"Key": f"key-{number}", "Value": value} for number in range(count)]


def refusal(call: Any) -> tuple[str, int]:
    """Return AWS's error code and status of a refused call."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_assume_role_gives_the_session_that_was_asked_for(standin: StandIn) -> None:
    answer = sts_client(standin).assume_role(
        RoleArn=FREE,
        RoleSessionName="ann@example.com",
        DurationSeconds=43200,
        Policy=POLICY,
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        Tags=[{"Key": "team", "Value": "payments:on-call"}],
        TransitiveTagKeys=["team"],
        ExternalId="any",
        SourceIdentity="ann",
    )
    user = answer["AssumedRoleUser"]
    assert user["Arn"] == "arn:aws:sts::222222222222:assumed-role/Free/ann@example.com"
    assert user["AssumedRoleId"].startswith("AROA")
    assert answer["SourceIdentity"] == "ann"
    assert 0 < answer["PackedPolicySize"] < 100
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(seconds=43190) < left <= timedelta(seconds=43200)
    identity = sts_client(standin, credentials=answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == user["Arn"]
    assert identity["Account"] == "222222222222"


def test_federation_token_is_a_session_in_the_users_own_account(standin: StandIn) -> None:
    answer = sts_client(standin).get_federation_token(
        Name="ann", DurationSeconds=129600, Policy=POLICY
    )
    arn = "arn:aws:sts::111111111111:federated-user/ann"
    assert answer["FederatedUser"] == {"FederatedUserId": "111111111111:ann", "Arn": arn}
    identity = sts_client(standin, credentials=answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == arn


def test_lengths_left_out_are_awss_own(standin: StandIn) -> None:
    sts = sts_client(standin)
    role = sts.assume_role(RoleArn=DEVELOPER, RoleSessionName="ann")["Credentials"]["Expiration"]
    token = sts.get_federation_token(Name="ann")["Credentials"]["Expiration"]
    now = datetime.now(UTC)
    assert abs((role - now).total_seconds() - 3600) < 5
    assert abs((token - now).total_seconds() - 43200) < 5


def test_each_partition_has_its_own_arns(standin: StandIn) -> None:
    answer = sts_client(standin, CHINA_BROKER, region="cn-north-1").assume_role(
        RoleArn="arn:aws-cn:iam::444444444444:role/Developer", RoleSessionName="ann"
    )
    arn = answer["AssumedRoleUser"]["Arn"]
    assert arn == "arn:aws-cn:sts::444444444444:assumed-role/Developer/ann"


REFUSED_ASSUME_ROLE: list[tuple[str, dict[str, Any], str, int]] = [
    ("no such role", {"RoleArn": f"{ROLES}Nobody"}, "AccessDenied", 403),
    ("no such account", {"RoleArn": "arn:aws:iam::999999999999:role/A"}, "AccessDenied", 403),
    ("path left out", {"RoleArn": f"{ROLES}Free"}, "AccessDenied", 403),
    ("not a role", {"RoleArn": "arn:aws:iam::222222222222:user/ann"}, "ValidationError", 400),
    ("broken trust", {"RoleArn": f"{ROLES}Broken"}, "AccessDenied", 403),
    ("external id missing", {"RoleArn": f"{ROLES}Partner"}, "AccessDenied", 403),
    (
        "external id wrong",
        {"RoleArn": f"{ROLES}Partner", "ExternalId": "guessed"},
        "AccessDenied",
        403,
    ),
    ("tags not allowed", {"Tags": tags(1)}, "AccessDenied", 403),
    ("source identity not allowed", {"SourceIdentity": "ann"}, "AccessDenied", 403),
    ("MFA", {"SerialNumber": "arn:aws:iam::1:mfa/x", "TokenCode": "123456"}, "AccessDenied", 403),
    ("longer than the role", {"DurationSeconds": 7201}, "ValidationError", 400),
    ("longer than AWS", {"RoleArn": FREE, "DurationSeconds": 43201}, "ValidationError", 400),
    ("session name too long", {"RoleSessionName": "a" * 65}, "ValidationError", 400),
    ("session name's letters", {"RoleSessionName": "ann smith"}, "ValidationError", 400),
    ("session name's alphabet", {"RoleSessionName": "änn"}, "ValidationError", 400),
    (
        "source identity too long",
        {"RoleArn": FREE, "SourceIdentity": "a" * 65},
        "ValidationError",
        400,
    ),
    ("external id's letters", {"RoleArn": FREE, "ExternalId": "a b"}, "ValidationError", 400),
    ("tag's comma", {"RoleArn": FREE, "Tags": tags(1, "a,b")}, "ValidationError", 400),
    ("tag's line break", {"RoleArn": FREE, "Tags": tags(1, "a\nb")}, "ValidationError", 400),
    ("tag too long", {"RoleArn": FREE, "Tags": tags(1, "x" * 257)}, "ValidationError", 400),
    ("too many tags", {"RoleArn": FREE, "Tags": tags(51)}, "ValidationError", 400),
    (
        "tag twice",
        {"RoleArn": FREE, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        "ValidationError",
        400,
    ),
    (
        "tag of AWS",
        {"RoleArn": FREE, "Tags": [{"Key": "aws:team", "Value": "1"}]},
        "ValidationError",
        400,
    ),
    (
        "transitive key without tag",
        {"RoleArn": FREE, "Tags": tags(1), "TransitiveTagKeys": ["other"]},
        "ValidationError",
        400,
    ),
    (
        "managed policy of another account",
        {"PolicyArns": [{"arn": "arn:aws:iam::111111111111:policy/Mine"}]},
        "ValidationError",
        400,
    ),
    (
        "eleven managed policies",
        {"PolicyArns": [{"arn": f"arn:aws:iam::aws:policy/P{n}"} for n in range(11)]},
        "ValidationError",
        400,
    ),
    ("policy is no JSON", {"Policy": "{"}, "MalformedPolicyDocument", 400),
    (
        "policy without statement",
        {"Policy": '{"Version": "2012-10-17"}'},
        "MalformedPolicyDocument",
        400,
    ),
    (
        "policy's version",
        {"Policy": POLICY.replace("2012", "2026")},
        "MalformedPolicyDocument",
        400,
    ),
    ("policy's effect", {"Policy": policy(Effect="allow")}, "MalformedPolicyDocument", 400),
    ("policy's action", {"Policy": policy(Action="list")}, "MalformedPolicyDocument", 400),
    ("policy's resource", {"Policy": policy(Resource="bucket")}, "MalformedPolicyDocument", 400),
    ("policy without resource", {"Policy": policy(Resource=None)}, "MalformedPolicyDocument", 400),
    ("policy with principal", {"Policy": policy(Principal="*")}, "MalformedPolicyDocument", 400),
    (
        "policy too large",
        {"Policy": policy(Sid="a" * 2048)},
        "PackedPolicyTooLarge",
        400,
    ),
    (
        "tags too large together",
        {
            "RoleArn": FREE,
            "Tags": [
                {"Key": f"k{n}", "Value": str(7 ** (90 + n))[:75] + str(3 ** (300 + n))[:140]}
                for n in range(50)
            ],
        },
        "PackedPolicyTooLarge",
        400,
    ),
]


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [pytest.param(*row[1:], id=row[0]) for row in REFUSED_ASSUME_ROLE],
)
def test_assume_role_is_refused_as_aws_refuses_it(
    standin: StandIn, changes: dict[str, Any], code: str, status: int
) -> None:
    wish = {"RoleArn": DEVELOPER, "RoleSessionName": "ann", **changes}
    assert refusal(lambda: sts_client(standin).assume_role(**wish)) == (code, status)


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        pytest.param({"Name": "a" * 33}, "ValidationError", 400, id="name too long"),
        pytest.param({"Name": "ann smith"}, "ValidationError", 400, id="name's letters"),
        pytest.param({"DurationSeconds": 129601}, "ValidationError", 400, id="too long"),
        pytest.param({"Policy": policy(Sid="a" * 2048)}, "ValidationError", 400, id="policy"),
        pytest.param({"Policy": "[]"}, "MalformedPolicyDocument", 400, id="policy is a list"),
        pytest.param(
            {"PolicyArns": [{"arn": "arn:aws:iam::222222222222:policy/Theirs"}]},
            "ValidationError",
            400,
            id="managed policy of another account",
        ),
    ],
)
def test_federation_token_is_refused_as_aws_refuses_it(
    standin: StandIn, changes: dict[str, Any], code: str, status: int
) -> None:
    wish = {"Name": "ann", **changes}
    assert refusal(lambda: sts_client(standin).get_federation_token(**wish)) == (code, status)


def test_a_user_without_permission_is_denied_both_ways(standin: StandIn) -> None:
    sts = sts_client(standin, POWERLESS)
    denied = ("AccessDenied", 403)
    assert refusal(lambda: sts.assume_role(RoleArn=FREE, RoleSessionName="ann")) == denied
    assert refusal(lambda: sts.get_federation_token(Name="ann")) == denied
    assert sts.get_caller_identity()["Arn"].endswith("user/powerless")


@pytest.mark.parametrize(
    ("user", "region"),
    [(BROKER, "cn-north-1"), (CHINA_BROKER, "us-east-1"), (BROKER, "us-gov-west-1")],
)
def test_keys_of_one_partition_are_unknown_in_another(
    standin: StandIn, user: IamUser, region: str
) -> None:
    sts = sts_client(standin, user, region=region)
    assert refusal(sts.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_no_role_is_assumed_across_partitions(standin: StandIn) -> None:
    arn = "arn:aws-cn:iam::444444444444:role/Open"
    call = sts_client(standin).assume_role
    assert refusal(lambda: call(RoleArn=arn, RoleSessionName="ann")) == ("AccessDenied", 403)


def test_a_region_that_is_switched_off_is_named(standin: StandIn) -> None:
    sts = sts_client(standin, region="ap-east-1")
    assert refusal(sts.get_caller_identity) == ("RegionDisabledException", 403)


def test_role_chaining_lasts_an_hour_at_most_and_carries_identity_and_tags(
    standin: StandIn,
) -> None:
    first = sts_client(standin).assume_role(
        RoleArn=FREE,
        RoleSessionName="ann",
        SourceIdentity="ann",
        Tags=[{"Key": "team", "Value": "payments"}],
        TransitiveTagKeys=["team"],
    )
    chained = sts_client(standin, credentials=first["Credentials"])
    wish: dict[str, Any] = {"RoleArn": f"{ROLES}Chained", "RoleSessionName": "ann"}
    too_long = refusal(lambda: chained.assume_role(**wish, DurationSeconds=3601))
    assert too_long == ("ValidationError", 400)
    other = refusal(lambda: chained.assume_role(**wish, SourceIdentity="bob"))
    assert other == ("AccessDenied", 403)
    overwritten = refusal(lambda: chained.assume_role(**wish, Tags=[{"Key": "team", "Value": "x"}]))
    assert overwritten == ("ValidationError", 400)
    assert chained.assume_role(**wish, DurationSeconds=3600)["SourceIdentity"] == "ann"


def test_temporary_credentials_get_no_federation_token(standin: StandIn) -> None:
    sts = sts_client(standin)
    role = sts.assume_role(RoleArn=FREE, RoleSessionName="ann")["Credentials"]
    federated = sts.get_federation_token(Name="ann")["Credentials"]
    denied = ("AccessDenied", 403)
    for credentials in (role, federated):
        session = sts_client(standin, credentials=credentials)
        assert refusal(lambda: session.get_federation_token(Name="ann")) == denied  # noqa: B023
    assumed = sts_client(standin, credentials=federated).assume_role
    assert refusal(lambda: assumed(RoleArn=FREE, RoleSessionName="ann")) == denied


def test_expired_credentials_are_called_expired(
    standin: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = sts_client(standin).assume_role(
        RoleArn=DEVELOPER, RoleSessionName="ann", DurationSeconds=900
    )
    clock.ahead = timedelta(seconds=901)
    later = datetime.now(UTC) + clock.ahead
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: later)
    sts = sts_client(standin, credentials=answer["Credentials"])
    assert refusal(sts.get_caller_identity) == ("ExpiredToken", 403)


@pytest.mark.parametrize("part", ["SecretAccessKey", "SessionToken", "AccessKeyId"])
def test_altered_credentials_are_worth_nothing(standin: StandIn, part: str) -> None:
    answer = sts_client(standin).assume_role(RoleArn=DEVELOPER, RoleSessionName="ann")
    issued: Mapping[str, Any] = answer["Credentials"]
    credentials = {**issued, part: issued[part][:-1] + "#"}
    expected = "SignatureDoesNotMatch" if part == "SecretAccessKey" else "InvalidClientTokenId"
    call = sts_client(standin, credentials=credentials).get_caller_identity
    assert refusal(call) == (expected, 403)


IDENTITY = {"Action": "GetCallerIdentity"}


def test_a_signature_worked_out_by_hand_is_accepted(standin: StandIn) -> None:
    answer = call_by_hand(standin, IDENTITY)
    assert answer.status_code == 200
    assert "<Arn>arn:aws:iam::111111111111:user/broker</Arn>" in answer.text


@pytest.mark.parametrize(
    ("signing", "code", "reason"),
    [
        ({"secret": "wrong"}, "SignatureDoesNotMatch", "signature we calculated"),
        ({"service": "s3"}, "SignatureDoesNotMatch", "scoped to correct service"),
        ({"region": "moon-1"}, "SignatureDoesNotMatch", "valid region"),
        ({"day": "20200101"}, "SignatureDoesNotMatch", "Date in Credential scope"),
        ({"key_id": "AKIANOBODYNOBODYNOBO"}, "InvalidClientTokenId", "token included"),
        ({"late": timedelta(minutes=6)}, "SignatureDoesNotMatch", "Signature expired"),
        ({"late": timedelta(minutes=-6)}, "SignatureDoesNotMatch", "not yet current"),
    ],
)
def test_a_signature_that_is_not_right_is_refused(
    standin: StandIn, signing: dict[str, Any], code: str, reason: str
) -> None:
    answer = call_by_hand(standin, IDENTITY, **signing)
    assert answer.status_code == 403
    assert f"<Code>{code}</Code>" in answer.text
    assert reason in answer.text
    assert BROKER.secret_access_key not in answer.text


def test_a_body_other_than_the_signed_one_is_refused(standin: StandIn) -> None:
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    digest = hashlib.sha256(body.encode()).hexdigest()
    headers = {"X-Amz-Content-SHA256": digest}
    request = AWSRequest("POST", f"{standin.sts_url}/", headers=headers, data=body)
    credentials = Credentials(BROKER.access_key_id, BROKER.secret_access_key)
    botocore.auth.SigV4Auth(credentials, "sts", "us-east-1").add_auth(request)
    signed, url = dict(request.headers), f"{standin.sts_url}/"
    assert requests.post(url, data=body, headers=signed, timeout=5).status_code == 200
    assert requests.post(url, data=body + "&", headers=signed, timeout=5).status_code == 403


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({}, "MissingAuthenticationToken", 403),
        ({"Authorization": "Bearer x"}, "IncompleteSignature", 400),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a"}, "IncompleteSignature", 400),
    ],
)
def test_nobody_is_served_without_a_signature(
    standin: StandIn, headers: Mapping[str, str], code: str, status: int
) -> None:
    answer = requests.post(f"{standin.sts_url}/", data=IDENTITY, headers=headers, timeout=5)
    assert answer.status_code == status
    assert f"<Code>{code}</Code>" in answer.text


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Action": "AssumeRole"}, "ValidationError"),
        ({"Action": "AssumeRoleWithSAML"}, "InvalidAction"),
        ({**IDENTITY, "Version": "2010-01-01"}, "InvalidAction"),
        ({**IDENTITY, "Name": "ann"}, "InvalidQueryParameter"),
        ({"Action": "GetFederationToken", "Name": "a"}, "ValidationError"),
        (
            {"Action": "GetFederationToken", "Name": "ann", "SourceIdentity": "ann"},
            "InvalidQueryParameter",
        ),
        (
            {"Action": "GetFederationToken", "Name": "ann", "DurationSeconds": "899"},
            "ValidationError",
        ),
        (
            {"Action": "GetFederationToken", "Name": "ann", "DurationSeconds": "1h"},
            "MalformedInput",
        ),
        (
            {
                "Action": "GetFederationToken",
                "Name": "ann",
                "Tags.member.2.Key": "a",
                "Tags.member.2.Value": "b",
            },
            "MalformedInput",
        ),
    ],
)
def test_calls_that_no_client_would_send_are_refused(
    standin: StandIn, form: Mapping[str, str], code: str
) -> None:
    answer = call_by_hand(standin, form)
    assert answer.status_code == 400
    assert f"<Code>{code}</Code>" in answer.text


def test_what_was_asked_is_seen_to_the_letter(standin: StandIn) -> None:
    sts_client(standin).assume_role(RoleArn=DEVELOPER, RoleSessionName="ann", DurationSeconds=900)
    (seen,) = standin.requests
    assert (seen.method, seen.path, seen.status) == ("POST", "/", 200)
    assert seen.parameters == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": DEVELOPER,
        "RoleSessionName": "ann",
        "DurationSeconds": "900",
    }


def test_a_client_that_stays_uses_one_connection(standin: StandIn) -> None:
    sts = sts_client(standin)
    for _ in range(3):
        sts.get_caller_identity()
    assert standin.connections == 1
    sts_client(standin).get_caller_identity()
    assert standin.connections == 2
