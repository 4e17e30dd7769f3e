"""How often accounts were opened: on each day of a time zone, and which accounts.

Counted ahead, as a year of everybody's acts is too much to read for a page. The record's numbers
have no gaps and its rows never change, so what has been counted stays right: a page adds the few
rows since, and counts them for the next page when they have become many. Who launches does
nothing for it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db import connection, connections
from django.db.models import QuerySet, Subquery, Sum
from django.utils import timezone

from accounts import record
from accounts.errors import RecordUnavailable
from accounts.models import (
    AccountTally,
    Entry,
    RecordHead,
    Tally,
)
from accounts.record import moment_text

COUNTED_AT_ONCE = 5000
"""Rows that are counted in one transaction, which launches on SQLite wait for."""

_MOST_AT_ONCE = 2
_MOST_ADDED_UP = 10_000
_WORTH_COUNTING = 1000
_MINUTE = len("2026-11-25T12:15")
_MONTH = len("2026-11")


@dataclass(frozen=True)
class Count:
    """How many launches opened a console, and how many ways in were denied or failed.

    ``production`` of the launches led into production; only in counts of everybody.
    """

    launches: int = 0
    trouble: int = 0
    production: int = 0

    def __add__(self, other: "Count") -> "Count":
        """Return both together."""
        return Count(
            self.launches + other.launches,
            self.trouble + other.trouble,
            self.production + other.production,
        )


@dataclass(frozen=True)
class LocalDays:
    """The days from ``first`` to ``last``, both included, of the current time zone."""

    first: date
    last: date

    @cached_property
    def _starts(self) -> list[str]:
        """When each begins, and when the last ends: to the minute, in UTC."""
        days = range((self.last - self.first).days + 2)
        return [_start_of(self.first + timedelta(days=day)) for day in days]

    @property
    def since(self) -> str:
        """When the first begins, as the record keeps moments, to the minute."""
        return self._starts[0]

    @property
    def until(self) -> str:
        """When the last has ended, to the minute."""
        return self._starts[-1]

    def day_of(self, moment: str) -> date:
        """Return the day of a moment within them, as the record keeps moments."""
        return self.first + timedelta(days=bisect_right(self._starts, moment[:_MINUTE]) - 1)

    def counted(self) -> tuple[list[tuple[int, ...]], int]:
        """Return what is counted on each, by its place among them.

        And, of the same moment, the number of the last entry that is.
        """
        parts = [
            part
            for place, start in enumerate(self._starts[:-1])
            for part in (place, start, self._starts[place + 1])
        ]
        statement = _BY_DAY.format(days=", ".join(["(%s, %s, %s)"] * (len(parts) // 3)))
        with connection.cursor() as cursor:
            cursor.execute(statement, parts)
            rows = list(cursor.fetchall())
        return [row[:4] for row in rows if row[1] is not None], rows[0][4] or 0


# Each day finds its quarters by their key, and adds them up where they are.
_BY_DAY = """
SELECT days.column1, SUM(launches), SUM(trouble), SUM(production),
    (SELECT counted FROM accounts_tally WHERE id = 1)
FROM (VALUES {days}) AS days LEFT JOIN accounts_quartertally
    ON quarter >= days.column2 AND quarter < days.column3
GROUP BY days.column1"""


def _start_of(day: date) -> str:
    there = timezone.make_aware(datetime.combine(day, time.min))
    return moment_text(there.astimezone(UTC))[:_MINUTE]


def by_day(days: LocalDays) -> Mapping[date, Count]:
    """Return what everybody did on each of the days; a day without anything is left out."""
    rows, last = days.counted()
    found = {days.first + timedelta(days=day): Count(*rest) for day, *rest in rows}
    for quarter, *rest in _newest(_QUARTERS, last):
        if days.since <= quarter < days.until:
            day = days.day_of(quarter)
            found[day] = found.get(day, Count()) + Count(*rest)
    return found


def by_account(since: date) -> Mapping[str, int]:
    """Return how many launches opened each account, from a month of UTC on."""
    first = since.isoformat()[:_MONTH]
    rows = AccountTally.objects.filter(month__gte=first).order_by().values("account")
    counted, last = _with_last(rows.annotate(total=Sum("launches")), "account", "total")
    found = Counter(dict(counted))
    for month, account, launches in _newest(_ACCOUNTS, last):
        if month >= first:
            found[account] += launches
    return found


def is_behind() -> bool:
    """Tell whether more has been written than a page adds up."""
    return _rows_uncounted() > _MOST_ADDED_UP


def _with_last(rows: "QuerySet[Any]", *columns: str) -> tuple[list[tuple[Any, ...]], int]:
    """Return columns and, of the same moment, the number of the last entry they count."""
    counted = Subquery(Tally.objects.filter(id=1).values("counted"))
    found = list(rows.annotate(last=counted).values_list("last", *columns))
    return [row[1:] for row in found], (found[0][0] if found else _counted()) or 0


def _newest(statement: str, last: int) -> list[tuple[Any, ...]]:
    """Return what came after the last entry that is counted."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [last, last + _MOST_ADDED_UP])
        return list(cursor.fetchall())


# --- counting --------------------------------------------------------------------------------


def keep_up(most: int = _MOST_AT_ONCE) -> None:
    """Count what has been written since, where it has become much; ``most`` times at most.

    Where the database takes no rows the next page has more to add up, and nothing else happens.
    """
    try:
        while most > 0 and _rows_uncounted() >= _WORTH_COUNTING and _count_some():
            most -= 1
    except RecordUnavailable:
        return


def catch_up() -> None:
    """Count what has been written, but for less than ``COUNTED_AT_ONCE`` rows, which pages add.

    For a record that was brought here from a time before.

    Raises RecordUnavailable where the database takes no rows.
    """
    while _rows_uncounted() >= COUNTED_AT_ONCE and _count_some():
        pass


def catch_up_after_migration(using: str, **_: Any) -> None:
    """Catch up where the tables are there; a plot is no reason for a migration to fail."""
    tables = set(connections[using].introspection.table_names())
    needed = {model._meta.db_table for model in (Tally, RecordHead, Entry)}  # noqa: SLF001
    if using == "default" and needed <= tables:
        with suppress(RecordUnavailable):
            catch_up()


def _counted() -> int:
    return Tally.objects.filter(id=1).values_list("counted", flat=True).first() or 0


def _rows_uncounted() -> int:
    counted = Subquery(Tally.objects.filter(id=1).values("counted"))
    head = RecordHead.objects.filter(id=1).values_list("count", counted).first()
    return int(head[0]) - int(head[1] or 0) if head else 0


def _count_some() -> bool:
    """Take the next rows into the tallies; the tally's own row lets one do it at a time.

    Return whether there were any: the record's head may count rows that have gone.
    """
    with record.recording():
        Tally.objects.bulk_create([Tally(id=1)], ignore_conflicts=True)
        tally = Tally.objects.select_for_update().get(id=1)
        end = tally.counted + COUNTED_AT_ONCE
        rows = Entry.objects.filter(id__gt=tally.counted, id__lte=end)
        last = rows.order_by("-id").values_list("id", flat=True).first()
        if last is None:
            return False
        _add(tally.counted, last)
        Tally.objects.filter(id=1).update(counted=last)
    return True


# The same on both databases; numbers of rows are all that comes in. The record is read by its
# numbers: the empty text keeps the action's own index out of it, which finds all of its years.
_QUARTERS = """
SELECT quarter, SUM(launch) AS launches, SUM(1 - launch) AS trouble,
    SUM(production) AS production FROM (
    SELECT substr(time, 1, 14) || CASE
            WHEN substr(time, 15, 2) < '15' THEN '00' WHEN substr(time, 15, 2) < '30' THEN '15'
            WHEN substr(time, 15, 2) < '45' THEN '30' ELSE '45' END AS quarter,
        CASE WHEN outcome = 'succeeded' THEN 1 ELSE 0 END AS launch,
        CASE WHEN outcome = 'succeeded' AND details LIKE '%%"environment": "production"%%'
            THEN 1 ELSE 0 END AS production
    FROM accounts_entry
    WHERE id > %s AND id <= %s AND (
        (action || '' = 'launch' AND outcome || '' = 'succeeded')
        OR (action || '' IN ('launch', 'credentials') AND outcome || '' IN ('denied', 'failed')))
) AS acts
WHERE true GROUP BY quarter"""
_ACCOUNTS = """
SELECT substr(time, 1, 7) AS month, account, COUNT(*) AS launches FROM accounts_entry
WHERE id > %s AND id <= %s AND action || '' = 'launch' AND outcome || '' = 'succeeded'
GROUP BY substr(time, 1, 7), account"""
_INTO_QUARTERS = f"""
INSERT INTO accounts_quartertally (quarter, launches, trouble, production) {_QUARTERS}
ON CONFLICT (quarter) DO UPDATE SET
    launches = accounts_quartertally.launches + excluded.launches,
    trouble = accounts_quartertally.trouble + excluded.trouble,
    production = accounts_quartertally.production + excluded.production"""
_INTO_ACCOUNTS = f"""
INSERT INTO accounts_accounttally (month, account, launches) {_ACCOUNTS}
ON CONFLICT (month, account) DO UPDATE SET
    launches = accounts_accounttally.launches + excluded.launches"""


def _add(counted: int, last: int) -> None:
    """Add the rows between two numbers to what has been counted."""
    with connection.cursor() as cursor:
        for statement in (_INTO_QUARTERS, _INTO_ACCOUNTS):
            cursor.execute(statement, [counted, last])
