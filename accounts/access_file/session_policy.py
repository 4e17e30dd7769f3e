"""Session policies: a mapping in the file (or JSON text), compact JSON text for AWS.

Of a policy's unquoted values ``true`` and ``false`` are JSON's, and so are numbers, except those
of 12 digits, which are account numbers; everything else is text, as in the rest of the file.
"""

import json
import re
from typing import Any, TypeAlias

from accounts.access_file.document import Mapping, Node, Scalar

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool

LONGEST_KEY = 512
_BOOLEANS = {"true": True, "false": False}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def policy_of(node: Node) -> str:
    """Return a policy's compact JSON. Raises ValueError, with a sentence, when it is none."""
    if isinstance(node, Scalar):
        return canonical_policy(node.text)
    return _compact(_json_of(node))


def canonical_policy(text: str) -> str:
    """Return JSON text in its compact form. Raises ValueError when it is not JSON."""
    try:
        value = json.loads(
            text,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("must be a mapping or JSON text") from None
    return _compact(_without_null(value))


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _json_of(node: Node) -> Json:
    if isinstance(node, Mapping):
        return _object([(key, _json_of(value)) for key, value in node.entries.items()])
    if isinstance(node, Scalar):
        return _scalar(node)
    return [_json_of(item) for item in node.items]


def _scalar(node: Scalar) -> Json:
    if not node.plain:
        return node.text
    if node.is_null:
        raise ValueError(f"line {node.line} has no value")
    if node.text.lower() in _BOOLEANS:
        return _BOOLEANS[node.text.lower()]
    return _number(node.text) if _NUMBER.fullmatch(node.text) else node.text


def _number(text: str) -> Json:
    if _ACCOUNT_ID.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]} is no number that can be kept exactly")
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _no_constant(text: str) -> Json:
    raise ValueError(f"{text} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
    for key, _ in pairs:
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise ValueError(f"a key must be at most {LONGEST_KEY} printable characters")
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _without_null(value: Any) -> Json:
    if value is None:
        raise ValueError("null has no meaning in a policy")
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    kept: Json = value
    return kept
