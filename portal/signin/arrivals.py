"""The facts of a launch request that met nobody signed in, kept until sign-in is done.

Kept in the browser's server-side session for exactly that path and query, in the form of
``launch_link.as_read``, 15 minutes, used once; the latest arrival counts.
"""

import hashlib
import time

from django.http import HttpRequest
from django.urls import reverse

from portal.launch_rule import UNKNOWN_ARRIVAL, Arrival

_KEY = "arrival"
_KEPT_SECONDS = 900


def keep(request: HttpRequest, address: str, arrival: Arrival) -> None:
    """Keep how the request for this address came in.

    Anybody can make a session this way, so it lasts no longer than what it keeps.
    """
    if not request.user.is_authenticated:
        request.session.set_expiry(_KEPT_SECONDS)
    request.session[_KEY] = {"address": _digest(address), "at": int(time.time()), **arrival.kept()}


def keep_unknown(request: HttpRequest, address: str) -> None:
    """Note that nobody saw how the wish for this address came in, unless somebody did."""
    if _kept(request, address) is None:
        keep(request, address, UNKNOWN_ARRIVAL)


def take(request: HttpRequest, address: str) -> Arrival | None:
    """Return what was kept for this address and forget it; None where nothing was.

    Who comes straight from sign-in and finds nothing kept comes a second time (by Back or
    Reload after the question): nobody saw that arrival either.
    """
    arrival = _kept(request, address)
    if arrival is not None:
        del request.session[_KEY]
        return arrival
    return UNKNOWN_ARRIVAL if _is_sent_by_sign_in(request) else None


def _is_sent_by_sign_in(request: HttpRequest) -> bool:
    return request.headers.get("Referer", "").split("?")[0].endswith(reverse("sign-in"))


def _digest(address: str) -> str:
    """As long for any address: whoever is not signed in can make as many sessions as they like."""
    return hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()


def _kept(request: HttpRequest, address: str) -> Arrival | None:
    kept = request.session.get(_KEY)
    if not kept or kept["address"] != _digest(address) or time.time() - kept["at"] > _KEPT_SECONDS:
        return None
    return Arrival.from_kept(kept)
