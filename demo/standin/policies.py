"""Session policies: their grammar and their size. What they permit is not worked out here."""

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from demo.standin.refusals import Refusal, invalid

PLAIN_LIMIT = 2048
# AWS does not say how it packs policies and tags; deflate against this many bytes comes near.
PACKED_LIMIT = 2048
POLICY_KEYS = {"Version", "Id", "Statement"}
STATEMENT_KEYS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def check_session_policies(policy: str, arns: tuple[str, ...], account_id: str) -> None:
    """Raise Refusal for a policy that AWS could not read or a managed policy of elsewhere."""
    if policy:
        _check_document(policy)
    for arn in arns:
        if not re.fullmatch(rf"arn:[a-z-]+:iam::(?:{account_id}|aws):policy/.+", arn):
            raise invalid(f"ARN {arn} is not valid.")


def packed_policy_size(policy: str, arns: tuple[str, ...], tags: Mapping[str, str]) -> int:
    """Return the packed size in per cent of what is allowed; raises Refusal above 100."""
    plain = len(policy) + sum(map(len, arns))
    packed = len(zlib.compress("\n".join([policy, *arns, *tags, *tags.values()]).encode(), 9))
    percent = max(1, -(-packed * 100 // PACKED_LIMIT))
    if plain > PLAIN_LIMIT or percent > 100:
        raise Refusal(
            "PackedPolicyTooLarge",
            f"Packed size of session tags and policies consumes {max(percent, 101)}% of allotted "
            "space.",
        )
    return percent


def _check_document(policy: str) -> None:
    try:
        document = json.loads(policy)
    except (ValueError, RecursionError):
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(document, dict) or not set(document) <= POLICY_KEYS:
        raise _malformed("Syntax errors in policy.")
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("The policy must contain a valid version string")
    statements = document.get("Statement")
    for statement in statements if isinstance(statements, list) else [statements]:
        _check_statement(statement)
    if not statements:
        raise _malformed("Syntax errors in policy.")


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or not set(statement) <= STATEMENT_KEYS:
        raise _malformed("Syntax errors in policy.")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Invalid effect in policy.")
    actions = _texts_of_one(statement, "Action", "NotAction")
    resources = _texts_of_one(statement, "Resource", "NotResource")
    if not all(re.fullmatch(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", action) for action in actions):
        raise _malformed(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        )
    if not all(re.fullmatch(r"\*|arn:.+", resource) for resource in resources):
        raise _malformed("Resource must be in ARN format or '*'.")
    if not isinstance(statement.get("Condition", {}), dict):
        raise _malformed("Syntax errors in policy.")


def _texts_of_one(statement: Mapping[str, Any], name: str, opposite: str) -> list[str]:
    if (name in statement) == (opposite in statement):
        raise _malformed(f"Policy statement must contain {name.lower()}s.")
    value = statement.get(name, statement.get(opposite))
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _malformed("Syntax errors in policy.")
    return texts


def _malformed(message: str) -> Refusal:
    return Refusal("MalformedPolicyDocument", message)
