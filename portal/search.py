"""Which roles and bookmarks somebody means by a few words: one rule for page and script.

Words match in any order. A word matches another that begins with it ("dev": Developer), several
in a row by their beginnings ("paypro": Payments production), any that holds it ("ments"), and,
only when nothing matches otherwise, one that begins with it but for one letter. The weakest match
decides first, then what the person uses most, then all matches together. ``static/js/search.js``
follows the same rule.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

SAME, BEGINS, IN_A_ROW, HOLDS, MISTYPED = 5, 4, 3, 2, 1
SHORTEST_PIECE = 2
SHORTEST_MISTYPED = 4

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return a text's words, folded for comparison; ``ReadOnly`` is two."""
    return [fold(word) for word in _WORD.findall(_HUMP.sub(" ", text))]


def query_words(text: str) -> list[str]:
    """Return the words somebody typed; capitals tell nothing here."""
    return _WORD.findall(fold(text))


def fold(text: str) -> str:
    """Return the form in which words are compared."""
    return unicodedata.normalize("NFKC", text).lower()


@dataclass(frozen=True)
class Candidate:
    """Something that may be meant. ``weight`` is how much the person uses it."""

    words: tuple[str, ...]
    weight: float = 0.0


def ranked(query: str, candidates: Iterable[Candidate]) -> list[int]:
    """Return the numbers of the candidates that match, the best first."""
    wanted = query_words(query)
    if not wanted:
        return []
    numbered = list(enumerate(candidates))
    return _ranked(wanted, numbered, False) or _ranked(wanted, numbered, True)


def _ranked(
    wanted: list[str], numbered: list[tuple[int, Candidate]], may_be_mistyped: bool
) -> list[int]:
    found = []
    for number, candidate in numbered:
        matches = _matches(wanted, candidate.words, may_be_mistyped)
        if matches:
            found.append((-min(matches), -candidate.weight, -sum(matches), number))
    return [number for *_, number in sorted(found)]


def _matches(wanted: list[str], words: tuple[str, ...], may_be_mistyped: bool) -> list[int]:
    """How well each wanted word matches; empty if one of them does not."""
    matches = []
    for word in wanted:
        match = _match(word, words, may_be_mistyped)
        if not match:
            return []
        matches.append(match)
    return matches


def _match(wanted: str, words: tuple[str, ...], may_be_mistyped: bool) -> int:
    if wanted in words:
        return SAME
    if any(word.startswith(wanted) for word in words):
        return BEGINS
    if len(wanted) >= 2 * SHORTEST_PIECE and _in_a_row(wanted, words):
        return IN_A_ROW
    if any(wanted in word for word in words):
        return HOLDS
    if may_be_mistyped and len(wanted) >= SHORTEST_MISTYPED and _mistyped(wanted, words):
        return MISTYPED
    return 0


def _in_a_row(wanted: str, words: tuple[str, ...]) -> bool:
    """Whether the wanted word is put together of words' beginnings, in their order, with gaps."""
    for number, word in enumerate(words):
        most = _common_beginning(wanted, word)
        if most == len(wanted):
            return True
        for length in range(most, SHORTEST_PIECE - 1, -1):
            if _in_a_row(wanted[length:], words[number + 1 :]):
                return True
    return False


def _common_beginning(one: str, other: str) -> int:
    length = 0
    for here, there in zip(one, other, strict=False):
        if here != there:
            break
        length += 1
    return length


def _mistyped(wanted: str, words: tuple[str, ...]) -> bool:
    return any(_begins_but_for_one(wanted, word) for word in words)


def _begins_but_for_one(wanted: str, word: str) -> bool:
    """One letter wrong, missing, too many, or two swapped; what follows in the word is free."""
    same = _common_beginning(wanted, word)
    if same == 0:
        return False
    rest, there = wanted[same:], word[same:]
    swapped = rest[:2][::-1] == there[:2] and there[2:].startswith(rest[2:])
    return (
        there[1:].startswith(rest[1:])
        or there.startswith(rest[1:])
        or there[1:].startswith(rest)
        or swapped
    )
