"""The forms of roles and accounts and the access file obey the same rules.

What a form accepts is exported and applied again without a change; what it refuses, the file
refuses too, at the key of that field.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.access_file import schema
from accounts.access_file.apply import Proposal
from accounts.access_file.export import export_text
from accounts.access_file.problems import AccessFileProblems
from accounts.models import Account, Bookmark, CredentialSource, Group, Role
from portal.admin.catalogue.account_form import AccountForm
from portal.admin.catalogue.role_form import RoleForm
from portal.admin.entering import length_text, pairs_text, read_length, read_pairs

pytestmark = pytest.mark.django_db

PAYMENTS = "222222222222"
CHINA = "444444444444"
NOTHING_TO_DO = "0 to add, 0 to change, 0 to remove"
STATEMENT = {"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}


def policy(**more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **more}]})


@contextmanager
def nothing_stays() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def entered(values: Mapping[str, Any]) -> dict[str, str]:
    """Values of the file as somebody would enter them."""
    shown: dict[type, Callable[[Any], str]] = {
        dict: pairs_text,
        list: "\n".join,
        bool: lambda value: "on" if value else "",
        int: str,
    }
    return {key: shown.get(type(value), str)(value) for key, value in values.items() if value}


def file_of(account: Mapping[str, Any]) -> bytes:
    file = {"version": "1", "accounts": [account], "sources": [{"name": "hub"}]}
    return json.dumps(file).encode()


def keys_that_the_file_refuses(account: Mapping[str, Any]) -> set[str]:
    try:
        schema.read(file_of(account))
    except AccessFileProblems as problems:
        return {problem.key for problem in problems.problems}
    return set()


def plan_of_the_export() -> str:
    return Proposal(export_text().encode(), file_name="x", prune=False).plan.summary


# --- roles -----------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        *("Developer", "team/Developer", "/Developer", "a//b", "a b", "x" * 65, "日本"),
        *("p/" * 256 + "x", "arn:aws:iam::333333333333:role/Developer"),
    ]
)
SECONDS = st.one_of(
    st.sampled_from([899, 900, 3600, 43_200, 43_201, 129_600, 129_601]), st.integers(0, 200_000)
)
POLICIES = st.sampled_from(
    [
        policy(),
        policy(Resource="arn:aws:s3:::x"),
        policy(Resource="arn:aws-cn:s3:::x"),
        policy(Sid="x" * 2_000),
        policy(Principal={"AWS": "*"}),
        policy(Effect="allow"),
        policy(Action="S3List"),
        policy(Extra=1),
        policy(Sid="日本"),
        '{"Statement": [{]}',
        '{"Statement": 1, "Statement": 2}',
        '{"Version": "2012-10-18", "Statement": []}',
        '"text"',
        "null",
        "[]",
        '{"Statement": []}',
    ]
)
ARNS = st.lists(
    st.sampled_from(
        [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
            f"arn:aws:iam::{PAYMENTS}:policy/team/x",
            "arn:aws:iam::333333333333:policy/x",
            "ReadOnlyAccess",
            f"arn:aws:iam::{PAYMENTS}:policy/{'y' * 120}",
        ]
    ),
    max_size=12,
)
TAGS = st.dictionaries(
    st.sampled_from(["team", "Team", "who", "aws:x", "k" * 129, "a: b", "x:y", "日本"]),
    st.sampled_from(["", "{username}", "{groups}:x", "{password}", "{", "a,b", "v" * 257, "aws:v"]),
    max_size=3,
)
ROLES = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "method": st.sampled_from(["assume_role", "federation_token"]),
        "source": st.sampled_from(["default", "hub"]),
        "session_seconds": SECONDS,
        "max_session_seconds": SECONDS,
        "console_seconds": SECONDS,
        "external_id": st.sampled_from(["ab", "a", "a b", "x" * 1_225, "Ab9_+=,.@:/-"]),
        "set_source_identity": st.booleans(),
        "session_policy": POLICIES,
        "policy_arns": ARNS,
        "session_tags": TAGS,
        "title": st.sampled_from(["Developer", "x" * 101, "a\tb", "日本"]),
        "region": st.sampled_from(
            ["eu-west-1", "EU-WEST-1", "cn-north-1", "nowhere", "us-east-9", "eu-mars-1"]
        ),
        "destination": st.sampled_from(["s3", "S3", "/sqs/home#/", "https://evil.example/", "a b"]),
        "disabled": st.booleans(),
    },
)


def account_with(role: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": PAYMENTS, "name": "Payments", "roles": [role], **more}


@given(role=ROLES)
@settings(max_examples=250, suppress_health_check=list(HealthCheck))
def test_form_and_file_accept_the_same_roles_and_mean_the_same_by_them(
    role: dict[str, Any],
) -> None:
    # Without a length each takes the method's own; of no length at all nobody speaks.
    role = {key: value for key, value in role.items() if value not in (0, [], {}, False)}
    with nothing_stays():
        CredentialSource.objects.get_or_create(name="hub")
        account = Account.objects.create(account_id=PAYMENTS, name="Payments")
        usual = {"method": "assume_role", "source": "default"}
        form = RoleForm({**usual, "account": account.pk, **entered(role)})
        refused = keys_that_the_file_refuses(account_with(role))
        if not form.is_valid():
            assert refused & set(form.errors), (dict(form.errors), refused)
            return
        assert refused == set()
        form.save()
        assert plan_of_the_export() == NOTHING_TO_DO
        plan = Proposal(file_of(account_with(role)), file_name="x", prune=False).plan
        assert plan.summary == NOTHING_TO_DO


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"method": "federation_token"}, "session_policy", "without, it may do nothing"),
        ({"session_seconds": "13 h"}, "session_seconds", "between 15 min and 12 h"),
        ({"session_seconds": "an hour"}, "session_seconds", "like 1 h, 90 min or 3600"),
        ({"max_session_seconds": "30 min"}, "max_session_seconds", "“Usual session”, 1 h"),
        ({"console_seconds": "13 h"}, "console_seconds", "between 15 min and 12 h"),
        ({"session_policy": '{"a": 1,\n "b" 2}'}, "session_policy", "line 2, column 6"),
        ({"session_policy": policy(Principal="*")}, "session_policy", "role’s trust policy"),
        ({"session_policy": "[]"}, "session_policy", "policy document with a Statement"),
        ({"session_policy": '{"Statement": []}'}, "session_policy", "needs a statement"),
        ({"session_policy": policy(Sid="x" * 2_048)}, "session_policy", "1 to 2048 characters"),
        (
            {"session_policy": policy(Sid="x" * 1_900), "policy_arns": "arn:aws:iam::aws:policy/x"},
            "policy_arns",
            None,
        ),
        ({"policy_arns": "arn:aws-cn:iam::aws:policy/x"}, "policy_arns", "must be the ARN"),
        ({"policy_arns": "\n".join(2 * ["arn:aws:iam::aws:policy/x"])}, "policy_arns", "twice"),
        ({"session_policy": policy(Resource="arn:aws-cn:s3:::x")}, "session_policy", "aws-cn"),
        ({"method": "federation_token"}, "session_policy", "GetFederationToken needs “Session p"),
        ({"session_policy": policy(Sid="\ud800")}, "session_policy", "half a character"),
        ({"session_policy": "[" * 300 + "]" * 300}, "session_policy", "nested too deeply"),
        ({"session_policy": '{"a":' * 450 + "1" + "}" * 450}, "session_policy", "too deeply"),
        ({"session_policy": "[" * 100_000 + "]" * 100_000}, "session_policy", "too deeply"),
        ({"session_tags": '"\\ud800": a'}, "session_tags", "Line 1 is no pair"),
        ({"session_tags": 'a: "\\ud800"'}, "session_tags", "Line 1 is no pair"),
        ({"session_tags": "who: {password}"}, "session_tags", "{username}, {email}, {groups}"),
        ({"session_tags": "who"}, "session_tags", "Line 1 is no pair"),
        ({"session_tags": "a: 1\na: 2"}, "session_tags", "Line 2: a stands twice"),
        ({"session_tags": "who: a,b"}, "session_tags", "letters, digits, spaces"),
        ({"external_id": "a b"}, "external_id", "may hold only"),
        ({"name": "/Developer"}, "name", "must not begin with a slash"),
        ({"region": "cn-north-1"}, "region", "partition aws"),
        ({"region": "eu-mars-1"}, "region", "partition aws"),
        ({"destination": "https://evil.example/"}, "destination", "not an address"),
    ],
)
def test_a_wrong_role_is_refused_with_the_reason_at_its_field(
    wrong: dict[str, str], field: str, says: str | None
) -> None:
    account = Account.objects.create(account_id=PAYMENTS)
    usual = {"name": "Developer", "method": "assume_role", "source": "default"}
    form = RoleForm({**usual, "account": account.pk, "session_seconds": "1 h", **wrong})
    assert form.is_valid() is (says is None)
    if says:
        assert list(form.errors) == [field]
        assert says.casefold() in str(form.errors[field][0]).casefold()


def test_a_key_in_a_reason_stays_as_it_was_typed() -> None:
    account = Account.objects.create(account_id=PAYMENTS)
    usual = {"name": "Developer", "method": "assume_role", "source": "default"}
    form = RoleForm({**usual, "account": account.pk, "session_tags": "who: {password}"})
    assert str(form.errors["session_tags"][0]).startswith("who: only")


def test_inline_and_managed_policies_are_measured_together() -> None:
    account = Account.objects.create(account_id=PAYMENTS)
    data = {"account": account.pk, "name": "D", "method": "assume_role", "source": "default"}
    room = 2_048 - len(json.dumps(json.loads(policy(Sid="")), separators=(",", ":")))
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    data |= {"policy_arns": arn, "session_policy": policy(Sid="x" * (room - len(arn)))}
    assert RoleForm(data).is_valid()
    data["session_policy"] = policy(Sid="x" * (room - len(arn) + 1))
    assert "together" in RoleForm(data).errors["policy_arns"][0]


def test_a_check_judges_and_is_never_valid() -> None:
    account = Account.objects.create(account_id=PAYMENTS)
    usual = {"name": "Developer", "method": "assume_role", "source": "default"}
    form = RoleForm({**usual, "account": account.pk, "_check": "1"})
    assert not form.is_valid()
    assert not form.errors


# --- accounts --------------------------------------------------------------------------------

ACCOUNTS = st.fixed_dictionaries(
    {"id": st.sampled_from([PAYMENTS, "22222222222", "2222222222222", "a" * 12, "\uff12" * 12])},
    optional={
        "partition": st.sampled_from(["aws", "aws-cn", "aws-eusc", "aws-iso"]),
        "alias": st.sampled_from(["payments", "Payments", "3" * 12, "x" * 64, "-"]),
        "name": st.sampled_from(["Payments", "x" * 101, "a\tb", "日本"]),
        "environment": st.sampled_from(["production", "very hot", "NO", "e" * 101]),
        "colour": st.sampled_from(["#b91c1c", "#B91C1C", "red", "#12345"]),
        "tags": st.dictionaries(
            st.sampled_from(["team", "k" * 129, "a: b", "x:", '"q"', "\u200b"]),
            st.sampled_from(["", "payments", "v" * 257, ": ", '"', "a:b", "a: b"]),
            max_size=3,
        ),
        "disabled": st.booleans(),
    },
)


@given(account=ACCOUNTS)
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_form_and_file_accept_the_same_accounts_and_mean_the_same_by_them(
    account: dict[str, Any],
) -> None:
    with nothing_stays():
        CredentialSource.objects.get_or_create(name="hub")
        values = dict(account)
        data = {"partition": "aws", "account_id": values.pop("id"), **entered(values)}
        form = AccountForm(data)
        refused = keys_that_the_file_refuses(account)
        if not form.is_valid():
            fields = {"id" if name == "account_id" else name for name in form.errors}
            assert refused & fields, (dict(form.errors), refused)
            return
        assert refused == set()
        form.save()
        assert plan_of_the_export() == NOTHING_TO_DO
        plan = Proposal(file_of(account), file_name="x", prune=False).plan
        assert plan.summary == NOTHING_TO_DO


def test_an_account_with_roles_of_its_partition_stays_in_it() -> None:
    account = Account.objects.create(account_id=PAYMENTS)
    role = Role.objects.create(account=account, name="Developer", region="eu-west-1")
    data = {"partition": "aws-cn", "environment": "other"}
    form = AccountForm({"account_id": PAYMENTS, **data}, instance=account)
    assert "“Developer”" in form.errors["partition"][0]
    role.delete()
    group = Group.objects.create(name="payments", origin="local")
    Bookmark.objects.create(
        group=group, name="Queues", account=account, role_name="x", region="eu-west-1"
    )
    form = AccountForm({"account_id": PAYMENTS, **data}, instance=account)
    assert "“Queues”" in form.errors["partition"][0]
    Bookmark.objects.all().delete()
    assert AccountForm({"account_id": PAYMENTS, **data}, instance=account).is_valid()


# --- values as people write them -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", 3600),
        ("1 h", 3600),
        ("1h", 3600),
        ("90 min", 5400),
        ("90m", 5400),
        ("1 h 30 min", 5400),
        ("2 hours", 7200),
        ("1 d", 86_400),
        ("45 s", 45),
        (" 12 H ", 43_200),
        ("", None),
        ("h", None),
        ("1.5 h", None),
        ("-1 h", None),
        ("an hour", None),
        ("1 h 1 h", None),
    ],
)
def test_a_length_is_read_as_people_write_it(text: str, seconds: int | None) -> None:
    assert read_length(text) == seconds


@given(st.integers(0, 200_000))
def test_a_length_that_is_shown_is_read_back(seconds: int) -> None:
    assert read_length(length_text(seconds)) == seconds


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1),
        st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))),
    )
)
def test_pairs_that_are_shown_are_read_back(pairs: dict[str, str]) -> None:
    assert read_pairs(pairs_text(pairs)) == pairs
