"""The signed-in person's way in: their bookmarks, what they used last, every role, a search."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from accounts import bookmarks
from accounts.entitlements import WayIn, first_start, granted_roles
from accounts.models import Bookmark, User
from accounts.uses import Use, uses
from portal.launch_link import launch_path
from portal.pages.environments import KINDS, Environment, environment, kind_of
from portal.pages.role_rows import (
    MANY,
    RoleRows,
    bookmark_place_words,
    left_words,
    place_words,
)
from portal.pages.visitor import signed_in_user
from portal.pages.wording import dated, maker_words
from portal.search import Candidate, ranked, words_of

MOST_HITS = 50
MOST_RECENTS = 5
MOST_BOOKMARK_HITS = 5


@dataclass(frozen=True)
class Tile:
    """A bookmark on home. ``whose`` is the group that shares it and ``maker`` says who made it;
    both are empty for their own."""

    name: str
    path: str
    environment: Environment
    role: str
    account: str
    place: str
    whose: str
    maker: str


@dataclass(frozen=True)
class Recent:
    """A role that was used lately. ``ago`` says when, ``left`` how long its session still runs."""

    path: str
    environment: Environment
    role: str
    account: str
    ago: str
    left: str


@dataclass(frozen=True)
class Chip:
    """A link that shows one kind of environment alone."""

    environment: Environment
    count: int
    is_current: bool


@require_safe
@gzip_page
def home(request: HttpRequest) -> HttpResponse:
    """Show what the person may open; ``?q=`` and ``?environment=`` leave out the rest."""
    page = contents(request, signed_in_user(request))
    template = "portal/home.html" if page["is_anything"] else "portal/home_empty.html"
    return render(request, template, {**page, "here": "home"})


def contents(request: HttpRequest, user: User, *, is_for_another: bool = False) -> dict[str, Any]:
    """Return what the page shows of a person; to another's eyes every way in is without a link."""
    now = timezone.now()
    ways = granted_roles(user, now)
    if not ways:
        groups = list(user.member_of.order_by("name").values_list("name", flat=True))
        return {"groups": groups, "is_anything": False, "begins": first_start(user, now)}
    used = uses(user, now)
    query, kind = request.GET.get("q", "").strip(), request.GET.get("environment", "")
    is_many = not query and len(ways) > MANY
    rows = RoleRows(used, now, is_many=is_many, is_for_another=is_for_another)
    tiles = _tiles(user, ways, is_for_another=is_for_another)
    return {
        "is_anything": True,
        "is_for_another": is_for_another,
        "query": query,
        "most_hits": MOST_HITS,
        **(_found(query, ways, tiles, rows) if query else _everything(kind, ways, tiles, rows)),
        "recents": [] if query else _recents(used, ways, now),
        "lengths": rows.lengths_in_words(),
    }


def _everything(
    kind: str, ways: list[WayIn], tiles: list[Tile], rows: RoleRows
) -> dict[str, object]:
    counts = Counter(kind_of(way.environment) for way in ways)
    if kind in counts:
        shown = [way for way in ways if kind_of(way.environment) == kind]
    else:
        kind, shown = "", ways
    return {
        "bookmarks": tiles,
        "count": len(shown),
        "accounts": rows.by_account(shown),
        "is_many": len(shown) > MANY,
        "kind": kind,
        "chips": _chips(counts, kind),
    }


def _chips(counts: Counter[str], current: str) -> list[Chip]:
    present = [kind for kind in KINDS if counts[kind]]
    if len(present) < 2:
        return []
    return [Chip(environment(kind), counts[kind], kind == current) for kind in present]


# --- search ----------------------------------------------------------------------------------


def _found(query: str, ways: list[WayIn], tiles: list[Tile], rows: RoleRows) -> dict[str, object]:
    hits = ranked(query, (Candidate(_words(way), rows.weight(way)) for way in ways))
    shown = [ways[number] for number in hits[:MOST_HITS]]
    also = ranked(query, (Candidate(_tile_words(tile)) for tile in tiles))
    return {
        "count": len(hits),
        "total": len(ways),
        "hits": rows.hits(shown),
        "also": [tiles[number] for number in also[:MOST_BOOKMARK_HITS]],
    }


def _words(way: WayIn) -> tuple[str, ...]:
    texts = (
        way.account_title,
        way.account_alias or "",
        way.account_id,
        way.shown_title,
        way.role_name if way.role_name != way.shown_title else "",
        environment(way.environment).title,
        place_words(way.destination, "", way.region),
        *way.tags.values(),
    )
    return tuple(words_of(" ".join(texts)))


def _tile_words(tile: Tile) -> tuple[str, ...]:
    return tuple(words_of(f"{tile.name} {tile.role} {tile.account} {tile.place} {tile.whose}"))


# --- bookmarks and recents -------------------------------------------------------------------


def _tiles(user: User, ways: Iterable[WayIn], *, is_for_another: bool) -> list[Tile]:
    """Bookmarks whose role is not theirs stand on the bookmarks' own page only.

    Their own are nobody else's to see.
    """
    by_role = {(way.account_id, way.role_name): way for way in ways}
    marks = (
        (mark, by_role.get((mark.account_id, mark.role_name))) for mark in bookmarks.all_of(user)
    )
    return [_tile(m, way) for m, way in marks if way and (m.group or not is_for_another)]


def _tile(mark: Bookmark, way: WayIn) -> Tile:
    return Tile(
        name=mark.name,
        path=launch_path(way.account_key, way.role_name, to=mark.destination, region=mark.region),
        environment=environment(way.environment),
        role=way.shown_title,
        account=way.account_title,
        place=bookmark_place_words(mark, way),
        whose=mark.group.name if mark.group else "",
        maker=maker_words(mark) if mark.group else "",
    )


def _recents(used: list[Use], ways: Iterable[WayIn], now: datetime) -> list[Recent]:
    """The most used first, those whose session is still open before them."""
    by_role = {(way.account_id, way.role_name): way for way in ways}
    known = [use for use in used if (use.account_id, use.role_name) in by_role][:MOST_RECENTS]
    known.sort(key=lambda use: use.open_until is None)
    return [_recent(use, by_role[use.account_id, use.role_name], now) for use in known]


def _recent(use: Use, way: WayIn, now: datetime) -> Recent:
    return Recent(
        path=launch_path(way.account_key, way.role_name),
        environment=environment(way.environment),
        role=way.shown_title,
        account=way.account_title,
        ago=ago_words(use.last, now),
        left=left_words(use.open_until, now) if use.open_until else "",
    )


def ago_words(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, as people say it: minutes, hours, days, then the date."""
    there, here = timezone.localtime(moment), timezone.localtime(now)
    minutes = int((now - moment).total_seconds()) // 60
    if minutes < 1:
        return gettext("just now")
    if minutes < 60:
        return gettext("%(count)d min ago") % {"count": minutes}
    if there.date() == here.date():
        return gettext("%(count)d h ago") % {"count": minutes // 60}
    if there.date() == here.date() - timedelta(days=1):
        return gettext("yesterday")
    if here.date() - there.date() < timedelta(days=7):
        return dated(there, "l")
    return dated(there, "j M" if there.year == here.year else "j M Y")
