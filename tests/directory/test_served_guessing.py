"""P02, P06, P07: what strangers type into the form, against a real directory."""

import itertools
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from accounts.models import normal_username
from tests.directory.house import ENGINEERS, REQUIRED, House, Person
from tests.directory.slapd import SERVICE, SERVICE_PASSWORD
from tests.directory.visiting import Visitor, launched, sentences

NOBODY = "Name and password do not match."
# One person for all of this; the name has what filters and DNs are made of.
VICTIM = Person("ann-the-victim", "ann-the-victim-knows-this")
thorough = settings(
    max_examples=40,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def victim(home: House) -> Person:
    home.branch.add_person(VICTIM.name, VICTIM.password)
    home.branch.add_member(REQUIRED, VICTIM.name)
    home.sign_in(VICTIM)
    home.invited.append(VICTIM)
    return VICTIM


@pytest.fixture(scope="module")
def stranger(home: House) -> Visitor:
    """One browser; every try from another address, so that none is throttled."""
    return home.visitor()


PIECES = st.sampled_from(
    [
        VICTIM.name,
        "ann",
        "the-victim",
        *'*()\\|&!=,;+<>"#/ %\0\n\r\t',
        "\\2a",
        "\\28",
        "%(user)s",
        "uid=",
        "(uid=*)",
        ")(uid=*))(|(uid=*",
        ",ou=people",
        "\u200b",
        "\u00ad",
        "\u0301",
        "\uff41",
        "\x7f",
    ]
)
NAMES = st.one_of(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.text(max_size=200))


@thorough
@given(NAMES)
@example("")
@example("*")
@example("ann-the-*")
@example(f"{VICTIM.name})(objectClass=*")
@example(f"{VICTIM.name}\0")
@example(f"{VICTIM.name}\0*")
@example(f"{VICTIM.name} ")
@example(f" {VICTIM.name}")
@example(VICTIM.name.replace("-", "\u00ad-"))
@example(VICTIM.name.replace("a", "\u0430"))
@example(VICTIM.name.replace("a", "\uff41"))
@example(VICTIM.name.replace("i", "\u0131"))
@example(VICTIM.name.replace("-", "\n-"))
@example(f"uid={VICTIM.name}")
@example("a" * 10_000)
@example("(" * 3_000)
@example("\\" * 151)
@example("\x1b[31m\x07\u202e")
def test_P02_no_other_name_finds_the_victim_or_breaks_anything(
    victim: Person, stranger: Visitor, name: str
) -> None:
    assume(normal_username(name) != victim.name)
    assert_nobody_is_let_in(stranger, name, victim.password)


@settings(thorough, max_examples=15)
@given(st.one_of(st.lists(PIECES, max_size=5).map("".join), st.text(max_size=50)))
@example("")
@example("*")
@example(" ")
@example("\0")
@example(f"{VICTIM.password}\0")
@example(f"\0{VICTIM.password}")
@example(f"{VICTIM.password} ")
@example(VICTIM.password.upper())
@example("a" * 100_000)
@example(SERVICE_PASSWORD)
def test_P02_no_other_password_lets_anybody_in(
    victim: Person, stranger: Visitor, password: str
) -> None:
    assert_nobody_is_let_in(stranger, victim.name, password)


@pytest.mark.parametrize("password", ["", VICTIM.password, SERVICE_PASSWORD])
def test_P02_a_dn_is_no_name(home: House, victim: Person, stranger: Visitor, password: str) -> None:
    for name in (home.branch.person(victim.name), SERVICE, home.branch.people_base):
        assert_nobody_is_let_in(stranger, name, password)


@pytest.mark.parametrize("name", [b"\xff\xfe", b"ann\xc3", b"\xed\xa0\x80", b"%00", b"\xc0\x80"])
def test_P02_bytes_that_are_no_text_are_nobody(
    victim: Person, stranger: Visitor, name: bytes
) -> None:
    assert_nobody_is_let_in(stranger, name, victim.password)
    assert_nobody_is_let_in(stranger, victim.name, name)


def assert_nobody_is_let_in(stranger: Visitor, name: str | bytes, password: str | bytes) -> None:
    stranger.move()
    answer = stranger.try_in(name, password)
    assert (answer.status_code, NOBODY in sentences(answer)) == (403, True), answer.text
    assert "session" not in stranger.http.cookies


def test_P02_a_fields_that_is_missing_is_nobody(home: House, victim: Person) -> None:
    visitor = home.visitor()
    fields = {"csrfmiddlewaretoken": visitor._form_token("/sign-in/")}
    for some in ({}, {"username": victim.name}, {"password": victim.password}):
        visitor.move()
        answer = visitor.http.post(f"{visitor.url}/sign-in/", {**fields, **some}, timeout=60)
        assert answer.status_code == 403


def test_P02_two_entries_with_one_name_are_nobody(home: House) -> None:
    person = home.invite()
    home.branch.move_person(person.name, "twins")
    home.branch.add_person(person.name, "the-other-one-knows-this")
    for password in (person.password, "the-other-one-knows-this"):
        assert_nobody_is_let_in(home.visitor(), person.name, password)


@pytest.mark.parametrize(
    "name", ["ann (night*shift)", "bob\\carol", "dana,ou=people", "ánn+bob", "100%(user)s"]
)
def test_P02_names_with_special_characters_are_themselves_and_nobody_elses(
    home: House, name: str
) -> None:
    password = "knows-what-a-special-name-is"
    home.branch.add_person(name, password)
    for group in (REQUIRED, ENGINEERS):
        home.branch.add_member(group, name)
    visitor = home.visitor().sign_in(name, password)
    assert visitor.history()[0]["actor"] == name
    assert launched(visitor.go())
    assert home.visitor().sign_in(name.upper(), password).history()[0]["actor"] == name


# --- P06 ------------------------------------------------------------------------------------------


def test_P06_wrong_directory_passwords_are_slowed_by_name_and_address(home: House) -> None:
    person, other = home.invite(), home.invite("bob")
    visitor = home.visitor()
    for _ in range(5):
        assert visitor.try_in(person.name, "wrong").status_code == 403
    resting = visitor.try_in(person.name, person.password)
    assert resting.status_code == 429
    assert int(resting.headers["Retry-After"]) > 0
    assert NOBODY not in sentences(resting)
    # Neither the person elsewhere nor somebody else here is kept out.
    home.sign_in(person)
    Visitor(home.served, visitor.address).sign_in(other.name, other.password)


def test_P06_a_right_password_forgives_the_wrong_ones(home: House) -> None:
    person = home.invite()
    visitor = home.visitor()
    for _ in range(2):
        for _ in range(4):
            assert visitor.try_in(person.name, "wrong").status_code == 403
        visitor.sign_in(person.name, person.password)
        visitor.sign_out()


# --- P07 ------------------------------------------------------------------------------------------

ROUNDS = 12
# Of the shortest time, which other work on the machine makes longest last: a check of a local
# password that is left out or doubled makes 0.5 and more.
NOISE = 0.35


def test_P07_existing_and_missing_names_are_told_apart_by_nothing(home: House) -> None:
    """Also a local person, a disabled one, one who may not sign in, and a placeholder."""
    present, disabled, outside = home.invite(), home.invite(), home.invite()
    home.branch.disable(disabled.name)
    home.branch.remove_member(REQUIRED, outside.name)
    waited_for = home.served.log.with_name("waited-for.yaml")
    waited_for.write_text(
        "version: 1\ngrants:\n  - {user: bob-who-never-came, account: hub, role: cost-viewer}\n",
        encoding="utf-8",
    )
    assert home.served.manage("access", "apply", str(waited_for)).returncode == 0
    numbers = itertools.count()
    kinds: dict[str, Callable[[], str]] = {
        "missing": lambda: f"nobody-{next(numbers)}",
        "present": lambda: present.name,
        "disabled": lambda: disabled.name,
        "outside": lambda: outside.name,
        "local": lambda: "carol",
        "placeholder": lambda: "bob-who-never-came",
    }
    visitor = home.visitor()
    visitor.try_in("nobody", "wrong")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    seen = set()
    for _ in range(ROUNDS):
        for kind, name in kinds.items():
            visitor.move()
            typed = name()
            began = time.perf_counter()
            answer = visitor.try_in(typed, "a-wrong-password")
            times[kind].append(time.perf_counter() - began)
            seen.add((answer.status_code, sentences(answer), frozenset(answer.headers)))
    assert len(seen) == 1
    shortest = {kind: min(measured) for kind, measured in times.items()}
    for kind, seconds in shortest.items():
        assert abs(seconds - shortest["missing"]) < NOISE * shortest["missing"], (kind, shortest)
