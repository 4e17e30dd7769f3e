"""Fields in which an administrator names a person, a group, an account, a role or a source.

Without script they are text fields that take exact names; ``static/js/pick.js`` makes them
comboboxes that ask ``names`` what there is. No list of all there is is ever in a page.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.administration import naming
from accounts.models import User
from portal.pages.visitor import signed_in_user

MOST_NAMES = 500
_LONGEST_NAME = 700

_UNKNOWN: Mapping[str, Any] = {
    "user": _("Nobody here is called %(text)s. Type a user name as it is in the list of people."),
    "group": _("There is no group called %(text)s."),
    "account": _("There is no account %(text)s. Type its alias or its 12 digits."),
    "role": _("There is no role %(text)s. Type account/role, such as payments-prod/Developer."),
    "source": _("There is no credential source called %(text)s."),
}


def names(request: HttpRequest, kind: str) -> JsonResponse:
    """Answer what a few words may mean: at most 20 names with what they are."""
    if kind not in naming.KINDS:
        raise Http404
    if not _may_see(signed_in_user(request), kind):
        raise PermissionDenied
    words = request.GET.get("q", "")[:200]
    results = [{"text": found.text, "label": found.label} for found in naming.find(kind, words)]
    return JsonResponse({"results": results})


def _may_see(user: User, kind: str) -> bool:
    return user.has_perm(f"accounts.view_{naming.model_of(kind).__name__.lower()}")


def offer_names(form: forms.BaseForm, to: User) -> None:
    """Let the script ask for names of what somebody may see; any other name can be typed."""
    for field in form.fields.values():
        widget = field.widget
        if isinstance(widget, _Picked):
            widget.is_offered = _may_see(to, widget.kind)


class _Picked:
    """What both widgets tell the script: where to ask, and its few sentences."""

    is_offered = True

    def __init__(self, kind: str, attrs: Mapping[str, Any] | None = None) -> None:
        self.kind = kind
        defaults = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        super().__init__({**defaults, **(attrs or {})})  # type: ignore[call-arg]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)  # type: ignore[misc]
        if not self.is_offered:
            return context
        context["widget"]["attrs"] |= {
            "data-pick": reverse("admin:names", args=[self.kind]),
            "data-none": _("Nothing found"),
            "data-found": _("found, arrow keys choose"),
            "data-remove": _("Remove"),
            "data-chosen": _("Chosen"),
        }
        return context


class NameInput(_Picked, forms.TextInput):
    """One name."""


class NamesInput(_Picked, forms.Textarea):
    """Many names, one a line. Who comes back to the page finds them again."""

    def __init__(self, kind: str, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(kind, attrs)
        # With autocomplete off a browser would not fill in what was there.
        del self.attrs["autocomplete"]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Say to the script that there may be many."""
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"] |= {"data-many": "", "rows": 3}
        return context


class NameField(forms.CharField):
    """A field whose text names one thing; its value is the thing, or None where it is empty."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        options.setdefault("widget", NameInput(kind))
        super().__init__(**{"max_length": _LONGEST_NAME, **options})

    def prepare_value(self, value: Any) -> Any:
        """Show a thing, or the key of one, by its name."""
        if isinstance(value, int) or (self.kind == "account" and value):
            rows: QuerySet = QuerySet(naming.model_of(self.kind))
            value = rows.filter(pk=str(value)).first() or value
        return naming.text_of(value) if isinstance(value, Model) else value

    def clean(self, value: Any) -> Any:
        """Return the thing of that name. Raises ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        thing = naming.named(self.kind, text)
        if thing is None:
            raise ValidationError(_UNKNOWN[self.kind], code="unknown", params={"text": text})
        return thing

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare names with names."""
        before, after = self.prepare_value(initial) or "", data or ""
        return naming.normal(self.kind, before) != naming.normal(self.kind, after)


def require_one_a_line(names: Iterable[str]) -> None:
    """Raise ValidationError for several user names in one line, one message a line."""
    message = _("“%(line)s” is nobody’s name here. Write one name a line, without commas.")
    joined = naming.joined_names(names)
    if joined:
        raise ValidationError([ValidationError(message, params={"line": n[:100]}) for n in joined])


class NamesField(forms.CharField):
    """A field with a name a line; its value is a list of texts, without repetition.

    Names that nobody has yet are welcome.
    """

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        options.setdefault("widget", NamesInput(kind, {"data-free": ""}))
        super().__init__(**options)

    def clean(self, value: Any) -> list[str]:
        """Return the names as they are compared. Raises ValidationError for too many."""
        text = super().clean(value)
        texts = list(dict.fromkeys(naming.normal(self.kind, line) for line in text.splitlines()))
        texts = [text for text in texts if text]
        if len(texts) > MOST_NAMES:
            message = _("At most %(most)s names at once.")
            raise ValidationError(message, params={"most": MOST_NAMES})
        return texts
