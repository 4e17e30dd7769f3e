"""The filters of a history, read off an address and offered: an address is all they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.history import WHAT, Filters
from accounts.models import Action, Outcome, normal_username
from portal.pages.environments import KINDS

LONGEST_QUERY = 200
_LONGEST_NAME = 700

WHAT_TITLES = (
    ("opened", gettext_lazy("Opened")),
    ("trouble", gettext_lazy("Denied or failed")),
    ("credentials", gettext_lazy("Credentials")),
    ("sign-in", gettext_lazy("Signed in or out")),
    ("open", gettext_lazy("Still open")),
)
ACTION_TITLES = (
    (Action.LAUNCH, gettext_lazy("Console opened")),
    (Action.CREDENTIALS, gettext_lazy("Credentials taken")),
    (Action.SIGN_IN, gettext_lazy("Signed in")),
    (Action.SIGN_OUT, gettext_lazy("Signed out")),
    (Action.ADMIN_CHANGE, gettext_lazy("Changed in the administration")),
    (Action.ACCESS_APPLY, gettext_lazy("Access file applied")),
)
OUTCOME_TITLES = (
    (Outcome.SUCCEEDED, gettext_lazy("Succeeded")),
    (Outcome.DENIED, gettext_lazy("Denied")),
    (Outcome.FAILED, gettext_lazy("Failed")),
    (Outcome.STARTED, gettext_lazy("Started, end unknown")),
)
KIND_TITLES = (
    ("user", gettext_lazy("Person")),
    ("group", gettext_lazy("Group")),
    ("grant", gettext_lazy("Grant")),
    ("account", gettext_lazy("Account")),
    ("role", gettext_lazy("Role")),
    ("source", gettext_lazy("Credential source")),
    ("bookmark", gettext_lazy("Bookmark")),
    ("permission set", gettext_lazy("Permission set")),
)


_SAYS_ACTION = {"opened", "credentials"}


def read_own(query: Mapping[str, str]) -> Filters:
    """Read the filters of a person's own history; what is no filter counts as none."""
    what = query.get("what", "")
    kind = query.get("environment", "")
    # What is chosen in the form counts for more than what an address has left in it.
    action = "" if what in _SAYS_ACTION else query.get("action", "")
    return Filters(
        words=tuple(query.get("q", "")[:LONGEST_QUERY].split()),
        account=query.get("account", "").strip()[:100],
        role=query.get("role", "").strip()[:_LONGEST_NAME],
        environment=kind if kind in KINDS else "",
        what=what if what in WHAT else "",
        action=_one_of(action, Action.values),
        outcome=_one_of(query.get("outcome", ""), Outcome.values),
        since=_day(query.get("from", "")),
        until=_day(query.get("to", "")),
    )


def read_all(query: Mapping[str, str]) -> Filters:
    """Read the filters of everybody's: besides, who, which role, and every number there is."""

    def text(name: str) -> str:
        return query.get(name, "").strip()[:_LONGEST_NAME]

    return replace(
        read_own(query),
        person=normal_username(text("person")),
        kind=text("kind"),
        name=text("name"),
        key=text("key"),
        session=text("session"),
        request=text("request"),
        ip=text("ip"),
    )


def _one_of(typed: str, values: list[str]) -> str:
    value = typed.strip()
    return value if value in values else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def number(text: str) -> int | None:
    """Return the number of a row that an address names."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def query_of(request: HttpRequest, *without: str) -> str:
    """Return the filters of an address, to be followed by more."""
    kept = {name: value for name, value in request.GET.items() if value and name not in without}
    return urlencode(kept)


@dataclass(frozen=True)
class Chip:
    """A filter to choose by one click; ``icon`` and ``kind`` are for the eye."""

    title: Any
    query: str
    is_current: bool
    icon: str = ""
    kind: str = ""


_TROUBLE = (gettext_lazy("Denied or failed"), {"what": "trouble"}, "refused", "")
_OPEN = (gettext_lazy("Still open"), {"what": "open"}, "clock", "")
_PRODUCTION = (
    gettext_lazy("Production"),
    {"environment": "production"},
    "env-production",
    "production",
)
_CHANGES = (gettext_lazy("Changes"), {"action": Action.ADMIN_CHANGE.value}, "edit", "")


def own_chips(filters: Filters) -> list[Chip]:
    """Return what a person asks for most of their own history."""
    offered = (*_periods(), _PRODUCTION, _TROUBLE, _OPEN)
    return [
        Chip(title, urlencode(query), read_own(query) == filters, icon, kind)
        for title, query, icon, kind in offered
    ]


def all_chips(filters: Filters) -> list[Chip]:
    """Return what an auditor asks for most of everybody's."""
    offered = (*_periods(), _PRODUCTION, _TROUBLE, _OPEN, _CHANGES)
    return [
        Chip(title, urlencode(query), read_all(query) == filters, icon, kind)
        for title, query, icon, kind in offered
    ]


def _periods() -> tuple[tuple[Any, dict[str, str], str, str], ...]:
    today = timezone.localdate()
    week, month = (today - timedelta(days=days) for days in (7, 30))
    return (
        (gettext_lazy("Everything"), {}, "", ""),
        (gettext_lazy("7 days"), {"from": week.isoformat()}, "", ""),
        (gettext_lazy("30 days"), {"from": month.isoformat()}, "", ""),
    )
