"""Where sign-in goes on to: a path of the portal's own, and whether it is a launch.

What the browser will make of the path counts, not what it looks like: paths that a browser would
rewrite (dot segments, backslashes, control characters) lead home, so that none can slip past the
question that a launch may need.
"""

import unicodedata
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from portal import launch_link

LONGEST = 8000


@dataclass(frozen=True)
class NextStep:
    """``address`` is a local path with its query, as it was written; ``launch`` the form in which
    launches are compared, empty for every other page."""

    address: str
    launch: str = ""

    @property
    def is_home(self) -> bool:
        """Whether nothing in particular was asked for."""
        return self.address == reverse("home")

    @classmethod
    def of(cls, wanted: str) -> Self:
        """Read a ``next``; whatever is not plainly a local path leads home."""
        if not _is_plainly_local(wanted):
            return cls(address=reverse("home"))
        parts = urlsplit(wanted)
        path = unquote(parts.path)
        if not path.startswith("/go/"):
            return cls(address=wanted)
        # Without its last slash the portal would send the browser on to the address with it.
        path = path if path.endswith("/") else f"{path}/"
        return cls(address=wanted, launch=launch_link.as_read(path, parts.query))


def _is_plainly_local(wanted: str) -> bool:
    if not wanted.startswith("/") or len(wanted) > LONGEST or "\\" in wanted:
        return False
    # Browsers drop or rewrite controls and blanks.
    if any(unicodedata.category(character)[0] in "CZ" for character in wanted):
        return False
    if {".", ".."} & set(unquote(wanted.partition("?")[0].partition("#")[0]).split("/")):
        return False
    return url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
