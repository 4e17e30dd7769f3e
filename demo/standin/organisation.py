"""The stand-in's world for an access file: accounts, roles and trust that make its launches work.

Each credential source gets one IAM user in its own account. Every role trusts exactly the user of
its source, asks for the external id that the file gives, and allows what the file asks of it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from demo.standin.config import AwsAccount, Config, ConfigError, IamUser, TrustedRole
from demo.standin.sessions import random_id, random_secret

ACCESS_FILE = Path(__file__).resolve().parents[1] / "organisation.yaml"
# The demo's way to see a refusal: this role (account, name) trusts nobody.
BROKEN_TRUST = frozenset({("333333333333", "Deployer")})
BROKER = "sekisho-broker"
STS_REGIONS = {
    "aws": "us-east-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
}


@dataclass(frozen=True)
class SourceKey:
    """The long-term key of a source's IAM user; ``profile`` is empty for botocore's default chain.

    ``account_id`` is the user's own account, where its federation tokens belong.
    """

    profile: str
    account_id: str
    partition: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


def generate_keys(path: Path = ACCESS_FILE) -> dict[str, SourceKey]:
    """Make a new random key for every source that the file's roles use, by the source's name."""
    content = _read(path)
    profiles = {source["name"]: source.get("profile", "") for source in content.get("sources", ())}
    keys = {}
    for source in dict.fromkeys(role["source"] for _, role in _roles(content)):
        account_id, partition = _home(content, source)
        keys[source] = SourceKey(
            profile=profiles.get(source) or "",
            account_id=account_id,
            partition=partition,
            access_key_id="AKIA" + random_id(16),
            secret_access_key=random_secret(30),
        )
    return keys


def config_from_access_file(
    path: Path,
    keys: Mapping[str, SourceKey],
    broken_trust: Collection[tuple[str, str]] = BROKEN_TRUST,
) -> Config:
    """Return the world in which the file's launches succeed.

    ``broken_trust`` names roles, as (account id, role name), that trust nobody. Raises ConfigError
    where AWS could never do what the file asks.
    """
    content = _read(path)
    users = tuple(
        IamUser(BROKER, key.account_id, key.access_key_id, key.secret_access_key)
        for key in keys.values()
    )
    accounts = tuple(
        _account(account, content, keys, broken_trust) for account in content.get("accounts", ())
    )
    return Config(users, accounts)


def shared_config(keys: Mapping[str, SourceKey]) -> str:
    """Return the text of an AWS shared configuration file with a profile for each source.

    It holds the secret keys: give the file mode 0600 and name it in ``AWS_CONFIG_FILE``.
    """
    return "\n".join(
        f"[{f'profile {key.profile}' if key.profile else 'default'}]\n"
        f"region = {STS_REGIONS[key.partition]}\n"
        f"aws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
        for key in keys.values()
    )


def _read(path: Path) -> dict[str, Any]:
    content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ConfigError(f"{path.name}: not an access file")
    return content


def _roles(content: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield every account with each of its roles."""
    for account in content.get("accounts", ()):
        for role in _roles_of(account, content):
            yield account, role


def _roles_of(
    account: Mapping[str, Any], content: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield an account's roles, the file's defaults filled in."""
    defaults = {"source": "default", "method": "assume_role", **content.get("defaults", {})}
    for role in account.get("roles", ()):
        yield {**defaults, **role}


def _home(content: Mapping[str, Any], source: str) -> tuple[str, str]:
    """Return the account and partition of a source: where its federation tokens are filed."""
    uses = [(account, role) for account, role in _roles(content) if role["source"] == source]
    partitions = {account.get("partition", "aws") for account, _ in uses}
    federated = {account["id"] for account, role in uses if role["method"] == "federation_token"}
    if len(partitions) > 1 or len(federated) > 1:
        raise ConfigError(
            f"source {source}: its keys belong to one partition, its federation tokens to one "
            f"account, and the file names {sorted(partitions)} and {sorted(federated)}"
        )
    return min(federated, default=uses[0][0]["id"]), partitions.pop()


def _account(
    account: Mapping[str, Any],
    content: Mapping[str, Any],
    keys: Mapping[str, SourceKey],
    broken_trust: Collection[tuple[str, str]],
) -> AwsAccount:
    account_id = account["id"]
    roles = tuple(
        _role(role, keys, broken=(account_id, role["name"]) in broken_trust)
        for role in _roles_of(account, content)
        if role["method"] == "assume_role"
    )
    return AwsAccount(
        account_id=account_id,
        partition=account.get("partition", "aws"),
        name=account.get("name") or account.get("alias") or account_id,
        environment=account.get("environment", "other"),
        roles=roles,
    )


def _role(role: Mapping[str, Any], keys: Mapping[str, SourceKey], broken: bool) -> TrustedRole:
    key = keys[role["source"]]
    broker = f"arn:{key.partition}:iam::{key.account_id}:user/{BROKER}"
    longest = max(role.get("session_seconds", 3600), role.get("max_session_seconds") or 0)
    return TrustedRole(
        name=role["name"],
        trusted=() if broken else (broker,),
        external_id=role.get("external_id") or "",
        allows_tag_session=bool(role.get("session_tags")),
        allows_set_source_identity=bool(role.get("set_source_identity")),
        max_session_seconds=max(3600, longest),
    )
