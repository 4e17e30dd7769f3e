"""Links to launches: their path, and the ``confirm`` that an answered question puts on one.

``confirm`` is bound to session, path and query and good for five minutes.
"""

from urllib.parse import parse_qsl, quote, unquote, urlencode

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import escape_uri_path

CONFIRM_SECONDS = 300
_CONFIRM = "confirm"
_FIELDS = ("to", "region", "seconds", "reason")


def launch_path(account: str, role: str, **wish: str) -> str:
    """Return the link of a launch; empty parts of the wish are left out."""
    path = reverse("launch", args=(account, role))
    query = urlencode({name: wish[name] for name in _FIELDS if wish.get(name)}, quote_via=quote)
    return f"{path}?{query}" if query else path


def address_without_confirm(request: HttpRequest) -> str:
    """Return path and query as they were written, without an earlier answer."""
    path = escape_uri_path(request.path)
    query = request.META.get("QUERY_STRING", "")
    kept = [part for part in query.split("&") if part and part.split("=")[0] != _CONFIRM]
    return f"{path}?{'&'.join(kept)}" if kept else path


def as_read(path: str, query: str) -> str:
    """Return the one form in which two addresses of launches are compared.

    ``path`` is decoded, ``query`` as it was written. Two addresses that the launch page reads
    alike are alike here, however their letters are encoded.
    """
    fields = parse_qsl(query, keep_blank_values=True)
    return f"{path}?{urlencode([(n, v) for n, v in fields if n != _CONFIRM])}"


def as_written(address: str) -> str:
    """Return the same form for an address (path and query) as it stands in a link."""
    path, _, query = address.partition("?")
    return as_read(unquote(path), query)


def confirmed(request: HttpRequest, address: str) -> str:
    """Return the address, a launch's path and query, with this session's answer on it."""
    answer = _signer(request, as_written(address)).sign("")
    return f"{address}{'&' if '?' in address else '?'}{_CONFIRM}={quote(answer)}"


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the request carries a fresh answer of this session to this very question."""
    answer = request.GET.get(_CONFIRM, "")
    signer = _signer(request, as_read(request.path, request.META.get("QUERY_STRING", "")))
    try:
        return signer.unsign(answer, max_age=CONFIRM_SECONDS) == ""
    except BadSignature:
        return False


def _signer(request: HttpRequest, question: str) -> TimestampSigner:
    return TimestampSigner(salt=f"portal.launch_link {request.session.session_key} {question}")
