"""The stand-in's console: one page that shows who came in, as what, where and until when."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from demo.standin.config import Config
from demo.standin.messages import NO_STORE, Answer, Request
from demo.standin.page import message_page, visit_page
from demo.standin.sessions import Visit

STATIC_FILES = {
    "/static/css/tokens.css": "text/css; charset=utf-8",
    "/static/css/base.css": "text/css; charset=utf-8",
    "/static/css/components.css": "text/css; charset=utf-8",
    "/static/icons.svg": "image/svg+xml",
    "/static/favicon.svg": "image/svg+xml",
}
PAGE_HEADERS = {
    **NO_STORE,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Console:
    """The console of one stand-in; ``static_root`` holds the product's style sheets and icons."""

    def __init__(self, config: Config, static_root: Path, clock: Callable[[], datetime]) -> None:
        self.url = ""
        self._config = config
        self._static_root = static_root
        self._clock = clock
        self._visits: dict[str, Visit] = {}

    def admit(self, visit: Visit) -> str:
        """Let a visit in and return its address, which holds no token."""
        visit_id = secrets.token_urlsafe(24)
        self._visits[visit_id] = visit
        return f"{self.url}/console/{visit_id}{_path_and_more(visit.destination)}"

    def answer(self, request: Request) -> Answer:
        """Answer with a visit's page or one of the page's files."""
        if request.method not in ("GET", "HEAD"):
            return _page(405, message_page("This page is only read."))
        if request.path in STATIC_FILES:
            return self._static(request.path)
        room, _, rest = request.path.removeprefix("/").partition("/")
        visit = self._visits.get(rest.split("/")[0]) if room == "console" else None
        if visit is None:
            return _page(404, message_page("Nobody came in this way."))
        if visit.until <= self._clock():
            return _page(403, message_page("This session has ended.", visit.issuer))
        account = self._config.accounts_by_id[visit.session.account_id]
        return _page(200, visit_page(visit, account, self._clock()))

    def _static(self, path: str) -> Answer:
        try:
            content = (self._static_root / path.removeprefix("/static/")).read_bytes()
        except OSError:
            return Answer(404)
        return Answer(200, content, STATIC_FILES[path])


def _page(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), headers=PAGE_HEADERS)


def _path_and_more(url: str) -> str:
    parts = urlsplit(url)
    more = urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))
    return quote(more, safe="%/:?#[]@!$&'()*+,;=~")
