"""The commands that make people and check the record, as a person at the terminal meets them."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection
from django.test import Client

from accounts import record
from accounts.management.commands import audit as audit_command
from accounts.models import Account, Action, Entry, Grant, Origin, Outcome, User
from accounts.record import Act
from tests.record_objects import drop_triggers

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    """A standard input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Keyboard:
    """What a person types: answers to questions, then passwords."""

    monkeypatch: pytest.MonkeyPatch

    def types(self, *passwords: str, answers: tuple[str, ...] = ()) -> None:
        typed, asked = iter(passwords), iter(answers)
        self.monkeypatch.setattr("getpass.getpass", lambda *_: next(typed))
        self.monkeypatch.setattr("builtins.input", lambda *_: next(asked))


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Keyboard:
    return Keyboard(monkeypatch)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def say(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)

    return say


def placeholder(name: str) -> User:
    """Somebody who was granted something and has not been seen."""
    user = User.objects.create_placeholder(name)
    account = Account.objects.create(account_id="222222222222")
    Grant.objects.create(user=user, account=account, role_name="*")
    return user


def directory_person(name: str) -> User:
    user = User.objects.create_placeholder(name)
    User.objects.filter(pk=user.pk).update(origin=Origin.DIRECTORY)
    return user


def last_change() -> dict[str, Any]:
    entry = Entry.objects.latest("id")
    assert (entry.action, entry.actor, entry.outcome) == (
        Action.ADMIN_CHANGE,
        "command line",
        Outcome.SUCCEEDED,
    )
    assert PASSWORD not in entry.details
    found: dict[str, Any] = json.loads(entry.details)
    return found


# --- createsuperuser -------------------------------------------------------------------------


def test_the_first_administrator_is_made_from_the_environment(
    environment: Callable[..., None],
) -> None:
    environment(USERNAME="Dana", PASSWORD=PASSWORD, EMAIL="dana@example.org")
    call_command("createsuperuser", "--noinput", verbosity=0)
    dana = User.objects.get(username="dana")
    assert (dana.origin, dana.is_staff, dana.is_superuser) == (Origin.LOCAL, True, True)
    assert dana.email == "dana@example.org"
    assert dana.check_password(PASSWORD)
    change = last_change()
    assert (change["user"], change["before"]) == ("dana", None)
    assert change["after"]["is_superuser"] is True


def test_the_e_mail_address_may_be_left_out(environment: Callable[..., None]) -> None:
    environment(USERNAME="dana", PASSWORD=PASSWORD)
    call_command("createsuperuser", "--noinput", verbosity=0)
    assert User.objects.get(username="dana").email == ""


def test_a_placeholder_becomes_the_administrator_and_keeps_its_grants(
    environment: Callable[..., None],
) -> None:
    waiting = placeholder("dana")
    environment(PASSWORD=PASSWORD)
    call_command("createsuperuser", "--noinput", "--username", "DANA", verbosity=0)
    dana = User.objects.get(pk=waiting.pk)
    assert (dana.origin, dana.is_superuser, dana.grants.count()) == (Origin.LOCAL, True, 1)
    assert last_change()["before"]["origin"] == Origin.NONE_YET


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"PASSWORD": PASSWORD}, "DJANGO_SUPERUSER_USERNAME"),
        ({"USERNAME": "dana"}, "DJANGO_SUPERUSER_PASSWORD"),
        ({"USERNAME": "dana", "PASSWORD": " "}, "DJANGO_SUPERUSER_PASSWORD"),
        ({"USERNAME": "da\tna", "PASSWORD": PASSWORD}, "control characters"),
        ({"USERNAME": "Command line", "PASSWORD": PASSWORD}, "reserved"),
        ({"USERNAME": "d" * 151, "PASSWORD": PASSWORD}, "1 to 150"),
        ({"USERNAME": "dana", "PASSWORD": PASSWORD, "EMAIL": "dana"}, "valid email"),
    ],
)
def test_without_a_right_name_and_a_password_nobody_is_made(
    environment: Callable[..., None], values: dict[str, str], said: str
) -> None:
    environment(**values)
    with pytest.raises(CommandError, match=said):
        call_command("createsuperuser", "--noinput", verbosity=0)
    assert not User.objects.exists()


def test_a_local_person_of_that_name_is_left_alone(
    ann: User, environment: Callable[..., None]
) -> None:
    environment(USERNAME="ann", PASSWORD="another password, long enough")
    with pytest.raises(CommandError, match="already"):
        call_command("createsuperuser", "--noinput", verbosity=0)
    ann.refresh_from_db()
    assert (ann.is_superuser, ann.check_password(PASSWORD)) == (False, True)


def test_a_directory_person_is_never_taken_over(environment: Callable[..., None]) -> None:
    directory_person("dana")
    environment(USERNAME="dana", PASSWORD=PASSWORD)
    with pytest.raises(CommandError, match="directory forget dana"):
        call_command("createsuperuser", "--noinput", verbosity=0)
    dana = User.objects.get(username="dana")
    assert (dana.origin, dana.is_superuser) == (Origin.DIRECTORY, False)


def test_a_directory_person_who_signs_in_while_the_password_is_typed_is_not_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = User.objects.create_placeholder("dana")

    def sign_in_meanwhile(*_: object) -> str:
        User.objects.filter(pk=waiting.pk).update(origin=Origin.DIRECTORY)
        return PASSWORD

    monkeypatch.setattr("getpass.getpass", sign_in_meanwhile)
    with pytest.raises(CommandError, match="directory forget dana"):
        call_command("changepassword", "dana", stdout=io.StringIO())
    assert not User.objects.get(pk=waiting.pk).has_usable_password()


def test_the_administrator_may_be_typed_and_a_weak_password_is_asked_for_again(
    keyboard: Keyboard,
) -> None:
    keyboard.types("short", "short", "x", "y", PASSWORD, PASSWORD, answers=("Dana", ""))
    err = io.StringIO()
    call_command("createsuperuser", stdin=Terminal(), stderr=err, verbosity=0)
    assert User.objects.get(username="dana").check_password(PASSWORD)
    assert "too short" in err.getvalue()
    assert "not the same" in err.getvalue()


def test_after_three_weak_passwords_nobody_is_made(keyboard: Keyboard) -> None:
    keyboard.types(*["short"] * 6, answers=("dana", ""))
    with pytest.raises(CommandError, match="nothing has changed"):
        call_command("createsuperuser", stdin=Terminal(), stderr=io.StringIO(), verbosity=0)
    assert not User.objects.exists()


def test_without_a_terminal_nothing_is_asked() -> None:
    with pytest.raises(CommandError, match="--noinput"):
        call_command("createsuperuser", stdin=io.StringIO(), verbosity=0)


@pytest.fixture
def unwritable_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(Entry, "save", read_only)


@pytest.mark.usefixtures("unwritable_record")
def test_p30_without_an_entry_no_administrator_is_made(environment: Callable[..., None]) -> None:
    environment(USERNAME="dana", PASSWORD=PASSWORD)
    with pytest.raises(CommandError, match="readonly database"):
        call_command("createsuperuser", "--noinput", verbosity=0)
    assert not User.objects.exists()


# --- changepassword --------------------------------------------------------------------------


def test_a_placeholder_becomes_an_ordinary_local_person(keyboard: Keyboard) -> None:
    waiting = placeholder("carol")
    keyboard.types(PASSWORD, PASSWORD)
    call_command("changepassword", "Carol", stdout=io.StringIO())
    carol = User.objects.get(pk=waiting.pk)
    assert (carol.origin, carol.is_superuser, carol.grants.count()) == (Origin.LOCAL, False, 1)
    assert carol.check_password(PASSWORD)
    assert last_change()["before"]["origin"] == Origin.NONE_YET


def test_p5_a_new_password_ends_the_persons_sessions(signed_in: Client, keyboard: Keyboard) -> None:
    assert signed_in.get("/history/").status_code == 200
    keyboard.types(*["another password, long enough"] * 2)
    call_command("changepassword", "ann", stdout=io.StringIO())
    assert signed_in.get("/history/").status_code == 302


def test_the_password_of_a_directory_person_is_the_directorys(keyboard: Keyboard) -> None:
    user: AbstractBaseUser = directory_person("carol")
    keyboard.types(PASSWORD, PASSWORD)
    with pytest.raises(CommandError, match="directory forget carol"):
        call_command("changepassword", "carol", stdout=io.StringIO())
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_nobody_of_that_name_is_said(keyboard: Keyboard) -> None:
    with pytest.raises(CommandError, match="nobody called nobody-here"):
        call_command("changepassword", "nobody-here")


def test_where_nobody_can_type_a_password_a_sentence_says_so_and_none_changes(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody_there(*_: object) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody_there)
    with pytest.raises(CommandError, match=r"nothing has changed.+in a terminal"):
        call_command("changepassword", "ann", stdout=io.StringIO())
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def test_p30_without_an_entry_no_password_changes(
    ann: User, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(Entry, "save", read_only)
    keyboard.types(*["another password, long enough"] * 2)
    with pytest.raises(CommandError, match="readonly database"):
        call_command("changepassword", "ann", stdout=io.StringIO())
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


# --- audit verify ----------------------------------------------------------------------------


def verified() -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("audit", "verify", stdout=out)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def three_entries() -> list[Entry]:
    for name in ("one", "two", "three"):
        record.write(Act(action=Action.SIGN_IN, actor=name), Outcome.SUCCEEDED)
    return list(Entry.objects.order_by("id"))


@pytest.fixture
def without_triggers() -> None:
    """The database's file in the hands of somebody who may do everything with it."""
    drop_triggers()


def test_p27_a_whole_record_is_one_line_with_its_number_and_head(
    three_entries: list[Entry],
) -> None:
    assert verified() == (0, f"ok  3 entries, head {three_entries[-1].hash}\n")


def test_a_record_without_entries_is_whole() -> None:
    assert verified() == (0, "ok  0 entries, head none\n")


@pytest.mark.usefixtures("without_triggers")
@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("UPDATE accounts_entry SET actor = 'eve' WHERE id = 2", "broken at 2: altered"),
        ("DELETE FROM accounts_entry WHERE id = 2", "broken at 2: missing"),
        ("DELETE FROM accounts_entry WHERE id = 3", "broken at 3: missing"),
        ("UPDATE accounts_entry SET key_id = 'abc' WHERE id = 1", "unknown key at 1: abc"),
    ],
)
def test_p27_what_was_done_to_the_record_is_named(
    three_entries: list[Entry], sql: str, line: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert verified() == (1, f"{line}\n")


@pytest.mark.usefixtures("without_triggers")
def test_p27_entries_that_changed_places_are_named(three_entries: list[Entry]) -> None:
    with connection.cursor() as cursor:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            cursor.execute("UPDATE accounts_entry SET id = %s WHERE id = %s", [new, old])
    assert verified() == (1, "broken at 2: reordered\n")


def test_a_database_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise DatabaseError("file is not a database")

    monkeypatch.setattr(audit_command, "verify", gone)
    err = io.StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("audit", "verify", stderr=err)
    assert err.getvalue() == "database: file is not a database\n"
