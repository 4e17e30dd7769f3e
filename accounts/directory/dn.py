"""Distinguished names: how RFC 4514 writes them, and when two of them name the same entry.

A name stays in its parts: nothing is joined again, so no value can pass for a separator. What is
not well-formed is no name; neither is one in quotation marks, as old directories wrote them. Knows
no Django, so that settings can use it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from accounts.caseless import caseless


class Assertion(NamedTuple):
    """One ``attribute=value``. An opaque value is what stood after ``#``: BER in hexadecimal."""

    attribute: str
    value: str
    is_opaque: bool = False


Rdn = tuple[Assertion, ...]
Dn = tuple[Rdn, ...]


class NotADn(ValueError):
    """The text is no distinguished name."""


_TYPE = re.compile(r" *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*) *= *")
_OPAQUE = re.compile(r"#((?:[0-9A-Fa-f]{2})+)")
_PIECE = re.compile(
    r"""\\(?P<byte>[0-9A-Fa-f]{2})
    |\\(?P<special>[ \#=\\",+<>;])
    |(?P<plain>[^\\",+<>;\x00\ ]+)
    |(?P<spaces>\ +)""",
    re.VERBOSE,
)
_SEPARATOR = re.compile(r" *([,;+]|\Z)")


def looks_like_dn(text: str) -> bool:
    """Tell whether a text that names something means a DN by it, well-formed or not."""
    return _TYPE.match(text) is not None


def parse(text: str) -> Dn:
    """Return the parts of a DN, its own first, with values as they are. Raises NotADn.

    Attributes are in lower case, and those of one part in order: their order says nothing.
    """
    parts: list[list[Assertion]] = [[]]
    for assertion, separator in _assertions(text):
        parts[-1].append(assertion)
        if separator in {",", ";"}:
            parts.append([])
    return tuple(tuple(sorted(part)) for part in parts)


def comparable(text: str) -> Dn:
    """Return the parts of a DN so that equal ones name the same entry. Raises NotADn.

    Case does not matter, nor how a letter is composed, nor how spaces and escapes are written.
    """
    return tuple(
        tuple(sorted(part._replace(value=caseless(part.value)) for part in rdn))
        for rdn in parse(text)
    )


def is_within(inner: Dn, base: Dn) -> bool:
    """Tell whether an entry is another or below it; both as ``comparable`` returns them."""
    return len(inner) >= len(base) and inner[len(inner) - len(base) :] == base


def _assertions(text: str) -> Iterator[tuple[Assertion, str]]:
    """Give each ``attribute=value`` and what separates it from the next; nothing at the end."""
    position, separator = 0, ","
    while separator:
        attribute = _TYPE.match(text, position)
        if attribute is None:
            raise NotADn(text)
        value, is_opaque, position = _value(text, attribute.end())
        end = _SEPARATOR.match(text, position)
        if end is None:
            raise NotADn(text)
        position, separator = end.end(), end[1]
        yield Assertion(attribute[1].lower(), value, is_opaque), separator


def _value(text: str, position: int) -> tuple[str, bool, int]:
    """Read a value: what it is, whether it is opaque, and where it ends."""
    opaque = _OPAQUE.match(text, position)
    if opaque is not None:
        return opaque[1].lower(), True, opaque.end()
    if text.startswith("#", position):
        raise NotADn(text)
    octets, spaces = bytearray(), b""
    while piece := _PIECE.match(text, position):
        position = piece.end()
        if piece["spaces"]:
            # They count only when something follows.
            spaces = piece["spaces"].encode()
            continue
        octets += spaces + _octets(piece)
        spaces = b""
    try:
        return octets.decode("utf-8"), False, position
    except UnicodeDecodeError:
        raise NotADn(text) from None


def _octets(piece: re.Match[str]) -> bytes:
    if piece["byte"]:
        return bytes.fromhex(piece["byte"])
    try:
        return (piece["special"] or piece["plain"]).encode("utf-8")
    except UnicodeEncodeError:
        raise NotADn(piece.string) from None
