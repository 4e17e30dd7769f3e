"""Who really asked, and by which address: a trusted proxy's word about it, and nobody else's.

The first middleware. What a request says of itself in forwarding headers is always taken out of
it, so that nothing behind this can read it by mistake. Only when the connection comes from one of
``PORTAL_TRUSTED_PROXIES`` is it put where Django and the portal look: ``REMOTE_ADDR``, the scheme
and the host. Links, Issuer, cookies and the trusted origin come from ``PORTAL_URL`` whatever a
proxy says.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase

Address = IPv4Address | IPv6Address
GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Beside X-Forwarded-…: where proxies put an address, a path or a person, and where software that
# trusts everybody looks for them.
_CLAIMS = frozenset(
    {
        "HTTP_FORWARDED",
        "HTTP_X_REAL_IP",
        "HTTP_X_CLIENT_IP",
        "HTTP_TRUE_CLIENT_IP",
        "HTTP_X_ORIGINAL_URL",
        "HTTP_X_REWRITE_URL",
        "HTTP_SCRIPT_NAME",
        "HTTP_REMOTE_ADDR",
        "HTTP_REMOTE_USER",
        "HTTP_X_REMOTE_USER",
        "HTTP_X_AUTH_REQUEST_USER",
        "HTTP_X_AUTH_REQUEST_EMAIL",
    }
)


def forwarded(get_response: GetResponse) -> GetResponse:
    """Set the request right as a trusted proxy tells it; of anybody else believe nothing."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        facts = request.META
        claims = _take_claims(facts)
        peer = parse_address(facts.get("REMOTE_ADDR", ""))
        if peer is not None:
            # Of one and the same client, told as IPv4 or as IPv6, there is one address.
            facts["REMOTE_ADDR"] = str(peer)
            if is_trusted(peer):
                _believe(facts, peer, claims)
        return get_response(request)

    return middleware


def _take_claims(facts: dict[str, Any]) -> dict[str, str]:
    names = [name for name in facts if name.startswith("HTTP_X_FORWARDED") or name in _CLAIMS]
    return {name: facts.pop(name) for name in names}


def _believe(facts: dict[str, Any], peer: Address, claims: dict[str, str]) -> None:
    facts["REMOTE_ADDR"] = str(client_address(peer, claims.get("HTTP_X_FORWARDED_FOR", "")))
    scheme = _last(claims.get("HTTP_X_FORWARDED_PROTO", "")).lower()
    if scheme in {"http", "https"}:
        facts["wsgi.url_scheme"] = scheme
    host = _last(claims.get("HTTP_X_FORWARDED_HOST", ""))
    if split_domain_port(host)[0]:
        facts["HTTP_HOST"] = host


def client_address(peer: Address, forwarded_for: str) -> Address:
    """Return the nearest address that no trusted proxy has.

    Each proxy writes its own peer to the right of what it was given. Read from there, the first
    address that is not a trusted proxy's is the client's; what stands further left the client
    wrote itself. What is no address ends the search: whoever wrote it is the last one known.
    """
    nearest = peer
    for address in _from_the_right(forwarded_for):
        if address is None:
            break
        nearest = address
        if not is_trusted(address):
            break
    return nearest


def is_trusted(address: Address) -> bool:
    """Tell whether this is a proxy whose word counts."""
    return any(address in network for network in settings.PORTAL_TRUSTED_PROXIES)


def parse_address(text: str) -> Address | None:
    """Return the address, without a zone, and as IPv4 if it is one in IPv6's clothes."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _from_the_right(forwarded_for: str) -> Iterator[Address | None]:
    for word in reversed(forwarded_for.split(",")):
        text = word.strip()
        if text:
            yield parse_address(_without_port(text))


def _without_port(text: str) -> str:
    """Some proxies write ``192.0.2.1:4711``, ``[2001:db8::1]`` or ``[2001:db8::1]:4711``."""
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        return inside if bracket and (not rest or _is_port(rest)) else ""
    host, colon, port = text.partition(":")
    return host if colon and "." in host and _is_port(colon + port) else text


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdigit()


def _last(listed: str) -> str:
    """Of several values the nearest proxy's."""
    return listed.rpartition(",")[2].strip()
