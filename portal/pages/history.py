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
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from accounts import history as own_history
from accounts.aws_rules.destinations import CONSOLE_HOME, describe
from accounts.history import Filters
from accounts.models import Action, Entry, Outcome
from portal.launch_link import launch_path
from portal.pages.environments import KINDS, Environment, environment
from portal.pages.role_rows import left_words
from portal.pages.visitor import signed_in_user
from portal.pages.wording import moment_words

LINES_A_PAGE = 50
LONGEST_QUERY = 200

_WHAT = (
    ("opened", gettext_lazy("Opened")),
    ("refused", gettext_lazy("Denied or failed")),
    ("credentials", gettext_lazy("Credentials")),
    ("sign-in", gettext_lazy("Signed in or out")),
)


@dataclass(frozen=True)
class Line:
    """One act, ready to be told. ``ends`` is when its session ends or ended."""

    entry: Entry
    time: datetime
    details: Mapping[str, Any]
    ends: datetime | None
    now: datetime

    @property
    def kind(self) -> str:
        """What to tell, as a word that the template chooses its sentence by."""
        entry = self.entry
        if entry.action in {Action.LAUNCH, Action.CREDENTIALS}:
            if entry.outcome == Outcome.DENIED:
                return "not-granted" if entry.error == "NotGranted" else "denied"
            return f"{entry.action}-{entry.outcome}"
        if entry.action in {Action.SIGN_IN, Action.SIGN_OUT}:
            return f"{entry.action}-{entry.outcome}"
        return entry.action

    @property
    def account(self) -> str:
        """The account's name as it was, else what was typed."""
        return str(self.details.get("account_name") or self.entry.account)

    @property
    def role(self) -> str:
        """The role's title as it was, else what was typed."""
        return str(self.details.get("role_title") or self.entry.role)

    @property
    def environment(self) -> Environment | None:
        """The account's environment as it was; None where it was not known."""
        name = self.details.get("environment")
        return environment(str(name)) if name else None

    @property
    def where(self) -> str:
        """Service and region of a launch in words; empty for the console's home without region."""
        service, region = describe(self.entry.destination, self.entry.region)
        if service == CONSOLE_HOME:
            return gettext("in %(region)s") % {"region": region} if region else ""
        if not region:
            return gettext("at %(service)s") % {"service": service}
        return gettext("at %(service)s in %(region)s") % {"service": service, "region": region}

    @property
    def is_by_aws(self) -> bool:
        """Whether AWS understood the request and said no."""
        return self.entry.error.startswith("AccessDenied")

    @property
    def is_trouble(self) -> bool:
        """Whether it did not come to what was wanted."""
        return self.entry.outcome in {Outcome.DENIED, Outcome.FAILED}

    @property
    def key_end(self) -> str:
        """As much of the access key's id as tells it from others."""
        return self.entry.access_key_id[-6:]

    @property
    def seconds(self) -> int | None:
        """The session's length."""
        return self.details.get("console_seconds") or self.entry.duration_seconds

    @property
    def left(self) -> str:
        """How long its session still runs, in words; empty when it has ended."""
        is_open = self.ends and self.ends > self.now
        return left_words(self.ends, self.now) if is_open and self.ends else ""

    @property
    def ended(self) -> str:
        """When its session ended; the clock alone on the day on which it began."""
        return moment_words(self.ends, self.time) if self.ends else ""

    @property
    def message(self) -> str:
        """The sentence that the person was told."""
        return str(self.details.get("message", ""))

    @property
    def link(self) -> str:
        """The address that opens the same place again."""
        entry = self.entry
        key = str(self.details.get("alias") or entry.account)
        return launch_path(key, entry.role, to=entry.destination)


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
    lines = _lines(rows[:LINES_A_PAGE], timezone.now())
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


def _lines(rows: Iterable[Entry], now: datetime) -> list[Line]:
    return [_line(entry, now) for entry in rows]


def _line(entry: Entry, now: datetime) -> Line:
    details = own_history.details_of(entry.details)
    ends = None
    if entry.outcome == Outcome.SUCCEEDED:
        ends = own_history.session_ends(
            entry.expires, entry.written, entry.duration_seconds, details
        )
    began = own_history.moment_of(entry.time) or now
    return Line(entry, timezone.localtime(began), details, ends, now)


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
        _chip(filters, gettext_lazy("Denied or failed"), {"what": "refused"}, icon="refused"),
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
