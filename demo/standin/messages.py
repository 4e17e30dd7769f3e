"""An HTTP request and its answer, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

NO_STORE = {"Cache-Control": "no-store"}
PAGE_HEADERS = {
    **NO_STORE,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class RepeatedParameter(ValueError):
    """A form names the same parameter twice."""


@dataclass(frozen=True)
class Request:
    """A request as it came; header names are in lower case, ``query`` is still encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of query and body together; raises RepeatedParameter."""
        text = "&".join(part for part in (self.query, self.body.decode("utf-8", "replace")) if part)
        pairs = parse_qsl(text, keep_blank_values=True)
        found = dict(pairs)
        if len(found) != len(pairs):
            raise RepeatedParameter("a parameter is given twice")
        return found


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=lambda: dict(NO_STORE))


def page_answer(status: int, text: str, headers: Mapping[str, str] = PAGE_HEADERS) -> Answer:
    """Return a page of the console with the policy that its browser is to hold it to."""
    return Answer(status, text.encode(), headers=headers)
