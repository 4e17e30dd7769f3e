"""What the domain can say no with.

PortalError
├─ InvalidRequest        400   impossible destination, region, format
├─ NotNow                403   their grant has ended or not begun; role or account disabled
├─ NotLetIn              403   the directory no longer lets them in, or their name is another's
├─ NotAllowed            403   an administrator's change that is not theirs to make
├─ NotGranted            404   unknown and never granted answer the same
├─ LimitExceeded         409   longer than the role allows
├─ TooMany               429   with Retry-After
├─ RecordUnavailable     503   the row cannot be written: nothing is asked of AWS or handed out
└─ DatabaseUnavailable   503   it does not answer at all

What goes wrong between us and AWS is in ``portal.errors``. This module knows no Django, so that
the boundary to AWS may use it; texts are message ids and are translated when a page is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


def gettext_noop(text: str) -> str:
    """Mark a text for translation and return it as it is."""
    return text


class Seconds(int):
    """A length in a sentence: ``7200 s`` in logs and the record, words on a page."""

    def __str__(self) -> str:
        return f"{int(self)} s"


class Moment(int):
    """A moment in a sentence, in seconds since 1970: UTC in logs and the record, the reader's time
    zone on pages."""

    def __str__(self) -> str:
        return datetime.fromtimestamp(self, UTC).strftime("%-d %B %Y, %H:%M UTC")


@dataclass(eq=False)
class PortalError(Exception):
    """A refusal or failure that a person is told about.

    ``log`` is for the operator's log line and never shown. ``message`` is one sentence for the
    person and ``next_step`` what to do now; both are message ids whose ``%(name)s`` places are
    filled from ``params``. ``code`` is AWS's error code or our word for why, where the class does
    not say it; ``retry_after`` the wait in seconds, None where waiting does not help. None of them
    holds a secret.
    """

    log: str
    message: str
    next_step: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    status: int = field(default=500, kw_only=True)
    code: str = field(default="", kw_only=True)
    retry_makes_sense: bool = field(default=False, kw_only=True)
    retry_after: int | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        return self.log

    @property
    def recorded_as(self) -> str:
        """What the record's ``error`` calls it."""
        return self.code or type(self).__name__

    @property
    def plain_sentence(self) -> str:
        """The sentence as logs and the record keep it, in English."""
        return self.in_plain_words(self.message)

    def in_plain_words(self, message: str) -> str:
        """Return one of its message ids as logs and the record keep it, in English."""
        return message % {name: str(value) for name, value in self.params.items()}


@dataclass(eq=False)
class InvalidRequest(PortalError):
    """A request that cannot be: an impossible destination, region or number."""

    status: int = field(default=400, kw_only=True)


@dataclass(eq=False)
class NotNow(PortalError):
    """The grant is theirs but not valid at this moment, or the role or account is disabled.

    ``account_id`` and ``role_name`` say for the record which one it is, ``known_as`` what people
    call it.
    """

    account_id: str = field(default="", kw_only=True)
    role_name: str = field(default="", kw_only=True)
    known_as: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    status: int = field(default=403, kw_only=True)


@dataclass(eq=False)
class NotLetIn(PortalError):
    """The directory's person may not sign in or go on; ``code`` says why."""

    status: int = field(default=403, kw_only=True)


@dataclass(eq=False)
class NotAllowed(PortalError):
    """A change in the administration that is not theirs to make; ``code`` says why."""

    status: int = field(default=403, kw_only=True)


@dataclass(eq=False)
class NotGranted(PortalError):
    """Never granted to them, or not there at all: nobody can tell the two apart."""

    status: int = field(default=404, kw_only=True)


@dataclass(eq=False)
class LimitExceeded(PortalError):
    """Longer than the role, the grant or AWS allows, or shorter than AWS's minimum."""

    status: int = field(default=409, kw_only=True)


@dataclass(eq=False)
class TooMany(PortalError):
    """More tries than allowed."""

    status: int = field(default=429, kw_only=True)
    retry_after: int = field(default=60, kw_only=True)
    retry_makes_sense: bool = field(default=True, kw_only=True)


@dataclass(eq=False)
class RecordUnavailable(PortalError):
    """The record cannot be written, so nothing is asked of AWS or nothing is handed out."""

    status: int = field(default=503, kw_only=True)
    retry_makes_sense: bool = field(default=True, kw_only=True)
    retry_after: int = field(default=10, kw_only=True)


@dataclass(eq=False)
class DatabaseUnavailable(PortalError):
    """The database does not answer, so nothing can be shown or done."""

    status: int = field(default=503, kw_only=True)
    retry_makes_sense: bool = field(default=True, kw_only=True)
    retry_after: int = field(default=10, kw_only=True)
