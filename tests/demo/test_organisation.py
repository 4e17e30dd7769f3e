"""The demo's organisation: every role opens in the stand-in, but one broken on purpose."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ruamel.yaml import YAML

from accounts.aws_rules.destinations import parse_destination
from demo.standin import Config, ConfigError, StandIn
from demo.standin.organisation import (
    ACCESS_FILE,
    BROKEN_TRUST,
    SourceKey,
    config_from_access_file,
    generate_keys,
    shared_config,
)
from demo.standin.partitions import is_console_url, region_of_console_url

CONTENT: dict[str, Any] = YAML(typ="safe", pure=True).load(ACCESS_FILE.read_text(encoding="utf-8"))
ROLES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (account, {**CONTENT["defaults"], **role})
    for account in CONTENT["accounts"]
    for role in account["roles"]
]


def _destinations() -> Iterator[tuple[str, dict[str, Any], dict[str, Any], str, str]]:
    """Yield where every role and every bookmark leads."""
    by_name = {(account["alias"], role["name"]): (account, role) for account, role in ROLES}
    for (alias, name), (account, role) in by_name.items():
        yield f"{alias}/{name}", account, role, "", ""
    for mark in CONTENT["bookmarks"]:
        account, role = by_name[mark["account"], mark["role"]]
        yield mark["name"], account, role, mark["destination"], mark.get("region", "")


@pytest.fixture(scope="module")
def keys() -> dict[str, SourceKey]:
    return generate_keys()


@pytest.fixture(scope="module")
def standin(keys: Mapping[str, SourceKey]) -> Iterator[StandIn]:
    with StandIn(config_from_access_file(ACCESS_FILE, keys)) as running:
        yield running


@pytest.fixture(scope="module")
def clients(standin: StandIn, keys: Mapping[str, SourceKey]) -> dict[str, Any]:
    session, regions = boto3.Session(), {"aws": "us-east-1", "aws-cn": "cn-north-1"}
    return {
        source: session.client(
            "sts",
            region_name=regions[key.partition],
            endpoint_url=standin.sts_url,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )
        for source, key in keys.items()
    }


def launch(client: Any, account: Mapping[str, Any], role: Mapping[str, Any]) -> str:
    """Ask STS for all that the access file asks for; return the session's ARN."""
    wish: dict[str, Any] = {
        "PolicyArns": [{"arn": arn} for arn in role.get("policy_arns", ())],
        "Tags": [{"Key": key, "Value": "ann"} for key in role.get("session_tags", ())],
    }
    if "session_policy" in role:
        wish["Policy"] = str(role["session_policy"]).replace("'", '"')
    if role.get("method") == "federation_token":
        seconds = role.get("max_session_seconds", role["session_seconds"])
        answer = client.get_federation_token(Name="ann", DurationSeconds=seconds, **wish)
        return str(answer["FederatedUser"]["Arn"])
    if "external_id" in role:
        wish["ExternalId"] = role["external_id"]
    if role.get("set_source_identity"):
        wish["SourceIdentity"] = "ann"
    partition = account.get("partition", "aws")
    answer = client.assume_role(
        RoleArn=f"arn:{partition}:iam::{account['id']}:role/{role['name']}",
        RoleSessionName="ann",
        DurationSeconds=role.get("max_session_seconds", role.get("session_seconds", 3600)),
        **wish,
    )
    return str(answer["AssumedRoleUser"]["Arn"])


@pytest.mark.parametrize(
    ("account", "role"),
    [
        pytest.param(account, role, id=f"{account['alias']}-{role['name']}")
        for account, role in ROLES
        if (account["id"], role["name"]) not in BROKEN_TRUST
    ],
)
def test_every_role_of_the_demo_opens(
    clients: Mapping[str, Any], account: Mapping[str, Any], role: Mapping[str, Any]
) -> None:
    arn = launch(clients[role["source"]], account, role)
    assert arn.startswith(f"arn:{account.get('partition', 'aws')}:sts::{account['id']}:")


def test_the_role_that_is_broken_on_purpose_says_so_and_is_denied(
    clients: Mapping[str, Any],
) -> None:
    (broken,) = BROKEN_TRUST
    ((account, role),) = [row for row in ROLES if (row[0]["id"], row[1]["name"]) == broken]
    assert "broken on purpose" in role["title"]
    with pytest.raises(ClientError, match="AccessDenied"):
        launch(clients["default"], account, role)


def test_the_demo_is_as_large_and_as_varied_as_it_says() -> None:
    accounts = CONTENT["accounts"]
    assert len(accounts) >= 12
    assert len(ROLES) == 30
    assert {account.get("partition", "aws") for account in accounts} == {"aws", "aws-cn"}
    environments = {account["environment"] for account in accounts}
    assert environments == {"production", "staging", "development", "sandbox", "audit"}
    methods = Counter(role.get("method", "assume_role") for _, role in ROLES)
    assert methods == {"assume_role": 28, "federation_token": 2}
    used = {key for _, role in ROLES for key in role}
    assert used >= {
        "console_seconds",
        "external_id",
        "max_session_seconds",
        "policy_arns",
        "session_policy",
        "session_tags",
        "set_source_identity",
        "require",
    }


def test_bob_has_one_role_and_carol_none() -> None:
    members = {group["name"]: group["members"] for group in CONTENT["groups"]}
    granted = {grant.get("group") for grant in CONTENT["grants"]}
    assert [grant["role"] for grant in CONTENT["grants"] if grant.get("user") == "bob"] == [
        "ReadOnly"
    ]
    assert not [name for name, people in members.items() if "bob" in people]
    of_carol = {name for name, people in members.items() if "carol" in people}
    assert of_carol == {"newcomers"}
    assert not of_carol & granted
    assert {person for people in members.values() for person in people} == {"ann", "carol", "dana"}


def test_grants_and_bookmarks_name_what_exists() -> None:
    known = {(account["alias"], role["name"]) for account, role in ROLES}
    named = [
        (row["account"], row["role"])
        for row in (*CONTENT["grants"], *CONTENT["bookmarks"])
        if isinstance(row["account"], str) and row["account"] != "*" and row["role"] != "*"
    ]
    assert named
    assert set(named) <= known


@pytest.mark.parametrize(
    ("name", "account", "role", "destination", "region"), list(_destinations())
)
def test_every_destination_is_a_console_page_of_its_partition(
    name: str, account: Mapping[str, Any], role: Mapping[str, Any], destination: str, region: str
) -> None:
    partition = account.get("partition", "aws")
    place = parse_destination(
        destination,
        region,
        partition=partition,
        account_id=account["id"],
        role_destination=role.get("destination", ""),
        role_region=role["region"],
    )
    assert is_console_url(place.url, partition), name
    assert region_of_console_url(place.url) == place.region


def test_keys_are_new_each_time_and_shown_by_no_repr(keys: Mapping[str, SourceKey]) -> None:
    other = generate_keys()
    assert keys.keys() == other.keys() == {"default", "china"}
    assert keys["default"].secret_access_key != other["default"].secret_access_key
    assert keys["default"].secret_access_key not in repr(keys)
    config = config_from_access_file(ACCESS_FILE, keys)
    assert keys["default"].secret_access_key not in repr(config)
    assert Config.from_json(config.to_json()) == config


def test_the_shared_configuration_gives_each_source_its_profile(
    keys: Mapping[str, SourceKey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    path.write_text(shared_config(keys))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for profile, source, region in (
        (None, "default", "us-east-1"),
        ("china", "china", "cn-north-1"),
    ):
        session = boto3.Session(profile_name=profile)
        credentials = session.get_credentials()
        assert credentials is not None
        assert credentials.access_key == keys[source].access_key_id
        assert session.region_name == region


def test_a_source_in_two_partitions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "access.yaml"
    text = ACCESS_FILE.read_text(encoding="utf-8")
    path.write_text(re.sub("source: china", "source: default", text), encoding="utf-8")
    with pytest.raises(ConfigError, match="source default"):
        generate_keys(path)
