"""P20: whatever fails, no secret reaches an exception, a log line or a traceback."""

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from portal.aws.budget import Budget
from portal.aws.federation import sign_in_token, token_request
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan, TemporaryCredentials
from portal.aws.quiet import SECRET_TELLING_LOGGERS
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from portal.errors import UpstreamError
from tests.faults.fixtures import BROKER_SECRET
from tests.faults.upstream import (
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    SIGNIN_TOKEN,
    UPSTREAM_SECRETS,
    Fault,
    Upstream,
    answered_as,
    assume_role_answer,
    cut,
    hung_up,
    raw,
    refused,
    reset,
    said,
    silent,
)

EXTERNAL_ID = "external-id-that-is-nobodys-business"
SECRETS = (*UPSTREAM_SECRETS, BROKER_SECRET, EXTERNAL_ID)
CREDENTIALS = TemporaryCredentials(
    "ASIA1", SECRET_ACCESS_KEY, SESSION_TOKEN, datetime(2031, 1, 1, tzinfo=UTC)
)
TOKEN_ANSWER = json.dumps({"SigninToken": SIGNIN_TOKEN})
WHOLE = assume_role_answer({"RoleArn": "arn:aws:iam::1:role/x", "RoleSessionName": "y"})

STS_FAULTS: dict[str, Fault] = {
    "well": lambda conversation: conversation.say(200, WHOLE),
    "refused": refused("AccessDenied"),
    "throttled": refused("Throttling", 400),
    "unavailable": said(503, SECRET_ACCESS_KEY),
    "other account": answered_as("arn:aws:sts::9:assumed-role/x/y"),
    "secrets in broken XML": said(200, WHOLE[:-20]),
    "secrets in no XML": said(200, f"oops {SECRET_ACCESS_KEY} {SESSION_TOKEN}"),
    "secrets in a refusal": said(403, f"oops {SECRET_ACCESS_KEY}"),
    "a bad date": answered_as(Expiration=SECRET_ACCESS_KEY),
    "secrets where the ARN should be": answered_as(f"arn:aws:iam::{'x' * 70}{SESSION_TOKEN}"),
    "secrets in a redirect": said(302, Location=f"/?{SESSION_TOKEN}"),
    "secrets in headers": raw(f"HTTP/1.1 200 OK\r\nbroken {SECRET_ACCESS_KEY}\r\n\r\n".encode()),
    "secrets in the status line": raw(f"HTTP/{SECRET_ACCESS_KEY}\r\n\r\n".encode()),
    "cut": cut,
    "hung up": hung_up,
    "reset": reset,
    "silent": silent,
}
FEDERATION_FAULTS: dict[str, Fault] = {
    "well": said(200, TOKEN_ANSWER),
    "echo of the request": lambda conversation: conversation.say(400, conversation.path),
    "5xx with the token": said(500, TOKEN_ANSWER),
    "broken JSON": said(200, TOKEN_ANSWER[:-1]),
    "malformed headers": raw(b"HTTP/1.1 200 OK\r\nbroken header\r\nContent-Length: 2\r\n\r\n{}"),
    "a redirect to itself": lambda conversation: conversation.say(
        302, "", {"Location": conversation.path}
    ),
    "no HTTP": raw(b"nonsense\r\n\r\n"),
    "cut": cut,
    "hung up": hung_up,
    "reset": reset,
    "silent": silent,
}


@pytest.fixture(autouse=True)
def everything_logged(transport: Transport, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The root logger at DEBUG, after the transport was made."""
    with caplog.at_level(logging.DEBUG):
        yield


def told(error: BaseException | None, log: str) -> str:
    """All that an exception and the log could tell: texts, arguments, attributes, tracebacks."""
    parts = [log]
    while error is not None:
        parts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        parts += traceback.format_exception(error)
        assert error.__cause__ is None
        error = error.__context__
    return "\n".join(parts)


@pytest.mark.parametrize("fault", STS_FAULTS.values(), ids=STS_FAULTS)
def test_p20_no_fault_of_sts_makes_a_secret_appear(
    fault: Fault,
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.sts.extend([fault] * 4)
    secretive = SessionPlan(**{**vars(plan), "external_id": EXTERNAL_ID})
    error = None
    try:
        fetch(secretive, sources, Budget(1, sleep=lambda _: None))
    except UpstreamError as raised:
        error = raised
    seen = told(error, caplog.text)
    assert [secret for secret in SECRETS if secret in seen] == []
    assert error is None or error.__context__ is None


@pytest.mark.parametrize("console_seconds", [None, 3600])
@pytest.mark.parametrize("fault", FEDERATION_FAULTS.values(), ids=FEDERATION_FAULTS)
def test_p20_no_fault_of_the_sign_in_makes_a_secret_appear(
    fault: Fault,
    console_seconds: int | None,
    transport: Transport,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.federation.extend([fault] * 4)
    error = None
    budget = Budget(0.3, sleep=lambda _: None)
    try:
        sign_in_token(CREDENTIALS, console_seconds, upstream.federation_url, transport, budget)
    except UpstreamError as raised:
        error = raised
    seen = told(error, caplog.text)
    assert [secret for secret in SECRETS if secret in seen] == []
    assert error is None or error.__context__ is None


def test_p20_a_dead_federation_host_makes_no_secret_appear(
    transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    budget = Budget(1, sleep=lambda _: None)
    for address in ("http://127.0.0.1:1/f", "http://[::1/f", "https://127.0.0.1:1/f"):
        with pytest.raises((UpstreamError, ValueError)) as caught:
            sign_in_token(CREDENTIALS, 3600, address, transport, budget)
        seen = told(caught.value, caplog.text)
        assert [secret for secret in SECRETS if secret in seen] == []


def test_p20_requests_and_credentials_show_no_secret_when_printed() -> None:
    shown = repr(token_request(CREDENTIALS, 3600, "https://x.example/f")) + repr(CREDENTIALS)
    assert [secret for secret in SECRETS if secret in shown] == []


def test_p20_the_loggers_that_tell_secrets_are_pinned_once_there_is_a_transport() -> None:
    root = logging.getLogger()
    assert root.isEnabledFor(logging.DEBUG)
    for name, level in SECRET_TELLING_LOGGERS.items():
        assert logging.getLogger(name).getEffectiveLevel() == logging.getLevelName(level)
    for child in ("botocore.auth", "botocore.parsers", "urllib3.connectionpool"):
        assert not logging.getLogger(child).isEnabledFor(logging.DEBUG)
