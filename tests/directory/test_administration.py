"""Administrators whom the directory knows: what it says counts before each of their changes."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Bookmark, Grant, Group, Membership, Origin, Role, User
from tests.directory.in_process import connect, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/group/add/"
GRANT = "/admin/accounts/grant/add/"


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest) -> Branch:
    return slapd.populated_branch(f"administration-{abs(hash(request.node.nodeid))}")


@pytest.fixture
def danas(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The browser of an administrator by a group of the directory."""
    connect(monkeypatch, branch.settings(), AUTH_LDAP_ADMIN_GROUP="admins")
    client = Client()
    assert try_in("dana", PASSWORDS["dana"], client)[0] == 303
    return client


def grow_old(age: timedelta) -> None:
    User.objects.filter(username="dana").update(directory_read=timezone.now() - age)


def make_group(client: Client) -> int:
    return client.post(ADD, {"name": "on-call", "_save": "1"}).status_code


def test_P4_an_administrator_of_the_directory_goes_on(danas: Client) -> None:
    assert make_group(danas) == 302


@pytest.mark.parametrize("gone", ["administers no more", "deleted"])
def test_P4_who_was_taken_out_changes_nothing_more(
    danas: Client, branch: Branch, gone: str
) -> None:
    if gone == "deleted":
        branch.delete_person("dana")
    else:
        branch.remove_member("admins", "dana")
    assert make_group(danas) == 403
    assert not Group.objects.filter(name="on-call").exists()
    error = "DirectoryGone" if gone == "deleted" else "NoAdministrator"
    assert error in {row.error for row in cast.rows()}


def test_P4_nor_who_was_read_too_long_ago_while_it_is_away(danas: Client, slapd: Slapd) -> None:
    grow_old(timedelta(days=30))
    slapd.stop()
    try:
        assert make_group(danas) == 503
    finally:
        slapd.start()
    assert not Group.objects.filter(name="on-call").exists()


def test_P32_while_it_is_away_only_a_superuser_changes_anything(
    danas: Client, slapd: Slapd
) -> None:
    """Their groups may be others by now, and a role that they change be theirs by one of them."""
    slapd.stop()
    try:
        answer = danas.post(ADD, {"name": "on-call", "_save": "1"})
        assert answer.status_code == 503
        assert "before each change the portal asks it" in answer.content.decode()
        assert not Group.objects.filter(name="on-call").exists()
        assert cast.rows()[-1].error == "ChangesWait"
        assert danas.get("/admin/accounts/group/").status_code == 200
        User.objects.filter(username="dana").update(is_superuser=True)
        assert make_group(danas) == 302
    finally:
        slapd.start()


PAGES = ["/admin/", "/admin/record/", "/admin/record/export.json", "/admin/accounts/user/"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("gone", ["administers no more", "deleted"])
def test_P4_who_was_taken_out_reads_nothing_more_as_soon_as_they_are_read_again(
    danas: Client, branch: Branch, gone: str, page: str
) -> None:
    if gone == "deleted":
        branch.delete_person("dana")
    else:
        branch.remove_member("admins", "dana")
    assert danas.get(page).status_code == 200
    grow_old(timedelta(minutes=6))
    assert danas.get(page).status_code == 403
    error = "DirectoryGone" if gone == "deleted" else "NoAdministrator"
    assert cast.rows()[-1].error == error


def test_P4_who_looks_goes_by_what_is_known_while_it_is_away_until_that_is_too_old(
    danas: Client, slapd: Slapd
) -> None:
    slapd.stop()
    try:
        grow_old(timedelta(minutes=6))
        assert danas.get("/admin/").status_code == 200
        grow_old(timedelta(hours=2))
        assert danas.get("/admin/").status_code == 503
    finally:
        slapd.start()


def grant_to(client: Client, group: str) -> list[str]:
    """Ask for a grant to a group; return what is said at the fields."""
    sent = {"roles": "222222222222/Developer", "groups": group, "end": "30-days"}
    return [
        error.text for error in read(client.post(GRANT, sent).content).all("span", class_="error")
    ]


@pytest.fixture
def role(db: None) -> Role:
    account = Account.objects.create(account_id="222222222222", name="Payments")
    return Role.objects.create(account=account, name="Developer")


@pytest.mark.usefixtures("role")
def test_P32_a_group_that_is_new_here_is_refused_to_them_and_recorded(danas: Client) -> None:
    (error,) = grant_to(danas, "on-call")
    assert "The portal does not know yet who is in this group: on-call." in error
    assert "Ask a superuser" in error
    assert cast.rows()[-1].error == "UnknownMembers"
    assert not Grant.objects.exists()
    assert not Group.objects.filter(name="on-call").exists()


def test_P32_who_joined_a_group_a_moment_ago_does_not_grant_to_it(
    danas: Client, branch: Branch, role: Role
) -> None:
    payments = Group.objects.create(name="payments", origin=Origin.DIRECTORY)
    Grant.objects.create(group=payments, role_name="Auditor", account=role.account)
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert grant_to(danas, "payments") == []
    branch.add_member("payments", "dana")
    (error,) = grant_to(danas, "payments")
    assert "Nobody gives access to themselves" in error
    assert cast.rows()[-1].error == "LiftsThemselves"


def test_P32_who_was_in_a_group_that_nothing_names_any_more_does_not_count_as_known(
    danas: Client, branch: Branch, role: Role
) -> None:
    payments = Group.objects.create(name="payments", origin=Origin.DIRECTORY)
    last = Grant.objects.create(group=payments, role_name="Auditor", account=role.account)
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    branch.add_member("payments", "dana")
    # By whoever may: access apply --prune, a superuser.
    last.delete()
    Membership.objects.get_or_create(group=payments, user=User.objects.get(username="ann"))
    (error,) = grant_to(danas, "payments")
    assert "The portal does not know yet who is in this group: payments." in error
    sent = {"group": "payments", "name": "Queues", "role": "222222222222/Developer", "_save": "1"}
    danas.post("/admin/accounts/bookmark/add/", sent)
    assert [row.error for row in cast.rows()[-2:]] == ["UnknownMembers"] * 2
    assert not Bookmark.objects.exists()


def test_P32_nor_does_a_first_bookmark_put_them_into_a_group(
    danas: Client, branch: Branch, role: Role
) -> None:
    """Who is in a group of the directory is read as soon as something names it."""
    payments = Group.objects.create(name="payments", origin=Origin.DIRECTORY)
    sent = {"group": "payments", "name": "Queues", "role": "222222222222/Developer", "_save": "1"}
    answer = danas.post("/admin/accounts/bookmark/add/", sent)
    (error,) = read(answer.content).all("span", class_="error")
    assert "The portal does not know yet who is in this group: payments." in error.text
    assert cast.rows()[-1].error == "UnknownMembers"
    assert not Bookmark.objects.exists()
    Grant.objects.create(group=payments, role_name="Auditor", account=role.account)
    assert try_in("ann", PASSWORDS["ann"])[0] == 303
    assert danas.post("/admin/accounts/bookmark/add/", sent).status_code == 302


def test_P32_nor_does_its_last_grant_go_with_them_in_it(
    danas: Client, branch: Branch, role: Role
) -> None:
    payments = Group.objects.create(name="payments", origin=Origin.DIRECTORY)
    grant = Grant.objects.create(group=payments, role_name="Auditor", account=role.account)
    branch.add_member("payments", "dana")
    Membership.objects.create(group=payments, user=User.objects.get(username="dana"))
    shown = read(danas.get("/admin/accounts/grant/delete/", {"grant": grant.pk}).content)
    fields = shown.one("main").all("input", type="hidden")
    sent = {each.attributes["name"]: each.attributes.get("value", "") for each in fields}
    answer = danas.post("/admin/accounts/grant/delete/", sent)
    assert answer.status_code == 403
    assert "End its grant instead" in answer.content.decode()
    assert cast.rows()[-1].error == "OwnGroups"
    assert Grant.objects.exists()
