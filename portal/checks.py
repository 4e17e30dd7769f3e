"""What ``manage.py check`` finds wrong with the way the portal is set up."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import connections

from accounts.database.objects import foreign, missing
from portal import directory_settings, env
from portal.database_url import DatabaseAddress

SETTINGS = "portal_settings"
"""The tag of checks that read settings alone: they also run, and are logged, at each start."""


def requests_are_not_atomic(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Refuse ATOMIC_REQUESTS: a refused launch would take its own row out of the record."""
    return [
        checks.Error(
            f"ATOMIC_REQUESTS is on for the database “{alias}”.",
            hint="Leave it off: when a launch fails, its transaction would be rolled back, and the "
            "row that says so with it.",
            id="portal.E001",
        )
        for alias in connections
        if connections[alias].settings_dict["ATOMIC_REQUESTS"]
    ]


def directory_is_set_safely(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn of passwords in the clear, groups that are named by cn, settings that nothing reads."""
    return [
        checks.Warning(line, hint="See docs/directory.md.", id="portal.W002")
        for line in directory_settings.warnings(settings.DIRECTORY)
    ]


def settings_are_known(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn of names that look like settings and are none: a slip would be a setting left out."""
    hint = "docs/settings.md has all of them."
    return [
        checks.Warning(
            f"{name} is no setting" + (f"; did you mean {meant}?" if meant else "."),
            hint=hint,
            id="portal.W005",
        )
        for name, meant in env.unknown().items()
    ]


def database_is_verified(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn of a database on another machine that anybody in between could stand in for."""
    address: DatabaseAddress = settings.DATABASE
    is_near = not address.host or address.host.startswith("/") or env.is_loopback(address.host)
    if address.path or is_near or address.is_verified:
        return []
    line = f"DATABASE_URL leads to {address.shown}, and nothing verifies that server."
    hint = "Add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to DATABASE_URL."
    return [checks.Warning(line, hint=hint, id="portal.W003")]


def database_objects_are_there(
    app_configs: Sequence[AppConfig] | None, databases: Iterable[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Name the record's triggers and the view that are not in a database as they were laid.

    And what somebody else hung on the record's tables. A warning and no error, because it also
    comes before ``migrate``, which lays anew what is missing. A database without tables has
    nothing to miss.
    """
    laid = [
        alias
        for alias in databases or ()
        if "accounts_entry" in connections[alias].introspection.table_names()
    ]
    lacking = [(alias, name) for alias in laid for name in missing(connections[alias])]
    beside = [(alias, name) for alias in laid for name in foreign(connections[alias])]
    return [*(_lacks(*each) for each in lacking), *(_holds_beside(*each) for each in beside)]


def _lacks(alias: str, name: str) -> checks.CheckMessage:
    return checks.Warning(
        f"The database “{alias}” lacks {name}, or holds another version of it.",
        hint="Run “manage.py migrate”, which lays triggers and view anew, and find out who "
        "took it away: without its triggers the record can be changed.",
        id="portal.W001",
    )


def _holds_beside(alias: str, name: str) -> checks.CheckMessage:
    return checks.Warning(
        f"The database “{alias}” has something on the record that is not the portal's: {name}.",
        hint="Find out who made it and take it off the database: it can swallow or alter rows.",
        id="portal.W004",
    )
