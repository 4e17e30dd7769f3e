"""What is done to one person by a page of its own: a password is given here.

The end of access and of sessions, and whose they are to end, is told in ``test_rights``.
"""

import pytest
from django.test import Client

from accounts.models import Origin, User
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db

PASSWORD = "a much longer one than before"


@pytest.fixture
def dana() -> User:
    return cast.superuser("dana")


@pytest.fixture
def danas(dana: User) -> Client:
    return cast.browser(dana)


@pytest.fixture
def directory_person() -> User:
    return cast.directory_person("newcomer")


def page(user: User, word: str) -> str:
    return f"/admin/accounts/user/{user.pk}/{word}/"


class TestPasswords:
    def test_P5_a_new_one_ends_the_sessions(self, danas: Client, bob: User) -> None:
        theirs = cast.browser(bob)
        sent = {"password": PASSWORD, "again": PASSWORD}
        assert danas.post(page(bob, "password"), sent).status_code == 302
        assert theirs.get("/").status_code == 302
        assert (
            Client().post("/sign-in/", {"username": "bob", "password": PASSWORD}).status_code == 303
        )
        (row,) = cast.rows()
        assert cast.told(row)["change"] == "password"
        assert (cast.told(row)["before"], cast.told(row)["after"]) == (None, {"password": "new"})

    def test_a_name_that_waits_becomes_a_local_person(self, danas: Client) -> None:
        waiting = User.objects.create_placeholder("newcomer")
        danas.post(page(waiting, "password"), {"password": PASSWORD, "again": PASSWORD})
        waiting.refresh_from_db()
        assert waiting.origin == Origin.LOCAL
        assert waiting.check_password(PASSWORD)

    def test_P32_a_directory_persons_is_the_directorys(
        self, danas: Client, directory_person: User
    ) -> None:
        address = page(directory_person, "password")
        for answer in (danas.get(address), danas.post(address, {"password": PASSWORD})):
            assert answer.status_code == 403
            assert "manage.py directory forget newcomer" in answer.content.decode()
        directory_person.refresh_from_db()
        assert not directory_person.has_usable_password()
        assert "Give a password" not in danas.get(page(directory_person, "change")).content.decode()

    @pytest.mark.parametrize(
        ("password", "again", "says"),
        [
            ("short", "short", "at least 12"),
            (PASSWORD, "x" * 20, "not the same"),
            ("", "", "required"),
        ],
    )
    def test_a_weak_one_is_refused(
        self, danas: Client, bob: User, password: str, again: str, says: str
    ) -> None:
        before = bob.password
        answer = danas.post(page(bob, "password"), {"password": password, "again": again})
        assert answer.status_code == 200
        assert says in read(answer.content).one("main").text
        values = [
            f.attributes.get("value") for f in read(answer.content).all("input", type="password")
        ]
        assert values == [None, None]
        bob.refresh_from_db()
        assert bob.password == before
