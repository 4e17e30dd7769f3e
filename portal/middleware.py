"""What every request passes: its id and log line, security headers, errors that become pages."""

import logging
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.errors import NotLetIn, PortalError
from portal import log_lines
from portal.pages.errors import error_page

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "script-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "same-origin",
}

_HSTS = "max-age=31536000"

# No 0, 1, I, L, O, U: a reference number is read out over the telephone.
_REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_request_id() -> str:
    """Return a reference number like ``K7Q2-F9MD-4RXH``: 58 bits, readable aloud."""
    letters = "".join(secrets.choice(_REFERENCE_LETTERS) for _ in range(12))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def request_log(get_response: GetResponse) -> GetResponse:
    """Give each request its id and write one line when it is answered: never its query."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        token = log_lines.request_id.set(new_request_id())
        try:
            response = get_response(request)
            response["X-Request-Id"] = log_lines.request_id.get()
            _log_request(request, response.status_code, time.perf_counter() - began)
            return response
        finally:
            log_lines.request_id.reset(token)

    return middleware


_UNREMARKABLE = ("/static/", "/healthz", "/readyz")


def _log_request(request: HttpRequest, status: int, seconds: float) -> None:
    level = logging.DEBUG if request.path.startswith(_UNREMARKABLE) else logging.INFO
    facts = {
        "method": request.method,
        "path": request.path,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "ip": request.META.get("REMOTE_ADDR", ""),
    }
    log.log(level, "request", extra={"facts": facts})


def security_headers(get_response: GetResponse) -> GetResponse:
    """Set the headers that hold for every answer, unless the answer has a stricter one."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.COOKIES_ARE_SECURE:
            # Behind a proxy that ends TLS Django sees http, and its own header would be missing.
            response.headers.setdefault("Strict-Transport-Security", _HSTS)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


class ErrorsBecomePages:
    """Turns what the domain and the broker raise into pages; views hold no try blocks."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on: only exceptions are of interest."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a PortalError with its page; Django's handler500 has the rest."""
        if isinstance(exception, NotLetIn):
            logout(request)
        if isinstance(exception, PortalError):
            return error_page(request, exception)
        return None
