"""The signed-in person's language and time zone hold for the whole request.

What they chose stands on the row by which a session is known, so it costs no query. Who chose
nothing gets what the browser asks for (Django's LocaleMiddleware, before this) and UTC.
"""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from accounts import preferences as domain
from accounts.models import Theme, User

_THEME = "portal.theme"

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def preferences(get_response: GetResponse) -> GetResponse:
    """Let a request be answered as its person wants to see it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            # Nobody else's page asks for a person at all.
            if SESSION_KEY in request.session and isinstance(request.user, User):
                follow(request, request.user)
            return get_response(request)
        finally:
            timezone.deactivate()

    return middleware


def follow(request: HttpRequest, user: User) -> None:
    """Show the rest of this request as the person wants it."""
    if user.language in dict(settings.LANGUAGES):
        translation.activate(user.language)
        request.LANGUAGE_CODE = translation.get_language()
    zone = domain.zone_of(user)
    if zone is None:
        timezone.deactivate()
    else:
        timezone.activate(zone)
    request.META[_THEME] = user.theme


def theme_of(request: HttpRequest) -> str:
    """Return the theme of this request's person, ``auto`` where there is none; asks nothing."""
    return str(request.META.get(_THEME, Theme.AUTO))


def zone_words(now: datetime) -> str:
    """Return what the page's time zone is called at a moment: ``Tokyo (JST)``, ``UTC``."""
    name = timezone.get_current_timezone_name()
    if name in {"UTC", "Etc/UTC"}:
        return "UTC"
    return f"{place_words(name)} ({abbreviation(timezone.localtime(now))})"


def place_words(name: str) -> str:
    """Return the place in a time zone's name: ``Tokyo`` of ``Asia/Tokyo``."""
    return name.rpartition("/")[2].replace("_", " ")


def abbreviation(there: datetime) -> str:
    """Return what a zone's clock is called: ``JST``, or where it has no letters ``UTC+07``."""
    letters = there.tzname() or ""
    return letters if letters.isalpha() else f"UTC{letters}"
