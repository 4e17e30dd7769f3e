"""What one person's entry makes the directory say is that person's trouble, and nobody else's."""

import pytest
from django.test import Client

from accounts.models import User
from portal.signin.directory import line
from tests.directory.in_process import connect, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Branch:
    branch = slapd.populated_branch(f"one-entry-{abs(hash(request.node.nodeid))}")
    monkeypatch.setattr(line, "MOST_BYTES_OF_AN_ANSWER", 20_000)
    branch.replace(branch.person("bob"), "displayName", "x" * 30_000)
    connect(monkeypatch, branch.settings())
    return branch


def test_P3_an_entry_that_is_too_long_keeps_nobody_else_out(branch: Branch) -> None:
    for _ in range(2):
        status, page = try_in("bob", PASSWORDS["bob"])
        assert status == 503
        assert "more to say of this name" in page
        assert try_in("ann", PASSWORDS["ann"])[0] == 303


def test_P4_whoever_cannot_be_read_any_more_does_not_go_on_until_the_stale_limit(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_REFRESH_SECONDS="0")
    client = Client()
    assert try_in("carol", PASSWORDS["carol"], client)[0] == 303
    branch.replace(branch.person("carol"), "displayName", "x" * 30_000)
    answer = client.get("/go/payments-prod/Developer/")
    assert answer.status_code == 503
    assert "more to say of this name" in answer.content.decode()
    branch.replace(branch.person("carol"), "displayName", "Carol")
    assert User.objects.get(username="carol").directory_state == "present"
    assert client.get("/go/payments-prod/Developer/").status_code == 404
