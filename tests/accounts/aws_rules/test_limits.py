"""AWS's limits, held against botocore's own service models where these say a number."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from accounts.aws_rules import limits, names
from accounts.aws_rules.limits import (
    METHOD_LIMITS,
    Problem,
    problem_with_console_seconds,
    problem_with_duration,
    problem_with_external_id,
    problem_with_policy_arn,
    problem_with_policy_arns,
    problem_with_role_name,
    problem_with_session_policies,
    problem_with_session_policy,
    problem_with_tag,
    problem_with_tags,
    role_arn,
)
from accounts.errors import InvalidRequest

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}],
}


def statement(**more: object) -> str:
    """A policy of one statement, right but for what a test changes in it."""
    right = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    return json.dumps({"Statement": [{**right, **more}]})


def shapes(service: str) -> Mapping[str, Any]:
    model = Loader().load_service_model(service, "service-2")
    found: Mapping[str, Any] = model["shapes"]
    return found


def said(problem: Problem | None) -> str:
    assert problem is not None
    return str(problem)


def test_numbers_are_those_of_the_sts_and_iam_service_models() -> None:
    sts, iam = shapes("sts"), shapes("iam")
    assume, federate = METHOD_LIMITS["assume_role"], METHOD_LIMITS["federation_token"]
    expected = {
        (assume.seconds_min, assume.seconds_max): sts["roleDurationSecondsType"],
        (federate.seconds_min, federate.seconds_max): sts["durationSecondsType"],
        (names.NAME_MIN, names.SESSION_NAME_MAX): sts["roleSessionNameType"],
        (names.NAME_MIN, names.FEDERATION_NAME_MAX): sts["userNameType"],
        (1, limits.SESSION_POLICY_CHARACTERS_MAX): sts["sessionPolicyDocumentType"],
        (limits.POLICY_ARN_MIN, limits.POLICY_ARN_MAX): sts["arnType"],
        (limits.EXTERNAL_ID_MIN, limits.EXTERNAL_ID_MAX): sts["externalIdType"],
        (1, limits.TAG_KEY_MAX): sts["tagKeyType"],
        (0, limits.TAG_VALUE_MAX): sts["tagValueType"],
        (1, limits.ROLE_NAME_MAX): iam["roleNameType"],
        (1, limits.ROLE_PATH_MAX): iam["pathType"],
    }
    for ours, shape in expected.items():
        assert ours == (shape["min"], shape["max"])
    assert sts["tagListType"]["max"] == limits.TAGS_MAX


def test_numbers_that_only_the_guide_says() -> None:
    assert (limits.POLICY_ARNS_MAX, limits.CHAINED_SECONDS_MAX) == (10, 3_600)
    assert (limits.CONSOLE_SECONDS_MIN, limits.CONSOLE_SECONDS_MAX) == (900, 43_200)
    assert METHOD_LIMITS["assume_role"].seconds_default == 3_600
    assert METHOD_LIMITS["federation_token"].seconds_default == 43_200


@pytest.mark.parametrize(
    ("method", "longest"), [("assume_role", 43_200), ("federation_token", 129_600)]
)
def test_credentials_live_from_900_seconds_to_the_methods_maximum(
    method: str, longest: int
) -> None:
    assert problem_with_duration(900, method) is None
    assert problem_with_duration(longest, method) is None
    for seconds in (-1, 0, 899, longest + 1):
        assert said(problem_with_duration(seconds, method)) == (
            f"must be between 900 s and {longest} s"
        )


def test_console_session_lasts_from_900_seconds_to_twelve_hours() -> None:
    assert problem_with_console_seconds(900) is None
    assert problem_with_console_seconds(43_200) is None
    assert "43200" in said(problem_with_console_seconds(43_201))
    assert "900" in said(problem_with_console_seconds(899))


@pytest.mark.parametrize("value", ["ab", "x" * 1_224, "Ab9_+=,.@:/-"])
def test_external_id_that_aws_takes(value: str) -> None:
    assert problem_with_external_id(value) is None


@pytest.mark.parametrize("value", ["", "a", "x" * 1_225, "a b", "a*b", "caf\u00e9", "ab\n"])
def test_external_id_that_aws_refuses(value: str) -> None:
    assert said(problem_with_external_id(value))


def test_session_policy_that_aws_takes() -> None:
    assert problem_with_session_policy(json.dumps(POLICY)) is None
    assert problem_with_session_policy(json.dumps(POLICY, indent=2)) is None
    one = {"Effect": "Deny", "NotAction": ["iam:*", "*"], "NotResource": "arn:aws:s3:::x/*"}
    assert problem_with_session_policy(json.dumps({"Statement": one})) is None


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("", "1 to 2048"),
        (json.dumps(POLICY) + " " * 2_048, "1 to 2048"),
        ('{"Statement": [], "Id": "\u65e5"}', "U+00FF"),
        ('{"Statement": []\x0b}', "U+00FF"),
        ("not json", "JSON"),
        ("[" * 2_048, "JSON"),
        ("[]", "Statement"),
        ('"Statement"', "Statement"),
        ('{"Version": "2012-10-17"}', "Statement"),
        ('{"Statement": "Allow"}', "Statement"),
        ('{"Version": "2012-10-18", "Statement": []}', "2012-10-17"),
        ('{"Version": "2012-10-17", "Statement": []}', "needs a statement"),
        ('{"Statement": ["Allow"]}', "must be a mapping"),
        (statement(Principal={"AWS": "*"}), "trust policy"),
        (statement(NotPrincipal="*"), "trust policy"),
        (statement(Actions="s3:*"), "knows no “Actions”"),
        (statement(Effect="allow"), "Allow or Deny"),
        (statement(Action="S3List"), "“S3List” is no action"),
        (statement(Action=[]), "empty list"),
        (statement(Action=["s3:*", 1]), "“1” is no action"),
        (statement(NotAction="s3:*"), "either Action or NotAction"),
        (statement(Resource="my-bucket"), "“my-bucket” is no resource"),
        ('{"Statement": [{"Effect": "Allow", "Action": "*"}]}', "either Resource or NotResource"),
    ],
)
def test_session_policy_that_aws_refuses_says_why(policy: str, reason: str) -> None:
    assert reason in said(problem_with_session_policy(policy))


def test_resources_of_another_partition_are_refused_and_named() -> None:
    for arn in ("arn:aws-cn:s3:::x", "arn:aws:s3:::x"):
        mixed = statement(Resource=["*", "arn:*:s3:::x", arn])
        ours, theirs = ("aws", "aws-cn") if "cn" in arn else ("aws-cn", "aws")
        assert limits.problem_with_policy_partition(mixed, theirs) is None
        assert arn in said(limits.problem_with_policy_partition(mixed, ours))


def test_inline_and_managed_session_policies_share_2048_characters() -> None:
    arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"] * 2
    room = 2_048 - sum(map(len, arns))
    assert problem_with_session_policies("x" * room, arns) is None
    assert problem_with_session_policies(None, arns) is None
    assert "2049" in said(problem_with_session_policies("x" * (room + 1), arns))


@pytest.mark.parametrize(
    ("arn", "partition"),
    [
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "aws"),
        ("arn:aws:iam::aws:policy/job-function/Billing", "aws"),
        ("arn:aws:iam::222222222222:policy/team/S3", "aws"),
        ("arn:aws-cn:iam::aws:policy/ReadOnlyAccess", "aws-cn"),
    ],
)
def test_policy_arn_that_aws_takes(arn: str, partition: str) -> None:
    assert problem_with_policy_arn(arn, partition, "222222222222") is None


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "ReadOnlyAccess",
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:role/ReadOnlyAccess",
        "arn:aws:s3::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::2222:policy/Team",
        "arn:aws:iam::222222222222:policy/",
        "arn:aws:iam::222222222222:policy/a b",
        "arn:aws:iam::222222222222:policy/" + "x" * 129,
        "arn:aws:iam::222222222222:policy/" + "x/" * 1_100 + "y",
        "arn:aws:iam::222222222222:policy/Team\n",
        "iam::aws:policy/ReadOnlyAccess",
    ],
)
def test_text_that_is_no_policy_arn_of_the_partition_is_refused(arn: str) -> None:
    assert "arn:aws:iam::aws:policy/" in said(problem_with_policy_arn(arn, "aws"))


def test_p18_managed_policy_of_another_account_is_refused() -> None:
    arn = "arn:aws:iam::333333333333:policy/Team"
    assert problem_with_policy_arn(arn, "aws") is None
    assert "222222222222" in said(problem_with_policy_arn(arn, "aws", "222222222222"))
    assert "222222222222" in said(problem_with_policy_arns([arn], "aws", "222222222222"))


def test_at_most_ten_policy_arns() -> None:
    arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"] * 11
    assert problem_with_policy_arns(arns[:10], "aws", "222222222222") is None
    assert "at most 10" in said(problem_with_policy_arns(arns, "aws", "222222222222"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("team", "payments"),
        ("team", ""),
        ("k" * 128, "v" * 256),
        ("_.:/=+-@ 9", "a:b:c on-call_1+2=3@x/y."),
        ("\u90e8\u7f72", "\u7d4c\u7406 \u0663"),
    ],
)
def test_tag_that_aws_takes(key: str, value: str) -> None:
    assert problem_with_tag(key, value) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "payments"),
        ("k" * 129, "payments"),
        ("team", "v" * 257),
        ("team", "a,b"),
        ("team", "a\nb"),
        ("team", "{username}"),
        ("te*am", "payments"),
        ("aws:team", "payments"),
        ("AWS:team", "payments"),
        ("team", "aws:payments"),
        ("team", "e\u0301"),
    ],
)
def test_tag_that_aws_refuses_is_named(key: str, value: str) -> None:
    assert f"“{key[:128]}”" in said(problem_with_tag(key, value))


def test_at_most_fifty_tags_whose_keys_differ_in_more_than_case() -> None:
    tags = {f"key{number}": "value" for number in range(51)}
    assert "at most 50" in said(problem_with_tags(tags))
    assert problem_with_tags(dict(list(tags.items())[:50])) is None
    assert "upper and lower case" in said(problem_with_tags({"Team": "a", "team": "b"}))
    assert "“team”" in said(problem_with_tags({"env": "x", "team": "a,b"}))


@pytest.mark.parametrize(
    "name", ["Developer", "team/Developer", "a/b!~/c_+=,.@-", "x" * 64, "p" * 510 + "/Developer"]
)
def test_iam_role_name_with_its_path(name: str) -> None:
    assert problem_with_role_name(name, "assume_role") is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/Developer",
        "/team/Developer",
        "team/",
        "team//Developer",
        "../Developer",
        "./Developer",
        "team/..",
        "..",
        "a b",
        "te am/Developer",
        "te\u00e4m/Developer",
        "Devel\u00f6per",
        "x" * 65,
        "p" * 511 + "/Developer",
        "Developer\n",
        "team\n/Developer",
    ],
)
def test_name_that_iam_or_a_link_cannot_carry_is_refused(name: str) -> None:
    assert said(problem_with_role_name(name, "assume_role"))


def test_role_arns_tail_pasted_with_its_slash_is_told_about_the_slash() -> None:
    assert "slash" in said(problem_with_role_name("/team/Developer", "assume_role"))


def test_federation_token_entry_has_a_name_and_no_path() -> None:
    assert problem_with_role_name("auditor", "federation_token") is None
    assert "no path" in said(problem_with_role_name("team/auditor", "federation_token"))


@given(st.text(max_size=80), st.sampled_from(sorted(METHOD_LIMITS)))
def test_checks_answer_whatever_they_are_given(text: str, method: str) -> None:
    answers = [
        problem_with_external_id(text),
        problem_with_session_policy(text),
        problem_with_policy_arn(text, "aws"),
        problem_with_tag(text, text),
        problem_with_role_name(text, method),
    ]
    assert all(answer is None or str(answer) for answer in answers)


def test_role_arn_carries_partition_account_and_path() -> None:
    assert role_arn("aws", "222222222222", "Developer") == (
        "arn:aws:iam::222222222222:role/Developer"
    )
    assert role_arn("aws-us-gov", "222222222222", "team/Developer") == (
        "arn:aws-us-gov:iam::222222222222:role/team/Developer"
    )
    with pytest.raises(InvalidRequest):
        role_arn("aws-iso", "222222222222", "Developer")
