"""What the database holds, in the access file's own form.

A ``Snapshot`` is the bare rows, cheap to take again and compare: that is how ``apply`` sees that
nothing moved since the plan was made. A ``State`` is the same as specs. People's own bookmarks and
the members of directory groups are no part of it: no file says anything about them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from accounts.access_file.fields import utc_text
from accounts.access_file.specs import (
    ANY_ACCOUNT,
    AccountSpec,
    BookmarkSpec,
    GrantSpec,
    GroupSpec,
    Identity,
    RoleSpec,
    SourceSpec,
    sorted_pairs,
)
from accounts.aws_rules.policy_text import canonical_policy
from accounts.models import (
    DEFAULT_SOURCE,
    Account,
    Bookmark,
    CredentialSource,
    Grant,
    Group,
    Membership,
    Origin,
    Role,
)

Rows: TypeAlias = list[tuple[Any, ...]]
AnySpec = TypeVar("AnySpec", SourceSpec, AccountSpec, RoleSpec, GroupSpec, GrantSpec, BookmarkSpec)


@dataclass(frozen=True)
class Snapshot:
    """The rows that a file speaks of, in the order of their keys."""

    sources: Rows
    accounts: Rows
    roles: Rows
    groups: Rows
    memberships: Rows
    grants: Rows
    bookmarks: Rows


def take_snapshot() -> Snapshot:
    """Read the rows: one query a table."""
    local_members = Membership.objects.filter(group__origin=Origin.LOCAL)
    shared = Bookmark.objects.filter(group__isnull=False)
    return Snapshot(
        sources=_rows(CredentialSource, "name", "profile", "from_file"),
        accounts=_rows(Account, *ACCOUNT_COLUMNS, "from_file"),
        roles=_rows(Role, "id", "account_id", "name", *ROLE_COLUMNS, "from_file"),
        groups=_rows(Group, "id", "name", "origin", "from_file"),
        memberships=_rows(local_members, "group__name", "user__username", "from_file"),
        grants=_rows(
            Grant,
            "id",
            "user__username",
            "group__name",
            "account_id",
            "account_tags",
            "role_name",
            "starts",
            "expires",
            "note",
            "from_file",
        ),
        bookmarks=_rows(
            shared,
            "id",
            "group__name",
            "name",
            "account_id",
            "role_name",
            "destination",
            "region",
            "from_file",
        ),
    )


ACCOUNT_COLUMNS = (
    "account_id",
    "partition",
    "alias",
    "name",
    "environment",
    "colour",
    "tags",
    "disabled",
)
"""All that an account is, for the file and in what the record is told of it."""

ROLE_COLUMNS = (
    "title",
    "method",
    "source_id",
    "session_seconds",
    "max_session_seconds",
    "console_seconds",
    "external_id",
    "session_policy",
    "policy_arns",
    "session_tags",
    "set_source_identity",
    "region",
    "destination",
    "require_reason",
    "disabled",
)
"""All that a role is, beside its account and name."""


def _rows(source: Any, *columns: str) -> Rows:
    queryset = source if hasattr(source, "values_list") else source.objects.all()
    return list(queryset.order_by("pk").values_list(*columns))


@dataclass(frozen=True, slots=True)
class Held(Generic[AnySpec]):
    """A row as a spec: whether it came from the file, and its key where it has a number."""

    spec: AnySpec
    from_file: bool
    row_id: int | None = None


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """A group with its members, each with whether the file put them there.

    Those of a directory group are the directory's business and not known here.
    """

    spec: GroupSpec
    from_file: bool
    row_id: int
    members: Mapping[str, bool] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether file or admin made it, else it is the directory's."""
        return self.spec.origin == Origin.LOCAL


@dataclass(frozen=True)
class State:
    """Every row by its identity.

    ``doubled`` are grants beside an equal one that counts more.
    """

    sources: dict[Identity, Held[SourceSpec]]
    accounts: dict[Identity, Held[AccountSpec]]
    roles: dict[Identity, Held[RoleSpec]]
    groups: dict[Identity, HeldGroup]
    grants: dict[Identity, Held[GrantSpec]]
    bookmarks: dict[Identity, Held[BookmarkSpec]]
    doubled: tuple[Held[GrantSpec], ...] = ()


def state_of(snapshot: Snapshot) -> State:
    """Turn rows into specs."""
    weighed = _in_order_of_weight(map(_grant, snapshot.grants))
    grants = _by_identity(weighed)
    return State(
        sources=_by_identity(_sources(snapshot.sources)),
        accounts=_by_identity(map(_account, snapshot.accounts)),
        roles=_by_identity(map(_role, snapshot.roles)),
        groups=_groups(snapshot),
        grants=grants,
        bookmarks=_by_identity(map(_bookmark, snapshot.bookmarks)),
        doubled=tuple(held for held in weighed if held is not grants[held.spec.identity]),
    )


def _by_identity(rows: Iterable[Held[AnySpec]]) -> dict[Identity, Held[AnySpec]]:
    return {held.spec.identity: held for held in rows}


def _sources(rows: Rows) -> Iterator[Held[SourceSpec]]:
    # It exists without being named, and without a row.
    yield Held(SourceSpec(DEFAULT_SOURCE), from_file=False)
    for name, profile, from_file in rows:
        yield Held(SourceSpec(name, profile), from_file)


def _account(row: tuple[Any, ...]) -> Held[AccountSpec]:
    account_id, partition, alias, name, environment, colour, tags, disabled, from_file = row
    spec = AccountSpec(
        id=account_id,
        partition=partition,
        alias=alias or "",
        name=name,
        environment=environment,
        colour=colour,
        tags=sorted_pairs(tags),
        disabled=disabled,
    )
    return Held(spec, from_file)


def _role(row: tuple[Any, ...]) -> Held[RoleSpec]:
    row_id, account_id, name, *values, from_file = row
    columns = dict(zip(ROLE_COLUMNS, values, strict=True))
    seconds = columns["session_seconds"]
    longest = columns.pop("max_session_seconds")
    spec = RoleSpec(
        account=account_id,
        name=name,
        source=columns.pop("source_id"),
        require=("reason",) if columns.pop("require_reason") else (),
        max_session_seconds=None if longest == seconds else longest,
        session_policy=_policy(columns.pop("session_policy")),
        policy_arns=tuple(columns.pop("policy_arns")),
        session_tags=sorted_pairs(columns.pop("session_tags")),
        **columns,
    )
    return Held(spec, from_file, row_id)


def _policy(text: str) -> str:
    try:
        return canonical_policy(text) if text else ""
    except ValueError:
        return text


def _groups(snapshot: Snapshot) -> dict[Identity, HeldGroup]:
    members: dict[str, dict[str, bool]] = {}
    for group, user, from_file in snapshot.memberships:
        members.setdefault(group, {})[user] = from_file
    held = {}
    for row_id, name, origin, from_file in snapshot.groups:
        own = members.get(name, {})
        spec = GroupSpec(name, tuple(sorted(own)), str(origin))
        held[spec.identity] = HeldGroup(spec, from_file, row_id, own)
    return held


def _grant(row: tuple[Any, ...]) -> Held[GrantSpec]:
    row_id, user, group, account_id, tags, role, starts, expires, note, from_file = row
    spec = GrantSpec(
        user=user or "",
        group=group or "",
        account=account_id or ("" if tags else ANY_ACCOUNT),
        account_tags=() if account_id else sorted_pairs(tags),
        role=role,
        starts=utc_text(starts),
        expires=utc_text(expires),
        note=note,
    )
    return Held(spec, from_file, row_id)


def _in_order_of_weight(rows: Iterable[Held[GrantSpec]]) -> list[Held[GrantSpec]]:
    """Put the one of several equal grants last that counts.

    One of the file's, because the file is compared with its own; which ends last; the oldest.
    """

    def weight(held: Held[GrantSpec]) -> tuple[bool, str, int]:
        return held.from_file, held.spec.expires or "~", -(held.row_id or 0)

    return sorted(rows, key=weight)


def _bookmark(row: tuple[Any, ...]) -> Held[BookmarkSpec]:
    row_id, group, name, account_id, role, destination, region, from_file = row
    spec = BookmarkSpec(group, name, account_id, role, destination, region)
    return Held(spec, from_file, row_id)
