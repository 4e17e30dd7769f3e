"""Failures that AWS did not put into words: no answer, none that counts, or nothing to ask with."""

from collections.abc import Mapping

from accounts.errors import gettext_noop
from portal.aws.plan import SessionPlan, SourceSettings
from portal.aws.sayings import ASK, Saying, masked, plan_params, printable, spoken
from portal.errors import AwsUnavailable, ConfigurationProblem

_NETWORK = gettext_noop("The network between the portal and AWS: firewall, proxy, name lookup.")
_TROUBLE = gettext_noop("Trouble at AWS: look at the AWS Health Dashboard.")
_ENDPOINT = gettext_noop("AWS_ENDPOINT_URL_STS or PORTAL_FEDERATION_URL points to something else.")
_BETWEEN = gettext_noop("A proxy between the portal and AWS changes the answer.")

_BUSY = Saying(
    gettext_noop("AWS is busy and could not open the session now."),
    (
        gettext_noop("Many launches at once: AWS limits the calls of one account and region."),
        _TROUBLE,
    ),
)
_NO_ANSWER = Saying(gettext_noop("AWS did not answer in time."), (_NETWORK, _TROUBLE))
_UNREACHABLE = Saying(gettext_noop("The portal cannot reach AWS."), (_NETWORK, _ENDPOINT, _TROUBLE))
_BROKEN_OFF = Saying(gettext_noop("The connection to AWS broke off."), (_NETWORK, _TROUBLE))
_CUT = Saying(gettext_noop("AWS’s answer broke off half-way."), (_NETWORK, _BETWEEN, _TROUBLE))
_UNREADABLE = Saying(
    gettext_noop("AWS gave an answer that the portal cannot read."), (_ENDPOINT, _BETWEEN, _TROUBLE)
)
_REDIRECTED = Saying(
    gettext_noop("AWS’s answer led elsewhere, and the portal does not follow."),
    (_ENDPOINT, gettext_noop("A proxy between the portal and AWS wants a sign-in of its own.")),
)
_UNTRUSTED = Saying(
    gettext_noop("The portal cannot verify that it talks to AWS."),
    (
        gettext_noop("A proxy opens TLS: put its certificate authority into AWS_CA_BUNDLE."),
        gettext_noop("The portal’s clock is wrong, so that certificates seem out of date."),
        _ENDPOINT,
    ),
)
_NO_BUNDLE = Saying(
    gettext_noop("The portal cannot read the list of certificate authorities that it trusts."),
    (gettext_noop("AWS_CA_BUNDLE, ca_bundle or REQUESTS_CA_BUNDLE names no readable PEM file."),),
)


def no_answer(host: str = "AWS") -> AwsUnavailable:
    """No answer within the budget (504)."""
    log = f"{host} did not answer within the budget"
    return _unavailable(_NO_ANSWER, log, "NoAnswer", status=504)


def unreachable(host: str, why: str) -> AwsUnavailable:
    """No connection: name lookup, refused, no route (503). ``why``: an exception's class name."""
    return _unavailable(_UNREACHABLE, f"cannot reach {host}: {why}", "Unreachable")


def broken_off(host: str, why: str) -> AwsUnavailable:
    """The connection was closed before any answer (503)."""
    return _unavailable(_BROKEN_OFF, f"{host} closed the connection: {why}", "ConnectionLost")


def cut(host: str) -> AwsUnavailable:
    """The connection was closed in the midst of the answer (502)."""
    return _unavailable(_CUT, f"{host} cut its answer", "AnswerCut", status=502)


def unreadable(host: str, why: str) -> AwsUnavailable:
    """An answer that is none: not the format, too large, fields missing (502)."""
    return _unavailable(_UNREADABLE, f"{host}: {why}", "Unreadable", status=502)


def redirected(host: str, status: int) -> AwsUnavailable:
    """A redirect, which is never followed (502)."""
    return _unavailable(_REDIRECTED, f"{host} redirects: HTTP {status}", "Redirected", status=502)


def untrusted(host: str, why: str) -> AwsUnavailable:
    """TLS failed: certificate, name or protocol (502); trying again does not help."""
    error = _unavailable(_UNTRUSTED, f"TLS to {host} failed: {why}", "TlsFailed", status=502)
    error.retry_makes_sense = False
    error.next_step = ASK
    return error


def no_bundle(why: str) -> ConfigurationProblem:
    """The file of trusted certificate authorities cannot be read (500)."""
    return spoken(ConfigurationProblem, _NO_BUNDLE, f"CA bundle: {why}", "NoCaBundle", {})


def busy(host: str, status: int) -> AwsUnavailable:
    """An answer that says come back later, without one of AWS's codes (503)."""
    return _unavailable(_BUSY, f"{host} is busy: HTTP {status}", f"Http{status}")


def _unavailable(saying: Saying, log: str, code: str, status: int = 503) -> AwsUnavailable:
    error = spoken(AwsUnavailable, saying, log, code, {})
    error.status = status
    return error


_ELSEWHERE_HINTS = (
    gettext_noop("AWS_ENDPOINT_URL_STS points to a service that is not this role’s STS."),
    gettext_noop("The role is filed under another account or partition than it is in."),
)
_OTHER_ACCOUNT = gettext_noop(
    "AWS answered for account %(answered)s instead of %(account)s, so nothing was opened."
)


def other_account(plan: SessionPlan, answered: str) -> ConfigurationProblem:
    """AWS made credentials for another account than the plan's; they were thrown away."""
    hints: tuple[str, ...] = _ELSEWHERE_HINTS
    if plan.method == "federation_token":
        hints = (
            gettext_noop(
                "A federation token opens its source’s own account: file the entry under the "
                "account of the source “%(source)s”, or give it a source of account %(account)s."
            ),
        )
    return _elsewhere(plan, Saying(_OTHER_ACCOUNT, hints), "OtherAccount", answered)


def other_partition(plan: SessionPlan, answered: str) -> ConfigurationProblem:
    """AWS made credentials in another partition than the plan's; they were thrown away."""
    message = gettext_noop(
        "AWS answered for the partition %(answered)s instead of %(partition)s, "
        "so nothing was opened."
    )
    return _elsewhere(plan, Saying(message, _ELSEWHERE_HINTS), "OtherPartition", answered)


def other_role(plan: SessionPlan, answered: str) -> ConfigurationProblem:
    """AWS made credentials of another role than the plan's; they were thrown away."""
    message = gettext_noop(
        "AWS answered for the role %(answered)s instead of %(role)s, so nothing was opened."
    )
    return _elsewhere(plan, Saying(message, _ELSEWHERE_HINTS[:1]), "OtherRole", answered)


def _elsewhere(plan: SessionPlan, saying: Saying, code: str, answered: str) -> ConfigurationProblem:
    answered = printable(masked(answered), 64)
    log = f"{code}: AWS answered for {answered}, asked was {plan.role_arn or plan.account_id}"
    params = plan_params(plan) | {"answered": answered}
    return spoken(ConfigurationProblem, saying, log, code, params)


BAD_ENDPOINT = "InvalidEndpoint"

_SOURCE_TROUBLE: Mapping[str, Saying] = {
    "NoCredentialsError": Saying(
        gettext_noop("The portal has no AWS credentials of its own for this role."),
        (
            gettext_noop(
                "Give the source “%(source)s” credentials: AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role of the machine it runs on."
            ),
            gettext_noop("The profile of the source “%(source)s” holds no credentials."),
        ),
    ),
    "PartialCredentialsError": Saying(
        gettext_noop("The portal’s own AWS credentials are incomplete."),
        (gettext_noop("The source “%(source)s” has an access key without its secret key."),),
    ),
    "ProfileNotFound": Saying(
        gettext_noop("The portal’s AWS configuration lacks a profile that this role needs."),
        (
            gettext_noop("The source “%(source)s” names a profile that does not exist."),
            gettext_noop("AWS_PROFILE or AWS_CONFIG_FILE is not what was meant."),
        ),
    ),
    "ConfigParseError": Saying(
        gettext_noop("The portal cannot read its AWS configuration."),
        (gettext_noop("Correct the shared AWS configuration or credentials file."),),
    ),
    BAD_ENDPOINT: Saying(
        gettext_noop("The portal’s AWS configuration names an address that cannot be."),
        (
            gettext_noop(
                "Correct AWS_ENDPOINT_URL_STS, or endpoint_url of the source “%(source)s”."
            ),
        ),
    ),
    "InvalidRegionError": Saying(
        gettext_noop("The portal’s AWS configuration names a region that cannot be."),
        (gettext_noop("Correct AWS_REGION, or the region of the profile of “%(source)s”."),),
    ),
}
_SIGN_ON_ENDED = Saying(
    gettext_noop("The portal’s own sign-on to AWS has ended."),
    (gettext_noop("Sign the source “%(source)s” on again (aws sso login, aws login)."),),
)
_NOT_RETRIEVED = Saying(
    gettext_noop("The portal could not get AWS credentials of its own for this role."),
    (
        gettext_noop("The source “%(source)s” failed: profile, credential process or metadata."),
        gettext_noop("The role or user that the source “%(source)s” stands on is refused by AWS."),
    ),
)
_SIGN_ON_ERRORS = frozenset(
    {
        "LoginRefreshRequired",
        "LoginTokenLoadError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)


def source_trouble(source: SourceSettings, code: str) -> ConfigurationProblem:
    """The broker has no credentials of its own. ``code``: botocore's class name, or AWS's code."""
    saying = _SOURCE_TROUBLE.get(code, _NOT_RETRIEVED)
    if code in _SIGN_ON_ERRORS:
        saying = _SIGN_ON_ENDED
    log = f"credential source {printable(source.name, 64)}: {printable(code, 64)}"
    return spoken(ConfigurationProblem, saying, log, code, {"source": source.name})


def source_too_slow(source: SourceSettings) -> AwsUnavailable:
    """The broker's own credentials did not come within the budget (504)."""
    saying = Saying(
        gettext_noop("The portal’s own AWS credentials did not come in time."),
        (
            gettext_noop("The source “%(source)s” hangs: metadata, credential process or network."),
            gettext_noop("The source “%(source)s” has no credentials and waits for metadata."),
        ),
    )
    log = f"credential source {printable(source.name, 64)} gave nothing within the budget"
    params = {"source": source.name}
    error = spoken(AwsUnavailable, saying, log, "CredentialsTimeout", params)
    error.status = 504
    return error
