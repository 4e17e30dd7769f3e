"""What a text of one line may hold, whoever wrote it: the access file or a form."""

import unicodedata

from accounts.aws_rules.limits import Problem
from accounts.errors import gettext_noop

NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
NOT_IN_A_KEY = NOT_IN_A_LINE | {"Cf"}


def problem_with_line(
    text: str, longest: int, refused: frozenset[str] = NOT_IN_A_LINE
) -> Problem | None:
    """Why a text does not fit on one line of ``longest`` characters."""
    if len(text) > longest:
        return too_long(longest, text)
    if text.isascii() and text.isprintable():
        return None
    if any(unicodedata.category(character) in refused for character in text):
        return Problem(gettext_noop("must not hold line breaks or control characters"))
    return None


def too_long(longest: int, text: str) -> Problem:
    """Say how long a text may be and how long it is."""
    return Problem(
        gettext_noop("must be at most %(most)s characters long, not %(length)s"),
        {"most": longest, "length": len(text)},
    )
