"""A person's settings: how they see the portal, and a local person's password."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from django.conf import settings as configured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import preferences as domain
from accounts.administration.changing import Administrator, tell_refusal
from accounts.errors import NotAllowed, gettext_noop
from accounts.models import Origin, Theme
from accounts.preferences import Preferences
from portal.pages.opening import SeeOther
from portal.pages.visitor import caller, signed_in_user
from portal.pages.wording import sentences
from portal.preferences import abbreviation, place_words
from portal.signin import own_password
from portal.signin.own_password import Wanted
from portal.signin.throttle import Throttled

OFTEN_CHOSEN = (
    "America/Los_Angeles",
    "America/Denver",
    "America/Chicago",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
)
"""From west to east; the others stand below by continent."""

_NOTICE = "settings_notice"
_KEPT = gettext_noop("Your settings are kept")
_NEW_PASSWORD = gettext_noop("Your password is changed; your other sessions here have ended")
_THEME_ICONS = {Theme.AUTO: "monitor", Theme.LIGHT: "sun", Theme.DARK: "moon"}


@dataclass(frozen=True)
class Zone:
    """A time zone to choose: its name in the tables, and what people call it."""

    name: str
    title: str


@dataclass(frozen=True)
class ZoneGroup:
    """Time zones under a heading."""

    title: str
    zones: list[Zone]


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """Show the settings; keep those of look and language."""
    user = signed_in_user(request)
    kept = Preferences.of(user)
    if request.method != "POST":
        return _page(request, kept)
    fields = request.POST
    wanted = Preferences(
        language=fields.get("language", kept.language),
        time_zone=fields.get("time_zone", kept.time_zone).strip(),
        theme=fields.get("theme", kept.theme),
    )
    if problems := wanted.problems():
        return _page(request, wanted, errors=_translated(problems), status=400)
    domain.keep(user, wanted)
    return _done(request, _KEPT, "look")


@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Change a local person's own password, or show the form again with what is wrong."""
    user, where, fields = signed_in_user(request), caller(request), request.POST
    person = Administrator(user, where.ip, where.user_agent, where.request_id)
    typed = Wanted(*(fields.get(name, "") for name in ("current", "new", "again")))
    try:
        problems = own_password.change_own_password(request, person, typed)
    except Throttled as error:
        return _rests(request, error)
    except NotAllowed as error:
        tell_refusal(person, {"change": "password", "kind": "user", "name": user.username}, error)
        raise
    if problems:
        errors = {name: " ".join(map(gettext, words)) for name, words in problems.items()}
        return _page(request, Preferences.of(user), errors=errors, status=400)
    return _done(request, _NEW_PASSWORD, "password")


def _rests(request: HttpRequest, error: Throttled) -> HttpResponse:
    preferences = Preferences.of(signed_in_user(request))
    errors = {"current": sentences(error)}
    response = _page(request, preferences, errors=errors, status=error.status)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _done(request: HttpRequest, notice: str, place: str) -> HttpResponse:
    request.session[_NOTICE] = notice
    return SeeOther(f"{reverse('settings')}#{place}")


def _translated(problems: Mapping[str, str]) -> dict[str, str]:
    return {name: gettext(words) for name, words in problems.items()}


# --- the page --------------------------------------------------------------------------------


def _page(
    request: HttpRequest,
    preferences: Preferences,
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    user, notice = signed_in_user(request), request.session.pop(_NOTICE, "")
    context = {
        "here": "settings",
        "preferences": preferences,
        "errors": errors or {},
        "languages": configured.LANGUAGES,
        "often": _often_chosen(timezone.now(), preferences.time_zone),
        "is_often": preferences.time_zone in {"", *OFTEN_CHOSEN},
        "others": _others(),
        "themes": [(value, title, _THEME_ICONS[Theme(value)]) for value, title in Theme.choices],
        "has_password": user.origin == Origin.LOCAL,
        "is_directory_person": user.origin == Origin.DIRECTORY,
        "shortest_password": configured.SHORTEST_PASSWORD,
        "notice": gettext(notice) if notice else "",
    }
    return render(request, "portal/settings.html", context, status=status)


def _often_chosen(now: datetime, chosen: str) -> list[Zone]:
    """Return the zones that many choose, and the person's own, with what is on their clocks."""
    known = domain.time_zones()
    names = [name for name in OFTEN_CHOSEN if name in known]
    if chosen in known and chosen not in names:
        names = [chosen, *names]
    return [_with_clock(name, now) for name in names]


def _with_clock(name: str, now: datetime) -> Zone:
    there = now.astimezone(ZoneInfo(name))
    return Zone(name, f"{place_words(name)} ({abbreviation(there)}), {there:%H:%M}")


def _others() -> list[ZoneGroup]:
    """Return all zones by continent; those without one at the end."""
    names = sorted(domain.time_zones(), key=lambda name: (_continent(name) == "", name))
    groups = groupby(names, key=_continent)
    return [
        ZoneGroup(continent or gettext("Others"), list(_named(within)))
        for continent, within in groups
    ]


def _named(names: Iterable[str]) -> Iterable[Zone]:
    for name in names:
        place = name.partition("/")[2] or name
        yield Zone(name, place.replace("_", " ").replace("/", ", "))


def _continent(name: str) -> str:
    continent, slash, _ = name.partition("/")
    return continent if slash else ""
