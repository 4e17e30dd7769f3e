"""Template filters for words and numbers that pages share: ``{% load wording %}``."""

from datetime import date, datetime

from django import template
from django.utils.safestring import SafeString

from portal.pages import wording

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """Show seconds as ``2 h 15 min``."""
    return wording.duration_words(seconds)


@register.filter
def dated(value: date, form: str) -> str:
    """Show a day or a moment in a form such as ``j F Y``, in the order of the page's language."""
    return wording.dated(value, form)


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
    return wording.account_number(account_id)
