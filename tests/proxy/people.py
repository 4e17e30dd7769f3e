"""Somebody with a plain HTTP client and an address of their own."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.proxy.conftest import Behind
from tests.served import PASSWORDS

GO = "/go/payments-dev/Developer/"


class From(HTTPAdapter):
    """Connects from one address of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self.address, 0), **kwargs)


class Person:
    """Somebody who comes through nginx, or past it (``is_direct``), with these headers."""

    def __init__(
        self,
        behind: Behind,
        address: str,
        headers: Mapping[str, str] | None = None,
        *,
        is_direct: bool = False,
    ) -> None:
        self.behind = behind
        self.url = f"http://127.0.0.1:{behind.portal_port}" if is_direct else behind.nginx.url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(behind.nginx.certificates.authority)
        self.http.mount("http://", From(address))
        self.http.mount("https://", From(address))
        self.http.headers.update(headers or {})
        # Past nginx there is no TLS, and Secure cookies are kept back: those who forge do not care.
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._ask("GET", path, **options)

    def post(self, path: str, fields: Mapping[str, str], **options: Any) -> requests.Response:
        return self._ask("POST", path, data=fields, **options)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        self.http.cookies.clear()
        answer = self.http.request(
            method,
            self.url + path,
            timeout=20,
            allow_redirects=False,
            cookies=self.cookies,
            **options,
        )
        self.cookies.update(answer.cookies.get_dict())
        return answer

    def try_password(
        self, name: str, password: str, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Send the form as a browser does: from its page, with its origin."""
        page = self.get("/sign-in/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        fields = {"username": name, "password": password, "csrfmiddlewaretoken": token[1]}
        said = {"Origin": self.behind.nginx.url} if headers is None else headers
        return self.post("/sign-in/", fields, headers=said)

    def sign_in(self, name: str) -> "Person":
        answer = self.try_password(name, PASSWORDS[name])
        assert answer.status_code == 303, answer.text
        return self


def addresses_of(behind: Behind, action: str) -> list[str]:
    """Return the addresses in the record's rows of an action, the newest last."""
    with closing(sqlite3.connect(behind.database)) as database:
        query = "SELECT ip FROM accounts_entry WHERE action=? ORDER BY id"
        return [ip for (ip,) in database.execute(query, (action,))]
