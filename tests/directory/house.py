"""A served portal with a directory behind it, and the people that a test invites to it."""

import itertools
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.directory.slapd import Branch
from tests.directory.visiting import Visitor
from tests.served import Served, served_portal

REQUIRED, DENIED, ADMINISTRATORS, ENGINEERS = "people", "barred", "keepers", "engineers"
GRANTS = f"""
version: 1
grants:
  - {{group: {ENGINEERS}, account: payments-dev, role: Developer}}
"""


@dataclass(frozen=True)
class Person:
    """Somebody of the directory."""

    name: str
    password: str


@dataclass
class House:
    """The portal, its part of the directory, and everybody who was ever invited."""

    served: Served
    branch: Branch
    invited: list[Person] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def invite(self, who: str = "ann", *groups: str) -> Person:
        """Add somebody new who may sign in, to some groups (else the engineers)."""
        number = next(self.numbers)
        person = Person(f"{who}-{number}", f"{who}-knows-secret-{number}-of-the-directory")
        self.branch.add_person(person.name, person.password)
        for group in (REQUIRED, *(groups or (ENGINEERS,))):
            self.branch.add_member(group, person.name)
        self.invited.append(person)
        return person

    def visitor(self) -> Visitor:
        """Somebody with a new browser at a new address."""
        return Visitor(self.served)

    def sign_in(self, person: Person) -> Visitor:
        """Let somebody sign in."""
        return self.visitor().sign_in(person.name, person.password)

    def replace(self, person: Person) -> Person:
        """Give the name to somebody else, in the same groups."""
        newcomer = Person(person.name, f"{person.password}-of-the-new-one")
        self.branch.recreate_person(newcomer.name, newcomer.password)
        for group in (REQUIRED, ENGINEERS):
            self.branch.add_member(group, newcomer.name)
        self.invited.append(newcomer)
        return newcomer

    def rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Look into the portal's database."""
        path = self.served.environment["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database, database:
            return database.execute(statement, values).fetchall()

    def last_act(self, action: str, actor: str) -> tuple[str, str]:
        """Return outcome and error of somebody's latest act."""
        statement = (
            "SELECT outcome, error FROM accounts_entry WHERE action=? AND actor=? "
            "ORDER BY id DESC LIMIT 1"
        )
        ((outcome, error),) = self.rows(statement, action, actor)
        return outcome, error

    def changes(self, name: str) -> list[dict[str, Any]]:
        """Return what the record says was changed of somebody, the oldest first."""
        statement = "SELECT details FROM accounts_entry WHERE action='admin-change' ORDER BY id"
        details = [json.loads(text) for (text,) in self.rows(statement)]
        return [change for change in details if change.get("user") == name]


@contextmanager
def house(folder: Path, branch: Branch, **settings: str) -> Iterator[House]:
    """Serve a portal whose directory is a branch; ``settings`` add to or replace the branch's."""
    own = {
        "AUTH_LDAP_TIMEOUT_SECONDS": "2",
        "AUTH_LDAP_REFRESH_SECONDS": "0",
        "WEB_CONCURRENCY": "1",
        "PORTAL_LAUNCHES_PER_MINUTE": "0",
    }
    with served_portal(folder, upstream={**branch.settings(), **own, **settings}) as served:
        grants = folder / "grants.yaml"
        grants.write_text(GRANTS, encoding="utf-8")
        applied = served.manage("access", "apply", str(grants))
        assert applied.returncode == 0, applied.stderr
        yield House(served, branch)


def house_branch(branch: Branch) -> Branch:
    """Put the groups into a branch that a house's settings name."""
    for group in (REQUIRED, DENIED, ADMINISTRATORS, ENGINEERS):
        branch.add_group(group)
    return branch


def eventually(look: Callable[[], bool], seconds: float) -> None:
    """Look until it is so, at most so many seconds."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not come about in time"
