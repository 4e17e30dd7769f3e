"""Grants that an administrator asks for, many at once, and what would come of them.

Nothing is written here: what would be new, what is there already, who would gain what. What is
saved is planned again then, so that nothing else is done than was looked at.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from django.contrib.auth.hashers import make_password
from django.db.models import Q

from accounts.administration import naming
from accounts.administration.access_change import Change, Difference, difference
from accounts.administration.windows import window
from accounts.grant_pattern import Pattern
from accounts.models import Grant, Group, Origin, User

MOST_AT_ONCE = 200
"""So many grants are made, ended or deleted at once at most."""
LONGEST_NOTE = 500


@dataclass(frozen=True)
class Wish:
    """Who should get into what: every name gets every pattern, from and until the same moments."""

    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    starts: datetime | None = None
    expires: datetime | None = None
    note: str = ""

    @property
    def count(self) -> int:
        """How many grants that is."""
        return (len(self.people) + len(self.groups)) * len(self.patterns)


class State(Enum):
    """What is to be done about one grant of a wish."""

    NEW = "new"
    THERE = "there"
    OTHERWISE = "otherwise"
    FILE_HOLDS_IT = "file holds it"
    FILE_HOLDS_IT_OTHERWISE = "file holds it otherwise"


@dataclass(frozen=True)
class Planned:
    """One grant of a wish: whose, into what, and the same grant where it is there already."""

    subject: User | Group
    pattern: Pattern
    held: Grant | None
    state: State

    @property
    def label(self) -> str:
        """Whose it would be and into what, as the form names it."""
        return f"{subject_name(self.subject)}: {self.pattern}"


@dataclass(frozen=True)
class Plan:
    """A wish compared with what is there. Names that nobody has yet are rows without a key."""

    wish: Wish
    grants: tuple[Planned, ...]
    new_people: tuple[str, ...]
    new_groups: tuple[str, ...]

    def of(self, *states: State) -> list[Planned]:
        """Return the grants of some states."""
        return [planned for planned in self.grants if planned.state in states]

    @property
    def does_something(self) -> bool:
        """Whether saving it would write a grant."""
        return bool(self.of(State.NEW, State.OTHERWISE))

    def changes(self) -> list[Change]:
        """Return what changes about grants, for the question who gains what."""
        becomes = window(self.wish.starts, self.wish.expires)
        changes = []
        for planned in self.of(State.NEW, State.OTHERWISE):
            if planned.held is not None:
                changes.append(Change.of(planned.held, becomes))
            elif isinstance(planned.subject, User):
                changes.append(_new_for_user(planned, planned.subject, becomes))
            else:
                changes.append(Change(planned.pattern, None, planned.subject.pk, after=becomes))
        return changes


def _new_for_user(planned: Planned, user: User, becomes: tuple[datetime, datetime]) -> Change:
    name = "" if user.pk else user.username
    return Change(planned.pattern, user.pk, None, name=name, after=becomes)


@dataclass(frozen=True)
class Preview:
    """A plan and what it means."""

    plan: Plan
    difference: Difference

    @property
    def stamp(self) -> str:
        """A word for all that the preview says: another word where anything is different."""
        states = [(planned.label, planned.state) for planned in self.plan.grants]
        seen = (self.plan.wish, states, self.plan.new_people, self.plan.new_groups)
        return stamp(seen, self.difference)


def stamp(seen: object, of_whom: Difference) -> str:
    """Return a word for what a page shows: another word where anything is different."""
    return hashlib.sha256(repr((seen, of_whom.told)).encode()).hexdigest()[:32]


def plan(wish: Wish) -> Plan:
    """Compare a wish with what is there, in three queries."""
    subjects = named(wish.people, wish.groups)
    new_people = tuple(s.username for s in subjects if isinstance(s, User) and not s.pk)
    new_groups = tuple(s.name for s in subjects if isinstance(s, Group) and not s.pk)
    held = _held(wish, subjects)
    planned = (
        _planned(wish, s, p, held.get((*_key(s), p))) for s in subjects for p in wish.patterns
    )
    return Plan(wish, tuple(planned), new_people, new_groups)


def named(people: Iterable[str], groups: Iterable[str]) -> list[User | Group]:
    """Return whom names mean, in two queries; names that nobody has yet are rows without a key."""
    users = {user.username: user for user in User.objects.filter(username__in=people)}
    known: dict[str, Group] = naming.named_all("group", groups)
    subjects: list[User | Group] = [users.get(name) or _placeholder(name) for name in people]
    return subjects + [known.get(name) or _directorys(name) for name in groups]


def preview(wish: Wish, now: datetime) -> Preview:
    """Return a wish's plan and what it means; nothing is written."""
    planned = plan(wish)
    return Preview(planned, difference(planned.changes(), now))


def _placeholder(name: str) -> User:
    return User(username=name, origin=Origin.NONE_YET, password=make_password(None))


def _directorys(name: str) -> Group:
    return Group(name=name, origin=Origin.DIRECTORY)


_Key = tuple[str, int | None]


def _key(subject: User | Group) -> _Key:
    return ("user" if isinstance(subject, User) else "group", subject.pk)


def _held(
    wish: Wish, subjects: Iterable[User | Group]
) -> dict[tuple[str, int | None, Pattern], Grant]:
    """Return the grants that are the same as one of the wish: subject, roles and start."""
    keys = [_key(subject) for subject in subjects if subject.pk]
    theirs = Q(user__in=[pk for kind, pk in keys if kind == "user"]) | Q(
        group__in=[pk for kind, pk in keys if kind == "group"]
    )
    names = {pattern.role_name for pattern in wish.patterns}
    rows = Grant.objects.filter(theirs, role_name__in=names, starts=wish.starts)
    if wish.starts is None:
        rows = Grant.objects.filter(theirs, role_name__in=names, starts__isnull=True)
    found: dict[tuple[str, int | None, Pattern], Grant] = {}
    # Of several equal ones the one that ends last counts, then the oldest.
    for grant in sorted(rows.select_related("user", "group"), key=_weight, reverse=True):
        subject = grant.user or grant.group
        if subject is not None:
            found.setdefault((*_key(subject), Pattern.of(grant)), grant)
    return found


def _weight(grant: Grant) -> tuple[bool, float, int]:
    ends = grant.expires.timestamp() if grant.expires else 0.0
    return grant.expires is None, ends, -grant.pk


def _planned(wish: Wish, subject: User | Group, pattern: Pattern, held: Grant | None) -> Planned:
    return Planned(subject, pattern, held, _state(wish, held))


def _state(wish: Wish, held: Grant | None) -> State:
    if held is None:
        return State.NEW
    is_equal = held.expires == wish.expires and held.note == wish.note
    if held.from_file:
        return State.FILE_HOLDS_IT if is_equal else State.FILE_HOLDS_IT_OTHERWISE
    return State.THERE if is_equal else State.OTHERWISE


def subject_name(subject: User | Group) -> str:
    """Return a name said as a user's or a group's."""
    return f"user {subject}" if isinstance(subject, User) else f"group {subject}"
