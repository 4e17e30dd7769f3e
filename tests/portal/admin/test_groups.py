"""Groups in the administration: local ones are kept here, the directory's are only shown."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.administration import naming
from accounts.administration.grant_lines import read_names
from accounts.administration.grant_plan import Wish, plan
from accounts.grant_pattern import Pattern
from accounts.models import Account, Grant, Group, Membership, Origin, User
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def anns() -> Client:
    """The browser of an administrator who is no superuser."""
    return cast.browser(cast.administrator("ann"))


@pytest.fixture
def group() -> Group:
    return Group.objects.create(name="on-call", origin=Origin.LOCAL)


def keep(client: Client, group: Group, **fields: object) -> int:
    address = f"/admin/accounts/group/{group.pk}/change/"
    return client.post(address, {"add_members": "", "_save": "1", **fields}).status_code


def members(group: Group) -> list[str]:
    return sorted(group.memberships.values_list("user__username", flat=True))


def test_a_group_made_here_is_local_and_has_its_members(anns: Client, bob: User) -> None:
    names = "BOB\n\n not yet seen \nbob\n"
    form = {"name": " on-call ", "add_members": names, "_save": "1"}
    assert anns.post("/admin/accounts/group/add/", form).status_code == 302
    group = Group.objects.get()
    assert (group.name, group.origin, group.from_file) == ("on-call", Origin.LOCAL, False)
    assert members(group) == ["bob", "not yet seen"]
    assert User.objects.get(username="not yet seen").origin == Origin.NONE_YET
    made, waits, came = map(cast.told, cast.rows())
    assert (made["change"], made["after"]["name"]) == ("add", "on-call")
    assert (waits["change"], waits["name"]) == ("add", "not yet seen")
    assert came["before"] == {"members": []}
    assert came["after"] == {"members": ["bob", "not yet seen"]}


def test_a_group_is_the_one_that_a_grant_names_however_it_is_written(anns: Client) -> None:
    add = "/admin/accounts/group/add/"
    form = {"add_members": "bob", "_save": "1"}
    assert anns.post(add, {"name": "Pay\u0041\u030aments", **form}).status_code == 302
    group = Group.objects.get()
    assert group.name == "pay\xe5ments"
    wish = Wish(groups=read_names("PAY\xc5MENTS"), patterns=(Pattern("", (), "*"),))
    assert plan(wish).new_groups == ()
    assert naming.named("group", "PAY\xc5MENTS") == group
    assert anns.post(add, {"name": "PAY\xc5MENTS", **form}).status_code == 200
    assert Group.objects.count() == 1


def test_an_older_group_with_capitals_is_the_one_that_forms_and_grants_mean(
    anns: Client, bob: User
) -> None:
    older = Group.objects.create(name="Platform", origin=Origin.LOCAL)
    assert naming.named("group", "PLATFORM") == older
    Account.objects.create(account_id="222222222222")
    form = {"roles": "222222222222/*", "groups": "platform", "people": "", "end": "30-days"}
    looked = read(anns.post("/admin/accounts/grant/add/", form).content)
    assert "not known yet" not in looked.text
    hidden = [
        field.attributes
        for shown in looked.one("main").all("form", method="post")
        for field in shown.all("input", type="hidden")
    ]
    sent = {field["name"]: field.get("value", "") for field in hidden}
    assert anns.post("/admin/accounts/grant/add/", {**sent, "save": "1"}).status_code == 302
    assert Grant.objects.get().group == older
    assert Group.objects.get() == older
    # Of two that differ in capitals alone, each is found by its own name.
    newer = Group.objects.create(name="platform")
    assert naming.named("group", "platform") == newer


def test_a_name_with_which_nobody_comes_in_may_be_a_groups_and_no_members(anns: Client) -> None:
    form = {"name": "Directory", "add_members": "bob\nCommand  line", "_save": "1"}
    answer = anns.post("/admin/accounts/group/add/", form)
    said = read(answer.content).one("div", id="id_add_members_error").text
    assert "This name is reserved" in said
    assert not Group.objects.exists()
    assert not User.objects.exclude(username="ann").exists()
    assert anns.post("/admin/accounts/group/add/", {**form, "add_members": ""}).status_code == 302
    assert Group.objects.get().name == "directory"


def test_P16_a_group_made_here_has_no_name_that_could_be_two_groups(anns: Client) -> None:
    """A session tag joins the names of groups with colons."""
    form = {"name": "admins:devs", "add_members": "bob", "_save": "1"}
    answer = anns.post("/admin/accounts/group/add/", form)
    assert "no colon" in read(answer.content).one("div", id="id_name_error").text
    assert not Group.objects.exists()


def test_an_older_group_with_a_colon_in_its_name_goes_on(anns: Client, bob: User) -> None:
    older = Group.objects.create(name="admins:devs", origin=Origin.LOCAL)
    assert keep(anns, older, add_members="bob") == 302
    assert members(older) == ["bob"]


def test_members_leave_by_their_box(anns: Client, group: Group, bob: User, carol: User) -> None:
    leaving = Membership.objects.create(group=group, user=bob)
    Membership.objects.create(group=group, user=carol)
    page = read(anns.get(f"/admin/accounts/group/{group.pk}/change/").content)
    (box,) = page.all("input", aria_label="Take bob out")
    assert keep(anns, group, **{box.attributes["name"]: leaving.pk}) == 302
    assert members(group) == ["carol"]
    (row,) = cast.rows()
    assert (cast.told(row)["before"], cast.told(row)["after"]) == (
        {"members": ["bob"]},
        {"members": []},
    )


def test_members_that_the_file_names_stay(anns: Client, group: Group, bob: User) -> None:
    Group.objects.update(from_file=True)
    filed = Membership.objects.create(group=group, user=bob, from_file=True)
    other = Membership.objects.create(
        group=Group.objects.create(name="other", origin=Origin.LOCAL), user=bob
    )
    assert keep(anns, group, add_members="carol", leave=[filed.pk, other.pk]) == 302
    assert members(group) == ["bob", "carol"]
    assert Membership.objects.filter(pk=other.pk).exists()
    assert Membership.objects.get(user__username="carol").from_file is False


@pytest.mark.parametrize("name", ["a\x07b", "n" * 151])
def test_what_can_be_nobodys_name_is_said_at_the_field(
    anns: Client, group: Group, name: str
) -> None:
    answer = anns.post(
        f"/admin/accounts/group/{group.pk}/change/", {"add_members": f"bob\n{name}", "_save": "1"}
    )
    assert answer.status_code == 200
    assert "user name" in read(answer.content).one("div", id="id_add_members_error").text.lower()
    assert members(group) == []
    assert not User.objects.filter(username="bob").exists()


def test_directory_groups_are_only_shown(anns: Client, bob: User) -> None:
    group = Group.objects.create(name="payments", origin=Origin.DIRECTORY)
    known = Membership.objects.create(group=group, user=bob)
    page = anns.get(f"/admin/accounts/group/{group.pk}/change/").content.decode()
    assert "Managed by the directory" in page
    assert "bob" in page
    assert 'name="_save"' not in page
    assert keep(anns, group, leave=known.pk) == 403
    assert keep(anns, group, add_members="carol") == 403
    assert members(group) == ["bob"]
    assert len(cast.rows()) == 2


def test_a_groups_name_never_changes(anns: Client, group: Group) -> None:
    assert keep(anns, group, name="other") == 403
    assert Group.objects.get().name == "on-call"


def test_members_come_page_by_page_in_as_many_queries(anns: Client, group: Group) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert anns.get(address).status_code == 200
        return len(captured)

    addresses = (f"/admin/accounts/group/{group.pk}/change/", "/admin/accounts/group/")
    Membership.objects.create(group=group, user=User.objects.create_placeholder("bob"))
    few = [queries(address) for address in addresses]
    users = User.objects.bulk_create(User(username=f"person-{n}") for n in range(130))
    Membership.objects.bulk_create(Membership(group=group, user=user) for user in users)
    more = Group.objects.bulk_create(Group(name=f"group-{n}") for n in range(90))
    Membership.objects.bulk_create(Membership(group=one, user=users[0]) for one in more)
    assert [queries(address) for address in addresses] == few
    page = read(anns.get(f"{addresses[0]}?m=3").content)
    assert page.one("h2", id="members").text == "Members 131"
    boxes = list(page.all("input", name="leave"))
    assert len(boxes) == 31


def test_a_number_that_no_database_keeps_is_nobodys(anns: Client, group: Group, bob: User) -> None:
    Membership.objects.create(group=group, user=bob)
    for number in ("9" * 30, "²", "-1"):
        answer = anns.get(f"/admin/accounts/group/{number}/change/", follow=True)
        assert answer.status_code in {200, 404}, number
        assert keep(anns, group, leave=number) == 302
    assert members(group) == ["bob"]


def test_the_list_counts_members_and_grants(anns: Client, group: Group, bob: User) -> None:
    Membership.objects.create(group=group, user=bob)
    row = read(anns.get("/admin/accounts/group/").content).one("table", id="result_list")
    assert row.one("td", class_="field-members_shown").text == "1"
    assert row.one("td", class_="field-grants_shown").text == "0"


def test_P30_a_name_that_waits_for_its_person_is_told_as_made(anns: Client, bob: User) -> None:
    sent = {"name": "on-call", "add_members": "bob\nnobody-yet\nNobody-Yet", "_save": "1"}
    anns.post("/admin/accounts/group/add/", sent)
    waiting = User.objects.get(username="nobody-yet")
    told = [(row["change"], row["kind"], row["name"]) for row in map(cast.told, cast.rows())]
    assert told == [
        ("add", "group", "on-call"),
        ("add", "user", "nobody-yet"),
        ("members", "group", "on-call"),
    ]
    assert cast.told(cast.rows()[1])["after"] == {"origin": waiting.origin}
    assert cast.told(cast.rows()[2])["after"] == {"members": ["bob", "nobody-yet"]}


def test_P30_a_group_that_goes_says_who_was_in_it(anns: Client, group: Group, bob: User) -> None:
    Membership.objects.create(group=group, user=bob)
    path = f"/admin/accounts/group/{group.pk}/delete/"
    assert "Memberships 1" in read(anns.get(path).content).one("main").text
    assert anns.post(path, {"post": "yes"}).status_code == 302
    told = cast.told(cast.rows()[0])
    assert told["before"]["members"] == ["bob"]


def test_a_name_that_differs_in_case_only_is_taken(anns: Client) -> None:
    Group.objects.create(name="Platform", origin=Origin.DIRECTORY)
    form = {"name": "platform", "add_members": "", "_save": "1"}
    answer = anns.post("/admin/accounts/group/add/", form)
    assert "already: Platform" in read(answer.content).one("div", id="id_name_error").text
    assert Group.objects.count() == 1


def test_P32_who_sees_groups_alone_sees_no_people_and_no_grants(group: Group, bob: User) -> None:
    Membership.objects.create(group=group, user=bob)
    carol = User.objects.create_user("carol", is_staff=True)
    rights = Permission.objects.filter(content_type__app_label="accounts")
    carol.user_permissions.add(rights.get(codename="view_group"))
    client = cast.browser(carol)
    assert "grants_shown" not in client.get("/admin/accounts/group/").content.decode()
    page = client.get(f"/admin/accounts/group/{group.pk}/change/").content.decode()
    assert "bob" in page
    assert "/admin/accounts/user/" not in page


@pytest.mark.parametrize("line", ["newcomer, latecomer", "newcomer;latecomer"])
def test_two_names_in_a_line_are_no_person(anns: Client, group: Group, line: str) -> None:
    assert keep(anns, group, add_members=f"carol\n{line}") == 200
    answer = anns.post(
        f"/admin/accounts/group/{group.pk}/change/", {"add_members": line, "_save": "1"}
    )
    assert f"“{line}” is nobody’s name here. Write one name a line" in read(answer.content).text
    assert members(group) == []
    assert not User.objects.filter(username__contains="newcomer").exists()


def test_somebody_whose_name_holds_a_comma_is_let_in(anns: Client, group: Group) -> None:
    User.objects.create_placeholder("newcomer, latecomer")
    assert keep(anns, group, add_members="Newcomer, Latecomer") == 302
    assert members(group) == ["newcomer, latecomer"]
