"""The text of an access file, read as YAML 1.2 into values that know their lines.

Every scalar stays the text that stands in the file; what it means is the schema's business, so
``NO``, ``2012-10-17`` and an account's number are never anything but text. The parser is used at
the level of its events, which is fast and makes no objects of the file's choosing. What could
fill the memory is bounded: the file's size, the number of values (those that aliases repeat
included) and the depth.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from accounts.access_file.problems import AccessFileProblems, Problem

LARGEST_BYTES = 16 * 1024 * 1024
MOST_VALUES = 1_000_000
DEEPEST = 32
FILE_KEY = "file"
YAML_KEY = "yaml"

# What YAML 1.2 lets stand in a document, less a byte order mark inside it and less the three
# characters that the parser, but no editor, counts as line breaks.
_NOT_PRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_YAML_VERSION = (1, 2)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; ``plain`` when no quotes or block stood around it."""

    line: int
    text: str
    plain: bool
    size: int = 1
    height: int = 1

    @property
    def is_null(self) -> bool:
        """Whether it is YAML's null, or empty text, which means the same here."""
        return not self.text or (self.plain and self.text in _NULLS)


@dataclass(slots=True)
class Sequence:
    """A list; ``size`` counts every value in it and itself, ``height`` its levels."""

    line: int
    items: "list[Node]" = field(default_factory=list)
    size: int = 1
    height: int = 1


@dataclass(slots=True)
class Mapping:
    """Keys in the file's order; ``lines`` is where each key stands, the rest is as of a list."""

    line: int
    entries: "dict[str, Node]" = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    def line_of(self, key: str) -> int:
        """Return the line of a key, the mapping's own where the key is not there."""
        return self.lines.get(key, self.line)


Node: TypeAlias = Scalar | Sequence | Mapping


def read_bytes(path: Path) -> bytes:
    """Read a file of bounded size. Raises AccessFileProblems when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _problem(0, FILE_KEY, error.strerror or type(error).__name__) from None
    if len(data) > LARGEST_BYTES:
        raise _problem(0, FILE_KEY, f"is larger than {LARGEST_BYTES // 1024 // 1024} MiB")
    return data


def parse(data: bytes) -> Mapping:
    """Read one YAML document whose top is a mapping.

    Raises AccessFileProblems, with the line, for everything that is not such a document.
    """
    root = _Reader(_decoded(data)).document()
    if not isinstance(root, Mapping):
        raise _problem(root.line, YAML_KEY, "the file must hold keys and values at its top")
    return root


def _problem(line: int, key: str, reason: str) -> AccessFileProblems:
    return AccessFileProblems([Problem(line, key, reason)])


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _problem(line, YAML_KEY, "is not UTF-8 text") from None
    if bad := _NOT_PRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise _problem(line, YAML_KEY, f"holds the character U+{ord(bad[0]):04X}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _one_line(words: str) -> str:
    return " ".join(words.split()) or "is not YAML"


class _Reader:
    """Puts the parser's events together; refuses what an access file has no use for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = 1
        self._values_left = MOST_VALUES
        self._anchored: dict[str, Node] = {}
        self._events = self._guarded_events()

    def document(self) -> Node:
        """Return the top of the only document; an empty one is an empty mapping."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self._refuse_directives(event)
                if root is not None:
                    raise self._problem("a second document begins here; a file is one document")
            elif isinstance(event, NodeEvent):
                root = self._node(event, 1)
        return root if root is not None else Mapping(line=1)

    def _guarded_events(self) -> Iterator[Any]:
        try:
            for event in YAML(typ="safe", pure=True).parse(self._text):
                self._line = event.start_mark.line + 1
                yield event
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._line = min(mark.line + 1, self._last_line()) if mark else self._line
            words = filter(None, (error.context, error.problem))
            raise self._problem(_one_line(" ".join(words))) from None
        except (YAMLError, ValueError, OverflowError) as error:
            # An escape beyond Unicode ("\\UFFFFFFFF") is no YAMLError.
            raise self._problem(_one_line(str(error))) from None

    def _last_line(self) -> int:
        return self._text.rstrip("\n").count("\n") + 1

    def _problem(self, reason: str) -> AccessFileProblems:
        return _problem(self._line, YAML_KEY, reason)

    def _refuse_directives(self, event: DocumentStartEvent) -> None:
        if event.version not in (None, _YAML_VERSION) or event.tags:
            raise self._problem("the only directive allowed is %YAML 1.2")

    def _node(self, event: Any, depth: int) -> Node:
        line = self._line
        if isinstance(event, AliasEvent):
            return self._repeated(event, depth)
        self._spend(1)
        if event.ctag is not None:
            raise self._problem("tags (!…) are not allowed; every value is text")
        self._require_shallow(depth)
        if isinstance(event, ScalarEvent):
            node: Node = self._scalar(event, line)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(line, depth)
        else:
            node = self._mapping(line, depth)
        if event.anchor is not None:
            self._anchored[event.anchor] = node
        return node

    def _spend(self, values: int) -> None:
        self._values_left -= values
        if self._values_left < 0:
            raise self._problem(f"the file holds more than {MOST_VALUES:,} values")

    def _require_shallow(self, depth: int) -> None:
        if depth > DEEPEST:
            raise self._problem(f"values stand more than {DEEPEST} levels deep")

    def _repeated(self, event: AliasEvent, depth: int) -> Node:
        node = self._anchored.get(event.anchor)
        if node is None:
            raise self._problem(f"nothing before it is called &{event.anchor}")
        # What an alias repeats is walked again by whoever reads it, so it costs again here.
        self._spend(node.size)
        self._require_shallow(depth + node.height - 1)
        return node

    def _scalar(self, event: ScalarEvent, line: int) -> Scalar:
        if _HALF_A_PAIR.search(event.value):
            raise self._problem("half of a surrogate pair is no character")
        return Scalar(line, event.value, event.style is None)

    def _sequence(self, line: int, depth: int) -> Sequence:
        sequence = Sequence(line)
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            node = self._node(event, depth + 1)
            sequence.items.append(node)
            sequence.size += node.size
            sequence.height = max(sequence.height, 1 + node.height)
        return sequence

    def _mapping(self, line: int, depth: int) -> Mapping:
        mapping = Mapping(line)
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key_line = self._line
            key = self._key(event, mapping)
            node = self._node(next(self._events), depth + 1)
            mapping.entries[key], mapping.lines[key] = node, key_line
            mapping.size += 1 + node.size
            mapping.height = max(mapping.height, 1 + node.height)
        return mapping

    def _key(self, event: Any, mapping: Mapping) -> str:
        if not isinstance(event, ScalarEvent):
            raise self._problem("a key must be text")
        key = self._scalar(event, self._line)
        self._spend(1)
        if not key.text:
            raise self._problem("a key is empty")
        if key.plain and key.text == "<<":
            raise self._problem("merge keys (<<) are not YAML 1.2; write the keys out")
        if key.text in mapping.entries:
            first = mapping.lines[key.text]
            raise _problem(self._line, key.text, f"stands twice; the first is on line {first}")
        return key.text
