"""A plan's changes as rows, in bulk and in the order in which rows need each other.

Away first, from what points to what is pointed at; then the rest the other way round. What a
plan changes is written like what it adds, over the row that is there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.contrib.auth.hashers import make_password
from django.db.models import Manager, Model

from accounts.access_file.plan import ADD, CHANGE, REMOVE, Change, Plan
from accounts.access_file.specs import (
    ANY_ACCOUNT,
    AccountSpec,
    BookmarkSpec,
    GrantSpec,
    GroupSpec,
    RoleSpec,
    SourceSpec,
    Spec,
)
from accounts.access_file.state import HeldGroup
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
    User,
)

AnySpec = TypeVar("AnySpec", SourceSpec, AccountSpec, RoleSpec, GroupSpec, GrantSpec, BookmarkSpec)
AnyModel = TypeVar("AnyModel", bound=Model)
_MOST_IN_A_QUERY = 500


def write(plan: Plan, *, prune: bool) -> None:
    """Write a plan's changes. Must stand in a transaction; raises DatabaseError."""
    CredentialSource.objects.get_or_create(name=DEFAULT_SOURCE)
    _remove(plan)
    _write_sources(_written(plan, SourceSpec))
    _write_accounts(_written(plan, AccountSpec))
    _write_roles(_written(plan, RoleSpec))
    _write_people(plan)
    if prune:
        _forget_directory_groups()


def _of(plan: Plan, kind: type[AnySpec], *signs: str) -> Iterator[Change]:
    return (c for c in plan.changes if isinstance(c.spec, kind) and c.sign in signs)


def _written(plan: Plan, kind: type[AnySpec]) -> list[AnySpec]:
    return [c.spec for c in _of(plan, kind, ADD, CHANGE) if isinstance(c.spec, kind)]


def _in_chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while chunk := list(islice(rest, _MOST_IN_A_QUERY)):
        yield chunk


# --- away ------------------------------------------------------------------------------------


def _remove(plan: Plan) -> None:
    _delete(Bookmark.objects, (_row_id(change) for change in _of(plan, BookmarkSpec, REMOVE)))
    _delete(Grant.objects, (_row_id(change) for change in _of(plan, GrantSpec, REMOVE)))
    _hand_to_directory([_row_id(change) for change in _of(plan, GroupSpec, REMOVE)])
    roles = list(_of(plan, RoleSpec, REMOVE))
    _delete_own_bookmarks({change.spec.identity for change in roles})
    _delete(Role.objects, (_row_id(change) for change in roles))
    _delete(Account.objects, (change.spec.identity[0] for change in _of(plan, AccountSpec, REMOVE)))
    _delete(CredentialSource.objects, (c.spec.identity[0] for c in _of(plan, SourceSpec, REMOVE)))


def _row_id(change: Change) -> int:
    row_id = change.held.row_id if change.held else None
    if row_id is None:
        raise ValueError(f"{change.spec} is no row that a number names")
    return row_id


def _delete(rows: Manager[AnyModel], keys: Iterable[object]) -> None:
    for chunk in _in_chunks(keys):
        rows.filter(pk__in=chunk).delete()


def _hand_to_directory(groups: Sequence[int]) -> None:
    """A name that no file makes local any more is the directory's, members and all."""
    for chunk in _in_chunks(groups):
        Membership.objects.filter(group__in=chunk).delete()
        Group.objects.filter(pk__in=chunk).update(origin=Origin.DIRECTORY)


def _delete_own_bookmarks(roles: set[tuple[str, ...]]) -> None:
    """People's own bookmarks go with the role they name."""
    for accounts in _in_chunks(sorted({account for account, _ in roles})):
        rows = Bookmark.objects.filter(user__isnull=False, account__in=accounts)
        named = rows.values_list("pk", "account_id", "role_name")
        _delete(Bookmark.objects, [pk for pk, account, role in named if (account, role) in roles])


def _forget_directory_groups() -> None:
    """Groups that only an earlier file named keep no members that nobody reads again."""
    nobody_names = Group.objects.filter(
        origin=Origin.DIRECTORY, from_file=True, grants=None, bookmarks=None
    )
    _delete(Group.objects, list(nobody_names.values_list("pk", flat=True)))


# --- catalogue -------------------------------------------------------------------------------


def _write_over(
    manager: Manager[AnyModel], rows: Iterable[AnyModel], key: Sequence[str], columns: Sequence[str]
) -> None:
    manager.bulk_create(
        rows, update_conflicts=True, unique_fields=key, update_fields=[*columns, "from_file"]
    )


def _write_sources(specs: Iterable[SourceSpec]) -> None:
    rows = (
        CredentialSource(
            name=spec.name,
            profile=spec.profile,
            # The default without a profile is nobody's: it exists without being named.
            from_file=spec != SourceSpec(DEFAULT_SOURCE),
        )
        for spec in specs
    )
    _write_over(CredentialSource.objects, rows, ["name"], ["profile"])


def _write_accounts(specs: Sequence[AccountSpec]) -> None:
    # Two accounts may trade their aliases.
    for chunk in _in_chunks(spec.id for spec in specs):
        Account.objects.filter(pk__in=chunk).update(alias=None)
    rows = (
        Account(
            account_id=spec.id,
            partition=spec.partition,
            alias=spec.alias or None,
            name=spec.name,
            environment=spec.environment,
            colour=spec.colour,
            tags=dict(spec.tags),
            disabled=spec.disabled,
            from_file=True,
        )
        for spec in specs
    )
    _write_over(Account.objects, rows, ["account_id"], AccountSpec.KEYS)


def _write_roles(specs: Iterable[RoleSpec]) -> None:
    columns = {"require": "require_reason"}
    keys = [columns.get(key, key) for key in RoleSpec.KEYS]
    _write_over(Role.objects, map(_role_row, specs), ["account", "name"], keys)


def _role_row(spec: RoleSpec) -> Role:
    return Role(
        account_id=spec.account,
        name=spec.name,
        title=spec.title,
        method=spec.method,
        source_id=spec.source,
        session_seconds=spec.session_seconds,
        max_session_seconds=spec.max_session_seconds,
        console_seconds=spec.console_seconds,
        external_id=spec.external_id,
        session_policy=spec.session_policy,
        policy_arns=list(spec.policy_arns),
        session_tags=dict(spec.session_tags),
        set_source_identity=spec.set_source_identity,
        region=spec.region,
        destination=spec.destination,
        require_reason="reason" in spec.require,
        disabled=spec.disabled,
        from_file=True,
    )


# --- people and what they may do -------------------------------------------------------------


def _write_people(plan: Plan) -> None:
    changes = list(_of(plan, GroupSpec, ADD, CHANGE))
    grants = list(_of(plan, GrantSpec, ADD, CHANGE))
    bookmarks = list(_of(plan, BookmarkSpec, ADD, CHANGE))
    _write_local_groups(change.spec for change in changes)
    users = _keys_of_users(_named_users(changes, grants))
    groups = _keys_of_groups({*_names(changes, "name"), *_names((*grants, *bookmarks), "group")})
    _write_members(changes, users, groups)
    _write_numbered(Grant.objects, grants, _grant_rows(users, groups), ["expires", "note"])
    columns = ["account", "role_name", "destination", "region"]
    _write_numbered(Bookmark.objects, bookmarks, _bookmark_rows(groups), columns)


def _names(changes: Iterable[Change], attribute: str) -> set[str]:
    return {getattr(change.spec, attribute) for change in changes} - {""}


def _named_users(groups: Iterable[Change], grants: Iterable[Change]) -> set[str]:
    members = (c.spec.members for c in groups if isinstance(c.spec, GroupSpec))
    return _names(grants, "user").union(*members)


def _write_local_groups(specs: Iterable[Spec]) -> None:
    rows = (
        Group(name=spec.name, origin=Origin.LOCAL, from_file=True)
        for spec in specs
        if isinstance(spec, GroupSpec)
    )
    _write_over(Group.objects, rows, ["name"], ["origin"])


def _keys_of_users(names: Iterable[str]) -> dict[str, int]:
    """Find people by name; a name that nobody has yet becomes a placeholder."""
    wanted = sorted(names)
    keys: dict[str, int] = {}
    for chunk in _in_chunks(wanted):
        keys.update(User.objects.filter(username__in=chunk).values_list("username", "pk"))
    missing = [name for name in wanted if name not in keys]
    made = User.objects.bulk_create(
        User(username=name, origin=Origin.NONE_YET, password=make_password(None))
        for name in missing
    )
    return keys | {user.username: user.pk for user in made}


def _keys_of_groups(names: Iterable[str]) -> dict[str, int]:
    """Find groups by name; one that is not there is the directory's."""
    wanted = sorted(names)
    keys: dict[str, int] = {}
    for chunk in _in_chunks(wanted):
        keys.update(Group.objects.filter(name__in=chunk).values_list("name", "pk"))
    missing = [name for name in wanted if name not in keys]
    made = Group.objects.bulk_create(
        Group(name=name, origin=Origin.DIRECTORY, from_file=True) for name in missing
    )
    return keys | {group.name: group.pk for group in made}


def _write_members(
    changes: Iterable[Change], users: dict[str, int], groups: dict[str, int]
) -> None:
    rows: list[Membership] = []
    for change in changes:
        spec, held = change.spec, change.held
        if not isinstance(spec, GroupSpec):
            continue
        before = set(held.members) if isinstance(held, HeldGroup) else set()
        group = groups[spec.name]
        leaving = Membership.objects.filter(group=group)
        if not (isinstance(held, HeldGroup) and held.is_local):
            leaving.delete()
        elif gone := before.difference(spec.members):
            for chunk in _in_chunks(sorted(gone)):
                leaving.filter(user__username__in=chunk).delete()
        joining = sorted(set(spec.members) - before)
        rows += (Membership(group_id=group, user_id=users[n], from_file=True) for n in joining)
    Membership.objects.bulk_create(rows)


def _write_numbered(
    manager: Manager[AnyModel],
    changes: Sequence[Change],
    row_of: Callable[[Change], AnyModel],
    columns: Sequence[str],
) -> None:
    """Write rows whose key is a number: new ones get one, changed ones keep theirs."""
    manager.bulk_create(row_of(change) for change in changes if change.sign == ADD)
    changed = (row_of(change) for change in changes if change.sign == CHANGE)
    _write_over(manager, changed, ["id"], columns)


def _grant_rows(users: dict[str, int], groups: dict[str, int]) -> Callable[[Change], Grant]:
    def row_of(change: Change) -> Grant:
        spec = change.spec
        if not isinstance(spec, GrantSpec):
            raise TypeError(spec)
        return Grant(
            pk=change.held.row_id if change.held else None,
            user_id=users.get(spec.user),
            group_id=groups.get(spec.group),
            account_id=None if spec.account in ("", ANY_ACCOUNT) else spec.account,
            account_tags=dict(spec.account_tags),
            role_name=spec.role,
            starts=_moment(spec.starts),
            expires=_moment(spec.expires),
            note=spec.note,
            from_file=True,
        )

    return row_of


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _bookmark_rows(groups: dict[str, int]) -> Callable[[Change], Bookmark]:
    def row_of(change: Change) -> Bookmark:
        spec = change.spec
        if not isinstance(spec, BookmarkSpec):
            raise TypeError(spec)
        return Bookmark(
            pk=change.held.row_id if change.held else None,
            group_id=groups[spec.group],
            name=spec.name,
            account_id=spec.account,
            role_name=spec.role,
            destination=spec.destination,
            region=spec.region,
            from_file=True,
        )

    return row_of
