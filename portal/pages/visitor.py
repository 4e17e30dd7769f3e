"""Reads off a request what the use cases want to know of it."""

from collections.abc import Mapping
from typing import cast

from django.http import HttpRequest

from accounts.models import User
from portal import log_lines
from portal.launch import Visitor, Wish
from portal.signin.sign_in import Caller

LONGEST_USER_AGENT = 300


def signed_in_user(request: HttpRequest) -> User:
    """Return the signed-in person of a page that nobody else can reach."""
    return cast(User, request.user)


def client_ip(request: HttpRequest) -> str:
    """Return the address that the request came from."""
    return str(request.META.get("REMOTE_ADDR", ""))


def user_agent(request: HttpRequest) -> str:
    """Return what the browser calls itself, cut to what the record keeps."""
    return request.headers.get("User-Agent", "")[:LONGEST_USER_AGENT]


def caller(request: HttpRequest) -> Caller:
    """Return where a request comes from that nobody need be signed in for."""
    return Caller(
        ip=client_ip(request),
        user_agent=user_agent(request),
        request_id=log_lines.request_id.get(),
    )


def visitor(request: HttpRequest) -> Visitor:
    """Return who asks, from where."""
    return Visitor(
        user=signed_in_user(request),
        ip=client_ip(request),
        user_agent=user_agent(request),
        request_id=log_lines.request_id.get(),
    )


def posted_wish(account: str, role: str, request: HttpRequest) -> Wish:
    """Return what a form asks for; what it leaves out may stand in the address."""
    return wish(account, role, {**request.GET.dict(), **request.POST.dict()})


def wish(account: str, role: str, fields: Mapping[str, str]) -> Wish:
    """Return what was asked for, from the address and from a query or a form."""
    return Wish(
        account=account,
        role=role,
        to=fields.get("to", ""),
        region=fields.get("region", ""),
        seconds=fields.get("seconds", "").strip(),
        reason=fields.get("reason", ""),
    )
