"""What STS and IAM take: lengths, durations and characters, checked before AWS is asked.

The numbers are those of the STS service model and the IAM User Guide. Each check answers with a
``Problem`` that says what is wrong, or with None.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.aws_rules.partitions import PARTITIONS, partition
from accounts.errors import Seconds, gettext_noop

SECONDS_MIN = 900
"""Shortest life of temporary credentials and of a console session."""
CHAINED_SECONDS_MAX = 3_600
"""Longest life of credentials that come from a role's own credentials (role chaining)."""
CONSOLE_SECONDS_MIN = 900
CONSOLE_SECONDS_MAX = 43_200
"""Longest console session: ``SessionDuration`` of the federation endpoint."""

SESSION_POLICY_CHARACTERS_MAX = 2_048
"""Inline session policy and the ARNs of managed ones together, as plain text."""
POLICY_ARNS_MAX = 10
POLICY_ARN_MIN = 20
POLICY_ARN_MAX = 2_048
TAGS_MAX = 50
TAG_KEY_MAX = 128
TAG_VALUE_MAX = 256
EXTERNAL_ID_MIN = 2
EXTERNAL_ID_MAX = 1_224
ROLE_NAME_MAX = 64
ROLE_PATH_MAX = 512


@dataclass(frozen=True)
class MethodLimits:
    """How long credentials of one STS operation may live, and live unless it is asked; seconds."""

    seconds_max: int
    seconds_default: int
    seconds_min: int = SECONDS_MIN


METHOD_LIMITS: Mapping[str, MethodLimits] = {
    "assume_role": MethodLimits(seconds_max=43_200, seconds_default=3_600),
    "federation_token": MethodLimits(seconds_max=129_600, seconds_default=43_200),
}
"""By the access file's word for the method."""


@dataclass(frozen=True)
class Problem:
    """Why AWS would not take a value: a message id and what fills its ``%(name)s`` places."""

    message: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message % self.params


_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/-]+")
_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_PATH_PART = re.compile(r"[\x21-\x2e\x30-\x7e]+")
_POLICY_TEXT = re.compile(r"[\t\n\r\x20-\xff]+")
_POLICY_NAME = re.compile(r"(?:[\x21-\x7e]+/)?[A-Za-z0-9_+=,.@-]{1,128}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_TAG_PUNCTUATION = frozenset("_.:/=+-@")
_STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:.+")
_ACTION_FORM = gettext_noop("“%(text)s” is no action: write it like s3:GetObject")
_RESOURCE_FORM = gettext_noop("“%(text)s” is no resource: write an ARN or *")
TRUST_AMONG_PERMISSIONS = gettext_noop(
    "a statement with a Principal belongs in the role’s trust policy, not among permissions"
)
"""The classic mistake: the trust statement written where permissions stand."""
_POLICY_VERSIONS = ("2012-10-17", "2008-10-17")


def problem_with_duration(seconds: int, method: str) -> Problem | None:
    """Why credentials of ``method`` cannot live that many seconds."""
    limits = METHOD_LIMITS[method]
    return _problem_with_seconds(seconds, limits.seconds_min, limits.seconds_max)


def problem_with_console_seconds(seconds: int) -> Problem | None:
    """Why a console session cannot last that many seconds."""
    return _problem_with_seconds(seconds, CONSOLE_SECONDS_MIN, CONSOLE_SECONDS_MAX)


def _problem_with_seconds(seconds: int, least: int, most: int) -> Problem | None:
    if least <= seconds <= most:
        return None
    return Problem(
        gettext_noop("must be between %(least)s and %(most)s"),
        {"least": Seconds(least), "most": Seconds(most)},
    )


def problem_with_external_id(value: str) -> Problem | None:
    """Why AWS would refuse ``value`` as ``ExternalId``."""
    return _problem_with_length(value, EXTERNAL_ID_MIN, EXTERNAL_ID_MAX) or (
        _problem_with_characters(value, _EXTERNAL_ID, "_+=,.@:/-")
    )


def _problem_with_length(text: str, least: int, most: int) -> Problem | None:
    if least <= len(text) <= most:
        return None
    return Problem(
        gettext_noop("must be %(least)s to %(most)s characters long, not %(length)s"),
        {"least": least, "most": most, "length": len(text)},
    )


def _problem_with_characters(
    text: str, allowed: re.Pattern[str], punctuation: str
) -> Problem | None:
    if allowed.fullmatch(text):
        return None
    return Problem(
        gettext_noop("may hold only A-Z, a-z, 0-9 and %(punctuation)s"),
        {"punctuation": punctuation},
    )


def problem_with_session_policies(
    policy_json: str | None, policy_arns: Sequence[str]
) -> Problem | None:
    """Why AWS would refuse this inline policy and these managed policies together.

    Each for itself is the business of the checks below.
    """
    length = len(policy_json or "") + sum(len(arn) for arn in policy_arns)
    if length <= SESSION_POLICY_CHARACTERS_MAX:
        return None
    return Problem(
        gettext_noop(
            "session policy and policy ARNs together must be at most %(most)s characters,"
            " not %(length)s"
        ),
        {"most": SESSION_POLICY_CHARACTERS_MAX, "length": length},
    )


def problem_with_session_policy(policy_json: str) -> Problem | None:
    """Why AWS would refuse this text as an inline session policy.

    Its length, its characters and the grammar of its statements are checked; what the statements
    allow is left to AWS.
    """
    return (
        _problem_with_length(policy_json, 1, SESSION_POLICY_CHARACTERS_MAX)
        or _problem_with_policy_characters(policy_json)
        or _problem_with_policy_outline(policy_json)
        or next(filter(None, map(_problem_with_statement, _statements(policy_json))), None)
    )


def _problem_with_policy_characters(policy_json: str) -> Problem | None:
    if _POLICY_TEXT.fullmatch(policy_json):
        return None
    return Problem(gettext_noop("may hold only characters up to U+00FF and line breaks"))


def _problem_with_policy_outline(policy_json: str) -> Problem | None:
    try:
        policy = json.loads(policy_json)
    except (ValueError, RecursionError):
        return Problem(gettext_noop("must be JSON"))
    if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list | dict):
        return Problem(gettext_noop("must be a policy document with a Statement"))
    if policy.get("Version", _POLICY_VERSIONS[0]) not in _POLICY_VERSIONS:
        return Problem(
            gettext_noop("the policy’s Version must be %(newest)s or %(oldest)s"),
            {"newest": _POLICY_VERSIONS[0], "oldest": _POLICY_VERSIONS[1]},
        )
    if policy["Statement"] == []:
        return Problem(gettext_noop("needs a statement: AWS takes no policy without one"))
    return None


def _statements(policy_json: str) -> list[Any]:
    found = json.loads(policy_json)["Statement"]
    return found if isinstance(found, list) else [found]


def _problem_with_statement(statement: Any) -> Problem | None:
    if not isinstance(statement, dict):
        return Problem(gettext_noop("every statement must be a mapping"))
    if statement.keys() & _PRINCIPALS:
        return Problem(TRUST_AMONG_PERMISSIONS)
    if unknown := sorted(statement.keys() - _STATEMENT_KEYS):
        return Problem(
            gettext_noop("a statement knows no “%(key)s”"), {"key": unknown[0][:TAG_KEY_MAX]}
        )
    if statement.get("Effect") not in ("Allow", "Deny"):
        return Problem(gettext_noop("every statement needs an Effect, Allow or Deny"))
    return _problem_with_one_of(statement, "Action", _ACTION, _ACTION_FORM) or _problem_with_one_of(
        statement, "Resource", _RESOURCE, _RESOURCE_FORM
    )


def _problem_with_one_of(
    statement: Mapping[str, Any], key: str, allowed: re.Pattern[str], form: str
) -> Problem | None:
    if (key in statement) == (f"Not{key}" in statement):
        return Problem(
            gettext_noop("every statement needs either %(key)s or Not%(key)s"), {"key": key}
        )
    value = statement.get(key, statement.get(f"Not{key}"))
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if not isinstance(text, str) or not allowed.fullmatch(text):
            return Problem(form, {"text": str(text)[:TAG_KEY_MAX]})
    return None if texts else Problem(gettext_noop("%(key)s is an empty list"), {"key": key})


def problem_with_policy_partition(policy_json: str, partition_name: str) -> Problem | None:
    """Why AWS would refuse a policy's resources: ARNs of another partition.

    The policy must be one that ``problem_with_session_policy`` finds right.
    """
    for statement in _statements(policy_json):
        resources = statement.get("Resource", statement.get("NotResource", []))
        for text in resources if isinstance(resources, list) else [resources]:
            named = text.split(":")[1] if text.startswith("arn:") else "*"
            if named in PARTITIONS and named != partition_name:
                return Problem(
                    gettext_noop("%(arn)s is of the partition %(theirs)s, the account of %(ours)s"),
                    {"arn": text[:TAG_KEY_MAX], "theirs": named, "ours": partition_name},
                )
    return None


def problem_with_policy_arns(
    arns: Sequence[str], partition_name: str, account_id: str
) -> Problem | None:
    """Why AWS would refuse this list of managed session policies for that account."""
    if len(arns) > POLICY_ARNS_MAX:
        return Problem(
            gettext_noop("at most %(most)s policy ARNs are allowed, not %(number)s"),
            {"most": POLICY_ARNS_MAX, "number": len(arns)},
        )
    problems = (problem_with_policy_arn(arn, partition_name, account_id) for arn in arns)
    return next((problem for problem in problems if problem), None)


def problem_with_policy_arn(
    arn: str, partition_name: str, account_id: str | None = None
) -> Problem | None:
    """Why ``arn`` is no managed policy that a session of that account can be given.

    It must be AWS's own (``arn:aws:iam::aws:policy/…``) or in ``account_id``; without an account
    any account will do. Raises InvalidRequest for a partition that the portal does not serve.
    """
    owner, _, name = arn.removeprefix(_policy_arn_start(partition_name)).partition(":policy/")
    if (
        not arn.startswith(_policy_arn_start(partition_name))
        or not _POLICY_NAME.fullmatch(name)
        or not (owner == "aws" or _ACCOUNT_ID.fullmatch(owner))
        or not POLICY_ARN_MIN <= len(arn) <= POLICY_ARN_MAX
    ):
        return Problem(
            gettext_noop("must be the ARN of a managed policy, such as %(example)s"),
            {"example": f"{_policy_arn_start(partition_name)}aws:policy/ReadOnlyAccess"},
        )
    if account_id is not None and owner not in ("aws", account_id):
        return Problem(
            gettext_noop("the policy must be in account %(account)s or AWS's own"),
            {"account": account_id},
        )
    return None


def _policy_arn_start(partition_name: str) -> str:
    return f"arn:{partition(partition_name).name}:iam::"


def problem_with_number_of_tags(number: int) -> Problem | None:
    """Why AWS has no account, and takes no session, with so many tags."""
    if number <= TAGS_MAX:
        return None
    return Problem(
        gettext_noop("at most %(most)s tags are allowed, not %(number)s"),
        {"most": TAGS_MAX, "number": number},
    )


def problem_with_tags(tags: Mapping[str, str]) -> Problem | None:
    """Why AWS would refuse these session tags together; keys that differ in case only clash."""
    if problem := problem_with_number_of_tags(len(tags)):
        return problem
    if len({key.lower() for key in tags}) < len(tags):
        return Problem(gettext_noop("two tag keys differ in upper and lower case only"))
    problems = (problem_with_tag(key, value) for key, value in tags.items())
    return next((problem for problem in problems if problem), None)


def problem_with_tag(key: str, value: str) -> Problem | None:
    """Why AWS would refuse this session tag; names the tag.

    AWS takes letters and digits of every script, spaces and ``_.:/=+-@``, and keeps what begins
    with ``aws:`` to itself.
    """
    if not 1 <= len(key) <= TAG_KEY_MAX:
        return Problem(
            gettext_noop("tag key “%(key)s” must be 1 to %(most)s characters long"),
            {"key": key[:TAG_KEY_MAX], "most": TAG_KEY_MAX},
        )
    if len(value) > TAG_VALUE_MAX:
        return Problem(
            gettext_noop("the value of tag “%(key)s” must be at most %(most)s characters long"),
            {"key": key, "most": TAG_VALUE_MAX},
        )
    if not all(_is_tag_character(c) for c in key + value):
        return Problem(
            gettext_noop("tag “%(key)s” may hold only letters, digits, spaces and %(punctuation)s"),
            {"key": key, "punctuation": "_.:/=+-@"},
        )
    if key.lower().startswith("aws:") or value.lower().startswith("aws:"):
        return Problem(
            gettext_noop("tag “%(key)s” begins with aws:, which AWS keeps to itself"), {"key": key}
        )
    return None


def _is_tag_character(character: str) -> bool:
    return character in _TAG_PUNCTUATION or unicodedata.category(character)[0] in "LNZ"


def problem_with_role_name(name: str, method: str) -> Problem | None:
    """Why ``name`` cannot name an entry of ``method``.

    For ``assume_role`` it is an IAM role's name with its path before it and no slash at the start
    (``team/Developer``); for ``federation_token`` the entry's own name, without a path. Path parts
    of only dots are legal for IAM and refused here, because no link can carry them.
    """
    path, slash, last = name.rpartition("/")
    if slash and method == "federation_token":
        return Problem(gettext_noop("a federation token is no IAM role and has no path"))
    if not _ROLE_NAME.fullmatch(last):
        return Problem(
            gettext_noop(
                "the role’s name must be 1 to %(most)s characters of A-Z, a-z, 0-9 and"
                " %(punctuation)s"
            ),
            {"most": ROLE_NAME_MAX, "punctuation": "_+=,.@-"},
        )
    return _problem_with_path_parts(name) or _problem_with_path_length(path)


def _problem_with_path_parts(name: str) -> Problem | None:
    if name.startswith("/"):
        return Problem(gettext_noop("must not begin with a slash"))
    for part in name.split("/"):
        if not _PATH_PART.fullmatch(part) or part in (".", ".."):
            return Problem(gettext_noop("the path’s parts must be printable ASCII, none empty"))
    return None


def _problem_with_path_length(path: str) -> Problem | None:
    if len(path) + len("//") <= ROLE_PATH_MAX:
        return None
    return Problem(
        gettext_noop("the path must be at most %(most)s characters long"), {"most": ROLE_PATH_MAX}
    )


def role_arn(partition_name: str, account_id: str, role_name: str) -> str:
    """The ARN of an IAM role; ``role_name`` with its path before it, as in the access file.

    Raises InvalidRequest for a partition that the portal does not serve.
    """
    return f"arn:{partition(partition_name).name}:iam::{account_id}:role/{role_name}"
