"""Bookmarks and roles as a file that browsers import: the Netscape bookmark file.

Every entry is a link of the portal's own, so a launch from it is a launch like any other, with its
question where the rule asks one. Switch Role links are AWS's and stand in a folder of their own.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts import bookmarks
from accounts.entitlements import WayIn, granted_roles
from accounts.models import Bookmark
from accounts.record import neutral
from portal.launch_link import launch_path
from portal.pages.switch_roles import switch_of_way
from portal.pages.visitor import signed_in_user

FILE_NAME = "sekisho-bookmarks.html"

# The format is nobody's standard; this is what Firefox and Chromium write and read.
_HEAD = (
    "<!DOCTYPE NETSCAPE-Bookmark-file-1>",
    '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">',
    "<TITLE>Bookmarks</TITLE>",
    "<H1>Bookmarks</H1>",
)


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Hand the file over: own bookmarks, each group's, every role, and Switch Role links."""
    user = signed_in_user(request)
    ways = granted_roles(user, timezone.now())
    lines = (*_HEAD, *_list(_folder("Sekisho", _content(list(bookmarks.all_of(user)), ways))))
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/html; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def _content(marks: list[Bookmark], ways: list[WayIn]) -> Iterator[str]:
    by_role = {(way.account_id, way.role_name): way for way in ways}
    theirs = [mark for mark in marks if (mark.account_id, mark.role_name) in by_role]
    for group, within in groupby(theirs, key=lambda mark: mark.group.name if mark.group else ""):
        links = _links_of_bookmarks(within, by_role)
        yield from _folder(group, links) if group else links
    yield from _folder(gettext("All roles"), _by_account(ways, _deep_link))
    switched = [way for way in ways if switch_of_way(way).url]
    if switched:
        yield from _folder("Switch Role", _by_account(switched, _switch_link))


def _links_of_bookmarks(
    marks: Iterable[Bookmark], by_role: dict[tuple[str, str], WayIn]
) -> Iterator[str]:
    for mark in marks:
        way = by_role[mark.account_id, mark.role_name]
        path = launch_path(way.account_key, way.role_name, to=mark.destination, region=mark.region)
        yield _link(settings.PORTAL_URL + path, mark.name)


def _by_account(ways: Iterable[WayIn], link: Callable[[WayIn], str]) -> Iterator[str]:
    for _, within in groupby(ways, key=lambda way: way.account_id):
        of_account = list(within)
        yield from _folder(of_account[0].account_title, map(link, of_account))


def _deep_link(way: WayIn) -> str:
    return _link(settings.PORTAL_URL + launch_path(way.account_key, way.role_name), _title(way))


def _switch_link(way: WayIn) -> str:
    return _link(switch_of_way(way).url, _title(way))


def _title(way: WayIn) -> str:
    words = gettext("%(role)s in %(account)s")
    return words % {"role": way.shown_title, "account": way.account_title}


# --- the format ------------------------------------------------------------------------------


def _list(lines: Iterable[str]) -> Iterator[str]:
    yield "<DL><p>"
    yield from (f"    {line}" for line in lines)
    yield "</DL><p>"


def _folder(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<DT><H3>{_text(name)}</H3>"
    yield from _list(lines)


def _link(address: str, name: str) -> str:
    return f'<DT><A HREF="{escape(address)}">{_text(name)}</A>'


def _text(text: str) -> str:
    """A name on one line, without anything that is markup or turns its direction."""
    return escape(neutral(" ".join(text.split())))
