"""What may stand in a role of the access file, and in ``defaults``, which holds a role's keys."""

from dataclasses import replace

from accounts.access_file.document import Mapping
from accounts.access_file.fields import Fields, Problems
from accounts.access_file.session_policy import policy_of
from accounts.access_file.specs import NOWHERE, AccountSpec, RoleSpec
from accounts.aws_rules import limits
from accounts.aws_rules.destinations import LONGEST as LONGEST_DESTINATION
from accounts.aws_rules.destinations import normal_place
from accounts.models import DEFAULT_SOURCE, Method
from accounts.role_rules import (
    LONGEST_NAME,
    LONGEST_REGION,
    LONGEST_ROLE,
    ONLY_ASSUME_ROLE,
    complaints_about_role,
    problem_with_method,
)

ROLE_KEYS = ("name", *RoleSpec.KEYS)
REQUIRE_KEYS = ("reason", "mfa", "approval")
NOT_YET_REQUIRED = ("mfa", "approval")


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
        for key, reason in complaints_about_role(role, account):
            fields.wrong(key, reason)
    return role


def _read_values(fields: Fields, account: AccountSpec | None) -> RoleSpec:
    """Read every key by itself."""
    fields.expect(ROLE_KEYS)
    method = fields.text("method", LONGEST_NAME, problem_with_method) or Method.ASSUME_ROLE
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
