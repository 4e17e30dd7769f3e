"""The sign-in exchange: what the federation endpoint is sent, and what the login URL says."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.aws.budget import Budget
from portal.aws.federation import endpoint, login_url, sign_in_token
from portal.aws.plan import TemporaryCredentials
from portal.aws.transport import Transport
from tests.faults.upstream import SIGNIN_TOKEN, Upstream

CREDENTIALS = TemporaryCredentials(
    "ASIA1", "secret+/= &key", "token+/= &", datetime(2031, 1, 1, tzinfo=UTC)
)
SESSION = {"sessionId": "ASIA1", "sessionKey": "secret+/= &key", "sessionToken": "token+/= &"}


def test_p20_without_a_console_length_the_secret_key_travels_in_a_body_only(
    upstream: Upstream, transport: Transport, budget: Budget
) -> None:
    token = sign_in_token(CREDENTIALS, None, upstream.federation_url, transport, budget)
    (seen,) = upstream.asked_federation
    assert token == SIGNIN_TOKEN
    assert (seen.method, seen.query) == ("POST", "")
    assert set(seen.parameters) == {"Action", "Session"}
    assert json.loads(seen.parameters["Session"]) == SESSION


def test_a_console_length_is_asked_for_by_get_as_the_guide_says(
    upstream: Upstream, transport: Transport, budget: Budget
) -> None:
    sign_in_token(CREDENTIALS, 43200, upstream.federation_url, transport, budget)
    (seen,) = upstream.asked_federation
    assert seen.method == "GET"
    assert seen.parameters["SessionDuration"] == "43200"
    assert seen.parameters["Action"] == "getSigninToken"
    assert json.loads(seen.parameters["Session"]) == SESSION


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "signin.aws.amazon.com"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com"),
        ("aws-cn", "signin.amazonaws.cn"),
        ("aws-eusc", "eusc-de-east-1.signin.amazonaws-eusc.eu"),
    ],
)
def test_each_partition_signs_in_at_its_own_host(partition: str, host: str) -> None:
    assert endpoint(partition) == f"https://{host}/federation"


def test_an_address_of_ones_own_counts_for_every_partition() -> None:
    assert endpoint("aws-cn", "https://proxy.example/f") == "https://proxy.example/f"


@pytest.mark.parametrize("base", ["https://x.example/f", "https://x.example/f?tenant=7"])
def test_the_login_url_carries_token_destination_and_issuer_whole(base: str) -> None:
    destination = (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#a:b&c=d"
    )
    url = login_url("to+k/en=&", destination, "https://portal.example/?a=b&c", base)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(base)
    assert query.pop("tenant", "7") == "7"
    assert query == {
        "Action": "login",
        "Issuer": "https://portal.example/?a=b&c",
        "Destination": destination,
        "SigninToken": "to+k/en=&",
    }
