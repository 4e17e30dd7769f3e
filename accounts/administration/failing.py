"""Which roles fail lately: where AWS or the set-up said no, and nobody has got in since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from accounts.history import IS_TROUBLE, details_of
from accounts.models import Action, Entry, Outcome, Role
from accounts.record import moment_text

LATELY = timedelta(days=7)
MOST_READ = 1000
"""So many of the latest failures are looked at."""
MOST_ROLES = 100
"""More of them are trouble of another kind, and the list of a page is full."""

# What comes and goes by itself says nothing about a role.
_PASSING = frozenset(
    {
        "AnswerCut",
        "BeingRead",
        "ConnectionLost",
        "CredentialsTimeout",
        "DatabaseUnavailable",
        "DirectoryUnavailable",
        "InternalError",
        "InternalFailure",
        "NoAnswer",
        "Overloaded",
        "RecordUnavailable",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "TooManyRequestsException",
        "Unreachable",
        "Unreadable",
    }
)
_PASSING_BEGIN = ("Http", "RequestThrottled", "Thrott")
_ENTERING = (Action.LAUNCH, Action.CREDENTIALS)


@dataclass(frozen=True)
class FailingRole:
    """A role, titled as it was; when it failed last and by what error. ``pk`` is its number."""

    pk: int
    account: str
    name: str
    title: str
    account_title: str
    last: datetime
    error: str


def failing(now: datetime) -> tuple[list[FailingRole], bool]:
    """Return the roles that fail, the latest first, and whether there may be more; two queries.

    A role that has been deleted since is none.
    """
    there = Role.objects.filter(account=OuterRef("account"), name=OuterRef("role"))
    # "None of the other actions" instead of "these" leaves SQLite the index of troubles alone to
    # walk; that of actions is longer by all that went well.
    rows = (
        Entry.objects.filter(IS_TROUBLE, time__gte=moment_text(now - LATELY))
        .exclude(outcome=Outcome.DENIED)
        .exclude(action__in=set(Action) - set(_ENTERING))
        .exclude(error__in=_PASSING)
        .order_by("-time", "-id")
        .annotate(pk_of_role=Subquery(there.values("pk")))
        .values_list("account", "role", "time", "error", "details", "pk_of_role")[:MOST_READ]
    )
    last: dict[tuple[str, str], tuple[Any, ...]] = {}
    for row in rows:
        if not row[3].startswith(_PASSING_BEGIN):
            last.setdefault((row[0], row[1]), row)
    failures = list(last.values())[:MOST_ROLES]
    found = [_failed(*row) for row in failures if row[-1] is not None]
    entered = _entered_since(found)
    is_more = len(rows) == MOST_READ or len(last) > MOST_ROLES
    return [role for role in found if (role.account, role.name) not in entered], is_more


def _failed(account: str, role: str, time: str, error: str, details: str, pk: int) -> FailingRole:
    known = details_of(details)
    return FailingRole(
        pk=pk,
        account=account,
        name=role,
        title=str(known.get("role_title") or role),
        account_title=str(known.get("account_name") or account),
        last=datetime.fromisoformat(time),
        error=error,
    )


def _entered_since(roles: Sequence[FailingRole]) -> set[tuple[str, str]]:
    """Return the roles that somebody entered after the last failure."""
    if not roles:
        return set()
    since = (
        Q(account=role.account, role=role.name, time__gt=moment_text(role.last)) for role in roles
    )
    acts = Entry.objects.filter(reduce(or_, since), outcome=Outcome.SUCCEEDED)
    rows = acts.order_by().values_list("account", "role", "action").distinct()
    return {(account, name) for account, name, action in rows if action in _ENTERING}
