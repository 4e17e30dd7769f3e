"""Where a failure is mended: in which policy in AWS, or in which of the role's own values.

The sentences of ``refusals`` say what the causes are; here stands what each of them is about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal.aws import refusals


@dataclass(frozen=True)
class Remedy:
    """``policies``: those to paste, by their kinds (``trust``, ``permission``, ``rights``,
    ``maximum``).

    ``keys``: the role's values to look at, by the access file's words.
    """

    policies: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


_BY_CAUSE: Mapping[str, Remedy] = {
    # AWS says the same whether the role trusts nobody or the portal may not ask: both are mended.
    refusals.TRUST: Remedy(("trust", "permission"), ("external_id",)),
    refusals.TRUST_WITH_ID: Remedy(("trust", "permission"), ("external_id",)),
    refusals.CONDITION: Remedy(("trust",)),
    refusals.SOURCE_IDENTITY: Remedy(("trust", "permission"), ("set_source_identity",)),
    refusals.TAGS: Remedy(("trust", "permission"), ("session_tags",)),
    refusals.CALLER: Remedy(("permission",)),
    refusals.FEDERATION_CALLER: Remedy(("permission",)),
    refusals.FEDERATION_TAGS: Remedy(("permission",), ("session_tags",)),
    refusals.FEDERATION_KEYS: Remedy((), ("source", "method")),
    refusals.ROLE_DURATION: Remedy(("maximum",), ("session_seconds", "max_session_seconds")),
    refusals.CHAINED: Remedy((), ("source", "session_seconds")),
}
_BY_CODE: Mapping[str, Remedy] = {
    "OtherAccount": Remedy((), ("source", "account")),
    "OtherPartition": Remedy((), ("source", "account")),
    "ForeignSource": Remedy((), ("source",)),
    "TemporaryCredentials": Remedy((), ("source", "method")),
    "MalformedPolicyDocument": Remedy((), ("session_policy", "policy_arns")),
    "PackedPolicyTooLarge": Remedy((), ("session_policy", "session_tags")),
    "SessionTag": Remedy((), ("session_tags",)),
    "SigninRefused": Remedy((), ("console_seconds",)),
}


def remedy(code: str, causes: Iterable[str]) -> Remedy:
    """Where to mend an error of that code which has, or likeliest has, these causes."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    found = [_BY_CAUSE.get(cause, Remedy()) for cause in causes]
    return Remedy(
        tuple(dict.fromkeys(kind for one in found for kind in one.policies)),
        tuple(dict.fromkeys(key for one in found for key in one.keys)),
    )
