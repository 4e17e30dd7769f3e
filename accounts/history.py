"""A person's own acts, as the record keeps them: folded, filtered, exported.

Own is what carries the person's record key: names change hands, keys do not.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery

from accounts.models import Action, Entry, Outcome, Phase, User
from accounts.record import moment_text

EXPORT_COLUMNS = (
    "id",
    "time",
    "actor",
    "action",
    "account",
    "role",
    "method",
    "source",
    "grant",
    "session_name",
    "source_identity",
    "access_key_id",
    "region",
    "destination",
    "duration_seconds",
    "expires",
    "reason",
    "ip",
    "user_agent",
    "request_id",
    "outcome",
    "error",
    "details",
)
"""What an export holds, in this order; ``id`` is the act's, the same before and after its end."""

# PostgreSQL's text cannot hold it, and no row does.
_NUL = "\0"

_SEARCHED = ("account", "role", "region", "destination", "reason", "error", "request_id", "ip")


@dataclass(frozen=True)
class Filters:
    """What to show of a history; empty means everything.

    ``what`` is a key of ``WHAT``; ``since`` and ``until`` are days in UTC, both included.
    """

    words: tuple[str, ...] = ()
    account: str = ""
    environment: str = ""
    what: str = ""
    since: date | None = None
    until: date | None = None


WHAT: Mapping[str, Q] = {
    "opened": Q(action=Action.LAUNCH, outcome=Outcome.SUCCEEDED),
    "trouble": Q(outcome__in=(Outcome.DENIED, Outcome.FAILED)),
    "credentials": Q(action=Action.CREDENTIALS),
    "sign-in": Q(action__in=(Action.SIGN_IN, Action.SIGN_OUT)),
}
"""The kinds of acts that a person can ask for."""


def acts(user: User) -> QuerySet[Entry]:
    """Return one row an act, the newest first: its last row, which repeats what the first said."""
    closed = Entry.objects.filter(act_id=OuterRef("act_id"), phase=Phase.CLOSED)
    return (
        Entry.objects.filter(actor_key=user.record_key)
        .filter(~Q(phase=Phase.OPENED) | ~Exists(closed))
        .order_by("-time", "-id")
    )


def filtered(user: User, filters: Filters) -> QuerySet[Entry]:
    """Return the acts that the filters leave."""
    found = acts(user)
    if _NUL in "".join((filters.account, *filters.words)):
        return found.none()
    for word in filters.words:
        found = found.filter(_mentions(word))
    if filters.account:
        found = found.filter(account=filters.account)
    if filters.environment:
        found = found.filter(details__contains=_as_in_json("environment", filters.environment))
    if filters.what in WHAT:
        found = found.filter(WHAT[filters.what])
    if filters.since:
        found = found.filter(time__gte=_start_of(filters.since))
    if filters.until and filters.until < date.max:
        found = found.filter(time__lt=_start_of(filters.until + timedelta(days=1)))
    return found


def older_than(found: QuerySet[Entry], number: int) -> QuerySet[Entry]:
    """Return what comes after the row of that number, as the newest come first."""
    time_of_it = Subquery(Entry.objects.filter(id=number).values("time"))
    return found.filter(time__lte=time_of_it).filter(
        Q(time__lt=time_of_it) | Q(id__lt=number, time=time_of_it)
    )


def _mentions(word: str) -> Q:
    mentions = Q(details__icontains=json.dumps(word)[1:-1])
    for column in _SEARCHED:
        mentions |= Q(**{f"{column}__icontains": word})
    return mentions


def _as_in_json(name: str, value: str) -> str:
    """The record keeps details as ``json.dumps`` writes them."""
    return json.dumps({name: value})[1:-1]


def _start_of(day: date) -> str:
    return moment_text(datetime.combine(day, time.min, tzinfo=UTC))


def accounts_entered(user: User) -> list[tuple[str, str]]:
    """Return id and name, as it was last, of the accounts that the person's acts were about.

    Only acts that the portal knew the account of: what was merely typed stays nameless.
    """
    latest = (
        Entry.objects.filter(actor_key=user.record_key, method__gt="")
        .order_by()
        .values("account")
        .annotate(latest=Max("id"))
        .values("latest")
    )
    rows = Entry.objects.filter(id__in=latest).values_list("account", "details")
    named = ((account, details_of(text).get("account_name", account)) for account, text in rows)
    return sorted(named, key=lambda pair: str(pair[1]).casefold())


def details_of(text: str) -> dict[str, Any]:
    """Return a row's details, which were made harmless when they were written."""
    details: dict[str, Any] = json.loads(text)
    return details


def moment_of(text: str) -> datetime | None:
    """Return a moment as the record keeps it; None where there is none."""
    return datetime.fromisoformat(text) if text else None


def session_ends(
    expires: str, written: str, duration_seconds: int | None, details: Mapping[str, Any]
) -> datetime | None:
    """Return when a session ends: with its credentials, or a console session's own length on."""
    console_seconds = details.get("console_seconds")
    if isinstance(console_seconds, int) and console_seconds != duration_seconds:
        begun = moment_of(written)
        return begun + timedelta(seconds=console_seconds) if begun else None
    return moment_of(expires)


# --- export ----------------------------------------------------------------------------------

_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_KEPT_COLUMNS = ("act_id", *EXPORT_COLUMNS[1:])


def export_rows(found: QuerySet[Entry]) -> Iterator[dict[str, Any]]:
    """Yield one act after the other under the export's names, ``details`` as an object."""
    rows: Iterable[tuple[Any, ...]] = found.values_list(*_KEPT_COLUMNS).iterator(chunk_size=2000)
    for values in rows:
        row = dict(zip(EXPORT_COLUMNS, values, strict=True))
        yield {**row, "details": details_of(row["details"])}


def spreadsheet_cells(row: Mapping[str, Any]) -> list[str]:
    """Return an act's cells for a CSV file: no cell is a formula to any spreadsheet."""
    return [_harmless(_cell_text(row[name])) for name in EXPORT_COLUMNS]


def _cell_text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return "" if value is None else str(value)


def _harmless(text: str) -> str:
    """A leading apostrophe makes spreadsheets show a cell's text instead of working it out."""
    return f"'{text}" if _FORMULA.match(text) else text
