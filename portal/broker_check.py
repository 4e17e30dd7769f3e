"""Who the broker is, found and logged once when a worker starts, while people are served already.

A set-up that is wrong is a line with its causes before anybody launches, and the planner knows
what AWS would refuse anyway. Nothing here decides whether the portal starts.
"""

import logging
from collections.abc import Iterable

from django.conf import settings
from django.db import DatabaseError, connection

from accounts.database.connection import in_one_line
from accounts.models import Role
from portal.aws.background import in_background
from portal.aws.budget import Budget
from portal.aws.plan import SourceSettings
from portal.errors import UpstreamError
from portal.launch import sources

log = logging.getLogger(__name__)

Use = tuple[SourceSettings, str]
"""A credential source and a partition that it is used in."""

_WITHOUT_ROLES: Use = (SourceSettings("default"), "aws")


def introduce(*, is_told: bool) -> None:
    """Find out, in a thread of its own, who the broker is through each source that roles use.

    Of several workers one should tell: a line for each source, a warning with the causes where
    something is wrong. The others know it just as well.
    """
    in_background(lambda: _introduce_all(is_told=is_told))


def _introduce_all(*, is_told: bool) -> None:
    for source, partition in sources_in_use():
        try:
            level, message, facts = logging.INFO, "broker", _introduced(source, partition)
        except UpstreamError as error:
            level, message, facts = logging.WARNING, _UNKNOWN, _trouble(source, partition, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other sources count too
            facts = {"source": source.name, "error": type(error).__name__}
            level, message = logging.WARNING, _UNKNOWN
        log.log(level if is_told else logging.DEBUG, message, extra={"facts": facts})


_UNKNOWN = "broker unknown"


def sources_in_use() -> Iterable[Use]:
    """Return each source with a partition of the roles that use it.

    Before there are roles it is the default one. Closes the thread's connection to the database.
    """
    try:
        rows = list(
            Role.objects.filter(disabled=False, account__disabled=False)
            .values_list("source__name", "source__profile", "account__partition")
            .order_by("source__name", "account__partition")
            .distinct()
        )
    except DatabaseError as error:
        facts = {"problem": "the database does not tell the roles", "cause": in_one_line(error)}
        log.warning(_UNKNOWN, extra={"facts": facts})
        return []
    finally:
        connection.close()
    uses = [(SourceSettings(name, profile), partition) for name, profile, partition in rows]
    return uses or [_WITHOUT_ROLES]


def _introduced(source: SourceSettings, partition: str) -> dict[str, object]:
    budget = Budget(settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS)
    found = sources().find_identity(source, partition, budget)
    return {
        "source": source.name,
        "arn": found.arn,
        "account": found.account_id,
        "method": found.method,
        "chained": found.chained,
    }


def _trouble(source: SourceSettings, partition: str, error: UpstreamError) -> dict[str, object]:
    return {
        "source": source.name,
        "partition": partition,
        "code": error.code,
        "cause": error.log,
        "problem": error.plain_sentence,
        "check": [error.in_plain_words(line) for line in error.hint.splitlines()],
    }
