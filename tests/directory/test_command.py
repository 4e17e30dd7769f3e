"""``manage.py directory``: everybody read again all or nothing, and one forgotten."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts import record
from accounts.models import (
    Action,
    Bookmark,
    DirectoryState,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    User,
)
from portal.signin.directory import door
from portal.signin.directory.reading import Reading
from tests.conftest import PASSWORD
from tests.directory import hostile
from tests.directory.in_process import connect, directory, is_in, states, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd
from tests.portal.catalogue import payments

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Branch:
    """The cast, all signed in once, and one group that something names."""
    branch = slapd.populated_branch(f"sync-{abs(hash(request.node.nodeid))}")
    connect(monkeypatch, branch.settings())
    Grant.objects.create(group=Group.objects.create(name="staff"), role_name="*")
    for name, password in PASSWORDS.items():
        assert try_in(name, password)[0] == 303
    return branch


def everything() -> list[Any]:
    columns = ("username", "directory_state", "directory_read", "password", "is_staff")
    return [
        *User.objects.order_by("pk").values_list(*columns),
        *Membership.objects.order_by("pk").values_list(),
        Entry.objects.count(),
    ]


def last_rows(count: int) -> list[dict[str, Any]]:
    rows = Entry.objects.filter(action=Action.ADMIN_CHANGE).order_by("-id")[:count]
    assert {row.actor for row in rows} == {record.COMMAND_LINE}
    return [json.loads(row.details) for row in rows]


def test_sync_reads_everybody_again_and_says_one_line(branch: Branch) -> None:
    before = dict(User.objects.values_list("username", "directory_read"))
    status, out, err = directory("sync")
    assert (status, err) == (0, "")
    assert out == (
        "4 people: 4 present, 0 gone, 0 disabled, 0 outside, 0 replaced, "
        "0 unreadable; 0 changed, 0 lose access\n"
    )
    for name, read in User.objects.values_list("username", "directory_read"):
        assert read != before[name]
    (row,) = last_rows(1)
    assert row["change"] == "directory sync"


def test_sync_takes_what_the_directory_took(branch: Branch) -> None:
    client = Client()
    try_in("bob", PASSWORDS["bob"], client)
    branch.remove_member("staff", "bob")
    branch.add_group("other", "ann")
    branch.delete_person("bob")
    status, out, _ = directory("sync")
    assert status == 0
    assert "3 present, 1 gone" in out
    assert "1 changed, 1 lose access" in out
    assert states()["bob"] == DirectoryState.GONE
    assert not is_in(client)
    summary, change = last_rows(2)
    assert summary["after"]["summary"] == out.strip()
    assert (change["user"], change["before"]["state"], change["after"]["state"]) == (
        "bob",
        "present",
        "gone",
    )
    assert change["before"]["groups"] == ["staff"]


@pytest.mark.parametrize("how", ["gone", "groups", "base"])
def test_P34_sync_does_not_take_more_than_a_third_unless_that_is_meant(
    how: str, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "gone":
        branch.delete_person("ann")
        branch.delete_person("bob")
    elif how == "groups":
        branch.delete_group("staff")
    else:
        # A search that finds nobody: the right server, a wrong part of it.
        base = branch.groups_base
        connect(monkeypatch, branch.settings(), AUTH_LDAP_USER_SEARCH_BASE=base)
    before = everything()
    status, out, err = directory("sync")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "more than a third" in err
    assert everything() == before
    status, out, err = directory("sync", "--yes")
    assert (status, err) == (0, "")
    assert everything() != before
    if how == "groups":
        assert set(states().values()) == {DirectoryState.PRESENT}
        assert not Membership.objects.exists()


def test_P34_a_base_that_is_not_there_is_no_answer(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AUTH_LDAP_USER_SEARCH_BASE", "AUTH_LDAP_GROUP_SEARCH_BASE"):
        connect(monkeypatch, branch.settings(), **{variable: f"ou=nowhere,{branch.dn}"})
        before = everything()
        status, _, err = directory("sync", "--yes")
        assert status == 1
        assert "no server of the directory answers" in err
        assert everything() == before


def test_P34_a_directory_that_stops_answering_half_way_changes_nothing(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.delete_person("ann")
    before = everything()
    for requests in range(1, 8, 2):
        with hostile.Hostile(hostile.stalling(branch.server.url, requests)) as stalling:
            connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=stalling.url)
            status, out, err = directory("sync", "--yes")
        assert (status, out) == (1, "")
        assert err == "directory: no server of the directory answers; nothing was changed\n"
        assert everything() == before


def leave_out(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    read_all = door.read_all

    def partly(ids: Mapping[str, str]) -> Reading:
        readable = {name: its_id for name, its_id in ids.items() if name not in names}
        return Reading(read_all(readable).people, frozenset(names))

    monkeypatch.setattr(door, "read_all", partly)


def test_P34_sync_says_who_could_not_be_read_and_exits_1_and_does_the_rest(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.replace(branch.person("ann"), "displayName", "Ann Other")
    leave_out(monkeypatch, "bob")
    status, out, err = directory("sync")
    assert (status, err) == (1, "")
    assert out == (
        "4 people: 3 present, 0 gone, 0 disabled, 0 outside, 0 replaced, "
        "1 unreadable; 1 changed, 0 lose access\n"
    )
    assert User.objects.get(username="ann").name == "Ann Other"
    summary, _ = last_rows(2)
    assert summary["after"] == {"summary": out.strip(), "unreadable": ["bob"]}


def test_P34_who_cannot_be_read_counts_against_the_third(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.delete_person("ann")
    leave_out(monkeypatch, "bob")
    before = everything()
    status, out, err = directory("sync")
    assert (status, out) == (1, "")
    assert "more than a third" in err
    assert everything() == before
    assert directory("sync", "--yes")[0] == 1
    assert states()["ann"] == DirectoryState.GONE


def test_sync_without_a_record_changes_nothing(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.delete_person("ann")
    before = everything()
    written: list[object] = []

    def full(act: object, outcome: object, error: str = "") -> None:
        written.append(act)
        raise record._unavailable("full")

    monkeypatch.setattr("accounts.record.write", full)
    status, _, err = directory("sync", "--yes")
    assert status == 1
    assert "cannot be written" in err
    assert written
    assert everything() == before


def test_sync_without_a_directory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.DIRECTORY", None)
    status, _, err = directory("sync")
    assert status == 1
    assert "AUTH_LDAP_SERVER_URI is not set" in err


# --- forgetting ------------------------------------------------------------------------------


def test_who_is_forgotten_leaves_a_row_and_nothing_else(branch: Branch) -> None:
    old = User.objects.get(username="ann")
    role = payments(to=old)
    Bookmark.objects.create(
        user=old, name="x", account=role.account, role_name=role.name, group=None
    )
    client = Client()
    try_in("ann", PASSWORDS["ann"], client)
    branch.recreate_person("ann", "another password of ann's")
    assert try_in("ann", "another password of ann's")[0] == 403
    assert directory("forget", "ANN") == (0, "forgotten: ann\n", "")
    assert not is_in(client)
    (row,) = last_rows(1)
    assert (row["change"], row["user"], row["after"]) == ("directory forget", "ann", None)
    assert row["before"]["grants"] == ["user ann: Developer in 222222222222"]
    assert row["before"]["bookmarks"] == 1
    assert row["before"]["directory_id"] == old.directory_id
    fresh = Client()
    assert try_in("ann", "another password of ann's", fresh)[0] == 303
    new = User.objects.get(username="ann")
    assert new.record_key != old.record_key
    assert new.directory_id != old.directory_id
    assert not new.grants.exists()
    assert not new.bookmarks.exists()
    history = json.loads(fresh.get("/history/export.json").getvalue())
    assert len(history) == 1
    assert fresh.get("/go/222222222222/Developer/").status_code == 404


def test_who_has_a_new_name_in_the_directory_is_not_forgotten_by_the_old_one(
    branch: Branch,
) -> None:
    payments(to=User.objects.get(username="ann"))
    with branch.server.writing() as connection:
        connection.rename_s(branch.person("ann"), "uid=anna")
    branch.add_person("ann", "another password of ann's")
    assert try_in("ann", "another password of ann's")[0] == 403
    line = "forgotten: ann (who had that name is called anna now and keeps what is theirs)\n"
    assert directory("forget", "ann") == (0, line, "")
    assert User.objects.get(username="anna").grants.count() == 1
    assert try_in("ann", "another password of ann's")[0] == 303
    assert not User.objects.get(username="ann").grants.exists()


def test_sync_gives_people_their_new_names(branch: Branch) -> None:
    with branch.server.writing() as connection:
        connection.rename_s(branch.person("ann"), "uid=anna")
    status, out, _ = directory("sync")
    assert (status, "4 present" in out, "1 changed, 0 lose access" in out) == (0, True, True)
    assert set(states()) == {"anna", "ann", "bob", "carol", "dana"}
    assert states()["ann"] == DirectoryState.REPLACED
    _, renamed = last_rows(2)
    assert (renamed["user"], renamed["after"]) == ("anna", {"username": "anna"})


def test_nobody_is_forgotten_who_may_still_be_there(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    status, out, err = directory("forget", "ann")
    assert (status, out) == (1, "")
    assert err == (
        "ann is still in the directory; --yes forgets them all the same; nothing was changed\n"
    )
    assert everything()[4:] == before[4:]
    with hostile.closed_port() as closed:
        connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=closed)
        status, out, err = directory("forget", "ann")
        assert (status, out) == (1, "")
        assert "nobody can tell whether the directory still has ann" in err
        assert err.count("\n") == 1
        assert User.objects.filter(username="ann").exists()
        assert directory("forget", "ann", "--yes") == (0, "forgotten: ann\n", "")


def test_nobody_is_forgotten_whose_new_name_is_a_local_persons(branch: Branch) -> None:
    User.objects.create_user("annette", PASSWORD)
    payments(to=User.objects.get(username="ann"))
    with branch.server.writing() as connection:
        connection.rename_s(branch.person("ann"), "uid=annette")
    branch.add_person("ann", "another password of ann's")
    assert try_in("ann", "another password of ann's")[0] == 403
    status, _, err = directory("forget", "ann")
    assert status == 1
    assert "called annette there" in err
    assert Grant.objects.filter(user__username="ann").exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("local", "is a local person"),
        ("waiting", "is not signed in yet"),
        ("nobody", "there is nobody called nobody"),
    ],
)
def test_only_directory_people_can_be_forgotten(name: str, why: str) -> None:
    User.objects.create_user("local", PASSWORD)
    User.objects.create_placeholder("waiting")
    status, out, err = directory("forget", name)
    assert (status, out) == (1, "")
    assert why in err
    assert err.count("\n") == 1
    assert User.objects.count() == 2
    assert not Entry.objects.exists()


def test_the_commands_of_local_people_name_the_way_out(branch: Branch) -> None:
    assert User.objects.get(username="ann").origin == Origin.DIRECTORY
    with pytest.raises(Exception, match="directory forget ann"):
        call_command("changepassword", "ann")
