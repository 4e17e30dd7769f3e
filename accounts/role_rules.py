"""What an account and a role may be: the same rules for the access file and the administration.

Each complaint names the key of the access file whose value will not do; the administration shows
it at the field of that name. Values judged by themselves come first: what they say together is
asked only where each of them is right.
"""

import re
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from accounts.aws_rules import limits
from accounts.aws_rules.destinations import LONGEST as LONGEST_DESTINATION
from accounts.aws_rules.destinations import parse_destination
from accounts.aws_rules.limits import Problem
from accounts.aws_rules.partitions import PARTITIONS, region_belongs
from accounts.errors import InvalidRequest, Seconds, gettext_noop
from accounts.lines import NOT_IN_A_KEY, problem_with_line
from accounts.models import Method

LONGEST_NAME = 100
LONGEST_PROFILE = 255
LONGEST_REGION = 32
LONGEST_ROLE = limits.ROLE_PATH_MAX + limits.ROLE_NAME_MAX
LONGEST_TAG_KEY = 128
LONGEST_TAG_VALUE = 256

ONLY_ASSUME_ROLE = ("console_seconds", "external_id", "set_source_identity")
"""Keys that a federation token cannot have."""
PLACEHOLDERS = ("{username}", "{email}", "{groups}")
BETWEEN_GROUPS = ":"
"""What stands between the names that are filled in for ``{groups}``."""

_NOT_GIVEN = (None, "", False)
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_ALIAS = re.compile(r"(?![0-9]{12}\Z)[a-z0-9-]{1,63}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_WORD = re.compile(r"\S+")
_ROLE_ARN = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[0-9]{12}):role/(?P<name>.+)", re.DOTALL
)

Complaint: TypeAlias = tuple[str, Problem]
"""A key and why its value will not do."""
Pairs: TypeAlias = tuple[tuple[str, str], ...]


class Key(str):
    """A key of the access file in a sentence; a page shows its field's name instead."""

    __slots__ = ()


class AccountValues(Protocol):
    """What an account is; the access file's specs and models' rows can be seen so."""

    @property
    def id(self) -> str: ...
    @property
    def partition(self) -> str: ...
    @property
    def alias(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def tags(self) -> Pairs: ...


class RoleValues(Protocol):
    """What a role is; lengths in seconds, ``session_policy`` compact JSON text or empty."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def session_seconds(self) -> int: ...
    @property
    def max_session_seconds(self) -> int | None: ...
    @property
    def console_seconds(self) -> int | None: ...
    @property
    def external_id(self) -> str: ...
    @property
    def session_policy(self) -> str: ...
    @property
    def policy_arns(self) -> tuple[str, ...]: ...
    @property
    def session_tags(self) -> Pairs: ...
    @property
    def set_source_identity(self) -> bool: ...
    @property
    def region(self) -> str: ...
    @property
    def destination(self) -> str: ...


# --- accounts --------------------------------------------------------------------------------


def complaints_about_account(account: AccountValues) -> Iterator[Complaint]:
    """Everything that an account cannot be."""
    checks = (
        ("id", problem_with_account_id(account.id)),
        ("partition", problem_with_partition(account.partition)),
        ("alias", account.alias and problem_with_alias(account.alias)),
        ("name", problem_with_line(account.name, LONGEST_NAME)),
        ("environment", _problem_with_environment_line(account.environment)),
        ("colour", account.colour and problem_with_colour(account.colour)),
        ("tags", limits.problem_with_number_of_tags(len(account.tags))),
    )
    yield from ((key, problem) for key, problem in checks if problem)
    yield from _pair_complaints("tags", account.tags)


def problem_with_account_id(text: str) -> Problem | None:
    """Why a text is no account's number."""
    return _unless(_ACCOUNT_ID, text, gettext_noop("must be 12 digits"))


def account_number_of(text: str) -> str:
    """Return the 12 digits of an account's number as AWS shows it, 1111-2222-3333; else the text.

    Spaces and hyphens mean nothing in a number.
    """
    digits = re.sub(r"[\s-]", "", text)
    return digits if _ACCOUNT_ID.fullmatch(digits) else text


def problem_with_partition(text: str) -> Problem | None:
    """Why a text names no partition that the portal serves."""
    if text in PARTITIONS:
        return None
    return Problem(gettext_noop("must be one of %(known)s"), {"known": ", ".join(PARTITIONS)})


def problem_with_alias(text: str) -> Problem | None:
    """Why a text is no alias."""
    reason = gettext_noop(
        "must be 1 to 63 lower-case letters, digits and hyphens, and not 12 digits"
    )
    return _unless(_ALIAS, text, reason)


def problem_with_environment(text: str) -> Problem | None:
    """Why a text is no environment."""
    return _unless(_WORD, text, gettext_noop("must be one word"))


def problem_with_colour(text: str) -> Problem | None:
    """Why a text is no colour."""
    return _unless(_COLOUR, text, gettext_noop("must look like #b91c1c"))


def _problem_with_environment_line(text: str) -> Problem | None:
    return problem_with_line(text, LONGEST_NAME) or problem_with_environment(text)


def _unless(pattern: re.Pattern[str], text: str, reason: str) -> Problem | None:
    return None if pattern.fullmatch(text) else Problem(reason)


def complaints_about_source(name: str, profile: str) -> Iterator[Complaint]:
    """Everything that a credential source cannot be."""
    checks = (
        ("name", problem_with_line(name, LONGEST_NAME)),
        ("profile", problem_with_line(profile, LONGEST_PROFILE)),
    )
    yield from ((key, problem) for key, problem in checks if problem)


# --- roles -----------------------------------------------------------------------------------


def complaints_about_role(
    role: RoleValues, account: AccountValues | None = None
) -> Iterator[Complaint]:
    """Everything that a role of that account cannot be; without one, what it could be in none."""
    found = list(_by_itself(role))
    yield from found
    if not found and role.method in limits.METHOD_LIMITS:
        yield from _length_complaints(role)
        yield from _method_complaints(role)
        yield from _tag_complaints(role)
        yield from _policy_complaints(role, account)
        if account is not None and account.partition in PARTITIONS:
            yield from place_complaints(role.destination, role.region, account)


def problem_with_method(text: str) -> Problem | None:
    """Why a text is no method."""
    if text in Method.values:
        return None
    return Problem(gettext_noop("must be %(known)s"), {"known": " or ".join(Method.values)})


def problem_with_pair(name: str, value: str) -> Problem | None:
    """Why a tag's key or value does not fit on a line; names the key."""
    if problem_with_line(name, LONGEST_TAG_KEY, NOT_IN_A_KEY):
        message = gettext_noop(
            "%(tag)s: a key has at most %(most)s characters, no line breaks or control characters"
        )
        return Problem(message, {"tag": name, "most": LONGEST_TAG_KEY})
    if problem_with_line(value, LONGEST_TAG_VALUE):
        message = gettext_noop(
            "%(tag)s: a value has at most %(most)s characters, no line breaks or control characters"
        )
        return Problem(message, {"tag": name, "most": LONGEST_TAG_VALUE})
    return None


def _by_itself(role: RoleValues) -> Iterator[Complaint]:
    checks = (
        ("name", _problem_with_name(role)),
        ("title", problem_with_line(role.title, LONGEST_NAME)),
        ("method", problem_with_method(role.method)),
        ("source", problem_with_line(role.source, LONGEST_NAME)),
        ("external_id", problem_with_line(role.external_id, limits.EXTERNAL_ID_MAX)),
        ("region", problem_with_line(role.region, LONGEST_REGION)),
        ("destination", problem_with_line(role.destination, LONGEST_DESTINATION)),
    )
    yield from ((key, problem) for key, problem in checks if problem)
    yield from _pair_complaints("session_tags", role.session_tags)


def role_name_of(text: str, account: AccountValues) -> str:
    """Return the name, with its path, of an ARN of that very account's role; else the text."""
    found = _ROLE_ARN.fullmatch(text)
    is_here = found and (found["partition"], found["account"]) == (account.partition, account.id)
    return found["name"] if found and is_here else text


def _problem_with_name(role: RoleValues) -> Problem | None:
    # A missing name is the reader's own sentence.
    if not role.name:
        return None
    return (
        problem_with_line(role.name, LONGEST_ROLE)
        or _problem_with_arn(role.name)
        or limits.problem_with_role_name(role.name, role.method)
    )


def _problem_with_arn(name: str) -> Problem | None:
    # IAM would take an ARN for a path; nobody means that.
    found = _ROLE_ARN.fullmatch(name)
    if found is None:
        return None
    message = gettext_noop(
        "it is the ARN of a role in account %(account)s, partition %(partition)s: only the name "
        "of a role of this account belongs here, its path before it, as in team/Developer"
    )
    return Problem(message, {"account": found["account"], "partition": found["partition"]})


def _pair_complaints(key: str, pairs: Pairs) -> Iterator[Complaint]:
    for name, value in pairs:
        if problem := problem_with_pair(name, value):
            yield key, problem


def _length_complaints(role: RoleValues) -> Iterator[Complaint]:
    problem = limits.problem_with_duration(role.session_seconds, role.method)
    if problem:
        yield "session_seconds", problem
    longest = role.max_session_seconds
    if longest is None:
        return
    if longest < role.session_seconds:
        yield (
            "max_session_seconds",
            Problem(
                gettext_noop("must be at least %(key)s, %(least)s"),
                {"key": Key("session_seconds"), "least": Seconds(role.session_seconds)},
            ),
        )
    elif problem := limits.problem_with_duration(longest, role.method):
        yield "max_session_seconds", problem


def _method_complaints(role: RoleValues) -> Iterator[Complaint]:
    if role.method == Method.FEDERATION_TOKEN:
        yield from _token_complaints(role)
        return
    if role.console_seconds is not None:
        problem = limits.problem_with_console_seconds(role.console_seconds)
        if problem:
            yield "console_seconds", problem
    if role.external_id and (problem := limits.problem_with_external_id(role.external_id)):
        yield "external_id", problem


def _token_complaints(role: RoleValues) -> Iterator[Complaint]:
    token = {"method": Key(Method.FEDERATION_TOKEN)}
    for key in ONLY_ASSUME_ROLE:
        if not any(getattr(role, key) is nothing for nothing in _NOT_GIVEN):
            yield key, Problem(gettext_noop("cannot be had with %(method)s"), token)
    if not role.session_policy and not role.policy_arns:
        needed = {
            **token,
            "policy": Key("session_policy"),
            "arns": Key("policy_arns"),
        }
        message = gettext_noop(
            "%(method)s needs %(policy)s or %(arns)s: without, it may do nothing"
        )
        yield "session_policy", Problem(message, needed)


def _tag_complaints(role: RoleValues) -> Iterator[Complaint]:
    values = {key: _without_placeholders(value) for key, value in role.session_tags}
    for key, value in values.items():
        if "{" in value or "}" in value:
            known = {"tag": key, "known": ", ".join(PLACEHOLDERS)}
            message = gettext_noop("%(tag)s: only %(known)s may stand in braces")
            yield "session_tags", Problem(message, known)
            return
    if problem := limits.problem_with_tags(values):
        yield "session_tags", problem


def _without_placeholders(value: str) -> str:
    for placeholder in PLACEHOLDERS:
        value = value.replace(placeholder, " ")
    return value


def _policy_complaints(role: RoleValues, account: AccountValues | None) -> Iterator[Complaint]:
    if len(set(role.policy_arns)) < len(role.policy_arns):
        yield "policy_arns", Problem(gettext_noop("one of them stands twice"))
    if role.session_policy and (problem := _problem_with_policy(role.session_policy, account)):
        yield "session_policy", problem
        return
    if account is not None and account.partition in PARTITIONS:
        problem = limits.problem_with_policy_arns(role.policy_arns, account.partition, account.id)
        if problem:
            yield "policy_arns", problem
            return
    if problem := limits.problem_with_session_policies(role.session_policy, role.policy_arns):
        yield "policy_arns", problem


def _problem_with_policy(policy: str, account: AccountValues | None) -> Problem | None:
    problem = limits.problem_with_session_policy(policy)
    if problem or account is None or account.partition not in PARTITIONS:
        return problem
    return limits.problem_with_policy_partition(policy, account.partition)


def place_complaints(destination: str, region: str, account: AccountValues) -> Iterator[Complaint]:
    """Why a destination and a region cannot be those of that account."""
    if region and not region_belongs(account.partition, region):
        yield (
            "region",
            Problem(
                gettext_noop("is not a region of the partition %(partition)s"),
                {"partition": account.partition},
            ),
        )
        return
    try:
        parse_destination(destination, region, partition=account.partition, account_id=account.id)
    except InvalidRequest as error:
        yield "destination", Problem(error.message, error.params)
