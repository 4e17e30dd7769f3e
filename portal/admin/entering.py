"""Fields that take values as people write them: lengths in hours, pairs and lists as lines, JSON.

What they refuse is what cannot be read at all; whether a value is allowed, the domain's rules say.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.aws_rules.limits import Problem
from accounts.aws_rules.policy_text import NotAPolicy, canonical_policy, readable_policy
from accounts.models import Method
from accounts.role_rules import Complaint, Key
from portal.pages.wording import sentence

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LONGEST_NUMBER = 9
_LENGTH = re.compile(
    r"(?:(?P<d>[0-9]{1,3}) *d(?:ays?)?)? *(?:(?P<h>[0-9]{1,4}) *h(?:ours?)?)?"
    r" *(?:(?P<m>[0-9]{1,6}) *m(?:in(?:utes?)?)?)? *(?:(?P<s>[0-9]{1,9}) *s(?:ec(?:onds?)?)?)?",
    re.IGNORECASE,
)
_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")
_UNITS = {"d": _DAY, "h": _HOUR, "m": _MINUTE, "s": 1}


def read_length(text: str) -> int | None:
    """Return the seconds of ``1 h``, ``90 min``, ``1 h 30 min`` or ``3600``; None for no length."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    found = _LENGTH.fullmatch(text)
    if not text or found is None:
        return None
    return sum(int(found[unit] or 0) * seconds for unit, seconds in _UNITS.items())


def length_text(seconds: int) -> str:
    """Return seconds as a person writes them; ``read_length`` reads them back exactly."""
    if not seconds or seconds % _MINUTE:
        return f"{seconds} s"
    hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{minutes} min"] if minutes else [])])


METHOD_TITLES: Mapping[str, str] = {method: method.operation for method in Method}
"""What AWS calls the two methods."""


class LengthField(forms.CharField):
    """A length: text as people write it, whole seconds as its value."""

    def __init__(self, **options: Any) -> None:
        attrs = {"autocomplete": "off", "inputmode": "text", "size": 12}
        super().__init__(**{"max_length": 40, "widget": forms.TextInput(attrs), **options})

    def prepare_value(self, value: Any) -> Any:
        """Show seconds in hours and minutes."""
        return length_text(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """Return seconds, None without a text. Raises ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        seconds = read_length(text)
        if seconds is None or len(str(seconds)) > _LONGEST_NUMBER:
            raise ValidationError(_("Write a length like 1 h, 90 min or 3600 (seconds)."))
        return seconds


class PairsField(forms.CharField):
    """A mapping of text: one ``key: value`` a line.

    A key or value that a line cannot show as it is stands in double quotes, as in JSON.
    """

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 3, "spellcheck": "false", "autocapitalize": "none"}
        super().__init__(**{"widget": forms.Textarea(attrs), "strip": False, **options})

    def prepare_value(self, value: Any) -> Any:
        """Show a mapping as lines."""
        return pairs_text(value) if isinstance(value, Mapping) else value

    def clean(self, value: Any) -> Any:
        """Return the mapping. Raises ValidationError, naming the line."""
        return read_pairs(super().clean(value))


def pairs_text(pairs: Mapping[str, str]) -> str:
    """Return a mapping as lines that ``read_pairs`` reads back exactly."""
    return "\n".join(f"{_shown_key(key)}: {_shown(pairs[key])}" for key in sorted(pairs))


def _shown_key(key: str) -> str:
    needs_quotes = ": " in key or key.endswith(":") or _needs_quotes(key)
    return json.dumps(key, ensure_ascii=False) if needs_quotes else key


def _shown(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if _needs_quotes(value) else value


def _needs_quotes(text: str) -> bool:
    return not text or text != text.strip() or text.startswith('"')


def read_pairs(text: str) -> dict[str, str]:
    """Return the mapping of some lines. Raises ValidationError, naming the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip():
            continue
        pair = _pair(line.strip())
        if pair is None or any(_HALF_A_CHARACTER.search(part) for part in pair):
            message = _("Line %(line)s is no pair: write it like team: payments.")
            raise ValidationError(message, params={"line": number})
        if pair[0] in found:
            message = _("Line %(line)s: %(key)s stands twice.")
            raise ValidationError(message, params={"line": number, "key": pair[0]})
        found[pair[0]] = pair[1]
    return found


def _pair(line: str) -> tuple[str, str] | None:
    if line.startswith('"'):
        key, rest = _quoted(line)
        if key is None or not rest.startswith(":"):
            return None
        return key, _value(rest[1:].strip())
    sign = ": " if ": " in line else ":"
    key, colon, value = line.partition(sign)
    return (key.strip(), _value(value.strip())) if colon and key.strip() else None


def _value(text: str) -> str:
    if text.startswith('"'):
        value, rest = _quoted(text)
        if value is not None and not rest:
            return value
    return text


def _quoted(text: str) -> tuple[str | None, str]:
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None, text
    return value, text[end:].strip()


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 2, "spellcheck": "false", "autocapitalize": "none"}
        super().__init__(**{"widget": forms.Textarea(attrs), **options})

    def prepare_value(self, value: Any) -> Any:
        """Show a list as lines."""
        return value if isinstance(value, str) or value is None else "\n".join(value)

    def clean(self, value: Any) -> Any:
        """Return the list."""
        lines = (line.strip() for line in super().clean(value).splitlines())
        return [line for line in lines if line]


class ChosenField(forms.ModelMultipleChoiceField):
    """Boxes of which each is a thing, by its number; a number that none has is a mistake."""

    def clean(self, value: Any) -> Any:
        """Return the things. Raises ValidationError, also for what no database has as a number."""
        for key in value if isinstance(value, list | tuple) else ():
            if len(str(key)) > _LONGEST_NUMBER:
                message = self.error_messages["invalid_pk_value"]
                raise ValidationError(message, params={"pk": str(key)[:_LONGEST_NUMBER]})
        return super().clean(value)


class PolicyField(forms.CharField):
    """A policy: JSON text, shown with a line for each value; its value is the compact form."""

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 8, "spellcheck": "false", "autocapitalize": "none", "class": "mono"}
        super().__init__(**{"widget": forms.Textarea(attrs), **options})

    def prepare_value(self, value: Any) -> Any:
        """Show it as a person reads it; what is no JSON stays as it was typed."""
        return readable_policy(value) if value else value

    def clean(self, value: Any) -> Any:
        """Return the compact JSON, empty without a text. Raises ValidationError."""
        text = super().clean(value)
        try:
            return canonical_policy(text) if text else ""
        except NotAPolicy as error:
            raise ValidationError(problem_text(error.problem, {})) from None


class SuggestingInput(forms.TextInput):
    """A text field that suggests values, each with what people call it, and takes any other."""

    def __init__(self, suggestions: Iterable[tuple[str, str]], attrs: Any = None) -> None:
        defaults = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        super().__init__({**defaults, **(attrs or {})})
        self.suggestions: Sequence[tuple[str, str]] = tuple(suggestions)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Render the field and, behind it, the list that it names."""
        list_id = f"{(attrs or {}).get('id', name)}_suggestions"
        field = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        options = format_html_join("", '<option value="{}" label="{}"></option>', self.suggestions)
        return format_html('{}<datalist id="{}">{}</datalist>', field, list_id, options)


# --- the domain's complaints in a form ---------------------------------------------------------


def add_complaints(form: forms.BaseForm, complaints: Iterable[Complaint]) -> None:
    """Show each complaint at the field of its key; one a field, where nothing stands there yet."""
    fields = form.fields.items()
    labels = {name: f"“{capfirst(str(field.label or name))}”" for name, field in fields}
    labels |= METHOD_TITLES
    for key, problem in complaints:
        name = _FIELDS_OF_KEYS.get(key, key)
        if name not in form.errors:
            form.add_error(name if name in form.fields else None, problem_text(problem, labels))


_FIELDS_OF_KEYS = {"id": "account_id"}


def problem_text(problem: Problem, labels: Mapping[str, str]) -> str:
    """Return a problem as a sentence of the reader's language, fields by their labels."""
    params = {
        name: labels.get(value, value) if isinstance(value, Key) else value
        for name, value in problem.params.items()
    }
    words = sentence(problem.message, params)
    quoted = [str(value) for value in problem.params.values() if not isinstance(value, Key)]
    if any(text and words.startswith(text) for text in quoted):
        return words + ("" if words.endswith(".") else ".")
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")
