"""Whether a policy document lets somebody do something, as far as STS's calls need it.

Statements of both kinds are read: those of a trust policy name a Principal, those of permissions a
Resource. An explicit Deny wins. A condition that is not understood lets nobody in: it does not
hold where something is allowed, and holds where something is denied.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TOKEN_ISSUE_TIME = "aws:TokenIssueTime"
OPERATORS = ("StringEquals", "StringLike", "DateLessThan")
KEYS = (
    "sts:ExternalId",
    "sts:RoleSessionName",
    "aws:SourceIdentity",
    "aws:userid",
    TOKEN_ISSUE_TIME,
)
_KNOWN_KEYS = frozenset(key.lower() for key in KEYS)


@dataclass(frozen=True)
class Attempt:
    """Who tries what on what. ``names``: every ARN that a Principal may call the caller by.

    ``context`` holds what conditions ask for, under the names of ``KEYS``.
    """

    action: str
    resource: str
    names: Collection[str] = ()
    context: Mapping[str, str] = field(default_factory=dict)


def allows(document: str, attempt: Attempt) -> bool:
    """Whether a policy's JSON text allows the attempt."""
    return _effects(document, attempt) == {"Allow"}


def denies(document: str, attempt: Attempt) -> bool:
    """Whether a policy's JSON text, if there is one, denies the attempt, whatever allows it."""
    return bool(document) and "Deny" in _effects(document, attempt)


def is_known_key(key: str) -> bool:
    """Whether conditions may ask for it; AWS does not care for capital letters there."""
    return key.lower() in _KNOWN_KEYS


def joined(documents: Iterable[str]) -> str:
    """Return one policy with the statements of all, which is what several mean together."""
    statements = [statement for document in documents for statement in _statements(document)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def moment(text: str) -> datetime | None:
    """Read a moment of a condition, UTC where it does not say; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _effects(document: str, attempt: Attempt) -> set[Any]:
    return {s.get("Effect") for s in _statements(document) if _applies(s, attempt)}


def _statements(document: str) -> Iterator[Mapping[str, Any]]:
    statements = json.loads(document).get("Statement", [])
    yield from statements if isinstance(statements, list) else [statements]


def _applies(statement: Mapping[str, Any], attempt: Attempt) -> bool:
    return (
        _matches(statement.get("Action"), attempt.action)
        and _names_place(statement, attempt)
        and _conditions_hold(statement, attempt.context)
    )


def _conditions_hold(statement: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    there = {key.lower(): text for key, text in context.items()}
    for operator, wanted in statement.get("Condition", {}).items():
        for key, values in wanted.items():
            if not _is_understood(operator, key, _texts(values)):
                if statement.get("Effect") == "Allow":
                    return False
            elif not _holds(operator, _texts(values), there.get(key.lower())):
                return False
    return True


def _is_understood(operator: str, key: str, values: list[str]) -> bool:
    if operator not in OPERATORS or not is_known_key(key):
        return False
    return operator != "DateLessThan" or None not in map(moment, values)


def _names_place(statement: Mapping[str, Any], attempt: Attempt) -> bool:
    if "Principal" not in statement:
        return _matches(statement.get("Resource"), attempt.resource)
    principal = statement["Principal"]
    named = ["*"] if principal == "*" else _texts(principal.get("AWS"))
    return not {"*", *attempt.names}.isdisjoint(named)


def _matches(patterns: Any, text: str) -> bool:
    return any(_pattern(pattern).fullmatch(text) for pattern in _texts(patterns))


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(_like(pattern).pattern, re.IGNORECASE)


def _like(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", pattern)
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _holds(operator: str, values: list[str], there: str | None) -> bool:
    if there is None:
        return False
    if operator == "StringEquals":
        return there in values
    if operator == "StringLike":
        return any(_like(value).fullmatch(there) for value in values)
    then = moment(there)
    return then is not None and any(then < limit for limit in map(moment, values) if limit)
