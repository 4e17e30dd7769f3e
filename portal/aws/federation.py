"""The sign-in exchange: temporary credentials for a sign-in token, a sign-in token for a login URL.

By the IAM User Guide, "Enable custom identity broker access to the AWS console". The sign-in token
and the login URL are secrets.
"""

import json
import re
from urllib.parse import urlencode, urlsplit

from accounts.aws_rules import partitions
from portal.aws import failures, refusals
from portal.aws.budget import Budget
from portal.aws.plan import TemporaryCredentials
from portal.aws.retrying import persistently
from portal.aws.transport import (
    Answer,
    Request,
    Transport,
    come_back_later,
    is_busy,
    refuse_redirect,
)
from portal.aws.user_agent import user_agent

LONGEST_SIGNIN_TOKEN = 8192
"""Characters; it must fit into a URL. Real ones have one to two thousand."""

_SIGNIN_TOKEN = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_SIGNIN_TOKEN}}}")

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def endpoint(partition_name: str, override: str = "") -> str:
    """The federation endpoint: ``override`` (PORTAL_FEDERATION_URL) where there is one, else AWS's.

    Raises InvalidRequest for a partition that the portal does not serve.
    """
    return override or partitions.federation_url(partition_name)


def sign_in_token(
    credentials: TemporaryCredentials,
    console_seconds: int | None,
    endpoint: str,
    transport: Transport,
    budget: Budget,
) -> str:
    """A sign-in token for those credentials. The caller must not log, keep or show it.

    ``console_seconds``: length of the console session, asked for by ``SessionDuration``; None for
    as long as the credentials. Raises AwsRefused, AwsUnavailable, ConfigurationProblem.
    """
    request = token_request(credentials, console_seconds, endpoint)
    return persistently(lambda: _ask(request, console_seconds, transport, budget), budget)


def token_request(
    credentials: TemporaryCredentials, console_seconds: int | None, endpoint: str
) -> Request:
    """The one place that decides between POST and GET.

    POST keeps the secret key out of the address; the guide describes ``SessionDuration`` for GET.
    """
    headers = {"Accept": "application/json", "User-Agent": user_agent()}
    parameters = {"Action": "getSigninToken", "Session": _session(credentials)}
    if console_seconds is None:
        return Request("POST", endpoint, headers | _FORM, urlencode(parameters))
    parameters["SessionDuration"] = str(console_seconds)
    return Request("GET", _with_query(endpoint, parameters), headers)


def login_url(token: str, destination: str, issuer: str, endpoint: str) -> str:
    """The address that opens the console at ``destination``; a secret, good for 15 minutes.

    ``issuer`` is where AWS sends the person when the session ends. Use the endpoint that gave the
    token: tokens do not count at another host.
    """
    parameters = {
        "Action": "login",
        "Issuer": issuer,
        "Destination": destination,
        "SigninToken": token,
    }
    return _with_query(endpoint, parameters)


def _session(credentials: TemporaryCredentials) -> str:
    return json.dumps(
        {
            "sessionId": credentials.access_key_id,
            "sessionKey": credentials.secret_access_key,
            "sessionToken": credentials.session_token,
        }
    )


def _with_query(endpoint: str, parameters: dict[str, str]) -> str:
    separator = "&" if urlsplit(endpoint).query else "?"
    return f"{endpoint}{separator}{urlencode(parameters)}"


def _ask(
    request: Request, console_seconds: int | None, transport: Transport, budget: Budget
) -> str:
    answer = transport.send(request, budget)
    refuse_redirect(request.host, answer)
    if is_busy(answer):
        raise come_back_later(request.host, answer)
    if answer.status >= 400:
        raise refusals.signin_refused(request.host, answer.status, console_seconds)
    token = _token(answer)
    if not token:
        raise failures.unreadable(request.host, "no usable SigninToken")
    return token


def _token(answer: Answer) -> str:
    """The answer's sign-in token, empty where it has none that can be used."""
    if answer.status != 200:
        return ""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    token = found.get("SigninToken") if isinstance(found, dict) else None
    return token if isinstance(token, str) and _SIGNIN_TOKEN.fullmatch(token) else ""
