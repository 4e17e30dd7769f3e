"""A year of a history as pictures: a calendar of its days, and bars, each with a table behind.

A picture is an SVG made here, its numbers attributes; what it shows is told in words beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from accounts.history_year import Opened, Year
from accounts.tally import Count
from portal.pages.environments import Environment, environment
from portal.pages.wording import dated, moment_words

_STEP, _TOP, _BESIDE = 13, 18, 28
_LEVELS = 4
_LONG_PAUSE_DAYS = 7
_MANY_IN_TROUBLE = 0.1
# Two names of months that stand closer would run into each other.
_NEAREST_NAMES = 3

_ON_WEEKDAYS = (
    gettext_lazy("most on Mondays"),
    gettext_lazy("most on Tuesdays"),
    gettext_lazy("most on Wednesdays"),
    gettext_lazy("most on Thursdays"),
    gettext_lazy("most on Fridays"),
    gettext_lazy("most on Saturdays"),
    gettext_lazy("most on Sundays"),
)
_WEEKDAY_NAMES = ((0, gettext_lazy("Mon")), (2, gettext_lazy("Wed")), (4, gettext_lazy("Fri")))


@dataclass(frozen=True)
class Month:
    """A month as a line of the table: ``days`` are those on which something was opened."""

    first: date
    last: date
    launches: int
    days: int
    trouble: int


@dataclass(frozen=True)
class Calendar:
    """The heat map: a column a week, a row a weekday.

    ``marks_many``: of everybody some are denied or fail every day, so only days on which it was
    one in ten are marked.
    """

    year: Year
    marks_many: bool = False

    @property
    def launches(self) -> int:
        """How many there were in all."""
        return self.year.total.launches

    @property
    def trouble(self) -> int:
        """How many ways in were denied or failed."""
        return self.year.total.trouble

    # --- the picture ---

    @cached_property
    def width(self) -> int:
        """The picture's width in its own units; its height is the same for all."""
        return self._weeks * _STEP + _BESIDE

    @property
    def _weeks(self) -> int:
        return (self.year.last - self.year.first).days // 7 + 1

    @property
    def squares(self) -> SafeString:
        """A square for each day."""
        high = self._high
        return format_html_join("", '<rect{} x="{}" y="{}" width="11" height="11"/>', (
            (self._level(self._count(day).launches, high), *self._place(day))
            for day in self._days()
        ))  # fmt: skip

    @property
    def marks(self) -> SafeString:
        """A frame round each day with many denied or failed."""
        shape = '<rect class="cut" x="{}.75" y="{}.75" width="9.5" height="9.5"/>'
        days = (day for day in self._days() if self._is_marked(self._count(day)))
        return format_html_join("", shape, map(self._place, days))

    @property
    def names(self) -> SafeString:
        """Names of months above, of weekdays beside."""
        right = self._weeks * _STEP + 4
        return format_html_join("", '<text x="{}" y="{}">{}</text>', (
            *((x, 11, name) for x, name in self._months_above()),
            *((right, _TOP + row * _STEP + 9, name) for row, name in _WEEKDAY_NAMES),
        ))  # fmt: skip

    def _months_above(self) -> Iterator[tuple[int, Any]]:
        last = -_NEAREST_NAMES
        for week in range(self._weeks):
            begins = self.year.first + timedelta(weeks=week)
            is_first = begins.day <= 7
            if is_first and week - last >= _NEAREST_NAMES and week < self._weeks - 1:
                last = week
                yield week * _STEP, MONTHS_3[begins.month].title()

    def _days(self) -> Iterator[date]:
        for day in range((self.year.last - self.year.first).days + 1):
            yield self.year.first + timedelta(days=day)

    def _count(self, day: date) -> Count:
        return self.year.days.get(day, Count())

    def _place(self, day: date) -> tuple[int, int]:
        return (day - self.year.first).days // 7 * _STEP, _TOP + day.weekday() * _STEP

    @property
    def _high(self) -> int:
        """What counts as much: nineteen days of twenty have less, so that one alone is no rule."""
        numbers = sorted(count.launches for count in self.year.days.values() if count.launches)
        return numbers[(len(numbers) * 19 - 1) // 20] if numbers else 1

    @staticmethod
    def _level(launches: int, high: int) -> SafeString:
        level = min(_LEVELS, -(-launches * _LEVELS // high))
        return format_html(' class="h{}"', level) if level else SafeString("")

    def _is_marked(self, count: Count) -> bool:
        if not self.marks_many:
            return count.trouble > 0
        return count.trouble > 1 and count.trouble > count.launches * _MANY_IN_TROUBLE

    # --- the words ---

    @property
    def title(self) -> str:
        """What the picture shows, for whom does not see it."""
        words = ngettext(
            "%(count)s launch from %(first)s to %(last)s, by day. Below is a table of months.",
            "%(count)s launches from %(first)s to %(last)s, by day. Below is a table of months.",
            self.launches,
        )
        first, last = map(_full_date, (self.year.first, self.year.last))
        return words % {"count": _shown(self.launches), "first": first, "last": last}

    @property
    def sentence(self) -> SafeString:
        """What strikes one in the picture, as markup."""
        return format_html_join(" ", "{}", ([part] for part in self._sentences()))

    def _sentences(self) -> Iterator[Any]:
        if self.year.opened:
            words = gettext("Most often <b>{name}</b>, {weekday}.")
            yield format_html(words, name=self.year.opened[0].name, weekday=self._best_weekday)
        else:
            yield gettext("Nothing was opened.")
        if self.trouble:
            words = ngettext("%(n)s denied or failed.", "%(n)s denied or failed.", self.trouble)
            yield words % {"n": _shown(self.trouble)}
        if pause := self._longest_pause():
            first, last = map(_short_date, pause)
            yield gettext("Nothing from %(first)s to %(last)s.") % {"first": first, "last": last}
        if self.year.since:
            yield gettext("Counted back to %(moment)s.") % {"moment": moment_words(self.year.since)}
        if self.year.is_behind:
            yield gettext("The newest are not counted yet; open this page again in a while.")

    @property
    def _best_weekday(self) -> Any:
        sums = [0] * 7
        for day, count in self.year.days.items():
            sums[day.weekday()] += count.launches
        return _ON_WEEKDAYS[sums.index(max(sums))]

    def _longest_pause(self) -> tuple[date, date] | None:
        """Return the longest time without a launch between two, where it is long."""
        used = sorted(day for day, count in self.year.days.items() if count.launches)
        pauses = [(after - before, before, after) for before, after in pairwise(used)]
        longest, before, after = max(pauses, default=(timedelta(0), None, None))
        if before is None or after is None or longest.days <= _LONG_PAUSE_DAYS:
            return None
        return before + timedelta(days=1), after - timedelta(days=1)

    @property
    def months(self) -> Sequence[Month]:
        """The table behind the picture, the newest month first."""
        by_month = groupby(self._days(), key=lambda day: (day.year, day.month))
        return [self._month(list(days)) for _, days in by_month][::-1]

    def _month(self, days: list[date]) -> Month:
        counts = [self._count(day) for day in days]
        return Month(
            days[0],
            days[-1],
            sum(count.launches for count in counts),
            sum(count.launches > 0 for count in counts),
            sum(count.trouble for count in counts),
        )


@dataclass(frozen=True)
class Bar:
    """A line of the table that is the plot: ``share`` of the longest, ``100.0%``."""

    name: str
    query_value: str
    environment: Environment | None
    launches: int
    share: str


def bars(year: Year) -> list[Bar]:
    """Return what was opened most, and the rest together."""
    longest = max([each.launches for each in year.opened] + [year.other_launches, 1])
    found = [_bar(each, longest) for each in year.opened]
    if year.others:
        share = _share(year.other_launches, longest)
        found.append(Bar(_others(year), "", None, year.other_launches, share))
    return found


def _others(year: Year) -> str:
    if year.of_roles:
        words = ngettext("%(n)s more role", "%(n)s more roles", year.others)
    else:
        words = ngettext("%(n)s more account", "%(n)s more accounts", year.others)
    return words % {"n": year.others}


def _bar(opened: Opened, longest: int) -> Bar:
    kind = environment(opened.environment)
    return Bar(opened.name, opened.key, kind, opened.launches, _share(opened.launches, longest))


def _share(number: int, longest: int) -> str:
    return f"{100 * number / longest:.1f}%"


def _shown(number: int) -> str:
    return floatformat(number, "0g")


def _full_date(day: date) -> str:
    return dated(day, "j F Y")


def _short_date(day: date) -> str:
    return dated(day, "j F" if day.year == timezone.localdate().year else "j F Y")
