"""What a change of grants means for people, as a page shows it: a table of names, bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby

from django.utils.translation import gettext

from accounts.administration.access_change import Difference, Effect, Kind
from portal.pages.environments import Environment, environment
from portal.pages.wording import moment_words, until_words

MOST_PEOPLE = 20
MOST_ROLES_EACH = 8


@dataclass(frozen=True)
class Line:
    """One person's one role: what becomes of it, in words."""

    role: str
    account: str
    environment: Environment
    state: str
    words: str


@dataclass(frozen=True)
class PersonsLines:
    """One person and their lines; ``more`` tells how many are left out."""

    username: str
    name: str
    lines: Sequence[Line]
    more: int
    is_shut_out: bool


class Shown:
    """A difference for a template."""

    def __init__(self, difference: Difference) -> None:
        self.difference = difference

    @cached_property
    def gaining(self) -> int:
        """How many of the compared people may enter more, or for longer."""
        return len(self.difference.let_in(Kind.GAINS, Kind.LONGER, Kind.OTHERWISE))

    @cached_property
    def losing(self) -> int:
        """How many of the compared people may enter less, or for shorter."""
        return len(self.difference.let_in(Kind.LOSES, Kind.SHORTER, Kind.OTHERWISE))

    @cached_property
    def people(self) -> list[PersonsLines]:
        """The first people whom it means something for."""
        by_name = groupby(self.difference.effects, key=lambda effect: effect.username)
        shown: list[PersonsLines] = []
        for username, effects in by_name:
            if len(shown) == MOST_PEOPLE:
                break
            shown.append(_lines_of(username, list(effects)))
        return shown

    @property
    def more(self) -> int:
        """How many further people it means something for, of those that were compared."""
        return len(self.difference.names(*Kind)) - len(self.people)


def _lines_of(username: str, effects: Sequence[Effect]) -> PersonsLines:
    lines = [_line(effect) for effect in effects[:MOST_ROLES_EACH]]
    first, more = effects[0], len(effects) - len(lines)
    return PersonsLines(username, first.name, lines, more, first.is_shut_out)


def _line(effect: Effect) -> Line:
    role = effect.role
    state, words = _words(effect)
    kind = environment(role.account.environment)
    return Line(role.shown_title, role.account.title, kind, state, words)


def _words(effect: Effect) -> tuple[str, str]:
    if effect.kind is Kind.GAINS:
        return "ok", gettext("gains it %(when)s") % {"when": _when(effect)}
    if effect.kind is Kind.LOSES:
        return "danger", gettext("loses it")
    before = _end(effect.ends_before)
    words = {
        Kind.LONGER: ("ok", gettext("keeps it %(when)s, not %(before)s")),
        Kind.SHORTER: ("warn", gettext("keeps it only %(when)s, not %(before)s")),
        Kind.OTHERWISE: ("warn", gettext("may enter at other times: %(when)s, not %(before)s")),
    }
    state, text = words[effect.kind]
    return state, text % {"when": _when(effect), "before": before}


def _when(effect: Effect) -> str:
    end = _end(effect.ends_after)
    if effect.starts is None:
        return end
    return gettext("from %(start)s, %(end)s") % {"start": moment_words(effect.starts), "end": end}


def _end(ends: datetime | None) -> str:
    return until_words(ends) if ends else gettext("without end")
