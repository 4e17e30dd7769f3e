"""A year of a history in numbers: launches by day, and what they opened.

Of a person, an account or a role the record's own rows are counted, as far as one page looks
through; of everybody the tallies are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from accounts import tally
from accounts.history import LOOKED_THROUGH, Filters, History, details_of, moment_of
from accounts.models import Account, Action, Entry, Outcome
from accounts.tally import Count, LocalDays

WEEKS = 52
MOST_NAMED = 6
"""How many accounts or roles stand beside each other by name."""


@dataclass(frozen=True)
class Opened:
    """An account, or a role, that launches opened. ``name`` and ``environment`` as they were."""

    key: str
    name: str
    environment: str
    launches: int


@dataclass(frozen=True)
class Year:
    """What was launched on the days of a year, and into which accounts: the most opened first.

    ``of_roles``: what was opened are the roles of one account instead. ``others`` were opened
    beside, ``other_launches`` times in all; all since ``opened_since``, if set. ``since`` is how
    far back was counted where that is not the whole year; ``is_behind``: the newest are not
    counted yet.
    """

    first: date
    last: date
    days: Mapping[date, Count]
    opened: list[Opened]
    others: int = 0
    other_launches: int = 0
    of_roles: bool = False
    opened_since: date | None = None
    since: datetime | None = None
    is_behind: bool = False
    accounts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> Count:
        """All of it."""
        return sum(self.days.values(), Count())


def year_of(history: History, today: date) -> Year:
    """Return the year that ends today, as far as it is about whom and where the filters say.

    What happened, when, and words do not matter to it.
    """
    first = today - timedelta(days=today.weekday()) - timedelta(weeks=WEEKS)
    days = LocalDays(first, today)
    filters = history.filters
    if history.actor_key is not None:
        return _of_one(history, days, filters)
    if filters.person or filters.account:
        return _of_some(history, days, filters)
    return _of_all(days)


def _of_all(days: LocalDays) -> Year:
    tally.keep_up()
    found = tally.by_account(days.first)
    top, others, launches = _top(found)
    known = Account.objects.in_bulk([key for key, _ in top])
    opened = [
        Opened(key, known[key].title, known[key].environment, number)
        if key in known
        else Opened(key, key, "", number)
        for key, number in top
    ]
    return Year(
        days.first,
        days.last,
        tally.by_day(days),
        opened,
        others,
        launches,
        opened_since=days.first.replace(day=1),
        is_behind=tally.is_behind(),
    )


# All of them stand in the index by which own history is walked.
_COLUMNS = ("id", "time", "account", "action", "outcome")
_Row = tuple[Any, ...]


def _of_one(history: History, days: LocalDays, filters: Filters) -> Year:
    """Of one person: all their accounts are named, to choose from."""
    scope = Filters(account=filters.account, role=filters.role)
    rows, since = _rows(replace(history, filters=Filters(since=days.first)), scope)
    latest = {row[2]: row[0] for row in reversed(rows) if row[4] != Outcome.DENIED}
    told = _told_by(latest.values())
    accounts = [
        (account, str(told[number].get("account_name") or account))
        for account, number in latest.items()
    ]
    accounts.sort(key=lambda pair: pair[1].casefold())
    return replace(_counted(rows, days, scope), since=since, accounts=accounts)


def _of_some(history: History, days: LocalDays, filters: Filters) -> Year:
    """Of a person, an account or one of its roles: one of them is walked, the others looked for."""
    scope = Filters(person=filters.person, account=filters.account, role=filters.role)
    walked = replace(scope, role=filters.role if filters.account else "", since=days.first)
    rows, since = _rows(replace(history, filters=walked), scope)
    return replace(_counted(rows, days, scope), since=since)


def _rows(history: History, scope: Filters) -> tuple[list[_Row], datetime | None]:
    is_in_index = not scope.account and not scope.role
    columns = _COLUMNS if is_in_index else (*_COLUMNS, "role", "actor")
    rows, end = history.entered(LOOKED_THROUGH, *columns)
    return rows, moment_of(end.time) if end else None


def _counted(rows: list[_Row], days: LocalDays, scope: Filters) -> Year:
    """Count rows, the newest first, as far as they are in the scope."""
    place = _ROLE if scope.account else _ACCOUNT
    found: dict[date, Count] = {}
    opened: Counter[str] = Counter()
    latest: dict[str, int] = {}
    for row in rows:
        count = _count_of(row)
        if count is None or not _is_in(row, scope):
            continue
        day = days.day_of(row[1])
        found[day] = found.get(day, _NOTHING) + count
        if count.launches:
            opened[row[place]] += 1
            latest.setdefault(row[place], row[0])
    top, others, launches = _top(opened)
    told = _told_by(latest[key] for key, _ in top)
    named = [_opened(key, number, told[latest[key]], scope) for key, number in top]
    return Year(days.first, days.last, found, named, others, launches, of_roles=bool(scope.account))


_ACCOUNT, _ROLE, _ACTOR = 2, 5, 6
_NOTHING, _LAUNCH, _TROUBLE = Count(), Count(launches=1), Count(trouble=1)


def _is_in(row: _Row, scope: Filters) -> bool:
    """Tell whether a row is about whom and where; a row that lacks a column was walked by it."""
    if scope.account and row[_ACCOUNT] != scope.account:
        return False
    if len(row) <= _ROLE:
        return True
    is_role = not scope.role or row[_ROLE] == scope.role
    return is_role and (not scope.person or row[_ACTOR] == scope.person)


def _count_of(row: _Row) -> Count | None:
    action, outcome = row[3:5]
    if outcome == Outcome.SUCCEEDED:
        return _LAUNCH if action == Action.LAUNCH else None
    return _TROUBLE if outcome in {Outcome.DENIED, Outcome.FAILED} else None


def _top(opened: Mapping[str, int]) -> tuple[list[tuple[str, int]], int, int]:
    """Return the most opened, how many others there are, and how often those were opened."""
    ordered = sorted(opened.items(), key=lambda pair: (-pair[1], pair[0]))
    named = MOST_NAMED if len(ordered) > MOST_NAMED + 1 else len(ordered)
    others = ordered[named:]
    return ordered[:named], len(others), sum(number for _, number in others)


def _told_by(numbers: Iterable[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return the details of rows by their numbers."""
    rows = Entry.objects.filter(id__in=list(numbers)).values_list("id", "details")
    return {number: details_of(details) for number, details in rows}


def _opened(key: str, number: int, told: Mapping[str, Any], scope: Filters) -> Opened:
    name = told.get("role_title") if scope.account else told.get("account_name")
    return Opened(key, str(name or key), str(told.get("environment") or ""), number)
