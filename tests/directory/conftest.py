"""One real directory for a whole run, and a portal before it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.directory.certificates import Authority
from tests.directory.hostile import Hostile, closed_port, garbage, impostor, silent
from tests.directory.house import (
    ADMINISTRATORS,
    DENIED,
    REQUIRED,
    House,
    house,
    house_branch,
)
from tests.directory.slapd import Slapd


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """The server: make a branch of your own, and ``recover`` it after you broke it."""
    with Slapd(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture(scope="session")
def home(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A portal that logs everything, with StartTLS; groups by cn and by DN. Invite people to it."""
    branch = house_branch(slapd.branch("home"))
    settings = branch.settings(
        secured_by="starttls",
        AUTH_LDAP_REQUIRE_GROUP=REQUIRED,
        AUTH_LDAP_DENY_GROUP=branch.group(DENIED).upper(),
        AUTH_LDAP_ADMIN_GROUP=branch.group(ADMINISTRATORS),
        LOG_LEVEL="DEBUG",
    )
    with house(tmp_path_factory.mktemp("home"), branch, **settings) as served:
        yield served


@dataclass
class Besieged:
    """A portal with a bad server of each kind before the good one, and the one that hangs."""

    house: House
    hung: Hostile


@pytest.fixture(scope="session")
def besieged(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """Two workers with ldaps: one server hung, one refusing, garbage, a wrong certificate, good."""
    branch = house_branch(slapd.branch("besieged"))
    others = Authority(tmp_path_factory.mktemp("others"), "others")
    wrong = impostor(slapd.url, others.certify("127.0.0.1"), start_tls=False)
    with ExitStack() as stack:
        hung, liar, mask = (
            stack.enter_context(Hostile(behave)) for behave in (silent, garbage, wrong)
        )
        refused = stack.enter_context(closed_port()).replace("ldap:", "ldaps:")
        urls = (hung.ldaps_url, refused, liar.ldaps_url, mask.ldaps_url, slapd.ldaps_url)
        settings = branch.settings(secured_by="ldaps", AUTH_LDAP_SERVER_URI=" ".join(urls))
        settings |= {"AUTH_LDAP_TIMEOUT_SECONDS": "1", "WEB_CONCURRENCY": "2", "LOG_LEVEL": "DEBUG"}
        folder = tmp_path_factory.mktemp("besieged")
        yield Besieged(stack.enter_context(house(folder, branch, **settings)), hung)
