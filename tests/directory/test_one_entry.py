"""What one person's entry makes the directory say is that person's trouble, and nobody else's."""

from io import StringIO
from typing import Any

import ldap
import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from portal.signin.directory import line
from portal.signin.directory.connection import Connection
from portal.signin.directory.entries import Entry
from tests.directory import hostile
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


def test_P4_whoever_takes_too_long_to_be_read_is_refused_and_the_server_is_not_passed_over(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    assert try_in("carol", PASSWORDS["carol"], client)[0] == 303
    branch.add_group("deep-0", "carol")
    for depth in range(1, 8):
        branch.add_group(f"deep-{depth}", groups=(f"deep-{depth - 1}",))
    with hostile.Hostile(hostile.lagging(branch.server.url, 0.3)) as lagging:
        changes = {"AUTH_LDAP_SERVER_URI": lagging.url, "AUTH_LDAP_REFRESH_SECONDS": "0"}
        changes["AUTH_LDAP_GROUP_TYPE"] = "nestedGroupOfNames"
        connect(monkeypatch, branch.settings(), **changes)
        for tried in (1, 2):
            answer = client.get("/go/payments-prod/Developer/")
            assert answer.status_code == 503
            assert "takes longer to tell of this name" in answer.content.decode()
            assert lagging.connections == tried
        assert try_in("ann", PASSWORDS["ann"])[0] == 303


@pytest.mark.parametrize(
    "says", [ldap.TIMELIMIT_EXCEEDED, ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED]
)
def test_P4_limits_that_one_person_meets_are_no_silence_of_the_directory(
    says: type[ldap.LDAPError], branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    assert try_in("carol", PASSWORDS["carol"], client)[0] == 303
    search = Connection.search

    def limited(connection: Connection, base: str, *rest: Any, **options: Any) -> list[Entry]:
        if base == branch.groups_base and "carol" in rest[0]:
            raise says
        return search(connection, base, *rest, **options)

    monkeypatch.setattr(Connection, "search", limited)
    connect(monkeypatch, branch.settings(), AUTH_LDAP_REFRESH_SECONDS="0")
    for _ in range(2):
        assert client.get("/go/payments-prod/Developer/").status_code == 503
        assert try_in("ann", PASSWORDS["ann"])[0] == 303


def test_P34_whoever_cannot_be_read_keeps_nobody_else_from_a_sync(
    branch: Branch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("ann", "carol", "dana"):
        assert try_in(name, PASSWORDS[name])[0] == 303
    branch.replace(branch.person("carol"), "displayName", "x" * 30_000)
    branch.delete_person("dana")
    out = StringIO()
    call_command("directory", "sync", "--yes", stdout=out)
    assert out.getvalue().startswith("2 people: 1 present, 1 gone")
    states = dict(User.objects.values_list("username", "directory_state"))
    assert states == {"ann": "present", "carol": "present", "dana": "gone"}
    told = [vars(line) for line in caplog.records if "cannot be read" in line.getMessage()]
    assert [line["facts"]["user"] for line in told] == ["carol"]


def test_P34_where_nobody_can_be_read_a_sync_changes_nothing(branch: Branch) -> None:
    for name in ("ann", "carol"):
        assert try_in(name, PASSWORDS[name])[0] == 303
        branch.replace(branch.person(name), "displayName", "x" * 30_000)
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("directory", "sync", stderr=err)
    assert "more than the portal reads" in err.getvalue()
