"""At once, ask first, or never: one function over the facts of a request for a launch.

The first arrival counts: where sign-in came between, its facts are kept in the session and
judged beside those of the request that follows; the stricter of the two verdicts holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self
from urllib.parse import urlsplit

from accounts.aws_rules.destinations import Place, is_service_name, normal_place

PURPOSE_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


class Verdict(IntEnum):
    """What happens with a request for a launch, the strictest first."""

    NEVER = 0
    ASK = 1
    AT_ONCE = 2


@dataclass(frozen=True)
class Arrival:
    """How a request came in, as far as its headers tell.

    ``site`` is Sec-Fetch-Site, empty where the client does not send it. ``sender`` is the host
    that the Referer names: shown to the person, never judged by.
    """

    is_visit: bool
    is_navigation: bool
    site: str
    sender: str = ""

    @classmethod
    def of(cls, method: str, headers: Mapping[str, str]) -> Self:
        """Read the facts off a request's method and headers (names in any case)."""
        return cls(
            is_visit=method != "HEAD" and not any(name in headers for name in PURPOSE_HEADERS),
            is_navigation=headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
            and headers.get("Sec-Fetch-Dest", "document") == "document",
            site=headers.get("Sec-Fetch-Site", ""),
            sender=_host(headers.get("Referer", "")),
        )

    def kept(self) -> dict[str, Any]:
        """Return what a session keeps of it."""
        return {
            "is_navigation": self.is_navigation,
            "site": self.site,
            "sender": self.sender,
        }

    @classmethod
    def from_kept(cls, kept: Mapping[str, Any]) -> Self:
        """Make it again from what a session kept."""
        return cls(
            is_visit=True,
            is_navigation=kept["is_navigation"],
            site=kept["site"],
            sender=kept["sender"],
        )

    @property
    def is_sent_by_others(self) -> bool:
        """Whether another site, or nobody knows who, sent the person here."""
        return self.site not in {"", "none", "same-origin"}


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


UNKNOWN_ARRIVAL = Arrival(is_visit=True, is_navigation=True, site="unknown")
"""For a sign-in page that was opened with a launch as its next step: nobody saw who sent it."""


def is_familiar(
    place: Place, role_destination: str, *, is_roles_own: bool, is_bookmarked: bool
) -> bool:
    """Tell whether a place needs no question: the role's own, a service, or a bookmark.

    ``is_roles_own``: it is the very address that the role leads to by itself. A service is
    familiar in any region, a path or an address only where it is the role's own or a bookmark.
    """
    if is_roles_own or is_bookmarked:
        return True
    to = place.to or normal_place(role_destination, "").to
    return not to or is_service_name(to)


def judge(
    arrivals: tuple[Arrival, ...],
    *,
    place_is_familiar: bool,
    is_confirmed: bool,
    reason_is_missing: bool,
) -> Verdict:
    """Apply the launch rule to the arrivals of one launch, of which the strictest holds.

    ``place_is_familiar``: the destination is the role's own, a service, or a bookmark of theirs.
    ``is_confirmed``: they answered the question page, which stands for who sent them and where to.
    """
    if not all(arrival.is_visit for arrival in arrivals):
        return Verdict.NEVER
    if reason_is_missing:
        return Verdict.ASK
    return min(_judge_one(arrival, place_is_familiar, is_confirmed) for arrival in arrivals)


def _judge_one(arrival: Arrival, place_is_familiar: bool, is_confirmed: bool) -> Verdict:
    if not arrival.is_navigation:
        return Verdict.ASK
    if is_confirmed or arrival.site == "same-origin":
        return Verdict.AT_ONCE
    if arrival.site in {"", "none"} and place_is_familiar:
        return Verdict.AT_ONCE
    return Verdict.ASK
