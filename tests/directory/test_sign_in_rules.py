"""Who of the directory gets in, as whom, and what is written about it."""

import contextlib
import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import IntegrityError
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import administrators
from accounts.directory import names, people
from accounts.directory.changes import DirectoryPerson
from accounts.local_people import make_superuser
from accounts.models import (
    Action,
    Bookmark,
    DirectoryState,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Outcome,
    User,
)
from portal import bulkhead
from portal.signin.directory import door, refusals
from tests.conftest import PASSWORD
from tests.directory import hostile
from tests.directory.in_process import connect, is_in, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd
from tests.portal.catalogue import payments

pytestmark = pytest.mark.django_db
KINDS = (
    "posixGroup",
    "groupOfNames",
    "groupOfUniqueNames",
    "activeDirectory",
    "nestedGroupOfNames",
    "nestedActiveDirectory",
)


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest) -> Branch:
    """A part of the tree of its own, with the cast."""
    return slapd.populated_branch(f"rules-{abs(hash(request.node.nodeid))}", "groupOfNames")


@pytest.fixture
def directory(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> Branch:
    """The same, asked by the portal."""
    connect(monkeypatch, branch.settings())
    return branch


def changes() -> list[dict[str, Any]]:
    rows = Entry.objects.filter(action=Action.ADMIN_CHANGE).order_by("id")
    return [{"actor": row.actor, **json.loads(row.details)} for row in rows]


def last_sign_in() -> Entry:
    return Entry.objects.filter(action=Action.SIGN_IN).latest("id")


def mirrored(name: str) -> Group:
    group = Group.objects.create(name=name)
    Grant.objects.create(group=group, role_name="*")
    return group


# --- groups ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_groups_decide_by_every_kind_of_group(
    kind: str, slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch(f"kind-{kind}", kind)
    staff = branch.group("staff").upper().replace(",", ", ")
    for name in ("Engineers", "payments", staff, "admins", "everyone", "ring"):
        mirrored(name)
    connect(monkeypatch, branch.settings(), AUTH_LDAP_ADMIN_GROUP=branch.group("admins"))
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    ann = User.objects.get(username="ann")
    nested = {"everyone"} if kind.startswith("nested") else set()
    theirs = set(ann.member_of.values_list("name", flat=True))
    assert theirs == {"Engineers", "payments", staff, *nested}
    assert (ann.origin, ann.directory_state) == (Origin.DIRECTORY, DirectoryState.PRESENT)
    assert ann.directory_id
    assert not ann.has_usable_password()
    assert not ann.is_staff
    assert try_in("dana", PASSWORDS["dana"])[0] == 303
    assert User.objects.get(username="dana").is_staff


def test_only_the_directorys_groups_that_something_names_are_mirrored(directory: Branch) -> None:
    local = Group.objects.create(name="engineers", origin=Origin.LOCAL)
    Grant.objects.create(group=local, role_name="*")
    unnamed = Group.objects.create(name="payments")
    bookmarked = Group.objects.create(name="staff")
    ann = User.objects.create_placeholder("ann")
    on_call = Group.objects.create(name="on-call", origin=Origin.LOCAL)
    Membership.objects.create(group=on_call, user=ann, from_file=True)
    role = payments(to=ann)
    Bookmark.objects.create(
        group=bookmarked, name="x", account=role.account, role_name=role.name, user=None
    )
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert set(ann.member_of.all()) == {on_call, bookmarked}
    assert not local.memberships.exists()
    assert not unnamed.memberships.exists()
    directory.remove_member("staff", "ann")
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert set(ann.member_of.all()) == {on_call}
    assert [change["after"]["groups"] for change in changes()] == [["staff"], []]
    assert {change["actor"] for change in changes()} == {"directory"}


def test_a_group_that_calls_itself_by_anothers_dn_is_not_that_group(
    directory: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, directory.settings(), AUTH_LDAP_ADMIN_GROUP=directory.group("admins"))
    directory.add_group(directory.group("admins"), "ann")
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert not User.objects.get(username="ann").is_staff


@pytest.mark.parametrize(
    ("variable", "group", "who_gets_in"),
    [
        ("AUTH_LDAP_REQUIRE_GROUP", "engineers", {"ann", "bob"}),
        ("AUTH_LDAP_DENY_GROUP", "engineers", {"carol", "dana"}),
        ("AUTH_LDAP_REQUIRE_GROUP", "no-such-group", set()),
    ],
)
@pytest.mark.parametrize("by_dn", [False, True])
def test_required_and_denied_groups(
    variable: str,
    group: str,
    who_gets_in: set[str],
    by_dn: bool,
    branch: Branch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = branch.group(group) if by_dn else group.upper()
    connect(monkeypatch, branch.settings(), **{variable: named})
    for name, password in PASSWORDS.items():
        status, page = try_in(name, password)
        assert status == (303 if name in who_gets_in else 403), name
        if status == 403:
            assert "does not have you in a group that may use this portal" in page
            row = last_sign_in()
            assert (row.actor, row.outcome, row.error) == (
                name,
                Outcome.DENIED,
                "DirectoryOutside",
            )
            assert not User.objects.filter(username=name).exists()


def test_administrators_have_their_set_and_lose_it(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_ADMIN_GROUP="Admins")
    before = Client()
    try_in("ann", PASSWORDS["ann"], before)
    assert is_in(before)
    branch.add_member("admins", "ann")
    client = Client()
    try_in("ann", PASSWORDS["ann"], client)
    assert is_in(client)
    # P5: more rights need a new session, also in the other browser.
    assert not is_in(before)
    ann = User.objects.get(username="ann")
    assert (ann.is_staff, ann.is_superuser) == (True, False)
    for model in ("account", "role", "credentialsource", "grant", "group", "bookmark"):
        assert ann.has_perms([f"accounts.{act}_{model}" for act in ("add", "change", "delete")])
    assert ann.has_perm("accounts.view_entry")
    for wrong in ("accounts.change_entry", "accounts.change_user", "auth.change_group"):
        assert not ann.has_perm(wrong)
    branch.remove_member("admins", "ann")
    try_in("ann", PASSWORDS["ann"])
    ann = User.objects.get(username="ann")
    assert not ann.is_staff
    assert not ann.get_all_permissions()
    told = [(c["before"]["administrator"], c["after"]["administrator"]) for c in changes()]
    assert told == [(False, False), (False, True), (True, False)]


def test_whoever_has_other_permissions_stays_staff(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_ADMIN_GROUP="admins")
    try_in("dana", PASSWORDS["dana"])
    dana = User.objects.get(username="dana")
    dana.user_permissions.add(Permission.objects.get(codename="view_entry"))
    branch.remove_member("admins", "dana")
    try_in("dana", PASSWORDS["dana"])
    dana = User.objects.get(username="dana")
    assert dana.is_staff
    assert not dana.groups.exists()


def test_the_built_in_set_is_laid_again_where_it_was_deleted() -> None:
    administrators.built_in_set().delete()
    assert administrators.built_in_set().permissions.count() > 20


# --- who somebody is -------------------------------------------------------------------------


def test_a_placeholder_is_claimed_with_its_grants(directory: Branch) -> None:
    waiting = User.objects.create_placeholder("ann")
    payments(to=waiting)
    assert try_in("Ann", PASSWORDS["ann"])[0] == 303
    ann = User.objects.get(username="ann")
    assert ann.pk == waiting.pk
    assert ann.grants.count() == 1
    assert (ann.name, ann.origin) == ("Ann", Origin.DIRECTORY)
    assert ann.email.endswith("@sekisho.example")
    assert changes()[0]["before"]["origin"] == Origin.NONE_YET


def test_a_local_person_is_never_taken_over(directory: Branch, ann: User) -> None:
    status, page = try_in("ann", PASSWORDS["ann"])
    assert status == 403
    assert "a person with a password of the portal" in page
    assert last_sign_in().error == "NameIsLocal"
    ann.refresh_from_db()
    assert (ann.origin, ann.directory_id) == (Origin.LOCAL, None)
    assert not changes()
    assert try_in("ann", PASSWORD)[0] == 303


def test_somebody_new_under_a_known_name_is_refused_until_it_is_forgotten(
    directory: Branch,
) -> None:
    client = Client()
    try_in("ann", PASSWORDS["ann"], client)
    directory.recreate_person("ann", "another password of ann's")
    for _ in range(2):
        status, page = try_in("ann", "another password of ann's")
        assert status == 403
        assert "belonged to somebody else" in page
        assert "directory forget" in page
    assert last_sign_in().error == "NameWasAnothers"
    # Who had the name is somebody else, and nobody has read them again.
    assert User.objects.get(username="ann").directory_state == DirectoryState.PRESENT
    assert is_in(client)
    assert try_in("ann", PASSWORDS["ann"])[0] == 403


def test_a_new_name_of_the_same_person_is_a_new_name_only(directory: Branch) -> None:
    try_in("ann", PASSWORDS["ann"])
    ann = User.objects.get(username="ann")
    payments(to=ann)
    waiting = User.objects.create_placeholder("anna")
    Grant.objects.create(user=waiting, role_name="Auditor")
    group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
    Membership.objects.create(group=group, user=waiting)
    Membership.objects.create(group=group, user=ann)
    with directory.server.writing() as connection:
        connection.rename_s(directory.person("ann"), "uid=anna")
    assert try_in("anna", PASSWORDS["ann"])[0] == 303
    ann.refresh_from_db()
    assert ann.username == "anna"
    assert set(ann.grants.values_list("role_name", flat=True)) == {"Developer", "Auditor"}
    assert ann.member_of.count() == 1
    told = changes()[-1]
    assert told["before"] == {"username": "ann"}
    assert told["after"] == {
        "username": "anna",
        "is_active": True,
        "groups": ["on-call"],
        "grants": ["user anna: Auditor in *"],
        "grants_left_out": 0,
        "bookmarks": 0,
    }


def test_a_new_name_that_somebody_else_has_is_refused(directory: Branch) -> None:
    try_in("ann", PASSWORDS["ann"])
    User.objects.create_user("anna", PASSWORD)
    try_in("bob", PASSWORDS["bob"])
    with directory.server.writing() as connection:
        connection.rename_s(directory.person("ann"), "uid=anna")
        connection.rename_s(directory.person("bob"), "uid=bobby")
        connection.rename_s(directory.person("carol"), "uid=bob")
    assert try_in("anna", PASSWORDS["ann"])[0] == 403
    assert last_sign_in().error == "NameIsLocal"
    assert try_in("bob", PASSWORDS["carol"])[0] == 403
    assert last_sign_in().error == "NameWasAnothers"
    assert User.objects.get(username="ann").directory_state == DirectoryState.PRESENT
    assert try_in("bobby", PASSWORDS["bob"])[0] == 303
    # The name that he left is held until somebody says that it is free.
    assert try_in("bob", PASSWORDS["carol"])[0] == 403
    assert last_sign_in().error == "NameWasAnothers"


def test_who_was_refused_gets_in_when_the_directory_says_so_again(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("again", "activeDirectory")
    connect(monkeypatch, branch.settings())
    client = Client()
    try_in("ann", PASSWORDS["ann"], client)
    branch.disable("ann")
    status, page = try_in("ann", PASSWORDS["ann"])
    assert status == 403
    assert "Your account in the directory is disabled." in page
    assert last_sign_in().error == "DirectoryDisabled"
    assert try_in("ann", "wrong")[0] == 403
    assert last_sign_in().error == "WrongPassword"
    assert not is_in(client)
    branch.enable("ann")
    again = Client()
    assert try_in("ann", PASSWORDS["ann"], again)[0] == 303
    assert is_in(again)
    # What ended stays ended.
    assert not is_in(client)
    assert [change["after"]["state"] for change in changes()] == ["present", "disabled", "present"]


def test_an_account_that_openldap_locked_does_not_get_in(directory: Branch) -> None:
    directory.disable("ann")
    assert try_in("ann", PASSWORDS["ann"])[0] == 403
    assert last_sign_in().error == "WrongPassword"


def test_who_is_switched_off_here_gets_the_answer_of_a_wrong_password(directory: Branch) -> None:
    try_in("ann", PASSWORDS["ann"])
    User.objects.filter(username="ann").update(is_active=False)
    right, wrong = (try_in("ann", password) for password in (PASSWORDS["ann"], "wrong"))
    assert right == wrong
    assert last_sign_in().error == "WrongPassword"
    try_in("ann", PASSWORDS["ann"])
    assert last_sign_in().error == "SwitchedOff"


def test_a_directory_without_immutable_ids_is_told_to_the_administrator(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("no-id", "activeDirectory")
    branch.replace(branch.person("ann"), "objectGUID", "no 16 bytes")
    connect(monkeypatch, branch.settings())
    status, page = try_in("ann", PASSWORDS["ann"])
    assert status == 500
    assert "entryUUID or objectGUID" in page
    assert (last_sign_in().outcome, last_sign_in().error) == (Outcome.FAILED, "NoImmutableId")
    assert try_in("ann", "wrong")[0] == 403
    assert not User.objects.exists()


def test_a_directory_person_never_gets_in_by_a_password_kept_here(directory: Branch) -> None:
    try_in("ann", PASSWORDS["ann"])
    ann = User.objects.get(username="ann")
    ann.set_password(PASSWORD)
    ann.save()
    assert try_in("ann", PASSWORD)[0] == 403


# --- away ------------------------------------------------------------------------------------


def test_P3_while_it_is_away_local_people_get_in_and_nobody_is_blamed(
    branch: Branch, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings())
    try_in("bob", PASSWORDS["bob"])
    make_superuser("local", PASSWORD, "")
    with hostile.Hostile(hostile.silent) as silent:
        connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=silent.url)
        assert try_in("ann", PASSWORD)[0] == 303
        assert silent.connections == 0
        answers = {
            (status, page.replace(f'value="{name}"', "").split("<form")[0])
            for name in ("ann", "bob", "carol", "nobody", "nobody\0")
            for status, page in [try_in(name, "some password")]
        }
    ((status, page),) = answers
    assert status == 503
    assert "does not answer" in page
    assert "password do not match" not in page
    assert {row.outcome for row in Entry.objects.filter(error="DirectoryUnavailable")} == {
        Outcome.FAILED
    }


def test_P6_tries_that_nobody_could_look_at_rest_no_form_but_end_somewhere(
    branch: Branch, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile.closed_port() as closed:
        connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=closed)
        for name in ("ann", "nobody"):
            statuses = [try_in(name, "wrong")[0] for _ in range(36)]
            assert statuses[:30] == [503] * 30
            assert statuses[-1] == 429, name


def test_P38_where_too_many_wait_for_it_nobody_more_waits(directory: Branch, ann: User) -> None:
    places = bulkhead.bulkhead()
    with contextlib.ExitStack() as held:
        for _ in range(places._most_of_one):
            held.enter_context(places.entered(bulkhead.DIRECTORY, refusals.crowded))
        status, page = try_in("bob", PASSWORDS["bob"])
        assert status == 503
        assert "Too many people wait for the directory" in page
        assert try_in("ann", PASSWORD)[0] == 303
    assert try_in("bob", PASSWORDS["bob"])[0] == 303


def test_P38_tries_at_one_name_leave_places_for_everybody_else(directory: Branch) -> None:
    places = bulkhead.bulkhead()
    ann = bulkhead.Person("ann", refusals.crowded)
    with contextlib.ExitStack() as held:
        for _ in range(places._compartment(bulkhead.DIRECTORY).share):
            held.enter_context(places.entered(bulkhead.DIRECTORY, refusals.crowded, ann))
        assert try_in("Ann", PASSWORDS["ann"])[0] == 503
        assert try_in("bob", PASSWORDS["bob"])[0] == 303
    assert try_in("ann", PASSWORDS["ann"])[0] == 303


def test_without_a_directory_a_directory_person_is_a_wrong_password(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings())
    try_in("ann", PASSWORDS["ann"])
    monkeypatch.setattr("django.conf.settings.DIRECTORY", None)
    assert try_in("ann", PASSWORDS["ann"])[0] == 403
    assert last_sign_in().error == "WrongPassword"


def test_P23_no_password_of_the_directory_is_kept(directory: Branch) -> None:
    try_in("ann", PASSWORDS["ann"])
    kept = [*User.objects.values(), *Entry.objects.values(), *Session.objects.values()]
    assert PASSWORDS["ann"] not in str(kept)


# --- sessions --------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["gone", "disabled", "outside", "replaced"])
def test_P4_a_state_that_lets_nobody_in_ends_every_session_by_itself(
    state: str, directory: Branch
) -> None:
    client = Client()
    try_in("ann", PASSWORDS["ann"], client)
    assert is_in(client)
    User.objects.filter(username="ann").update(directory_state=state)
    assert not is_in(client)


def test_rows_of_a_new_name_come_after_everything_else_that_is_written(directory: Branch) -> None:
    try_in("ann", PASSWORDS["ann"])
    User.objects.create_placeholder("anna")
    with directory.server.writing() as connection:
        connection.rename_s(directory.person("ann"), "uid=anna")
    directory.replace(f"uid=anna,{directory.people_base}", "displayName", "Anna")
    now = timezone.now()
    person = door.admit("anna", PASSWORDS["ann"])
    assert person
    with CaptureQueriesContext(database) as asked:
        people.admit(person, now)
    writes = [
        words["sql"].split()[:3]
        for words in asked.captured_queries
        if words["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    tables = [word for words in writes for word in words if word.startswith('"accounts_')]
    rows = tables.index('"accounts_entry"')
    assert '"accounts_user"' in tables[:rows]
    assert '"accounts_user"' not in tables[rows:]
    assert '"accounts_grant"' not in tables[rows:]
    assert [change["after"].get("username") for change in changes()[1:]] == ["anna", None]


def test_a_new_name_is_taken_by_an_access_file_at_this_moment(
    directory: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_in("ann", PASSWORDS["ann"])
    with directory.server.writing() as connection:
        connection.rename_s(directory.person("ann"), "uid=anna")
    take, tries = names.take, []

    def once_too_late(user: User, username: str) -> None:
        tries.append(username)
        if len(tries) == 1:
            raise IntegrityError
        take(user, username)

    monkeypatch.setattr(names, "take", once_too_late)
    assert try_in("anna", PASSWORDS["ann"])[0] == 303
    assert User.objects.get(directory_id__isnull=False).username == "anna"


def test_a_first_sign_in_meets_an_access_file_that_takes_the_name_at_this_moment(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, tries = people._made, []

    def once_too_late(placeholder: User | None, person: DirectoryPerson) -> User:
        tries.append(person.username)
        if len(tries) == 1:
            raise IntegrityError
        return made(placeholder, person)

    monkeypatch.setattr(people, "_made", once_too_late)
    connect(monkeypatch, branch.settings())
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert tries == ["ann", "ann"]
