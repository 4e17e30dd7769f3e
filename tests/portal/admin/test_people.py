"""People in the administration: made, changed, found; the last superuser stays."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import administrators
from accounts.models import DirectoryState, Grant, Origin, User
from portal.admin import counted
from tests.portal import catalogue
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db

PASSWORD = "a much longer one than before"
ADD = "/admin/accounts/user/add/"


@pytest.fixture
def dana() -> User:
    return cast.superuser("dana")


@pytest.fixture
def danas(dana: User) -> Client:
    return cast.browser(dana)


@pytest.fixture
def directory_person() -> User:
    return cast.directory_person("newcomer")


def page(user: User, word: str = "change") -> str:
    return f"/admin/accounts/user/{user.pk}/{word}/"


def keep(client: Client, user: User, **fields: object) -> int:
    """Send the form as it would be with these fields; the answer's status."""
    marks = {
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
    }
    form = {"name": user.name, "email": user.email, **marks, **fields, "_save": "1"}
    sent = {
        name: "on" if value is True else value for name, value in form.items() if value is not False
    }
    return client.post(page(user), sent).status_code


class TestMaking:
    def test_a_local_person_with_a_password_signs_in(self, danas: Client) -> None:
        form = {
            "username": " Newcomer ",
            "name": "Newcomer",
            "email": "",
            "password": PASSWORD,
            "is_active": "on",
        }
        assert danas.post(ADD, {**form, "_save": "1"}).status_code == 302
        newcomer = User.objects.get(username="newcomer")
        assert newcomer.origin == Origin.LOCAL
        assert (
            Client().post("/sign-in/", {"username": "newcomer", "password": PASSWORD}).status_code
            == 303
        )
        rows = cast.rows()
        made, given = map(cast.told, rows)
        assert (made["change"], made["after"]["username"]) == ("add", "newcomer")
        assert (given["change"], given["name"]) == ("password", "newcomer")
        assert given["after"] == {"password": "new"}
        for row in rows:
            assert PASSWORD not in row.details
            assert "argon2" not in row.details

    @pytest.mark.parametrize(
        ("field", "value", "says"),
        [
            ("password", "short", "at least 12"),
            ("password", "", "required"),
            ("password", "newcomercomern", "similar"),
            ("username", "Directory", "reserved"),
            ("username", " command  LINE ", "reserved"),
            ("username", "the access file", "reserved"),
            ("username", "DANA", "somebody of that name already"),
            ("username", "a\x07b", "no control characters"),
            ("username", "e" * 151, "at most 150"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(
        self, danas: Client, field: str, value: str, says: str
    ) -> None:
        form = {"username": "newcomer", "name": "Newcomercomer", "password": PASSWORD, field: value}
        answer = danas.post(ADD, {**form, "_save": "1"})
        assert answer.status_code == 200
        told = read(answer.content)
        assert says in told.one("div", id=f"id_{field}_error").text
        assert "Nothing is saved yet." in told.one("div", role="alert").text
        assert User.objects.count() == 1
        assert cast.rows() == []


class TestRights:
    def test_P30_rights_are_told_before_and_after(self, danas: Client, bob: User) -> None:
        auditors = administrators.built_in_set(administrators.AUDITORS)
        assert keep(danas, bob, is_staff=True, groups=[auditors.pk]) == 302
        told = cast.told(cast.rows()[0])
        assert told["before"] == {"is_staff": False, "permission_sets": []}
        assert told["after"] == {"is_staff": True, "permission_sets": ["Auditors"]}

    def test_P5_more_rights_need_a_new_session(self, danas: Client, bob: User) -> None:
        theirs = cast.browser(bob)
        assert keep(danas, bob, name="Robert") == 302
        assert theirs.get("/").status_code == 200
        bob.refresh_from_db()
        assert keep(danas, bob, is_staff=True) == 302
        assert theirs.get("/").status_code == 302

    def test_P32_one_superuser_is_always_left(self, danas: Client, dana: User) -> None:
        waiting = User.objects.create_placeholder("newcomer")
        User.objects.filter(pk=waiting.pk).update(is_superuser=True)
        carol = cast.superuser("carol")
        User.objects.filter(pk=carol.pk).update(is_staff=False)
        for left in ("is_superuser", "is_staff"):
            answer = danas.post(page(dana), {"name": "", left: "on", "_save": "1"})
            assert answer.status_code == 403
            assert "the last superuser" in answer.content.decode()
            assert cast.rows()[-1].error == "LastSuperuser"
        assert danas.post(page(dana, "delete"), {"post": "yes"}).status_code == 403
        dana.refresh_from_db()
        assert dana.is_superuser
        assert dana.is_staff

    def test_P5_a_form_of_before_gives_no_access_back(self, danas: Client, bob: User) -> None:
        sent = {"post": "yes", "is_active": "0"}
        assert danas.post(page(bob, "access"), sent).status_code == 302
        assert keep(danas, bob, name="Robert", is_active=True) == 302
        bob.refresh_from_db()
        assert bob.name == "Robert"
        assert not bob.is_active
        shown = read(danas.get(page(bob)).content)
        assert not list(shown.all("input", name="is_active"))

    def test_with_another_one_it_may_go(self, danas: Client, dana: User) -> None:
        other = cast.superuser("bob")
        assert keep(danas, other, is_superuser=False) == 302
        assert not User.objects.get(username="bob").is_superuser
        assert danas.get(page(dana, "access")).status_code == 403


class TestFinding:
    def test_what_the_directory_says_is_read_only(
        self, danas: Client, directory_person: User
    ) -> None:
        names = {
            f.attributes.get("name")
            for f in read(danas.get(page(directory_person)).content).all("input")
        }
        assert "name" not in names
        assert "email" not in names
        assert "is_staff" in names

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("origin__exact=directory", ["newcomer"]),
            ("seen=never", ["bob", "dana", "newcomer"]),
            ("seen=yes", ["ann"]),
            ("is_active__exact=0", ["bob"]),
            ("rank=superuser", ["dana"]),
            ("rank=none", ["ann", "bob", "newcomer"]),
            ("directory_state__exact=gone", ["newcomer"]),
            ("q=ann", ["ann"]),
        ],
    )
    def test_filters_and_search(
        self,
        danas: Client,
        ann: User,
        bob: User,
        directory_person: User,
        query: str,
        found: list[str],
    ) -> None:
        User.objects.filter(pk=ann.pk).update(last_login=timezone.now())
        User.objects.filter(username="dana").update(last_login=None)
        User.objects.filter(pk=bob.pk).update(is_active=False)
        User.objects.filter(pk=directory_person.pk).update(directory_state=DirectoryState.GONE)
        rows = read(danas.get(f"/admin/accounts/user/?{query}").content).one(
            "table", id="result_list"
        )
        assert [cell.text for cell in rows.all("th", class_="field-username")] == found

    def test_filters_say_how_many_there_are_while_the_list_is_short(
        self, danas: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def choices(query: str = "") -> list[str]:
            page = read(danas.get(f"/admin/accounts/user/{query}").content)
            return [link.text for link in page.one("nav", **{"aria-label": "Filter"}).all("a")]

        assert "superusers (1)" in choices()
        assert "superusers" in choices("?seen=never")
        assert "superusers" in choices("?_facets=True&q=dana")
        monkeypatch.setattr(counted, "MOST_COUNTED", 0)
        assert "superusers" in choices()

    def test_the_list_takes_as_many_queries_however_many_people(
        self, danas: Client, bob: User
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert danas.get("/admin/accounts/user/").status_code == 200
            return len(captured)

        role = catalogue.role(to=bob)
        few = queries()
        User.objects.bulk_create(User(username=f"person-{n}") for n in range(120))
        for user in User.objects.filter(username__startswith="person-"):
            Grant.objects.create(user=user, account=role.account, role_name="*")
        assert queries() == few
        table = read(danas.get("/admin/accounts/user/").content).one("table", id="result_list")
        assert len(list(table.all("tr"))) == 51

    def test_a_person_shows_what_may_be_done_to_them(self, danas: Client, bob: User) -> None:
        shown = read(danas.get(page(bob)).content)
        links = {link.text for link in shown.one("div", class_="page-head").all("a")}
        assert {"Give a password", "End all sessions", "End access now", "Changes"} <= links
        anns = cast.browser(cast.administrator("ann"))
        links = {
            link.text
            for link in read(anns.get(page(bob)).content).one("div", class_="page-head").all("a")
        }
        assert {"End all sessions", "End access now"} <= links
        assert "Give a password" not in links


def test_who_comes_in_is_called_by_their_permission_sets(danas: Client) -> None:
    people = {
        "Administrators": cast.administrator("ann"),
        "Auditors": cast.auditor("carol"),
        "bob's own": cast.with_rights("bob", "view_role"),
    }
    everybody = read(danas.get("/admin/accounts/user/").content).one("tbody")
    lines = {row.one("th").text: row.text for row in everybody.all("tr")}
    for words, person in people.items():
        assert words in lines[person.username]
        shown = read(danas.get(page(person)).content)
        (badge,) = [mark.text for mark in shown.all("span", class_="status") if mark.text == words]
        assert badge
        assert "Administrator" not in [mark.text for mark in shown.all("span", class_="status")]
