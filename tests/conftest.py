"""What every test may use: the cast, static files laid once, a portal and a Chromium."""

import os
from collections.abc import Iterator

import pytest
from django.test import Client
from hypothesis import settings
from playwright.sync_api import Browser, BrowserType, sync_playwright

from accounts.models import User
from portal.server import static_files
from tests.served import Served, served_portal

# How long an example takes tells how busy the machine is.
settings.register_profile("patient", settings())
settings.load_profile("patient")

PASSWORD = "correct horse battery staple"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session", autouse=True)
def _laid_static_files() -> None:
    static_files.lay()


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", PASSWORD, name="Ann")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", PASSWORD, name="Bob")


@pytest.fixture
def carol(db: None) -> User:
    return User.objects.create_user("carol", PASSWORD, name="Carol")


@pytest.fixture
def signed_in(ann: User) -> Client:
    """Ann's browser, signed in by the form as a person does."""
    client = Client()
    answer = client.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 303
    return client


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo organisation, really served, for a whole run: leave it as you found it."""
    with served_portal(tmp_path_factory.mktemp("served")) as portal:
        yield portal


def launch_chromium(playwright: BrowserType, *arguments: str) -> Browser:
    """Start another browser; ``chromium.browser_type`` is what to start it with."""
    return playwright.launch(
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
        args=[*CHROMIUM_ARGUMENTS, *arguments],
    )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Django takes Playwright's event loop for an asynchronous view.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        browser = launch_chromium(playwright.chromium)
        yield browser
        browser.close()
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
