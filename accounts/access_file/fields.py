"""Reads a mapping of the file key by key; what is wrong is noted with its line, and the reading
goes on with the key's default, so that one run names every mistake."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.core.exceptions import ValidationError

from accounts.access_file.document import Mapping, Node, Scalar, Sequence
from accounts.access_file.problems import Problem
from accounts.access_file.specs import Pairs, sorted_pairs
from accounts.aws_rules.limits import problem_with_number_of_tags
from accounts.lines import problem_with_line, too_long
from accounts.models import check_username, normal_username
from accounts.role_rules import problem_with_pair

_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_ALSO_IN_A_NOTE = frozenset("\t\n\r")

Check = Callable[[str], object]
"""Returns why a text will not do, or something false."""


@dataclass
class Problems:
    """Collects what is wrong."""

    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, key: str, reason: object) -> None:
        """Note one mistake."""
        self.found.append(Problem(line, key, str(reason)))


@dataclass
class Fields:
    """One mapping being read. ``inherited`` stands in for keys that it does not have."""

    place: Mapping
    problems: Problems
    inherited: Mapping | None = None

    def expect(self, known: tuple[str, ...]) -> None:
        """Note every key that is not known."""
        for key in self.place.entries:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                self.problems.add(self.place.line_of(key), key, f"unknown key{hint}")

    def has(self, key: str) -> bool:
        """Whether the mapping itself names the key, with null as well."""
        return key in self.place.entries

    def wrong(self, key: str, reason: object) -> None:
        """Note that a key's value will not do."""
        from_defaults = not self.has(key) and self._node(key) is not None
        where = " (the value is from defaults)" if from_defaults else ""
        self.problems.add(self.place.line_of(key), key, f"{reason}{where}")

    def _node(self, key: str) -> Node | None:
        node = self.place.entries.get(key)
        if node is None and self.inherited is not None:
            node = self.inherited.entries.get(key)
        return None if isinstance(node, Scalar) and node.is_null else node

    def scalar(self, key: str, meaning: str = "text") -> str:
        """Return a key's text as it stands, empty without one."""
        node = self._node(key)
        if node is None:
            return ""
        if isinstance(node, Scalar):
            return node.text
        self.wrong(key, f"must be {meaning}")
        return ""

    def text(self, key: str, longest: int, check: Check | None = None) -> str:
        """Return a text of one line, at most ``longest`` characters."""
        text = self.scalar(key)
        reason = text and (problem_with_line(text, longest) or (check and check(text)))
        if reason:
            self.wrong(key, reason)
            return ""
        return text

    def required(self, key: str, longest: int, check: Check | None = None) -> str:
        """Return a text that must be there, empty when it is not or will not do."""
        if self._node(key) is None:
            self.wrong(key, "is required")
        return self.text(key, longest, check)

    def note(self, key: str, longest: int) -> str:
        """Return a text that may have several lines."""
        text = self.scalar(key)
        plain = "".join(c for c in text if c not in _ALSO_IN_A_NOTE)
        if len(text) > longest or problem_with_line(plain, longest):
            self.wrong(key, problem_with_line(plain, longest) or too_long(longest, text))
            return ""
        return text

    def person(self, key: str) -> str:
        """Return a user's or group's name in its normal form, empty without one."""
        return self._normal_name(key, self.scalar(key))

    def people(self, key: str) -> tuple[str, ...]:
        """Return a list of names in order; one that stands twice is a mistake."""
        lines: dict[str, int] = {}
        for node in self._scalars(key):
            name = self._normal_name(key, node.text, node.line)
            if name in lines:
                reason = f"{name} stands twice; the first is on line {lines[name]}"
                self.problems.add(node.line, key, reason)
            elif name:
                lines[name] = node.line
        return tuple(sorted(lines))

    def _normal_name(self, key: str, text: str, line: int | None = None) -> str:
        name = normal_username(text)
        reason = text and problem_with_name(name)
        if reason:
            self.problems.add(line or self.place.line_of(key), key, reason)
            return ""
        return name

    def flag(self, key: str) -> bool:
        """Return true or false, false without a value."""
        text = self.scalar(key, "true or false")
        if text and text not in _TRUE | _FALSE:
            self.wrong(key, "must be true or false")
        return text in _TRUE

    def number(self, key: str) -> int | None:
        """Return a whole number, None without one."""
        text = self.scalar(key, "a whole number")
        if text and not _WHOLE_NUMBER.fullmatch(text):
            self.wrong(key, "must be a whole number, such as 3600")
            return None
        return int(text) if text else None

    def moment(self, key: str) -> str:
        """Return a moment as text in UTC, empty without one."""
        text = self.scalar(key)
        try:
            return moment_text(text) if text else ""
        except (ValueError, OverflowError):
            self.wrong(key, "must be a moment with its zone, such as 2027-12-31T00:00:00Z")
            return ""

    def pairs(self, key: str) -> Pairs:
        """Return a mapping of text to text."""
        node = self._node(key)
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self.wrong(key, "must be a mapping of text, such as {team: payments}")
            return ()
        return sorted_pairs(dict(self._pair(key, name, node) for name in node.entries))

    def tags(self, key: str) -> Pairs:
        """Return the tags of an account: no more than AWS gives one."""
        pairs = self.pairs(key)
        if problem := problem_with_number_of_tags(len(pairs)):
            self.wrong(key, problem)
        return pairs

    def _pair(self, key: str, name: str, mapping: Mapping) -> tuple[str, str]:
        value = mapping.entries[name]
        if not isinstance(value, Scalar):
            self.problems.add(mapping.line_of(name), key, f"the value of {name} must be text")
            return name, ""
        text = "" if value.is_null else value.text
        if reason := problem_with_pair(name, text):
            self.problems.add(mapping.line_of(name), key, reason)
        return name, text

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts in the file's order."""
        return tuple(node.text for node in self._scalars(key))

    def _scalars(self, key: str) -> Iterator[Scalar]:
        for node in self.items(key):
            if isinstance(node, Scalar) and not node.is_null:
                yield node
            else:
                self.problems.add(node.line, key, "every value in the list must be text")

    def items(self, key: str) -> list[Node]:
        """Return a list's values, none without a list."""
        node = self._node(key)
        if node is None or isinstance(node, Sequence):
            return node.items if node is not None else []
        self.wrong(key, "must be a list")
        return []

    def nested(self, key: str) -> "Fields | None":
        """Return the mapping under a key, None without one."""
        node = self._node(key)
        if node is None or isinstance(node, Mapping):
            return Fields(node, self.problems) if node is not None else None
        self.wrong(key, "must be a mapping")
        return None

    def entries(self, key: str) -> "Iterator[Fields]":
        """Return the mappings in the list under a key."""
        for node in self.items(key):
            if isinstance(node, Mapping):
                yield Fields(node, self.problems)
            else:
                self.problems.add(node.line, key, "every entry of the list must be a mapping")

    def node(self, key: str) -> Node | None:
        """Return a key's value as it stands in the file, None for null."""
        return self._node(key)


def problem_with_name(name: str) -> str | None:
    """Why a text cannot be a user's or a group's name."""
    try:
        check_username(name)
    except ValidationError:
        return "must be 1 to 150 characters without control characters"
    return None


def moment_text(text: str) -> str:
    """Return an RFC 3339 moment in UTC. Raises ValueError or OverflowError when it is none."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    return utc_text(datetime.fromisoformat(text.upper()))


def utc_text(moment: datetime | None) -> str:
    """Return a moment as the access file writes it, empty for none."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else ""


def is_before(one: str, other: str) -> bool:
    """Whether one moment, as ``moment_text`` writes it, is before another."""
    return datetime.fromisoformat(one) < datetime.fromisoformat(other)
