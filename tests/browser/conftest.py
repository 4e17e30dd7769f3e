"""A real Chromium before the served portal, and other people's sites that link to it."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.served import Served


@dataclass
class Window:
    """A browser's window, and what its pages did that the policy does not allow."""

    context: BrowserContext
    page: Page
    violations: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._listen)

    def _listen(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.violations.append(message.text)


@pytest.fixture
def new_window(chromium: Browser) -> Iterator[Callable[..., Window]]:
    """Opens windows that know nothing of each other; none may break the policy."""
    opened: list[Window] = []

    def open_window(**options: object) -> Window:
        context = chromium.new_context(**options)  # type: ignore[arg-type]  # Playwright's own
        window = Window(context, context.new_page())
        context.on("page", window.watch)
        window.watch(window.page)
        opened.append(window)
        return window

    yield open_window
    for window in opened:
        window.context.close()
    assert not [violation for window in opened for violation in window.violations]


@pytest.fixture
def window(new_window: Callable[..., Window]) -> Window:
    return new_window()


@pytest.fixture
def ann(window: Window, served: Served) -> Window:
    """A window in which ann is signed in."""
    served.sign_in(window.page, "ann")
    return window


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Site)
        body = self.server.pages.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Site(ThreadingHTTPServer):
    daemon_threads = True
    pages: dict[str, str]


@dataclass
class Site:
    """Somebody else's web site: ``url`` is another site than the portal's, ``sibling`` the same
    site on another origin."""

    url: str
    sibling: str
    pages: dict[str, str]


@pytest.fixture
def other_site() -> Iterator[Site]:
    server = _Site(("127.0.0.1", 0), _Handler)
    server.pages = {}
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    yield Site(f"http://127.0.0.1:{port}", f"http://localhost:{port}", server.pages)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def launches(served: Served) -> Callable[[], int]:
    """Counts the launches that the portal has begun."""
    path = served.environment["DATABASE_URL"].removeprefix("sqlite:///")

    def count() -> int:
        database = sqlite3.connect(f"file:/{path.lstrip('/')}?mode=ro", uri=True)
        try:
            query = "SELECT count(*) FROM accounts_entry WHERE action='launch' AND phase='opened'"
            return int(database.execute(query).fetchone()[0])
        finally:
            database.close()

    return count
