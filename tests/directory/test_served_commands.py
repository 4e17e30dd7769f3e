"""``manage.py directory sync`` and ``forget`` as an operator and cron run them. P34."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.directory.hostile import closed_port
from tests.directory.house import ENGINEERS, REQUIRED, House, Person, house, house_branch
from tests.directory.slapd import Slapd
from tests.directory.visiting import launched

Happening = Callable[[House, list[Person]], None]


@pytest.fixture(scope="module")
def large(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A portal that reads people again only by ``sync``."""
    branch = house_branch(slapd.branch("large"))
    settings = branch.settings(AUTH_LDAP_REQUIRE_GROUP=REQUIRED)
    settings |= {"AUTH_LDAP_REFRESH_SECONDS": "3600", "AUTH_LDAP_TIMEOUT_SECONDS": "1"}
    with house(tmp_path_factory.mktemp("large"), branch, **settings) as served:
        yield served


@pytest.fixture(scope="module")
def seven(large: House) -> list[Person]:
    """Seven people whom the portal knows."""
    people = [large.invite() for _ in range(7)]
    for person in people:
        large.sign_in(person)
    return people


def everything(home: House) -> list[tuple[object, ...]]:
    """What the portal knows of its people, but for when it was read."""
    return home.rows(
        "SELECT u.username, u.directory_state, u.is_staff, u.password, g.name "
        "FROM accounts_user u LEFT JOIN accounts_membership m ON m.user_id=u.id "
        "LEFT JOIN accounts_group g ON g.id=m.group_id ORDER BY 1, 5"
    )


def test_sync_takes_over_what_changed_and_leaves_rows_and_ends_sessions(
    large: House, seven: list[Person]
) -> None:
    leaver, mover = seven[0], seven[1]
    leaving, moving = large.sign_in(leaver), large.sign_in(mover)
    large.branch.disable(leaver.name)
    large.branch.remove_member(ENGINEERS, mover.name)
    assert launched(leaving.go()), "nobody asks before the limit"
    synced = large.served.manage("directory", "sync")
    assert (synced.returncode, synced.stderr) == (0, "")
    assert len(synced.stdout.splitlines()) == 1
    assert not leaving.is_signed_in
    assert moving.go().status_code == 404
    assert moving.is_signed_in
    assert large.changes(leaver.name)[-1]["after"]["state"] == "disabled"
    assert large.changes(mover.name)[-1]["after"]["groups"] == []
    actors = large.rows(
        "SELECT DISTINCT actor FROM accounts_entry WHERE action='admin-change' AND details LIKE ?",
        f'%"{leaver.name}"%disabled%',
    )
    assert actors == [("command line",)]
    again = large.served.manage("directory", "sync")
    assert again.returncode == 0
    assert "0 changed" in again.stdout
    large.branch.enable(leaver.name)
    large.branch.add_member(ENGINEERS, mover.name)
    assert large.served.manage("directory", "sync").returncode == 0
    assert launched(moving.go())


def test_sync_with_the_directory_away_changes_nothing_and_exits_1(
    large: House, seven: list[Person]
) -> None:
    before = everything(large)
    with closed_port() as nowhere:
        environment = {**large.served.environment, "AUTH_LDAP_SERVER_URI": nowhere}
        away = replace(large.served, environment=environment).manage("directory", "sync", "--yes")
    assert away.returncode == 1
    assert "nothing was changed" in away.stderr.splitlines()[-1]
    assert everything(large) == before


@pytest.mark.parametrize("name", ["bob", "nobody-is-called-so"])
def test_forget_refuses_who_is_no_directory_person(large: House, name: str) -> None:
    refused = large.served.manage("directory", "forget", name)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert large.visitor().sign_in("bob", "bob-enters-here").is_signed_in


def test_forget_of_one_spelled_otherwise_leaves_a_row(large: House) -> None:
    person = large.invite()
    visitor = large.sign_in(person)
    assert large.served.manage("directory", "forget", person.name.upper(), "--yes").returncode == 0
    assert not visitor.is_signed_in
    assert large.changes(person.name)[-1]["change"] == "directory forget"
    assert large.changes(person.name)[-1]["after"] is None
    assert [row["action"] for row in large.sign_in(person).history()] == ["sign-in"]


# --- P34 ------------------------------------------------------------------------------------------


def without_groups(home: House, people: list[Person]) -> None:
    for person in people:
        home.branch.remove_member(REQUIRED, person.name)


def with_groups(home: House, people: list[Person]) -> None:
    for person in people:
        home.branch.add_member(REQUIRED, person.name)


def disabled(home: House, people: list[Person]) -> None:
    for person in people:
        home.branch.disable(person.name)


def enabled(home: House, people: list[Person]) -> None:
    for person in people:
        home.branch.enable(person.name)


def refuses_to_sync(home: House) -> bool:
    before = everything(home)
    refused = home.served.manage("directory", "sync")
    return refused.returncode == 1 and "--yes" in refused.stderr and everything(home) == before


@pytest.mark.parametrize(("happens", "ends"), [(without_groups, with_groups), (disabled, enabled)])
def test_P34_a_third_and_more_lose_nothing_by_a_sync(
    large: House, seven: list[Person], happens: Happening, ends: Happening
) -> None:
    visitor = large.sign_in(seven[2])
    happens(large, seven[2:])
    assert refuses_to_sync(large)
    assert launched(visitor.go())
    ends(large, seven[2:])
    assert large.served.manage("directory", "sync").returncode == 0


def test_P34_an_emptied_directory_changes_nothing_and_exits_1_unless_yes(
    large: House, seven: list[Person]
) -> None:
    visitor = large.sign_in(seven[2])
    for person in seven:
        large.replace(person)
    assert refuses_to_sync(large)
    large.branch.empty()
    assert refuses_to_sync(large)
    assert launched(visitor.go())
    assert large.served.manage("directory", "sync", "--yes").returncode == 0
    assert not visitor.is_signed_in
    assert large.served.manage("audit", "verify").stdout.startswith("ok  ")
