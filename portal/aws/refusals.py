"""What AWS's error codes mean: to the person, to the administrator, and whether to try again.

One table, with a default for the rest. AWS does not say which cause it is, so that the hints name
several, the likeliest first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from accounts.errors import gettext_noop
from portal.aws.plan import SessionPlan, SourceSettings
from portal.aws.sayings import (
    UNKNOWN_CODE,
    Saying,
    known_code,
    masked,
    plan_params,
    printable,
    spoken,
)
from portal.errors import AwsRefused, AwsUnavailable, UpstreamError


@dataclass(frozen=True)
class Refusal(Saying):
    """What one of AWS's error codes means.

    ``busy``: AWS asks to come back later. ``stale_credentials``: AWS refuses the broker's own
    credentials, so newer ones may do.
    """

    busy: bool = False
    stale_credentials: bool = False


_BUSY = Refusal(
    gettext_noop("AWS is busy and could not open the session now."),
    (
        gettext_noop("Many launches at once: AWS limits the calls of one account and region."),
        gettext_noop("Trouble at AWS: look at the AWS Health Dashboard."),
    ),
    busy=True,
)
_NOT_ACCEPTED = Refusal(
    gettext_noop("AWS refused to open the session in account %(account)s."),
    (gettext_noop("AWS answered %(code)s: look it up in the STS API reference."),),
)
_EXPIRED = Refusal(
    gettext_noop("AWS says that the portal’s own credentials have expired."),
    (
        gettext_noop("Renew the credentials of the source “%(source)s”."),
        gettext_noop("The portal’s clock is wrong."),
    ),
    stale_credentials=True,
)
_UNKNOWN_KEY = Refusal(
    gettext_noop("AWS does not know the portal’s own credentials."),
    (
        gettext_noop("The access key of the source “%(source)s” was deleted or deactivated."),
        gettext_noop(
            "The keys of the source “%(source)s” are not of the partition %(partition)s: "
            "give the role a source of that partition."
        ),
        gettext_noop(
            "The source “%(source)s” has a session token that belongs to another key, or lacks it."
        ),
    ),
    stale_credentials=True,
)
_BAD_SIGNATURE = Refusal(
    gettext_noop("AWS does not accept the portal’s signature."),
    (
        gettext_noop("The secret key of the source “%(source)s” does not fit its access key."),
        gettext_noop("The portal’s clock is wrong."),
        gettext_noop("A proxy between the portal and AWS changes the request."),
    ),
    stale_credentials=True,
)
_CLOCK = Refusal(
    gettext_noop("AWS refused the request because the portal’s clock is wrong."),
    (gettext_noop("Set the portal’s clock by NTP: AWS allows 5 minutes of difference."),),
)
_NOT_SIGNED_UP = Refusal(
    gettext_noop("AWS does not let the portal’s own account use this service."),
    (gettext_noop("The account of the source “%(source)s” is closed, suspended or incomplete."),),
)

_WHO = Refusal(
    gettext_noop("AWS does not say who the portal is."),
    (gettext_noop("AWS answered %(code)s: look it up in the STS API reference."),),
)

_ROLE_REFUSED = gettext_noop(
    "AWS does not let the portal enter the role %(role)s in account %(account)s."
)
_TOKEN_REFUSED = gettext_noop(
    "AWS does not let the portal make a federation token in account %(account)s."
)

# AWS answers all of these alike, so that one sentence names them together.
TRUST = gettext_noop(
    "The trust policy of %(role)s does not name the identity of the source “%(source)s”, "
    "or it asks for an external id and the role has none here, or the role does not exist."
)
TRUST_WITH_ID = gettext_noop(
    "The trust policy of %(role)s does not name the identity of the source “%(source)s”, "
    "or its sts:ExternalId is not the external id that the role has here, or the role does not "
    "exist."
)
SOURCE_IDENTITY = gettext_noop(
    "The role sets a source identity: its trust policy and the permissions of the source "
    "“%(source)s” must both allow sts:SetSourceIdentity."
)
TAGS = gettext_noop(
    "The role sets session tags: its trust policy and the permissions of the source "
    "“%(source)s” must both allow sts:TagSession."
)
CONDITION = gettext_noop(
    "The trust policy has another condition that the portal does not meet, such as MFA."
)
CALLER = gettext_noop(
    "The identity of the source “%(source)s” lacks the permission sts:AssumeRole on %(role)s."
)
SCP = gettext_noop("A service control policy or a permissions boundary denies it.")

FEDERATION_CALLER = gettext_noop(
    "The IAM user of the source “%(source)s” lacks the permission sts:GetFederationToken."
)
FEDERATION_TAGS = gettext_noop(
    "The entry sets session tags: the IAM user of the source “%(source)s” needs sts:TagSession."
)
FEDERATION_KEYS = gettext_noop(
    "The source “%(source)s” is no IAM user with long-term keys: only such a user may call "
    "GetFederationToken."
)

ROLE_DURATION = gettext_noop(
    "%(seconds)s seconds are more than the role’s maximum session duration in IAM."
)
CHAINED = gettext_noop(
    "The source “%(source)s” is itself a role’s session: chained sessions last one hour at most."
)
_FEDERATION_DURATION = gettext_noop(
    "%(seconds)s seconds are more than GetFederationToken allows (the root user: one hour)."
)
_PARAMETERS = gettext_noop("The session name, a tag or a policy has a form that AWS does not take.")

REFUSALS: Mapping[str, Refusal] = {
    "MalformedPolicyDocument": Refusal(
        gettext_noop("AWS does not accept the session policy for account %(account)s."),
        (
            gettext_noop("Correct the session policy: AWS says that it is no valid policy."),
            gettext_noop("One of the managed policies is not in the account %(account)s."),
        ),
    ),
    "PackedPolicyTooLarge": Refusal(
        gettext_noop("The session policy and tags for account %(account)s are too large for AWS."),
        (
            gettext_noop("Shorten the session policy, or move its statements to a managed policy."),
            gettext_noop("Use fewer or shorter session tags: {groups} grows with every group."),
        ),
    ),
    "RegionDisabledException": Refusal(
        gettext_noop(
            "AWS’s token service (STS) is switched off in the region that the portal uses."
        ),
        (
            gettext_noop("Enable STS for that region in the account settings of IAM."),
            gettext_noop(
                "Give the source “%(source)s” another region (AWS_REGION or its profile)."
            ),
        ),
    ),
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "AuthFailure": _UNKNOWN_KEY,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": _BAD_SIGNATURE,
    "InvalidSignatureException": _BAD_SIGNATURE,
    "IncompleteSignature": _BAD_SIGNATURE,
    "MissingAuthenticationToken": _BAD_SIGNATURE,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "OptInRequired": _NOT_SIGNED_UP,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "ThrottledException": _BUSY,
    "RequestThrottled": _BUSY,
    "RequestThrottledException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "TooManyRequestsException": _BUSY,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "InternalFailure": _BUSY,
    "InternalError": _BUSY,
}


DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
"""Codes by which AWS says no without saying why."""


def of_sts(plan: SessionPlan, code: str, status: int) -> Refusal:
    """What STS's error ``code`` with HTTP ``status`` means for that plan."""
    if code in DENIED:
        return _access_denied(plan)
    if code in {"ValidationError", "InvalidParameterValue", "InvalidParameterCombination"}:
        return _invalid(plan)
    if code in REFUSALS:
        return REFUSALS[code]
    return _BUSY if is_busy(code, status) else _NOT_ACCEPTED


def is_busy(code: str, status: int) -> bool:
    """Whether that answer asks to come back later."""
    return status == 429 or status >= 500 or (code in REFUSALS and REFUSALS[code].busy)


def _access_denied(plan: SessionPlan) -> Refusal:
    if plan.method == "federation_token":
        tags = (FEDERATION_TAGS,) if plan.session_tags else ()
        return Refusal(_TOKEN_REFUSED, (FEDERATION_CALLER, *tags, FEDERATION_KEYS, SCP))
    causes = [TRUST_WITH_ID if plan.external_id else TRUST]
    if plan.source_identity:
        causes.append(SOURCE_IDENTITY)
    if plan.session_tags:
        causes.append(TAGS)
    return Refusal(_ROLE_REFUSED, (*causes, CALLER, CONDITION, SCP))


_CLUES = (
    ("sts:SetSourceIdentity", SOURCE_IDENTITY),
    ("sts:TagSession", TAGS),
    ("sts:TagSession", FEDERATION_TAGS),
    ("service control policy", SCP),
    ("permissions boundary", SCP),
    ("identity-based policy", CALLER),
    ("identity-based policy", FEDERATION_CALLER),
    ("resource-based policy", TRUST),
    ("resource-based policy", TRUST_WITH_ID),
    ("role trust policy", TRUST),
    ("role trust policy", TRUST_WITH_ID),
)
"""Words of AWS's sentence that tell which of the causes it was; the first that fits counts."""


def _likeliest_first(hints: tuple[str, ...], said: str) -> tuple[str, ...]:
    """The same causes, the one that AWS's own sentence points to before the others."""
    told = [hint for clue, hint in _CLUES if clue in said and hint in hints]
    return tuple(dict.fromkeys((*told[:1], *hints)))


def _invalid(plan: SessionPlan) -> Refusal:
    message = gettext_noop("AWS does not accept what the portal asked for in account %(account)s.")
    if plan.method == "federation_token":
        return Refusal(message, (_FEDERATION_DURATION, _PARAMETERS))
    # An hour is within every role's maximum and within the limit of chained sessions.
    causes = (ROLE_DURATION, CHAINED) if plan.duration_seconds > 3600 else ()
    return Refusal(message, (*causes, _PARAMETERS))


def sts_error(plan: SessionPlan, code: str, status: int, said: str) -> UpstreamError:
    """The error for STS's ``code``; ``said`` is AWS's own sentence, for the log only."""
    refusal = of_sts(plan, code, status)
    if _tells_of_the_clock(said):
        refusal = _CLOCK
    elif code in DENIED:
        refusal = replace(refusal, hints=_likeliest_first(refusal.hints, said))
    code = UNKNOWN_CODE if plan.external_id and plan.external_id in code else known_code(code)
    told = printable(masked(said, plan.external_id))
    log = f"STS refused: {code} (HTTP {status}): {told}"
    params = plan_params(plan) | {"code": code}
    if refusal.busy:
        return spoken(AwsUnavailable, refusal, log, code, params)
    return spoken(AwsRefused, refusal, log, code, params)


_ABOUT_WHAT_WAS_ASKED = frozenset({"MalformedPolicyDocument", "PackedPolicyTooLarge"})


def source_error(
    source: SourceSettings, partition: str, code: str, status: int, said: str
) -> UpstreamError:
    """The error for STS's ``code`` when it was only asked who the source's credentials are."""
    refusal = _BUSY if is_busy(code, status) else _WHO
    if code not in _ABOUT_WHAT_WAS_ASKED:
        refusal = REFUSALS.get(code, refusal)
    if _tells_of_the_clock(said):
        refusal = _CLOCK
    told = printable(masked(said))
    code = known_code(code)
    log = f"STS refused the source {printable(source.name, 64)}: {code} (HTTP {status}): {told}"
    params = {"source": source.name, "partition": partition, "code": code}
    return spoken(AwsUnavailable if refusal.busy else AwsRefused, refusal, log, code, params)


def _tells_of_the_clock(said: str) -> bool:
    """Whether AWS's sentence is about the moment of the signature, whatever its code is."""
    return said.startswith(("Signature expired", "Signature not yet current"))


_SIGNIN_REFUSED = gettext_noop("AWS’s sign-in refused the session.")


def signin_refused(host: str, status: int, console_seconds: int | None) -> AwsRefused:
    """The federation endpoint refused the credentials (400 and its like)."""
    causes: tuple[str, ...] = (
        gettext_noop("The credentials are of another partition than the sign-in address."),
        gettext_noop("An AWS Sign-In resource policy or a service control policy denies it."),
    )
    if console_seconds is not None:
        causes = (
            gettext_noop(
                "The role has a console session length of its own, which AWS refuses for "
                "credentials that were made with a role’s session (role chaining): remove it or "
                "use an IAM user as source."
            ),
            *causes,
        )
    log = f"{host} refused the credentials: HTTP {status}"
    return spoken(AwsRefused, Saying(_SIGNIN_REFUSED, causes), log, "SigninRefused", {})
