"""Policies: their grammar and their size. What they permit is worked out in evaluation.

There are three kinds: the session policies that come with a call, the permissions of a role or
user, and a role's trust policy. Only the last names a Principal, and only the others a Resource.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from demo.standin.evaluation import OPERATORS, is_known_key, moment
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
TRUST_KEYS = {"Sid", "Effect", "Action", "Principal", "Condition"}
PRINCIPALS = {"AWS", "CanonicalUser", "Federated", "Service"}


def check_session_policies(policy: str, arns: tuple[str, ...], account_id: str) -> None:
    """Raise Refusal for a policy that AWS could not read or a managed policy of elsewhere."""
    if policy:
        for statement in _statements(policy):
            _check_statement(statement)
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


def check_permission_policy(policy: str) -> None:
    """Raise Refusal for permissions that IAM would not take, whatever their size."""
    for statement in _statements(policy):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise _malformed(
                "Policy document should not specify a principal: a statement with a Principal "
                "belongs in the trust policy of a role."
            )
        _refuse_unread(statement)
        _check_statement(statement)
        _check_condition(statement)
        _refuse_unread_denial(statement)


def check_trust_policy(policy: str) -> None:
    """Raise Refusal for a trust policy that IAM would not take, whatever its size."""
    for statement in _statements(policy):
        _refuse_unread(statement)
        if "Principal" not in statement:
            raise _malformed(
                "Missing required field Principal: a trust policy says who may enter; what the "
                "role may do belongs in its permissions."
            )
        if "Resource" in statement:
            raise _malformed("Has prohibited field Resource: a trust policy is about its own role.")
        _require_shape(statement, TRUST_KEYS)
        actions = _texts_of_one(statement, "Action", "NotAction")
        if not all(action.lower().startswith("sts:") for action in actions):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        _check_principal(statement["Principal"])
        _check_condition(statement)
        _refuse_unread_denial(statement)


def check_size(policies: Iterable[str], limit: int) -> None:
    """Raise Refusal for policies that have together more characters; white space does not count."""
    if len("".join("".join(policies).split())) > limit:
        raise Refusal("LimitExceeded", f"The policies here have at most {limit:,} characters.")


def principals(policy: str) -> list[str]:
    """Return every AWS principal that a trust policy names; the policy has been checked."""
    named = [statement["Principal"] for statement in _statements(policy)]
    return [name for one in named if one != "*" for name in _as_list(one.get("AWS", []))]


def _statements(policy: str) -> list[Any]:
    """Return a policy's statements, or raise Refusal for a text that is no policy document."""
    try:
        document = json.loads(policy, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        where = ""
        if isinstance(error, json.JSONDecodeError):
            where = f" at line {error.lineno}, column {error.colno}"
        raise _malformed(f"This policy contains invalid Json{where}") from None
    if not isinstance(document, dict) or not set(document) <= POLICY_KEYS:
        raise _malformed("Syntax errors in policy.")
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("The policy must contain a valid version string")
    statements = _as_list(document.get("Statement", []))
    if not statements or not all(isinstance(statement, dict) for statement in statements):
        raise _malformed("Syntax errors in policy.")
    return statements


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _check_statement(statement: Mapping[str, Any]) -> None:
    _require_shape(statement, STATEMENT_KEYS)
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


def _require_shape(statement: Mapping[str, Any], keys: Iterable[str]) -> None:
    if not set(statement) <= set(keys):
        raise _malformed("Syntax errors in policy.")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Invalid effect in policy.")


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not set(principal) <= PRINCIPALS:
        raise _malformed("Syntax errors in policy.")
    if not all(_are_texts(value) for value in principal.values()):
        raise _malformed("Invalid principal in policy.")


def _check_condition(statement: Mapping[str, Any]) -> None:
    operators = statement.get("Condition", {})
    if not isinstance(operators, dict) or not all(
        isinstance(wanted, dict) and all(_are_texts(values) for values in wanted.values())
        for wanted in operators.values()
    ):
        raise _malformed(
            "Syntax errors in policy: a Condition is {operator: {key: text or texts}}."
        )
    for values in operators.get("DateLessThan", {}).values():
        if None in map(moment, _as_list(values)):
            raise _malformed("A moment is written like 2027-01-31T12:00:00Z.")


def _refuse_unread(statement: Mapping[str, Any]) -> None:
    """Refuse what AWS knows and evaluation does not, so that it never is misread."""
    for name in ("NotAction", "NotPrincipal", "NotResource"):
        if name in statement:
            raise _malformed(f"This stand-in does not read {name}: write {name[3:]}.")


def _refuse_unread_denial(statement: Mapping[str, Any]) -> None:
    """Refuse a Deny under a condition that evaluation does not understand."""
    if statement["Effect"] == "Allow":
        return
    for operator, wanted in statement.get("Condition", {}).items():
        unread = [operator] if operator not in OPERATORS else []
        for name in (*unread, *(key for key in wanted if not is_known_key(key))):
            raise _malformed(f"This stand-in does not read {name} where something is denied.")


def _texts_of_one(statement: Mapping[str, Any], name: str, opposite: str) -> list[str]:
    if (name in statement) == (opposite in statement):
        raise _malformed(f"Policy statement must contain {name.lower()}s.")
    value = statement.get(name, statement.get(opposite))
    if not _are_texts(value):
        raise _malformed("Syntax errors in policy.")
    return _as_list(value)


def _are_texts(value: Any) -> bool:
    texts = _as_list(value)
    return bool(texts) and all(isinstance(text, str) for text in texts)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _malformed(message: str) -> Refusal:
    return Refusal("MalformedPolicyDocument", message)
