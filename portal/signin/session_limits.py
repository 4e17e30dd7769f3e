"""A portal session ends after a while without a request, and at the latest so long after sign-in.

Times are kept in the session, in seconds since 1970. The last use is written at most once a
minute.
"""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

log = logging.getLogger(__name__)

SIGNED_IN_AT = "signed_in_at"
LAST_USED_AT = "last_used_at"
_SECONDS_BETWEEN_WRITES = 60

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def begin(request: HttpRequest) -> None:
    """Note in a fresh session when it began; take expired ones out of the table."""
    request.session.set_expiry(settings.PORTAL_SESSION_SECONDS)
    request.session[SIGNED_IN_AT] = request.session[LAST_USED_AT] = int(time.time())
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def session_limits(get_response: GetResponse) -> GetResponse:
    """End a session that is over; note the use of one that is not."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if SESSION_KEY in request.session:
            now = int(time.time())
            if _is_over(request, now):
                logout(request)
            else:
                _note_use(request, now)
        return get_response(request)

    return middleware


def _is_over(request: HttpRequest, now: int) -> bool:
    begun = int(request.session.get(SIGNED_IN_AT, 0))
    used = int(request.session.get(LAST_USED_AT, 0))
    return (
        now - begun >= settings.PORTAL_SESSION_SECONDS
        or now - used >= settings.PORTAL_SESSION_IDLE_SECONDS
    )


def _note_use(request: HttpRequest, now: int) -> None:
    pause = min(_SECONDS_BETWEEN_WRITES, settings.PORTAL_SESSION_IDLE_SECONDS // 4)
    if now - int(request.session.get(LAST_USED_AT, 0)) < max(pause, 1):
        return
    request.session[LAST_USED_AT] = now
    try:
        request.session.save()
    except UpdateError:
        # Signed out in another tab at this very moment.
        logout(request)
    except Error as error:
        # Reading still works; whoever must write says so with a page of its own.
        log.warning("last use not written", extra={"facts": {"cause": type(error).__name__}})
    request.session.modified = False
