"""Reads the form of an STS call into typed values, within the limits of the STS API reference."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from demo.standin.refusals import Refusal, constraint, invalid

API_VERSION = "2011-06-15"
NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]*", re.ASCII)
SERIAL_NUMBER = re.compile(r"[\w+=/:,.@-]*", re.ASCII)
DIGITS = re.compile(r"[0-9]*")
POLICY = re.compile("[\t\n\r -ÿ]*")
ARN = re.compile("[\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd]*")

LIST_ITEM = re.compile(
    r"(PolicyArns)\.member\.[1-9][0-9]?\.arn|(Tags)\.member\.[1-9][0-9]?\.(?:Key|Value)"
    r"|(TransitiveTagKeys)\.member\.[1-9][0-9]?"
)


@dataclass(frozen=True)
class TextLimit:
    """Length and alphabet of one text parameter; ``most`` None: no limit of its own."""

    least: int
    most: int | None
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Operation:
    """What one action accepts: texts, lists, and the limits of DurationSeconds."""

    required: tuple[str, ...] = ()
    texts: Mapping[str, TextLimit] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    longest_seconds: int = 0
    usual_seconds: int = 0


@dataclass(frozen=True)
class Wish:
    """An STS call that is well-formed; whether it is allowed is another question."""

    action: str
    texts: Mapping[str, str]
    duration_seconds: int
    policy_arns: tuple[str, ...]
    tags: Mapping[str, str]
    transitive_tag_keys: tuple[str, ...]

    def text(self, name: str) -> str:
        """Return a text parameter, empty when it was not given."""
        return self.texts.get(name, "")


OPERATIONS: Mapping[str, Operation] = {
    "AssumeRole": Operation(
        required=("RoleArn", "RoleSessionName"),
        texts={
            "RoleArn": TextLimit(20, 2048, ARN),
            "RoleSessionName": TextLimit(2, 64, NAME),
            # The policy's own limit counts together with the ARNs: see policies.
            "Policy": TextLimit(1, None, POLICY),
            "ExternalId": TextLimit(2, 1224, EXTERNAL_ID),
            "SourceIdentity": TextLimit(2, 64, NAME),
            "SerialNumber": TextLimit(9, 256, SERIAL_NUMBER),
            "TokenCode": TextLimit(6, 6, DIGITS),
        },
        lists=("PolicyArns", "Tags", "TransitiveTagKeys"),
        longest_seconds=43200,
        usual_seconds=3600,
    ),
    "GetFederationToken": Operation(
        required=("Name",),
        texts={"Name": TextLimit(2, 32, NAME), "Policy": TextLimit(1, 2048, POLICY)},
        lists=("PolicyArns", "Tags"),
        longest_seconds=129600,
        usual_seconds=43200,
    ),
    "GetCallerIdentity": Operation(),
}


def read_wish(form: Mapping[str, str]) -> Wish:
    """Read an STS call; raises Refusal for whatever AWS would not take."""
    action = _action(form)
    operation = OPERATIONS[action]
    _refuse_unknown(form, operation)
    return Wish(
        action=action,
        texts=_texts(form, operation),
        duration_seconds=_duration(form, operation),
        policy_arns=_policy_arns(form),
        tags=_tags(form),
        transitive_tag_keys=_transitive_tag_keys(form),
    )


def _action(form: Mapping[str, str]) -> str:
    action, version = form.get("Action", ""), form.get("Version", "")
    if action not in OPERATIONS or version != API_VERSION:
        sentence = (
            f"Could not find operation {action} for version {version or 'NO_VERSION_SPECIFIED'}"
        )
        raise Refusal("InvalidAction", sentence)
    return action


def _refuse_unknown(form: Mapping[str, str], operation: Operation) -> None:
    known = {"Action", "Version", *operation.texts}
    if operation.longest_seconds:
        known.add("DurationSeconds")
    # An empty list is sent as its bare name without a value.
    known.update(name for name in operation.lists if form.get(name) == "")
    for name in form:
        if name not in known and not _is_list_item(name, operation):
            raise Refusal("InvalidQueryParameter", f"The query parameter {name} is not known")


def _is_list_item(name: str, operation: Operation) -> bool:
    found = LIST_ITEM.fullmatch(name)
    return found is not None and (found[1] or found[2] or found[3]) in operation.lists


def _texts(form: Mapping[str, str], operation: Operation) -> dict[str, str]:
    for name in operation.required:
        if name not in form:
            raise constraint(None, name, "Member must not be null")
    found = {name: form[name] for name in operation.texts if name in form}
    for name, value in found.items():
        _check_text(name, value, operation.texts[name])
    return found


def _check_text(name: str, value: str, limit: TextLimit) -> None:
    if len(value) < limit.least:
        rule = f"Member must have length greater than or equal to {limit.least}"
        raise constraint(value, name, rule)
    if limit.most is not None and len(value) > limit.most:
        rule = f"Member must have length less than or equal to {limit.most}"
        raise constraint(value, name, rule)
    if not limit.pattern.fullmatch(value):
        rule = f"Member must satisfy regular expression pattern: {limit.pattern.pattern}"
        raise constraint(value, name, rule)


def _duration(form: Mapping[str, str], operation: Operation) -> int:
    text = form.get("DurationSeconds", "")
    if "DurationSeconds" not in form:
        return operation.usual_seconds
    if not re.fullmatch("[0-9]{1,9}", text):
        raise Refusal("MalformedInput", "DurationSeconds is not a whole number")
    seconds = int(text)
    if seconds < 900:
        raise constraint(
            text, "DurationSeconds", "Member must have value greater than or equal to 900"
        )
    if seconds > operation.longest_seconds:
        rule = f"Member must have value less than or equal to {operation.longest_seconds}"
        raise constraint(text, "DurationSeconds", rule)
    return seconds


def _policy_arns(form: Mapping[str, str]) -> tuple[str, ...]:
    arns = tuple(form[key] for key in _items(form, "PolicyArns", "arn"))
    if len(arns) > 10:
        raise constraint(str(len(arns)), "PolicyArns", "at most 10 managed policies")
    for arn in arns:
        _check_text("PolicyArns", arn, TextLimit(20, 2048, ARN))
    return arns


def _tags(form: Mapping[str, str]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key in _items(form, "Tags", "Key"):
        value_key = key.removesuffix("Key") + "Value"
        if value_key not in form:
            raise constraint(None, "Tags", "Member must not be null")
        _check_tag_text(form[key], least=1, most=128)
        _check_tag_text(form[value_key], least=0, most=256)
        if form[key].lower() in (known.lower() for known in tags):
            raise invalid(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            )
        tags[form[key]] = form[value_key]
    if len(tags) > 50:
        raise constraint(str(len(tags)), "Tags", "Member must have length less than or equal to 50")
    return tags


def _check_tag_text(text: str, least: int, most: int) -> None:
    _check_text("Tags", text, TextLimit(least, most, re.compile(".*", re.DOTALL)))
    if text.lower().startswith("aws:"):
        raise invalid("Tag keys and values must not begin with aws:")
    for letter in text:
        if unicodedata.category(letter)[0] not in "LNZ" and letter not in "_.:/=+-@":
            rule = r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*"
            raise constraint(text, "Tags", rule)


def _transitive_tag_keys(form: Mapping[str, str]) -> tuple[str, ...]:
    keys = tuple(form[key] for key in _items(form, "TransitiveTagKeys", ""))
    if len(keys) > 50:
        rule = "Member must have length less than or equal to 50"
        raise constraint(str(len(keys)), "TransitiveTagKeys", rule)
    if not set(keys) <= set(_tags(form)):
        raise invalid("Transitive tag keys must be keys of session tags")
    return keys


def _items(form: Mapping[str, str], name: str, part: str) -> list[str]:
    """Return the form's names of one list in order; a gap in the numbering is refused."""
    end = f".{part}" if part else ""
    possible = (f"{name}.member.{number}{end}" for number in range(1, 100))
    found = [key for key in possible if key in form]
    if found and found[-1] != f"{name}.member.{len(found)}{end}":
        raise Refusal("MalformedInput", f"The members of {name} are not numbered from 1")
    return found
