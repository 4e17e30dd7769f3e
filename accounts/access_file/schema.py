"""What may stand in an access file: values with lines in, checked specs out.

Each value is judged by itself and beside its neighbours in the file. What needs the database as
well (does an account exist that a grant names) is the plan's business.
"""

from collections.abc import Iterable
from typing import TypeVar

from accounts.access_file.document import Mapping, parse
from accounts.access_file.fields import Fields, Problems, is_before
from accounts.access_file.problems import AccessFileProblems
from accounts.access_file.role_schema import read_defaults, read_role
from accounts.access_file.specs import (
    ANY_ACCOUNT,
    AccessFile,
    AccountSpec,
    BookmarkSpec,
    GrantSpec,
    GroupSpec,
    Identity,
    Pairs,
    RoleSpec,
    SourceSpec,
)
from accounts.aws_rules import limits
from accounts.aws_rules.destinations import LONGEST as LONGEST_DESTINATION
from accounts.aws_rules.destinations import normal_place
from accounts.models import ANY_ROLE, Method
from accounts.role_rules import (
    LONGEST_NAME,
    LONGEST_PROFILE,
    LONGEST_REGION,
    LONGEST_ROLE,
    problem_with_account_id,
    problem_with_alias,
    problem_with_colour,
    problem_with_environment,
    problem_with_partition,
)

VERSION = "1"
LONGEST_NOTE = 500

TOP_KEYS = ("version", "defaults", "sources", "accounts", "groups", "grants", "bookmarks")
SOURCE_KEYS = ("name", "profile")
ACCOUNT_KEYS = ("id", *AccountSpec.KEYS, "roles")
GROUP_KEYS = ("name", "members")
GRANT_KEYS = ("user", "group", "account", "role", "starts", "expires", "note")
BOOKMARK_KEYS = ("group", "name", *BookmarkSpec.KEYS)

Named = TypeVar("Named", SourceSpec, AccountSpec, RoleSpec, GroupSpec, BookmarkSpec)


def read(data: bytes) -> AccessFile:
    """Read an access file's bytes. Raises AccessFileProblems with every mistake that was found."""
    problems = Problems()
    top = Fields(parse(data), problems)
    file = _read_top(top)
    if problems.found:
        raise AccessFileProblems(problems.found)
    return file


def _read_top(top: Fields) -> AccessFile:
    top.expect(TOP_KEYS)
    if top.required("version", LONGEST_NAME) not in ("", VERSION):
        top.wrong("version", f"must be {VERSION}")
    accounts, roles = _read_accounts(top)
    return AccessFile(
        sources=_once("name", (_source(entry) for entry in top.entries("sources")), top.problems),
        accounts=accounts,
        roles=roles,
        groups=_once("name", (_group(entry) for entry in top.entries("groups")), top.problems),
        grants=tuple(_grant(entry) for entry in top.entries("grants")),
        bookmarks=_once("name", (_bookmark(e) for e in top.entries("bookmarks")), top.problems),
    )


def _once(key: str, specs: Iterable[Named], problems: Problems) -> tuple[Named, ...]:
    """Return the specs; one whose identity stands twice is a mistake that names both lines."""
    kept = tuple(specs)
    refuse_twice(
        key, [(spec.identity, spec.place) for spec in kept if all(spec.identity)], problems
    )
    return kept


def refuse_twice(key: str, values: Iterable[tuple[Identity, Mapping]], problems: Problems) -> None:
    """Note each value that came before, naming both lines."""
    first: dict[Identity, Mapping] = {}
    for value, place in values:
        if (other := first.setdefault(value, place)) is not place:
            reason = f"stands twice; the first is on line {other.line_of(key)}"
            problems.add(place.line_of(key), key, reason)


# --- sources, accounts, groups ---------------------------------------------------------------


def _source(entry: Fields) -> SourceSpec:
    entry.expect(SOURCE_KEYS)
    return SourceSpec(
        name=entry.required("name", LONGEST_NAME),
        profile=entry.text("profile", LONGEST_PROFILE),
        place=entry.place,
    )


def _read_accounts(top: Fields) -> tuple[tuple[AccountSpec, ...], tuple[RoleSpec, ...]]:
    defaults = read_defaults(top.nested("defaults"))
    accounts: list[AccountSpec] = []
    roles: list[RoleSpec] = []
    for entry in top.entries("accounts"):
        accounts.append(account := _account(entry))
        roles += _roles(entry, account, defaults)
    aliases = [((account.alias,), account.place) for account in accounts if account.alias]
    refuse_twice("alias", aliases, top.problems)
    return _once("id", accounts, top.problems), tuple(roles)


def _roles(entry: Fields, account: AccountSpec, defaults: Mapping | None) -> tuple[RoleSpec, ...]:
    roles = (read_role(role, account, defaults) for role in entry.entries("roles"))
    return _once("name", roles, entry.problems)


def _account(entry: Fields) -> AccountSpec:
    entry.expect(ACCOUNT_KEYS)
    return AccountSpec(
        id=entry.required("id", LONGEST_NAME, problem_with_account_id),
        partition=entry.text("partition", LONGEST_NAME, problem_with_partition) or "aws",
        alias=entry.text("alias", LONGEST_NAME, problem_with_alias),
        name=entry.text("name", LONGEST_NAME),
        environment=entry.text("environment", LONGEST_NAME, problem_with_environment) or "other",
        colour=entry.text("colour", LONGEST_NAME, problem_with_colour),
        tags=entry.tags("tags"),
        disabled=entry.flag("disabled"),
        place=entry.place,
    )


def _group(entry: Fields) -> GroupSpec:
    entry.expect(GROUP_KEYS)
    return GroupSpec(
        name=_required_name(entry, "name"), members=entry.people("members"), place=entry.place
    )


def _required_name(entry: Fields, key: str) -> str:
    if entry.node(key) is None:
        entry.wrong(key, "is required")
    return entry.person(key)


# --- grants and bookmarks --------------------------------------------------------------------


def _grant(entry: Fields) -> GrantSpec:
    entry.expect(GRANT_KEYS)
    user, group = _subject(entry)
    account, tags = _granted_account(entry)
    grant = GrantSpec(
        user=user,
        group=group,
        account=account,
        account_tags=tags,
        role=entry.required("role", LONGEST_ROLE, _problem_with_granted_role),
        starts=entry.moment("starts"),
        expires=entry.moment("expires"),
        note=entry.note("note", LONGEST_NOTE),
        place=entry.place,
    )
    if grant.starts and grant.expires and not is_before(grant.starts, grant.expires):
        entry.wrong("expires", "must be after starts")
    return grant


def _subject(entry: Fields) -> tuple[str, str]:
    named = [key for key in ("user", "group") if entry.node(key) is not None]
    if not named:
        entry.wrong("user", "a user or a group is required")
    if len(named) > 1:
        entry.wrong("group", "a grant is for a user or for a group, not both")
    return entry.person("user"), entry.person("group")


def _granted_account(entry: Fields) -> tuple[str, Pairs]:
    if not isinstance(entry.node("account"), Mapping):
        return entry.required("account", LONGEST_NAME), ()
    tags = entry.tags("account")
    if not tags:
        entry.wrong("account", "a tag selector names at least one tag")
    return "", tags


def _problem_with_granted_role(text: str) -> object:
    return None if text == ANY_ROLE else limits.problem_with_role_name(text, Method.ASSUME_ROLE)


def _bookmark(entry: Fields) -> BookmarkSpec:
    entry.expect(BOOKMARK_KEYS)
    place = normal_place(
        entry.text("destination", LONGEST_DESTINATION), entry.text("region", LONGEST_REGION)
    )
    return BookmarkSpec(
        group=_required_name(entry, "group"),
        name=entry.required("name", LONGEST_NAME),
        account=entry.required("account", LONGEST_NAME, _problem_with_one_account),
        role=entry.required(
            "role",
            LONGEST_ROLE,
            lambda text: limits.problem_with_role_name(text, Method.ASSUME_ROLE),
        ),
        destination=place.to,
        region=place.region,
        place=entry.place,
    )


def _problem_with_one_account(text: str) -> str | None:
    return "a bookmark names one account" if text == ANY_ACCOUNT else None
