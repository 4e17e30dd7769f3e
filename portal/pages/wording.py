"""Lengths and moments in words, "2 h 15 min", "until 15:31" in the page's zone; numbers shown."""

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from accounts.errors import Seconds

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
    clock = date_format(there, "H:i")
    if there.date() == here.date():
        return clock
    day = date_format(there, "j F" if there.year == here.year else "j F Y")
    return gettext("%(day)s, %(clock)s") % {"day": day, "clock": clock}


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


def _shown(value: str | int) -> str:
    return duration_words(value) if isinstance(value, Seconds) else str(value)
