"""What may stand in a role of the access file, and in ``defaults``, which holds a role's keys."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from accounts.access_file.document import Mapping
from accounts.access_file.fields import Fields, Problems
from accounts.access_file.session_policy import policy_of
from accounts.access_file.specs import NOWHERE, AccountSpec, RoleSpec
from accounts.aws_rules import limits
from accounts.aws_rules.destinations import LONGEST as LONGEST_DESTINATION
from accounts.aws_rules.destinations import normal_place, parse_destination
from accounts.aws_rules.partitions import region_belongs
from accounts.errors import InvalidRequest
from accounts.models import DEFAULT_SOURCE, Method

LONGEST_NAME = 100
LONGEST_REGION = 32
LONGEST_ROLE = limits.ROLE_PATH_MAX + limits.ROLE_NAME_MAX

ROLE_KEYS = ("name", *RoleSpec.KEYS)
REQUIRE_KEYS = ("reason", "mfa", "approval")
NOT_YET_REQUIRED = ("mfa", "approval")
ONLY_ASSUME_ROLE = ("console_seconds", "external_id", "set_source_identity")
"""Keys that a federation token cannot have; from ``defaults`` they are left out for it."""

_NOT_GIVEN = (None, "", False)
PLACEHOLDERS = ("{username}", "{email}", "{groups}")

Complaint: TypeAlias = tuple[str, object]
"""A key and why its value will not do."""


def read_defaults(defaults: Fields | None) -> Mapping | None:
    """Check each value of ``defaults`` once; return those that will do, for the roles."""
    if defaults is None:
        return None
    found = Problems()
    _read_values(Fields(defaults.place, found), None)
    defaults.problems.found += found.found
    wrong = {problem.key.partition(".")[0] for problem in found.found}
    return _without(defaults.place, wrong)


def _without(mapping: Mapping, keys: set[str]) -> Mapping:
    kept = {key: node for key, node in mapping.entries.items() if key not in keys}
    return replace(mapping, entries=kept)


def read_role(entry: Fields, account: AccountSpec, defaults: Mapping | None) -> RoleSpec:
    """Read a role; its own values win over ``defaults``."""
    fields = Fields(entry.place, entry.problems, defaults)
    if defaults and fields.scalar("method") == Method.FEDERATION_TOKEN:
        fields.inherited = _without(defaults, set(ONLY_ASSUME_ROLE))
    if fields.node("name") is None:
        fields.wrong("name", "is required")
    before = len(fields.problems.found)
    role = _read_values(fields, account)
    if len(fields.problems.found) == before:
        for key, reason in _complaints(role, account):
            fields.wrong(key, reason)
    return role


def _read_values(fields: Fields, account: AccountSpec | None) -> RoleSpec:
    """Read every key by itself."""
    fields.expect(ROLE_KEYS)
    method = fields.text("method", LONGEST_NAME, _problem_with_method) or Method.ASSUME_ROLE
    seconds = fields.number("session_seconds")
    if seconds is None:
        seconds = limits.METHOD_LIMITS[method].seconds_default
    longest = fields.number("max_session_seconds")
    place = normal_place(
        fields.text("destination", LONGEST_DESTINATION), fields.text("region", LONGEST_REGION)
    )
    return RoleSpec(
        account=account.id if account else "",
        name=fields.text("name", LONGEST_ROLE),
        title=fields.text("title", LONGEST_NAME),
        method=str(method),
        source=fields.text("source", LONGEST_NAME) or DEFAULT_SOURCE,
        session_seconds=seconds,
        max_session_seconds=None if longest == seconds else longest,
        console_seconds=fields.number("console_seconds"),
        external_id=fields.text("external_id", limits.EXTERNAL_ID_MAX),
        session_policy=_policy(fields),
        policy_arns=fields.texts("policy_arns"),
        session_tags=fields.pairs("session_tags"),
        set_source_identity=fields.flag("set_source_identity"),
        region=place.region,
        destination=place.to,
        require=_require(fields),
        disabled=fields.flag("disabled"),
        place=fields.place if account else NOWHERE,
    )


def _problem_with_method(text: str) -> str | None:
    return None if text in Method.values else f"must be {' or '.join(Method.values)}"


def _policy(fields: Fields) -> str:
    node = fields.node("session_policy")
    try:
        return policy_of(node) if node is not None else ""
    except ValueError as error:
        fields.wrong("session_policy", error)
        return ""


def _require(fields: Fields) -> tuple[str, ...]:
    wanted = fields.nested("require")
    if wanted is None:
        return ()
    wanted.expect(REQUIRE_KEYS)
    asked = tuple(key for key in REQUIRE_KEYS if wanted.flag(key))
    for key in NOT_YET_REQUIRED:
        if key in asked:
            wanted.wrong(key, "is accepted only as false for now")
    return asked


# --- what a role's values say together -------------------------------------------------------


def _complaints(role: RoleSpec, account: AccountSpec) -> Iterator[Complaint]:
    checks = (
        ("name", limits.problem_with_role_name(role.name, role.method) if role.name else None),
        ("session_seconds", limits.problem_with_duration(role.session_seconds, role.method)),
        ("max_session_seconds", _problem_with_longest(role)),
        ("session_tags", _problem_with_session_tags(role)),
    )
    yield from ((key, reason) for key, reason in checks if reason)
    yield from _method_complaints(role)
    yield from _policy_complaints(role, account)
    yield from place_complaints(role.destination, role.region, account)


def _problem_with_longest(role: RoleSpec) -> object:
    if role.max_session_seconds is None:
        return None
    if role.max_session_seconds < role.session_seconds:
        return f"must be at least session_seconds, {role.session_seconds}"
    return limits.problem_with_duration(role.max_session_seconds, role.method)


def _problem_with_session_tags(role: RoleSpec) -> object:
    templates = dict(role.session_tags)
    values = {key: _without_placeholders(value) for key, value in templates.items()}
    for key, value in values.items():
        if "{" in value or "}" in value:
            return f"{key}: only {', '.join(PLACEHOLDERS)} may stand in braces"
    return limits.problem_with_tags(values)


def _without_placeholders(value: str) -> str:
    for placeholder in PLACEHOLDERS:
        value = value.replace(placeholder, " ")
    return value


def _method_complaints(role: RoleSpec) -> Iterator[Complaint]:
    if role.method == Method.FEDERATION_TOKEN:
        for key in ONLY_ASSUME_ROLE:
            if not any(getattr(role, key) is nothing for nothing in _NOT_GIVEN):
                yield key, "cannot be had with federation_token"
        if not role.session_policy and not role.policy_arns:
            yield "session_policy", "federation_token needs session_policy or policy_arns"
        return
    if role.console_seconds is not None:
        problem = limits.problem_with_console_seconds(role.console_seconds)
        if problem:
            yield "console_seconds", problem
    if role.external_id and (problem := limits.problem_with_external_id(role.external_id)):
        yield "external_id", problem


def _policy_complaints(role: RoleSpec, account: AccountSpec) -> Iterator[Complaint]:
    if len(set(role.policy_arns)) < len(role.policy_arns):
        yield "policy_arns", "one of them stands twice"
    if role.session_policy and (problem := limits.problem_with_session_policy(role.session_policy)):
        yield "session_policy", problem
        return
    yield from _checked(
        "policy_arns",
        limits.problem_with_policy_arns(role.policy_arns, account.partition, account.id)
        or limits.problem_with_session_policies(role.session_policy, role.policy_arns),
    )


def _checked(key: str, reason: object) -> Iterator[Complaint]:
    if reason:
        yield key, reason


def place_complaints(destination: str, region: str, account: AccountSpec) -> Iterator[Complaint]:
    """Why a destination and a region cannot be those of that account."""
    if region and not region_belongs(account.partition, region):
        yield "region", f"is not a region of the partition {account.partition}"
        return
    try:
        parse_destination(destination, region, partition=account.partition, account_id=account.id)
    except InvalidRequest as error:
        yield "destination", error.message % error.params
