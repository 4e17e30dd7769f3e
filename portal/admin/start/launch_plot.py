"""The launches of the last days as bars: production under the others, drawn by the server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.utils.formats import number_format

DAYS = 30

_STEP = 18.0
_BAR = 14.0
_BOTTOM = 156.0
_TALLEST = 125.0
_GAP = 1.4


@dataclass(frozen=True)
class Day:
    """How many launches opened a console on a day."""

    date: date
    production: int
    others: int

    @property
    def number(self) -> int:
        """All of them."""
        return self.production + self.others


@dataclass(frozen=True)
class Bar:
    """A rectangle of the plot; ``name`` is its class. Lengths are in the plot's own units."""

    name: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Label:
    """A text of the plot, and where it stands."""

    x: str
    y: str
    value: int | date


@dataclass(frozen=True)
class LaunchPlot:
    """What the page shows of some days, one after the other."""

    days: Sequence[Day]

    width = int(_STEP * DAYS) + 34
    height = 176

    @property
    def production(self) -> int:
        """Launches into production."""
        return sum(day.production for day in self.days)

    @property
    def others(self) -> int:
        """All other launches."""
        return sum(day.others for day in self.days)

    @property
    def production_shown(self) -> str:
        """Launches into production, as a person reads the number."""
        return number_format(self.production, force_grouping=True)

    @property
    def others_shown(self) -> str:
        """All other launches, as a person reads the number."""
        return number_format(self.others, force_grouping=True)

    @property
    def number(self) -> int:
        """All launches."""
        return self.production + self.others

    @property
    def busiest(self) -> Day:
        """The day with the most launches, the first of them."""
        return max(self.days, key=lambda day: day.number)

    @property
    def bars(self) -> Iterator[Bar]:
        """The rectangles, from left to right."""
        for number, day in enumerate(self.days):
            left = 2 + number * _STEP
            under = day.production * self._unit
            if day.others:
                gap = _GAP if day.production else 0
                above = max(day.others * self._unit - gap, 1)
                yield _bar("rest", left, _BOTTOM - under - gap - above, above)
            if day.production:
                yield _bar("prod", left, _BOTTOM - under, under)

    @property
    def lines(self) -> Iterator[Label]:
        """The lines across and their numbers."""
        for value in range(0, self._top + 1, self._between):
            y = _BOTTOM - value * self._unit
            yield Label(str(self.width), _short(y), value)

    @property
    def weeks(self) -> Iterator[Label]:
        """The Mondays, below."""
        for number, day in enumerate(self.days):
            if day.date.weekday() == 0:
                middle = 2 + number * _STEP + _BAR / 2
                yield Label(_short(max(middle, 18)), str(self.height - 4), day.date)

    @cached_property
    def _unit(self) -> float:
        return _TALLEST / max(self._top, self.busiest.number, 1)

    @cached_property
    def _between(self) -> int:
        """A round number of which at most three fit below the tallest day."""
        most = max(self.busiest.number, 1)
        for size in range(12):
            for digit in (1, 2, 5):
                step: int = digit * 10**size
                if most / step < 4:
                    return step
        return most

    @cached_property
    def _top(self) -> int:
        return max(self.busiest.number // self._between, 1) * self._between


def _bar(name: str, x: float, y: float, height: float) -> Bar:
    return Bar(name, _short(x), _short(y), _short(_BAR), _short(height))


def _short(value: float) -> str:
    return f"{value:.1f}"
