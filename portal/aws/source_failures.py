"""What the administrator is told when the broker has no credentials of its own, by its cause.

The codes are botocore's class names, its names of providers, and AWS's error codes.
"""

from collections.abc import Mapping

from accounts.errors import gettext_noop
from portal.aws.plan import SourceSettings
from portal.aws.sayings import Saying, printable, spoken
from portal.errors import AwsUnavailable, ConfigurationProblem

BAD_ENDPOINT = "InvalidEndpoint"
INSECURE_ENDPOINT = "InsecureEndpoint"

_NONE = Saying(
    gettext_noop("The portal has no AWS credentials of its own for this role."),
    (
        gettext_noop(
            "Give the source “%(source)s” credentials: AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role of the machine it runs on."
        ),
        gettext_noop("The profile of the source “%(source)s” holds no credentials."),
        gettext_noop(
            "The metadata of an EC2 machine cannot be reached: the machine has no instance "
            "profile, or the portal runs in a container and the hop limit of the metadata is 1 "
            "(set it to 2)."
        ),
    ),
)
_OWN_ROLE = Saying(
    gettext_noop("AWS does not let the portal take the role that it works with itself."),
    (
        gettext_noop(
            "The trust policy of the role_arn in the profile of “%(source)s” does not name the "
            "identity of its source_profile, or that role does not exist."
        ),
        gettext_noop("That identity lacks the permission sts:AssumeRole on this role."),
        gettext_noop("The role asks for an external_id or mfa_serial that the profile lacks."),
    ),
)
_OWN_KEYS = Saying(
    gettext_noop("AWS does not accept the keys with which the portal takes its own role."),
    (
        gettext_noop("Renew the keys of the source_profile that “%(source)s” stands on."),
        gettext_noop("The portal’s clock is wrong."),
    ),
)
_WEB_IDENTITY = Saying(
    gettext_noop("AWS does not accept the identity token that the portal was given."),
    (
        gettext_noop(
            "AWS_WEB_IDENTITY_TOKEN_FILE of “%(source)s” holds a token that has expired or is "
            "for another audience."
        ),
        gettext_noop("The token’s issuer is no identity provider of the account of AWS_ROLE_ARN."),
    ),
)
_CONTAINER = Saying(
    gettext_noop("The container’s credential service gave the portal no AWS credentials."),
    (
        gettext_noop("The ECS task or EKS pod has no role: give it a task role or an association."),
        gettext_noop(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_AUTHORIZATION_TOKEN is not what "
            "the service set."
        ),
    ),
)
_PROCESS = Saying(
    gettext_noop("The program that gives the portal its AWS credentials failed."),
    (
        gettext_noop(
            "Run credential_process of the profile of “%(source)s” by hand, as the user that the "
            "portal runs as: it has to print JSON with Version 1."
        ),
    ),
)
_NO_FILE = Saying(
    gettext_noop("A file or program that gives the portal its AWS credentials is not there."),
    (
        gettext_noop("credential_process of the profile of “%(source)s” names no program."),
        gettext_noop("AWS_WEB_IDENTITY_TOKEN_FILE of “%(source)s” names no file."),
    ),
)
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

_SOURCE_TROUBLE: Mapping[str, Saying] = {
    "NoCredentialsError": _NONE,
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
    INSECURE_ENDPOINT: Saying(
        gettext_noop("The portal’s AWS configuration names an address without TLS."),
        (
            gettext_noop(
                "Write endpoint_url in the profile of the source “%(source)s” with https: http "
                "is for this machine itself only."
            ),
        ),
    ),
    "InvalidRegionError": Saying(
        gettext_noop("The portal’s AWS configuration names a region that cannot be."),
        (gettext_noop("Correct AWS_REGION, or the region of the profile of “%(source)s”."),),
    ),
    "AccessDenied": _OWN_ROLE,
    "AccessDeniedException": _OWN_ROLE,
    "InvalidClientTokenId": _OWN_KEYS,
    "SignatureDoesNotMatch": _OWN_KEYS,
    "ExpiredToken": _OWN_KEYS,
    "ExpiredTokenException": _WEB_IDENTITY,
    "InvalidIdentityToken": _WEB_IDENTITY,
    "IDPRejectedClaim": _WEB_IDENTITY,
    "custom-process": _PROCESS,
    "container-role": _CONTAINER,
    "FileNotFoundError": _NO_FILE,
    "LoginRefreshRequired": _SIGN_ON_ENDED,
    "LoginTokenLoadError": _SIGN_ON_ENDED,
    "SSOTokenLoadError": _SIGN_ON_ENDED,
    "TokenRetrievalError": _SIGN_ON_ENDED,
    "UnauthorizedSSOTokenError": _SIGN_ON_ENDED,
}

CODES = frozenset(_SOURCE_TROUBLE)
"""What has a sentence of its own."""


def source_trouble(source: SourceSettings, code: str, provider: str = "") -> ConfigurationProblem:
    """The broker has no credentials of its own.

    ``code``: botocore's class name, or AWS's code. ``provider``: botocore's name for where they
    should have come from, where it says so.
    """
    saying = _SOURCE_TROUBLE.get(provider) or _SOURCE_TROUBLE.get(code, _NOT_RETRIEVED)
    log = f"credential source {printable(source.name, 64)}: {printable(code, 64)}"
    if provider:
        log += f" ({printable(provider, 64)})"
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
