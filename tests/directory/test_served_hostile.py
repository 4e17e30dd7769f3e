"""P03: servers of the directory that hang, lie or show a wrong certificate hold nobody up."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.directory.certificates import Authority
from tests.directory.conftest import Besieged
from tests.directory.hostile import (
    Hostile,
    dripping_handshake,
    impostor,
    silent,
    silent_after_start_tls,
    stripping,
)
from tests.directory.house import House, Person, eventually, house, house_branch
from tests.directory.slapd import Slapd
from tests.directory.visiting import Visitor, launched, sentences

TIMEOUT = 1
# What a sign-in takes beside the directory, on a machine that has other work to do.
SLACK = 6
AWAY = "The directory that knows people and passwords does not answer."
LOCAL = Person("bob", "bob-enters-here")


def timed_try(visitor: Visitor, person: Person) -> tuple[float, requests.Response]:
    visitor.get("/sign-in/")
    began = time.perf_counter()
    answer = visitor.try_in(person.name, person.password)
    return time.perf_counter() - began, answer


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("other"), "other")


def test_P03_four_bad_servers_and_a_good_one_let_in_within_the_budget_and_then_at_once(
    besieged: Besieged,
) -> None:
    portal, hung = besieged.house, besieged.hung
    ann, bob = portal.invite(), portal.invite("bob")
    seconds, answer = timed_try(portal.visitor(), ann)
    assert answer.status_code == 303, sentences(answer)
    assert seconds < 2 * TIMEOUT + SLACK
    asked = hung.connections
    assert asked >= 1
    for person in (bob, ann, bob, ann, bob, ann):
        portal.sign_in(person)
    assert launched(portal.sign_in(ann).go())
    assert hung.connections == asked, "the hung server is passed over, by every worker"


@pytest.fixture(scope="module")
def lonely(
    slapd: Slapd, other: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A portal all of whose servers are bad, each in its way with StartTLS."""
    branch = house_branch(slapd.branch("all-bad"))
    bad = (
        silent_after_start_tls,
        dripping_handshake,
        stripping(slapd.url),
        impostor(slapd.url, other.certify("127.0.0.1"), start_tls=True),
        impostor(slapd.url, slapd.authority.certify("elsewhere.example"), start_tls=True),
    )
    with ExitStack() as stack:
        urls = [stack.enter_context(Hostile(behave)).url for behave in bad]
        settings = branch.settings(secured_by="starttls", AUTH_LDAP_SERVER_URI=" ".join(urls))
        settings |= {"AUTH_LDAP_TIMEOUT_SECONDS": str(TIMEOUT), "WEB_CONCURRENCY": "2"}
        folder = tmp_path_factory.mktemp("lonely")
        yield stack.enter_context(house(folder, branch, **settings))


def test_P03_all_bad_is_503_within_the_budget_and_blames_the_directory(lonely: House) -> None:
    person = lonely.invite()
    for _ in range(3):
        seconds, answer = timed_try(lonely.visitor(), person)
        assert answer.status_code == 503
        assert AWAY in sentences(answer)
        assert "do not match" not in sentences(answer)
        assert "session" not in answer.cookies
        assert seconds < 2 * TIMEOUT + SLACK


def test_P03_local_people_are_let_in_at_once_while_strangers_wait_for_a_hung_directory(
    slapd: Slapd, tmp_path: Path
) -> None:
    strangers = 3
    with ExitStack() as stack:
        hung = stack.enter_context(Hostile(silent))
        settings = slapd.branch("hung").settings(AUTH_LDAP_SERVER_URI=hung.url)
        settings["AUTH_LDAP_TIMEOUT_SECONDS"] = "5"
        portal = stack.enter_context(house(tmp_path, slapd.branch("hung"), **settings))
        pool = stack.enter_context(ThreadPoolExecutor(strangers))
        waiting = [
            pool.submit(portal.visitor().try_in, "ann", "password") for _ in range(strangers)
        ]
        eventually(lambda: hung.connections == strangers, 5)
        portal.sign_in(LOCAL)
        assert not all(one.done() for one in waiting), "they wait still"
        assert {one.result().status_code for one in waiting} == {503}


def test_P03_P07_away_is_said_of_every_name_alike(lonely: House) -> None:
    person = lonely.invite()
    said = set()
    for name in (person.name, "ann-unknown", LOCAL.name, "", "*", "a\0b"):
        answer = lonely.visitor().try_in(name, "a-wrong-password")
        said.add((answer.status_code, sentences(answer)))
    assert len(said) == 1, said


def test_P06_tries_that_nobody_could_look_at_lock_nobody_out(lonely: House) -> None:
    person = lonely.invite()
    visitor = lonely.visitor()
    for _ in range(8):
        assert visitor.try_in(person.name, person.password).status_code == 503


# --- one portal, one server that comes and goes ---------------------------------------------------

STALE = 8


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory that may be broken."""
    with Slapd(tmp_path_factory.mktemp("own-slapd")) as server:
        yield server


@pytest.fixture(scope="module")
def moody(own: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Its portal, which reads people again at every launch and trusts that for eight seconds."""
    branch = house_branch(own.branch("moody"))
    settings = {
        "AUTH_LDAP_TIMEOUT_SECONDS": str(TIMEOUT),
        "AUTH_LDAP_STALE_SECONDS": str(STALE),
        "WEB_CONCURRENCY": "2",
    }
    with house(tmp_path_factory.mktemp("moody"), branch, **settings) as served:
        yield served


@pytest.mark.parametrize("how", ["stop", "kill", "hang"])
def test_P04_P37_directory_away_goes_on_until_stale_then_503_and_back_without_a_restart(
    moody: House, own: Slapd, how: str
) -> None:
    person = moody.invite()
    visitor = moody.sign_in(person)
    known = time.monotonic()
    assert launched(visitor.go())
    getattr(own, how)()
    try:
        assert launched(visitor.go()), "what is known counts until it is stale"
        assert time.monotonic() - known < STALE
        away = moody.visitor().try_in(person.name, person.password)
        assert (away.status_code, AWAY in sentences(away)) == (503, True)
        assert moody.sign_in(LOCAL).is_signed_in
        refused: list[requests.Response] = []

        def is_refused() -> bool:
            answer = visitor.go()
            refused.append(answer)
            return not launched(answer)

        eventually(is_refused, STALE + 5)
        assert time.monotonic() - known >= STALE
        assert refused[-1].status_code == 503
        assert "The directory does not answer" in sentences(refused[-1])
        assert moody.last_act("launch", person.name)[0] == "failed"
        assert visitor.is_signed_in, "their session waits for the directory"
    finally:
        own.recover()
    eventually(lambda: launched(visitor.go()), 10)
    eventually(lambda: moody.visitor().try_in(person.name, person.password).ok, 10)


def test_P03_an_old_password_is_not_let_in_by_memory(moody: House, own: Slapd) -> None:
    person = moody.invite()
    moody.sign_in(person)
    moody.branch.set_password(person.name, "a-newer-password-than-that")
    refused = moody.visitor().try_in(person.name, person.password)
    assert refused.status_code == 403
    own.stop()
    try:
        for password in (person.password, "a-newer-password-than-that"):
            assert moody.visitor().try_in(person.name, password).status_code == 503
    finally:
        own.recover()
    newer = Person(person.name, "a-newer-password-than-that")
    eventually(lambda: moody.visitor().try_in(newer.name, newer.password).ok, 10)
