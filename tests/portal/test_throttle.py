"""Wrong passwords are slowed, nobody is locked out for good, and the record is not flooded."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from django.test import Client
from django.utils import timezone

from accounts.errors import NotLetIn, TooMany
from accounts.models import Action, Entry, Outcome, User
from portal.bulkhead import CHECKED_AT_ONCE, PASSWORDS, for_threads
from portal.signin import hashing, known_browser, sign_in, throttle
from portal.signin.directory import refusals
from portal.signin.throttle import Attempt, SignInThrottle, admit, forgive
from tests.conftest import PASSWORD
from tests.served import Served

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


class Clock:
    """The throttle's time, which passes only when told."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 25, 9, 0, tzinfo=timezone.get_default_timezone())

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, db: None) -> Clock:
    clock = Clock()
    monkeypatch.setattr("portal.signin.throttle.timezone.now", clock.now)
    return clock


def tried(client: Client, username: str, password: str = "wrong", ip: str = "192.0.2.1") -> int:
    return answer_to(client, username, password, ip).status_code


def answer_to(client: Client, username: str, password: str, ip: str) -> "Response":
    fields = {"username": username, "password": password}
    return client.post("/sign-in/", fields, REMOTE_ADDR=ip)


def rest(attempt: Attempt) -> int:
    """How long the form rests for this attempt; 0: it is admitted, and counted."""
    try:
        admit(attempt)
    except TooMany as error:
        return error.retry_after
    return 0


def test_P6_after_five_wrong_passwords_the_form_rests_and_says_for_how_long(
    ann: User, clock: Clock, client: Client
) -> None:
    assert [tried(client, "ann") for _ in range(5)] == [403] * 5
    answer = answer_to(client, "ann", PASSWORD, "192.0.2.1")
    assert answer.status_code == 429
    assert answer["Retry-After"] == "15"
    assert "Try again in 15 s." in answer.content.decode()
    assert b'name="password"' in answer.content
    clock.wait(16)
    assert tried(client, "ann", PASSWORD) == 303


def test_P6_each_further_try_doubles_the_rest_up_to_a_quarter_of_an_hour(clock: Clock) -> None:
    attempt, rests = Attempt("ann", "192.0.2.1"), []
    for _ in range(14):
        while waiting := rest(attempt):
            rests.append(waiting)
            clock.wait(waiting)
    assert rests == [15, 30, 60, 120, 240, 480, 900, 900, 900]


def test_P6_tries_while_it_rests_do_not_prolong_the_rest(clock: Clock) -> None:
    attempt = Attempt("ann", "192.0.2.1")
    for _ in range(5):
        admit(attempt)
    assert {rest(attempt) for _ in range(50)} == {15}
    clock.wait(15)
    assert rest(attempt) == 0


def test_P6_all_ends_by_itself_after_a_quiet_while(clock: Clock) -> None:
    attempt = Attempt("ann", "192.0.2.1")
    for _ in range(5):
        admit(attempt)
    clock.wait(throttle.QUIET_SECONDS + 1)
    assert [rest(attempt) for _ in range(5)] == [0] * 5


def test_P6_a_right_password_gives_the_tries_back(ann: User, clock: Clock, client: Client) -> None:
    for _ in range(3):
        assert [tried(client, "ann") for _ in range(4)] == [403] * 4
        assert tried(Client(), "ann", PASSWORD) == 303


def test_P6_a_colleague_at_the_same_address_goes_on(
    ann: User, bob: User, clock: Clock, client: Client
) -> None:
    while tried(client, "ann") != 429:
        pass
    assert tried(client, "bob", PASSWORD) == 303


def test_P6_nobody_is_kept_out_of_their_own_browser(
    ann: User, clock: Clock, client: Client
) -> None:
    """Somebody tries ann's name from everywhere, her own address too."""
    assert tried(client, "ann", PASSWORD) == 303
    client.post("/sign-out/")
    for number in range(60):
        rest(Attempt("ann", f"198.51.100.{number}"))
        rest(Attempt(f"name {number}", "192.0.2.1"))
        rest(Attempt("ann", "192.0.2.1"))
    assert tried(Client(), "ann", PASSWORD, "203.0.113.9") == 429
    assert tried(Client(), "somebody else", PASSWORD) == 429
    assert tried(client, "ann", PASSWORD) == 303


def test_P6_a_known_browser_is_slowed_all_the_same(ann: User, clock: Clock, client: Client) -> None:
    assert tried(client, "ann", PASSWORD) == 303
    addresses = [f"198.51.100.{number}" for number in range(6)]
    assert [tried(client, "ann", "wrong", ip) for ip in addresses] == [403] * 5 + [429]


def test_P6_a_known_browser_is_known_for_its_own_person_only(
    ann: User, bob: User, client: Client
) -> None:
    assert tried(client, "ann", PASSWORD) == 303
    request = client.get("/sign-out/").wsgi_request
    assert known_browser.browser_id(request, ann)
    assert not known_browser.browser_id(request, bob)
    cookie = client.cookies["browser"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert ann.record_key not in cookie.value
    altered = cookie.value[:8] + ("0" if cookie.value[8] != "0" else "1") + cookie.value[9:]
    for forged in (altered, "x", "." * 3000, cookie.value.replace(":", "")):
        client.cookies["browser"] = forged
        request = client.get("/sign-in/").wsgi_request
        assert not known_browser.browser_id(request, ann)


def test_P6_a_shared_browser_is_known_for_each_of_its_people(
    ann: User, bob: User, client: Client
) -> None:
    for name in ("ann", "bob", "ann"):
        assert tried(client, name, PASSWORD) == 303
        client.post("/sign-out/")
    request = client.get("/sign-in/").wsgi_request
    assert known_browser.browser_id(request, ann)
    assert known_browser.browser_id(request, bob)


@pytest.fixture
def namesake(monkeypatch: pytest.MonkeyPatch) -> str:
    """The directory knows somebody else by each name that is asked for, with this password."""
    password = "that of somebody else in the directory"

    def admit(username: str, typed: str) -> User:
        if typed == password:
            raise NotLetIn(log="local", message="A local name.", next_step="", code="NameIsLocal")
        raise sign_in.WrongPassword(log="", message=sign_in.REFUSED, next_step="")

    monkeypatch.setattr("portal.signin.sign_in._of_the_directory", admit)
    return password


def test_P6_a_namesake_in_the_directory_guesses_no_more_often_than_anybody(
    ann: User, clock: Clock, client: Client, namesake: str
) -> None:
    typed = ["a guess", namesake] * 6
    assert [tried(client, "ann", password) for password in typed] == [403] * 9 + [429] * 3
    clock.wait(16)
    assert tried(client, "ann", PASSWORD) == 303


def test_P6_whom_the_directory_does_not_let_in_is_not_slowed_by_it_for_long(
    clock: Clock, client: Client, namesake: str
) -> None:
    assert [tried(client, "bob", namesake) for _ in range(36)] == [403] * 35 + [429]


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def admit(*_: str) -> User:
        raise refusals.away("away")

    monkeypatch.setattr("portal.signin.sign_in._of_the_directory", admit)


@pytest.mark.usefixtures("away")
def test_P6_with_the_directory_away_a_local_name_is_guessed_at_no_more_from_many_addresses(
    ann: User, clock: Clock, client: Client
) -> None:
    addresses = [f"2001:db8:0:{number}::1" for number in range(30)] * 4
    answers = [tried(client, "ann", "a guess", address) for address in addresses]
    assert answers == [503] * 80 + [429] * 40


@pytest.mark.usefixtures("away")
def test_P6_with_the_directory_away_their_own_browser_is_slowed_by_nobody_elses_tries(
    ann: User, clock: Clock, client: Client
) -> None:
    assert tried(client, "ann", PASSWORD) == 303
    client.post("/sign-out/")
    for number in range(120):
        tried(Client(), "ann", "a guess", f"2001:db8:0:{number % 30}::1")
    assert [tried(client, "ann", "a slip") for _ in range(30)] == [503] * 30
    assert tried(client, "ann", PASSWORD) == 303


def test_P38_as_many_are_about_to_be_checked_as_may_wait_and_no_try_is_counted(
    ann: User, clock: Clock, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hull = for_threads(16)
    monkeypatch.setattr("portal.signin.hashing.bulkhead", lambda: hull)
    with ExitStack() as others:
        for _ in range(CHECKED_AT_ONCE + 4):
            others.enter_context(hull.entered(PASSWORDS, hashing.busy))
        for _ in range(20):
            answer = answer_to(client, "ann", PASSWORD, "192.0.2.1")
            assert (answer.status_code, answer["Retry-After"]) == (429, "5")
            assert "Many people are signing in" in answer.content.decode()
    assert tried(client, "ann", PASSWORD) == 303


def test_P38_who_waited_for_a_check_in_vain_has_the_try_back(
    ann: User, clock: Clock, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.signin.hashing._LONGEST_WAIT_SECONDS", 0.01)
    with hashing._HASHING, hashing._HASHING:
        assert [tried(client, "ann", PASSWORD) for _ in range(10)] == [429] * 10
    assert tried(client, "ann", PASSWORD) == 303


def test_P6_many_names_from_one_address_rest_together(clock: Clock) -> None:
    assert [rest(Attempt(f"name {number}", "192.0.2.1")) for number in range(50)] == [0] * 50
    assert rest(Attempt("one more", "192.0.2.1")) == 15
    assert rest(Attempt("one more", "192.0.2.2")) == 0


def test_P6_one_name_from_many_addresses_rests(clock: Clock) -> None:
    assert [rest(Attempt("ann", f"192.0.2.{number}")) for number in range(50)] == [0] * 50
    assert rest(Attempt("ann", "198.51.100.1")) == 15
    assert rest(Attempt("bob", "198.51.100.1")) == 0


def test_P6_another_spelling_of_a_name_is_the_same_name(
    ann: User, clock: Clock, client: Client
) -> None:
    for name in ("ann", "ANN", "Ann", "aNN", "anN"):
        assert tried(client, name) == 403
    assert tried(client, "AnN") == 429


def test_P6_many_tries_at_once_on_all_workers_gain_nothing(served: Served) -> None:
    browser = requests.Session()
    page = browser.get(f"{served.url}/sign-in/", timeout=10)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    fields = {
        "username": "whoever this may be",
        "password": "wrong",
        "csrfmiddlewaretoken": token[1],
    }
    cookies = browser.cookies.get_dict()

    def attempt(_: int) -> int:
        address = f"{served.url}/sign-in/"
        return requests.post(address, fields, cookies=cookies, timeout=30).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(attempt, range(32)))
    assert sorted(answers) == [403] * 5 + [429] * 27


def test_P6_the_record_hears_of_a_resting_form_once_a_minute(
    ann: User, clock: Clock, client: Client
) -> None:
    for _ in range(8):
        # The form rests 15 minutes in the end: every third minute a try comes through.
        for _ in range(20):
            tried(client, "ann")
        clock.wait(30)
    resting = Entry.objects.filter(action=Action.SIGN_IN, error="Throttled")
    assert 1 <= resting.count() <= 4
    assert Entry.objects.filter(outcome=Outcome.DENIED).count() < 16
    assert set(resting.values_list("actor", "actor_key")) == {("ann", ann.record_key)}


def test_P7_an_unknown_name_rests_as_a_known_one_does(
    ann: User, clock: Clock, client: Client
) -> None:
    answers = {}
    for name in ("ann", "nobody"):
        statuses = [tried(client, name, "wrong", f"192.0.2.{len(name)}") for _ in range(6)]
        answer = answer_to(client, name, "wrong", f"192.0.2.{len(name)}")
        answers[name] = (statuses, answer.status_code, answer["Retry-After"])
    assert answers["ann"] == answers["nobody"]


def test_the_throttle_keeps_no_name_and_no_address_and_clears_up(clock: Clock) -> None:
    for number in range(5):
        admit(Attempt(f"name {number}", "192.0.2.1"))
    assert SignInThrottle.objects.count() == 11
    assert not [row for row in SignInThrottle.objects.values() if "192.0.2" in str(row)]
    clock.wait(2 * throttle.QUIET_SECONDS + 2)
    admit(Attempt("ann", "192.0.2.9"))
    forgive(Attempt("ann", "192.0.2.9"))
    assert SignInThrottle.objects.count() == 2
