"""Reads what is sent before the check of a form's token would read it.

What cannot be read ends the request there, and in the administration its row would be missing.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase

from accounts.errors import InvalidRequest, PortalError, gettext_noop
from portal.admin.site import UNREADABLE, refuse, site
from portal.pages.errors import error_page

_UTF_8 = {"utf-8", "utf8", "us-ascii", "ascii"}


class FormsAreRead:
    """Middleware: what cannot be read is answered in one way on every page.

    Whoever is signed in and sent it to the administration leaves a row. It stands before Django's
    ``CsrfViewMiddleware``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on: only what it asks for is of interest."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_what: Any) -> HttpResponse | None:
        """Answer what cannot be read; let everything else through."""
        try:
            if error := _why_unreadable(request):
                raise refuse(request, error) if _is_for_the_record(request) else error
        except PortalError as error:
            return error_page(request, error)
        return None


def _is_for_the_record(request: HttpRequest) -> bool:
    match = request.resolver_match
    is_administration = match is not None and site.name in match.namespaces
    return is_administration and request.user.is_authenticated


def _why_unreadable(request: HttpRequest) -> InvalidRequest | None:
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if charset not in _UTF_8:
        # Addresses are UTF-8 whatever is said of a form, and so are the names of its fields.
        request.encoding = "utf-8"
        if request.method == "POST":
            return _other_encoding()
    try:
        request.POST  # noqa: B018 reading it is what fails
    except UNREADABLE as error:
        return _too_large(error)
    except UnreadablePostError:
        # Whoever sent it is gone; the check of the token answers that.
        return None
    return None


def _other_encoding() -> InvalidRequest:
    return InvalidRequest(
        log="a form that is not UTF-8",
        message=gettext_noop("The portal reads forms in UTF-8 only."),
        next_step=gettext_noop("Send it in UTF-8, as the portal’s own pages do."),
    )


def _too_large(error: Exception) -> InvalidRequest:
    return InvalidRequest(
        log=f"a form that cannot be read: {type(error).__name__}",
        message=gettext_noop("This is more than the portal reads at once."),
        next_step=gettext_noop("Send less of it, in several forms."),
    )
