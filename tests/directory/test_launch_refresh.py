"""P4: before a launch the directory is asked again; what it says counts at once."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.directory.changes import DirectoryPerson
from accounts.directory.people import forget
from accounts.errors import NotLetIn
from accounts.models import Action, DirectoryState, Entry, Grant, Group, Outcome, User
from portal import bulkhead
from portal import launch as use_case
from portal.errors import DirectoryUnavailable
from portal.launch import Launch, LoginUrl
from portal.pages import credentials as credentials_page
from portal.pages import launch as launch_page
from portal.signin import refresh
from portal.signin.directory import door, refusals
from tests.conftest import PASSWORD
from tests.directory import hostile
from tests.directory.house import eventually
from tests.directory.in_process import connect, is_in, try_in
from tests.directory.slapd import PASSWORDS, Branch, Slapd
from tests.portal.catalogue import payments

pytestmark = pytest.mark.django_db
LOGIN = "https://signin.example/federation?Action=login"
GO = "/go/payments-prod/Developer/"
AGE = timedelta(seconds=1000)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Launch]:
    """The launches that went through to AWS."""
    gone: list[Launch] = []

    def enter(launch: Launch) -> LoginUrl:
        gone.append(launch)
        return LoginUrl(LOGIN)

    monkeypatch.setattr(launch_page, "open_console", enter)
    monkeypatch.setattr(credentials_page, "issue_credentials", enter)
    monkeypatch.setattr(use_case, "is_chained", lambda source, budget: False)
    return gone


@pytest.fixture
def branch(slapd: Slapd, request: pytest.FixtureRequest) -> Branch:
    return slapd.populated_branch(f"refresh-{abs(hash(request.node.nodeid))}", "activeDirectory")


@pytest.fixture
def ann(branch: Branch, monkeypatch: pytest.MonkeyPatch, launched: list[Launch]) -> Client:
    """Ann's browser: she may enter by a group of the directory, and was read a while ago."""
    connect(monkeypatch, branch.settings(), AUTH_LDAP_DENY_GROUP="left")
    role = payments(to=User.objects.create_placeholder("bob"))
    group = Group.objects.create(name="engineers")
    Grant.objects.create(group=group, account=role.account, role_name=role.name)
    client = Client()
    assert try_in("ann", PASSWORDS["ann"], client)[0] == 303
    grow_old(AGE)
    return client


def grow_old(age: timedelta) -> None:
    User.objects.filter(username="ann").update(directory_read=timezone.now() - age)


def last_row(action: Action = Action.LAUNCH) -> Entry:
    return Entry.objects.filter(action=action).latest("id")


def opens(client: Client) -> bool:
    answer = client.get(GO)
    return answer.status_code == 302 and answer["Location"] == LOGIN


def test_P4_what_is_known_is_read_again_when_it_is_old(ann: Client, branch: Branch) -> None:
    assert opens(ann)
    user = User.objects.get(username="ann")
    assert user.directory_read
    assert timezone.now() - user.directory_read < timedelta(seconds=60)
    branch.remove_member("engineers", "ann")
    # Young enough: the group counts until it is read again.
    assert opens(ann)
    grow_old(AGE)
    answer = ann.get(GO)
    assert answer.status_code == 404
    assert (last_row().outcome, last_row().error) == (Outcome.DENIED, "NotGranted")
    assert is_in(ann)


def leave(branch: Branch, how: str) -> None:
    if how == "DirectoryGone":
        branch.delete_person("ann")
    elif how == "DirectoryDisabled":
        branch.disable("ann")
    elif how == "DirectoryOutside":
        branch.add_member("left", "ann")
    else:
        branch.recreate_person("ann", PASSWORDS["ann"])


LEAVINGS = {
    "DirectoryGone": ("The directory no longer knows you.", DirectoryState.GONE),
    "DirectoryDisabled": ("Your account in the directory is disabled.", DirectoryState.DISABLED),
    "DirectoryOutside": ("in a group that may use this portal", DirectoryState.OUTSIDE),
    "DirectoryReplaced": ("belongs to somebody else", DirectoryState.REPLACED),
}


@pytest.mark.parametrize("how", LEAVINGS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_P4_who_may_no_longer_come_in_is_out_at_the_next_launch(
    how: str, method: str, ann: Client, branch: Branch, launched: list[Launch]
) -> None:
    other = Client()
    try_in("ann", PASSWORDS["ann"], other)
    grow_old(AGE)
    leave(branch, how)
    sentence, state = LEAVINGS[how]
    action = Action.LAUNCH
    if method == "get":
        answer = ann.get(GO)
    else:
        answer = ann.post("/credentials/payments-prod/Developer/")
        action = Action.CREDENTIALS
    assert answer.status_code == 403
    assert sentence in answer.content.decode()
    assert not launched
    row = last_row(action)
    assert (row.actor, row.outcome, row.error) == ("ann", Outcome.DENIED, how)
    change = Entry.objects.filter(action=Action.ADMIN_CHANGE).latest("id")
    assert f'"state": "{state}"' in change.details
    assert change.actor == "directory"
    for client in (ann, other):
        assert not is_in(client)
        assert client.get("/")["Location"].startswith("/sign-in/")
    user = User.objects.get(username="ann")
    assert user.directory_state == state
    assert not user.member_of.exists()


def test_nothing_is_asked_while_what_is_known_is_young(
    ann: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    grow_old(timedelta(seconds=299))
    with hostile.closed_port() as closed:
        connect(monkeypatch, {"AUTH_LDAP_SERVER_URI": closed}, AUTH_LDAP_STALE_SECONDS="0")
        with django_assert_max_num_queries(4):
            assert opens(ann)


def test_refresh_0_reads_before_every_launch(
    ann: Client, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, branch.settings(), AUTH_LDAP_REFRESH_SECONDS="0")
    assert opens(ann)
    branch.delete_person("ann")
    assert ann.get(GO).status_code == 403


# --- a new name ------------------------------------------------------------------------------


def rename(branch: Branch, old: str, new: str) -> None:
    branch.replace(branch.person(old), "sAMAccountName", new)


def test_a_new_name_in_the_directory_is_theirs_at_the_next_launch(
    ann: Client, branch: Branch
) -> None:
    user = User.objects.get(username="ann")
    waiting = User.objects.create_placeholder("anna")
    Grant.objects.create(user=waiting, role_name="Auditor")
    rename(branch, "ann", "anna")
    assert opens(ann)
    user.refresh_from_db()
    assert (user.username, user.directory_state) == ("anna", DirectoryState.PRESENT)
    assert [grant.role_name for grant in user.grants.all()] == ["Auditor"]
    change = json.loads(Entry.objects.filter(action=Action.ADMIN_CHANGE).latest("id").details)
    assert (change["before"], change["after"]["username"]) == ({"username": "ann"}, "anna")
    assert is_in(ann)
    # Whoever has the old name now is somebody else.
    rename(branch, "bob", "ann")
    assert try_in("ann", PASSWORDS["bob"])[0] == 403


@pytest.mark.parametrize("whose", ["local", "directory"])
def test_P4_a_new_name_that_somebody_else_has_here_is_not_taken(
    whose: str, ann: Client, branch: Branch
) -> None:
    if whose == "local":
        User.objects.create_user("anna", PASSWORD)
    else:
        assert try_in("dana", PASSWORDS["dana"])[0] == 303
        User.objects.filter(username="dana").update(username="anna")
    rename(branch, "ann", "anna")
    assert opens(ann)
    other = User.objects.get(username="anna")
    assert other.origin == whose
    assert other.grants.count() == 0
    assert User.objects.get(username="ann").directory_state == DirectoryState.PRESENT


# --- the directory away ----------------------------------------------------------------------


@pytest.fixture
def away(branch: Branch, ann: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with hostile.closed_port() as closed:
        connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=closed)
        yield


def test_P4_with_the_directory_away_what_is_known_counts_until_the_stale_limit(
    ann: Client, away: None
) -> None:
    assert opens(ann)
    grow_old(timedelta(seconds=3599))
    assert opens(ann)
    grow_old(timedelta(seconds=3601))
    answer = ann.get(GO)
    assert answer.status_code == 503
    assert "what the portal knows of you is too old" in answer.content.decode()
    assert (last_row().outcome, last_row().error) == (Outcome.FAILED, "DirectoryUnavailable")
    assert is_in(ann)


def test_P4_stale_0_lets_nobody_launch_while_it_is_away(
    ann: Client, away: None, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH_LDAP_STALE_SECONDS", "0")
    with hostile.closed_port() as closed:
        connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=closed)
        assert ann.get(GO).status_code == 503


def test_a_hung_directory_holds_a_launch_no_longer_than_its_budget(
    ann: Client, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile.Hostile(hostile.silent) as first, hostile.Hostile(hostile.dripping) as second:
        urls = f"{first.url} {second.url}"
        connect(monkeypatch, branch.settings(), AUTH_LDAP_SERVER_URI=urls)
        began = time.monotonic()
        assert opens(ann)
        assert time.monotonic() - began < 15
        # Both are known to be away now, and are not asked.
        asked = first.connections, second.connections
        assert opens(ann)
        assert (first.connections, second.connections) == asked


def test_without_a_directory_its_people_cannot_launch(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.DIRECTORY", None)
    answer = ann.get(GO)
    assert answer.status_code == 503
    assert "no longer asks the directory" in answer.content.decode()
    assert last_row().error == "NoDirectory"


# --- what says nothing of them ---------------------------------------------------------------


def test_P4_where_too_many_wait_for_it_nobody_goes_on_with_what_is_old(
    ann: Client, branch: Branch, launched: list[Launch]
) -> None:
    branch.delete_person("ann")
    places = bulkhead.bulkhead()
    with ExitStack() as held:
        for _ in range(places._most_of_one):
            held.enter_context(places.entered(bulkhead.DIRECTORY, refusals.crowded))
        answer = ann.get(GO)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert not launched
    assert ann.get(GO).status_code == 403


def test_P4_whose_id_cannot_be_read_any_more_does_not_go_on_with_what_is_old(
    ann: Client, branch: Branch, launched: list[Launch]
) -> None:
    branch.replace(branch.person("ann"), "objectGUID", "short")
    answer = ann.get(GO)
    assert answer.status_code == 500
    assert last_row().error == "NoImmutableId"
    assert not launched


# --- many at once ----------------------------------------------------------------------------


class Another(threading.Thread):
    """Another request that needs somebody's turn, and waits for it if it may."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user
        self.refusals: list[DirectoryUnavailable] = []
        self.start()

    def run(self) -> None:
        try:
            with refresh._in_turn(self.user, 60):
                pass
        except DirectoryUnavailable as refusal:
            self.refusals.append(refusal)


def waiting(count: int) -> bool:
    return len(bulkhead.bulkhead()._compartments[bulkhead.TURNS].begun) == count


def require_refused_at_once(user: User) -> None:
    another = Another(user)
    another.join(10)
    assert [(refusal.code, refusal.retry_after) for refusal in another.refusals] == [
        ("BeingRead", 5)
    ]


def test_P38_one_request_of_a_person_waits_while_another_reads_them_and_no_third() -> None:
    bulkhead.bulkhead.cache_clear()
    user = User(pk=1, username="ann")
    with refresh._in_turn(user, 1):
        second = Another(user)
        eventually(lambda: waiting(1), 10)
        require_refused_at_once(user)
    second.join()
    assert not second.refusals
    assert not refresh._turns


def test_P38_few_threads_wait_for_turns_whoevers_they_are() -> None:
    bulkhead.bulkhead.cache_clear()
    may_wait = bulkhead.bulkhead()._compartments[bulkhead.TURNS].most
    *people, last = [User(pk=number, username=f"ann-{number}") for number in range(may_wait + 1)]
    with ExitStack() as held:
        for user in (*people, last):
            held.enter_context(refresh._in_turn(user, 1))
        others = [Another(user) for user in people]
        eventually(lambda: waiting(may_wait), 10)
        require_refused_at_once(last)
    for other in others:
        other.join()
        assert not other.refusals
    assert not refresh._turns


def test_P4_nobody_goes_on_with_what_is_old_because_somebody_else_is_reading(
    ann: Client, branch: Branch
) -> None:
    branch.delete_person("ann")
    user = User.objects.get(username="ann")
    with refresh._in_turn(user, 1):
        refresh._turns[user.pk].wanted += 100
        answer = ann.get(GO)
        refresh._turns[user.pk].wanted -= 100
    assert answer.status_code == 503
    assert last_row().error == "BeingRead"
    assert ann.get(GO).status_code == 403


def test_whoever_was_read_while_they_waited_goes_on_with_that_even_if_stale_is_0(
    ann: Client, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = door.read

    def counted(username: str, directory_id: str) -> DirectoryPerson | None:
        asked.append(username)
        return read(username, directory_id)

    monkeypatch.setattr(door, "read", counted)
    user = User.objects.get(username="ann")
    grow_old(timedelta(seconds=9999))
    in_turn = refresh._in_turn

    @contextmanager
    def after_another(user: User, seconds: int) -> Iterator[bool]:
        with in_turn(user, seconds):
            User.objects.filter(pk=user.pk).update(directory_read=timezone.now())
            yield True

    monkeypatch.setattr(refresh, "_in_turn", after_another)
    assert opens(ann)
    assert asked == []
    assert user.pk not in refresh._turns


def test_who_is_forgotten_while_they_waited_is_refused(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.get(username="ann")

    @contextmanager
    def after_forgetting(user: User, seconds: int) -> Iterator[bool]:
        forget("ann")
        yield True

    monkeypatch.setattr(refresh, "_in_turn", after_forgetting)
    with pytest.raises(NotLetIn) as refused:
        refresh.require_let_in(user)
    assert refused.value.code == "DirectoryGone"


def test_no_transaction_is_open_while_the_directory_is_asked(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    deep = len(connection.savepoint_ids)
    read = door.read

    def watched(username: str, directory_id: str) -> DirectoryPerson | None:
        seen.append(len(connection.savepoint_ids) - deep)
        return read(username, directory_id)

    monkeypatch.setattr(door, "read", watched)
    assert opens(ann)
    assert seen == [0]
