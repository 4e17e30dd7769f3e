"""New names of directory people: what comes with them, and who gets the old one."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

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
from tests.directory.in_process import connect, is_in, states, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd
from tests.portal.catalogue import payments, role
from tests.portal.reading import read

pytestmark = pytest.mark.django_db
NEW = "another password of ann's"
FILE = """
version: 1
accounts:
  - {id: "222222222222", alias: payments-prod, name: P, roles: [{name: Developer}]}
grants:
"""
TO_ANN = "  - {user: ann, account: payments-prod, role: Developer}\n"
TO_BOB = "  - {user: bob, account: payments-prod, role: Developer}\n"


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Branch:
    branch = slapd.populated_branch(f"names-{abs(hash(request.node.nodeid))}")
    connect(monkeypatch, branch.settings())
    return branch


def rename(branch: Branch, old: str, new: str) -> None:
    with branch.server.writing() as connection:
        connection.rename_s(branch.person(old), f"uid={new}")


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=out)
    return out.getvalue()


def apply(folder: Path, grants: str, *words: str) -> str:
    file = folder / "access.yaml"
    file.write_text(FILE + grants, encoding="utf-8")
    return run("access", "apply", str(file), *words)


def last_change() -> dict[str, Any]:
    details: dict[str, Any] = json.loads(
        Entry.objects.filter(action=Action.ADMIN_CHANGE).latest("id").details
    )
    return details


def test_P04_who_gets_the_name_that_somebody_left_does_not_get_what_the_file_grants_it(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, TO_ANN)
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    rename(branch, "ann", "anna")
    run("directory", "sync")
    branch.add_person("ann", NEW)
    apply(tmp_path, TO_ANN)
    assert try_in("ann", NEW)[0] == 403
    assert Entry.objects.filter(action=Action.SIGN_IN).latest("id").error == "NameWasAnothers"
    held = User.objects.get(username="ann")
    assert (held.origin, held.directory_id) == (Origin.DIRECTORY, None)
    assert not held.has_usable_password()
    assert run("directory", "sync").startswith("1 people: 1 present")
    assert states() == {"anna": DirectoryState.PRESENT, "ann": DirectoryState.REPLACED}
    assert run("directory", "forget", "ann") == "forgotten: ann\n"
    assert last_change()["before"]["grants"] == ["user ann: Developer in 222222222222"]
    assert try_in("ann", NEW)[0] == 303
    assert not User.objects.get(username="ann").grants.exists()
    assert User.objects.get(username="anna").grants.count() == 1


def test_who_is_renamed_back_goes_on_by_the_newer_name_until_the_old_one_is_forgotten(
    branch: Branch,
) -> None:
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    rename(branch, "ann", "anna")
    run("directory", "sync")
    rename(branch, "anna", "ann")
    client = Client()
    assert try_in("ann", PASSWORDS["ann"], client)[0] == 303
    assert is_in(client)
    assert states() == {"anna": DirectoryState.PRESENT, "ann": DirectoryState.REPLACED}
    run("directory", "forget", "ann")
    run("directory", "sync")
    assert states() == {"ann": DirectoryState.PRESENT, "anna": DirectoryState.REPLACED}


def test_two_who_trade_names_keep_what_is_theirs(branch: Branch) -> None:
    for name in ("ann", "bob"):
        assert try_in(name, PASSWORDS[name])[0] == 303
    old = User.objects.get(username="ann")
    payments(to=old)
    rename(branch, "ann", "between")
    rename(branch, "bob", "ann")
    rename(branch, "between", "bob")
    assert try_in("ann", PASSWORDS["bob"])[0] == 303
    assert states() == {"ann": DirectoryState.PRESENT, "bob": DirectoryState.PRESENT}
    with pytest.raises(SystemExit):
        run("directory", "forget", "ann")
    assert Grant.objects.exists()
    assert run("directory", "sync").startswith("2 people: 2 present")
    old.refresh_from_db()
    assert (old.username, old.grants.count()) == ("bob", 1)
    assert states() == {"ann": DirectoryState.PRESENT, "bob": DirectoryState.PRESENT}
    assert try_in("bob", PASSWORDS["ann"])[0] == 303


def test_a_name_that_another_one_leaves_for_a_new_one_is_free_in_the_same_sync(
    branch: Branch,
) -> None:
    for name in ("ann", "bob", "carol"):
        assert try_in(name, PASSWORDS[name])[0] == 303
    keys = dict(User.objects.values_list("username", "pk"))
    rename(branch, "carol", "caroline")
    rename(branch, "bob", "carol")
    rename(branch, "ann", "bob")
    run("directory", "sync")
    now = dict(User.objects.values_list("pk", "username"))
    assert [now[keys[name]] for name in ("ann", "bob", "carol")] == ["bob", "carol", "caroline"]
    assert states()["ann"] == DirectoryState.REPLACED


def test_nobody_of_the_directory_is_called_what_the_record_calls_the_portal_itself(
    branch: Branch,
) -> None:
    branch.add_person("directory", NEW)
    assert try_in("Directory", NEW)[0] == 403
    assert try_in("bob", PASSWORDS["bob"])[0] == 303
    rename(branch, "bob", "command line")
    run("directory", "sync")
    assert list(states()) == ["bob"]


def test_a_waiting_name_comes_with_what_the_row_tells(branch: Branch) -> None:
    assert try_in("bob", PASSWORDS["bob"])[0] == 303
    waiting = User.objects.create_placeholder("zed")
    role = payments(to=waiting)
    on_call = Group.objects.create(name="on-call", origin=Origin.LOCAL)
    Membership.objects.create(group=on_call, user=waiting)
    Bookmark.objects.create(user=waiting, name="x", account=role.account, role_name=role.name)
    rename(branch, "bob", "zed")
    run("directory", "sync")
    rows = Entry.objects.filter(action=Action.ADMIN_CHANGE).order_by("-id")
    told = json.loads(rows[1].details)
    assert told["before"] == {"username": "bob"}
    assert told["after"] == {
        "username": "zed",
        "is_active": True,
        "groups": ["on-call"],
        "grants": ["user zed: Developer in 222222222222"],
        "grants_left_out": 0,
        "bookmarks": 1,
    }


def test_only_who_is_let_in_takes_a_waiting_name(branch: Branch) -> None:
    assert try_in("bob", PASSWORDS["bob"])[0] == 303
    payments(to=User.objects.create_placeholder("zed"))
    branch.disable("bob")
    rename(branch, "bob", "zed")
    run("directory", "sync", "--yes")
    zed = User.objects.get(username="zed")
    assert (zed.origin, zed.grants.count()) == (Origin.NONE_YET, 1)
    assert states()["bob"] == DirectoryState.DISABLED


THEIRS = ["a grant", "a group"]


def give(waiting: User, what: str) -> None:
    if what == "a grant":
        payments(to=waiting)
    else:
        on_call = Group.objects.create(name="on-call", origin=Origin.LOCAL)
        Membership.objects.create(group=on_call, user=waiting)


@pytest.mark.parametrize("what", THEIRS)
@pytest.mark.parametrize("way", ["sync", "launch"])
def test_P32_staff_take_no_name_that_something_waits_under(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, what: str, way: str
) -> None:
    """They may know the name that they will get, and have granted it themselves."""
    connect(monkeypatch, branch.settings(), AUTH_LDAP_REFRESH_SECONDS="0")
    client = Client()
    assert try_in("bob", PASSWORDS["bob"], client)[0] == 303
    User.objects.filter(username="bob").update(is_staff=True)
    give(User.objects.create_placeholder("zed"), what)
    rename(branch, "bob", "zed")

    def read() -> None:
        if way == "sync":
            run("directory", "sync")
        else:
            client.get("/go/payments-prod/Developer/")

    read()
    read()
    assert User.objects.get(username="bob").directory_state == DirectoryState.PRESENT
    zed = User.objects.get(username="zed")
    assert zed.origin == Origin.NONE_YET
    assert zed.grants.exists() or zed.memberships.exists()
    row = Entry.objects.get(error="NameWithheld")
    assert (row.actor, row.outcome) == ("bob", "denied")
    told = json.loads(row.details)
    assert (told["before"]["username"], told["after"]["username"]) == ("bob", "zed")
    assert told["after"]["grants"] or told["after"]["groups"] == ["on-call"]
    # A superuser has looked, and let nothing of it wait any more.
    zed.delete()
    read()
    assert states()["zed"] == DirectoryState.PRESENT


@pytest.mark.parametrize("who", ["superuser", "nobody in particular", "staff to an empty name"])
def test_others_take_it_and_so_do_staff_where_nothing_waits(branch: Branch, who: str) -> None:
    assert try_in("bob", PASSWORDS["bob"])[0] == 303
    is_staff, is_superuser = who != "nobody in particular", who == "superuser"
    User.objects.filter(username="bob").update(is_staff=is_staff, is_superuser=is_superuser)
    waiting = User.objects.create_placeholder("zed")
    if who != "staff to an empty name":
        payments(to=waiting)
    rename(branch, "bob", "zed")
    run("directory", "sync")
    assert states()["zed"] == DirectoryState.PRESENT
    assert not Entry.objects.filter(error="NameWithheld").exists()


GRANT_PAGE = "/admin/accounts/grant/add/"


def shown_again(answer: Any) -> dict[str, str]:
    fields = read(answer.content).one("main").all("input", type="hidden")
    return {each.attributes["name"]: each.attributes.get("value", "") for each in fields}


def give_by_hand(client: Client, what: str, to: str) -> None:
    """Let somebody have something, on the administration's own pages."""
    if what == "a grant":
        sent = {"roles": "*/*", "people": to, "end": "never"}
        sent = {**shown_again(client.post(GRANT_PAGE, sent)), "save": "1"}
        assert client.post(GRANT_PAGE, sent).status_code == 302
    else:
        sent = {"name": "on-call", "add_members": to, "_save": "1"}
        assert client.post("/admin/accounts/group/add/", sent).status_code == 302


@pytest.mark.parametrize("what", THEIRS)
@pytest.mark.parametrize("under", ["the same name", "another name by then"])
def test_P32_nor_does_who_gave_it_and_administers_no_more(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, what: str, under: str
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_ADMIN_GROUP="admins")
    role()
    client, name = Client(), "dana"
    assert try_in(name, PASSWORDS["dana"], client)[0] == 303
    give_by_hand(client, what, to="newcomer")
    branch.remove_member("admins", "dana")
    if under != "the same name":
        name = "dana.b"
        rename(branch, "dana", name)
    assert try_in(name, PASSWORDS["dana"])[0] == 303
    dana = User.objects.get(username=name)
    assert not dana.is_staff
    rename(branch, name, "newcomer")
    assert try_in("newcomer", PASSWORDS["dana"])[0] == 303
    dana.refresh_from_db()
    assert dana.username == name
    assert not dana.grants.exists()
    assert not dana.memberships.exists()
    assert Entry.objects.get(error="NameWithheld").actor == name


def test_who_was_only_refused_in_the_administration_takes_the_name(branch: Branch) -> None:
    client = Client()
    assert try_in("bob", PASSWORDS["bob"], client)[0] == 303
    sent = {"name": "on-call", "_save": "1"}
    assert client.post("/admin/accounts/group/add/", sent).status_code == 403
    payments(to=User.objects.create_placeholder("zed"))
    rename(branch, "bob", "zed")
    run("directory", "sync")
    assert User.objects.get(username="zed").grants.exists()


def test_P04_who_takes_a_name_that_is_switched_off_is_switched_off(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_REFRESH_SECONDS="0")
    client = Client()
    assert try_in("bob", PASSWORDS["bob"], client)[0] == 303
    payments(to=User.objects.get(username="bob"))
    User.objects.create_placeholder("zed")
    User.objects.filter(username="zed").update(is_active=False)
    rename(branch, "bob", "zed")
    answer = client.get("/go/payments-prod/Developer/")
    assert answer.status_code == 403
    assert "switched this user name off" in answer.content.decode()
    assert not is_in(client)
    assert not User.objects.get(username="zed").is_active
    assert try_in("zed", PASSWORDS["bob"])[0] == 403


def test_equal_grants_of_two_names_become_the_stronger_one(branch: Branch, tmp_path: Path) -> None:
    until = "Developer, expires: '2030-01-01T00:00:00Z'}"
    apply(tmp_path, TO_ANN + TO_ANN.replace("ann,", "anna,").replace("Developer}", until))
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    rename(branch, "ann", "anna")
    run("directory", "sync")
    (grant,) = Grant.objects.all()
    assert (grant.user, grant.expires) == (User.objects.get(username="anna"), None)


def test_what_the_admin_granted_stays_beside_what_the_file_grants(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, TO_ANN)
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    own = Grant.objects.get()
    anna = User.objects.create_placeholder("anna")
    soon = timezone.now() + timedelta(days=9)
    Grant.objects.create(user=anna, account=own.account, role_name="Developer", expires=soon)
    rename(branch, "ann", "anna")
    run("directory", "sync")
    assert Grant.objects.count() == 2
    apply(tmp_path, TO_BOB, "--prune", "--yes")
    theirs = Grant.objects.filter(user__username="anna")
    assert [grant.from_file for grant in theirs] == [False]
