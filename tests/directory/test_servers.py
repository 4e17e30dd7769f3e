"""Fail-over: which server is asked, for how long, which is passed over; and who is found."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.directory_settings import DirectorySettings
from portal.signin.directory.client import Client
from portal.signin.directory.entries import Entry
from portal.signin.directory.line import MOST_BYTES_OF_AN_ANSWER, Line, LineProblem, Server
from portal.signin.directory.problems import NoServerAnswers, UnreadablePerson
from portal.signin.directory.servers import Budget, Memory, Servers
from tests.directory import hostile
from tests.directory.hostile import Hostile
from tests.directory.in_process import connect
from tests.directory.slapd import PASSWORDS, Branch, Slapd
from tests.served import ROOT

FIRST, SECOND = Server("ldap://first"), Server("ldap://second")


@pytest.fixture(scope="module")
def branch(slapd: Slapd) -> Branch:
    return slapd.populated_branch("servers")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def servers(clock: Clock) -> Servers:
    return Servers([FIRST, SECOND], 10, clock=clock)


def asked(servers: Servers) -> list[Server]:
    with servers.in_turn() as turn:
        return turn


# --- in turn ---------------------------------------------------------------------------------


def test_a_server_that_did_not_answer_is_passed_over_for_30_seconds(
    servers: Servers, clock: Clock
) -> None:
    assert asked(servers) == [FIRST, SECOND]
    servers.failed(FIRST)
    clock.now += 29.9
    assert asked(servers) == [SECOND]
    clock.now += 0.2
    assert asked(servers) == [FIRST, SECOND]
    servers.failed(FIRST)
    servers.answered(FIRST)
    assert asked(servers) == [FIRST, SECOND]


def test_where_all_are_away_one_request_at_a_time_tries_again(
    servers: Servers, clock: Clock
) -> None:
    servers.failed(FIRST)
    servers.failed(SECOND)
    assert asked(servers) == []
    clock.now += 2.1
    with servers.in_turn() as turn:
        assert turn == [FIRST, SECOND]
        assert asked(servers) == []
        servers.failed(FIRST)
        servers.failed(SECOND)
    assert asked(servers) == []
    clock.now += 2.1
    with pytest.raises(RuntimeError), servers.in_turn():
        raise RuntimeError
    assert asked(servers) == [FIRST, SECOND]


_TWO_PROCESSES = """
import os
from portal.signin.directory.line import Server
from portal.signin.directory.servers import Servers

servers = Servers([Server("ldap://first"), Server("ldap://second")], 10)
if not (child := os.fork()):
    servers.failed(Server("ldap://first"))
    os._exit(0)
os.waitpid(child, 0)
with servers.in_turn() as turn:
    print([server.url for server in turn])
"""


def test_what_one_process_learns_another_knows() -> None:
    words = [sys.executable, "-c", _TWO_PROCESSES]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "['ldap://second']\n"


def test_a_process_that_died_while_it_tried_again_keeps_nobody_from_trying(clock: Clock) -> None:
    memory = Memory()
    ours, theirs = (Servers([FIRST], 10, memory, clock) for _ in range(2))
    ours.failed(FIRST)
    clock.now += 3
    dying = theirs.in_turn()
    assert dying.__enter__() == [FIRST]
    assert asked(ours) == []
    clock.now += 10
    assert asked(ours) == [FIRST]


@given(st.integers(1, 12), st.floats(0.1, 60), st.data())
def test_no_number_of_servers_takes_more_than_twice_the_wait(
    count: int, seconds: float, data: st.DataObject
) -> None:
    clock = Clock()
    began = clock.now
    budget = Budget(seconds, clock)
    for tried in range(count):
        allowed = budget.for_a_first_answer(count - tried)
        assert 0 < allowed <= seconds
        # Each takes all of it, or gives up sooner.
        clock.now += data.draw(st.sampled_from([allowed, allowed / 2, 0.0]))
        # The last one has its turn too.
    assert clock.now - began <= 2 * seconds + 1e-6
    assert budget.for_one_answer() <= seconds


# --- lines -----------------------------------------------------------------------------------


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "directory-line"]


TROUBLE: list[hostile.Behaviour] = [
    hostile.silent,
    hostile.hang_up,
    hostile.garbage,
    hostile.half_an_answer,
    hostile.broken_off,
    hostile.endless,
    hostile.dripping,
]


@pytest.mark.parametrize("behave", TROUBLE, ids=lambda behave: behave.__name__)
@pytest.mark.parametrize("secured_by", ["", "starttls", "ldaps"])
def test_P3_whatever_a_server_does_the_next_one_is_asked_in_time(
    behave: hostile.Behaviour,
    secured_by: str,
    branch: Branch,
    slapd: Slapd,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Hostile(behave) as bad:
        url, good = bad.url, slapd.url
        if secured_by == "ldaps":
            url, good = bad.ldaps_url, slapd.ldaps_url
        variables = branch.settings(secured_by=secured_by)
        client = Client(connect(monkeypatch, variables, AUTH_LDAP_SERVER_URI=f"{url} {good}"))
        began = time.monotonic()
        assert client.admit("ann", PASSWORDS["ann"])
        assert time.monotonic() - began < 15
        assert client.admit("ann", "wrong") is None
        assert bad.connections == 1
    assert not threads()


def test_P3_many_that_hang_take_no_longer_and_leave_no_thread(
    branch: Branch, slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hostile(hostile.silent) as a, Hostile(hostile.dripping) as b, Hostile(hostile.silent) as c:
        urls = f"{a.url} {b.url} {c.url}"
        client = Client(connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=urls))
        began = time.monotonic()
        with pytest.raises(NoServerAnswers):
            client.admit("ann", PASSWORDS["ann"])
        assert 1.8 < time.monotonic() - began < 15
        with pytest.raises(NoServerAnswers):
            client.admit("ann", PASSWORDS["ann"])
        assert (a.connections, b.connections, c.connections) == (1, 1, 1), "nobody asks them again"
    assert not threads()


@pytest.mark.parametrize("requests", range(1, 5))
def test_P3_a_server_that_stalls_in_the_middle_gives_way_to_the_next(
    requests: int, branch: Branch, slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hostile(hostile.stalling(slapd.url, requests)) as stalling:
        urls = f"{stalling.url} {slapd.url}"
        client = Client(connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=urls))
        began = time.monotonic()
        person = client.admit("ann", PASSWORDS["ann"])
        assert time.monotonic() - began < 15
        assert person
        assert {group.name for group in person.groups} >= {"engineers"}


def test_a_service_that_may_not_bind_is_no_answer_and_no_wrong_password(
    branch: Branch, slapd: Slapd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    password = "not-the-services-password"
    client = Client(connect(monkeypatch, branch.settings(), AUTH_LDAP_BIND_PASSWORD=password))
    with pytest.raises(NoServerAnswers):
        client.admit("ann", PASSWORDS["ann"])
    (line,) = caplog.records
    assert "INVALID_CREDENTIALS" in str(vars(line)["facts"])
    assert password not in str(vars(line))


def test_a_line_ends_at_its_deadline_and_may_be_given_another() -> None:
    with Hostile(hostile.dripping) as dripping:
        line = Line(Server(dripping.url), time.monotonic() + 60)
        with contextlib.closing(line), socket.socket(fileno=line.hand_over()) as end:
            end.settimeout(5)
            end.sendall(b"x")
            assert end.recv(100)
            line.may_last_until(time.monotonic() + 0.3)
            began = time.monotonic()
            while time.monotonic() - began < 10 and end.recv(100):
                pass
            assert time.monotonic() - began < 10


def test_an_answer_without_end_is_cut_off() -> None:
    with Hostile(hostile.endless) as endless:
        line = Line(Server(endless.url), time.monotonic() + 60)
        with contextlib.closing(line), socket.socket(fileno=line.hand_over()) as end:
            end.settimeout(5)
            end.sendall(b"x")
            received = 0
            while (data := end.recv(1 << 20)) and received < 2 * MOST_BYTES_OF_AN_ANSWER:
                received += len(data)
            assert received <= MOST_BYTES_OF_AN_ANSWER


def test_a_name_without_an_address_is_a_problem_of_the_line() -> None:
    with pytest.raises(LineProblem, match="cannot be looked up"):
        Line(Server("ldap://nobody.invalid"), time.monotonic() + 5)


# --- who is found ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(branch: Branch) -> Client:
    with pytest.MonkeyPatch.context() as patch:
        return Client(connect(patch, branch.settings()))


LOOK_ALIKES = [
    " ann",
    "ann ",
    "ann\u00a0",
    "\uff41\uff4e\uff4e",
    "an\u200bn",
    "a*",
    "*",
    "ann)(uid=*",
    "\\61nn",
    "ann\0",
    "",
    "uid=ann",
    "ann,ou=people",
    "ann\n",
    "\ud800ann",
    "x" * 5000,
]


@pytest.mark.parametrize("typed", LOOK_ALIKES)
def test_P2_what_only_looks_like_a_name_finds_nobody(typed: str, client: Client) -> None:
    assert client.read(typed, "") is None
    assert client.admit(typed, PASSWORDS["ann"]) is None


@pytest.mark.parametrize("password", ["", "\0", PASSWORDS["ann"] + "\0", "\ud800", "x" * 100_000])
def test_P2_what_cannot_be_a_password_is_none(password: str, client: Client) -> None:
    assert client.admit("ann", password) is None


@given(st.text(max_size=12))
@settings(max_examples=60)
def test_P2_only_the_name_itself_finds_its_person(client: Client, typed: str) -> None:
    person = client.read(typed, "")
    assert (person.username if person else None) == (
        typed.lower() if typed.lower() in PASSWORDS else None
    )


def test_P4_who_takes_anothers_name_as_a_further_one_keeps_nobody_out_and_is_nobody_else(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("twins")
    branch.add_person("ann2", "another password", uid="ann2")
    with slapd.writing() as connection:
        connection.modify_s(branch.person("ann2"), [(0, "uid", [b"ann"])])
    client = Client(connect(monkeypatch, branch.settings()))
    person = client.admit("ann", PASSWORDS["ann"])
    assert person
    assert client.admit("ann", "another password") is None
    assert client.read("ann", person.directory_id) == person


def test_two_entries_known_by_one_name_are_nobody(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("doubles")
    slapd.add_unit(f"ou=more,{branch.people_base}")
    branch.add_person("ann-again", "another password")
    branch.move_person("ann-again", "more")
    with slapd.writing() as connection:
        connection.rename_s(branch.person("ann-again", "more"), "uid=ann")
    client = Client(connect(monkeypatch, branch.settings()))
    assert client.admit("ann", PASSWORDS["ann"]) is None
    assert client.admit("ann", "another password") is None


@pytest.mark.parametrize("kind", ["groupOfNames", "activeDirectory"])
def test_P4_a_person_is_read_by_their_id_whatever_their_name_is_now(
    kind: str, slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch(f"renamed-{kind}", kind)
    client = Client(connect(monkeypatch, branch.settings()))
    person = client.admit("ann", PASSWORDS["ann"])
    assert person
    branch.replace(branch.person("ann"), "displayName", "Ann of before")
    if kind == "activeDirectory":
        branch.replace(branch.person("ann"), "sAMAccountName", "anna")
    else:
        with slapd.writing() as connection:
            connection.rename_s(branch.person("ann"), "uid=anna")
    renamed = client.read("ann", person.directory_id)
    assert renamed
    assert (renamed.username, renamed.directory_id) == ("anna", person.directory_id)


def test_P4_a_new_name_that_is_somebody_elses_too_is_nobodys_and_the_other_stays(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("name-thief", "activeDirectory")
    client = Client(connect(monkeypatch, branch.settings()))
    thief, dana = (client.admit(name, PASSWORDS[name]) for name in ("ann", "dana"))
    assert thief
    assert dana
    branch.replace(branch.person("ann"), "sAMAccountName", "dana")
    with pytest.raises(UnreadablePerson):
        client.read("ann", thief.directory_id)
    assert client.read("dana", dana.directory_id) == dana


def test_P4_where_nobody_has_the_id_and_several_have_the_name_they_are_gone(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("several", "activeDirectory")
    client = Client(connect(monkeypatch, branch.settings()))
    for name in ("ann", "bob"):
        branch.replace(branch.person(name), "sAMAccountName", "anna")
    assert client.read("anna", str(uuid.uuid4())) is None


@pytest.mark.parametrize(
    ("control", "is_disabled"),
    [("512", False), ("514", True), ("-2147483134", True), ("9" * 5000, True), ("x", True)],
)
def test_the_flags_of_an_account_are_read_whatever_they_are(
    control: str, is_disabled: bool
) -> None:
    assert Entry("cn=ann", {"userAccountControl": [control.encode()]}).is_disabled is is_disabled
    assert not Entry("cn=ann", {}).is_disabled


def test_of_several_names_the_one_in_the_dn_counts(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("aliases")
    with slapd.writing() as connection:
        connection.modify_s(branch.person("ann"), [(0, "uid", [b"anna"])])
    client = Client(connect(monkeypatch, branch.settings()))
    assert client.read("ann", "")
    assert client.read("anna", "") is None


def test_whoever_signs_in_by_another_attribute_has_the_first_ones_name(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("mail")
    branch.replace(branch.person("ann"), "mail", "Ann.Doe@sekisho.example")
    text = "(|(uid=%(user)s)(mail=%(user)s@sekisho.example))"
    found: DirectorySettings = connect(
        monkeypatch, branch.settings(), AUTH_LDAP_USER_SEARCH_FILTER=text
    )
    for typed in ("ann", "ann.doe", "ANN.DOE"):
        person = Client(found).admit(typed, PASSWORDS["ann"])
        assert person
        assert person.username == "ann"


def test_P4_whoever_takes_the_name_of_somebody_else_is_not_read_under_it(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = slapd.populated_branch("taken-name", "activeDirectory")
    client = Client(connect(monkeypatch, branch.settings()))
    bob = client.admit("bob", PASSWORDS["bob"])
    assert bob
    branch.replace(branch.person("bob"), "sAMAccountName", "dana")
    with pytest.raises(UnreadablePerson):
        client.read("bob", bob.directory_id)
