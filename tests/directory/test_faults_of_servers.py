"""P03: each way in which a server can be bad, alone and before a good one, within the budget.

Many are tried at the same moment, each by a portal of its own, so that there is less to wait for.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from portal import directory_settings
from portal.signin.directory.client import Client
from portal.signin.directory.problems import NoServerAnswers
from tests.directory import hostile
from tests.directory.certificates import Authority
from tests.directory.hostile import Behaviour, Hostile
from tests.directory.slapd import PASSWORDS, Branch, Slapd

TIMEOUT = 3
TRIED_AT_ONCE = 12
# The machine may have other work to do; a wait without an end is longer than any of that.
SLACK = 10


@dataclass(frozen=True)
class World:
    """What a bad server may need."""

    slapd: Slapd
    others: Authority
    """Whom nobody trusts."""


Make = Callable[[World], AbstractContextManager[str]]


def _does(behave: Behaviour, *, ldaps: bool = False) -> Make:
    return lambda _: _listens(behave, ldaps=ldaps)


@contextmanager
def _listens(behave: Behaviour, *, ldaps: bool = False) -> Iterator[str]:
    with Hostile(behave) as server:
        yield server.ldaps_url if ldaps else server.url


def _shows(case: str, *, start_tls: bool) -> Make:
    def make(world: World) -> AbstractContextManager[str]:
        certificate = {
            "another authority": lambda: world.others.certify("127.0.0.1"),
            "another host": lambda: world.slapd.authority.certify("elsewhere.example"),
            "expired": lambda: world.slapd.authority.certify(
                "127.0.0.1", valid_for=timedelta(hours=-1)
            ),
        }[case]()
        behave = hostile.impostor(world.slapd.url, certificate, start_tls=start_tls)
        return _listens(behave, ldaps=not start_tls)

    return make


def _stalls(requests: int) -> Make:
    return lambda world: _listens(hostile.stalling(world.slapd.url, requests))


FAULTS: dict[str, tuple[str, Make]] = {
    "closed port": ("", lambda _: hostile.closed_port()),
    "unreachable": ("", lambda _: hostile.unreachable()),
    **{
        f"{behave.__name__} {secured_by}".strip(): (
            secured_by,
            _does(behave, ldaps=secured_by == "ldaps"),
        )
        for behave in (
            hostile.silent,
            hostile.hang_up,
            hostile.garbage,
            hostile.half_an_answer,
            hostile.broken_off,
            hostile.endless,
            hostile.dripping,
        )
        for secured_by in ("", "starttls", "ldaps")
    },
    "hangs after StartTLS": ("starttls", _does(hostile.silent_after_start_tls)),
    "drips after StartTLS": ("starttls", _does(hostile.dripping_handshake)),
    "refuses StartTLS": ("starttls", lambda world: _listens(hostile.stripping(world.slapd.url))),
    "stalls after the service's bind": ("", _stalls(1)),
    "stalls after the search": ("", _stalls(2)),
    "stalls after the person's bind": ("", _stalls(3)),
    "stalls before the groups": ("", _stalls(4)),
    **{
        f"{case}, {secured_by}": (secured_by, _shows(case, start_tls=secured_by == "starttls"))
        for case in ("another authority", "another host", "expired")
        for secured_by in ("starttls", "ldaps")
    },
}


# What a slow password hash of one person looks like too: for it no server is passed over.
OF_ONE_PERSON = "stalls after the search"


@dataclass(frozen=True)
class Met:
    """How two sign-ins went, one after the other.

    ``who``: who was let in by each (empty: nobody, the directory is away); ``seconds`` that the
    first took; ``passed_over``: how often it was said of a server that it did not answer.
    """

    who: tuple[str, str]
    seconds: float
    passed_over: int


class _PassedOver(logging.Handler):
    """Counts, for each thread, how often a server was asked in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.by_thread: Counter[int] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "directory server passed over":
            self.by_thread[threading.get_ident()] += 1


def _sign_in(client: Client) -> str:
    try:
        person = client.admit("ann", PASSWORDS["ann"])
    except NoServerAnswers:
        return ""
    assert person is not None
    return person.username


def _sign_in_twice(client: Client, passed_over: _PassedOver) -> Met:
    counted = passed_over.by_thread
    before, began = counted[threading.get_ident()], time.monotonic()
    first = _sign_in(client)
    seconds = time.monotonic() - began
    second = _sign_in(client)
    return Met((first, second), seconds, counted[threading.get_ident()] - before)


@pytest.fixture(scope="module")
def met(
    slapd: Slapd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, bool], Met]]:
    """Two sign-ins one after the other for every fault, without and with a good server."""
    passed_over, log = _PassedOver(), logging.getLogger("portal.signin.directory.client")
    world = World(slapd, Authority(tmp_path_factory.mktemp("others"), "others"))
    branch = slapd.populated_branch("faults")
    with ExitStack() as stack:
        clients = {}
        for fault, (secured_by, make) in FAULTS.items():
            bad = stack.enter_context(make(world))
            good = slapd.ldaps_url if secured_by == "ldaps" else slapd.url
            for urls in (bad, f"{bad} {good}"):
                settings = branch.settings(secured_by=secured_by, AUTH_LDAP_SERVER_URI=urls)
                clients[fault, urls != bad] = _client(settings)
        log.addHandler(passed_over)
        stack.callback(log.removeHandler, passed_over)
        with ThreadPoolExecutor(TRIED_AT_ONCE) as pool:
            tried = pool.map(lambda client: _sign_in_twice(client, passed_over), clients.values())
            yield dict(zip(clients, tried, strict=True))


def _client(variables: dict[str, str]) -> Client:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AUTH_LDAP_TIMEOUT_SECONDS", str(TIMEOUT))
        for name, value in variables.items():
            environment.setenv(name, value)
        settings = directory_settings.read()
    assert settings is not None
    return Client(settings)


@pytest.mark.parametrize("fault", FAULTS)
def test_P03_a_bad_server_alone_is_a_directory_that_is_away_within_the_budget(
    met: dict[tuple[str, bool], Met], fault: str
) -> None:
    alone = met[fault, False]
    assert alone.who == ("", "")
    assert alone.seconds < 2 * TIMEOUT + SLACK
    assert alone.passed_over == (fault != OF_ONE_PERSON), "nobody waits for it again so soon"


@pytest.mark.parametrize("fault", FAULTS)
def test_P03_a_good_server_after_a_bad_one_lets_in_within_the_budget_and_then_at_once(
    met: dict[tuple[str, bool], Met], fault: str
) -> None:
    helped = met[fault, True]
    assert helped.who == ("ann", "ann")
    assert helped.seconds < 2 * TIMEOUT + SLACK
    assert helped.passed_over == (fault != OF_ONE_PERSON), "it is asked once and passed over"


# --- the good ones --------------------------------------------------------------------------------


@pytest.mark.parametrize("secured_by", ["", "starttls", "ldaps"])
@pytest.mark.parametrize("kind", ["posixGroup", "groupOfNames", "nestedActiveDirectory"])
def test_a_good_server_lets_in_by_every_transport(slapd: Slapd, kind: str, secured_by: str) -> None:
    branch = slapd.populated_branch(f"transport-{kind}-{secured_by}", kind)
    client = _client(branch.settings(secured_by=secured_by))
    nested = kind.startswith("nested")
    groups = {"ann": {"engineers", "payments", "staff"}, "carol": {"staff"}}
    above = {"ann": {"everyone"}, "carol": {"ring", "circle"}}
    for name, direct in groups.items():
        person = client.admit(name, PASSWORDS[name])
        assert person is not None
        found = {group.name for group in person.groups}
        assert found == direct | (above[name] if nested else set())
    assert client.admit("ann", PASSWORDS["bob"]) is None


@pytest.mark.parametrize("secured_by", ["starttls", "ldaps"])
def test_a_good_server_whose_tls_is_openssls_lets_in(slapd: Slapd, secured_by: str) -> None:
    """Debian's slapd uses GnuTLS; OpenSSL's servers talk of session tickets after a handshake."""
    branch = slapd.populated_branch(f"openssl-{secured_by}")
    certificate = slapd.authority.certify("127.0.0.1")
    behave = hostile.impostor(slapd.url, certificate, start_tls=secured_by == "starttls")
    with Hostile(behave) as server:
        url = server.url if secured_by == "starttls" else server.ldaps_url
        client = _client(branch.settings(secured_by=secured_by, AUTH_LDAP_SERVER_URI=url))
        person = client.admit("ann", PASSWORDS["ann"])
        assert person is not None
        assert client.admit("ann", "a-wrong-password") is None


def test_P25_without_the_right_authority_nobody_asks_a_server(slapd: Slapd) -> None:
    branch: Branch = slapd.populated_branch("untrusted")
    for secured_by in ("starttls", "ldaps"):
        variables = branch.settings(secured_by=secured_by, AUTH_LDAP_CA_CERT_FILE="")
        with pytest.raises(NoServerAnswers):
            _client(variables).admit("ann", PASSWORDS["ann"])


def test_P07_every_wrong_try_asks_the_same_three_things(slapd: Slapd) -> None:
    """The service's bind, the search, a bind that fails: a fourth or a missing one takes time."""
    branch = slapd.populated_branch("steps")
    branch.disable("carol")
    tries = [
        *(
            (name, "a-wrong-password")
            for name in ("ann", "carol", "nobody", "", "*", "a\0", "dana")
        ),
        ("ann", ""),
        ("nobody", ""),
        ("ann", "\0"),
        ("ann", "a" * 5000),
    ]
    with ExitStack() as stack:
        servers = [stack.enter_context(Hostile(hostile.stalling(slapd.url, n))) for n in (1, 2, 3)]

        every = [branch.settings(AUTH_LDAP_SERVER_URI=server.url) for server in servers]
        clients = {typed: [_client(settings) for settings in every] for typed in tries}

        def steps(typed: tuple[str, str]) -> int:
            for taken, client in enumerate(clients[typed], start=1):
                try:
                    assert client.admit(*typed) is None
                except NoServerAnswers:
                    continue
                return taken
            return 0

        with ThreadPoolExecutor(len(tries)) as pool:
            taken = dict(zip(tries, pool.map(steps, tries), strict=True))
    assert set(taken.values()) == {3}, taken
