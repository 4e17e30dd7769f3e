"""Who may enter a role, what a person may enter, the page as they see it, and why they have it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import record
from accounts.models import (
    Account,
    Action,
    Bookmark,
    Entry,
    Grant,
    Group,
    Membership,
    Outcome,
    Role,
    User,
)
from portal import launch
from tests.portal.admin import cast
from tests.portal.catalogue import PAYMENTS, payments
from tests.portal.catalogue import role as make_role
from tests.portal.reading import read

DAY = timedelta(days=1)


@pytest.fixture
def danas(db: None) -> Client:
    return cast.browser(cast.administrator("dana"))


@pytest.fixture
def developer(ann: User) -> Role:
    return payments(ann)


def said(answer: Any) -> str:
    assert answer.status_code == 200
    return read(answer.content).one("main").text


def links(answer: Any) -> list[str]:
    return [link.attributes.get("href", "") for link in read(answer.content).one("main").all("a")]


def through_group(user: User, name: str, **fields: Any) -> Grant:
    group, _ = Group.objects.get_or_create(name=name)
    Membership.objects.create(group=group, user=user)
    return Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer", **fields)


def launched(user: User, role: Role) -> None:
    act = record.about(record.Act(Action.LAUNCH, user.username, user.record_key), role)
    record.open_act(act)
    record.close_act(act, Outcome.SUCCEEDED)


class TestRolePage:
    def test_everybody_who_may_enter_and_how_to_let_in_and_end(
        self, danas: Client, developer: Role, ann: User, bob: User
    ) -> None:
        by_group = through_group(bob, "payments", expires=timezone.now() + 400 * DAY)
        launched(ann, developer)
        page = danas.get(f"/admin/accounts/role/{developer.pk}/change/")
        assert "Who may enter this role2 people" in said(page)
        assert "bob Bobpayments" in said(page)
        assert "never" in said(page)
        assert f"/admin/accounts/grant/end/?grant={by_group.pk}" in links(page)
        let_in = next(link for link in links(page) if link.startswith("/admin/accounts/grant/add/"))
        form = read(danas.get(let_in).content)
        assert form.one("textarea", name="roles").text == "payments-prod/Developer"

    def test_who_comes_in_no_more_is_marked_and_not_counted(
        self, danas: Client, developer: Role, ann: User, bob: User
    ) -> None:
        through_group(bob, "payments")
        User.objects.filter(pk=bob.pk).update(directory_state="gone")
        page = said(danas.get(f"/admin/accounts/role/{developer.pk}/change/"))
        assert "Who may enter this role1 person · 1 not let in" in page
        assert "bob Bob not let in" in page
        assert "ann Ann not let in" not in page
        theirs = said(danas.get(f"/admin/accounts/user/{bob.pk}/change/"))
        assert "Bob is not let in now." in theirs

    def test_the_way_to_all_grants_leads_to_those_that_lead_here_and_no_others(
        self, danas: Client, developer: Role
    ) -> None:
        Account.objects.update(tags={"team": "payments"})
        other = Account.objects.create(account_id="333333333333")
        Grant.objects.all().delete()
        ways: list[dict[str, Any]] = [
            {"role_name": "*"},
            {"account_id": PAYMENTS, "role_name": "Developer"},
            {"account_tags": {"team": "payments"}, "role_name": "*"},
        ]
        for number in range(26):
            user = User.objects.create_placeholder(f"person-{number:02}")
            Grant.objects.create(user=user, **ways[number % 3])
        newcomer = User.objects.create_placeholder("newcomer")
        for fields in (
            {"account": other, "role_name": "Developer"},
            {"account_id": PAYMENTS, "role_name": "Auditor"},
            {"account_tags": {"team": "hub"}, "role_name": "*"},
            {"role_name": "*", "expires": timezone.now() - DAY},
        ):
            Grant.objects.create(user=newcomer, **fields)
        page = danas.get(f"/admin/accounts/role/{developer.pk}/change/")
        (way,) = [
            a for a in read(page.content).one("main").all("a") if "grants that lead" in a.text
        ]
        assert way.text == "All 26 grants that lead here"
        found = read(danas.get(way.attributes["href"]).content).one("tbody").text
        assert "newcomer" not in found
        assert [n for n in range(26) if f"person-{n:02}" not in found] == []

    def test_a_role_that_nobody_may_enter_says_so(self, danas: Client, db: None) -> None:
        page = danas.get(f"/admin/accounts/role/{make_role().pk}/change/")
        assert "Nobody may enter it" in said(page)

    def test_auditors_are_not_offered_to_change(self, developer: Role) -> None:
        page = cast.browser(cast.auditor()).get(f"/admin/accounts/role/{developer.pk}/change/")
        assert "Who may enter this role" in said(page)
        assert not [link for link in links(page) if "/end/" in link or "grant/add" in link]


class TestPersonPage:
    def test_every_role_with_its_grant_and_last_use(
        self, danas: Client, developer: Role, ann: User
    ) -> None:
        through_group(ann, "payments")
        launched(ann, developer)
        page = danas.get(f"/admin/accounts/user/{ann.pk}/change/")
        assert "What they may enter1 role" in said(page)
        assert "DeveloperPayments productiondirectly, payments" in said(page)
        assert f"/admin/accounts/user/{ann.pk}/as/" in links(page)

    @pytest.mark.parametrize("page", ["user", "role"])
    def test_what_has_not_begun_is_deleted_and_not_ended(
        self, danas: Client, developer: Role, ann: User, page: str
    ) -> None:
        Grant.objects.update(starts=timezone.now() + DAY)
        key = {"user": ann, "role": developer}[page].pk
        grant = Grant.objects.get().pk
        address = f"/admin/accounts/{page}/{key}/change/"
        assert f"/admin/accounts/grant/{grant}/delete/" in links(danas.get(address))
        assert f"/admin/accounts/grant/end/?grant={grant}" not in links(danas.get(address))
        Grant.objects.update(starts=None)
        assert f"/admin/accounts/grant/end/?grant={grant}" in links(danas.get(address))

    def test_more_roles_are_no_more_queries(
        self, danas: Client, developer: Role, ann: User
    ) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                danas.get(f"/admin/accounts/user/{ann.pk}/change/")
                danas.get(f"/admin/accounts/role/{developer.pk}/change/")
            return len(queries)

        through_group(ann, "payments")
        before = asked()
        for number in range(60):
            make_role(name=f"role-{number:02}", to=ann)
            user = User.objects.create_placeholder(f"person-{number}")
            Grant.objects.create(user=user, role_name="*")
        assert asked() == before
        assert "Page 2 of 2" in said(danas.get(f"/admin/accounts/user/{ann.pk}/change/?p=2"))


class TestAsTheyDo:
    def test_the_page_shows_their_roles_and_nothing_on_it_opens(
        self, danas: Client, developer: Role, ann: User
    ) -> None:
        place = {"account_id": PAYMENTS, "role_name": "Developer", "destination": "sqs"}
        team = Group.objects.create(name="team")
        team.members.add(ann)
        Bookmark.objects.create(group=team, name="Queues", **place)
        Bookmark.objects.create(user=ann, name="Lenses", **place)
        launched(ann, developer)
        for query in ("", "?q=developer", "?q=queues", "?environment=production"):
            page = danas.get(f"/admin/accounts/user/{ann.pk}/as/{query}")
            assert "You only look" in said(page)
            assert "Developer" in said(page)
            assert "Lenses" not in page.content.decode()
            ways = ("/go/", "/options/", "/credentials/", "/bookmarks/", "/history/")
            assert not [link for link in links(page) if link.startswith(ways)], query
            assert not list(read(page.content).one("main").all("form", method="post"))
        whole = read(danas.get(f"/admin/accounts/user/{ann.pk}/as/").content).one("main")
        names = [link.name for link in whole.all("a", role="link", aria_disabled="true")]
        assert [name for name in names if "Open Developer in Payments production" in name]

    def test_the_page_of_who_comes_in_no_more_says_so_first(
        self, danas: Client, developer: Role, ann: User
    ) -> None:
        address = f"/admin/accounts/user/{ann.pk}/as/"
        assert "is not let in now" not in said(danas.get(address))
        User.objects.filter(pk=ann.pk).update(is_active=False)
        page = said(danas.get(address))
        assert page.index("Ann is not let in now. An administrator has ended") < page.index("You")

    def test_their_own_page_still_opens(self, signed_in: Client, developer: Role) -> None:
        home = signed_in.get("/")
        assert "/go/payments-prod/Developer/" in links(home)

    def test_looking_leaves_no_row_and_takes_no_form(
        self, danas: Client, developer: Role, ann: User
    ) -> None:
        danas.get(f"/admin/accounts/user/{ann.pk}/as/")
        assert not Entry.objects.exists()
        assert danas.post(f"/admin/accounts/user/{ann.pk}/as/").status_code == 405

    def test_P32_only_staff_who_may_see_people_may_look(
        self, developer: Role, ann: User, bob: User
    ) -> None:
        User.objects.filter(pk=bob.pk).update(is_staff=True)
        for user in (User.objects.get(pk=bob.pk), ann):
            address = f"/admin/accounts/user/{ann.pk}/as/"
            assert cast.browser(user).get(address).status_code == 403
        assert len(cast.rows()) == 2
        answer = cast.browser(cast.auditor()).get(f"/admin/accounts/user/{ann.pk}/as/")
        assert answer.status_code == 200

    def test_who_may_enter_nothing_and_who_is_nobody(self, danas: Client, bob: User) -> None:
        page = danas.get(f"/admin/accounts/user/{bob.pk}/as/")
        assert "No role is granted to them now" in said(page)
        assert danas.get("/admin/accounts/user/999999/as/").status_code == 404


class TestEachPartAsksForItsOwnRight:
    """Staff with a permission set made by hand see what its rights name, and nothing beside."""

    @pytest.fixture
    def bobs_grant(self, developer: Role, ann: User, bob: User) -> Grant:
        launched(ann, developer)
        return through_group(bob, "payments")

    def page(self, address: str, *rights: str) -> str:
        answer = cast.browser(cast.with_rights("carol", *rights)).get(address)
        assert answer.status_code == 200
        return answer.content.decode()

    def test_P32_who_sees_roles_does_not_see_who_may_enter(
        self, bobs_grant: Grant, developer: Role
    ) -> None:
        page = self.page(f"/admin/accounts/role/{developer.pk}/change/", "view_role")
        for word in ("Who may enter", "bob", "payments<", "Last used", "Ann"):
            assert word not in page, word

    def test_P32_who_sees_grants_too_does_not_see_who_was_there(
        self, bobs_grant: Grant, developer: Role
    ) -> None:
        address = f"/admin/accounts/role/{developer.pk}/change/"
        page = self.page(address, "view_role", "view_grant")
        assert "Who may enter this role" in page
        assert "bob" in page
        for word in ("Last used", "last<", "/admin/accounts/user/"):
            assert word not in page, word

    def test_P32_who_sees_people_does_not_see_what_they_may_enter_or_did(
        self, bobs_grant: Grant, ann: User
    ) -> None:
        address = f"/admin/accounts/user/{ann.pk}/"
        page = self.page(f"{address}change/", "view_user")
        for word in ("What they may enter", "Developer", "Last used", f"{address}as/"):
            assert word not in page, word
        carols = cast.browser(User.objects.get(username="carol"))
        assert carols.get(f"{address}as/").status_code == 403

    def test_P32_who_sees_people_and_grants_does_not_see_the_record(
        self, bobs_grant: Grant, ann: User
    ) -> None:
        address = f"/admin/accounts/user/{ann.pk}/"
        page = self.page(f"{address}change/", "view_user", "view_grant")
        assert "What they may enter" in page
        for word in ("Last used", "/admin/accounts/role/", f"{address}as/"):
            assert word not in page, word
        carols = cast.browser(User.objects.get(username="carol"))
        assert carols.get(f"{address}as/").status_code == 403

    @pytest.mark.parametrize("matter", ["off", "gone", "waiting"])
    def test_P32_who_sees_people_alone_does_not_learn_from_a_filter_who_has_grants(
        self, bobs_grant: Grant, matter: str
    ) -> None:
        bob = User.objects.filter(username="bob")
        bob.update(
            is_active=matter != "off",
            directory_state="gone" if matter == "gone" else "",
            origin="none yet" if matter == "waiting" else "local",
        )
        User.objects.create_placeholder("newcomer")
        address = f"/admin/accounts/user/?matter={matter}"
        carols = cast.browser(cast.with_rights("carol", "view_user"))
        own = read(carols.get(address).content)
        assert "newcomer" in own.text
        assert "with grants" not in own.text
        assert "has grants" not in read(carols.get("/admin/").content).text
        theirs = read(cast.browser(cast.auditor("dana")).get(address).content)
        assert "with grants" in theirs.text
        found = theirs.one("table", id="result_list").text
        assert "bob" in found
        assert "newcomer" not in found

    def test_P32_lists_do_not_tell_from_the_record_who_used_what(
        self, bobs_grant: Grant, developer: Role
    ) -> None:
        record.write(
            record.about(record.Act(Action.LAUNCH, "ann", "key"), developer),
            Outcome.FAILED, "AccessDenied",
        )  # fmt: skip
        make_role(name="Auditor")
        carols = cast.browser(cast.with_rights("carol", "view_role", "view_grant"))
        auditors = cast.browser(cast.auditor("dana"))
        for address, words in (
            ("/admin/accounts/grant/?use=never", "Never used"),
            ("/admin/accounts/role/?launches=failing", "failing lately"),
        ):
            own = carols.get(address)
            assert words not in own.content.decode()
            assert len(list(read(own.content).one("tbody").all("tr"))) == 2
            others = auditors.get(address)
            assert words in others.content.decode()
            assert len(list(read(others.content).one("tbody").all("tr"))) == 1

    def test_P32_who_sees_accounts_does_not_see_their_roles(self, developer: Role) -> None:
        page = self.page(f"/admin/accounts/account/{developer.account_id}/change/", "view_account")
        assert "Developer" not in page


class TestWhyDoIHaveThis:
    def test_the_options_say_through_what_since_until_and_who_made_it(
        self, signed_in: Client, developer: Role, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(launch, "is_chained", lambda source, budget: False)
        Grant.objects.update(note="For the <b>audit</b>", from_file=True)
        through_group(ann, "payments", made_by="dana", expires=timezone.now() + 400 * DAY)
        page = signed_in.get("/options/payments-prod/Developer/")
        why = read(page.content).one("section", id="why").text
        assert "Granted to you by name. This one counts" in why
        assert "from the access file" in why
        assert "“For the <b>audit</b>”" in why
        assert "Through the group payments, which you are in" in why
        assert "made by dana" in why
        assert "#why" in links(page)
