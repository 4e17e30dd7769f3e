"""What one person's entry makes the directory say is that person's trouble, and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ldap
import pytest
from django.test import Client

from accounts.models import User
from portal.signin.directory import client as directory_client
from portal.signin.directory import line
from portal.signin.directory.connection import Connection
from portal.signin.directory.entries import Entry
from tests.directory import hostile
from tests.directory.in_process import connect, directory, states, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Branch:
    branch = slapd.populated_branch(f"one-entry-{abs(hash(request.node.nodeid))}")
    monkeypatch.setattr(line, "MOST_BYTES_OF_AN_ANSWER", 20_000)
    connect(monkeypatch, branch.settings())
    return branch


def lengthen(branch: Branch, name: str) -> None:
    """Give somebody one more name, longer than anything that the portal reads."""
    with branch.server.writing() as connection:
        connection.modify_s(branch.person(name), [(ldap.MOD_ADD, "uid", [b"x" * 30_000])])


def test_P3_an_entry_that_is_too_long_keeps_nobody_else_out(branch: Branch) -> None:
    lengthen(branch, "bob")
    for _ in range(2):
        status, page = try_in("bob", PASSWORDS["bob"])
        assert status == 503
        assert "more to say of this name" in page
        assert try_in("ann", PASSWORDS["ann"])[0] == 303


def test_P7_what_people_are_called_at_any_length_says_nothing_to_strangers_and_is_left_out(
    branch: Branch,
) -> None:
    assert try_in("bob", PASSWORDS["bob"])[0] == 303
    assert User.objects.get(username="bob").name == "Bob"
    for attribute in ("displayName", "mail", "cn"):
        with branch.server.writing() as connection:
            change = (ldap.MOD_ADD, attribute, [b"x" * 30_000])
            if attribute == "displayName":
                change = (ldap.MOD_REPLACE, attribute, [b"x" * 30_000])
            connection.modify_s(branch.person("bob"), [change])
    wrong, nobodys = try_in("bob", "nonsense"), try_in("nobody", "nonsense")
    assert wrong[0] == nobodys[0] == 403
    assert wrong[1].replace('value="bob"', 'value="nobody"') == nobodys[1]
    assert try_in("bob", PASSWORDS["bob"])[0] == 303
    bob = User.objects.get(username="bob")
    assert (bob.name, bob.email) == ("", "")


def test_P4_whoever_cannot_be_read_any_more_does_not_go_on_until_the_stale_limit(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_REFRESH_SECONDS="0")
    client = Client()
    assert try_in("carol", PASSWORDS["carol"], client)[0] == 303
    lengthen(branch, "carol")
    answer = client.get("/go/payments-prod/Developer/")
    assert answer.status_code == 503
    assert "more to say of this name" in answer.content.decode()
    branch.replace(branch.person("carol"), "uid", "carol")
    assert User.objects.get(username="carol").directory_state == "present"
    assert client.get("/go/payments-prod/Developer/").status_code == 404


@contextmanager
def slow_for(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, *names: str
) -> Iterator[hostile.Hostile]:
    """Let the portal ask a server that needs longer for these people's groups than it waits."""
    branch.add_group("deep-0", *names)
    for depth in range(1, 26):
        branch.add_group(f"deep-{depth}", groups=(f"deep-{depth - 1}",))
    with hostile.Hostile(hostile.lagging(branch.server.url, 0.25)) as lagging:
        changes = {"AUTH_LDAP_SERVER_URI": lagging.url, "AUTH_LDAP_REFRESH_SECONDS": "0"}
        changes["AUTH_LDAP_GROUP_TYPE"] = "nestedGroupOfNames"
        connect(monkeypatch, branch.settings(), **changes)
        yield lagging


def test_P4_whoever_takes_too_long_to_be_read_is_refused_and_the_server_is_not_passed_over(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    assert try_in("carol", PASSWORDS["carol"], client)[0] == 303
    with slow_for(branch, monkeypatch, "carol") as lagging:
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


@pytest.mark.parametrize("second", ["awake", "refusing"])
def test_P3_a_password_that_takes_long_to_look_at_keeps_nobody_else_out(
    second: str,
    branch: Branch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = "{CRYPT}$6$rounds=9000000$saltsalt$" + "a" * 86
    branch.replace(branch.person("bob"), "userPassword", slow)
    with hostile.closed_port() as closed:
        other = branch.server.url.replace("127.0.0.1", "localhost")
        urls = f"{branch.server.url} {other if second == 'awake' else closed}"
        changes = {"AUTH_LDAP_SERVER_URI": urls, "AUTH_LDAP_TIMEOUT_SECONDS": "1"}
        connect(monkeypatch, branch.settings(), **changes)
        status, page = try_in("bob", "a guess")
        assert status == 503
        assert "takes longer to tell of this name" in page
        assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert not [line for line in caplog.records if "passed over" in line.getMessage()]


# --- everybody at once -----------------------------------------------------------------------


def test_P34_whoever_cannot_be_read_is_counted_and_keeps_nobody_else_from_a_sync(
    branch: Branch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
    lengthen(branch, "carol")
    branch.delete_person("dana")
    status, out, err = directory("sync", "--yes")
    assert (status, err) == (1, "")
    assert out.startswith("4 people: 2 present, 1 gone")
    assert "1 unreadable" in out
    assert states() == {
        "ann": "present",
        "bob": "present",
        "carol": "present",
        "dana": "gone",
    }
    told = [vars(line) for line in caplog.records if "cannot be read" in line.getMessage()]
    assert [line["facts"]["user"] for line in told] == ["carol"]


def test_P34_where_nobody_can_be_read_a_sync_changes_nothing(branch: Branch) -> None:
    for name in ("ann", "carol"):
        assert try_in(name, PASSWORDS[name])[0] == 303
        lengthen(branch, name)
    status, _, err = directory("sync", "--yes")
    assert status == 1
    assert "more than the portal reads" in err


def test_P34_a_long_name_hides_nobody_who_was_switched_off(branch: Branch) -> None:
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
        branch.replace(branch.person(name), "displayName", "x" * 30_000)
    branch.disable("dana")
    status, out, _ = directory("sync")
    assert (status, "3 present, 0 gone, 1 disabled" in out, "0 unreadable" in out) == (
        0,
        True,
        True,
    )
    assert states()["dana"] == "disabled"


def test_P34_who_is_gone_is_gone_although_others_call_themselves_so(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"AUTH_LDAP_USER_SEARCH_FILTER": "(|(uid=%(user)s)(mail=%(user)s))"}
    connect(monkeypatch, branch.settings(), **changes)
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
    for friend in ("bob", "carol"):
        branch.replace(branch.person(friend), "mail", "dana")
    branch.delete_person("dana")
    status, out, _ = directory("sync")
    assert (status, "3 present, 1 gone" in out) == (0, True)


def test_P34_whoever_takes_too_long_keeps_nobody_else_from_a_sync(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
    branch.delete_person("dana")
    with slow_for(branch, monkeypatch, "bob"):
        status, out, _ = directory("sync", "--yes")
    assert status == 1
    assert out.startswith("4 people: 2 present, 1 gone")
    assert states()["dana"] == "gone"


def test_P34_where_one_after_the_other_takes_too_long_it_is_the_directory(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
    monkeypatch.setattr(directory_client, "_MOST_SLOW_IN_A_ROW", 2)
    with slow_for(branch, monkeypatch, "bob", "carol"):
        status, _, err = directory("sync", "--yes")
    assert status == 1
    assert "one person after the other takes too long; nothing was changed" in err


def test_P34_whose_id_cannot_be_read_keeps_nobody_else_from_a_sync(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("no-id-of-one", "activeDirectory")
    connect(monkeypatch, branch.settings())
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
    branch.replace(branch.person("bob"), "objectGUID", "short")
    branch.disable("ann")
    status, out, _ = directory("sync", "--yes")
    assert (status, "1 unreadable" in out) == (1, True)
    assert (states()["ann"], states()["bob"]) == ("disabled", "present")
