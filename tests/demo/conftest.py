"""A small world, a stand-in in it, and ways to call it as the real clients do."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import pytest
import requests
from botocore.config import Config as ClientConfig
from mypy_boto3_sts import STSClient

from demo.standin import AwsAccount, Config, IamUser, StandIn, TrustedRole
from demo.standin.config import ALL_ACTIONS

BROKER = IamUser("broker", "111111111111", "AKIABROKERBROKERBROK", "s" * 40)
CHINA_BROKER = IamUser("broker", "444444444444", "AKIACHINACHINACHINAC", "c" * 40)
POWERLESS = IamUser("powerless", "111111111111", "AKIAPOWERLESSPOWERLE", "p" * 40, allowed=())
BROKER_ARN = "arn:aws:iam::111111111111:user/broker"
DEVELOPER = "arn:aws:iam::222222222222:role/Developer"
FREE = "arn:aws:iam::222222222222:role/team/Free"
WORLD = Config(
    users=(BROKER, CHINA_BROKER, POWERLESS),
    accounts=(
        AwsAccount("111111111111", name="Hub", disabled_regions=("ap-east-1",)),
        AwsAccount(
            "222222222222",
            name="Payments <production>",
            environment="production",
            roles=(
                TrustedRole("Developer", (BROKER_ARN,), max_session_seconds=7200),
                TrustedRole(
                    "team/Free",
                    ("arn:aws:iam::111111111111:root", DEVELOPER),
                    allows_tag_session=True,
                    allows_set_source_identity=True,
                    max_session_seconds=43200,
                    allowed=ALL_ACTIONS,
                ),
                TrustedRole("Partner", (BROKER_ARN,), external_id="our-secret-handshake"),
                TrustedRole("Broken", ()),
                TrustedRole(
                    "Chained",
                    (FREE,),
                    allows_tag_session=True,
                    allows_set_source_identity=True,
                    max_session_seconds=43200,
                ),
            ),
        ),
        AwsAccount(
            "444444444444",
            partition="aws-cn",
            roles=(
                TrustedRole("Developer", ("arn:aws-cn:iam::444444444444:user/broker",)),
                TrustedRole("Open", ("*",)),
            ),
        ),
    ),
)
_session = boto3.Session()


@dataclass
class Clock:
    """The stand-in's clock, which a test can put ahead."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def standin(clock: Clock) -> Iterator[StandIn]:
    with StandIn(WORLD, clock=clock) as running:
        yield running


def sts_client(
    standin: StandIn,
    user: IamUser = BROKER,
    credentials: Mapping[str, Any] | None = None,
    region: str = "us-east-1",
) -> STSClient:
    """Return a real STS client, of a user or of temporary credentials, that never retries."""
    credentials = credentials or {
        "AccessKeyId": user.access_key_id,
        "SecretAccessKey": user.secret_access_key,
    }
    client: STSClient = _session.client(
        "sts",
        region_name=region,
        endpoint_url=standin.sts_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        config=ClientConfig(retries={"total_max_attempts": 1}),
    )
    return client


def call_by_hand(
    standin: StandIn,
    form: Mapping[str, str],
    *,
    late: timedelta = timedelta(),
    day: str = "",
    service: str = "sts",
    region: str = "us-east-1",
    key_id: str = BROKER.access_key_id,
    secret: str = BROKER.secret_access_key,
) -> requests.Response:
    """Call STS with a signature worked out here, without botocore and its client's checks."""
    moment = (datetime.now(UTC) - late).strftime("%Y%m%dT%H%M%SZ")
    body = urlencode({"Version": "2011-06-15", **form})
    host = standin.sts_url.removeprefix("http://")
    scope = f"{day or moment[:8]}/{region}/{service}/aws4_request"
    signed = f"host:{host}\nx-amz-date:{moment}\n\nhost;x-amz-date\n"
    canonical = f"POST\n/\n\n{signed}{hashlib.sha256(body.encode()).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    signature = _hmac(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}").hex()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders=host;x-amz-date, "
        f"Signature={signature}"
    )
    headers = {
        "Authorization": authorization,
        "X-Amz-Date": moment,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return requests.post(f"{standin.sts_url}/", data=body, headers=headers, timeout=5)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def session_json(credentials: Mapping[str, Any]) -> str:
    """Return what the federation endpoint wants to know of temporary credentials."""
    return json.dumps(
        {
            "sessionId": credentials["AccessKeyId"],
            "sessionKey": credentials["SecretAccessKey"],
            "sessionToken": credentials["SessionToken"],
        }
    )


def ask_signin_token(
    standin: StandIn, credentials: Mapping[str, Any], **more: str
) -> requests.Response:
    """Ask for a sign-in token by POST."""
    form = {"Action": "getSigninToken", "Session": session_json(credentials), **more}
    return requests.post(standin.federation_url, data=form, timeout=5)


def login_url(standin: StandIn, token: str, **more: str) -> str:
    """Return a login URL; words given override its parameters."""
    parameters = {
        "Action": "login",
        "Issuer": "http://localhost:8000",
        "Destination": "https://us-east-1.console.aws.amazon.com/sqs/home?region=us-east-1#/queues",
        "SigninToken": token,
        **more,
    }
    return f"{standin.federation_url}?{urlencode(parameters, quote_via=quote)}"


def enter(standin: StandIn, credentials: Mapping[str, Any], **more: str) -> requests.Response:
    """Go from temporary credentials to the login's answer, without following it."""
    token = ask_signin_token(standin, credentials).json()["SigninToken"]
    return requests.get(login_url(standin, token, **more), allow_redirects=False, timeout=5)
