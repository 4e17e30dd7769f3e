"""What all pages of the administration have in common: the frame, deleting, the file's rows."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, encode_multipart
from django.test.utils import CaptureQueriesContext

from accounts import record
from accounts.administration import naming, removal
from accounts.administration.changing import Administrator, Told, changing
from accounts.administration.removal import MOST_AT_ONCE
from accounts.errors import RecordUnavailable
from accounts.models import (
    Account,
    Bookmark,
    CredentialSource,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Role,
    User,
)
from portal.admin.autocomplete import NameField
from portal.admin.recorded import RecordedAdmin
from portal.admin.registry import site
from tests.portal import catalogue
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
CHOSEN = "_selected_action"


@pytest.fixture
def danas() -> Client:
    """A superuser's browser."""
    return cast.browser(cast.superuser())


@pytest.fixture
def anns() -> Client:
    """An administrator's browser, who is no superuser."""
    return cast.browser(cast.administrator("ann"))


def posted_by(answer: Any) -> dict[str, list[str]]:
    """Return what the form of a page that asks posts."""
    post: dict[str, list[str]] = {}
    for given in read(answer.content).one("form", class_="card").all("input", type="hidden"):
        sent = given.attributes["value"].replace("\n", "\r\n")  # as browsers do
        post.setdefault(given.attributes["name"], []).append(sent)
    return post


@pytest.fixture
def broken_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_words: object) -> None:
        raise RecordUnavailable(log="full disk", message="It cannot be written.", next_step="Wait.")

    monkeypatch.setattr(record, "write_all", fail)


def changed(client: Client, path: str, **fields: object) -> int:
    return client.post(f"/admin/accounts/{path}", {"_save": "1", **fields}).status_code


class TestFrame:
    def test_pages_are_the_portals_and_load_nothing_of_djangos(self, danas: Client) -> None:
        role = catalogue.role()
        for path in ("", "accounts/user/", "accounts/group/add/", f"accounts/role/{role.pk}/"):
            page = danas.get(f"/admin/{path}", follow=True).content.decode()
            assert "Django" not in page
            assert "/static/admin/" not in page
            assert "Skip to content" in page

    def test_P15_pages_have_the_strict_policy_and_ask_only_the_portal(self, danas: Client) -> None:
        for path in ("/admin/", "/admin/accounts/user/", "/admin/names/user/?q=a"):
            headers = danas.get(path).headers
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'")
            assert policy.endswith("; connect-src 'self'")
            assert "unsafe" not in policy
            assert headers["Cache-Control"] == "no-store"
        assert "connect-src" not in danas.get("/").headers["Content-Security-Policy"]

    def test_the_theme_is_the_persons(self, danas: Client) -> None:
        User.objects.filter(username="dana").update(theme="dark")
        assert 'data-theme="dark"' in danas.get("/admin/accounts/user/").content.decode()

    def test_only_what_one_may_see_is_in_the_way_around(self) -> None:
        user = User.objects.create_user("ann", is_staff=True)
        page = read(cast.browser(user).get("/admin/").content)
        links = [link.text for link in page.one("nav", class_="nav").all("a")]
        assert links == ["Start"]

    def test_signing_out_is_a_post_to_the_portals_own(self, danas: Client) -> None:
        page = read(danas.get("/admin/accounts/user/").content)
        (form,) = list(page.all("form", action="/sign-out/"))
        assert form.attributes["method"] == "post"

    def test_an_old_link_to_djangos_sign_in_leads_to_the_start_page(self, danas: Client) -> None:
        address = "/admin/login/?next=/admin/accounts/user/"
        assert Client().get(address).headers["Location"].startswith("/sign-in/?next=/admin/login/")
        assert danas.get(address).headers["Location"] == "/admin/"

    @pytest.mark.parametrize("path", ["logout", "password_change", "jsi18n"])
    def test_djangos_own_doors_are_not_there(self, danas: Client, path: str) -> None:
        assert danas.get(f"/admin/{path}/").status_code == 404

    def test_what_no_database_keeps_is_400(self, danas: Client) -> None:
        for path in ("accounts/user/?q=%00", "accounts/role/?name=%00", "names/user/?q=%00"):
            assert danas.get(f"/admin/{path}").status_code == 400, path
        assert danas.get("/admin/accounts/role/add/?account=%00").status_code == 400
        assert danas.post("/admin/accounts/group/add/", {"name": "a\0b"}).status_code == 400
        for model, page in product(
            ("account", "credentialsource"), ("change", "delete", "history")
        ):
            assert danas.get(f"/admin/accounts/{model}/a%00/{page}/").status_code == 400, page

    def test_djangos_own_log_leads_to_the_record(self, danas: Client) -> None:
        role = catalogue.role()
        answer = danas.get(f"/admin/accounts/role/{role.pk}/history/")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(
            "/admin/accounts/entry/?action=admin-change&kind=role"
        )

    @pytest.mark.parametrize("what", ["account", "role"])
    def test_changes_are_found_after_the_thing_got_another_title(
        self, danas: Client, what: str
    ) -> None:
        role = catalogue.role()
        thing, other = (role, catalogue.role(name="Other"))
        rows = [(role.account_id, role.name, role), (role.account_id, other.name, other)]
        key = role.account_id if what == "account" else thing.pk
        with changing(Administrator(User.objects.get(username="dana"))) as changes:
            for account, name, each in rows:
                changes.tell(Told("change", "role", str(each), {}, {}, account, name))
            changes.tell(Told("change", "account", str(role.account), {}, {}, role.account_id))
        Role.objects.update(title="Quite another")
        Account.objects.update(name="Quite another")
        answer = danas.get(f"/admin/accounts/{what}/{key}/history/", follow=True)
        found = list(read(answer.content).all("li", class_="line"))
        assert len(found) == 1
        assert f"changed the {what}" in found[0].text


def forged(client: Client, person: User) -> Mapping[str, Callable[[], Any]]:
    """Tries that no page of ours sends, and the status of their answers."""
    act = f"/admin/record/{uuid.uuid4().hex}/"
    change = f"/admin/accounts/user/{person.pk}/change/"
    many = {"is_superuser": "1", **{f"f{n}": "1" for n in range(201)}}
    return {
        "NUL 400": lambda: client.post(change, {"is_superuser": "1", "x": "\0"}),
        "many fields 400": lambda: client.post(change, many),
        "large 400": lambda: client.post(change, {"x": "x" * 300_000}),
        "large, as text 400": lambda: client.post(change, "x" * 300_000, TEXT),
        "POST record 405": lambda: client.post("/admin/record/", {"x": "1"}),
        "POST act 405": lambda: client.post(act, {"outcome": "succeeded"}),
        "DELETE act 405": lambda: client.delete(act),
        "DELETE 405": lambda: client.delete(change),
        "PUT 405": lambda: client.put(change, "is_superuser=1"),
        "PATCH 405": lambda: client.patch("/admin/accounts/user/"),
        "POST as 405": lambda: client.post(f"/admin/accounts/user/{person.pk}/as/"),
        "POST start 405": lambda: client.post("/admin/"),
        "no multipart 400": lambda: client.post(change, "x", "multipart/form-data"),
        "NUL in the address 400": lambda: client.post("/admin/accounts/account/%00/delete/"),
        "POST login 405": lambda: client.post("/admin/login/"),
        "POST app 405": lambda: client.post("/admin/accounts/"),
        "POST history 405": lambda: client.post(f"/admin/accounts/user/{person.pk}/history/"),
        "POST no page 405": lambda: client.post(f"/admin/accounts/user/{person.pk}/"),
        **{
            f"{charset}, {how} 400": partial(in_letters, client, change, charset, how)
            for charset in CHARSETS
            for how in ("as parts", "as text")
        },
    }


TEXT = "application/x-www-form-urlencoded"
CHARSETS = ("latin-1", "utf-16", "utf-7", "zlib", "undefined", "unicode_escape", "none-such")


def in_letters(client: Client, path: str, charset: str, how: str) -> Any:
    """Send a form that says it is written in other letters than our pages are."""
    body, kind = b"is_superuser=1&name=x", TEXT
    if how == "as parts":
        body = encode_multipart(BOUNDARY, {"is_superuser": "1", "name": "\\ud800"})
        kind = f"multipart/form-data; boundary={BOUNDARY}"
    return client.generic("POST", path, body, f"{kind}; charset={charset}")


@pytest.mark.parametrize("checks_token", [False, True])
@pytest.mark.parametrize("what", forged(Client(), User(pk=1)))
def test_P30_forged_requests_leave_their_row(what: str, checks_token: bool, bob: User) -> None:
    client = cast.browser(cast.administrator())
    client.get("/admin/")
    # Django's own check of the token reads a form first.
    client.handler.enforce_csrf_checks = checks_token and "400" in what
    client.cookies["csrf"] = "a" * 32
    answer = forged(client, bob)[what]()
    if client.handler.enforce_csrf_checks and what.startswith("NUL"):
        assert answer.status_code == 403  # no token of ours: it did not get as far
        return
    assert answer.status_code == int(what.rsplit(maxsplit=1)[-1])
    assert cast.the_refusal().actor == "ann"


def test_P30_nobody_who_is_not_signed_in_writes_rows_by_forging(bob: User) -> None:
    client = Client()
    for send in forged(client, bob).values():
        assert send().status_code in {302, 400}
    assert cast.rows() == []


@pytest.mark.parametrize("how", ["as parts", "as text"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_P30_a_row_names_the_fields_of_a_form_in_other_letters(charset: str, how: str) -> None:
    answer = in_letters(cast.browser(cast.administrator()), "/admin/accounts/user/", charset, how)
    assert answer.status_code == 400
    assert "in UTF-8 only" in answer.content.decode()
    assert cast.details(cast.the_refusal())["fields"] == ["is_superuser", "name"]


class TestNames:
    def ask(self, client: Client, kind: str, words: str) -> list[dict[str, str]]:
        answer = client.get(f"/admin/names/{kind}/", {"q": words})
        assert answer.status_code == 200
        results: list[dict[str, str]] = answer.json()["results"]
        return results

    def test_words_find_things_by_any_of_their_names(self, anns: Client, bob: User) -> None:
        role = catalogue.payments(bob, title="Builds things")
        Group.objects.create(name="on-call")
        assert self.ask(anns, "user", "BO") == [{"text": "bob", "label": "Bob · local"}]
        assert [found["text"] for found in self.ask(anns, "group", "call")] == ["on-call"]
        for words in ("2222", "payments PRODUCTION", "prod"):
            assert [f["text"] for f in self.ask(anns, "account", words)] == ["payments-prod"]
        for words in ("develop", "builds", "payments builds", "payments-prod/Dev", "2222/Dev"):
            (found,) = self.ask(anns, "role", words)
            assert found["text"] == "payments-prod/Developer"
            assert naming.named("role", found["text"]) == role
        assert self.ask(anns, "role", "develop nothing") == []

    def test_they_are_few_and_take_as_many_queries_however_many_there_are(
        self, anns: Client
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                self.ask(anns, "role", "e")
            return len(captured)

        catalogue.role(name="Developer")
        few = queries()
        account = Account.objects.get()
        source = CredentialSource.objects.get()
        Role.objects.bulk_create(
            Role(account=account, name=f"Role-{n}", source=source) for n in range(300)
        )
        assert queries() == few
        assert len(self.ask(anns, "role", "e")) == naming.MOST_FOUND

    def test_nobody_reads_names_who_may_not_see_the_things(self) -> None:
        client = cast.browser(User.objects.create_user("bob", is_staff=True))
        assert client.get("/admin/names/user/?q=a").status_code == 403
        cast.the_refusal()
        assert cast.browser(cast.superuser()).get("/admin/names/grant/?q=a").status_code == 404

    def test_a_form_asks_for_no_names_that_one_may_not_see(self) -> None:
        rights = ("add_grant", "add_role", "add_bookmark", "view_role", "view_account")
        client = cast.browser(cast.with_rights("eve", *rights))
        kinds = {"grant": {"role"}, "role": {"account"}, "bookmark": {"role"}}
        for model, asked in kinds.items():
            page = client.get(f"/admin/accounts/{model}/add/").content.decode()
            assert set(re.findall(r"/admin/names/(\w+)/", page)) == asked, model
        page = cast.browser(cast.superuser()).get("/admin/accounts/role/add/").content.decode()
        assert set(re.findall(r"/admin/names/(\w+)/", page)) == {"account", "source"}

    @pytest.mark.parametrize(
        ("typed", "is_known"),
        [("payments-prod", True), (catalogue.PAYMENTS, True), (" payments-prod ", True),
         ("payments", False), ("'; --", False)],
    )  # fmt: skip
    def test_without_script_exact_names_are_taken(
        self, anns: Client, bob: User, typed: str, is_known: bool
    ) -> None:
        catalogue.payments(bob)
        field = NameField("account")
        if is_known:
            assert field.clean(typed) == Account.objects.get()
        else:
            with pytest.raises(Exception, match="There is no account"):
                field.clean(typed)


def test_P30_every_model_here_is_told_and_judged_by_the_same_rules() -> None:
    registered = site._registry
    assert {model.__name__ for model in registered} >= {"User", "Grant", "Role", "Group", "Entry"}
    for model, its_pages in registered.items():
        assert isinstance(its_pages, RecordedAdmin), model
        assert not its_pages.inlines, model


class TestTheFilesRows:
    @pytest.fixture
    def things(self, bob: User) -> Mapping[str, object]:
        """One of each kind, all from the access file."""
        role = catalogue.role(from_file=True, account_from_file=True, to=bob)
        group = Group.objects.create(name="on-call", origin=Origin.LOCAL, from_file=True)
        Grant.objects.update(from_file=True)
        CredentialSource.objects.update(from_file=True)
        bookmark = Bookmark.objects.create(
            group=group, name="Q", account=role.account, role_name=role.name, from_file=True
        )
        return {
            "role": role.pk,
            "account": role.account_id,
            "grant": Grant.objects.get().pk,
            "credentialsource": "default",
            "bookmark": bookmark.pk,
            "group": group.pk,
        }

    def test_they_say_so_and_offer_nothing_to_change(
        self, danas: Client, things: Mapping[str, object]
    ) -> None:
        for model, key in things.items():
            page = danas.get(f"/admin/accounts/{model}/{key}/change/").content.decode()
            assert "Managed by the access file" in page, model
            assert "/delete/" not in page, model
            if model != "group":
                assert 'name="_save"' not in page, model

    def test_forged_forms_do_not_change_them(
        self, danas: Client, things: Mapping[str, object]
    ) -> None:
        for model, key in things.items():
            if model != "group":
                assert changed(danas, f"{model}/{key}/change/", note="x") == 403, model
            path = f"/admin/accounts/{model}/{key}/delete/"
            answer = danas.post(path, {"post": "yes"})
            assert answer.status_code == (405 if model == "grant" else 403), model
        # It leads to the page of many grants, which leaves out what the file manages.
        path = f"/admin/accounts/grant/{things['grant']}/delete/"
        page = danas.get(path, follow=True).content.decode()
        assert "One is managed by the access file and stays as it is." in page
        assert 'name="stamp"' not in page
        assert {row.outcome for row in cast.rows()} == {"denied"}
        assert Role.objects.count() == Grant.objects.count() == Bookmark.objects.count() == 1

    def test_nor_do_they_go_by_a_choice_of_many(
        self, danas: Client, things: Mapping[str, object]
    ) -> None:
        for model, key in things.items():
            post = {"action": "delete_selected", "index": "0", CHOSEN: key, "post": "yes"}
            answer = danas.post(f"/admin/accounts/{model}/", post, follow=True)
            assert answer.status_code == 403, model
        assert {row.outcome for row in cast.rows()} == {"denied"}
        assert "ManagedByFile" in {row.error for row in cast.rows()}
        assert Role.objects.count() == Grant.objects.count() == Bookmark.objects.count() == 1

    def test_what_hangs_on_them_is_not_taken_along_silently(
        self, danas: Client, bob: User, things: Mapping[str, object]
    ) -> None:
        page = danas.get(f"/admin/accounts/user/{bob.pk}/delete/").content.decode()
        assert "The access file manages 1 of the grants that would go." in page
        answer = danas.post(f"/admin/accounts/user/{bob.pk}/delete/", {"post": "yes"})
        assert answer.status_code == 403
        assert Grant.objects.count() == 1


class TestDeleting:
    @pytest.fixture
    def role(self, bob: User) -> Role:
        role = catalogue.payments(bob)
        group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
        Membership.objects.create(group=group, user=bob)
        Grant.objects.create(group=group, account=role.account, role_name=role.name)
        Grant.objects.create(group=group, account=role.account, role_name="*")
        Bookmark.objects.create(group=group, name="Q", account=role.account, role_name=role.name)
        Bookmark.objects.create(user=bob, name="Mine", account=role.account, role_name=role.name)
        return role

    def test_the_page_says_what_goes_with_it(self, anns: Client, role: Role) -> None:
        page = read(anns.get(f"/admin/accounts/role/{role.pk}/delete/").content)
        parts = [part.text for part in page.all("div", class_="removal")]
        assert len(parts) == 2
        assert parts[0].startswith("Grants 2bob: Developer in Payments production")
        assert parts[1].startswith("Bookmarks 2")

    def test_a_role_takes_what_names_it_alone_and_each_is_told(
        self, anns: Client, role: Role
    ) -> None:
        assert (
            anns.post(f"/admin/accounts/role/{role.pk}/delete/", {"post": "yes"}).status_code == 302
        )
        assert [grant.role_name for grant in Grant.objects.all()] == ["*"]
        assert not Bookmark.objects.exists()
        kinds = [cast.told(row)["kind"] for row in cast.rows()]
        assert sorted(kinds) == ["bookmark", "bookmark", "grant", "grant", "role"]
        told = [cast.told(row) for row in cast.rows()]
        assert {row["change"] for row in told} == {"delete"}
        assert all(row["before"] is not None and row["after"] is None for row in told)

    def test_what_came_while_somebody_looked_is_asked_about_first(
        self, anns: Client, role: Role
    ) -> None:
        path = f"/admin/accounts/role/{role.pk}/delete/"
        post = posted_by(anns.get(path))
        group = Group.objects.get(name="on-call")
        Grant.objects.create(group=group, account=role.account, role_name=role.name, note="new")
        asked_again = anns.post(path, post)
        assert asked_again.status_code == 200
        page = read(asked_again.content)
        assert "Something changed while you looked." in page.one("div", role="alert").text
        assert "Grants 3" in page.text
        assert Role.objects.filter(pk=role.pk).exists()
        assert cast.rows() == []
        assert anns.post(path, posted_by(asked_again)).status_code == 302
        assert not Role.objects.filter(pk=role.pk).exists()

    def test_so_is_what_came_where_many_are_deleted(self, anns: Client, role: Role) -> None:
        path = "/admin/accounts/group/"
        group = Group.objects.get(name="on-call")
        choice = {"action": "delete_selected", "index": "0", CHOSEN: [group.pk]}
        post = posted_by(anns.post(path, choice))
        Membership.objects.create(group=group, user=User.objects.create_user("carol"))
        asked_again = anns.post(path, post)
        assert "Something changed while you looked." in read(asked_again.content).text
        assert Group.objects.filter(pk=group.pk).exists()
        assert anns.post(path, posted_by(asked_again)).status_code == 302
        assert not Group.objects.filter(pk=group.pk).exists()

    def test_what_a_person_keeps_for_themselves_stays_theirs(
        self, anns: Client, role: Role
    ) -> None:
        page = anns.get(f"/admin/accounts/role/{role.pk}/delete/").content.decode()
        assert "Mine" not in page
        anns.post(f"/admin/accounts/role/{role.pk}/delete/", {"post": "yes"})
        assert "Mine" not in str([cast.told(row) for row in cast.rows()])

    def test_however_many_keep_a_role_for_themselves_it_is_one_row(
        self, anns: Client, role: Role
    ) -> None:
        for name in ("carol", "dana"):
            keeper = User.objects.create_user(name)
            Bookmark.objects.create(
                user=keeper, name="Mine", account=role.account, role_name=role.name
            )
        anns.post(f"/admin/accounts/role/{role.pk}/delete/", {"post": "yes"})
        rows = [row for row in cast.rows() if cast.told(row)["name"] == "people’s own"]
        assert [cast.told(row)["before"] for row in rows] == [{"number": 3}]
        assert (rows[0].account, rows[0].role) == (role.account_id, role.name)

    def test_P36_a_large_deletion_takes_no_statement_for_each_of_its_rows(
        self, anns: Client, role: Role
    ) -> None:
        names = [f"engineer-{n}" for n in range(120)]
        people = User.objects.bulk_create([User(username=name) for name in names])
        place = {"account": role.account, "role_name": role.name}
        Grant.objects.bulk_create([Grant(user=person, **place) for person in people])
        with CaptureQueriesContext(connection) as asked:
            anns.post(f"/admin/accounts/role/{role.pk}/delete/", {"post": "yes"})
        assert not Role.objects.filter(pk=role.pk).exists()
        assert len(cast.rows()) > 120
        assert len(asked) < 80
        assert record.verify().broken_at is None

    def test_P36_what_would_be_too_many_rows_at_once_is_refused(
        self, anns: Client, role: Role, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(removal, "MOST_TOGETHER", 3)
        path = f"/admin/accounts/role/{role.pk}/delete/"
        assert "4 things would go together" in anns.get(path).content.decode()
        assert anns.post(path, {"post": "yes"}).status_code == 403
        assert Role.objects.filter(pk=role.pk).exists()
        assert [(row.outcome, row.error) for row in cast.rows()] == [("denied", "TooManyAtOnce")]

    def test_an_account_takes_its_roles_and_all_that_names_it(
        self, anns: Client, role: Role
    ) -> None:
        path = f"/admin/accounts/account/{role.account_id}/delete/"
        assert anns.post(path, {"post": "yes"}).status_code == 302
        assert not Role.objects.exists()
        assert not Grant.objects.exists()
        kinds = [cast.told(row)["kind"] for row in cast.rows()]
        assert sorted(kinds) == ["account", "bookmark", "bookmark", *["grant"] * 3, "role"]

    def test_P30_people_who_are_deleted_stay_in_the_record(
        self, danas: Client, role: Role, bob: User
    ) -> None:
        cast.browser(bob).post("/sign-out/")
        before = Entry.objects.count()
        assert (
            danas.post(f"/admin/accounts/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 302
        )
        assert not User.objects.filter(username="bob").exists()
        assert Entry.objects.filter(actor="bob").count() == before
        assert [
            cast.told(row)["before"]["groups"]
            for row in cast.rows()
            if cast.told(row)["kind"] == "user"
        ] == [["on-call"]]
        assert record.verify().broken_at is None

    def test_many_are_asked_about_first_with_their_names(self, anns: Client, role: Role) -> None:
        other = catalogue.role(name="Auditor")
        choice = {"action": "delete_selected", "index": "0", CHOSEN: [role.pk, other.pk]}
        asked = anns.post("/admin/accounts/role/", choice)
        assert read(asked.content).one("h1").text == "Delete 2 roles?"
        assert Role.objects.count() == 2
        assert cast.rows() == []
        assert anns.post("/admin/accounts/role/", posted_by(asked)).status_code == 302
        assert not Role.objects.exists()

    @pytest.mark.parametrize("model", [Group, Role])
    def test_as_many_as_are_promised_go_at_once(
        self, anns: Client, role: Role, model: type[Group | Role]
    ) -> None:
        account = role.account
        model.objects.all().delete()
        for n in range(MOST_AT_ONCE):
            model.objects.create(**({"account": account} if model is Role else {}), name=f"n, {n}")
        address = f"/admin/accounts/{model.__name__.lower()}/"
        choice = {"action": "delete_selected", "index": "0", "select_across": "1"}
        asked = anns.post(address, choice)
        assert read(asked.content).one("h1").text.startswith(f"Delete {MOST_AT_ONCE} ")
        assert anns.post(address, posted_by(asked)).status_code == 302
        assert not model.objects.exists()

    def test_all_that_fit_may_be_meant_without_choosing_each(
        self, anns: Client, role: Role
    ) -> None:
        choice = {"action": "delete_selected", "index": "0", "select_across": "1"}
        page = read(anns.post("/admin/accounts/role/", choice).content)
        assert page.one("h1").text == "Delete 1 role?"

    def test_a_source_in_use_stays_and_says_why(self, anns: Client, role: Role) -> None:
        CredentialSource.objects.create(name="hub")
        Role.objects.update(source="hub")
        path = "/admin/accounts/credentialsource/hub/delete/"
        assert "1 roles still get their credentials" in anns.get(path).content.decode()
        assert anns.post(path, {"post": "yes"}).status_code == 403
        assert cast.the_refusal().error == "InUse"

    def test_the_default_source_stays(self, danas: Client, role: Role) -> None:
        path = "/admin/accounts/credentialsource/default/delete/"
        assert danas.post(path, {"post": "yes"}).status_code == 403
        assert CredentialSource.objects.filter(name="default").exists()


class TestTelling:
    def test_P30_a_change_has_before_and_after(self, anns: Client) -> None:
        assert changed(anns, "credentialsource/add/", name="hub", profile="one") == 302
        assert changed(anns, "credentialsource/hub/change/", profile="two") == 302
        assert changed(anns, "credentialsource/hub/change/", profile="two") == 302
        added, altered = map(cast.told, cast.rows())
        assert added["after"] == {"name": "hub", "profile": "one"}
        assert (altered["before"], altered["after"]) == ({"profile": "one"}, {"profile": "two"})

    def test_P30_without_a_row_nothing_changes(
        self, anns: Client, danas: Client, bob: User, broken_record: None
    ) -> None:
        CredentialSource.objects.create(name="hub")
        assert changed(anns, "credentialsource/add/", name="new") == 503
        assert changed(anns, "credentialsource/hub/change/", profile="x") == 503
        assert (
            danas.post("/admin/accounts/credentialsource/hub/delete/", {"post": "yes"}).status_code
            == 503
        )
        assert (
            anns.post(f"/admin/accounts/user/{bob.pk}/access/", {"is_active": "0"}).status_code
            == 503
        )
        answer = danas.post(
            f"/admin/accounts/user/{bob.pk}/change/", {"is_superuser": "on", "_save": "1"}
        )
        assert answer.status_code == 503
        assert "It cannot be written." in answer.content.decode()
        assert list(
            CredentialSource.objects.exclude(name="default").values_list("name", "profile")
        ) == [("hub", "")]
        bob.refresh_from_db()
        assert (bob.is_active, bob.is_superuser) == (True, False)

    def test_what_a_thing_is_known_by_is_never_changed(self, danas: Client) -> None:
        CredentialSource.objects.create(name="hub")
        assert changed(danas, "credentialsource/hub/change/", name="other", profile="p") == 302
        names = CredentialSource.objects.values_list("name", flat=True)
        assert sorted(names) == ["default", "hub"]


class TestMarkup:
    def test_P19_stored_markup_is_text_on_every_page(self, danas: Client, bob: User) -> None:
        User.objects.filter(pk=bob.pk).update(name=MARKUP, email="bob@example.com")
        waiting = User.objects.create_placeholder(MARKUP)
        group = Group.objects.create(name=MARKUP, origin=Origin.LOCAL)
        Membership.objects.create(group=group, user=waiting)
        role = catalogue.role(
            name="Developer",
            title=MARKUP[:100],
            account_name=MARKUP[:100],
            to=bob,
            account_environment=MARKUP[:100],
            region=MARKUP[:30],
            destination=MARKUP,
        )
        CredentialSource.objects.create(name="hub", profile=MARKUP)
        Grant.objects.create(group=group, account=role.account, role_name=role.name, note=MARKUP)
        Bookmark.objects.create(group=group, name=MARKUP, account=role.account, role_name=role.name)
        things = {
            "user": waiting.pk, "group": group.pk, "role": role.pk, "account": role.account_id,
            "grant": Grant.objects.latest("pk").pk, "bookmark": Bookmark.objects.get().pk,
            "credentialsource": "hub",
        }  # fmt: skip
        addresses = [
            "/admin/",
            f"/admin/accounts/user/?q={MARKUP}",
            f"/admin/accounts/user/{bob.pk}/access/",
        ]
        for model, key in things.items():
            addresses += [
                f"/admin/accounts/{model}/{path}"
                for path in ("", f"{key}/change/", f"{key}/delete/")
            ]
        for address in addresses:
            page = danas.get(address).content.decode()
            assert "<script>alert" not in page, address
            assert "<img src=x" not in page, address
        answer = danas.get("/admin/names/group/?q=script")
        assert answer.headers["Content-Type"] == "application/json"
        assert json.loads(answer.content)["results"][0]["text"] == MARKUP

    def test_P19_and_in_what_the_portal_says_after_saving(self, danas: Client) -> None:
        answer = danas.post(
            "/admin/accounts/group/add/",
            {"name": MARKUP, "add_members": MARKUP, "_save": "1"},
            follow=True,
        )
        page = answer.content.decode()
        assert Group.objects.get().memberships.count() == 1
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def said(client: Client, path: str, **fields: object) -> str:
    """Send a form and follow it; what the next page says of it."""
    answer = client.post(f"/admin/accounts/{path}", fields, follow=True)
    notices = read(answer.content).all("div", class_="notice")
    return " ".join(" ".join(notice.text.split()) for notice in notices)


def test_what_was_done_is_said_in_the_portals_own_words(danas: Client, bob: User) -> None:
    assert said(danas, "group/add/", name="on-call", _save="1") == "on-call was added."
    key = Group.objects.get().pk
    form = {"add_members": "bob", "_continue": "1"}
    assert said(danas, f"group/{key}/change/", **form) == "on-call was saved."
    chosen = {"action": "delete_selected", "index": "0"}
    assert said(danas, "group/", **chosen) == "Nothing was chosen, so nothing has changed."
    assert said(danas, f"group/{key}/delete/", post="yes") == "on-call was deleted."
    gone = "What you asked for is not here. Perhaps it was deleted."
    assert gone in danas.get(f"/admin/accounts/group/{key}/change/", follow=True).content.decode()


def test_sources_have_their_page(danas: Client) -> None:
    assert changed(danas, "credentialsource/add/", name="hub", profile="hub-profile") == 302
    assert "hub-profile" in danas.get("/admin/accounts/credentialsource/").content.decode()
