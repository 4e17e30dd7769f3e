"""Who gains what and who loses what by a change of grants, worked out before it is made.

Nothing is written for it. What people may enter now is read from the view behind the entitlements;
what they may enter afterwards is the same with the changed grants laid over it. A change may reach
twenty thousand people and every role there is: the first of both, as lists show them, are compared
one by one, and of all of them the numbers are told.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from django.db.models import Count, Q, QuerySet

from accounts.administration.windows import (
    EARLIEST,
    Window,
    Windows,
    covers,
    from_now,
    last_end,
    window,
)
from accounts.grant_pattern import Pattern
from accounts.models import (
    IS_SHUT_OUT,
    Grant,
    GrantedRole,
    Group,
    Membership,
    Origin,
    Role,
    User,
)

MOST_PEOPLE = 50
MOST_ROLES = 100
MOST_PAIRS = 2500


@dataclass(frozen=True)
class Change:
    """What becomes of one grant: when it holds afterwards, None where it goes.

    ``grant_id`` is None for a new one. ``user_id`` and ``group_id`` are None for a name that nobody
    has yet; ``name`` says a person's.
    """

    pattern: Pattern
    user_id: int | None
    group_id: int | None
    grant_id: int | None = None
    name: str = ""
    after: Window | None = None

    @classmethod
    def of(cls, grant: Grant, after: Window | None) -> "Change":
        """Return what changes for a grant that is there."""
        return cls(Pattern.of(grant), grant.user_id, grant.group_id, grant.pk, after=after)


class Kind(Enum):
    """What a change means for one person and one role."""

    GAINS = "gains"
    LONGER = "longer"
    OTHERWISE = "otherwise"
    SHORTER = "shorter"
    LOSES = "loses"


@dataclass(frozen=True)
class Effect:
    """What a change means for one person and one role: when they may enter, before and after.

    ``is_shut_out``: it will mean so once they are let in again, and nothing now.
    """

    username: str
    name: str
    role: Role
    before: Windows
    after: Windows
    is_shut_out: bool = False

    @property
    def kind(self) -> Kind:
        """Whether it is more or less than before."""
        if not self.before:
            return Kind.GAINS
        if not self.after:
            return Kind.LOSES
        keeps_all = covers(self.after, self.before)
        adds_nothing = covers(self.before, self.after)
        if keeps_all:
            return Kind.LONGER
        return Kind.SHORTER if adds_nothing else Kind.OTHERWISE

    @property
    def starts(self) -> datetime | None:
        """When they may enter first, afterwards; None: at once."""
        return None if not self.after or self.after[0][0] == EARLIEST else self.after[0][0]

    @property
    def ends_before(self) -> datetime | None:
        """When it would have ended; None: never."""
        return last_end(self.before)

    @property
    def ends_after(self) -> datetime | None:
        """When it ends now; None: never."""
        return last_end(self.after)


@dataclass(frozen=True)
class Difference:
    """All that a change means. ``people`` and ``roles`` are numbers of all that it reaches.

    People who come in no more are counted apart, as ``shut_out``. ``is_for_directory``: among those
    whom it is for are groups of the directory, of which only members who were read here are known.
    ``effects`` are those of the people and roles that were compared; ``is_whole`` tells whether
    these were all.
    """

    people: int
    roles: int
    effects: Sequence[Effect]
    is_whole: bool
    shut_out: int = 0
    is_for_directory: bool = False

    def of(self, *kinds: Kind) -> list[Effect]:
        """Return the effects of some kinds."""
        return [effect for effect in self.effects if effect.kind in kinds]

    def names(self, *kinds: Kind) -> list[str]:
        """Return whom effects of some kinds meet, each name once."""
        return list(dict.fromkeys(effect.username for effect in self.of(*kinds)))

    def let_in(self, *kinds: Kind) -> list[str]:
        """Return the names of those among them who may come in at all."""
        met = (effect.username for effect in self.of(*kinds) if not effect.is_shut_out)
        return list(dict.fromkeys(met))

    @property
    def told(self) -> tuple[object, ...]:
        """What is compared to see whether a preview still holds."""
        effects = ((e.username, e.is_shut_out, e.role.pk, e.before, e.after) for e in self.effects)
        return (self.people, self.shut_out, self.roles, tuple(effects))


@dataclass(frozen=True)
class _Person:
    """Somebody with a row (``pk``), or a name that waits for one."""

    pk: int | None
    username: str
    name: str
    is_shut_out: bool = False


def difference(changes: Sequence[Change], now: datetime) -> Difference:
    """Return who gains and loses what by changes of grants, in a fixed number of queries."""
    roles = _roles(changes)
    people = _people(changes)
    new_names = sorted({change.name for change in changes if change.name})
    rows = people.only("username", "name", "is_active", "directory_state")[:MOST_PEOPLE]
    persons = [_Person(user.pk, user.username, user.name, user.is_shut_out) for user in rows]
    persons += [_Person(None, name, "") for name in new_names][: MOST_PEOPLE - len(persons)]
    most_roles = min(MOST_ROLES, MOST_PAIRS // max(1, len(persons)))
    compared = list(roles.select_related("account")[:most_roles])
    effects = list(_effects(changes, persons, compared, now))
    counted = people.aggregate(all=Count("pk"), shut_out=Count("pk", filter=IS_SHUT_OUT))
    people_count, roles_count = counted["all"] + len(new_names), roles.count()
    is_whole = (people_count, roles_count) == (len(persons), len(compared))
    shut_out = counted["shut_out"]
    return Difference(
        people_count - shut_out,
        roles_count,
        effects,
        is_whole,
        shut_out,
        _groups(changes).filter(origin=Origin.DIRECTORY).exists(),
    )


# --- whom and what it reaches ----------------------------------------------------------------


def _people(changes: Iterable[Change]) -> QuerySet[User]:
    users = {change.user_id for change in changes if change.user_id}
    members = Membership.objects.filter(group__in=_groups(changes)).values("user")
    return User.objects.filter(Q(pk__in=users) | Q(pk__in=members)).order_by("username")


def _groups(changes: Iterable[Change]) -> QuerySet[Group]:
    return Group.objects.filter(pk__in={change.group_id for change in changes if change.group_id})


def _roles(changes: Iterable[Change]) -> QuerySet[Role]:
    patterns = {change.pattern for change in changes}
    wanted = Q(pk__in=())
    for pattern in sorted(patterns):
        wanted |= pattern.roles
    rows = Role.objects.filter(wanted, disabled=False, account__disabled=False)
    return rows.order_by("account__name", "account_id", "name")


# --- comparing -------------------------------------------------------------------------------


def _effects(
    changes: Sequence[Change], persons: Sequence[_Person], roles: Sequence[Role], now: datetime
) -> Iterator[Effect]:
    before = _held(persons, roles)
    after = _afterwards(before, changes, persons, roles)
    for person in persons:
        for role in roles:
            key = (person.username, role.pk)
            if key not in after:
                continue
            was = from_now(_windows_of(before.get(key, ())), now)
            becomes = from_now(after[key], now)
            if was != becomes:
                shut_out = person.is_shut_out
                yield Effect(person.username, person.name, role, was, becomes, shut_out)


_Key: TypeAlias = tuple[str, int]
_Held: TypeAlias = tuple[int, Window]


def _held(persons: Sequence[_Person], roles: Sequence[Role]) -> dict[_Key, list[_Held]]:
    """Return the grants, with their times, by which people may enter roles."""
    names = {person.pk: person.username for person in persons if person.pk is not None}
    rows: QuerySet[Any, Any] = GrantedRole.objects.filter(
        user__in=list(names), role__in=[role.pk for role in roles]
    ).values_list("user_id", "role_id", "grant_id", "grant__starts", "grant__expires")
    held: dict[_Key, list[_Held]] = {}
    for user, role, grant, starts, expires in rows:
        held.setdefault((names[user], role), []).append((grant, window(starts, expires)))
    return held


def _afterwards(
    before: dict[_Key, list[_Held]],
    changes: Sequence[Change],
    persons: Sequence[_Person],
    roles: Sequence[Role],
) -> dict[_Key, list[Window]]:
    """Return the new times of whoever is touched."""
    changed = {change.grant_id: change.after for change in changes if change.grant_id}
    after = {
        key: list(_kept(held, changed))
        for key, held in before.items()
        if any(grant in changed for grant, _ in held)
    }
    members = _members(changes, persons)
    for change in changes:
        if change.grant_id or not change.after:
            continue
        theirs = [p.username for p in persons if _is_for(change, p, members)]
        for role in (role for role in roles if change.pattern.names(role)):
            for username in theirs:
                key = (username, role.pk)
                if key not in after:
                    after[key] = _windows_of(before.get(key, ()))
                after[key].append(change.after)
    return after


def _windows_of(held: Iterable[_Held]) -> list[Window]:
    return [its_window for _, its_window in held]


def _kept(held: Iterable[_Held], changed: dict[int, Window | None]) -> Iterator[Window]:
    for grant, its_window in held:
        stays = changed.get(grant, its_window)
        if stays:
            yield stays


def _members(
    changes: Iterable[Change], persons: Iterable[_Person]
) -> set[tuple[int | None, int | None]]:
    groups = {change.group_id for change in changes if change.group_id}
    users = [person.pk for person in persons if person.pk]
    rows = Membership.objects.filter(group__in=groups, user__in=users)
    return set(rows.values_list("group_id", "user_id"))


def _is_for(change: Change, person: _Person, members: set[tuple[int | None, int | None]]) -> bool:
    if change.group_id:
        return (change.group_id, person.pk) in members
    if change.user_id:
        return change.user_id == person.pk
    return person.pk is None and change.name == person.username
