"""How the catalogue shows what is not entered: marks in lists, values that are only read."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal.admin.recorded import RecordedAdmin
from portal.pages.environments import environment


class ShownInWords(RecordedAdmin):
    """Shows what somebody may not change in words: lengths, lines and yes or no.

    ``shown_instead`` names, by field, the method that shows it.
    """

    shown_instead: Mapping[str, str] = {}

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Put the words in the place of the fields where nothing can be changed."""
        fieldsets = super().get_fieldsets(request, obj)
        may_enter = self.has_change_permission(request, obj) if obj else True
        return fieldsets if may_enter else [self._in_words(*fieldset) for fieldset in fieldsets]

    def _in_words(self, title: Any, options: Any) -> tuple[Any, dict[str, Any]]:
        return title, {**options, "fields": [self._shown(name) for name in options["fields"]]}

    def _shown(self, name: Any) -> Any:
        if isinstance(name, str):
            return self.shown_instead.get(name, name)
        return tuple(self._shown(one) for one in name)


def yes_or_no(value: bool) -> str:
    """Return a word for a mark."""
    return gettext("Yes") if value else gettext("No")


def lines(text: str) -> SafeString:
    """Return a text whose lines stay lines."""
    return format_html('<pre class="shown">{}</pre>', text) if text else SafeString("")


def environment_label(name: str) -> SafeString:
    """Return an environment's shape and word as markup."""
    shown = environment(name)
    return _rendered("portal/parts/environment.html", kind=shown.kind, title=shown.title)


def state_label(thing: Any) -> SafeString:
    """Return marks for what is switched off or from the access file."""
    return _rendered("admin/accounts/marks.html", thing=thing)


def _rendered(template: str, **context: Any) -> SafeString:
    return SafeString(render_to_string(template, {"icons": static("icons.svg"), **context}))
