"""Template filters of the administration: ``{% load administration %}``."""

import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

register = template.Library()

_PICTURE = re.compile(
    r'<img src="[^"<>]*/admin/img/icon-[a-z]+(?:\.[0-9a-f]+)?\.svg" alt="(True|False|None)">'
)


@register.filter
def in_words(markup: object) -> object:
    """Show Django's pictures of yes and no as words; everything else stays as it is."""
    if not isinstance(markup, SafeString) or "<img " not in markup:
        return markup
    words = {"True": gettext("Yes"), "False": gettext("No"), "None": "–"}
    # What is put in is escaped, and the rest was markup before.
    return mark_safe(  # noqa: S308
        _PICTURE.sub(lambda found: format_html("<span>{}</span>", words[found[1]]), markup)
    )
