"""Lengths and moments in words, "2 h 15 min", "until 15:31" in the page's zone; numbers shown."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy

from accounts.errors import Moment, PortalError, Seconds
from accounts.models import Bookmark
from portal.preferences import abbreviation

_MINUTE = 60
_HOUR = 60 * _MINUTE


def duration_words(seconds: float) -> str:
    """Return a length in whole minutes, rounded down: ``1 h``, ``2 h 15 min``, ``40 s``."""
    whole = int(seconds)
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    if hours and minutes:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if hours:
        return gettext("%(hours)d h") % {"hours": hours}
    if minutes:
        return gettext("%(minutes)d min") % {"minutes": minutes}
    return gettext("%(seconds)d s") % {"seconds": max(whole, 0)}


def moment_words(moment: datetime, now: datetime | None = None) -> str:
    """Return a moment as short as it stays clear: ``15:31`` today, else with day, else year."""
    there = timezone.localtime(moment)
    here = timezone.localtime(now)
    clock = dated(there, "H:i")
    if there.date() == here.date():
        return clock
    day = dated(there, "j F" if there.year == here.year else "j F Y")
    return gettext("%(day)s, %(clock)s") % {"day": day, "clock": clock}


_FORMATS = {
    "H:i": pgettext_lazy("date format", "H:i"),
    "l": pgettext_lazy("date format", "l"),
    "j M": pgettext_lazy("date format", "j M"),
    "j M Y": pgettext_lazy("date format", "j M Y"),
    "j M Y H:i": pgettext_lazy("date format", "j M Y H:i"),
    "j M Y H:i:s": pgettext_lazy("date format", "j M Y H:i:s"),
    "F Y": pgettext_lazy("date format", "F Y"),
    "j F Y, H:i:s": pgettext_lazy("date format", "j F Y, H:i:s"),
    "j F": pgettext_lazy("date format", "j F"),
    "j F Y": pgettext_lazy("date format", "j F Y"),
    "l j F": pgettext_lazy("date format", "l j F"),
    "l j F Y": pgettext_lazy("date format", "l j F Y"),
}
"""In Django's letters. Each language has its own order of day, month and year."""


def dated(moment: date, form: str) -> str:
    """Return a day or a moment (in the page's zone) in one of the forms that pages use."""
    there = timezone.localtime(moment) if isinstance(moment, datetime) else moment
    return date_format(there, str(_FORMATS[form]))


def until_words(moment: datetime, now: datetime | None = None) -> str:
    """Return ``until 15:31``, with day and year where they are not today's."""
    return gettext("until %(moment)s") % {"moment": moment_words(moment, now)}


def account_number(account_id: str, *, in_groups: bool = True) -> SafeString:
    """Return an account's number as markup; in groups of four it still is copied as bare digits."""
    parts = [account_id[at : at + 4] for at in (0, 4, 8)] if in_groups else []
    shown = format_html_join("", "<span>{}</span>", ([part] for part in parts)) or account_id
    return format_html('<span class="number">{}</span>', shown)


def sentence(text: str, params: Mapping[str, str | int]) -> str:
    """Return a sentence of a PortalError, translated, its places filled, lengths in words."""
    return gettext(text) % {name: _shown(value) for name, value in params.items()} if text else ""


def sentences(error: PortalError) -> str:
    """Return what an error says and what to do now, as one text at a field."""
    told = (error.message, error.next_step)
    return " ".join(sentence(text, error.params) for text in told if text)


def maker_words(bookmark: Bookmark) -> str:
    """Return who made a group's bookmark: ``by dana``, or the access file."""
    if bookmark.from_file:
        return gettext("by the access file")
    return gettext("by %(name)s") % {"name": bookmark.made_by} if bookmark.made_by else ""


def _shown(value: str | int) -> str:
    if isinstance(value, Moment):
        there = timezone.localtime(datetime.fromtimestamp(value, UTC))
        words = gettext("%(day)s, %(clock)s")
        told = words % {"day": dated(there, "j F Y"), "clock": dated(there, "H:i")}
        return f"{told} {abbreviation(there)}"
    return duration_words(value) if isinstance(value, Seconds) else str(value)
