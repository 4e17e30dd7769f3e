"""Everybody's launch waits for whoever changes something: meanwhile AWS is never asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Account, Role
from demo.standin import AwsAccount, Config, IamUser, StandIn
from portal import launch
from portal.aws.budget import Budget
from portal.aws.transport import Transport
from tests.faults.fixtures import (
    BROKER_KEY_ID,
    BROKER_SECRET,
    DEFAULT,
    broker_keys,
    clean_environment,
)
from tests.portal import catalogue
from tests.portal.admin import cast

__all__ = ["broker_keys", "clean_environment"]

pytestmark = pytest.mark.django_db

ROLES = "/admin/accounts/role/"
HUB = "111111111111"
TOKEN = {
    "account": HUB,
    "name": "auditor",
    "method": "federation_token",
    "source": "default",
    "session_policy": json.dumps(
        {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    ),
}


@pytest.fixture(autouse=True)
def aws(
    clean_environment: None, broker_keys: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandIn]:
    """AWS, which has not said yet who the portal is; the portal's keys are at hand."""
    config = Config((IamUser("broker", HUB, BROKER_KEY_ID, BROKER_SECRET),), (AwsAccount(HUB),))
    launch.sources.cache_clear()
    launch.transport.cache_clear()
    with StandIn(config) as standin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", standin.sts_url)
        launch.sources().broker(DEFAULT).credentials.current(Budget(10))
        yield standin
    launch.sources.cache_clear()
    launch.transport.cache_clear()


@pytest.fixture
def is_in_turn(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each time AWS was asked: whether it was within a change."""
    ours = connections["default"]
    # A test is a transaction itself.
    outside = len(ours.savepoint_ids)
    asked: list[bool] = []
    really = Transport.send

    def send(self: Transport, *arguments: Any) -> Any:
        asked.append(len(ours.savepoint_ids) > outside)
        return really(self, *arguments)

    monkeypatch.setattr(Transport, "send", send)
    return asked


@pytest.fixture
def keepers(db: None) -> Client:
    Account.objects.create(account_id=HUB)
    return cast.browser(cast.administrator())


def test_the_turn_is_seen(is_in_turn: list[bool], aws: StandIn) -> None:
    from accounts import record  # noqa: PLC0415 - only to be in its turn

    with record.recording():
        launch.sources().find_identity(DEFAULT, "aws", Budget(10))
    assert is_in_turn == [True]


@pytest.mark.parametrize("more", [{}, {"_check": "1"}, {"session_policy": "{"}])
def test_a_new_role_is_judged_by_what_was_asked_before(
    keepers: Client, is_in_turn: list[bool], more: dict[str, str]
) -> None:
    answer = keepers.post(f"{ROLES}add/", {**TOKEN, **more})
    assert answer.status_code == (200 if more else 302)
    assert is_in_turn == [False]


def test_a_role_that_is_there_is_judged_by_what_was_asked_before(
    keepers: Client, is_in_turn: list[bool]
) -> None:
    role = catalogue.role()
    posted = {name: value for name, value in TOKEN.items() if name not in {"account", "name"}}
    answer = keepers.post(f"{ROLES}{role.pk}/change/", posted)
    assert "only AssumeRole leads to 222222222222" in answer.content.decode()
    assert is_in_turn == [False]


def test_a_page_that_only_shows_asks_once(keepers: Client, is_in_turn: list[bool]) -> None:
    role = catalogue.role()
    for path in (f"{ROLES}{role.pk}/change/", f"{ROLES}{role.pk}/try/", f"{ROLES}add/"):
        assert keepers.get(path).status_code == 200
    assert is_in_turn == [False]


def test_who_may_not_change_roles_makes_nobody_ask(keepers: Client, is_in_turn: list[bool]) -> None:
    auditors = cast.browser(cast.auditor())
    assert auditors.post(f"{ROLES}add/", TOKEN).status_code == 403
    assert (is_in_turn, Role.objects.count()) == ([], 0)
