"""Error pages: one sentence, what to do, a reference number."""

import logging
import sys

from django.db import DataError, Error, IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.database.connection import in_one_line
from accounts.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    NotGranted,
    NotLetIn,
    PortalError,
    gettext_noop,
)
from accounts.models import Role
from portal import log_lines
from portal.errors import UpstreamError
from portal.pages.environments import environment
from portal.pages.wording import sentence

log = logging.getLogger(__name__)

_ROLE = "portal.role"
_AGAIN = "portal.again"


def errors_concern(request: HttpRequest, role: Role) -> None:
    """Let an error page of this request name the role: the person may enter it."""
    request.META[_ROLE] = role


def may_be_tried_again(request: HttpRequest) -> None:
    """Let an error page of this launch offer the same address again: the rule let it through.

    From our own page that address opens at once, so a link that had to be asked about must not
    come back as such an offer.
    """
    request.META[_AGAIN] = True


def _again(request: HttpRequest, error: PortalError) -> str:
    is_harmless = not request.path.startswith("/go/") or _AGAIN in request.META
    return request.get_full_path() if error.retry_makes_sense and is_harmless else ""


def error_page(request: HttpRequest, error: PortalError) -> HttpResponse:
    """Tell the person what happened and what to do, and the operator in the log."""
    log_refusal(request, error)
    role: Role | None = request.META.get(_ROLE)
    response = render(
        request,
        "portal/error.html",
        {
            "message": sentence(error.message, error.params),
            "next_step": sentence(error.next_step, error.params),
            "hints": _hints(error),
            "again": _again(request, error),
            "role": role,
            "environment": environment(role.account.environment) if role else None,
            "options": _options(request, error),
            "is_out": isinstance(error, NotLetIn),
            "is_recorded": role is not None and isinstance(error, UpstreamError),
            "reference": log_lines.request_id.get(),
        },
        status=error.status,
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _hints(error: PortalError) -> list[str]:
    """Return what an administrator should check, the likeliest first: a message id a line."""
    lines = error.hint.splitlines() if isinstance(error, UpstreamError) else ()
    return [sentence(line, error.params) for line in lines]


def _options(request: HttpRequest, error: PortalError) -> str:
    """Where a launch that cannot be as it was wished can be wished otherwise; else empty."""
    match = request.resolver_match
    if match is None or match.url_name != "launch" or error.status not in {400, 409}:
        return ""
    query = request.META.get("QUERY_STRING", "")
    return f"{reverse('options', kwargs=match.kwargs)}?{query}"


def log_refusal(request: HttpRequest, error: PortalError) -> None:
    """Tell the operator what a person was refused, and why."""
    level = logging.ERROR if error.status >= 500 else logging.INFO
    facts = {
        "error": type(error).__name__,
        "code": error.code,
        "cause": error.log,
        "status": error.status,
        "path": request.path,
    }
    log.log(level, "refused" if error.status < 500 else "failed", extra={"facts": facts})


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    """Answer an address that is none, in the words of what was never granted."""
    return error_page(
        request,
        NotGranted(
            log="no such page",
            message=gettext_noop("There is no such page."),
            next_step=gettext_noop("Check the address, or go on from your roles."),
        ),
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be, such as one for another host."""
    return error_page(
        request,
        InvalidRequest(
            log=type(exception).__name__,
            message=gettext_noop("This request cannot be answered."),
            next_step=gettext_noop("Open the portal by its own address and try again."),
        ),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that did not come from our own page, or too late."""
    return error_page(
        request,
        PortalError(
            log=f"csrf: {reason}",
            message=gettext_noop("This form is too old, or it did not come from the portal."),
            next_step=gettext_noop("Go back, load the page again and send the form once more."),
            status=403,
        ),
    )


def _database_unavailable(error: Error) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        log=f"database: {type(error).__name__}: {in_one_line(error)}",
        message=gettext_noop("The portal’s database does not answer."),
        next_step=gettext_noop("Try again in a minute; if it stays so, tell an administrator."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what nobody foresaw, and a database that does not answer."""
    error = sys.exc_info()[1]
    if isinstance(error, PortalError):
        return error_page(request, error)
    if isinstance(error, Error) and not isinstance(error, DataError | IntegrityError):
        return error_page(request, _database_unavailable(error))
    log.error("unforeseen", exc_info=error)
    return error_page(
        request,
        PortalError(
            log=f"unforeseen: {type(error).__name__}",
            message=gettext_noop("Something went wrong in the portal."),
            next_step=gettext_noop("Tell an administrator, with the reference number below."),
        ),
    )
