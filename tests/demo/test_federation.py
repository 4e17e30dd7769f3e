"""From temporary credentials to the stand-in's console, and where that must not go."""

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from itertools import product
from typing import Any

import pytest
import requests

from demo.standin import StandIn
from tests.demo.conftest import (
    CHINA_BROKER,
    DEVELOPER,
    FREE,
    WORLD,
    Clock,
    ask_signin_token,
    enter,
    login_url,
    session_json,
    sts_client,
)

Credentials = dict[str, Any]


@pytest.fixture
def credentials(standin: StandIn) -> Credentials:
    answer = sts_client(standin).assume_role(
        RoleArn=FREE,
        RoleSessionName="ann",
        SourceIdentity="ann",
        Tags=[{"Key": "reason", "Value": "PAY-2041 refunds"}],
    )
    return dict(answer["Credentials"])


@pytest.fixture
def token(standin: StandIn, credentials: Credentials) -> str:
    return str(ask_signin_token(standin, credentials).json()["SigninToken"])


def page_of(answer: requests.Response) -> str:
    """Follow a login's answer to the page."""
    assert answer.status_code == 302
    page = requests.get(answer.headers["Location"], timeout=5)
    assert page.status_code == 200
    return page.text


def test_an_assumed_role_ends_at_its_console_page(
    standin: StandIn, credentials: Credentials
) -> None:
    page = page_of(enter(standin, credentials))
    for fact in (
        "Local stand-in. Not AWS.",
        "arn:aws:sts::222222222222:assumed-role/Free/ann",
        "Payments &lt;production&gt;",
        "<span>2222</span><span>2222</span><span>2222</span>",
        "session name and source identity",
        "team/Free",
        "N. Virginia, us-east-1",
        "SQS <code",
        "/sqs/home?region=us-east-1#/queues",
        "1 h from now",
        "PAY-2041 refunds",
        'href="http://localhost:8000/history/"',
    ):
        assert fact in page


def test_a_federation_token_ends_at_its_console_page(standin: StandIn) -> None:
    answer = sts_client(standin).get_federation_token(Name="ann", DurationSeconds=129600)
    page = page_of(
        enter(standin, answer["Credentials"], Destination="https://console.aws.amazon.com/")
    )
    assert "arn:aws:sts::111111111111:federated-user/ann" in page
    assert "36 h from now" in page
    assert "this session may do nothing" in page
    assert "None chosen" in page


def test_the_console_page_is_another_origin_and_its_address_holds_no_secret(
    standin: StandIn, credentials: Credentials, token: str
) -> None:
    answer = requests.get(login_url(standin, token), allow_redirects=False, timeout=5)
    location = answer.headers["Location"]
    assert location.startswith(f"{standin.console_url}/console/")
    assert location.endswith("/sqs/home?region=us-east-1#/queues")
    assert standin.console_url != standin.sts_url
    page = requests.get(location, timeout=5)
    for secret in (token, credentials["SecretAccessKey"], credentials["SessionToken"]):
        assert secret not in location + page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_the_console_page_has_no_script_and_a_strict_policy(
    standin: StandIn, credentials: Credentials
) -> None:
    answer = enter(standin, credentials)
    page = requests.get(answer.headers["Location"], timeout=5)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert "style=" not in page.text
    for path in ("css/tokens.css", "css/base.css", "css/components.css", "icons.svg"):
        assert f"/static/{path}" in page.text
        assert requests.get(f"{standin.console_url}/static/{path}", timeout=5).status_code == 200
    hidden = requests.get(f"{standin.console_url}/static/../run", timeout=5)
    assert hidden.status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_session_duration_makes_the_console_last_longer_than_the_credentials(
    standin: StandIn, credentials: Credentials, method: str
) -> None:
    form = {
        "Action": "getSigninToken",
        "Session": session_json(credentials),
        "SessionDuration": "43200",
    }
    where = "params" if method == "GET" else "data"
    answer = requests.request(method, standin.federation_url, timeout=5, **{where: form})  # type: ignore[arg-type]
    token = answer.json()["SigninToken"]
    page = page_of(requests.get(login_url(standin, token), allow_redirects=False, timeout=5))
    assert "12 h from now" in page


@pytest.mark.parametrize("seconds", ["899", "43201", "3600.5", "-900", "", "1h", "٩٠٠٠"])
def test_an_impossible_session_duration_is_refused(
    standin: StandIn, credentials: Credentials, seconds: str
) -> None:
    assert ask_signin_token(standin, credentials, SessionDuration=seconds).status_code == 400


def test_session_duration_is_refused_for_a_federation_token(standin: StandIn) -> None:
    credentials = sts_client(standin).get_federation_token(Name="ann")["Credentials"]
    assert ask_signin_token(standin, credentials, SessionDuration="3600").status_code == 400
    assert ask_signin_token(standin, credentials).status_code == 200


def test_session_duration_is_refused_for_a_chained_role(
    standin: StandIn, credentials: Credentials
) -> None:
    arn = "arn:aws:iam::222222222222:role/Chained"
    sts = sts_client(standin, credentials=credentials)
    chained = sts.assume_role(RoleArn=arn, RoleSessionName="ann")["Credentials"]
    assert ask_signin_token(standin, chained, SessionDuration="3600").status_code == 400
    assert ask_signin_token(standin, chained).status_code == 200


def test_only_credentials_issued_here_get_a_token(
    standin: StandIn, credentials: Credentials
) -> None:
    half_a_character = "\ud800"
    parts = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    for part, end in product(parts, ("x", half_a_character)):
        strange = {**credentials, part: credentials[part] + end}
        answer = ask_signin_token(standin, strange)
        assert answer.status_code == 400
        assert answer.headers["Content-Type"].startswith("text/html")
        assert credentials["SecretAccessKey"] not in answer.text


@pytest.mark.parametrize(
    "session",
    [
        "",
        "{",
        "[]",
        pytest.param("[" * 50_000, id="deep"),
        '{"sessionId": "a"}',
        '{"sessionId": 1, "sessionKey": 2, "sessionToken": 3}',
    ],
)
def test_a_session_that_is_none_is_refused(standin: StandIn, session: str) -> None:
    form = {"Action": "getSigninToken", "Session": session}
    assert requests.post(standin.federation_url, data=form, timeout=5).status_code == 400


def test_a_session_with_more_than_aws_asks_for_is_refused(
    standin: StandIn, credentials: Credentials
) -> None:
    session = json.dumps({**json.loads(session_json(credentials)), "region": "us-east-1"})
    form = {"Action": "getSigninToken", "Session": session}
    assert requests.post(standin.federation_url, data=form, timeout=5).status_code == 400


def test_unknown_and_repeated_parameters_are_refused(
    standin: StandIn, credentials: Credentials, token: str
) -> None:
    assert ask_signin_token(standin, credentials, Region="us-east-1").status_code == 400
    assert requests.get(login_url(standin, token) + "&SigninToken=x", timeout=5).status_code == 400
    assert requests.get(login_url(standin, token, Extra="x"), timeout=5).status_code == 400
    assert requests.get(f"{standin.federation_url}?Action=logout", timeout=5).status_code == 400


def test_expired_credentials_get_no_token(
    standin: StandIn, clock: Clock, credentials: Credentials
) -> None:
    clock.ahead = timedelta(seconds=3601)
    assert ask_signin_token(standin, credentials).status_code == 400


def test_a_login_url_works_once(standin: StandIn, token: str) -> None:
    url = login_url(standin, token)
    assert requests.get(url, allow_redirects=False, timeout=5).status_code == 302
    again = requests.get(url, allow_redirects=False, timeout=5)
    assert again.status_code == 400
    assert token not in again.text


def test_looking_at_a_login_url_without_opening_it_does_not_use_it_up(
    standin: StandIn, token: str
) -> None:
    url = login_url(standin, token)
    assert requests.head(url, timeout=5).status_code == 400
    assert requests.post(url, timeout=5).status_code == 400
    assert requests.get(url, allow_redirects=False, timeout=5).status_code == 302


def test_a_login_url_is_good_for_fifteen_minutes(
    standin: StandIn, clock: Clock, credentials: Credentials
) -> None:
    early = ask_signin_token(standin, credentials).json()["SigninToken"]
    late = ask_signin_token(standin, credentials).json()["SigninToken"]
    clock.ahead = timedelta(minutes=14, seconds=55)
    assert (
        requests.get(login_url(standin, early), allow_redirects=False, timeout=5).status_code == 302
    )
    clock.ahead = timedelta(minutes=15, seconds=1)
    assert (
        requests.get(login_url(standin, late), allow_redirects=False, timeout=5).status_code == 400
    )


def test_the_console_session_ends_when_it_said(
    standin: StandIn, clock: Clock, credentials: Credentials
) -> None:
    location = enter(standin, credentials).headers["Location"]
    clock.ahead = timedelta(seconds=3601)
    page = requests.get(location, timeout=5)
    assert page.status_code == 403
    assert "This session has ended." in page.text
    assert 'href="http://localhost:8000"' in page.text


@pytest.mark.parametrize(
    "destination",
    [
        "http://console.aws.amazon.com/",
        "https://console.amazonaws.cn/",
        "https://cn-north-1.console.amazonaws.cn/s3/home",
        "https://cn-north-1.console.aws.amazon.com/s3/home",
        "https://moon-1.console.aws.amazon.com/",
        "https://console.aws.amazon.com.example.com/",
        "https://example.com/console.aws.amazon.com",
        "https://ann@console.aws.amazon.com/",
        "https://console.aws.amazon.com@example.com/",
        "https://console.aws.amazon.com:8443/",
        "https://Console.aws.amazon.com./",
        "https://console.aws.amazon.com\\@example.com/",
        "https://console.aws.amazon.com/\r\nSet-Cookie: a=b",
        "https://[console.aws.amazon.com/",
        "//console.aws.amazon.com/",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_destination_elsewhere_is_refused(standin: StandIn, token: str, destination: str) -> None:
    url = login_url(standin, token, Destination=destination)
    assert requests.get(url, allow_redirects=False, timeout=5).status_code == 400
    assert (
        requests.get(login_url(standin, token), allow_redirects=False, timeout=5).status_code == 302
    )


def test_credentials_of_china_enter_the_console_of_china_only(standin: StandIn) -> None:
    credentials = sts_client(standin, CHINA_BROKER, region="cn-north-1").assume_role(
        RoleArn="arn:aws-cn:iam::444444444444:role/Developer", RoleSessionName="ann"
    )["Credentials"]
    assert enter(standin, credentials).status_code == 400
    there = "https://cn-north-1.console.amazonaws.cn/lambda/home?region=cn-north-1"
    page = page_of(enter(standin, credentials, Destination=there))
    assert "Beijing, cn-north-1" in page
    assert "arn:aws-cn:sts::444444444444:assumed-role/Developer/ann" in page


@pytest.mark.parametrize("issuer", ["javascript:alert(1)", "localhost", "ftp://a/", "http://a@b/"])
def test_an_issuer_that_is_no_web_address_is_refused(
    standin: StandIn, token: str, issuer: str
) -> None:
    url = login_url(standin, token, Issuer=issuer)
    assert requests.get(url, allow_redirects=False, timeout=5).status_code == 400


def test_nothing_that_comes_in_can_carry_markup_into_the_page(
    standin: StandIn, credentials: Credentials
) -> None:
    page = page_of(
        enter(
            standin,
            credentials,
            Issuer='http://localhost:8000/"><i>',
            Destination='https://console.aws.amazon.com/x"><script>alert(1)</script>',
        )
    )
    assert "<script" not in page
    assert '"><i>' not in page
    assert "<script>alert(1)</script>" in unescape(page)


def test_nobody_stands_in_the_console_without_a_login(standin: StandIn) -> None:
    for path in ("/", "/console/", "/console/guess/s3/home", "/s3/home"):
        assert requests.get(standin.console_url + path, timeout=5).status_code == 404


def test_a_whole_launch_over_kept_connections_opens_two(standin: StandIn) -> None:
    sts, browserless = sts_client(standin), requests.Session()
    with browserless:
        for _ in range(3):
            issued = sts.assume_role(RoleArn=DEVELOPER, RoleSessionName="ann")["Credentials"]
            form = {"Action": "getSigninToken", "Session": session_json(issued)}
            assert browserless.post(standin.federation_url, data=form, timeout=5).ok
    assert standin.connections == 2


@pytest.fixture
def stopped() -> Iterator[StandIn]:
    standin = StandIn(WORLD).start()
    yield standin
    standin.stop()


def test_stopping_leaves_no_port_and_no_connection_open(stopped: StandIn) -> None:
    address = ("127.0.0.1", int(stopped.sts_url.rsplit(":", 1)[1]))
    with socket.create_connection(address, timeout=5) as waiting:
        waiting.sendall(b"GET /federation HTTP/1.1\r\nHost: a\r\n\r\n")
        assert waiting.recv(100).startswith(b"HTTP/1.1 400")
        stopped.stop()
        while waiting.recv(4096):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


@pytest.mark.parametrize(
    "head",
    ["Content-Length: 999999999", "Content-Length: x", "Transfer-Encoding: chunked"],
)
def test_a_body_of_unknown_or_huge_size_is_not_read(standin: StandIn, head: str) -> None:
    address = ("127.0.0.1", int(standin.sts_url.rsplit(":", 1)[1]))
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(f"POST /federation HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
