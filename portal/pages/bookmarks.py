"""Make, change, order and delete bookmarks; those of the person's groups beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import bookmarks as domain
from accounts.aws_rules.partitions import REGION_TITLES
from accounts.bookmarks import Draft
from accounts.entitlements import WayIn, granted_roles
from accounts.errors import InvalidRequest, LimitExceeded
from accounts.models import Bookmark
from portal.launch_link import launch_path
from portal.pages.environments import Environment, environment
from portal.pages.opening import SeeOther
from portal.pages.role_rows import MANY, bookmark_place_words
from portal.pages.visitor import signed_in_user
from portal.pages.wording import maker_words, sentences

_DELETED, _NOTICE = "deleted_bookmark", "bookmark_notice"


@dataclass(frozen=True)
class Row:
    """A bookmark as the list shows it; without ``path`` where its role is not theirs now.

    ``maker`` says who made a group's.
    """

    bookmark: Bookmark
    path: str
    environment: Environment
    role: str
    place: str
    maker: str = ""


@dataclass(frozen=True)
class Shared:
    """A group's bookmarks."""

    group: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Form:
    """What somebody wrote, kept as they wrote it; ``way`` is ``account/role``."""

    to: str = ""
    region: str = ""
    name: str = ""
    way: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "Form":
        """Read it off a form, or off a link's query, which names account and role apart."""
        account, role = fields.get("account", ""), fields.get("role", "")
        return cls(
            to=fields.get("to", ""),
            region=fields.get("region", ""),
            name=fields.get("name", ""),
            way=fields.get("way", "") or (f"{account}/{role}" if account and role else ""),
        )

    @classmethod
    def of(cls, bookmark: Bookmark) -> "Form":
        """Return the form that would make this bookmark."""
        return cls(
            to=bookmark.destination,
            region=bookmark.region,
            name=bookmark.name,
            way=f"{bookmark.account.key}/{bookmark.role_name}",
        )


@require_http_methods(["GET", "HEAD", "POST"])
def bookmarks(request: HttpRequest) -> HttpResponse:
    """Show the person's bookmarks and their groups'; make a new one."""
    if request.method != "POST":
        return _page(request, Form.read(request.GET))
    if "undo" in request.POST:
        return _undo(request)
    form = Form.read(request.POST)
    draft, errors = _checked(form, _ways(request))
    if draft is None:
        return _page(request, _with(form, errors), status=400)
    try:
        made = domain.make(signed_in_user(request), draft)
    except LimitExceeded as error:
        return _page(request, _with(form, {"to": sentences(error)}), status=error.status)
    _notice(request, gettext("“%(name)s” is kept") % {"name": made.name})
    return _back_to(made)


@require_http_methods(["GET", "HEAD", "POST"])
def bookmark(request: HttpRequest, bookmark: int) -> HttpResponse:
    """Change one of their own."""
    kept = _own(request, bookmark)
    if request.method != "POST":
        return _page(request, Form.of(kept), changing=kept)
    form = Form.read(request.POST)
    draft, errors = _checked(form, _ways(request))
    if draft is None:
        return _page(request, _with(form, errors), changing=kept, status=400)
    domain.change(kept, draft)
    _notice(request, gettext("“%(name)s” is changed") % {"name": kept.name})
    return _back_to(kept)


@require_POST
def move(request: HttpRequest, bookmark: int) -> HttpResponse:
    """Move one of their own a place up or down, or to a place counted from 0."""
    kept = _own(request, bookmark)
    steps = {"up": -1, "down": 1}
    wanted = request.POST.get("to", "")
    if wanted in steps:
        index = domain.index_of(kept) + steps[wanted]
    else:
        index = int(wanted) if wanted.isdecimal() and len(wanted) < 6 else domain.index_of(kept)
    place, count = domain.move(kept, index)
    words = gettext("“%(name)s” is now number %(place)d of %(count)d")
    _notice(request, words % {"name": kept.name, "place": place, "count": count})
    return _back_to(kept)


@require_POST
def delete(request: HttpRequest, bookmark: int) -> HttpResponse:
    """Delete one of their own; the next page offers to bring it back."""
    kept = _own(request, bookmark)
    request.session[_DELETED] = domain.delete(kept)
    _notice(request, gettext("“%(name)s” is deleted") % {"name": kept.name}, can_undo=True)
    return SeeOther(reverse("bookmarks"))


def _undo(request: HttpRequest) -> HttpResponse:
    deleted = request.session.pop(_DELETED, None)
    back = domain.bring_back(signed_in_user(request), deleted) if deleted else None
    if back is None:
        return SeeOther(reverse("bookmarks"))
    _notice(request, gettext("“%(name)s” is back") % {"name": back.name})
    return _back_to(back)


def _own(request: HttpRequest, number: int) -> Bookmark:
    """Other people's bookmarks answer like those that are not there."""
    mine = Bookmark.objects.select_related("account")
    return get_object_or_404(mine, pk=number, user=signed_in_user(request))


def _back_to(bookmark: Bookmark) -> HttpResponse:
    return SeeOther(f"{reverse('bookmarks')}#bookmark-{bookmark.pk}")


def _notice(request: HttpRequest, words: str, *, can_undo: bool = False) -> None:
    request.session[_NOTICE] = {"words": words, "can_undo": can_undo}


# --- the form --------------------------------------------------------------------------------


def _ways(request: HttpRequest) -> list[WayIn]:
    return granted_roles(signed_in_user(request), timezone.now())


def _with(form: Form, errors: Mapping[str, str]) -> Form:
    return Form(form.to, form.region, form.name, form.way, errors)


def _checked(form: Form, ways: list[WayIn]) -> tuple[Draft | None, Mapping[str, str]]:
    """Return the draft, or for each field that cannot be what is wrong with it."""
    way = _chosen(form.way, ways)
    if way is None:
        wrong = _told(domain.problems_anywhere(form.to, form.region))
        return None, {"way": gettext("Choose one of your roles."), **wrong}
    draft = Draft(way, form.name, form.to, form.region)
    problems = domain.problems(draft)
    return (None, _told(problems)) if problems else (draft, {})


def _told(problems: Mapping[str, InvalidRequest]) -> dict[str, str]:
    return {name: sentences(error) for name, error in problems.items()}


def _chosen(written: str, ways: list[WayIn]) -> WayIn | None:
    """Written is the account's alias or number, a slash, and the role's name."""
    account, _, role = written.strip().partition("/")
    return next(
        (
            way
            for way in ways
            if way.role_name == role and account in {way.account_alias, way.account_id}
        ),
        None,
    )


# --- the page --------------------------------------------------------------------------------


def _page(
    request: HttpRequest, form: Form, *, changing: Bookmark | None = None, status: int = 200
) -> HttpResponse:
    ways = _ways(request)
    own, shared = _listed(request, ways)
    chosen = _chosen(form.way, ways)
    context: dict[str, Any] = {
        "here": "bookmarks",
        "form": form,
        "changing": changing,
        "ways": ways,
        "chosen": chosen.key if chosen else "",
        "suggested": _suggested(chosen, form),
        "regions": sorted(REGION_TITLES.items()),
        "is_many": len(ways) > MANY,
        "own": own,
        "shared": shared,
        "count": len(own) + sum(len(each.rows) for each in shared),
        "notice": request.session.pop(_NOTICE, None),
    }
    return render(request, "portal/bookmarks.html", context, status=status)


def _suggested(chosen: WayIn | None, form: Form) -> str:
    return domain.suggested_name(Draft(chosen, "", form.to, form.region)) if chosen else ""


def _listed(request: HttpRequest, ways: list[WayIn]) -> tuple[list[Row], list[Shared]]:
    """Their own, and of their groups' those whose role they may enter now."""
    by_role = {(way.account_id, way.role_name): way for way in ways}
    own: list[Row] = []
    shared: dict[str, list[Row]] = {}
    for mark in domain.all_of(signed_in_user(request)):
        row = _row(mark, by_role.get((mark.account_id, mark.role_name)))
        if mark.group is None:
            own.append(row)
        elif row.path:
            shared.setdefault(mark.group.name, []).append(row)
    return own, [Shared(group, rows) for group, rows in shared.items()]


def _row(mark: Bookmark, way: WayIn | None) -> Row:
    place = environment(mark.account.environment)
    if way is None:
        return Row(mark, "", place, "", "")
    return Row(
        bookmark=mark,
        path=launch_path(way.account_key, way.role_name, to=mark.destination, region=mark.region),
        environment=place,
        role=gettext("%(role)s in %(account)s")
        % {"role": way.shown_title, "account": way.account_title},
        place=bookmark_place_words(mark, way),
        maker=maker_words(mark) if mark.group else "",
    )
