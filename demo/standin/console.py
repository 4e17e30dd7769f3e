"""The stand-in's console: a page that shows who came in, as what, where and until when, and IAM."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from demo.standin.config import Config
from demo.standin.evaluation import Attempt, denies
from demo.standin.iam import Iam
from demo.standin.iam_console import IamConsole
from demo.standin.messages import Answer, Request, page_answer
from demo.standin.page import message_page, visit_page
from demo.standin.sessions import IssuedSession, Visit

STATIC_FILES = {
    "/static/css/tokens.css": "text/css; charset=utf-8",
    "/static/css/base.css": "text/css; charset=utf-8",
    "/static/css/components.css": "text/css; charset=utf-8",
    "/static/icons.svg": "image/svg+xml",
    "/static/favicon.svg": "image/svg+xml",
}


class Console:
    """The console of one stand-in; ``static_root`` holds the product's style sheets and icons."""

    def __init__(
        self, config: Config, iam: Iam, static_root: Path, clock: Callable[[], datetime]
    ) -> None:
        self.url = ""
        self.config = config
        self._iam = IamConsole(iam)
        self._static_root = static_root
        self._clock = clock
        self._visits: dict[str, Visit] = {}

    def admit(self, visit: Visit) -> str:
        """Let a visit in and return its address, which holds no token."""
        visit_id = secrets.token_urlsafe(24)
        self._visits[visit_id] = visit
        return f"{self.url}/console/{visit_id}{_path_and_more(visit.destination)}"

    def answer(self, request: Request) -> Answer:
        """Answer with a visit's page, a page of IAM or one of the pages' files."""
        if f"{request.path}/".startswith("/iam/"):
            return self._iam.answer(request, self.url)
        if request.method not in ("GET", "HEAD"):
            return page_answer(405, message_page("This page is only read."))
        if request.path in STATIC_FILES:
            return self._static(request.path)
        room, _, rest = request.path.removeprefix("/").partition("/")
        visit = self._visits.get(rest.split("/")[0]) if room == "console" else None
        if visit is None:
            return page_answer(404, message_page("Nobody came in this way."))
        if visit.until <= self._clock():
            return page_answer(403, message_page("This session has ended.", visit.issuer))
        if is_denied_everything(visit.session, self.config):
            sentence = "A policy in IAM denies this session everything."
            return page_answer(403, message_page(sentence, visit.issuer))
        account = self.config.accounts_by_id[visit.session.account_id]
        return page_answer(200, visit_page(visit, account, self._clock()))

    def _static(self, path: str) -> Answer:
        try:
            content = (self._static_root / path.removeprefix("/static/")).read_bytes()
        except OSError:
            return Answer(404)
        return Answer(200, content, STATIC_FILES[path])


def is_denied_everything(session: IssuedSession, config: Config) -> bool:
    """Whether the policies of its role, or of a federated user's IAM user, end that session."""
    anything = Attempt("anything:Anything", "anything", context=session.context)
    return denies(_policy_now(session, config), anything)


def _policy_now(session: IssuedSession, config: Config) -> str:
    if session.method == "assume_role":
        role = config.accounts_by_id[session.account_id].roles_by_name.get(session.role_name)
        return role.policy if role else ""
    own = (session.account_id, session.user_name)
    found = (user for user in config.users if (user.account_id, user.name) == own)
    return next((user.permissions for user in found), "")


def _path_and_more(url: str) -> str:
    parts = urlsplit(url)
    more = urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))
    return quote(more, safe="%/:?#[]@!$&'()*+,;=~")
