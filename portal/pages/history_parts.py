"""What own history and everybody's record have in common: lines by day, plots, export."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts.history import History
from accounts.history_export import EXPORT_COLUMNS, export_rows, spreadsheet_cells
from accounts.history_year import Year
from portal.pages import history_filters
from portal.pages.history_lines import Line
from portal.pages.history_plots import Calendar, bars

LINES_A_PAGE = 50


@dataclass(frozen=True)
class Day:
    """The lines of a day, newest first. ``is_today`` or ``is_yesterday`` where it is."""

    date: date
    is_today: bool
    is_yesterday: bool
    lines: list[Line]


def lines_and_plots(
    request: HttpRequest,
    shown: History,
    year: Year,
    *,
    is_own: bool,
    finish: Callable[[list[Line]], list[Line]] = list,
) -> dict[str, Any]:
    """Return what the page's plots, lines and export need; ``finish`` adds to the lines."""
    before = history_filters.number(request.GET.get("before", ""))
    page = shown.page(LINES_A_PAGE, before)
    lines = finish([Line.of(entry, shown.now, is_own=is_own) for entry in page.rows])
    return {
        "calendar": Calendar(year, marks_many=not is_own),
        "year": year,
        "bars": bars(year),
        "bar_query": history_filters.query_of(
            request, "before", "role" if year.of_roles else "account"
        ),
        "days": list(_days(lines)),
        "lines": lines,
        "count": shown.count(),
        "query": history_filters.query_of(request, "before"),
        "older": page.older,
        "looked_back_to": page.looked_back_to,
        "is_older": before is not None,
    }


def _days(lines: list[Line]) -> Iterator[Day]:
    today = timezone.localdate()
    for day, of_day in groupby(lines, key=lambda line: line.time.date()):
        yield Day(day, day == today, day == today - timedelta(days=1), list(of_day))


# --- export ----------------------------------------------------------------------------------


def exported(shown: History, form: str, name: str) -> StreamingHttpResponse:
    """Return a download of the acts, all of them. Raises Http404 for a form there is not."""
    if form not in _FORMS:
        raise Http404
    content_type, lines = _FORMS[form]
    response = StreamingHttpResponse(lines(export_rows(shown)), content_type=content_type)
    file_name = f"{name}-{datetime.now(UTC):%Y-%m-%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


class _Echo:
    """What ``csv`` writes to: it hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(EXPORT_COLUMNS)
    for row in rows:
        yield writer.writerow(spreadsheet_cells(row))


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
