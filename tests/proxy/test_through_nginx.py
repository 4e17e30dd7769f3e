"""The portal behind the nginx that is shipped: everything works, as if nothing lay between."""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.conftest import launch_chromium
from tests.proxy.conftest import Behind
from tests.proxy.people import GO, Person, addresses_of
from tests.served import PASSWORDS


@pytest.fixture
def page(chromium: Browser, behind: Behind) -> Iterator[Page]:
    """A window of a Chromium that takes this run's certificate for a good one, and no other."""
    known = f"--ignore-certificate-errors-spki-list={behind.nginx.certificates.public_key_hash}"
    browser = launch_chromium(chromium.browser_type, known)
    yield browser.new_page()
    browser.close()


def test_in_chromium_sign_in_launch_and_sign_out_work(page: Page, behind: Behind) -> None:
    url = behind.nginx.url
    page.goto(url + GO)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORDS["ann"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{behind.portal.standin.console_url}/**")
    page.goto(f"{url}/")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies(url)}
    assert {"__Host-session", "__Host-csrf"} <= set(cookies)
    assert all(name.startswith("__Host-") for name in cookies)
    assert all(cookie["secure"] and cookie["httpOnly"] for cookie in cookies.values())
    page.get_by_label("your menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{url}/sign-in/?signed-out")
    page.goto(f"{url}/history/")
    page.wait_for_url(f"{url}/sign-in/?next=/history/")


def test_in_chromium_plain_http_ends_on_https(page: Page, behind: Behind) -> None:
    page.goto(f"http://localhost:{behind.nginx.plain_port}/history/?outcome=denied")
    assert urlsplit(page.url).port == behind.nginx.secure_port
    expect(page.get_by_label("Username")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["next"] == ["/history/?outcome=denied"]


def test_rows_and_log_lines_have_the_clients_address(behind: Behind) -> None:
    ann = Person(behind, "127.0.0.11").sign_in("ann")
    launched = ann.get(GO)
    assert launched.status_code in {302, 303}
    assert addresses_of(behind, "sign-in")[-1] == "127.0.0.11"
    assert addresses_of(behind, "launch")[-2:] == ["127.0.0.11"] * 2
    lines = [json.loads(line) for line in behind.portal.log.read_text().splitlines()]
    told = [line for line in lines if line.get("request_id") == launched.headers["X-Request-Id"]]
    assert {line["ip"] for line in told if line["message"] == "request"} == {"127.0.0.11"}


def test_issuer_and_login_url_are_those_of_the_public_address(behind: Behind) -> None:
    ann = Person(behind, "127.0.0.11").sign_in("ann")
    login = parse_qs(urlsplit(ann.get(GO).headers["Location"]).query)
    assert login["Issuer"] == [behind.nginx.url]


def test_a_console_address_of_2048_characters_passes_with_its_login_url(behind: Behind) -> None:
    ann = Person(behind, "127.0.0.11").sign_in("ann")
    wish = quote("/cloudwatch/home#logs:" + "&=" * 950, safe="")
    asked = ann.get(f"{GO}?to={wish}&region=eu-central-1")
    assert asked.status_code == 200
    confirmed = re.search(r'href="(/go/[^"]+confirm=[^"]+)"', asked.text)
    assert confirmed
    launched = ann.get(confirmed[1].replace("&amp;", "&"))
    assert launched.status_code in {302, 303}
    assert len(launched.headers["Location"]) > 4096


@pytest.mark.parametrize("host", ["localhost", "10.1.2.3", "evil.example", "a_b", "[::1]:9"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_answers_by_address_whatever_the_host_without_redirect(
    path: str, host: str, behind: Behind
) -> None:
    for url in (
        f"http://127.0.0.1:{behind.nginx.plain_port}",
        f"https://127.0.0.1:{behind.nginx.secure_port}",
        f"http://127.0.0.1:{behind.portal_port}",
    ):
        answer = requests.get(
            url + path,
            headers={"Host": host},
            verify=str(behind.nginx.certificates.authority),
            allow_redirects=False,
            timeout=20,
        )
        assert (answer.status_code, answer.text) == (200, "ok\n"), url


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_plain_http_is_led_to_the_portals_own_name_with_path_and_query(
    host: str, behind: Behind
) -> None:
    answer = requests.get(
        f"http://127.0.0.1:{behind.nginx.plain_port}/go/x/y/?to=s3",
        headers={"Host": host},
        allow_redirects=False,
        timeout=20,
    )
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{behind.nginx.url}/go/x/y/?to=s3"


ONCE = (
    "strict-transport-security",
    "content-security-policy",
    "x-content-type-options",
    "cache-control",
)


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/sign-in/", {}, None, 200),
        ("/", {}, None, 302),
        ("/static/none.css", {}, None, 404),
        ("/healthz", {}, None, 200),
        ("/sign-in/", {"Host": "evil.example"}, None, 400),
        ("/sign-in/", {}, b"x" * 300_000, 413),
        ("/sign-in/", {"X-Long": "x" * 20_000}, None, 400),
        ("/" + "x" * 9_000, {}, None, 414),
    ],
)
def test_P15_the_security_headers_are_on_every_answer_once(
    path: str, headers: dict[str, str], body: bytes | None, status: int, behind: Behind
) -> None:
    person = Person(behind, "127.0.0.12", headers)
    answer = person.post(path, body) if body else person.get(path)  # type: ignore[arg-type]
    assert answer.status_code == status
    said = [name.lower() for name, _ in answer.raw.headers.items()]
    assert {name: said.count(name) for name in ONCE} == dict.fromkeys(ONCE, 1), said


def test_P20_nginx_logs_no_query_and_no_login_url(behind: Behind) -> None:
    ann = Person(behind, "127.0.0.13", {"Referer": f"{behind.nginx.url}/?marked-referrer"})
    ann.sign_in("ann")
    login = ann.get(f"{GO}?to=s3&reason=marked-query").headers["Location"]
    ann.post("/sign-in/?next=/marked-next/", {"username": "x" * 300_000})
    logs = behind.nginx.logs()
    assert f'"path":"{GO}"' in logs
    assert "marked" not in logs
    assert parse_qs(urlsplit(login).query)["SigninToken"][0] not in logs
    lines = (behind.nginx.folder / "sekisho.log").read_text().splitlines()
    assert all(json.loads(line)["ip"] for line in lines)
