"""Template filters for words and numbers that pages share: ``{% load wording %}``."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.pages import wording

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """Show seconds as ``2 h 15 min``."""
    return wording.duration_words(seconds)


@register.filter
def moment(value: datetime) -> str:
    """Show a moment as ``15:31``, with day and year where they are not today's."""
    return wording.moment_words(value)


@register.filter
def until(value: datetime) -> str:
    """Show a moment as ``until 15:31``."""
    return wording.until_words(value)


@register.filter
def account_number(account_id: str) -> SafeString:
    """Show 12 digits in three groups whose gaps are margins: copying gives the bare digits."""
    groups = (account_id[start : start + 4] for start in (0, 4, 8))
    spans = (format_html("<span>{}</span>", group) for group in groups)
    return format_html('<span class="number">{}{}{}</span>', *spans)
