"""Forged headers change nothing: from past nginx, and from before it."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.proxy.conftest import Behind
from tests.proxy.people import GO, Person, addresses_of
from tests.served import PASSWORDS

FORGED = {
    "X-Forwarded-For": "203.0.113.66",
    "X_Forwarded_For": "203.0.113.66",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-User": "dana",
    "X-Real-IP": "203.0.113.66",
    "Forwarded": 'for=203.0.113.66;host=evil.example;proto="http"',
    "Script-Name": "/evil",
    "SCRIPT_NAME": "/evil",
    "Remote-User": "dana",
    "REMOTE_USER": "dana",
    "Remote-Addr": "203.0.113.66",
    "REMOTE_ADDR": "203.0.113.66",
    "X-Original-URL": "/admin/",
}
WAYS = pytest.mark.parametrize("is_direct", [True, False], ids=["past nginx", "through nginx"])


def cookies_without_values(text: str) -> str:
    """The names and attributes; a value is another each time, an end moves with the clock."""
    return re.sub(r"=[^;,]{20,}|(?<=expires)=[^;]*", "=…", text, flags=re.IGNORECASE)


@WAYS
def test_P10_forged_headers_change_no_row_no_link_no_cookie(
    is_direct: bool, behind: Behind
) -> None:
    honest = Person(behind, "127.0.0.21", is_direct=is_direct).sign_in("ann")
    forger = Person(behind, "127.0.0.22", FORGED, is_direct=is_direct).sign_in("ann")
    assert addresses_of(behind, "sign-in")[-2:] == ["127.0.0.21", "127.0.0.22"]
    for path in ("/", "/sign-in/", "/history/", "/nowhere/", "/go/x/y/", "/sign-out/"):
        theirs, ours = forger.get(path), honest.get(path)
        assert theirs.status_code == ours.status_code
        assert theirs.headers.get("Location") == ours.headers.get("Location")
        assert cookies_without_values(theirs.headers.get("Set-Cookie", "")) == (
            cookies_without_values(ours.headers.get("Set-Cookie", ""))
        )
        assert "evil" not in theirs.text
        assert "203.0.113.66" not in theirs.text
    launched = forger.get(GO)
    assert launched.status_code in {302, 303}
    assert parse_qs(urlsplit(launched.headers["Location"]).query)["Issuer"] == [behind.nginx.url]
    assert addresses_of(behind, "launch")[-2:] == ["127.0.0.22"] * 2


@WAYS
def test_P10_identity_headers_sign_nobody_in(is_direct: bool, behind: Behind) -> None:
    answer = Person(behind, "127.0.0.23", FORGED, is_direct=is_direct).get("/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/")


@WAYS
def test_P6_forged_addresses_do_not_get_more_tries(is_direct: bool, behind: Behind) -> None:
    address = "127.0.0.24" if is_direct else "127.0.0.25"
    # 127.0.0.1 is the proxy's own: pretending to be it, or somebody behind it, is no way either.
    forged = ("203.0.113.{}", "127.0.0.1, 203.0.113.{}", "203.0.113.{}, 127.0.0.1", "127.0.0.{}")
    last = 0
    for number in range(7):
        headers = {"X-Forwarded-For": forged[number % 4].format(number)}
        stranger = Person(behind, address, headers, is_direct=is_direct)
        last = stranger.try_password("throttled in the proxy tests", "wrong").status_code
    assert last == 429
    neighbour = Person(behind, "127.0.0.26", is_direct=is_direct)
    assert neighbour.try_password("throttled in the proxy tests", "wrong").status_code == 403


@WAYS
def test_the_host_check_reads_the_host_only(is_direct: bool, behind: Behind) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert Person(behind, "127.0.0.27", forged, is_direct=is_direct).get("/").status_code == 400
    honest = {"X-Forwarded-Host": "evil.example"}
    assert Person(behind, "127.0.0.27", honest, is_direct=is_direct).get("/").status_code == 302


@pytest.mark.parametrize(
    ("said", "through_nginx", "without_word_of_tls"),
    [
        ({"Origin": "{url}"}, 303, 303),
        ({"Origin": "https://evil.example"}, 403, 403),
        ({"Origin": "null"}, 403, 403),
        ({"Origin": "http://localhost"}, 403, 403),
        ({"Referer": "{url}/sign-in/"}, 303, 303),
        ({"Referer": "https://evil.example/"}, 403, 303),
        ({"Referer": "http://localhost/"}, 403, 303),
        ({}, 403, 303),
    ],
)
def test_P14_forms_are_taken_from_the_public_origin_also_where_no_proxy_tells_of_tls(
    said: dict[str, str], through_nginx: int, without_word_of_tls: int, behind: Behind
) -> None:
    """Without an Origin, only who is known to come by TLS is held to the Referer: Django's rule."""
    headers = {name: text.format(url=behind.nginx.url) for name, text in said.items()}
    for is_direct, status in ((False, through_nginx), (True, without_word_of_tls)):
        person = Person(behind, "127.0.0.28", is_direct=is_direct)
        assert person.try_password("ann", PASSWORDS["ann"], headers).status_code == status
