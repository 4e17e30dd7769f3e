"""What needs an administrator's attention, found in a fixed number of queries.

Each finding says how many there are and names the first; none reads more rows than its limit, so
that the start page is as quick on a large database as on a small one. A finding is told only to
whom its things are theirs to see.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import RowNumber
from django.db.models.lookups import Exact, IsNull

from accounts.administration.failing import failing
from accounts.administration.who import (
    MOST_LOOKED_AT,
    ending_grants,
    in_question,
    unused_grants,
)
from accounts.history import IS_TROUBLE, as_in_json, details_of, moment_of
from accounts.models import (
    LET_IN_NOBODY,
    Action,
    Bookmark,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Outcome,
    User,
    is_not_over,
)
from accounts.record import moment_text

MOST = 200
"""More than so many are not counted."""
MOST_SIGN_INS = 2000
MOST_CHANGES = 20_000
"""So many of the latest changes are looked through for those of what an access file can hold."""
EXAMPLES = 3
ENDING_DAYS = 7
MANY_OF_A_NAME = 10
MANY_OF_AN_ADDRESS = 30
"""So many failed sign-ins in 24 hours: many people may share an address."""


class Kind(Enum):
    """What is the matter; in this order they are told."""

    FAILING = "roles whose launches fail"
    SIGN_INS = "many failed sign-ins"
    OFF = "people who are switched off and have grants"
    GONE = "people whom the directory no longer lets in and who have grants"
    ENDING = "grants that end soon"
    WAITING = "people who have grants and never signed in"
    EMPTY = "groups that have grants and nobody in them"
    BY_HAND = "changes by hand since the access file was applied"
    UNUSED = "grants that nobody used"


@dataclass(frozen=True)
class Example:
    """One of what was found: ``what`` it is, ``where``, the ``moment`` and ``why`` that matter.

    ``role`` is the name that a grant has; ``times`` is how often it happened.
    """

    what: str
    where: str = ""
    moment: datetime | None = None
    why: str = ""
    role: str = ""
    times: int = 0


@dataclass(frozen=True)
class Finding:
    """Something that needs attention. ``is_more``: there are more than ``number``.

    ``left`` counts the rows that were no longer in the access file. ``looked_at``: the oldest so
    many alone were looked at; whether there are more among the others is not known.
    """

    kind: Kind
    number: int
    is_more: bool
    examples: Sequence[Example]
    left: int = 0
    looked_at: int = 0


def attention(reader: User, now: datetime) -> list[Finding]:
    """Return what needs attention and is the reader's to see, the worst first."""
    found: list[Finding] = []
    for permissions, find in _BY_PERMISSIONS:
        if reader.has_perms([f"accounts.{permission}" for permission in permissions]):
            found += find(now)
    order = list(Kind)
    return sorted(found, key=lambda finding: order.index(finding.kind))


# --- roles that fail, sign-ins that fail ------------------------------------------------------


def _failing(now: datetime) -> list[Finding]:
    roles, is_more = failing(now)
    examples = [Example(role.title, role.account_title, role.last, role.error) for role in roles]
    return _found(Kind.FAILING, examples, is_more=is_more)


def _failed_sign_ins(now: datetime) -> list[Finding]:
    # As in ``failing``, only the index of troubles is left to walk.
    rows = list(
        Entry.objects.filter(IS_TROUBLE, time__gte=moment_text(now - timedelta(days=1)))
        .exclude(action__in=set(Action) - {Action.SIGN_IN})
        .order_by("-time", "-id")
        .values_list("actor", "ip")[: MOST_SIGN_INS + 1]
    )
    names = Counter(actor for actor, _ in rows)
    addresses = Counter(ip for _, ip in rows if ip)
    many = [
        *((name, times) for name, times in names.items() if times >= MANY_OF_A_NAME),
        *((ip, times) for ip, times in addresses.items() if times >= MANY_OF_AN_ADDRESS),
    ]
    many.sort(key=lambda pair: -pair[1])
    examples = [Example(what=what, times=times) for what, times in many]
    return _found(Kind.SIGN_INS, examples, is_more=len(rows) > MOST_SIGN_INS)


# --- people and groups --------------------------------------------------------------------------


# The first that fits is what is the matter.
_MATTERS: Mapping[Kind, Q] = {
    Kind.WAITING: Q(origin=Origin.NONE_YET),
    Kind.OFF: Q(is_active=False),
    Kind.GONE: Q(directory_state__in=LET_IN_NOBODY),
}
PEOPLE_MATTERS = tuple(_MATTERS)
"""What may be the matter with people who have grants."""


def people_with(matter: Kind, now: datetime) -> QuerySet[User]:
    """Return the people who have grants and let nobody in for one of ``PEOPLE_MATTERS``."""
    return _people_in_need(now).filter(Exact(F("matter"), matter.name))


def _people_in_need(now: datetime) -> QuerySet[User]:
    whens = [When(condition, then=Value(kind.name)) for kind, condition in _MATTERS.items()]
    some = reduce(or_, _MATTERS.values())
    return User.objects.filter(some).filter(_has_grants(now)).annotate(matter=Case(*whens))


def _people(now: datetime) -> list[Finding]:
    """Find people with grants that let nobody in: three kinds in one query, each bounded."""
    rank = Window(RowNumber(), partition_by=F("matter"), order_by=F("username").asc())
    rows = (
        _people_in_need(now)
        .annotate(rank=rank)
        .filter(rank__lte=MOST + 1)
        .order_by("username")
        .values_list("matter", "username", "directory_state", "date_joined")
    )
    found: dict[str, list[Example]] = {}
    for matter, username, state, since in rows:
        found.setdefault(matter, []).append(Example(username, why=state, moment=since))
    return [
        finding
        for matter, examples in found.items()
        for finding in _found(Kind[matter], examples[:MOST], is_more=len(examples) > MOST)
    ]


def _has_grants(now: datetime) -> Q:
    holding = Grant.objects.filter(is_not_over(now))
    theirs = holding.filter(user=OuterRef("pk"))
    groups = holding.filter(group=OuterRef("group"))
    by_group = Membership.objects.filter(_is_some(groups), user=OuterRef("pk"))
    return Q(_is_some(theirs)) | Q(_is_some(by_group))


def _is_some(rows: QuerySet[Any]) -> IsNull:
    """Whether there is one, found by an index for each row that asks.

    Of ``Exists`` behind an OR PostgreSQL makes a table of all grants first.
    """
    return IsNull(Subquery(rows.order_by().values("pk")[:1]), False)


def empty_groups(now: datetime) -> QuerySet[Group]:
    """Return the groups that grants or bookmarks name and nobody is in: typed wrong, often."""
    grants = Grant.objects.filter(is_not_over(now), group=OuterRef("pk"))
    bookmarks = Bookmark.objects.filter(group=OuterRef("pk"))
    members = Membership.objects.filter(group=OuterRef("pk"))
    return Group.objects.filter(Q(_is_some(grants)) | Q(_is_some(bookmarks))).exclude(
        Exists(members)
    )


def _empty_groups(now: datetime) -> list[Finding]:
    rows = empty_groups(now).order_by("name").values_list("name", "origin")[: MOST + 1]
    return _found(Kind.EMPTY, [Example(name, why=origin) for name, origin in rows])


# --- grants -------------------------------------------------------------------------------------


def _ending(now: datetime) -> list[Finding]:
    return _found(Kind.ENDING, _examples(ending_grants(now, ENDING_DAYS).order_by("expires")))


def _unused(now: datetime) -> list[Finding]:
    beyond = in_question(Grant.objects.all(), now)[MOST_LOOKED_AT : MOST_LOOKED_AT + 1]
    grants = unused_grants(now).annotate(beyond=Subquery(beyond))
    rows = list(grants.values_list(*_NAMES, "beyond")[: MOST + 1])
    found = _found(Kind.UNUSED, [_example(*names) for *names, _ in rows])
    is_all = not rows or rows[0][-1] is None
    return found if is_all else [replace(each, looked_at=MOST_LOOKED_AT) for each in found]


_NAMES = ("user__username", "group__name", "account__name", "account_id", "role_name", "expires")


def _examples(grants: QuerySet[Grant]) -> list[Example]:
    return [_example(*names) for names in grants.values_list(*_NAMES)[: MOST + 1]]


def _example(
    user: str | None,
    group: str | None,
    account_name: str | None,
    account: str | None,
    role: str,
    expires: datetime | None,
) -> Example:
    where = account_name or account or ""
    return Example(what=user or group or "", where=where, role=role, moment=expires)


# --- the access file ----------------------------------------------------------------------------


def _by_hand(now: datetime) -> list[Finding]:
    """Find what was changed here since the access file was last applied, and what it left."""
    since = Entry.objects.filter(action=Action.ADMIN_CHANGE, time__gte=OuterRef("time"))
    beyond = since.order_by("-time", "-id").values("id")[MOST_CHANGES : MOST_CHANGES + 1]
    applies = Entry.objects.filter(action=Action.ACCESS_APPLY, outcome=Outcome.SUCCEEDED)
    newest = applies.order_by("-time", "-id").annotate(beyond=Subquery(beyond))
    applied = newest.values_list("time", "details", "beyond").first()
    if applied is None:
        return []
    time, details, is_long = applied[0], details_of(applied[1]), applied[2] is not None
    number = _changed_by_hand(time)
    left = int(details.get("left") or 0)
    if not number and not left and not is_long:
        return []
    of_file = Example(
        what=str(details.get("file") or ""),
        why=str(details.get("sha256") or "")[:8],
        moment=moment_of(time),
    )
    return [Finding(Kind.BY_HAND, min(number, MOST), is_long or number > MOST, (of_file,), left)]


def _changed_by_hand(since: str) -> int:
    """Return how many changes of what an access file can hold there are, MOST + 1 at most.

    What the directory says of people are changes too, and many; who tries a role changes nothing.
    """
    changes = Entry.objects.filter(action=Action.ADMIN_CHANGE, time__gte=since)
    newest = changes.order_by("-time", "-id").values("id")[:MOST_CHANGES]
    kinds = (Q(details__contains=as_in_json(kind=kind)) for kind in sorted(IN_THE_FILE))
    rows = (
        Entry.objects.filter(reduce(or_, kinds), id__in=newest, outcome=Outcome.SUCCEEDED)
        .exclude(details__contains=as_in_json(change="try", kind="role"))
        .order_by()
        .values("id")[: MOST + 1]
    )
    return rows.count()


IN_THE_FILE = frozenset({"account", "role", "source", "group", "grant", "bookmark"})
"""The kinds of things that both an access file and an administrator can make."""


# --- all ----------------------------------------------------------------------------------------


def _found(kind: Kind, examples: Iterable[Example], *, is_more: bool = False) -> list[Finding]:
    """Put a finding together; nothing where there is nothing."""
    all_of_them = list(examples)
    kept = all_of_them[:MOST]
    if not kept:
        return []
    is_more = is_more or len(all_of_them) > MOST
    return [Finding(kind, len(kept), is_more, tuple(kept[:EXAMPLES]))]


_BY_PERMISSIONS: Sequence[tuple[Sequence[str], Callable[[datetime], list[Finding]]]] = (
    (["view_entry"], _failing),
    (["view_entry"], _failed_sign_ins),
    (["view_user", "view_grant"], _people),
    (["view_group"], _empty_groups),
    (["view_grant"], _ending),
    (["view_grant"], _unused),
    (["view_entry"], _by_hand),
)
