"""``manage.py check`` says what would break the record before somebody finds out by it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from portal.database_url import parse
from tests.record_objects import disarm_trigger, drop_trigger, execute


def found(*databases: str) -> list[CheckMessage]:
    return [each for each in run_checks(databases=databases) if (each.id or "")[:7] == "portal."]


@pytest.mark.django_db
def test_a_whole_portal_has_nothing_to_say() -> None:
    assert found("default") == []


def test_P27_requests_in_one_transaction_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with pytest.raises(SystemCheckError, match=r"portal\.E001.*ATOMIC_REQUESTS"):
        call_command("check")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "take_away"),
    [
        ("entry_no_delete", lambda: drop_trigger("entry_no_delete")),
        ("accounts_grantedrole", lambda: execute("DROP VIEW accounts_grantedrole")),
    ],
)
def test_P27_what_is_missing_in_the_database_is_named_with_what_to_do(
    name: str, take_away: Callable[[], None]
) -> None:
    take_away()
    (told,) = found("default")
    assert name in told.msg
    assert "migrate" in (told.hint or "")
    assert found() == []


@pytest.mark.django_db
def test_P27_a_trigger_of_the_same_name_that_does_nothing_counts_as_missing() -> None:
    disarm_trigger("entry_no_update")
    (told,) = found("default")
    assert "entry_no_update" in told.msg


@pytest.mark.django_db
def test_a_database_before_its_first_migration_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", list)
    drop_trigger("entry_no_delete")
    assert found("default") == []


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("postgresql://db.example/portal", True),
        ("postgresql://u:p@db.example/portal?sslmode=require", True),
        ("postgresql://db.example/portal?sslmode=verify-full&sslrootcert=/ca.pem", False),
        ("postgresql://127.0.0.1/portal", False),
        ("postgresql:///portal?host=/run/postgresql", False),
        ("sqlite:///portal.sqlite3", False),
    ],
)
def test_P25_a_database_elsewhere_that_nothing_verifies_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str, is_told: bool
) -> None:
    monkeypatch.setattr(settings, "DATABASE", parse(url, Path()))
    told = [each for each in found() if each.id == "portal.W003"]
    assert bool(told) is is_told
    assert "u:p" not in str(told)
