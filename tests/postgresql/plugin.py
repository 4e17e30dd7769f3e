"""``pytest -p tests.postgresql.plugin``: the tests that follow, on a PostgreSQL of their own.

It has to run before Django reads its settings, which pytest-django does first of all.
"""

import os
from collections.abc import Generator
from contextlib import ExitStack

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import TransactionTestCase

from tests.postgresql.server import running

_servers = ExitStack()

# It measures how long a real hash takes, 200 times.
_ABOUT_HASHES = "test_P7_nor_from_how_long_it_takes"


def pytest_configure() -> None:
    """Hash passwords quickly: that has been tested, and asks no database."""
    Argon2PasswordHasher.memory_cost = 1024
    Argon2PasswordHasher.time_cost = 1
    Argon2PasswordHasher.parallelism = 1


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """Start the server before the settings are read."""
    server = _servers.enter_context(running())
    os.environ["DATABASE_URL"] = server.create_database("sekisho")
    yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks no database: it has run already."""
    config.hook.pytest_deselected(items=[item for item in items if not _asks_database(item)])
    items[:] = filter(_asks_database, items)


def _asks_database(item: pytest.Item) -> bool:
    if item.name == _ABOUT_HASHES:
        return False
    fixtures = getattr(item, "fixturenames", ())
    if "db" in fixtures or item.get_closest_marker("django_db") is not None:
        return True
    # Properties that ask the database are in Django's own test cases.
    return issubclass(getattr(item, "cls", None) or object, TransactionTestCase)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop it after everything else."""
    _servers.close()


def pytest_report_header() -> str:
    """Say which database the tests run on."""
    return "database: PostgreSQL"
