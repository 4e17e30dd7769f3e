"""The options of a launch as a form: session length, page, region, reason.

It posts to the launch, which answers with this form again where something cannot be.
"""

import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from accounts.administration.who import why
from accounts.aws_rules.partitions import KNOWN_REGIONS, region_title
from accounts.aws_rules.services import TITLES
from accounts.errors import PortalError
from accounts.models import Action
from accounts.record import LONGEST_REASON
from portal.launch import Launch, Visitor, Wish, objection, preview
from portal.pages.launch_facts import LaunchFacts, bookmark_query
from portal.pages.switch_roles import switch_of_role
from portal.pages.visitor import visitor
from portal.pages.wording import sentence, sentences

_STEPS = (900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 129600)
_FIELDS = ("to", "region", "seconds")


@dataclass(frozen=True)
class Choice:
    """One length to choose; what is too long is shown where the limit bites."""

    seconds: int
    is_chosen: bool
    is_too_long: bool = False


@dataclass(frozen=True)
class Region:
    """A region to choose, and what people call it."""

    code: str
    title: str


def options_page(request: HttpRequest, wish: Wish, *, is_sent: bool = False) -> HttpResponse:
    """Show the form with everything that was typed, each problem at its field.

    ``is_sent``: the form was sent and did not do; then a missing reason is a problem too. Raises
    NotGranted, NotNow and ConfigurationProblem.
    """
    who = visitor(request)
    launch = preview(who, Wish(wish.account, wish.role, reason=wish.reason), Action.LAUNCH)
    problems = _problems(who, wish)
    reason_is_missing = is_sent and launch.reason_is_missing
    facts = LaunchFacts.of(launch, Wish(wish.account, wish.role))
    switch = switch_of_role(launch.role)
    now = timezone.now()
    context = {
        "facts": facts,
        "now": now,
        "why": why(who.user, launch.role, now),
        "bookmark_query": bookmark_query(facts, wish),
        "switch": switch,
        "switch_why_not": gettext(switch.why_not) if switch.why_not else "",
        "wish": wish,
        "choices": length_choices(launch, wish),
        "limit": _limit(who, wish, launch),
        "services": sorted(TITLES),
        "regions": _regions(launch, wish),
        "own_region": region_title(launch.role.region),
        "longest_reason": LONGEST_REASON,
        "reason_is_missing": reason_is_missing,
        "problems": {name: sentences(error) for name, error in problems.items()},
    }
    first = next(iter(problems.values()), None)
    status = first.status if first else 400 if reason_is_missing else 200
    return render(request, "portal/options.html", context, status=status)


def length_choices(launch: Launch, wish: Wish) -> list[Choice]:
    """Return the lengths to choose from: what was typed or the usual one is chosen."""
    longest = launch.lengths.longest
    digits = wish.seconds.lstrip("0")
    typed = int(digits) if re.fullmatch(r"[0-9]{1,9}", digits) else 0
    chosen = typed if 0 < typed <= longest else launch.lengths.session
    lengths = {step for step in _STEPS if step <= longest} | {longest, chosen}
    beyond = next((step for step in _STEPS if step > longest), None)
    choices = [Choice(seconds, seconds == chosen) for seconds in sorted(lengths)]
    return [*choices, Choice(beyond, False, is_too_long=True)] if beyond else choices


def _limit(who: Visitor, wish: Wish, launch: Launch) -> str:
    """Say why it cannot be longer, in the words that refuse it."""
    more = Wish(wish.account, wish.role, seconds=str(launch.lengths.longest + 1))
    refusal = objection(who, more, Action.LAUNCH)
    return sentence(refusal.message, refusal.params) if refusal else ""


def _regions(launch: Launch, wish: Wish) -> list[Region]:
    known = KNOWN_REGIONS[launch.role.account.partition]
    codes = set(known) | {wish.region.strip().lower()} - {""}
    regions = [Region(code, region_title(code)) for code in codes]
    return sorted(regions, key=lambda region: (region.title.casefold(), region.code))


def _problems(who: Visitor, wish: Wish) -> dict[str, PortalError]:
    """Return what cannot be, by field: what each is by itself, else what they are together."""
    problem = objection(who, wish, Action.LAUNCH)
    if problem is None:
        return {}
    found = {name: _problem_alone(who, wish, name) for name in _FIELDS}
    return {name: error for name, error in found.items() if error} or {"to": problem}


def _problem_alone(who: Visitor, wish: Wish, name: str) -> PortalError | None:
    alone = Wish(wish.account, wish.role, **{name: getattr(wish, name)})
    return objection(who, alone, Action.LAUNCH)
