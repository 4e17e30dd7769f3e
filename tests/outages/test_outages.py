"""Directory, database and AWS are killed, hung and restarted while twenty people launch.

On what an organisation has: a directory, PostgreSQL that keeps what it was given, two workers.
Whatever breaks, nobody gets in who should not, no launch is without its row, no row is lost, and
everybody is served again within ten seconds of its return, without a restart of the portal.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest
import requests

from tests.directory.slapd import Branch, Slapd
from tests.directory.visiting import GO, Visitor, launched
from tests.faults import upstream as faults
from tests.faults.upstream import Upstream
from tests.postgresql import server as postgresql
from tests.served import PASSWORDS, Served, served_portal

BACK_WITHIN_SECONDS = 10
_OUTAGE_SECONDS = 2
_PAUSE_SECONDS = 0.1
# Whoever may launch either launches or is told that something does not answer.
_UNDERSTOOD = {502, 503, 504}

GRANTS = """
version: 1
grants:
  - {group: engineers, account: payments-dev, role: Developer}
"""


@dataclass
class Stranger:
    """Somebody who must not get in, and tries again and again, from the sign-in on."""

    visitor: Visitor
    name: str

    def tries(self) -> bool:
        """Whether they got in."""
        answer = self.visitor.go(GO)
        if answer.status_code == 302 and not launched(answer):
            self.visitor.try_in(self.name, PASSWORDS["ann"])
            answer = self.visitor.go(GO)
        return launched(answer)


@dataclass
class Ground:
    """The portal and all it stands on."""

    served: Served
    database: postgresql.Server
    directory: Slapd
    branch: Branch
    upstream: Upstream

    def leaver(self, name: str) -> "Stranger":
        """Somebody who has launched, then left the directory, and was refused."""
        self.branch.add_person(name, PASSWORDS["ann"])
        self.branch.add_member("engineers", name)
        visitor = Visitor(self.served).sign_in(name, PASSWORDS["ann"])
        assert launched(visitor.go(GO))
        self.branch.delete_person(name)
        assert visitor.go(GO).status_code == 403
        return Stranger(visitor, name)

    def lets_somebody_arrive(self) -> bool:
        """Whether a person of the directory can sign in.

        People who are signed in launch by what the directory said before; so this alone tells
        that it is asked again.
        """
        answer = Visitor(self.served).try_in("engineer-0", PASSWORDS["ann"])
        return answer.status_code == 303

    def count(self, condition: str) -> int:
        """Count rows of the record."""
        with self.database.connect("portal") as connection:
            found = connection.execute(
                f"SELECT count(*) FROM accounts_entry WHERE action = 'launch' AND {condition}"
            ).fetchone()
        assert found
        return int(found[0])


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("ground")
    with (
        postgresql.running(durable=True) as database,
        Slapd(tmp_path_factory.mktemp("directory")) as directory,
        Upstream() as upstream,
    ):
        branch = directory.branch("ground")
        branch.add_group("engineers")
        for number in range(10):
            branch.add_person(f"engineer-{number}", PASSWORDS["ann"])
            branch.add_member("engineers", f"engineer-{number}")
        branch.add_person("newcomer", PASSWORDS["ann"])
        settings = {
            **branch.settings(),
            "DATABASE_URL": database.create_database("portal"),
            "AUTH_LDAP_TIMEOUT_SECONDS": "2",
            # Every launch asks the directory, which counts for what it said before it went away.
            "AUTH_LDAP_REFRESH_SECONDS": "0",
            "PORTAL_UPSTREAM_TIMEOUT_SECONDS": "2",
            "PORTAL_LAUNCHES_PER_MINUTE": "0",
        }
        addresses = {
            "AWS_ENDPOINT_URL_STS": upstream.url,
            "PORTAL_FEDERATION_URL": upstream.federation_url,
        }
        with served_portal(folder, upstream=addresses, **settings) as served:
            grants = folder / "grants.yaml"
            grants.write_text(GRANTS, encoding="utf-8")
            applied = served.manage("access", "apply", str(grants))
            assert applied.returncode == 0, applied.stderr
            yield Ground(served, database, directory, branch, upstream)


@pytest.fixture(scope="module")
def people(ground: Ground) -> list[Visitor]:
    """Ten of the directory, ten sessions of a local person."""
    engineers = [
        Visitor(ground.served).sign_in(f"engineer-{number}", PASSWORDS["ann"])
        for number in range(10)
    ]
    return [
        *engineers,
        *(Visitor(ground.served).sign_in("ann", PASSWORDS["ann"]) for _ in range(10)),
    ]


@pytest.fixture(scope="module")
def newcomer(ground: Ground) -> Stranger:
    """Somebody of the directory who was granted nothing."""
    visitor = Visitor(ground.served).sign_in("newcomer", PASSWORDS["ann"])
    return Stranger(visitor, "newcomer")


@dataclass
class Load:
    """What people met, while they clicked again and again."""

    statuses: set[int] = field(default_factory=set)
    launches: int = 0
    last_launch: dict[int, float] = field(default_factory=dict)
    strangers_tries: int = 0
    strangers_launches: int = 0
    surprises: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def met(self, person: int, answer: requests.Response) -> None:
        with self._lock:
            self.statuses.add(answer.status_code)
            if launched(answer):
                self.launches += 1
                self.last_launch[person] = time.monotonic()
            elif answer.status_code not in _UNDERSTOOD:
                self.surprises.append(f"{answer.status_code}: {answer.text[:2000]}")

    def strangers_tried(self, *, got_in: bool) -> None:
        with self._lock:
            self.strangers_tries += 1
            self.strangers_launches += got_in

    def broke_off(self, error: Exception) -> None:
        with self._lock:
            self.surprises.append(f"{type(error).__name__}: {error}")

    def all_launched_since(self, moment: float, people: int) -> bool:
        with self._lock:
            return sum(at > moment for at in self.last_launch.values()) == people


@contextmanager
def clicking(people: list[Visitor], strangers: list[Stranger]) -> Iterator[Load]:
    """Everybody launches again and again until the block ends."""
    load, over = Load(), threading.Event()

    def again_and_again(click: Callable[[], None]) -> None:
        while not over.wait(_PAUSE_SECONDS):
            try:
                click()
            except requests.RequestException as error:
                load.broke_off(error)

    def person(number: int, visitor: Visitor) -> Callable[[], None]:
        return lambda: load.met(number, visitor.go(GO))

    def stranger(somebody: Stranger) -> Callable[[], None]:
        return lambda: load.strangers_tried(got_in=somebody.tries())

    clicks = [person(number, visitor) for number, visitor in enumerate(people)]
    clicks += [stranger(somebody) for somebody in strangers]
    everybody = [threading.Thread(target=again_and_again, args=(click,)) for click in clicks]
    for each in everybody:
        each.start()
    try:
        yield load
    finally:
        over.set()
        for each in everybody:
            each.join(60)


def _directory_killed(ground: Ground) -> Iterator[None]:
    ground.directory.kill()
    yield
    ground.directory.recover()


def _directory_hung(ground: Ground) -> Iterator[None]:
    ground.directory.hang()
    yield
    ground.directory.recover()


def _directory_restarted(ground: Ground) -> Iterator[None]:
    ground.directory.stop()
    ground.directory.recover()
    yield


def _database_killed(ground: Ground) -> Iterator[None]:
    ground.database.kill()
    yield
    ground.database.start()


def _database_hung(ground: Ground) -> Iterator[None]:
    with ground.database.hung():
        yield


def _database_restarted(ground: Ground) -> Iterator[None]:
    ground.database.stop()
    ground.database.start()
    yield


def _aws_failing(fault: faults.Fault) -> Callable[[Ground], Iterator[None]]:
    def outage(ground: Ground) -> Iterator[None]:
        ground.upstream.otherwise = fault
        yield
        ground.upstream.otherwise = faults.well

    return outage


OUTAGES: dict[str, Callable[[Ground], Iterator[None]]] = {
    "directory killed": _directory_killed,
    "directory hung": _directory_hung,
    "directory restarted": _directory_restarted,
    "database killed": _database_killed,
    "database hung": _database_hung,
    "database restarted": _database_restarted,
    "AWS killed": _aws_failing(faults.reset),
    "AWS hung": _aws_failing(faults.silent),
    "AWS busy": _aws_failing(faults.said(503)),
}


@pytest.mark.parametrize("name", OUTAGES)
def test_P28_P36_P37_an_outage_under_load_lets_nobody_in_and_heals_by_itself(
    ground: Ground, people: list[Visitor], newcomer: Stranger, name: str
) -> None:
    broken: Callable[[Ground], AbstractContextManager[None]] = contextmanager(OUTAGES[name])
    before = ground.count("phase = 'closed' AND outcome = 'succeeded'")
    asked_before, opened_before = len(ground.upstream.asked_sts), ground.count("phase = 'opened'")
    strangers = [newcomer, ground.leaver(f"leaver-before-{name.replace(' ', '-')}")]
    with clicking(people, strangers) as load:
        _until(lambda: load.all_launched_since(0, len(people)), 30, "nobody gets going")
        with broken(ground):
            # Whatever happens in these seconds is what the test is about.
            threading.Event().wait(_OUTAGE_SECONDS)
        back = time.monotonic()
        _until(
            lambda: load.all_launched_since(back, len(people)) and ground.lets_somebody_arrive(),
            BACK_WITHIN_SECONDS,
            f"not everybody is served again: {load.statuses}",
        )
    assert load.surprises == []
    assert load.strangers_tries > len(strangers)
    assert load.strangers_launches == 0
    succeeded = ground.count("phase = 'closed' AND outcome = 'succeeded'") - before
    # No launch without its row; a row without its launch is somebody who did not wait.
    assert load.launches <= succeeded
    opened = ground.count("phase = 'opened'") - opened_before
    assert opened >= succeeded
    if "AWS" not in name:
        # No retries in these: each question to STS had its row before.
        assert len(ground.upstream.asked_sts) - asked_before <= opened
    verdict = ground.served.manage("audit", "verify")
    assert verdict.stdout.startswith("ok  "), verdict.stdout


def _until(holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
