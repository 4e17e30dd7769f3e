"""Session policies in the file: a mapping (or JSON text), compact JSON text for AWS.

Of a policy's unquoted values ``true`` and ``false`` are JSON's, and so are numbers, except those
of 12 digits, which are account numbers; everything else is text, as in the rest of the file.
"""

from accounts.access_file.document import Mapping, Node, Scalar
from accounts.aws_rules.policy_text import (
    NUMBER,
    Json,
    NotJson,
    canonical_policy,
    checked_object,
    exact_number,
    policy_json,
)

_BOOLEANS = {"true": True, "false": False}


def policy_of(node: Node) -> str:
    """Return a policy's compact JSON. Raises ValueError, with a sentence, when it is none."""
    if isinstance(node, Scalar):
        try:
            return canonical_policy(node.text)
        except NotJson as error:
            raise ValueError(f"must be a mapping or JSON text; it {error}") from None
    return policy_json(_json_of(node))


def _json_of(node: Node) -> Json:
    if isinstance(node, Mapping):
        return checked_object([(key, _json_of(value)) for key, value in node.entries.items()])
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
    return exact_number(node.text) if NUMBER.fullmatch(node.text) else node.text
