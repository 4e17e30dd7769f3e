"""A person's own bookmarks: make, change, order, delete, and bring back; what makes one right.

A bookmark is kept in the form in which places are compared (``normal_place``), so that a launch
knows it again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Count, F, Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from accounts.aws_rules.destinations import CONSOLE_HOME, describe, normal_place, parse_destination
from accounts.aws_rules.partitions import PARTITIONS
from accounts.entitlements import bookmarks_of
from accounts.errors import InvalidRequest, LimitExceeded, gettext_noop
from accounts.models import Account, Bookmark, User
from accounts.record import neutral

LONGEST_NAME = 100
MOST_OWN = 500
"""Bookmarks that one person keeps."""


class Target(Protocol):
    """The role that a bookmark enters, as far as its place depends on it."""

    @property
    def partition(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def account_title(self) -> str: ...
    @property
    def role_name(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def region(self) -> str: ...


@dataclass(frozen=True)
class Draft:
    """A bookmark as somebody wrote it; ``to`` is a service, a console path or a console URL."""

    way: Target
    name: str = ""
    to: str = ""
    region: str = ""


def all_of(user: User) -> QuerySet[Bookmark]:
    """Return the user's own bookmarks in their order, then those of their groups by group."""
    return (
        bookmarks_of(user)
        .select_related("group", "account")
        .order_by(F("group__name").asc(nulls_first=True), "position", "id")
    )


def own(user: User) -> QuerySet[Bookmark]:
    """Return the user's own bookmarks in their order."""
    return Bookmark.objects.filter(user=user).order_by("position", "id")


def make(user: User, draft: Draft) -> Bookmark:
    """Keep a new bookmark behind the others.

    Raises InvalidRequest for an impossible place, LimitExceeded where there are ``MOST_OWN``.
    """
    bookmark = Bookmark(user=user)
    write(bookmark, draft)
    with transaction.atomic():
        look = own(user).aggregate(number=Count("pk"), last=Coalesce(Max("position"), 0))
        if look["number"] >= MOST_OWN:
            raise _too_many()
        bookmark.position = look["last"] + 1
        bookmark.save(force_insert=True)
    return bookmark


def _too_many() -> LimitExceeded:
    return LimitExceeded(
        log=f"{MOST_OWN} bookmarks already",
        message=gettext_noop("You keep %(most)s bookmarks, which is as many as there may be."),
        next_step=gettext_noop("Delete some that you no longer need."),
        params={"most": MOST_OWN},
    )


def change(bookmark: Bookmark, draft: Draft) -> None:
    """Write the draft over a bookmark. Raises InvalidRequest for an impossible place."""
    write(bookmark, draft)
    bookmark.save(update_fields=("name", "account", "role_name", "destination", "region"))


def write(bookmark: Bookmark, draft: Draft) -> None:
    """Put a draft into a bookmark without saving it. Raises InvalidRequest where it cannot be."""
    for error in problems(draft).values():
        raise error
    place = normal_place(draft.to, draft.region)
    bookmark.account_id = draft.way.account_id
    bookmark.role_name = draft.way.role_name
    bookmark.destination, bookmark.region = place.to, place.region
    bookmark.name = tidy_name(draft.name) or suggested_name(draft)


def problems(draft: Draft) -> Mapping[str, InvalidRequest]:
    """Return what cannot be, by field (``region``, ``to``): a place in the role's console can."""
    found = _problem("region", draft, "")
    # What is wrong with the region is said there, not a second time at the place.
    there = replace(draft, region="") if found else draft
    return {**found, **_problem("to", there, draft.to)}


def _problem(field: str, draft: Draft, to: str) -> dict[str, InvalidRequest]:
    way = draft.way
    try:
        parse_destination(
            to,
            draft.region,
            partition=way.partition,
            account_id=way.account_id,
            role_destination=way.destination if to else "",
            role_region=way.region,
        )
    except InvalidRequest as error:
        return {field: error}
    return {}


def problems_anywhere(to: str, region: str) -> Mapping[str, InvalidRequest]:
    """Return what cannot be whatever the role: in no partition, in no account."""
    written = re.match(r"\s*https://([0-9]{12})", to)
    account = written[1] if written else ""
    found = [problems(Draft(_Anywhere(name, account), "", to, region)) for name in PARTITIONS]
    return min(found, key=len)


@dataclass(frozen=True)
class _Anywhere:
    """A role of which nothing is known but where it could be."""

    partition: str
    account_id: str
    account_title: str = ""
    role_name: str = ""
    destination: str = ""
    region: str = ""


def tidy_name(name: str) -> str:
    """Return a name without what could break a line or turn its direction, cut to what fits."""
    return neutral(" ".join(name.split()))[:LONGEST_NAME].strip()


def suggested_name(draft: Draft) -> str:
    """Return what to call a bookmark that got no name: its service and its account."""
    service, _ = describe(draft.to or draft.way.destination, draft.region)
    shown = gettext(service) if service == CONSOLE_HOME else service
    words = gettext("%(service)s in %(account)s")
    name = words % {"service": shown, "account": draft.way.account_title}
    return tidy_name(name)


def move(bookmark: Bookmark, index: int) -> tuple[int, int]:
    """Move a bookmark to a place among its owner's, 0 the first; beyond the ends counts as them.

    Returns where it is now, counted from 1, and how many there are.
    """
    with transaction.atomic():
        others = list(_siblings(bookmark).exclude(pk=bookmark.pk))
        index = min(max(index, 0), len(others))
        ordered = [*others[:index], bookmark, *others[index:]]
        for position, each in enumerate(ordered, start=1):
            each.position = position
        Bookmark.objects.bulk_update(ordered, ["position"])
    return index + 1, len(ordered)


def index_of(bookmark: Bookmark) -> int:
    """Return where a bookmark stands among its owner's, 0 the first."""
    return list(_siblings(bookmark).values_list("pk", flat=True)).index(bookmark.pk)


def _siblings(bookmark: Bookmark) -> QuerySet[Bookmark]:
    return Bookmark.objects.filter(user=bookmark.user_id).order_by("position", "id")


def delete(bookmark: Bookmark) -> dict[str, Any]:
    """Delete a bookmark and return what is needed to bring it back."""
    names = ("name", "account_id", "role_name", "destination", "region", "position")
    kept = {name: getattr(bookmark, name) for name in names}
    bookmark.delete()
    return kept


def bring_back(user: User, kept: dict[str, Any]) -> Bookmark | None:
    """Make a deleted bookmark again, where it stood; None if its account has gone since."""
    if not Account.objects.filter(pk=kept["account_id"]).exists():
        return None
    return Bookmark.objects.create(user=user, **kept)
