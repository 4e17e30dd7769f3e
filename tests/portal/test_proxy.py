"""Whose word about a request counts: a trusted proxy's, and nobody else's (P10's spirit)."""

from ipaddress import ip_network

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from portal import proxy
from portal.proxy import client_address, forwarded, parse_address

PROXY = "10.0.0.1"
CLIENT = "203.0.113.9"
TRUSTED = ("10.0.0.1", "10.0.1.0/24", "2001:db8:1::/48", "127.0.0.1")

WORDS = {
    "X-Forwarded-For": CLIENT,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "portal.example.com",
}
CLAIMS = (
    *WORDS,
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Forwarded-Server",
    "X-Forwarded",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "Script-Name",
    "Remote-User",
    "Remote-Addr",
    "X-Original-URL",
    "X-Rewrite-URL",
)


@pytest.fixture(autouse=True)
def _trust(settings: LazySettings) -> None:
    settings.PORTAL_TRUSTED_PROXIES = [ip_network(word) for word in TRUSTED]
    settings.ALLOWED_HOSTS = ["*"]


def seen(peer: str, headers: dict[str, str]) -> HttpRequest:
    """Return the request as everything behind the middleware meets it."""
    met: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        met.append(request)
        return HttpResponse()

    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    forwarded(view)(request)
    return met[0]


def test_a_trusted_proxys_word_counts_for_address_scheme_and_host() -> None:
    request = seen(PROXY, WORDS)
    assert request.META["REMOTE_ADDR"] == CLIENT
    assert request.is_secure()
    assert request.build_absolute_uri("/x") == "https://portal.example.com/x"


@pytest.mark.parametrize("peer", ["203.0.113.1", "10.0.2.1", "2001:db8:2::1", "", "@", "unix:"])
def test_P10_from_anywhere_else_it_means_nothing(peer: str) -> None:
    request = seen(peer, WORDS)
    assert request.META["REMOTE_ADDR"] == peer
    assert not request.is_secure()
    assert request.get_host() == "testserver"


@pytest.mark.parametrize("peer", [PROXY, "203.0.113.1", ""])
def test_P10_nobody_behind_can_read_what_a_request_says_of_its_way(peer: str) -> None:
    request = seen(peer, dict.fromkeys(CLAIMS, "a claim"))
    assert not [name for name in CLAIMS if name in request.headers]
    assert "a claim" not in [value for value in request.META.values() if isinstance(value, str)]


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ("", PROXY),
        (CLIENT, CLIENT),
        (f"  {CLIENT}\t", CLIENT),
        (f"198.51.100.1, {CLIENT}", CLIENT),
        (f"198.51.100.1,{CLIENT},10.0.1.7", CLIENT),
        (f"{CLIENT}, 10.0.1.7, 10.0.1.8, 2001:db8:1::5", CLIENT),
        (f"127.0.0.1, 10.0.0.1, {CLIENT}", CLIENT),
        ("10.0.1.7, 10.0.1.8", "10.0.1.7"),
        # What some proxies write: a port, brackets, IPv4 in IPv6's clothes, empty parts.
        (f"{CLIENT}:4711", CLIENT),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("2001:DB8:0::9", "2001:db8::9"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"::ffff:198.51.100.1, {CLIENT}, ::ffff:10.0.1.7", CLIENT),
        (f",, {CLIENT}, ,", CLIENT),
        # What is no address: whoever wrote it is the last one known.
        ("unknown", PROXY),
        (f"{CLIENT}, unknown", PROXY),
        (f"{CLIENT}, unknown, 10.0.1.7", "10.0.1.7"),
        (f"{CLIENT}, _hidden", PROXY),
        ("256.1.1.1", PROXY),
        ("203.0.113.9/32", PROXY),
        ("203.0.113.9:", PROXY),
        ("203.0.113.9:x", PROXY),
        ("[203.0.113.9", PROXY),
        ("[2001:db8::9]x", PROXY),
        ("localhost", PROXY),
        ("<script>", PROXY),
        ("203.0.113.9 198.51.100.1", PROXY),
        ("0x7f000001", PROXY),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_trusted_proxys(
    forwarded_for: str, address: str
) -> None:
    assert seen(PROXY, {"X-Forwarded-For": forwarded_for}).META["REMOTE_ADDR"] == address


@given(st.text(st.characters(codec="latin-1"), max_size=200))
def test_P10_nothing_to_the_left_of_the_clients_address_changes_it(written: str) -> None:
    peer = parse_address(PROXY)
    assert peer is not None
    assert str(client_address(peer, f"{written},{CLIENT}")) == CLIENT
    assert str(client_address(peer, f"{written},{CLIENT}, 10.0.1.7")) == CLIENT


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-Proto", "ftp"),
        ("X-Forwarded-Proto", ""),
        ("X-Forwarded-Proto", "https, http"),
        ("X-Forwarded-Proto", "https;"),
        ("X-Forwarded-Host", ""),
        ("X-Forwarded-Host", "evil.example/path"),
        ("X-Forwarded-Host", "user@evil.example"),
        ("X-Forwarded-Host", "a b"),
        ("X-Forwarded-Host", "evil.example:port"),
    ],
)
def test_a_scheme_or_host_that_is_none_is_passed_over(header: str, value: str) -> None:
    request = seen(PROXY, {header: value})
    assert not request.is_secure()
    assert request.get_host() == "testserver"


def test_of_several_values_the_nearest_proxys_counts() -> None:
    request = seen(
        PROXY,
        {
            "X-Forwarded-Proto": "http, HTTPS",
            "X-Forwarded-Host": "evil.example, portal.example.com:8443",
        },
    )
    assert request.is_secure()
    assert request.get_host() == "portal.example.com:8443"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
    ],
)
def test_one_client_has_one_address(peer: str, address: str) -> None:
    assert seen(peer, {}).META["REMOTE_ADDR"] == address


def test_an_ipv4_proxy_is_trusted_on_an_ipv6_socket_too() -> None:
    assert seen(f"::ffff:{PROXY}", WORDS).META["REMOTE_ADDR"] == CLIENT


def test_it_stands_before_everything_that_reads_a_request(settings: LazySettings) -> None:
    assert settings.MIDDLEWARE[0] == f"{proxy.__name__}.{forwarded.__name__}"
