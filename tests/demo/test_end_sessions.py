"""The policies of docs/administration.md that end sessions end them in the demo, and no others."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from demo.standin import StandIn
from tests.demo.conftest import BROKER_ARN, FREE, Clock, enter, sts_client

CHAINED = "arn:aws:iam::222222222222:role/Chained"
DENIED = "A policy in IAM denies this session everything."
PAGE = Path(__file__).resolve().parents[2] / "docs" / "administration.md"
ONE_BY_IDENTITY, ONE_BY_NAME, EVERYBODY = re.findall(
    r"```json\n(.*?EndSessions.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)


def now(document: str, moment: datetime | None = None) -> str:
    """A policy of the page with the time of now in it."""
    written, count = re.subn(
        r"\d{4}-\d\d-\d\dT[\d:]+Z", f"{moment or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", document
    )
    assert count == 1
    return written


def put(standin: StandIn, path: str, **form: str) -> None:
    url = standin.console_url
    answer = requests.post(
        f"{url}{path}", data=form, headers={"Origin": url}, allow_redirects=False, timeout=5
    )
    assert answer.status_code == 303, answer.text


def end_in_role(standin: StandIn, document: str) -> None:
    """Let the role Free have that policy; its trust stays as it is."""
    query = {"account_id": "222222222222", "name": "team/Free"}
    page = requests.get(f"{standin.console_url}/iam/role/", params=query, timeout=5).text
    trust = re.search(r'<textarea id="trust_policy".*?>\n(.*?)</textarea>', page, re.DOTALL)
    assert trust
    put(
        standin,
        "/iam/role/",
        **query,
        trust_policy=trust[1].replace("&quot;", '"'),
        permissions=document,
        max_session_seconds="43200",
    )


def opened(standin: StandIn, name: str, source_identity: str = "") -> Mapping[str, Any]:
    """Credentials of the role Free for somebody."""
    more: dict[str, Any] = {"SourceIdentity": source_identity} if source_identity else {}
    given = sts_client(standin).assume_role(RoleArn=FREE, RoleSessionName=name, **more)
    return dict(given["Credentials"])


def console(standin: StandIn, credentials: Mapping[str, Any]) -> str:
    """The address of a console that was just opened."""
    return str(enter(standin, credentials).headers["Location"])


def is_open(url: str) -> bool:
    answer = requests.get(url, timeout=5)
    assert answer.status_code == 200 or (answer.status_code == 403 and DENIED in answer.text)
    return answer.status_code == 200


def goes_on(standin: StandIn, credentials: Mapping[str, Any]) -> bool:
    """Whether the credentials can still enter another role."""
    try:
        sts_client(standin, credentials=credentials).assume_role(
            RoleArn=CHAINED, RoleSessionName="on"
        )
    except ClientError as error:
        return error.response["Error"]["Code"] != "AccessDenied"
    return True


@pytest.mark.parametrize(
    ("policy", "source_identity", "ends_others"),
    [(ONE_BY_IDENTITY, "ann", False), (ONE_BY_NAME, "", False), (EVERYBODY, "", True)],
)
def test_sessions_of_a_role_end_and_those_that_begin_later_do_not(
    standin: StandIn, clock: Clock, policy: str, source_identity: str, ends_others: bool
) -> None:
    ann, bob = opened(standin, "ann", source_identity), opened(standin, "bob")
    anns, bobs = console(standin, ann), console(standin, bob)
    assert (is_open(anns), is_open(bobs), goes_on(standin, ann)) == (True, True, True)
    clock.ahead = timedelta(seconds=2)
    end_in_role(standin, now(policy, clock()))
    assert not is_open(anns)
    assert is_open(bobs) is not ends_others
    assert not is_open(console(standin, ann))
    assert not goes_on(standin, ann)
    later = opened(standin, "ann", source_identity)
    assert is_open(console(standin, later))
    end_in_role(standin, "")
    assert is_open(anns)


def test_the_policy_that_goes_by_the_identity_spares_who_has_none(
    standin: StandIn, clock: Clock
) -> None:
    anns = console(standin, opened(standin, "ann"))
    clock.ahead = timedelta(seconds=2)
    end_in_role(standin, now(ONE_BY_IDENTITY, clock()))
    assert is_open(anns)


def test_federation_tokens_end_by_a_policy_of_their_user_whose_own_keys_go_on(
    standin: StandIn, clock: Clock
) -> None:
    def token(name: str) -> str:
        given = sts_client(standin).get_federation_token(Name=name)
        return console(standin, dict(given["Credentials"]))

    anns, bobs = token("ann"), token("bob")
    clock.ahead = timedelta(seconds=2)
    policy = now(ONE_BY_NAME, clock())
    put(standin, "/iam/policy/", arn=BROKER_ARN, name="EndSessions", policy=policy)
    assert (is_open(anns), is_open(bobs), is_open(token("ann"))) == (False, True, True)
    everybody = now(EVERYBODY, clock())
    put(standin, "/iam/policy/", arn=BROKER_ARN, name="EndSessions", policy=everybody)
    assert (is_open(bobs), is_open(token("bob"))) == (False, True)


def test_a_role_that_may_less_now_may_less_in_its_open_sessions_too(standin: StandIn) -> None:
    ann = opened(standin, "ann")
    allow_nothing = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", '
    end_in_role(standin, allow_nothing + '"Action": "sts:TagSession", "Resource": "*"}}')
    assert not goes_on(standin, ann)
