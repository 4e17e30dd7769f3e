"""Failures that AWS did not put into words: no answer, or none that counts."""

from accounts.errors import gettext_noop
from portal.aws.plan import SessionPlan
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
_TOKEN_NEEDS_KEYS = Saying(
    gettext_noop("The portal cannot make a federation token with the credentials that it has."),
    (
        gettext_noop(
            "AWS makes federation tokens for an IAM user with long-term keys only, and the source "
            "“%(source)s” has temporary credentials: give the entry a source with such keys, or "
            "make it AssumeRole."
        ),
    ),
)


def token_needs_keys(plan: SessionPlan) -> ConfigurationProblem:
    """A federation token cannot be made with temporary credentials, so AWS was not asked."""
    log = f"GetFederationToken with the temporary credentials of {plan.source.name}"
    code = "TemporaryCredentials"
    return spoken(ConfigurationProblem, _TOKEN_NEEDS_KEYS, log, code, plan_params(plan))


_FOREIGN_SOURCE = Saying(
    gettext_noop(
        "The portal’s credentials for this role are of the partition %(answered)s, and the role "
        "is in %(partition)s, so nothing was opened."
    ),
    (gettext_noop("Give the role a source of the partition %(partition)s."),),
)


def foreign_source(plan: SessionPlan, own: str) -> ConfigurationProblem:
    """The source's keys are of the partition ``own``, not of the plan's; AWS was not asked."""
    return _elsewhere(plan, _FOREIGN_SOURCE, "ForeignSource", own)


_OTHER_ACCOUNT = gettext_noop(
    "AWS answered for account %(answered)s instead of %(account)s, so nothing was opened."
)


_TOKEN_OPENS_OWN = (
    gettext_noop(
        "A federation token opens its source’s own account: file the entry under the "
        "account of the source “%(source)s”, or give it a source of account %(account)s."
    ),
)
_SOURCE_OF_OTHER_ACCOUNT = Saying(
    gettext_noop(
        "The portal’s credentials for this role are of account %(answered)s, and the role is in "
        "account %(account)s, so nothing was opened."
    ),
    _TOKEN_OPENS_OWN,
)


def source_of_other_account(plan: SessionPlan, own: str) -> ConfigurationProblem:
    """A federation token's source is of the account ``own``, not the plan's; AWS was not asked."""
    return _elsewhere(plan, _SOURCE_OF_OTHER_ACCOUNT, "OtherAccount", own)


def other_account(plan: SessionPlan, answered: str) -> ConfigurationProblem:
    """AWS made credentials for another account than the plan's; they were thrown away."""
    is_token = plan.method == "federation_token"
    hints = _TOKEN_OPENS_OWN if is_token else _ELSEWHERE_HINTS
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


def _elsewhere(plan: SessionPlan, saying: Saying, code: str, found: str) -> ConfigurationProblem:
    found = printable(masked(found), 64)
    log = f"{code}: found {found}, wanted {plan.role_arn or plan.account_id}"
    params = plan_params(plan) | {"answered": found}
    return spoken(ConfigurationProblem, saying, log, code, params)
