"""What a person uses most and last: their latest launches, ranked by how many and how lately.

Theirs is what carries their record key: names change hands, keys do not.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.history import details_of, moment_of, session_ends
from accounts.models import Action, Entry, Outcome, User

HALF_LIFE_DAYS = 7
_RANKED_LAUNCHES = 300


@dataclass(frozen=True)
class Use:
    """How a person used a role: ``weight`` halves with every week that a launch lies back.

    ``open_until`` is when the last session ends, if it is still open.
    """

    account_id: str
    role_name: str
    weight: float
    last: datetime
    open_until: datetime | None


def uses(user: User, now: datetime) -> list[Use]:
    """Return the roles of a person's latest launches, the most used lately first."""
    rows = (
        Entry.objects.filter(
            actor_key=user.record_key,
            action=Action.LAUNCH,
            outcome=Outcome.SUCCEEDED,
        )
        .order_by("-time")
        .values_list("account", "role", "time", "expires", "written", "duration_seconds", "details")
    )[:_RANKED_LAUNCHES]
    found: dict[tuple[str, str], Use] = {}
    for account, role, *rest in rows:
        before = found.get((account, role))
        found[account, role] = (
            _use(account, role, rest, now) if not before else _more(before, rest, now)
        )
    return sorted(found.values(), key=lambda use: use.weight, reverse=True)


def _use(account: str, role: str, row: list[Any], now: datetime) -> Use:
    began, expires, written, duration_seconds, details = row
    last = moment_of(began) or now
    ends = session_ends(expires, written, duration_seconds, details_of(details))
    return Use(account, role, _weight(last, now), last, ends if ends and ends > now else None)


def _more(use: Use, row: list[Any], now: datetime) -> Use:
    earlier = _use(use.account_id, use.role_name, row, now)
    return Use(
        use.account_id,
        use.role_name,
        use.weight + earlier.weight,
        use.last,
        max(filter(None, (use.open_until, earlier.open_until)), default=None),
    )


def _weight(moment: datetime, now: datetime) -> float:
    return math.pow(0.5, max((now - moment).total_seconds(), 0) / (HALF_LIFE_DAYS * 86_400))
