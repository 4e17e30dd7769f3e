"""IAM, as far as somebody needs it who tries the demo: roles are written, users get permissions.

What is refused is refused in AWS's words, with the field that it is about. A role is put whole, new
or not; an account that is not there yet is made with its first role. What was put is laid over the
world that the stand-in was started with, and kept in a file where there is one.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from demo.standin.config import (
    ALL_ACTIONS,
    AwsAccount,
    Config,
    ConfigError,
    IamUser,
    TrustedRole,
    role_from,
)
from demo.standin.partitions import CONSOLE_HOSTS
from demo.standin.policies import (
    check_permission_policy,
    check_size,
    check_trust_policy,
    principals,
)
from demo.standin.refusals import Refusal

POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
ROLE_NAME = re.compile(r"(?:[!-~]{1,510}/)?[\w+=,.@-]{1,64}", re.ASCII)
# "IAM and AWS STS quotas": characters without white space, of a user all policies together.
TRUST_LIMIT, ROLE_LIMIT, USER_LIMIT = 2048, 10_240, 2048


@dataclass(eq=False)
class Unfit(Exception):
    """IAM does not take what a field of a form says; the sentence is for whoever filled it in."""

    field: str
    sentence: str


@dataclass(frozen=True)
class RoleForm:
    """A role as a form gives it; the texts are as they were typed.

    ``partition`` counts for an account that is not there yet. Empty ``permissions`` are an
    administrator's.
    """

    account_id: str = ""
    name: str = ""
    partition: str = "aws"
    trust_policy: str = ""
    permissions: str = ""
    max_session_seconds: str = "3600"


@dataclass(frozen=True)
class PolicyForm:
    """One of a user's policies as a form gives it."""

    arn: str
    name: str = ""
    policy: str = ""


@dataclass
class Kept:
    """What was put since the world was made.

    Roles by account id, partition and name; a user's policies by its ARN and their names.
    """

    roles: dict[tuple[str, str, str], TrustedRole] = field(default_factory=dict)
    user_policies: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return all of it as JSON; it holds no secret."""
        roles = [
            {"account_id": account_id, "partition": partition, "role": asdict(role)}
            for (account_id, partition, _), role in self.roles.items()
        ]
        return json.dumps({"roles": roles, "user_policies": self.user_policies}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Kept":
        """Read what ``to_json`` wrote; raises ConfigError."""
        try:
            data = json.loads(text)
            roles = {
                (one["account_id"], one["partition"], one["role"]["name"]): role_from(one["role"])
                for one in data["roles"]
            }
            return cls(roles, dict(data["user_policies"]))
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"not what IAM kept: {type(error).__name__}: {error}") from None


class Iam:
    """The IAM of one stand-in.

    ``become`` is told the world after each change. ``path`` is the file that remembers what was put
    for the next start; without one it ends with the stand-in. Raises ConfigError for a file that
    cannot be read.
    """

    def __init__(
        self, config: Config, become: Callable[[Config], None], path: Path | None = None
    ) -> None:
        self._become = become
        self._path = path
        self._lock = Lock()
        self._kept = Kept()
        if path is not None and path.exists():
            self._kept = Kept.from_json(path.read_text(encoding="utf-8"))
        self.config = _with_all(config, self._kept)

    def put_role(self, form: RoleForm) -> None:
        """Write a role whole; raises Unfit for what IAM would not take."""
        with self._lock:
            account = self.config.accounts_by_id.get(form.account_id)
            partition = account.partition if account else form.partition
            role = _role(form)
            _require_one_name(role.name, account)
            _require_known_principals(form.trust_policy, self.config)
            self._kept.roles[form.account_id, partition, role.name] = role
            self._changed(with_role(self.config, form.account_id, partition, role))

    def put_user_policy(self, form: PolicyForm) -> None:
        """Write one of a user's policies, or delete it where the text is empty.

        Raises Unfit for what IAM would not take.
        """
        if not POLICY_NAME.fullmatch(form.name):
            raise Unfit("name", "A policy's name has at most 128 letters, digits and _+=,.@-.")
        if form.policy:
            _check("policy", lambda: check_permission_policy(form.policy))
        with self._lock:
            policies = {**self.policies(form.arn), form.name: form.policy}
            policies = {name: text for name, text in policies.items() if text}
            _check("policy", lambda: check_size(policies.values(), USER_LIMIT))
            self._kept.user_policies[form.arn] = policies
            self._changed(with_user_policies(self.config, form.arn, policies))

    def policies(self, arn: str) -> dict[str, str]:
        """Return a user's policies by name; raises KeyError where there is no such user."""
        return policies_of({user_arn(user, self.config): user for user in self.config.users}[arn])

    def _changed(self, config: Config) -> None:
        if self._path is not None:
            fresh = self._path.with_suffix(".fresh")
            fresh.write_text(self._kept.to_json(), encoding="utf-8")
            fresh.replace(self._path)
        self._become(config)


def with_role(config: Config, account_id: str, partition: str, role: TrustedRole) -> Config:
    """Return the world with that role as it is here, in its account."""
    account = config.accounts_by_id.get(account_id)
    if account is None:
        account = AwsAccount(account_id, partition, environment="")
    there = role.name in account.roles_by_name
    if there:
        roles = tuple(role if old.name == role.name else old for old in account.roles)
    else:
        roles = (*account.roles, role)
    changed = replace(account, roles=roles)
    if account_id in config.accounts_by_id:
        accounts = tuple(changed if old is account else old for old in config.accounts)
    else:
        accounts = (*config.accounts, changed)
    return Config(config.users, accounts)


def with_user_policies(config: Config, arn: str, policies: Mapping[str, str]) -> Config:
    """Return the world in which a user has these policies; an unknown user changes nothing."""

    def after(user: IamUser) -> IamUser:
        if user_arn(user, config) != arn:
            return user
        return replace(user, allowed=(), policy="", policies=tuple(policies.items()))

    return Config(tuple(map(after, config.users)), config.accounts)


def policies_of(user: IamUser) -> dict[str, str]:
    """Return a user's policies by name, as IAM would show them."""
    if user.policies:
        return dict(user.policies)
    if user.policy:
        return {"policy": user.policy}
    if not user.allowed:
        return {}
    statement = {"Effect": "Allow", "Action": list(user.allowed), "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"whatever-sts-can-do": json.dumps(document, indent=2)}


def user_arn(user: IamUser, config: Config) -> str:
    """Return a user's ARN."""
    return config.accounts_by_id[user.account_id].iam_arn(f"user/{user.name}")


def trust_policy_of(role: TrustedRole, account: AwsAccount) -> str:
    """Return a role's trust policy as IAM would show it."""
    if role.trust_policy:
        return role.trust_policy
    # A trust policy names somebody; this says no more than that its own account decides.
    principal = {"AWS": _one_or_many(role.trusted or (account.iam_arn("root"),))}
    enter: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if role.external_id:
        enter["Condition"] = {"StringEquals": {"sts:ExternalId": role.external_id}}
    rides_along = [
        action
        for action, allowed in (
            ("sts:SetSourceIdentity", role.allows_set_source_identity),
            ("sts:TagSession", role.allows_tag_session),
        )
        if allowed
    ]
    statements = [enter]
    if rides_along:
        statements.append({**enter, "Action": _one_or_many(rides_along)})
        statements[-1].pop("Condition", None)
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def _one_or_many(texts: tuple[str, ...] | list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else list(texts)


def _with_all(config: Config, kept: Kept) -> Config:
    for (account_id, partition, _), role in kept.roles.items():
        config = with_role(config, account_id, partition, role)
    for arn, policies in kept.user_policies.items():
        config = with_user_policies(config, arn, policies)
    return config


def _role(form: RoleForm) -> TrustedRole:
    if not re.fullmatch(r"\d{12}", form.account_id, re.ASCII):
        raise Unfit("account_id", "An account id has 12 digits.")
    if form.partition not in CONSOLE_HOSTS:
        raise Unfit("partition", f"There is no partition {form.partition}.")
    if not ROLE_NAME.fullmatch(form.name) or form.name.startswith("/") or "//" in form.name:
        raise Unfit(
            "name",
            "A role's name has at most 64 letters, digits and _+=,.@-, with its path before it: "
            "team/Developer.",
        )
    _check("trust_policy", lambda: check_trust_policy(form.trust_policy))
    _check("trust_policy", lambda: check_size([form.trust_policy], TRUST_LIMIT))
    if form.permissions:
        _check("permissions", lambda: check_permission_policy(form.permissions))
        _check("permissions", lambda: check_size([form.permissions], ROLE_LIMIT))
    return TrustedRole(
        name=form.name,
        trusted=(),
        trust_policy=form.trust_policy,
        policy=form.permissions,
        allowed=ALL_ACTIONS,
        max_session_seconds=_seconds(form.max_session_seconds),
    )


def _check(name: str, check: Callable[[], None]) -> None:
    try:
        check()
    except Refusal as refusal:
        raise Unfit(name, refusal.message) from None


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 3600 <= int(text) <= 43200):
        raise Unfit(
            "max_session_seconds",
            "The maximum session duration is 3600 to 43200 seconds, 1 to 12 h.",
        )
    return int(text)


def _require_one_name(name: str, account: AwsAccount | None) -> None:
    """Refuse a name that is there under another path: in IAM the path tells no two roles apart."""
    own = name.rpartition("/")[2].lower()
    for role in account.roles if account else ():
        if role.name != name and role.name.rpartition("/")[2].lower() == own:
            raise Unfit("name", f"Role with name {own} already exists here, as {role.name}.")


def _require_known_principals(trust_policy: str, config: Config) -> None:
    known = _known_principals(config)
    for name in principals(trust_policy):
        if name != "*" and name not in known:
            raise Unfit("trust_policy", f'Invalid principal in policy: "AWS":"{name}"')


def _known_principals(config: Config) -> set[str]:
    names = {user_arn(user, config) for user in config.users}
    for account in config.accounts:
        names |= {account.account_id, account.iam_arn("root")}
        names |= {account.iam_arn(f"role/{role.name}") for role in account.roles}
    return names
