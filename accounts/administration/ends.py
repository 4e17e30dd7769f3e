"""When a grant ends, chosen as people say it: this week, in 30 days, on a date.

A chosen day is a day of the person's own zone and holds to its last second, so that "until 12 June"
means what it says wherever it is read.
"""

from datetime import date, datetime, time, timedelta, tzinfo

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
"""Between them every moment can be written in any zone."""

_LAST_SECOND = time(23, 59, 59)
_SUNDAY = 6


class End(TextChoices):
    """The ends to choose from."""

    TODAY = "today", _("Today")
    THIS_WEEK = "this-week", _("This week")
    NEXT_WEEK = "next-week", _("Next week")
    DAYS_7 = "7-days", _("In 7 days")
    DAYS_30 = "30-days", _("In 30 days")
    DAYS_90 = "90-days", _("In 90 days")
    QUARTER = "quarter", _("This quarter")
    ON = "on", _("On a date")
    NEVER = "never", _("No end")


_IN_DAYS = {End.TODAY: 0, End.DAYS_7: 7, End.DAYS_30: 30, End.DAYS_90: 90}


def moment_of_end(end: End, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment of an end that names no date of its own; None for no end.

    Raises ValueError for ``End.ON``.
    """
    if end is End.NEVER:
        return None
    return end_of_day(_last_day(end, now.astimezone(zone).date()), zone)


def end_of_day(day: date, zone: tzinfo, clock: time | None = None) -> datetime:
    """Return the last second of a day in a zone, or a time of it."""
    return datetime.combine(day, clock or _LAST_SECOND, tzinfo=zone)


def start_of_day(day: date, zone: tzinfo, clock: time | None = None) -> datetime:
    """Return the first moment of a day in a zone, or a time of it."""
    return datetime.combine(day, clock or time.min, tzinfo=zone)


def _last_day(end: End, today: date) -> date:
    if end in _IN_DAYS:
        return today + timedelta(days=_IN_DAYS[end])
    sunday = today + timedelta(days=_SUNDAY - today.weekday())
    if end is End.THIS_WEEK:
        return sunday
    if end is End.NEXT_WEEK:
        return sunday + timedelta(weeks=1)
    if end is End.QUARTER:
        return _last_of_quarter(today)
    raise ValueError(end)


def _last_of_quarter(day: date) -> date:
    following = (day.month - 1) // 3 * 3 + 4
    if following > 12:
        return date(day.year, 12, 31)
    return date(day.year, following, 1) - timedelta(days=1)
