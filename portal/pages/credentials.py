"""Temporary credentials for the person's own shell: what and how long, then once, as text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.errors import InvalidRequest, LimitExceeded, PortalError
from accounts.models import Action
from accounts.record import LONGEST_REASON
from portal import credential_formats as formats
from portal.aws.plan import TemporaryCredentials
from portal.launch import Launch, Wish, issue_credentials, prepare_credentials, preview
from portal.pages.environments import environment
from portal.pages.errors import errors_concern
from portal.pages.launch_options import length_choices
from portal.pages.visitor import posted_wish, visitor
from portal.pages.visitor import wish as read_wish
from portal.pages.wording import sentence

_SHELLS: tuple[tuple[str, Any, Callable[[Mapping[str, str]], str]], ...] = (
    ("bash", gettext_lazy("bash, zsh"), formats.posix),
    ("fish", gettext_lazy("fish"), formats.fish),
    ("powershell", gettext_lazy("PowerShell"), formats.powershell),
    ("cmd", gettext_lazy("cmd"), formats.cmd),
)


@dataclass(frozen=True)
class Shell:
    """Commands for one shell; ``parts`` are plain and secret pieces in turn."""

    name: str
    title: Any
    parts: list[tuple[str, bool]]


@require_http_methods(["GET", "HEAD", "POST"])
def credentials(request: HttpRequest, account: str, role: str) -> HttpResponse:
    """Say what would be issued; issue it by POST, and show it to this answer only."""
    if request.method != "POST":
        wish = read_wish(account, role, request.GET)
        return _form(request, preview(visitor(request), wish, Action.CREDENTIALS), wish)
    asked = posted_wish(account, role, request)
    wish = Wish(account, role, seconds=asked.seconds, reason=asked.reason)
    prepared = _prepared(request, wish)
    if isinstance(prepared, PortalError):
        return _form_again(request, wish, prepared)
    if prepared.reason_is_missing:
        return _form_again(request, wish)
    errors_concern(request, prepared.role)
    return _issued(request, prepared)


def _prepared(request: HttpRequest, wish: Wish) -> Launch | InvalidRequest | LimitExceeded:
    """Return what may be issued, or the refusal of a length, which belongs beside its field."""
    try:
        return prepare_credentials(visitor(request), wish)
    except (InvalidRequest, LimitExceeded) as error:
        return error


def _form_again(
    request: HttpRequest, wish: Wish, refusal: PortalError | None = None
) -> HttpResponse:
    """Show the form with all that is wrong, each at its field; a reason is asked for first."""
    theirs = Wish(wish.account, wish.role, reason=wish.reason)
    usual = preview(visitor(request), theirs, Action.CREDENTIALS)
    errors, status = {}, 400
    if refusal:
        errors["seconds"], status = sentence(refusal.message, refusal.params), refusal.status
    if usual.reason_is_missing:
        words = gettext("This role asks for a reason. Write a few words or a ticket.")
        errors["reason"], status = words, 400
    return _form(request, usual, wish, errors, status)


def _form(
    request: HttpRequest,
    launch: Launch,
    wish: Wish,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **_facts(launch),
        "wish": wish,
        "errors": errors or {},
        "choices": [each for each in length_choices(launch, wish) if not each.is_too_long],
        "longest_reason": LONGEST_REASON,
    }
    return render(request, "portal/credentials.html", context, status=status)


def _facts(launch: Launch) -> dict[str, Any]:
    role = launch.role
    return {
        "role": role,
        "account": role.account,
        "environment": environment(role.account.environment),
        "lengths": launch.lengths,
        "grant_ends": launch.entitlement.ends,
        "region": launch.destination.region,
    }


@sensitive_variables()
def _issued(request: HttpRequest, launch: Launch) -> HttpResponse:
    issued = issue_credentials(launch)
    role, region = launch.role, launch.destination.region
    values = formats.variables(issued, region)
    profile = formats.profile_name(role.account.key, role.name)
    shells = [Shell(name, title, _parts(text(values), issued)) for name, title, text in _SHELLS]
    file = formats.credentials_file(issued, region, profile)
    shells.append(Shell("file", gettext("Credentials file"), _parts(file, issued)))
    context = {**_facts(launch), "shells": shells, "expires": issued.expiration, "profile": profile}
    response = render(request, "portal/credentials_issued.html", context)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@sensitive_variables()
def _parts(text: str, issued: TemporaryCredentials) -> list[tuple[str, bool]]:
    """Cut a text at its secrets, so that a page can hide them; together the parts are the text."""
    parts = [(text, False)]
    for secret in (issued.secret_access_key, issued.session_token):
        parts = [piece for part in parts for piece in _cut(part, secret)]
    return parts


@sensitive_variables()
def _cut(part: tuple[str, bool], secret: str) -> list[tuple[str, bool]]:
    text, is_secret = part
    before, found, after = text.partition(secret)
    if is_secret or not found:
        return [part]
    return [(before, False), (secret, True), (after, False)]
