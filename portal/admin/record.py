"""The record of everybody, for administrators and auditors: seen, never changed.

It is the page that people know of their own history, with who, from where and by which grant, and
with the way to what AWS wrote down of the same session. Model pages there are none: whoever comes
to them is led here, and whoever tries to add, change or delete is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import history
from accounts.aws_rules.event_history import event_history_url, partition_of_region
from accounts.entitlements import roles_into
from accounts.history import Filters, History
from accounts.history_year import year_of
from accounts.models import Account, Action, Entry, Phase, User
from portal.admin.recorded import RecordedAdmin
from portal.admin.site import site
from portal.launch_link import launch_path
from portal.pages.history_changes import Difference, differences
from portal.pages.history_filters import (
    ACTION_TITLES,
    KIND_TITLES,
    OUTCOME_TITLES,
    all_chips,
    number,
    query_of,
    read_all,
)
from portal.pages.history_lines import Line
from portal.pages.history_parts import exported, lines_and_plots
from portal.pages.visitor import signed_in_user

_MAY_SEE = "accounts.view_entry"
_HIDDEN = ("environment", "what")
"""Filters that have no field of their own: chips set them, a form keeps them."""

_BEHIND_FOLD = ("kind", "name", "key", "session", "request", "ip")


@register(Entry, site=site)
class EntryAdmin(RecordedAdmin):
    """The record's rows. Nobody adds, changes or deletes any."""

    kind = "entry"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        """Lead to the record's own page, with the same filters."""
        _require_may_see(request)
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        address = redirect("admin:record")
        address["Location"] += f"?{query}" if (query := query_of(request)) else ""
        return address

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Lead to the act that a row is of; nothing else, whoever asks."""
        _require_may_see(request)
        if object_id is None or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        row = Entry.objects.filter(id=number(object_id) or 0).only("act_id").first()
        if row is None:
            raise Http404
        return redirect("admin:record_act", row.act_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Say no: acts write rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Say no, to superusers too."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Say no, to superusers too."""
        return False


def _require_may_see(request: HttpRequest) -> None:
    if not signed_in_user(request).has_perm(_MAY_SEE):
        raise PermissionDenied


# --- the page --------------------------------------------------------------------------------


@require_safe
def record(request: HttpRequest) -> HttpResponse:
    """Show everybody's acts, as many as fit, with a way to older ones."""
    _require_may_see(request)
    filters = _with_account_id(read_all(request.GET))
    everybody = History(filters)
    year = year_of(everybody, timezone.localdate())
    context = {
        "here": "record",
        "title": "",
        "filters": filters,
        "typed": request.GET,
        "words": " ".join(filters.words),
        "actions": ACTION_TITLES,
        "outcomes": OUTCOME_TITLES,
        "kinds": KIND_TITLES,
        "hidden": {name: value for name in _HIDDEN if (value := getattr(filters, name))},
        "is_fold_open": any(getattr(filters, name) for name in _BEHIND_FOLD),
        "chips": all_chips(filters),
        "is_filtered": filters != Filters(),
        **lines_and_plots(
            request,
            everybody,
            year,
            is_own=False,
            finish=lambda lines: _with_ways(lines, signed_in_user(request), everybody.now),
        ),
    }
    return render(request, "admin/record.html", context)


@require_safe
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """Download exactly the acts that the filters leave, all of them, as CSV or JSON."""
    _require_may_see(request)
    return exported(History(_with_account_id(read_all(request.GET))), form, "record")


def _with_account_id(filters: Filters) -> Filters:
    """Take an account's alias for the number that the record keeps."""
    alias = filters.account
    if not alias or alias.isdigit() or "\0" in alias:
        return filters
    known = Account.objects.filter(alias=alias.lower()).values_list("account_id", flat=True).first()
    return replace(filters, account=known) if known else filters


# --- one act ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of the record, as both rows of an act say it."""

    name: str
    values: list[str]


@require_safe
def act(request: HttpRequest, act_id: str) -> HttpResponse:
    """Show an act whole: what was before and after, and its rows word for word."""
    _require_may_see(request)
    rows = history.act(act_id)
    if not rows:
        raise Http404
    now = timezone.now()
    (line,) = _with_ways([Line.of(rows[-1], now, is_own=False)], signed_in_user(request), now)
    context = {
        "here": "record",
        "line": line,
        "entry": rows[-1],
        "rows": rows,
        "columns": [column for name in _COLUMNS if any((column := _column(name, rows)).values)],
        "differences": differences(line.details),
        "changes": _changes(line.details),
        "changes_left_out": line.details.get("changes_left_out") or 0,
    }
    return render(request, "admin/record_act.html", context)


# The actor's key is what own history goes by; nobody else has a use for it.
_COLUMNS = tuple(
    field.name
    for field in Entry._meta.concrete_fields  # noqa: SLF001
    if field.name != "actor_key"
)


def _column(name: str, rows: list[Entry]) -> Column:
    return Column(name, [_shown(row, name) for row in rows])


def _shown(row: Entry, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else str(value)


@dataclass(frozen=True)
class FileChange:
    """A line of an access file's plan: what was changed, and what was different."""

    title: str
    differences: list[Difference]


def _changes(details: Mapping[str, Any]) -> list[FileChange]:
    """Return what an access file changed."""
    changes = details.get("changes")
    return [
        FileChange(str(change.get("change", "")), differences(change))
        for change in (changes if isinstance(changes, list) else [])
        if isinstance(change, dict)
    ]


# --- what AWS wrote down of it ---------------------------------------------------------------


def _with_ways(lines: list[Line], reader: User, now: datetime) -> list[Line]:
    """Give each line of a session the address of its events, and the reader's way in to them."""
    accounts = {line.entry.account for line in lines if _is_in_cloudtrail(line.entry)}
    if not accounts:
        return lines
    known = Account.objects.filter(pk__in=accounts).values_list("account_id", "partition")
    partitions = dict(known)
    ways = roles_into(reader, accounts, now)
    return [
        _with_way(line, partitions.get(line.entry.account, ""), ways)
        if _is_in_cloudtrail(line.entry)
        else line
        for line in lines
    ]


def _with_way(line: Line, partition: str, ways: Mapping[str, list[str]]) -> Line:
    entry = line.entry
    where = partition or partition_of_region(entry.region)
    events = event_history_url(where, entry.region, entry.session_name)
    theirs = ways.get(entry.account, [])
    return replace(line, events=events, events_way=_way(entry, theirs, events))


def _is_in_cloudtrail(entry: Entry) -> bool:
    is_entering = entry.action in {Action.LAUNCH, Action.CREDENTIALS}
    was_asked = entry.phase != Phase.SINGLE
    return is_entering and was_asked and bool(entry.session_name)


def _way(entry: Entry, theirs: list[str], events: str) -> str:
    """Return the launch that leads there: by the same role, else by the reader's first one."""
    if not theirs:
        return ""
    role = entry.role if entry.role in theirs else theirs[0]
    return launch_path(entry.account, role, to=events)


site.add_page("record/", record, "record")
site.add_page("record/export.<str:form>", export, "record_export")
site.add_page("record/<str:act_id>/", act, "record_act")
