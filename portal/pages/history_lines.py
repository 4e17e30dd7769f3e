"""One act of a person's record as a line of their history: the sentence and what stands below."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from accounts.aws_rules.destinations import CONSOLE_HOME, describe
from accounts.history import details_of, moment_of, session_ends
from accounts.models import Action, Entry, Outcome
from accounts.record import COMMAND_LINE, UNKNOWN_NAME
from portal.launch_link import launch_path
from portal.pages.environments import Environment, environment
from portal.pages.history_changes import (
    Sentence,
    kind_of,
    name_of,
    notes_of_change,
    sentence_of_apply,
    sentence_of_change,
)
from portal.pages.role_rows import left_words
from portal.pages.wording import dated, duration_words, moment_words, until_words

_DENIED = Sentence(
    gettext_lazy("The portal did not let you in to <b>{account}</b> as <b>{role}</b>"),
    gettext_lazy("The portal did not let <b>{who}</b> in to <b>{account}</b> as <b>{role}</b>"),
)
_FAILED = Sentence(
    gettext_lazy("You did not get in to <b>{account}</b> as <b>{role}</b>"),
    gettext_lazy("<b>{who}</b> did not get in to <b>{account}</b> as <b>{role}</b>"),
)
_SENTENCES: Mapping[tuple[str, str], Sentence] = {
    (Action.LAUNCH, Outcome.STARTED): Sentence(
        gettext_lazy("You began to open <b>{account}</b> as <b>{role}</b>"),
        gettext_lazy("<b>{who}</b> began to open <b>{account}</b> as <b>{role}</b>"),
    ),
    (Action.LAUNCH, Outcome.SUCCEEDED): Sentence(
        gettext_lazy("You opened <b>{account}</b> as <b>{role}</b>"),
        gettext_lazy("<b>{who}</b> opened <b>{account}</b> as <b>{role}</b>"),
    ),
    (Action.LAUNCH, Outcome.DENIED): _DENIED,
    (Action.LAUNCH, Outcome.FAILED): _FAILED,
    (Action.CREDENTIALS, Outcome.STARTED): Sentence(
        gettext_lazy("You began to take credentials for <b>{account}</b> as <b>{role}</b>"),
        gettext_lazy(
            "<b>{who}</b> began to take credentials for <b>{account}</b> as <b>{role}</b>"
        ),
    ),
    (Action.CREDENTIALS, Outcome.SUCCEEDED): Sentence(
        gettext_lazy("You took credentials for <b>{account}</b> as <b>{role}</b>"),
        gettext_lazy("<b>{who}</b> took credentials for <b>{account}</b> as <b>{role}</b>"),
    ),
    (Action.CREDENTIALS, Outcome.DENIED): _DENIED,
    (Action.CREDENTIALS, Outcome.FAILED): _FAILED,
    (Action.SIGN_IN, Outcome.SUCCEEDED): Sentence(
        gettext_lazy("You signed in"), gettext_lazy("<b>{who}</b> signed in")
    ),
    (Action.SIGN_IN, Outcome.DENIED): Sentence(
        gettext_lazy("A sign-in with your name was refused"),
        gettext_lazy("A sign-in with the name <b>{who}</b> was refused"),
    ),
    (Action.SIGN_IN, Outcome.FAILED): Sentence(
        gettext_lazy("A sign-in with your name could not be checked"),
        gettext_lazy("A sign-in with the name <b>{who}</b> could not be checked"),
    ),
    (Action.SIGN_OUT, Outcome.SUCCEEDED): Sentence(
        gettext_lazy("You signed out"), gettext_lazy("<b>{who}</b> signed out")
    ),
}
_OPENED_THERE = Sentence(
    gettext_lazy("You opened <b>{account}</b> as <b>{role}</b>, {where}"),
    gettext_lazy("<b>{who}</b> opened <b>{account}</b> as <b>{role}</b>, {where}"),
)
_NOT_GRANTED = Sentence(
    gettext_lazy("You asked for <b>{account}</b> as <b>{role}</b> and have no grant for it"),
    gettext_lazy(
        "<b>{who}</b> asked for <b>{account}</b> as <b>{role}</b> and has no grant for it"
    ),
)
_REFUSED_BY_AWS = Sentence(
    gettext_lazy("AWS did not let you in to <b>{account}</b> as <b>{role}</b>"),
    gettext_lazy("AWS did not let <b>{who}</b> in to <b>{account}</b> as <b>{role}</b>"),
)
_WRONG_PASSWORD = Sentence(
    gettext_lazy("A sign-in with your name and a wrong password was refused"),
    gettext_lazy("A sign-in with the name <b>{who}</b> and a wrong password was refused"),
)
_SWITCHED_OFF = Sentence(
    gettext_lazy("You were not signed in, though your password was right"),
    gettext_lazy("<b>{who}</b> was not signed in, though the password was right"),
)
_UNKNOWN = Sentence(
    gettext_lazy("A sign-in with a name that nobody has was refused"),
    gettext_lazy("A sign-in with a name that nobody has was refused"),
)

_REFUSED_SIGN_INS: Mapping[str, Sentence] = {
    "WrongPassword": _WRONG_PASSWORD,
    "SwitchedOff": _SWITCHED_OFF,
}
_ENTERING = (Action.LAUNCH, Action.CREDENTIALS)
_CHANGING = (Action.ADMIN_CHANGE, Action.ACCESS_APPLY)
_ICON_OF_OUTCOME: Mapping[str, str] = {Outcome.FAILED: "refused", Outcome.DENIED: "lock"}
_ICON_OF_ACTION: Mapping[str, str] = {
    Action.LAUNCH: "open",
    Action.CREDENTIALS: "terminal",
    Action.SIGN_IN: "user",
    Action.SIGN_OUT: "sign-out",
    Action.ADMIN_CHANGE: "edit",
    Action.ACCESS_APPLY: "list",
}


@dataclass(frozen=True)
class Line:
    """One act, ready to be told. ``ends`` is when its session ends or ended.

    ``is_own``: it is told to the person whose it is. ``events`` is where AWS shows what was done
    in its session, ``events_way`` the reader's own way there; both empty for whom it is not.
    """

    entry: Entry
    time: datetime
    details: Mapping[str, Any]
    ends: datetime | None
    now: datetime
    is_own: bool = True
    events: str = ""
    events_way: str = ""

    @classmethod
    def of(cls, entry: Entry, now: datetime, *, is_own: bool = True) -> Self:
        """Read the line off an act's row."""
        details = details_of(entry.details)
        ends = None
        if entry.outcome == Outcome.SUCCEEDED:
            ends = session_ends(entry.expires, entry.written, entry.duration_seconds, details)
        began = moment_of(entry.time) or now
        return cls(entry, timezone.localtime(began), details, ends, now, is_own)

    # --- the sentence ---

    @property
    def sentence(self) -> SafeString:
        """What happened, as markup."""
        entry = self.entry
        words = self._special_words or _SENTENCES.get((entry.action, entry.outcome))
        if words is None:
            told = (entry.get_action_display(), entry.get_outcome_display())
            return format_html("{}, {}", *told)
        return format_html(
            str(words.own if self.is_own else words.others),
            who=self.who,
            account=self.account,
            role=self.role,
            where=self.where,
            kind=kind_of(self.details),
            name=name_of(self.details),
        )

    @property
    def _special_words(self) -> Sentence | None:
        entry = self.entry
        if entry.action == Action.ADMIN_CHANGE:
            return sentence_of_change(self.details, entry.actor)
        if entry.action == Action.ACCESS_APPLY:
            return sentence_of_apply()
        if self.is_opened and self.where:
            return _OPENED_THERE
        if self._is_not_granted:
            return _NOT_GRANTED
        if self._is_refused_by_aws:
            return _REFUSED_BY_AWS
        is_denied_sign_in = entry.action == Action.SIGN_IN and entry.outcome == Outcome.DENIED
        if is_denied_sign_in and self.is_by_nobody:
            return _UNKNOWN
        return _REFUSED_SIGN_INS.get(entry.error) if is_denied_sign_in else None

    @property
    def who(self) -> str:
        """Whose act it is: a name as it was, or a command's."""
        if self.entry.actor == COMMAND_LINE:
            return gettext("The command line")
        return self.entry.actor

    @property
    def is_by_nobody(self) -> bool:
        """Whether the name that was tried is nobody's: the record keeps a keyed hash of it."""
        return self.entry.actor.startswith(UNKNOWN_NAME) and not self.entry.actor_key

    @property
    def account(self) -> str:
        """The account's name as it was, else what was typed."""
        return str(self.details.get("account_name") or self.entry.account)

    @property
    def role(self) -> str:
        """The role's title as it was, else what was typed."""
        return str(self.details.get("role_title") or self.entry.role)

    @property
    def environment(self) -> Environment | None:
        """The account's environment as it was; None where it was not known."""
        name = self.details.get("environment")
        return environment(str(name)) if name else None

    @property
    def where(self) -> str:
        """Service and region of a launch in words; empty for the console's home without region."""
        service, region = describe(self.entry.destination, self.entry.region)
        if service == CONSOLE_HOME:
            return gettext("in %(region)s") % {"region": region} if region else ""
        if not region:
            return gettext("at %(service)s") % {"service": service}
        return gettext("at %(service)s in %(region)s") % {"service": service, "region": region}

    @property
    def day(self) -> str:
        """The day of it, where it is not today; else empty."""
        here = timezone.localtime(self.now)
        if self.time.date() == here.date():
            return ""
        return dated(self.time, "j M" if self.time.year == here.year else "j M Y")

    # --- what stands below ---

    @property
    def notes(self) -> list[str]:
        """What else there is to know, one short piece after the other."""
        if self.entry.action in _CHANGING:
            return [*notes_of_change(self.details), *self._more_notes()]
        return [note for note in (self._first_note, *self._more_notes()) if note]

    @property
    def _first_note(self) -> str:
        if self.ends:
            return self._length(self.ends)
        if self._is_entering and self.entry.outcome == Outcome.STARTED:
            return gettext("How it ended is not known")
        if self._is_not_granted:
            return gettext("Nothing was opened")
        if told_then := str(self.details.get("message") or ""):
            return gettext(told_then)
        if not self.entry.ip:
            return ""
        return gettext("From %(ip)s") % {"ip": self.entry.ip}

    def _more_notes(self) -> Iterator[str]:
        entry = self.entry
        is_issued = entry.action == Action.CREDENTIALS and entry.outcome == Outcome.SUCCEEDED
        if is_issued and entry.access_key_id:
            # As much of the id as tells the key from others.
            yield gettext("key ending in %(end)s") % {"end": entry.access_key_id[-6:]}
        if entry.reason:
            yield f"“{entry.reason}”"
        if self.is_trouble and entry.request_id:
            yield gettext("reference %(number)s") % {"number": entry.request_id}

    def _length(self, ends: datetime) -> str:
        seconds = self.details.get("console_seconds") or self.entry.duration_seconds
        length = duration_words(seconds or 0)
        if self.left:
            words = gettext("For %(length)s, %(until)s")
            return words % {"length": length, "until": until_words(ends)}
        # The clock alone on the day on which it began.
        ended = moment_words(ends, self.time)
        return gettext("For %(length)s, ended %(moment)s") % {"length": length, "moment": ended}

    # --- beside it ---

    @property
    def icon(self) -> str:
        """What the icon sprite calls the picture of it."""
        by_action = _ICON_OF_ACTION.get(self.entry.action, "key")
        return _ICON_OF_OUTCOME.get(self.entry.outcome, by_action)

    @property
    def is_opened(self) -> bool:
        """Whether it opened a console."""
        return self.entry.action == Action.LAUNCH and self.entry.outcome == Outcome.SUCCEEDED

    @property
    def is_trouble(self) -> bool:
        """Whether it did not come to what was wanted."""
        return self.entry.outcome in {Outcome.DENIED, Outcome.FAILED}

    @property
    def _is_entering(self) -> bool:
        return self.entry.action in _ENTERING

    @property
    def _is_not_granted(self) -> bool:
        is_denied = self._is_entering and self.entry.outcome == Outcome.DENIED
        return is_denied and self.entry.error == "NotGranted"

    @property
    def _is_refused_by_aws(self) -> bool:
        has_failed = self._is_entering and self.entry.outcome == Outcome.FAILED
        return has_failed and self.entry.error.startswith("AccessDenied")

    @property
    def left(self) -> str:
        """How long its session still runs, in words; empty when it has ended."""
        is_open = self.ends and self.ends > self.now
        return left_words(self.ends, self.now) if is_open and self.ends else ""

    @property
    def link(self) -> str:
        """The address that opens the same place again."""
        entry = self.entry
        key = str(self.details.get("alias") or entry.account)
        return launch_path(key, entry.role, to=entry.destination)
