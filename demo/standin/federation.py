"""The federation endpoint: temporary credentials in, a sign-in token out, and the login itself."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlsplit

from demo.standin.messages import NO_STORE, Answer, RepeatedParameter, Request
from demo.standin.partitions import is_console_url
from demo.standin.sessions import IssuedSession, Sessions, Visit, random_secret

TOKEN_LIFE = timedelta(minutes=15)
SESSION_KEYS = {"sessionId", "sessionKey", "sessionToken"}
REFUSAL = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Bad request</title></head>
<body><h1>Local stand-in. Not AWS.</h1><p>400 Bad request: {reason}</p></body>
</html>
"""
PARAMETERS = {
    "getSigninToken": {"Action", "Session", "SessionDuration"},
    "login": {"Action", "Issuer", "Destination", "SigninToken"},
}


class BadRequest(ValueError):
    """The endpoint refuses; the text says why, without any secret."""


@dataclass(frozen=True)
class SigninToken:
    """What stands behind a sign-in token; ``console_seconds`` is its SessionDuration or None."""

    session: IssuedSession
    expires: datetime
    console_seconds: int | None


class Federation:
    """The federation endpoint of one stand-in; ``admit`` lets a visit into the console."""

    def __init__(
        self, sessions: Sessions, admit: Callable[[Visit], str], clock: Callable[[], datetime]
    ) -> None:
        self._sessions = sessions
        self._admit = admit
        self._clock = clock
        self._tokens: dict[str, SigninToken] = {}

    def answer(self, request: Request) -> Answer:
        """Answer getSigninToken (GET or POST) and login (GET)."""
        try:
            form = _read(request)
            if form["Action"] == "login":
                return self._login(form)
            return self._get_signin_token(form)
        except (BadRequest, RepeatedParameter) as error:
            return _bad_request(str(error))

    def _get_signin_token(self, form: Mapping[str, str]) -> Answer:
        session = self._session_of(form.get("Session", ""))
        console_seconds = _console_seconds(form, session)
        self._forget_expired_tokens()
        token = random_secret(240)
        expires = self._clock() + TOKEN_LIFE
        self._tokens[token] = SigninToken(session, expires, console_seconds)
        return Answer(200, json.dumps({"SigninToken": token}).encode(), "application/json")

    def _login(self, form: Mapping[str, str]) -> Answer:
        token = self._tokens.get(form.get("SigninToken", ""))
        if token is None or token.expires <= self._clock():
            raise BadRequest("The sign-in token is unknown, used up or older than 15 minutes.")
        visit = self._visit(token, form.get("Destination", ""), form.get("Issuer", ""))
        # Whoever takes it out first goes in; a second click at the same moment finds nothing.
        if self._tokens.pop(form["SigninToken"], None) is None:
            raise BadRequest("The sign-in token is used up.")
        location = self._admit(visit)
        return Answer(302, headers={**NO_STORE, "Location": location})

    def _visit(self, token: SigninToken, destination: str, issuer: str) -> Visit:
        session = token.session
        if not is_console_url(destination, session.partition):
            raise BadRequest(
                f"The destination is no console page of partition {session.partition}."
            )
        if issuer and not _is_web_address(issuer):
            raise BadRequest("The issuer is not a web address.")
        until = session.expiration
        if token.console_seconds is not None:
            until = self._clock() + timedelta(seconds=token.console_seconds)
        if until <= self._clock():
            raise BadRequest("The credentials behind the sign-in token have expired.")
        return Visit(session, destination, issuer, until)

    def _session_of(self, text: str) -> IssuedSession:
        given = _session_json(text)
        session = self._sessions.find(given["sessionId"], given["sessionToken"])
        if session is None or not secrets.compare_digest(
            session.secret_access_key.encode(), given["sessionKey"].encode("utf-8", "replace")
        ):
            raise BadRequest("These credentials were not issued here.")
        if session.expiration <= self._clock():
            raise BadRequest("These credentials have expired.")
        return session

    def _forget_expired_tokens(self) -> None:
        now = self._clock()
        for token, known in list(self._tokens.items()):
            if known.expires <= now:
                self._tokens.pop(token, None)


def _read(request: Request) -> dict[str, str]:
    form = request.parameters
    action = form.get("Action", "")
    if action not in PARAMETERS:
        raise BadRequest("The action is neither getSigninToken nor login.")
    if request.method != "GET" and (action, request.method) != ("getSigninToken", "POST"):
        raise BadRequest(f"{action} cannot be asked for by {request.method}.")
    unknown = form.keys() - PARAMETERS[action]
    if unknown:
        raise BadRequest(f"Parameter not known to {action}: {', '.join(sorted(unknown))}.")
    return form


def _session_json(text: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("Session is not JSON.") from None
    if not isinstance(given, dict) or set(given) != SESSION_KEYS:
        raise BadRequest(f"Session must hold exactly {', '.join(sorted(SESSION_KEYS))}.")
    if not all(isinstance(value, str) for value in given.values()):
        raise BadRequest("Session must hold texts.")
    return given


def _console_seconds(form: Mapping[str, str], session: IssuedSession) -> int | None:
    """Read SessionDuration: "the call fails" for federated users and chained roles (IAM guide)."""
    if "SessionDuration" not in form:
        return None
    text = form["SessionDuration"]
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 900 <= int(text) <= 43200):
        raise BadRequest("SessionDuration is 900 to 43200 seconds.")
    if session.method == "federation_token" or session.chained:
        raise BadRequest("SessionDuration is not for federated users or chained roles.")
    return int(text)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _bad_request(reason: str) -> Answer:
    return Answer(400, REFUSAL.format(reason=escape(reason)).encode())
