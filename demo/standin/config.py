"""What the stand-in's world holds: AWS accounts, their roles and trust, and IAM users with keys."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from demo.standin.evaluation import joined

ALL_ACTIONS = (
    "sts:AssumeRole",
    "sts:GetFederationToken",
    "sts:SetSourceIdentity",
    "sts:TagSession",
)


class ConfigError(ValueError):
    """The configuration cannot be; the text says what is wrong with which entry."""


@dataclass(frozen=True)
class IamUser:
    """An IAM user with one long-term access key.

    ``allowed`` are the STS actions it may call; its permission policy (JSON text) counts instead
    where there is one, or its inline ``policies`` together, pairs of a name and JSON text.
    """

    name: str
    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    allowed: tuple[str, ...] = ALL_ACTIONS
    policy: str = ""
    policies: tuple[tuple[str, str], ...] = ()

    @property
    def permissions(self) -> str:
        """All its policies as one, or an empty text where ``allowed`` counts."""
        if not self.policies:
            return self.policy
        return joined([text for _, text in self.policies])


@dataclass(frozen=True)
class TrustedRole:
    """An IAM role and its trust policy.

    ``name`` has its path before it (``team/Developer``). ``trusted`` holds ARNs of users, roles or
    whole accounts (``…:root``), or ``*``. ``external_id`` is required when it is not empty.
    ``max_session_seconds`` is the role's MaxSessionDuration, 3,600 to 43,200. ``allowed`` are the
    STS actions that a session of this role may call; its permissions, a ``policy`` (JSON text),
    count instead where there are any. A ``trust_policy`` (JSON text) counts instead of ``trusted``,
    ``external_id`` and what the role ``allows``.
    """

    name: str
    trusted: tuple[str, ...]
    external_id: str = ""
    allows_tag_session: bool = False
    allows_set_source_identity: bool = False
    max_session_seconds: int = 3600
    allowed: tuple[str, ...] = ()
    trust_policy: str = ""
    policy: str = ""


@dataclass(frozen=True)
class AwsAccount:
    """An AWS account. In ``disabled_regions`` its administrators have switched STS off."""

    account_id: str
    partition: str = "aws"
    name: str = ""
    environment: str = "other"
    roles: tuple[TrustedRole, ...] = ()
    disabled_regions: tuple[str, ...] = ()

    def iam_arn(self, resource: str) -> str:
        """Return the ARN of an IAM resource of this account, for example ``user/broker``."""
        return f"arn:{self.partition}:iam::{self.account_id}:{resource}"

    def sts_arn(self, resource: str) -> str:
        """Return the ARN of an STS session of this account."""
        return f"arn:{self.partition}:sts::{self.account_id}:{resource}"

    @cached_property
    def roles_by_name(self) -> Mapping[str, TrustedRole]:
        """The account's roles by name, path and all."""
        return {role.name: role for role in self.roles}


@dataclass(frozen=True)
class Config:
    """The whole world of one stand-in; raises ConfigError when it contradicts itself."""

    users: tuple[IamUser, ...]
    accounts: tuple[AwsAccount, ...]

    def __post_init__(self) -> None:
        _require_unique("account", [account.account_id for account in self.accounts])
        _require_unique("access key", [user.access_key_id for user in self.users])
        for account in self.accounts:
            _check_account(account)
        for user in self.users:
            if user.account_id not in self.accounts_by_id:
                raise ConfigError(f"user {user.name}: no account {user.account_id}")

    @cached_property
    def accounts_by_id(self) -> Mapping[str, AwsAccount]:
        """All accounts by their 12 digits."""
        return {account.account_id: account for account in self.accounts}

    @cached_property
    def users_by_key(self) -> Mapping[str, IamUser]:
        """All IAM users by access key id."""
        return {user.access_key_id: user for user in self.users}

    def to_json(self) -> str:
        """Return the configuration as JSON; it holds the users' secret keys."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """Read what ``to_json`` wrote; raises ConfigError."""
        try:
            data = json.loads(text)
            users = tuple(IamUser(**_with_tuples(user)) for user in data["users"])
            accounts = tuple(_account(account) for account in data["accounts"])
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"not a configuration: {type(error).__name__}: {error}") from None
        return cls(users, accounts)


def role_from(data: Mapping[str, Any]) -> TrustedRole:
    """Make a role of its fields as JSON has them; raises TypeError."""
    return TrustedRole(**_with_tuples(data))


def _account(data: Mapping[str, Any]) -> AwsAccount:
    roles = tuple(map(role_from, data.get("roles", ())))
    return AwsAccount(**{**_with_tuples(data), "roles": roles})


def _with_tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _check_account(account: AwsAccount) -> None:
    if not re.fullmatch(r"\d{12}", account.account_id, re.ASCII):
        raise ConfigError(f"account {account.account_id!r}: 12 digits are needed")
    _require_unique(f"account {account.account_id}: role", [role.name for role in account.roles])
    for role in account.roles:
        if not 3600 <= role.max_session_seconds <= 43200:
            raise ConfigError(f"role {role.name}: max_session_seconds is 3600 to 43200")


def _require_unique(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{what} {value} is there twice")
