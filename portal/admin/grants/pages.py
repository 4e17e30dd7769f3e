"""What the pages on which grants are made, changed, ended and deleted have in common.

Every page shows what will happen and has it confirmed; what is saved is worked out once more, and
where that is something else by then, the page is shown again instead.
"""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.urls import reverse

MOST_NAMED = 10
_LONGEST_KEY = 19


class Moved(Exception):
    """Something changed between looking and saving. ``now_shown`` is what holds now."""

    def __init__(self, now_shown: Any) -> None:
        super().__init__()
        self.now_shown = now_shown


def is_key(text: str) -> bool:
    """Whether it can be a grant's number."""
    return text.isascii() and text.isdigit() and len(text) < _LONGEST_KEY


def frame(request: HttpRequest, admin: ModelAdmin, title: str) -> dict[str, Any]:
    """Return what the frame around a page of grants needs."""
    site = admin.admin_site
    return {**site.each_context(request), "opts": admin.opts, "title": title}


def list_address() -> str:
    """Return where the list of grants is."""
    return reverse("admin:accounts_grant_changelist")
