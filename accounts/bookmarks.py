"""A person's own bookmarks: make, change, order, delete, and bring back.

A bookmark is kept in the form in which places are compared (``normal_place``), so that a launch
knows it again.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from accounts.aws_rules.destinations import CONSOLE_HOME, describe, normal_place, parse_destination
from accounts.entitlements import WayIn, bookmarks_of
from accounts.models import Account, Bookmark, User
from accounts.record import neutral

LONGEST_NAME = 100


@dataclass(frozen=True)
class Draft:
    """A bookmark as somebody wrote it; ``to`` is a service, a console path or a console URL."""

    way: WayIn
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
    """Keep a new bookmark behind the others. Raises InvalidRequest for an impossible place."""
    bookmark = Bookmark(user=user)
    _write(bookmark, draft)
    with transaction.atomic():
        last = own(user).aggregate(last=Coalesce(Max("position"), 0))["last"]
        bookmark.position = last + 1
        bookmark.save(force_insert=True)
    return bookmark


def change(bookmark: Bookmark, draft: Draft) -> None:
    """Write the draft over a bookmark. Raises InvalidRequest for an impossible place."""
    _write(bookmark, draft)
    bookmark.save(update_fields=("name", "account", "role_name", "destination", "region"))


def _write(bookmark: Bookmark, draft: Draft) -> None:
    check_region(draft)
    check_place(draft)
    place = normal_place(draft.to, draft.region)
    bookmark.account_id = draft.way.account_id
    bookmark.role_name = draft.way.role_name
    bookmark.destination, bookmark.region = place.to, place.region
    bookmark.name = tidy_name(draft.name) or suggested_name(draft)


def check_place(draft: Draft) -> None:
    """Raise InvalidRequest unless the place is one in the console of the draft's account."""
    _parse(draft, draft.to)


def check_region(draft: Draft) -> None:
    """Raise InvalidRequest unless the region is one of the account's partition."""
    _parse(draft, "")


def _parse(draft: Draft, to: str) -> None:
    way = draft.way
    parse_destination(
        to,
        draft.region,
        partition=way.partition,
        account_id=way.account_id,
        role_destination=way.destination if to else "",
        role_region=way.region,
    )


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
