"""Whose groups count: nobody is in one by what people may write into entries of their own."""

import logging
from io import StringIO

import ldap
import pytest
from django.contrib.auth.models import Group as PermissionSet
from django.contrib.auth.models import Permission
from django.core.management import call_command

from accounts import administrators
from accounts.local_people import make_superuser
from accounts.models import Action, DirectoryState, Entry, Grant, Group, Outcome, User
from portal.errors import DirectoryUnavailable
from portal.signin import refresh
from portal.signin.directory import standing
from tests.conftest import PASSWORD
from tests.directory.in_process import connect, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd

pytestmark = pytest.mark.django_db
NAMED = ("AUTH_LDAP_REQUIRE_GROUP", "AUTH_LDAP_DENY_GROUP", "AUTH_LDAP_ADMIN_GROUP")


def branch_of(slapd: Slapd, request: pytest.FixtureRequest, kind: str) -> Branch:
    return slapd.populated_branch(f"kinds-{abs(hash(request.node.nodeid))}", kind)


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest) -> Branch:
    """The cast, in groups of DNs."""
    return branch_of(slapd, request, "groupOfNames")


@pytest.fixture
def posix(slapd: Slapd, request: pytest.FixtureRequest) -> Branch:
    """The cast, in posixGroups."""
    return branch_of(slapd, request, "posixGroup")


@pytest.fixture
def windows(slapd: Slapd, request: pytest.FixtureRequest) -> Branch:
    """People who have no uid, and posixGroups: ann is in ``barred``."""
    branch = branch_of(slapd, request, "activeDirectory")
    branch.add_group("barred", "ann", kind="posixGroup")
    return branch


def change(branch: Branch, dn: str, operation: int, attribute: str, *values: str) -> None:
    with branch.server.writing() as connection:
        connection.modify_s(dn, [(operation, attribute, [value.encode() for value in values])])


def signs_in(name: str) -> User:
    assert try_in(name, PASSWORDS[name])[0] == 303, name
    return User.objects.get(username=name)


def is_refused(name: str) -> bool:
    status, _ = try_in(name, PASSWORDS[name])
    return status == 403 and last_error() == "DirectoryOutside"


def last_error() -> str:
    return Entry.objects.filter(action=Action.SIGN_IN).latest("id").error


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the settings that the log has errors about."""
    found = [record for record in caplog.records if record.levelno >= logging.ERROR]
    facts = [vars(record).get("facts", {}) for record in found]
    return [each["setting"] for each in facts if "setting" in each]


# --- a name that looks like another ----------------------------------------------------------


def forge(branch: Branch, *people: str) -> None:
    """Make a group whose cn, unescaped, reads like the DN of ``admins`` goes on."""
    value = "admins\x1fou=groups"
    members = [branch.person(person).encode() for person in people]
    entry = {"objectClass": [b"groupOfNames"], "cn": [value.encode()], "member": members}
    branch.server.add(f"cn=admins\\1Fou\\3Dgroups,{branch.dn}", entry)


def test_a_dn_that_reads_like_anothers_gives_none_of_its_rights(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(branch, "bob")
    granted = Group.objects.create(name=branch.group("admins"))
    Grant.objects.create(group=granted, role_name="*")
    wide = {"AUTH_LDAP_GROUP_SEARCH_BASE": branch.dn}
    connect(monkeypatch, branch.settings(), **wide, AUTH_LDAP_ADMIN_GROUP=branch.group("admins"))
    bob = signs_in("bob")
    assert not bob.is_staff
    assert not bob.member_of.exists()
    assert signs_in("dana").is_staff
    connect(monkeypatch, branch.settings(), **wide, AUTH_LDAP_REQUIRE_GROUP=branch.group("admins"))
    assert is_refused("bob")


def test_a_second_cn_makes_a_group_nobody_elses(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    hobby = branch.add_group("hobby", "bob")
    change(branch, hobby, ldap.MOD_REPLACE, "cn", "admins", "hobby")
    for name in ("admins", "hobby"):
        Grant.objects.create(group=Group.objects.create(name=name), role_name="*")
    connect(monkeypatch, branch.settings(), AUTH_LDAP_ADMIN_GROUP="admins")
    bob = signs_in("bob")
    assert not bob.is_staff
    assert [group.name for group in bob.member_of.all()] == ["hobby"]
    assert signs_in("dana").is_staff


# --- posixGroup ------------------------------------------------------------------------------


@pytest.mark.parametrize("uids", [("dana", "bob"), ("bob", "dana")])
def test_a_second_uid_gives_nobody_anothers_groups(
    uids: tuple[str, str], posix: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    posix.add_group("barred", "bob")
    change(posix, posix.person("bob"), ldap.MOD_REPLACE, "uid", *uids)
    connect(monkeypatch, posix.settings(), AUTH_LDAP_ADMIN_GROUP=posix.group("admins"))
    assert not signs_in("bob").is_staff
    connect(monkeypatch, posix.settings(), AUTH_LDAP_DENY_GROUP="barred")
    assert is_refused("bob")


def test_the_uid_counts_as_it_is_spelled_there(
    posix: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    posix.add_person("CAROL-A", PASSWORDS["ann"])
    posix.add_group("keepers", "CAROL-A")
    connect(monkeypatch, posix.settings(), AUTH_LDAP_ADMIN_GROUP="keepers")
    assert try_in("carol-a", PASSWORDS["ann"])[0] == 303
    assert User.objects.get(username="carol-a").is_staff


def test_the_primary_group_counts(posix: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = posix.server.read(posix.group("left"), "gidNumber")
    posix.replace(posix.person("carol"), "gidNumber", number.decode())
    connect(monkeypatch, posix.settings(), AUTH_LDAP_DENY_GROUP=posix.group("left"))
    assert is_refused("carol")
    signs_in("ann")


def test_people_without_a_uid_have_posix_groups_too(
    windows: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(
        monkeypatch,
        windows.settings(),
        AUTH_LDAP_GROUP_TYPE="posixGroup",
        AUTH_LDAP_DENY_GROUP="barred",
    )
    assert is_refused("ann")
    signs_in("bob")
    # Case counts in memberUid.
    windows.add_person("CAROL-A", PASSWORDS["ann"])
    windows.add_member("barred", "CAROL-A", kind="posixGroup")
    assert try_in("carol-a", PASSWORDS["ann"])[0] == 403


def test_whose_uid_cannot_be_told_is_in_no_group_and_may_be_in_the_denied_one(
    windows: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows.add_group("keepers", "x", kind="posixGroup")
    change(windows, windows.person("bob"), ldap.MOD_ADD, "uid", "x", "y")
    posix = {"AUTH_LDAP_GROUP_TYPE": "posixGroup", "AUTH_LDAP_ADMIN_GROUP": "keepers"}
    connect(monkeypatch, windows.settings(), **posix)
    assert not signs_in("bob").is_staff
    connect(monkeypatch, windows.settings(), **posix, AUTH_LDAP_DENY_GROUP="barred")
    assert is_refused("bob")
    # One uid is certain, although it is not the portal's name.
    windows.replace(windows.person("bob"), "uid", "x")
    connect(monkeypatch, windows.settings(), **posix, AUTH_LDAP_DENY_GROUP="barred")
    assert signs_in("bob").is_staff


# --- groups that are not there ---------------------------------------------------------------


@pytest.mark.parametrize("by_dn", [False, True])
def test_without_the_denied_group_nobody_gets_in_by_the_directory(
    by_dn: bool,
    branch: Branch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(standing, "_MISSING_FOR_SECONDS", 0)
    named = branch.group("barred") if by_dn else "barred"
    connect(monkeypatch, branch.settings(), AUTH_LDAP_DENY_GROUP=named)
    status, page = try_in("ann", PASSWORDS["ann"])
    assert status == 500
    assert "AUTH_LDAP_DENY_GROUP must name a group that is there" in page
    row = Entry.objects.filter(action=Action.SIGN_IN).latest("id")
    assert (row.outcome, row.error) == (Outcome.FAILED, "NoDeniedGroup")
    assert errors(caplog) == ["AUTH_LDAP_DENY_GROUP"]
    assert not User.objects.filter(username="ann").exists()
    assert try_in("ann", "wrong")[0] == 403
    assert last_error() == "WrongPassword"
    make_superuser("local", PASSWORD, "")
    assert try_in("local", PASSWORD)[0] == 303
    branch.add_group("barred", "bob")
    signs_in("ann")
    assert is_refused("bob")


def test_when_the_denied_group_goes_nothing_is_taken_over_any_more(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.add_group("barred")
    denied = {"AUTH_LDAP_DENY_GROUP": "barred", "AUTH_LDAP_REFRESH_SECONDS": "0"}
    connect(monkeypatch, branch.settings(), **denied)
    ann = signs_in("ann")
    branch.delete_group("barred")
    connect(monkeypatch, branch.settings(), **denied)
    wrote = StringIO()
    with pytest.raises(SystemExit):
        call_command("directory", "sync", stderr=wrote)
    assert "AUTH_LDAP_DENY_GROUP" in wrote.getvalue()
    # What is known lasts as long as when the directory does not answer.
    refresh.require_let_in(ann)
    ann.refresh_from_db()
    assert ann.directory_state == DirectoryState.PRESENT
    connect(monkeypatch, branch.settings(), **denied, AUTH_LDAP_STALE_SECONDS="0")
    with pytest.raises(DirectoryUnavailable):
        refresh.require_let_in(ann)


@pytest.mark.parametrize("variable", ["AUTH_LDAP_REQUIRE_GROUP", "AUTH_LDAP_ADMIN_GROUP"])
def test_a_group_that_is_not_there_is_told_by_its_setting(
    variable: str,
    branch: Branch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connect(monkeypatch, branch.settings(), **{variable: "adminz"})
    for name in ("ann", "bob"):
        status, _ = try_in(name, PASSWORDS[name])
        assert status == (403 if variable == "AUTH_LDAP_REQUIRE_GROUP" else 303)
    # Once, however many sign in.
    assert errors(caplog) == [variable]


@pytest.mark.parametrize(
    "kind",
    [
        "posixGroup",
        "groupOfNames",
        "groupOfUniqueNames",
        "activeDirectory",
        "nestedGroupOfNames",
        "nestedActiveDirectory",
    ],
)
def test_groups_that_are_there_are_found_by_every_kind_and_not_told(
    kind: str,
    slapd: Slapd,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    branch = branch_of(slapd, request, kind)
    odd = branch.add_group("a, (b) * c\\", "bob")
    named = (branch.group("staff").upper(), odd, "ADMINS")
    connect(monkeypatch, branch.settings(), **dict(zip(NAMED, named, strict=True)))
    assert signs_in("dana").is_staff
    assert is_refused("bob")
    assert errors(caplog) == []


# --- the built-in set ------------------------------------------------------------------------


def test_a_set_of_the_built_in_ones_name_holds_what_that_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    PermissionSet.objects.all().delete()
    by_hand = PermissionSet.objects.create(name=administrators.ADMINISTRATORS)
    by_hand.permissions.set(Permission.objects.filter(codename__in=["change_user", "view_entry"]))
    call_command("migrate", verbosity=0)
    held = set(by_hand.permissions.values_list("codename", flat=True))
    assert {"change_account", "view_entry"} <= held
    assert "change_user" not in held
    (told,) = [record for record in caplog.records if "facts" in vars(record)]
    assert vars(told)["facts"] == {"set": "Administrators", "taken": ["change_user"]}
