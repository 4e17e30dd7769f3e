"""Pastes what the portal shows into a bash, with an ``aws`` that notes what it was told.

So a test sees what the AWS CLI would: bash itself has taken the quotes apart.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demo.standin import AwsAccount, Config, TrustedRole

_AWS = """#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done >> "$TOLD"
printf '\\1' >> "$TOLD"
"""


@dataclass(frozen=True)
class Command:
    """One call of ``aws iam``: its verb and options."""

    verb: str
    options: Mapping[str, str]

    def document(self, option: str) -> dict[str, Any]:
        """An option's policy document, read strictly."""
        return strict_json(self.options[option])


def pasted(text: str, folder: Path) -> list[Command]:
    """Run a text in bash and return what ``aws`` was told, in order."""
    told = folder / "told"
    told.write_bytes(b"")
    aws = folder / "aws"
    aws.write_text(_AWS, encoding="utf-8")
    aws.chmod(0o700)
    environment = {"PATH": f"{folder}:{os.defpath}", "TOLD": str(told)}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=text,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    calls = told.read_text(encoding="utf-8").split("\1")[:-1]
    return [_command(call.split("\0")[:-1]) for call in calls]


def _command(words: list[str]) -> Command:
    service, verb, *rest = words
    assert service == "iam"
    names, values = rest[::2], rest[1::2]
    assert len(names) == len(values) == len(set(names))
    assert all(name.startswith("--") for name in names)
    return Command(verb, dict(zip(names, values, strict=True)))


def strict_json(text: str) -> dict[str, Any]:
    """Read JSON as AWS does: no key twice, nothing that is no JSON."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    def refuse(word: str) -> Any:
        raise AssertionError(word)

    found = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def applied(config: Config, account_id: str, commands: list[Command]) -> Config:
    """The stand-in's world after an administrator of an account has run these commands."""
    for command in commands:
        config = _APPLY[command.verb](config, account_id, command.options)
    return config


def _update_trust(config: Config, account_id: str, options: Mapping[str, str]) -> Config:
    trust = options["--policy-document"]
    return _with_role(config, account_id, options["--role-name"], trust_policy=trust)


def _update_role(config: Config, account_id: str, options: Mapping[str, str]) -> Config:
    longest = int(options["--max-session-duration"])
    return _with_role(config, account_id, options["--role-name"], max_session_seconds=longest)


def _create_role(config: Config, account_id: str, options: Mapping[str, str]) -> Config:
    role = TrustedRole(
        name=(options.get("--path", "/") + options["--role-name"]).removeprefix("/"),
        trusted=(),
        trust_policy=options["--assume-role-policy-document"],
        max_session_seconds=int(options["--max-session-duration"]),
    )
    account = config.accounts_by_id[account_id]
    return _with_account(config, replace(account, roles=(*account.roles, role)))


def _put_user_policy(config: Config, account_id: str, options: Mapping[str, str]) -> Config:
    def after(user: Any) -> Any:
        is_it = (user.name, user.account_id) == (options["--user-name"], account_id)
        return replace(user, policy=options["--policy-document"]) if is_it else user

    return Config(tuple(map(after, config.users)), config.accounts)


_APPLY = {
    "create-role": _create_role,
    "update-assume-role-policy": _update_trust,
    "update-role": _update_role,
    "put-user-policy": _put_user_policy,
}


def _with_role(config: Config, account_id: str, name: str, **changed: Any) -> Config:
    account = config.accounts_by_id[account_id]
    there = [role for role in account.roles if role.name.rpartition("/")[2] == name]
    assert len(there) == 1, f"no role {name} in account {account_id}"
    roles = [replace(role, **changed) if role in there else role for role in account.roles]
    return _with_account(config, replace(account, roles=tuple(roles)))


def _with_account(config: Config, account: AwsAccount) -> Config:
    others = (other for other in config.accounts if other.account_id != account.account_id)
    return Config(config.users, (account, *others))
