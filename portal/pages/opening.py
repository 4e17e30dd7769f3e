"""The page between a form and a launch: it goes on by itself, without script.

Browsers hold every hop of a form's redirects against ``form-action``, so a form never leads to
AWS: it is answered here, on our own origin, with a link and a refresh that start anew.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render


class SeeOther(HttpResponseRedirect):
    """303: the answer to a form, to be fetched by GET."""

    status_code = 303


def go_on_to_launch(request: HttpRequest, address: str) -> HttpResponse:
    """Lead from a form to a launch's own address; never to a login URL."""
    if "Sec-Fetch-Mode" not in request.headers:
        return SeeOther(address)
    return render(request, "portal/opening.html", {"address": address})
