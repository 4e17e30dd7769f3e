"""What somebody may enter, when and on what terms: read before a change and after it, compared.

With a grant for any role that is every role there is, and nobody else writes meanwhile. So rows are
compared as the database gives them and only what is different is made sense of; and what the roles
are is read no sooner than a statement comes that might alter one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connection
from django.db.models import QuerySet

from accounts.administration.windows import Windows, covers, left, window
from accounts.directory.changes import mirrored_groups
from accounts.models import (
    Bookmark,
    Grant,
    GrantedRole,
    Group,
    Membership,
    Origin,
    Role,
    User,
    is_not_over,
)

Row: TypeAlias = tuple[Any, ...]
"""As the database gives it; the role's number is the first."""

_WAY = ("role_id", "grant__starts", "grant__expires")
# What a role is to whoever enters it. None of it is theirs to change, be it to more or to less:
# whether another policy allows more cannot be seen from here.
_FIXED = (
    "account_id",
    "name",
    "method",
    "source_id",
    "source__profile",
    "external_id",
    "session_policy",
    "policy_arns",
    "session_tags",
    "set_source_identity",
    "account__partition",
)
_LENGTHS = ("session_seconds", "max_session_seconds", "console_seconds")
_ASKED = "require_reason"
_SWITCHES = ("disabled", "account__disabled")
_ROLE = ("id", *_SWITCHES, *_FIXED, *_LENGTHS, _ASKED)

# How statements begin that alter no role, account or source; at any other the roles are looked at.
_LEAVE_ROLES_ALONE = (
    "SELECT ",
    "SAVEPOINT ",
    "RELEASE SAVEPOINT ",
    "ROLLBACK TO SAVEPOINT ",
    *(
        f'{verb} "{model._meta.db_table}"'  # noqa: SLF001 Django's documented API
        for verb in ("INSERT INTO", "UPDATE", "DELETE FROM")
        for model in (Grant, Group, Membership, Bookmark, User)
    ),
)


@dataclass(frozen=True)
class Terms:
    """On what terms a role is entered; lengths in seconds, as they come to be.

    What is switched off has terms too: it could be loosened now and switched on by another.
    """

    is_on: bool
    fixed: tuple[Any, ...]
    usual: int
    longest: int
    console: int
    asks_for_reason: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Terms":
        """Read them off a row that was made sense of."""
        usual, longest, console = (row[name] for name in _LENGTHS)
        return cls(
            is_on=not any(row[name] for name in _SWITCHES),
            fixed=tuple(row[name] for name in _FIXED),
            usual=usual,
            longest=longest or usual,
            console=console or longest or usual,
            asks_for_reason=row[_ASKED],
        )

    def are_looser_than(self, before: "Terms") -> bool:
        """Whether whoever enters may do something else now, or stay longer, or say less."""
        return (
            self.fixed != before.fixed
            or self.usual > before.usual
            or self.longest > before.longest
            or self.console > before.console
            or (before.asks_for_reason and not self.asks_for_reason)
        )


@dataclass(frozen=True)
class Difference:
    """How a role that somebody may enter is different afterwards.

    Windows are those of each grant for itself: a session lasts no longer than the last end of those
    that hold when it begins, though another may hold by then. No windows before: it was not theirs.
    No terms after: nothing was written that alters roles; none before: the role was not theirs when
    that was about to be written.
    """

    windows_before: Windows
    windows: Windows
    terms_before: Terms | None
    terms: Terms | None

    @property
    def is_gain(self) -> bool:
        """Whether they may enter when they could not, or longer, or will when it is switched on."""
        if not self.windows_before or not covers(self.windows_before, self.windows):
            return True
        if self.terms is None:
            return False
        return self.terms_before is None or (self.terms.is_on and not self.terms_before.is_on)

    @property
    def is_looser(self) -> bool:
        """Whether they may do something else there now, or stay longer, or say less."""
        if self.terms is None or self.terms_before is None:
            return False
        return self.terms.are_looser_than(self.terms_before)


@dataclass
class Reach:
    """What a user may enter from a moment on, switched off or not.

    ``ways`` has a row for each role and grant that leads there, ``roles`` what those roles are,
    None as long as they are not looked at. ``groups`` are the local ones they are in, ``mirrored``
    those of the directory, which may tell of them at any moment.
    """

    user: User
    since: datetime
    ways: Sequence[Row] = ()
    roles: Sequence[Row] | None = None
    groups: frozenset[int] = frozenset()
    mirrored: frozenset[int] = frozenset()

    def watch(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        """Look at the roles just before the first statement that may alter one; a wrapper of all.

        What it cannot tell for certain to leave them alone counts.
        """
        if self.roles is None and not _leaves_roles_alone(sql):
            self.look_at_roles()
        return execute(sql, params, many, context)

    def look_at_roles(self) -> None:
        """Read what the roles are now that the user may enter now."""
        self.roles = () if self.user.is_superuser else _read(_roles(self.user, self.since))


def reach(user: User, since: datetime) -> Reach:
    """Return what a user may enter from a moment on; of a superuser nothing is asked."""
    if user.is_superuser:
        return Reach(user, since)
    return Reach(
        user,
        since,
        ways=_read(_ways(user, since)),
        groups=_theirs(user, Group.objects.filter(origin=Origin.LOCAL)),
        mirrored=_theirs(user, mirrored_groups()),
    )


def reach_after(before: Reach) -> Reach:
    """Return what the same user may enter after a change, from the same moment on."""
    after = reach(before.user, before.since)
    if before.roles is not None:
        after.look_at_roles()
    return after


def differences(before: Reach, after: Reach) -> list[Difference]:
    """Return how roles are different; those of which only less is left may be left out."""
    changed = _new(before.ways, after.ways) | _new(before.roles or (), after.roles or ())
    windows_before, windows = _windows_of(before, changed), _windows_of(after, changed)
    terms_before, terms = _terms_of(before, changed), _terms_of(after, changed)
    return [
        Difference(
            windows_before.get(role, ()),
            windows.get(role, ()),
            terms_before.get(role),
            terms.get(role),
        )
        for role in changed
    ]


def _leaves_roles_alone(sql: object) -> bool:
    # What is written comes in parameters; a semicolon would begin another statement.
    return isinstance(sql, str) and sql.startswith(_LEAVE_ROLES_ALONE) and ";" not in sql


def _theirs(user: User, groups: QuerySet[Group]) -> frozenset[int]:
    return frozenset(groups.filter(memberships__user=user).values_list("pk", flat=True))


def _ways(user: User, since: datetime) -> QuerySet[GrantedRole, Row]:
    rows = GrantedRole.objects.filter(is_not_over(since, "grant__"), user=user)
    return rows.values_list(*_WAY)


def _roles(user: User, since: datetime) -> QuerySet[Role, Row]:
    theirs = GrantedRole.objects.filter(is_not_over(since, "grant__"), user=user).values("role_id")
    return Role.objects.filter(pk__in=theirs).values_list(*_ROLE)


def _read(rows: QuerySet[Any, Row]) -> list[Row]:
    """Return rows as the database gives them: to make Python's values of all takes seconds."""
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        read: list[Row] = cursor.fetchall()
    return read


def _new(before: Sequence[Row], after: Sequence[Row]) -> set[int]:
    """Return the roles of rows that were not there before."""
    if before == after:
        return set()
    return {row[0] for row in set(after).difference(before)}


def _windows_of(reach: Reach, roles: Collection[int]) -> dict[int, Windows]:
    windows: dict[int, list[tuple[datetime, datetime]]] = {}
    ways = _ways(reach.user, reach.since)
    for role, starts, expires in _understood(ways, (w for w in reach.ways if w[0] in roles)):
        windows.setdefault(role, []).append(window(starts, expires))
    # What was before is over, for whoever had it and for whoever had not.
    return {role: left(some, reach.since) for role, some in windows.items()}


def _terms_of(reach: Reach, roles: Collection[int]) -> dict[int, Terms]:
    some = (row for row in reach.roles or () if row[0] in roles)
    understood = _understood(_roles(reach.user, reach.since), some)
    return {row[0]: Terms.of(dict(zip(_ROLE, row, strict=True))) for row in understood}


def _understood(asked: QuerySet[Any, Row], rows: Iterable[Row]) -> Iterable[Sequence[Any]]:
    """Make Python's values of rows that a query has read."""
    compiler = asked.query.get_compiler(connection=connection)
    compiler.pre_sql_setup()
    converters = compiler.get_converters([column for column, _, _ in compiler.select])
    values: Iterable[Sequence[Any]] = compiler.apply_converters(rows, converters)
    return values
