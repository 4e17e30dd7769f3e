"""Reads what is sent to the administration before the check of a form's token would read it.

What is too large to be read ends the request there, and its row would be missing.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.errors import PortalError
from portal.admin.site import require_readable, site
from portal.pages.errors import error_page


class FormsAreRead:
    """Middleware: a form that cannot be read leaves a row, whoever sent it to the administration.

    It stands before Django's ``CsrfViewMiddleware``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on: only what it asks for is of interest."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_what: Any) -> HttpResponse | None:
        """Answer what cannot be read; let everything else through."""
        match = request.resolver_match
        if match is None or site.name not in match.namespaces or not request.user.is_authenticated:
            return None
        try:
            require_readable(request)
        except PortalError as error:
            return error_page(request, error)
        return None
