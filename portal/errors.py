"""What can go wrong between the portal and AWS; the domain's own refusals are in accounts.errors.

PortalError
├─ ConfigurationProblem  500         an administrator must act
├─ AwsRefused            502         AWS understood and said no: trying again will not help
├─ AwsUnavailable        502/503/504 unreadable, busy, no answer in time: trying again may help
├─ Overloaded            503         the portal itself has no thread to spare for it; Retry-After
└─ DirectoryUnavailable  503/500     the directory did not answer, or not about this person
"""

from dataclasses import dataclass, field

from accounts.errors import PortalError


@dataclass(eq=False)
class UpstreamError(PortalError):
    """AWS or the way to it said no.

    ``hint`` tells the administrator what to check, one cause a line, the likeliest first; each line
    is a message id of its own, because the causes follow the plan.
    """

    hint: str = field(default="", kw_only=True)
    status: int = field(default=502, kw_only=True)


@dataclass(eq=False)
class ConfigurationProblem(UpstreamError):
    """No broker credentials, no region, or AWS answered for another account than the role's."""

    status: int = field(default=500, kw_only=True)


@dataclass(eq=False)
class AwsRefused(UpstreamError):
    """AWS understood the request and refused it."""


@dataclass(eq=False)
class AwsUnavailable(UpstreamError):
    """AWS was busy (503), did not answer in time (504) or answered nonsense (502)."""

    status: int = field(default=503, kw_only=True)
    retry_makes_sense: bool = field(default=True, kw_only=True)


@dataclass(eq=False)
class Overloaded(UpstreamError):
    """As many as may wait for an upstream already do, so it was not asked."""

    status: int = field(default=503, kw_only=True)
    code: str = field(default="Overloaded", kw_only=True)
    retry_makes_sense: bool = field(default=True, kw_only=True)
    retry_after: int = field(default=5, kw_only=True)


@dataclass(eq=False)
class DirectoryUnavailable(PortalError):
    """The directory did not answer (and what is known is too old), or it cannot be made use of.

    ``code`` is empty for no answer. ``lets_known_go_on``: nobody can be read, so what is known of
    people counts until it is too old.
    """

    status: int = field(default=503, kw_only=True)
    retry_makes_sense: bool = field(default=True, kw_only=True)
    retry_after: int | None = field(default=5, kw_only=True)
    lets_known_go_on: bool = field(default=False, kw_only=True)
