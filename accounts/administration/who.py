"""Why and who: everybody who may enter a role, every role that a person may enter, through what.

Read from the view behind the entitlements, a page at a time and in a fixed number of queries; when
each was used last, from the record, by the names of account and role.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)

from accounts.grant_pattern import grant_names_entry, names_role
from accounts.history import moment_of
from accounts.models import (
    ANY_ROLE,
    IS_SHUT_OUT,
    LET_IN_NOBODY,
    Action,
    Entry,
    Grant,
    GrantedRole,
    Membership,
    Outcome,
    Role,
    User,
    holds,
    is_not_over,
)
from accounts.record import moment_text

PAGE = 50
MOST_GRANTS_SHOWN = 20
UNUSED_DAYS = 90
MOST_LOOKED_AT = 1000

_USES = (Action.LAUNCH, Action.CREDENTIALS)


class _ByGrants:
    """What holds by grants, of which the first counts."""

    grants: Sequence[Grant]

    @property
    def best(self) -> Grant:
        """The grant that counts."""
        return self.grants[0]


@dataclass(frozen=True)
class Entrant(_ByGrants):
    """Somebody who may enter a role, now or later: through which grants, and when they did last."""

    user: User
    grants: Sequence[Grant]
    last_used: datetime | None


@dataclass(frozen=True)
class Entered(_ByGrants):
    """A role that somebody may enter, now or later: through which grants, when they did last."""

    role: Role
    grants: Sequence[Grant]
    last_used: datetime | None


@dataclass(frozen=True)
class GrantOfRole:
    """A grant that leads to a role, and how many people it lets in."""

    grant: Grant
    people: int


@dataclass(frozen=True)
class Page:
    """One page of a list: ``number`` of ``pages``, ``count`` things in all.

    ``shut_out`` of them are people who come in no more, whatever is granted to them.
    """

    count: int
    number: int
    rows: Sequence[Any] = field(default_factory=list)
    shut_out: int = 0

    @property
    def let_in(self) -> int:
        """How many of them are no such people."""
        return self.count - self.shut_out

    @property
    def pages(self) -> int:
        """How many pages there are, one at least."""
        return max(1, -(-self.count // PAGE))


def who_may_enter(role: Role, now: datetime, number: int = 1) -> Page:
    """Return a page of the people whom grants let into a role, by name, as Entrants.

    Also of those who come in no more: they are told apart, and counted apart.
    """
    # The view is made to be asked about a person: asked about a role it reads every grant.
    grants_here = leading_to(role, now)
    members = Membership.objects.filter(group__in=grants_here.values("group"))
    people = User.objects.filter(
        Q(pk__in=grants_here.values("user")) | Q(pk__in=members.values("user"))
    )
    counted = people.aggregate(all=Count("pk"), shut_out=Count("pk", filter=IS_SHUT_OUT))
    count = counted["all"]
    number = _number(number, count)
    shown = list(people.order_by("username")[(number - 1) * PAGE : number * PAGE])
    ways = GrantedRole.objects.filter(role=role, user__in=[user.pk for user in shown])
    grants = _grants(ways.filter(is_not_over(now, "grant__")), "user_id", now)
    used = _last_uses_of_role(role, [user.record_key for user in shown])
    rows = [Entrant(user, grants[user.pk], used.get(user.record_key)) for user in shown]
    return Page(count, number, rows, counted["shut_out"])


def grants_of_role(role: Role, now: datetime) -> tuple[int, list[GrantOfRole]]:
    """Return how many grants lead to a role, now or later, and the first of them.

    Also a grant to a group that has nobody in it yet.
    """
    found = leading_to(role, now)
    ordered = found.select_related("user", "group").order_by(
        F("group__name").asc(nulls_last=True), "user__username", "pk"
    )
    shown = list(ordered[:MOST_GRANTS_SHOWN])
    groups = {grant.group_id for grant in shown if grant.group_id}
    let_in = Membership.objects.filter(user__is_active=True)
    let_in = let_in.exclude(user__directory_state__in=LET_IN_NOBODY)
    counted = let_in.filter(group__in=groups).values_list("group").order_by()
    members: dict[int | None, int] = dict(counted.annotate(Count("pk")))
    rows = [GrantOfRole(grant, _people_of(grant, members)) for grant in shown]
    return found.count(), rows


def _people_of(grant: Grant, members: Mapping[int | None, int]) -> int:
    """Return how many people a grant lets in."""
    return members.get(grant.group_id, 0) if grant.user is None else int(not grant.user.is_shut_out)


def leading_to(role: Role, now: datetime) -> QuerySet[Grant]:
    """Return the grants that lead to a role and are not over."""
    return Grant.objects.filter(names_role(role), is_not_over(now))


def what_may_enter(user: User, now: datetime, number: int = 1) -> Page:
    """Return a page of the roles that a person may enter, by account and role, as Entereds."""
    open_roles = GrantedRole.objects.filter(
        user=user, role__disabled=False, role__account__disabled=False
    )
    ways = open_roles.filter(is_not_over(now, "grant__"))
    roles = Role.objects.filter(pk__in=ways.values("role"))
    count = roles.count()
    number = _number(number, count)
    ordered = roles.select_related("account").order_by("account__name", "account_id", "name")
    shown = list(ordered[(number - 1) * PAGE : number * PAGE])
    grants = _grants(ways.filter(role__in=[role.pk for role in shown]), "role_id", now)
    used = _last_uses_by(user, shown)
    rows = [Entered(r, grants[r.pk], used.get((r.account_id, r.name))) for r in shown]
    return Page(count, number, rows)


def why(user: User, role: Role, now: datetime) -> list[Grant]:
    """Return the grants by which somebody may enter a role, now or later, what counts first."""
    ways = GrantedRole.objects.filter(is_not_over(now, "grant__"), user=user, role=role)
    return _grants(ways, "role_id", now).get(role.pk, [])


def ending_grants(now: datetime, days: int) -> QuerySet[Grant]:
    """Return the grants that end within so many days."""
    return Grant.objects.filter(ends_within(now, days))


def ends_within(now: datetime, days: int) -> Q:
    """Whether a grant ends within so many days."""
    return Q(expires__gt=now, expires__lte=now + timedelta(days=days))


def unused_grants(now: datetime) -> QuerySet[Grant]:
    """Return the unused of all grants, as ``unused_among`` has it."""
    return unused_among(Grant.objects.all(), now)


def unused_among(
    grants: QuerySet[Grant], now: datetime, days: int | None = UNUSED_DAYS
) -> QuerySet[Grant]:
    """Return the grants that hold now and that nobody entered a role by for so many days.

    ``days`` of None: never. A grant younger than that is not told of. It counts who entered and
    the names of account and role; that another grant of theirs led there too is not looked at.
    Each grant is a look into the record, so no more than the oldest MOST_LOOKED_AT are judged.
    """
    looked_at = in_question(grants, now, days)[:MOST_LOOKED_AT]
    since = _since(now, days)
    return Grant.objects.filter(pk__in=Subquery(looked_at)).exclude(_is_used(since))


def in_question(
    grants: QuerySet[Grant], now: datetime, days: int | None = UNUSED_DAYS
) -> QuerySet[Grant, int]:
    """Return the numbers of the grants that could be unused, the oldest first."""
    holding = grants.filter(holds(now))
    since = _since(now, days)
    if since is not None:
        holding = holding.filter(made__lt=since)
    return holding.order_by("pk").values_list("pk", flat=True)


def _since(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)


# --- grants ----------------------------------------------------------------------------------


def _grants(ways: QuerySet[GrantedRole], by: str, now: datetime) -> dict[int, list[Grant]]:
    """Return the grants of ways in, by user or role: what counts first, what begins later last."""
    pairs = list(ways.values_list(by, "grant_id"))
    keys = {grant for _, grant in pairs}
    rows = Grant.objects.select_related("user", "group", "account").in_bulk(keys)
    found: dict[int, list[Grant]] = {}
    for key, grant in pairs:
        found.setdefault(key, []).append(rows[grant])
    for grants in found.values():
        grants.sort(key=lambda grant: _order(grant, now))
    return found


def _order(grant: Grant, now: datetime) -> tuple[bool, bool, float, bool, datetime, int]:
    """As the entitlements have it: who ends last, then a direct one, then the oldest."""
    ends = -grant.expires.timestamp() if grant.expires else 0.0
    is_coming = not grant.has_begun(now)
    return is_coming, grant.expires is not None, ends, grant.user_id is None, grant.made, grant.pk


def _number(number: int, count: int) -> int:
    return min(max(number, 1), max(1, -(-count // PAGE)))


# --- last used -------------------------------------------------------------------------------


def _uses() -> QuerySet[Entry]:
    return Entry.objects.filter(action__in=_USES, outcome=Outcome.SUCCEEDED).order_by()


def _last_uses_of_role(role: Role, keys: Collection[str]) -> dict[str, datetime | None]:
    rows = (
        _uses()
        .filter(actor_key__in=keys, account=role.account_id, role=role.name)
        .values_list("actor_key")
        .annotate(last=Max("time"))
    )
    return {key: moment_of(last) for key, last in rows}


def _last_uses_by(user: User, roles: Iterable[Role]) -> dict[tuple[str, str], datetime | None]:
    named = {(role.account_id, role.name) for role in roles}
    rows = (
        _uses()
        .filter(
            actor_key=user.record_key,
            account__in={account for account, _ in named},
            role__in={role for _, role in named},
        )
        .values_list("account", "role")
        .annotate(last=Max("time"))
    )
    return {(account, role): moment_of(last) for account, role, last in rows}


def _is_used(since: datetime | None) -> Any:
    """Whether somebody whom a grant is for entered a role that it names.

    A grant that names one role looks at that role's acts; one that names more at each of its
    people's. Each finds its rows by an index.
    """
    acts = _uses() if since is None else _uses().filter(time__gte=moment_text(since))
    in_the_role = acts.filter(account=OuterRef("account_id"), role=OuterRef("role_name"))
    their_own = in_the_role.filter(actor_key=OuterRef("user__record_key"))
    member = Membership.objects.filter(
        group=OuterRef(OuterRef("group")), user__record_key=OuterRef("actor_key")
    )
    anywhere = acts.filter(grant_names_entry(1), actor_key=OuterRef("user__record_key"))
    of_member = acts.filter(grant_names_entry(2), actor_key=OuterRef("user__record_key"))
    members = Membership.objects.filter(Exists(of_member), group=OuterRef("group"))
    is_users, is_wide = Q(user__isnull=False), Q(account__isnull=True) | Q(role_name=ANY_ROLE)
    return (
        (is_users & ~is_wide & Exists(their_own))
        | (is_users & is_wide & Exists(anywhere))
        | (~is_users & ~is_wide & Exists(in_the_role.filter(Exists(member))))
        | (~is_users & is_wide & Exists(members))
    )
