"""The administration's start page: what needs attention, what was opened lately, ways to all of it.

A fixed number of queries whatever the database holds, and nothing that is not the reader's to see.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Count, Model, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import tally
from accounts.administration.attention import attention
from accounts.history import History
from accounts.models import (
    Account,
    Bookmark,
    CredentialSource,
    Entry,
    Grant,
    Group,
    RecordHead,
    Role,
    User,
)
from portal.admin.start.attention_lines import AttentionLine
from portal.admin.start.launch_plot import DAYS, Day, LaunchPlot
from portal.pages.history_lines import Line
from portal.pages.visitor import signed_in_user

JUST_NOW = 10
MANY_NEEDS = 5
"""With more, the other cards stand beside them instead of below."""


@dataclass(frozen=True)
class Shelf:
    """All things of a kind: where they are, how many, and where to make one (empty: may not)."""

    icon: str
    title: Any
    url: str
    number: int
    add_url: str

    @property
    def number_shown(self) -> str:
        """The number as a person reads it."""
        return number_format(self.number, force_grouping=True)


_WAYS_IN: Sequence[tuple[type[Model], str, Any]] = (
    (Account, "cube", gettext_lazy("Accounts")),
    (Role, "key", gettext_lazy("Roles")),
    (Grant, "ticket", gettext_lazy("Grants")),
    (CredentialSource, "source", gettext_lazy("Credential sources")),
)
_PEOPLE: Sequence[tuple[type[Model], str, Any]] = (
    (User, "user", gettext_lazy("People")),
    (Group, "group", gettext_lazy("Groups")),
    (Bookmark, "bookmark", gettext_lazy("Team bookmarks")),
    (Entry, "list", gettext_lazy("Record")),
)


def start(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the start page. ``site`` knows what the reader may add."""
    return _start(request, site)


@require_safe
def _start(request: HttpRequest, site: AdminSite) -> HttpResponse:
    now = timezone.now()
    may_see_record = _may(request, "view", Entry)
    numbers = _numbers()
    needs = [AttentionLine.of(found, now) for found in attention(signed_in_user(request), now)]
    context = {
        "title": gettext_lazy("Administration"),
        "attention": needs,
        "is_long": len(needs) > MANY_NEEDS,
        "ways_in": list(_shelves(site, request, _WAYS_IN, numbers)),
        "people": list(_shelves(site, request, _PEOPLE, numbers)),
        "may_see_record": may_see_record,
        "plot": _plot() if may_see_record else None,
        "lines": _just_now(now) if may_see_record else [],
        "may_see_people": _may(request, "view", User),
        "new_grant_url": _add_url(site, request, Grant),
    }
    return render(request, "admin/index.html", context)


def _may(request: HttpRequest, verb: str, model: type[Model]) -> bool:
    reader = signed_in_user(request)
    return reader.has_perm(f"accounts.{verb}_{model._meta.model_name}")  # noqa: SLF001


# --- what was done ---------------------------------------------------------------------------


def _plot() -> LaunchPlot:
    tally.keep_up()
    today = timezone.localdate()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    counts = tally.by_day(tally.LocalDays(days[0], today))
    return LaunchPlot([_day(day, counts.get(day, tally.Count())) for day in days])


def _day(day: date, count: tally.Count) -> Day:
    return Day(day, count.production, count.launches - count.production)


def _just_now(now: datetime) -> list[Line]:
    return [Line.of(entry, now, is_own=False) for entry in History().page(JUST_NOW).rows]


# --- shelves ---------------------------------------------------------------------------------


def _shelves(
    site: AdminSite,
    request: HttpRequest,
    kinds: Sequence[tuple[type[Model], str, Any]],
    numbers: dict[str, int],
) -> Iterator[Shelf]:
    for model, icon, title in kinds:
        if _may(request, "view", model):
            number = numbers[model.__name__]
            url = reverse(f"admin:accounts_{model.__name__.lower()}_changelist")
            yield Shelf(icon, title, url, number, _add_url(site, request, model))


def _add_url(site: AdminSite, request: HttpRequest, model: type[Model]) -> str:
    pages = site._registry.get(model)  # noqa: SLF001
    if pages is None or not pages.has_add_permission(request):
        return ""
    return reverse(f"admin:accounts_{model.__name__.lower()}_add")


def _numbers() -> dict[str, int]:
    """Count everything in one query; of bookmarks only the shared ones, of the record its head."""
    shared = Bookmark.objects.filter(group__isnull=False)
    counted = [model.objects for model in (Role, Grant, CredentialSource, User, Group)]
    counts = [_count(Account.objects.all()), *map(_count, counted), _count(shared)]
    head = RecordHead.objects.values_list(Value(Entry.__name__), "count")
    rows = counts[0].union(*counts[1:], head, all=True)
    return {Entry.__name__: 0, **dict(rows)}


def _count(things: Any) -> Any:
    kind = Value(things.model.__name__)
    return things.order_by().values(kind=kind).annotate(number=Count("*")).values_list(
        "kind", "number"
    )  # fmt: skip
