"""A portal session: made anew at sign-in, over in time, ended at once where it must be."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import Action, Entry, Outcome, User
from tests.conftest import PASSWORD

PAGE = "/sign-out/"


def is_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that have passed for the session's limits, as the test puts them."""
    passed = [0.0]
    began = time.time()
    monkeypatch.setattr("portal.signin.session_limits.time.time", lambda: began + passed[0])
    return passed


def test_P5_sign_in_makes_a_new_session_key(ann: User, client: Client) -> None:
    client.get("/sign-in/?next=/go/a/b/")
    before = client.cookies["session"].value
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert client.cookies["session"].value != before
    planted = Client()
    planted.cookies["session"] = before
    assert not is_in(planted)


def test_P5_a_session_key_of_somebody_elses_choice_is_not_taken(ann: User, client: Client) -> None:
    client.cookies["session"] = "a" * 32
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert client.cookies["session"].value != "a" * 32
    assert is_in(client)


def test_P5_another_person_at_the_same_browser_begins_with_nothing(
    ann: User, bob: User, signed_in: Client
) -> None:
    session = signed_in.session
    session["something"] = "of ann's"
    session.save()
    signed_in.post("/sign-in/", {"username": "bob", "password": PASSWORD})
    assert "something" not in signed_in.session


def test_P5_sign_out_ends_the_session_and_leaves_a_row(ann: User, signed_in: Client) -> None:
    cookie = signed_in.cookies["session"].value
    answer = signed_in.post("/sign-out/")
    assert (answer.status_code, answer["Location"]) == (303, "/sign-in/?signed-out")
    assert b"You are signed out." in signed_in.get(answer["Location"]).content
    row = Entry.objects.latest("id")
    assert (row.action, row.outcome, row.actor) == (Action.SIGN_OUT, Outcome.SUCCEEDED, "ann")
    again = Client()
    again.cookies["session"] = cookie
    assert not is_in(again)
    assert Session.objects.count() == 0


def test_sign_out_by_a_mere_link_asks(signed_in: Client) -> None:
    assert b"Sign out?" in signed_in.get("/sign-out/").content
    assert is_in(signed_in)


def test_P5_an_idle_session_ends(signed_in: Client, passed: list[float]) -> None:
    idle = settings.PORTAL_SESSION_IDLE_SECONDS
    passed[0] = idle - 5
    assert is_in(signed_in)
    passed[0] += idle - 5
    assert is_in(signed_in)
    passed[0] += idle + 1
    assert not is_in(signed_in)
    passed[0] -= idle
    assert not is_in(signed_in)


def test_P5_a_session_that_is_used_all_the_time_ends_too(
    signed_in: Client, passed: list[float]
) -> None:
    limit = settings.PORTAL_SESSION_SECONDS
    for passed[0] in (*range(0, limit, 1800), limit - 5):
        assert is_in(signed_in)
    passed[0] = limit + 1
    assert not is_in(signed_in)


def test_P5_a_session_of_which_nobody_knows_when_it_began_is_over(
    ann: User, client: Client
) -> None:
    client.force_login(ann)
    assert not is_in(client)


def test_P5_a_new_password_ends_every_session_at_the_next_request(
    ann: User, signed_in: Client
) -> None:
    assert is_in(signed_in)
    ann.set_password("another good password")
    ann.save()
    assert not is_in(signed_in)


def test_P5_a_disabled_person_is_out_at_the_next_request(ann: User, signed_in: Client) -> None:
    assert is_in(signed_in)
    User.objects.update(is_active=False)
    assert not is_in(signed_in)
    assert signed_in.get("/go/a/b/")["Location"].startswith("/sign-in/")


def test_P5_a_deleted_person_is_out_at_the_next_request(ann: User, signed_in: Client) -> None:
    ann.delete()
    assert not is_in(signed_in)


def test_the_session_cookie_is_for_the_server_alone(signed_in: Client) -> None:
    cookie = signed_in.cookies["session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"


@pytest.mark.django_db
def test_sessions_that_nobody_signed_in_to_end_soon_and_leave_the_table(ann: User) -> None:
    for number in range(3):
        Client().get(f"/go/nowhere/{number}/")
    in_an_hour = timezone.now() + timedelta(hours=1)
    assert Session.objects.count() == 3
    assert Session.objects.filter(expire_date__gt=in_an_hour).count() == 0
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    Client().post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert Session.objects.filter(expire_date__gt=in_an_hour).count() == 1
    assert Session.objects.count() == 1
