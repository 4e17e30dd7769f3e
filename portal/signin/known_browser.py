"""Knows the browsers that a person has signed in with before, for the throttle.

A cookie holds, for each of the last few people who used the browser, a random id signed together
with that person's record key: it opens nothing, names nobody and is worthless for anybody else.
"""

import secrets

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse

from accounts.models import User

LIFETIME_SECONDS = 180 * 24 * 3600
MOST_PEOPLE = 4
_BETWEEN = "."


def browser_id(request: HttpRequest, user: User) -> str:
    """Return the id under which this browser is known for the user; empty when it is not."""
    return next(filter(None, (_read(mark, user) for mark in _marks(request))), "")


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Know this browser from now on, and for half a year, as one that the user signs in with."""
    known = browser_id(request, user)
    others = [mark for mark in _marks(request) if not _read(mark, user)]
    mark = _signer(user).sign(known or secrets.token_hex(16))
    response.set_cookie(
        _cookie_name(),
        _BETWEEN.join([mark, *others][:MOST_PEOPLE]),
        max_age=LIFETIME_SECONDS,
        secure=settings.COOKIES_ARE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _marks(request: HttpRequest) -> list[str]:
    marks = request.COOKIES.get(_cookie_name(), "").split(_BETWEEN)
    return [mark for mark in marks if mark][:MOST_PEOPLE]


def _read(mark: str, user: User) -> str:
    try:
        return _signer(user).unsign(mark, max_age=LIFETIME_SECONDS)
    except BadSignature:
        return ""


def _signer(user: User) -> TimestampSigner:
    return TimestampSigner(salt=f"portal.signin.known_browser {user.record_key}")


def _cookie_name() -> str:
    return "__Host-browser" if settings.COOKIES_ARE_SECURE else "browser"
