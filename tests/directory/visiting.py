"""A person with a plain HTTP client before a served portal, and the record as it is exported.

Every client comes from an address of its own on loopback, so that wrong passwords are counted
together only where a test wants it.
"""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.served import Served

GO = "/go/payments-dev/Developer/"
Row = dict[str, Any]

_addresses: Iterator[str] = (
    f"127.{second}.{third}.{fourth}"
    for second, third, fourth in itertools.product(range(1, 250), range(250), range(1, 250))
)


class _From(HTTPAdapter):
    """Connects from one address."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


class Visitor:
    """A browser without Sec-Fetch headers, as old ones and scripts are."""

    def __init__(self, served: Served, address: str = "") -> None:
        self.url = served.url
        self.address = address or next(_addresses)
        self.http = requests.Session()
        self.http.trust_env = False
        self._token = ""
        self.come_from(self.address)

    def come_from(self, address: str) -> None:
        """Go on from another address."""
        self.address = address
        self.http.mount("http://", _From(address))

    def move(self) -> None:
        """Go on from an address that nobody used before."""
        self.come_from(next(_addresses))

    def try_in(self, name: str | bytes, password: str | bytes) -> requests.Response:
        """Send the sign-in form; the form is fetched once."""
        if not self._token:
            self._token = self._form_token("/sign-in/")
        fields = {"username": name, "password": password, "csrfmiddlewaretoken": self._token}
        return self.http.post(f"{self.url}/sign-in/", fields, timeout=60, allow_redirects=False)

    def sign_in(self, name: str, password: str) -> "Visitor":
        """Sign in, which has to succeed."""
        answer = self.try_in(name, password)
        assert answer.status_code == 303, (answer.status_code, sentences(answer))
        self._token = ""
        return self

    def sign_out(self) -> None:
        """Sign out."""
        fields = {"csrfmiddlewaretoken": self._form_token("/sign-out/")}
        self.http.post(f"{self.url}/sign-out/", fields, timeout=60, allow_redirects=False)
        self._token = ""

    def get(self, path: str) -> requests.Response:
        """Get a page of the portal."""
        return self.http.get(self.url + path, timeout=60, allow_redirects=False)

    def go(self, path: str = GO) -> requests.Response:
        """Launch."""
        return self.get(path)

    @property
    def is_signed_in(self) -> bool:
        """Whether home is shown and not the way to the form."""
        return self.get("/").status_code == 200

    def history(self) -> list[Row]:
        """The person's own record, as they may export it."""
        rows: list[Row] = json.loads(self.get("/history/export.json").text)
        return rows

    def _form_token(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        assert found
        return found[1]


def launched(answer: requests.Response) -> bool:
    """Whether an answer is a launch: a redirect to the sign-in at AWS."""
    return answer.status_code in {302, 303} and "SigninToken=" in answer.headers["Location"]


def sentences(answer: requests.Response) -> str:
    """A page's main text without markup, numbers of reference and the typed name's field."""
    main = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    text = re.sub(
        r"<(script|style)\b.*?</\1>", "", main[0] if main else answer.text, flags=re.DOTALL
    )
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())
