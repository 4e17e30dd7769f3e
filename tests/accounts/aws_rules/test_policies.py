"""What is shown to be pasted: right JSON, commands that bash reads back, Terraform in its form."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.aws_rules import limits
from accounts.aws_rules.partitions import PARTITIONS
from accounts.aws_rules.policies import (
    CLASSIC_MISTAKE,
    Asked,
    Policy,
    Text,
    maximum,
    permission_policy,
    policies,
    principal_of,
    trust_policy,
)
from demo.standin.evaluation import Attempt, allows
from tests.pasting import pasted, strict_json

BROKER = "arn:aws:iam::111111111111:user/ops/broker"
ROLE = Asked("assume_role", "aws", "222222222222", "team/Developer")
RIGHTS = '{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}/it\'s"}]}'  # noqa: E501
TOKEN = Asked("federation_token", "aws", "111111111111", "auditor", session_policy=RIGHTS)

NAMES = st.from_regex(r"\A(?:[!-.0-~]{1,20}/)?[A-Za-z0-9_+=,.@-]{1,64}\Z")
ROLES = st.builds(
    Asked,
    method=st.just("assume_role"),
    partition=st.sampled_from(sorted(PARTITIONS)),
    account_id=st.from_regex(r"\A[0-9]{12}\Z"),
    name=NAMES,
    longest_seconds=st.integers(900, 43_200),
    external_id=st.one_of(st.just(""), st.from_regex(r"\A[A-Za-z0-9_+=,.@:/-]{2,40}\Z")),
    has_tags=st.booleans(),
    sets_source_identity=st.booleans(),
)
TOKENS = st.builds(
    Asked,
    method=st.just("federation_token"),
    partition=st.sampled_from(sorted(PARTITIONS)),
    account_id=st.from_regex(r"\A[0-9]{12}\Z"),
    name=st.from_regex(r"\A[A-Za-z0-9_+=,.@-]{1,64}\Z"),
    has_tags=st.booleans(),
    session_policy=st.text(max_size=20).map(
        lambda text: json.dumps({"Statement": [{"Effect": "Allow", "Sid": text}]})
    ),
    policy_arns=st.sampled_from([(), ("arn:aws:iam::aws:policy/ReadOnlyAccess",)]),
)


def broker_of(asked: Asked) -> str:
    return BROKER.replace("arn:aws:", f"arn:{asked.partition}:")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pasting")


@given(asked=st.one_of(ROLES, TOKENS))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_commands_read_back_by_bash_are_the_documents_that_are_shown(
    asked: Asked, folder: Path
) -> None:
    for policy in policies(asked, principal_of(broker_of(asked), asked.partition)):
        documents = [strict_json(t.text) for t in policy.json if t.text.startswith("{")]
        for text in policy.cli:
            for command in pasted(text.text, folder):
                shown = [v for k, v in command.options.items() if k.endswith("-document")]
                assert [strict_json(value) for value in shown] in ([], documents)
                assert command.options.get("--role-name", asked.bare_name) == asked.bare_name
                region = command.options.get("--region")
                home = PARTITIONS[asked.partition].default_sts_region
                assert region == (None if asked.partition == "aws" else home)


@given(asked=st.one_of(ROLES, TOKENS))
@settings(max_examples=100)
def test_terraform_stands_in_line_and_holds_no_template_of_its_own(asked: Asked) -> None:
    for policy in policies(asked, principal_of(broker_of(asked), asked.partition)):
        require_terraform(policy)


def require_terraform(policy: Policy) -> None:
    """What ``terraform fmt`` wants of texts like ours; and no template sign is left open."""
    text = policy.terraform.text
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", text)
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert outside.count("{") == outside.count("}")
    blocks = re.split(r"\n\s*\n|\{\n|<<-JSON\n(?:.*\n)*?\s*JSON", text)
    for block in blocks:
        signs = {line.index(" = ") for line in block.splitlines() if re.match(r"\s*\w+ += ", line)}
        assert len(signs) <= 1, block


@pytest.mark.parametrize("asked", [ROLE, TOKEN, Asked("assume_role", "aws-cn", "2" * 12, "9")])
def test_terraform_finds_nothing_to_format(asked: Asked) -> None:
    for policy in policies(asked, principal_of(broker_of(asked), asked.partition)):
        require_terraform(policy)


@pytest.mark.parametrize(
    "broken",
    [
        'resource "aws_iam_role" "x" {\n  name = "x"\n  max_session_duration = 3600\n}',
        'resource "aws_iam_role" "x" {\n  name = "${x}"\n}',
        'resource "aws_iam_role" "x" {\n  name = "x"\n',
    ],
)
def test_terraform_that_stands_out_of_line_or_open_is_noticed(broken: str) -> None:
    policy = policies(ROLE, principal_of(BROKER, "aws"))[0]
    with pytest.raises(AssertionError):
        require_terraform(replace(policy, terraform=Text("", broken)))


def test_trust_lets_in_the_portal_with_the_external_id_and_nobody_else() -> None:
    asked = Asked(
        "assume_role", "aws", "222222222222", "Developer", external_id="ours", has_tags=True
    )
    trust = json.dumps(trust_policy(asked, principal_of(BROKER, "aws")))
    right = {"sts:ExternalId": "ours"}

    def may(action: str, who: str = BROKER, context: dict[str, str] = right) -> bool:
        return allows(trust, Attempt(action, "", [who], context))

    assert may("sts:AssumeRole")
    assert not may("sts:AssumeRole", context={"sts:ExternalId": "theirs"})
    assert not may("sts:AssumeRole", context={})
    assert not may("sts:AssumeRole", who="arn:aws:iam::111111111111:user/somebody")
    assert may("sts:TagSession", context={})
    assert not may("sts:SetSourceIdentity", context={})


def test_permission_is_for_this_role_alone_and_for_what_it_sets() -> None:
    asked = Asked("assume_role", "aws-cn", "222222222222", "team/Dev", sets_source_identity=True)
    document = json.dumps(permission_policy(asked, principal_of("", "aws-cn")))
    role = "arn:aws-cn:iam::222222222222:role/team/Dev"
    assert allows(document, Attempt("sts:AssumeRole", role))
    assert allows(document, Attempt("sts:SetSourceIdentity", role))
    assert not allows(document, Attempt("sts:TagSession", role))
    assert not allows(document, Attempt("sts:AssumeRole", role + "eloper"))


def test_a_token_needs_the_call_and_every_right_that_the_session_shall_have() -> None:
    asked = Asked(**{**vars(TOKEN), "policy_arns": ("arn:aws:iam::aws:policy/ViewOnlyAccess",)})
    permission, rights = policies(asked, principal_of(BROKER, "aws"))
    assert (permission.kind, rights.kind) == ("permission", "rights")
    token = Attempt("sts:GetFederationToken", "arn:aws:sts::111111111111:federated-user/ann")
    assert allows(permission.json[0].text, token)
    assert strict_json(rights.json[0].text) == json.loads(RIGHTS)
    assert rights.json[1].text == "arn:aws:iam::aws:policy/ViewOnlyAccess"
    assert "attach-user-policy" in rights.cli[0].text


def test_the_role_is_made_with_its_path_and_the_length_that_is_asked(tmp_path: Path) -> None:
    asked = Asked("assume_role", "aws", "222222222222", "team/Dev", longest_seconds=43_200)
    trust = policies(asked, principal_of(BROKER, "aws"))[0]
    create, update = (pasted(text.text, tmp_path) for text in trust.cli)
    assert create[0].verb == "create-role"
    assert create[0].options["--path"] == "/team/"
    assert create[0].options["--max-session-duration"] == "43200"
    assert [command.verb for command in update] == ["update-assume-role-policy", "update-role"]
    assert pasted(maximum(asked).cli[0].text, tmp_path) == [update[1]]
    assert Asked("assume_role", "aws", "2" * 12, "Dev", longest_seconds=900).maximum == 3_600


@pytest.mark.parametrize(
    ("identity", "arn", "name", "kind"),
    [
        (BROKER, BROKER, "broker", "user"),
        (
            "arn:aws-cn:sts::111111111111:assumed-role/Broker/i-0123",
            "arn:aws-cn:iam::111111111111:role/Broker",
            "Broker",
            "role",
        ),
    ],
)
def test_the_principal_is_the_identity_that_aws_named(
    identity: str, arn: str, name: str, kind: str
) -> None:
    principal = principal_of(identity, "aws")
    assert (principal.arn, principal.name, principal.kind) == (arn, name, kind)
    assert principal.is_known
    assert principal.may_lack_path == (kind == "role")
    permission = policies(ROLE, principal)[1]
    assert f"put-{kind}-policy" in permission.cli[0].text
    assert f"aws_iam_{kind}_policy" in permission.terraform.text


@pytest.mark.parametrize("identity", ["", "arn:aws:iam::111111111111:root", "nonsense"])
def test_an_identity_that_nobody_knows_is_words_in_capitals(identity: str) -> None:
    principal = principal_of(identity, "aws-cn")
    assert not principal.is_known
    assert "USER-OF-THE-PORTAL" in principal.arn
    assert ("111111111111" in principal.arn) == ("111111111111" in identity)


def test_names_of_policies_are_those_that_iam_takes() -> None:
    for name in ("x" * 64, "p/" * 200 + "x" * 64, "a!b~/Dev"):
        asked = Asked("assume_role", "aws", "222222222222", name)
        for policy in policies(asked, principal_of(BROKER, "aws")):
            for found in re.findall(r"--policy-name (\S+)", policy.cli[0].text):
                assert re.fullmatch(r"[\w+=,.@-]{1,128}", found.strip("'"))


TWINS = [
    ("assume_role", "a/b", "a.b"),
    ("assume_role", "team/Developer", "other/Developer"),
    ("assume_role", "a/b", "a.b" + "-x"),
    ("assume_role", "x" * 64, "p" * 100 + "/" + "x" * 64),
    ("assume_role", "p" * 100 + "/" + "a" * 64, "p" * 100 + "/" + "b" * 64),
    ("assume_role", "a-b", "a_b"),
    ("assume_role", "role_1", "1"),
    ("federation_token", "x", "x-rights"),
    ("federation_token", "Dev", "dev"),
]


@pytest.mark.parametrize(("method", "one", "other"), TWINS)
def test_what_is_pasted_for_one_role_replaces_nothing_of_anothers(
    method: str, one: str, other: str
) -> None:
    roles = [Asked(method, "aws", "222222222222", name, session_policy=RIGHTS)
             for name in (one, other)]  # fmt: skip
    roles.append(replace(roles[0], account_id="333333333333"))
    names: list[str] = []
    labels: list[str] = []
    for asked in roles:
        for policy in policies(asked, principal_of(BROKER, "aws")):
            text = policy.terraform.text
            labels += re.findall(r'^resource "\S+" "\S+"', text, re.MULTILINE)
            labels += re.findall(r'^data "\S+" "\S+"', text, re.MULTILINE)
            commands = " ".join(each.text for each in policy.cli)
            names += re.findall(r"--policy-name (\S+)", commands)
    assert len(set(names)) == len(names) >= 3
    assert len(set(labels)) == len(labels)
    assert all(len(name) <= 128 for name in names)
    assert all(re.search(r'"[a-z][a-z0-9_]*"$', label) for label in labels)


def test_the_classic_mistake_is_named_in_words_and_refused_as_a_session_policy() -> None:
    assert "Trust relationships" in CLASSIC_MISTAKE
    trust = json.dumps(trust_policy(ROLE, principal_of(BROKER, "aws")))
    problem = limits.problem_with_session_policy(trust)
    assert problem
    assert "trust policy" in str(problem)
