"""The text of a policy: JSON in, the compact JSON that AWS is sent out.

Whatever could be read in two ways is refused: a key that stands twice, a number that would not
come back as it was written.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from accounts.aws_rules.limits import Problem
from accounts.errors import gettext_noop

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool

LONGEST_KEY = 512
DEEPEST = 64
"""Deeper than any policy nests; what is deeper nobody could read, or write out again."""
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


class NotAPolicy(ValueError):
    """No policy can be read from it; ``problem`` is the sentence."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return str(self.problem)


class NotJson(NotAPolicy):
    """The text is not even JSON."""


def canonical_policy(text: str) -> str:
    """Return JSON text in its compact form. Raises NotAPolicy, naming line and column."""
    return policy_json(_read(text))


def policy_json(value: Any) -> str:
    """Return a policy's values as compact JSON text; what no policy can hold raises NotAPolicy."""
    _require_writable(value)
    return compact(_without_null(value))


def readable_policy(text: str) -> str:
    """Return a policy's JSON text with a line for each value; what is no JSON as it is."""
    try:
        value = _read(text)
        _require_writable(value)
    except NotAPolicy:
        return text
    return json.dumps(value, indent=2, ensure_ascii=False)


def compact(value: Json) -> str:
    """Return JSON text without a space that nobody needs."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _read(text: str) -> Any:
    failure: NotAPolicy
    try:
        value = json.loads(
            text,
            parse_int=exact_number,
            parse_float=exact_number,
            parse_constant=_no_constant,
            object_pairs_hook=checked_object,
        )
    except json.JSONDecodeError as error:
        failure = _broken_at(error)
    except RecursionError:
        failure = NotJson(Problem(_TOO_DEEP))
    else:
        return value
    raise failure


_TOO_DEEP = gettext_noop("is nested too deeply")


def _require_writable(value: Any) -> None:
    """Raise NotAPolicy for what JSON text can say and no page or database can hold."""
    texts: list[str] = []
    level = [value]
    for _ in range(DEEPEST):
        texts += (item for item in level if isinstance(item, str))
        texts += (key for item in level if isinstance(item, dict) for key in item)
        level = [inner for item in level for inner in _inside(item)]
    if level:
        raise NotAPolicy(Problem(_TOO_DEEP))
    if any(_SURROGATE.search(text) for text in texts):
        raise NotAPolicy(Problem(gettext_noop("holds half a character, such as \\ud800")))


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


_WHAT_IS_WRONG = (
    (
        "delimiter",
        gettext_noop(
            "is no JSON: a comma or a colon is missing in line %(line)s, column %(column)s"
        ),
    ),
    (
        "property name",
        gettext_noop(
            "is no JSON: line %(line)s, column %(column)s needs a name in double quotes, or the "
            "comma before it is too many"
        ),
    ),
    (
        "trailing comma",
        gettext_noop("is no JSON: the comma in line %(line)s, column %(column)s is too many"),
    ),
    (
        "Expecting value",
        gettext_noop("is no JSON: a value is missing in line %(line)s, column %(column)s"),
    ),
    (
        "Extra data",
        gettext_noop("is no JSON: it ends, and goes on in line %(line)s, column %(column)s"),
    ),
    (
        "Unterminated string",
        gettext_noop("is no JSON: the text of line %(line)s, column %(column)s is never closed"),
    ),
)
_CANNOT_BE_READ = gettext_noop("is no JSON: it cannot be read at line %(line)s, column %(column)s")


def _broken_at(error: json.JSONDecodeError) -> NotJson:
    found = (words for sign, words in _WHAT_IS_WRONG if sign in error.msg)
    where = {"line": error.lineno, "column": error.colno}
    return NotJson(Problem(next(found, _CANNOT_BE_READ), where))


def exact_number(text: str) -> Json:
    """Return a number of JSON; 12 digits are an account's number and stay text.

    Raises NotAPolicy for one that cannot be kept exactly.
    """
    if _ACCOUNT_ID.fullmatch(text):
        return text
    if not NUMBER.fullmatch(text):
        raise NotAPolicy(
            Problem(
                gettext_noop("%(number)s is no number that can be kept exactly"),
                {"number": text[:40]},
            )
        )
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _no_constant(text: str) -> Json:
    raise NotAPolicy(Problem(gettext_noop("%(word)s is not JSON"), {"word": text}))


def checked_object(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
    """Return a mapping of a policy. Raises NotAPolicy for keys that are none, or stand twice."""
    for key, _ in pairs:
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise NotAPolicy(
                Problem(
                    gettext_noop("a key must be at most %(most)s printable characters"),
                    {"most": LONGEST_KEY},
                )
            )
    if len({key for key, _ in pairs}) < len(pairs):
        raise NotAPolicy(Problem(gettext_noop("a key stands twice")))
    return dict(pairs)


def _without_null(value: Any) -> Json:
    if value is None:
        raise NotAPolicy(Problem(gettext_noop("null has no meaning in a policy")))
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    kept: Json = value
    return kept
