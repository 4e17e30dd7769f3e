"""The person's own record: plain lines by day, filters as addresses, export of what is shown."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import history as own_history
from accounts.history import Filters
from portal.pages.environments import KINDS, environment
from portal.pages.history_lines import Line
from portal.pages.visitor import signed_in_user

LINES_A_PAGE = 50
LONGEST_QUERY = 200

_WHAT = (
    ("opened", gettext_lazy("Opened")),
    ("trouble", gettext_lazy("Denied or failed")),
    ("credentials", gettext_lazy("Credentials")),
    ("sign-in", gettext_lazy("Signed in or out")),
)


@dataclass(frozen=True)
class Day:
    """The lines of a day, newest first. ``name`` is "today" or "yesterday" where it is."""

    date: date
    is_today: bool
    is_yesterday: bool
    lines: list[Line]


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Show the person's own acts, as many as fit, with a way to older ones."""
    user = signed_in_user(request)
    filters = read_filters(request.GET)
    found = own_history.filtered(user, filters)
    before = _number(request.GET.get("before", ""))
    shown = own_history.older_than(found, before) if before else found
    rows = list(shown[: LINES_A_PAGE + 1])
    now = timezone.now()
    lines = [Line.of(entry, now) for entry in rows[:LINES_A_PAGE]]
    context = {
        "here": "history",
        "filters": filters,
        "words": " ".join(filters.words),
        "accounts": own_history.accounts_entered(user),
        "what": _WHAT,
        "kinds": [environment(kind) for kind in KINDS if kind != "other"],
        "chips": _chips(request, filters),
        "days": list(_days(lines)),
        "lines": lines,
        "count": found.count(),
        "is_filtered": filters != Filters(),
        "query": _query(request, "before"),
        "older": rows[LINES_A_PAGE - 1].id if len(rows) > LINES_A_PAGE else None,
        "is_older": bool(before),
    }
    return render(request, "portal/history.html", context)


def _days(lines: list[Line]) -> Iterator[Day]:
    today = timezone.localdate()
    for day, of_day in groupby(lines, key=lambda line: line.time.date()):
        yield Day(day, day == today, day == today - timedelta(days=1), list(of_day))


# --- filters ---------------------------------------------------------------------------------


def read_filters(query: Mapping[str, str]) -> Filters:
    """Read the filters off an address; what is no filter counts as none."""
    what = query.get("what", "")
    kind = query.get("environment", "")
    return Filters(
        words=tuple(query.get("q", "")[:LONGEST_QUERY].split()),
        account=query.get("account", "")[:100],
        environment=kind if kind in KINDS else "",
        what=what if what in own_history.WHAT else "",
        since=_day(query.get("from", "")),
        until=_day(query.get("to", "")),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


@dataclass(frozen=True)
class Chip:
    """A filter to choose by one click; ``icon`` and ``kind`` are for the eye."""

    title: Any
    query: str
    is_current: bool
    icon: str = ""
    kind: str = ""


def _chips(request: HttpRequest, filters: Filters) -> list[Chip]:
    today = timezone.localdate()
    week, month = (today - timedelta(days=days) for days in (7, 30))
    return [
        Chip(gettext_lazy("Everything"), "", filters == Filters()),
        _chip(filters, gettext_lazy("7 days"), {"from": week.isoformat()}),
        _chip(filters, gettext_lazy("30 days"), {"from": month.isoformat()}),
        _chip(
            filters,
            gettext_lazy("Production"),
            {"environment": "production"},
            icon="env-production",
            kind="production",
        ),
        _chip(filters, gettext_lazy("Denied or failed"), {"what": "trouble"}, icon="refused"),
    ]


def _chip(filters: Filters, title: Any, query: Mapping[str, str], **look: str) -> Chip:
    return Chip(title, urlencode(query), read_filters(query) == filters, **look)


def _query(request: HttpRequest, *without: str) -> str:
    kept = {name: value for name, value in request.GET.items() if value and name not in without}
    return urlencode(kept)


# --- export ----------------------------------------------------------------------------------


@require_safe
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """Download exactly the acts that the filters leave, all of them, as CSV or JSON."""
    if form not in _FORMS:
        raise Http404
    content_type, lines = _FORMS[form]
    found = own_history.filtered(signed_in_user(request), read_filters(request.GET))
    response = StreamingHttpResponse(
        lines(own_history.export_rows(found)), content_type=content_type
    )
    name = f"history-{datetime.now(UTC):%Y-%m-%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Echo:
    """What ``csv`` writes to: it hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(own_history.EXPORT_COLUMNS)
    for row in rows:
        yield writer.writerow(own_history.spreadsheet_cells(row))


def _json_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield before + "\n" + json.dumps(row, ensure_ascii=False)
        before = ","
    yield ("[" if before == "[" else "") + "\n]\n"


_FORMS = {
    "csv": ("text/csv; charset=utf-8", _csv_lines),
    "json": ("application/json", _json_lines),
}
