"""Who signed a request: Signature Version 4, checked as STS checks it."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from demo.standin.config import AwsAccount, Config
from demo.standin.messages import Request
from demo.standin.partitions import partition_of_region
from demo.standin.refusals import Refusal
from demo.standin.sessions import IssuedSession, Sessions

# "The request must reach AWS within five minutes of the time stamp" (IAM User Guide).
CLOCK_SKEW = timedelta(minutes=5)
AMZ_DATE = "%Y%m%dT%H%M%SZ"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Caller:
    """Who calls STS. ``session`` is None for an IAM user with a long-term key."""

    arn: str
    user_id: str
    account: AwsAccount
    allowed: tuple[str, ...]
    session: IssuedSession | None
    region: str
    policy: str = ""

    @property
    def context(self) -> dict[str, str]:
        """What conditions of policies may ask about the caller."""
        return self.session.context if self.session else {"aws:userid": self.user_id}


@dataclass(frozen=True)
class Authorization:
    """The parts of the Authorization header."""

    access_key_id: str
    signed_at: datetime
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True)
class Key:
    """A secret key and the caller that it stands for."""

    secret_access_key: str
    caller: Caller
    session_token: str | None = None


def authenticate(request: Request, config: Config, sessions: Sessions, now: datetime) -> Caller:
    """Return who signed the request; raises Refusal as STS does."""
    authorization = _read(request)
    _check_scope(authorization, request)
    _check_clock(authorization.signed_at, now)
    key = _find_key(authorization, request, config, sessions)
    if not hmac.compare_digest(_signature(authorization, request, key), authorization.signature):
        raise _does_not_match(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method."
        )
    if key.caller.session and key.caller.session.expiration <= now:
        raise Refusal("ExpiredToken", "The security token included in the request is expired", 403)
    return key.caller


def _read(request: Request) -> Authorization:
    text = request.headers.get("authorization", "")
    if not text:
        raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    found = AUTHORIZATION.fullmatch(text)
    signed_at = _moment(request.headers.get("x-amz-date", ""))
    if found is None or signed_at is None:
        raise Refusal("IncompleteSignature", "Authorization header or X-Amz-Date is not complete")
    headers = tuple(found[5].split(";"))
    return Authorization(found[1], signed_at, found[2], found[3], found[4], headers, found[6])


def _moment(amz_date: str) -> datetime | None:
    try:
        return datetime.strptime(amz_date, AMZ_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None


def _check_scope(authorization: Authorization, request: Request) -> None:
    needed = {"host", "x-amz-date"} | ({"x-amz-security-token"} & set(request.headers))
    if not needed <= set(authorization.signed_headers) <= set(request.headers):
        raise _does_not_match(f"{', '.join(sorted(needed))} must be signed headers.")
    if authorization.service != "sts":
        raise _does_not_match("Credential should be scoped to correct service: 'sts'.")
    if partition_of_region(authorization.region) is None:
        raise _does_not_match("Credential should be scoped to a valid region.")
    if not request.headers["x-amz-date"].startswith(authorization.day):
        raise _does_not_match("Date in Credential scope does not match YYYYMMDD from ISO-8601.")
    body_hash = request.headers.get("x-amz-content-sha256")
    if body_hash not in (None, hashlib.sha256(request.body).hexdigest()):
        raise _does_not_match("X-Amz-Content-SHA256 does not match what was computed.")


def _check_clock(signed_at: datetime, now: datetime) -> None:
    if signed_at < now - CLOCK_SKEW:
        raise _does_not_match(
            f"Signature expired: {signed_at:{AMZ_DATE}} is now earlier than "
            f"{now - CLOCK_SKEW:{AMZ_DATE}} ({now:{AMZ_DATE}} - 5 min.)"
        )
    if signed_at > now + CLOCK_SKEW:
        raise _does_not_match(
            f"Signature not yet current: {signed_at:{AMZ_DATE}} is still later than "
            f"{now + CLOCK_SKEW:{AMZ_DATE}} ({now:{AMZ_DATE}} + 5 min.)"
        )


def _find_key(
    authorization: Authorization, request: Request, config: Config, sessions: Sessions
) -> Key:
    token = request.headers.get("x-amz-security-token")
    if token is None:
        key = _user_key(authorization, config)
    else:
        key = _session_key(authorization, token, config, sessions)
    # Keys of one partition are unknown in every other.
    partition = partition_of_region(authorization.region)
    if key is None or key.caller.account.partition != partition:
        message = "The security token included in the request is invalid."
        raise Refusal("InvalidClientTokenId", message, 403)
    return key


def _user_key(authorization: Authorization, config: Config) -> Key | None:
    user = config.users_by_key.get(authorization.access_key_id)
    if user is None:
        return None
    account = config.accounts_by_id[user.account_id]
    arn = account.iam_arn(f"user/{user.name}")
    user_id = unique_id("AIDA", arn)
    region = authorization.region
    caller = Caller(arn, user_id, account, user.allowed, None, region, user.permissions)
    return Key(user.secret_access_key, caller)


def _session_key(
    authorization: Authorization, token: str, config: Config, sessions: Sessions
) -> Key | None:
    session = sessions.find(authorization.access_key_id, token)
    if session is None:
        return None
    account = config.accounts_by_id[session.account_id]
    region = authorization.region
    role = account.roles_by_name.get(session.role_name)
    allowed, policy = (role.allowed, role.policy) if role else ((), "")
    caller = Caller(session.arn, session.user_id, account, allowed, session, region, policy)
    return Key(session.secret_access_key, caller, token)


def _signature(authorization: Authorization, request: Request, key: Key) -> str:
    credentials = Credentials(authorization.access_key_id, key.secret_access_key, key.session_token)
    signer = SigV4Auth(credentials, "sts", authorization.region)
    query = f"?{request.query}" if request.query else ""
    signed = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.path}{query}",
        headers={name: request.headers[name] for name in authorization.signed_headers},
        data=request.body,
    )
    signed.context["timestamp"] = request.headers["x-amz-date"]
    to_sign = signer.string_to_sign(signed, signer.canonical_request(signed))
    return str(signer.signature(to_sign, signed))


def unique_id(prefix: str, arn: str) -> str:
    """Return the unique id of a user (AIDA…) or role (AROA…), the same for the same ARN."""
    return prefix + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()


def _does_not_match(message: str) -> Refusal:
    return Refusal("SignatureDoesNotMatch", message, 403)
