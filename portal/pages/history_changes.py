"""What an administrator, the directory or a command changed, in words: from a row's details."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_lazy

from accounts.models import Method
from portal.pages.wording import duration_words, moment_words

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[^,]*(Z|[+-]\d\d:\d\d)\Z")
_MOST_TOLD = 3
_LONGEST_VALUE = 60


class Sentence(NamedTuple):
    """The same act told to its maker and told of them: ``{who}`` is the maker's name."""

    own: Any
    others: Any


_KINDS: Mapping[str, Any] = {
    "user": gettext_lazy("the person"),
    "group": gettext_lazy("the group"),
    "grant": gettext_lazy("the grant"),
    "account": gettext_lazy("the account"),
    "role": gettext_lazy("the role"),
    "source": gettext_lazy("the credential source"),
    "bookmark": gettext_lazy("the bookmark"),
    "entry": gettext_lazy("the entry"),
    "permission set": gettext_lazy("the permission set"),
}
_SENTENCES: Mapping[str, Sentence] = {
    "add": Sentence(
        gettext_lazy("You added {kind} <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> added {kind} <b>{name}</b>"),
    ),
    "change": Sentence(
        gettext_lazy("You changed {kind} <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> changed {kind} <b>{name}</b>"),
    ),
    "delete": Sentence(
        gettext_lazy("You deleted {kind} <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> deleted {kind} <b>{name}</b>"),
    ),
    "members": Sentence(
        gettext_lazy("You changed who is in {kind} <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> changed who is in {kind} <b>{name}</b>"),
    ),
    "password": Sentence(
        gettext_lazy("You set a new password for <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> set a new password for <b>{name}</b>"),
    ),
    "end-sessions": Sentence(
        gettext_lazy("You ended the portal sessions of <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> ended the portal sessions of <b>{name}</b>"),
    ),
    "refused": Sentence(
        gettext_lazy("You tried to change something and were not let"),
        gettext_lazy("<b>{who}</b> tried to change something and was not let"),
    ),
    "directory": Sentence(
        gettext_lazy("The directory changed what is known of you"),
        gettext_lazy("The directory changed what is known of <b>{name}</b>"),
    ),
    "directory sync": Sentence(
        gettext_lazy("You read the directory again"),
        gettext_lazy("<b>{who}</b> read the directory again"),
    ),
    "directory forget": Sentence(
        gettext_lazy("You deleted the directory’s person <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> deleted the directory’s person <b>{name}</b>"),
    ),
    "try": Sentence(
        gettext_lazy("You tried {kind} <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> tried {kind} <b>{name}</b>"),
    ),
    "createsuperuser": Sentence(
        gettext_lazy("You made <b>{name}</b> a superuser"),
        gettext_lazy("<b>{who}</b> made <b>{name}</b> a superuser"),
    ),
    "changepassword": Sentence(
        gettext_lazy("You set a new password for <b>{name}</b>"),
        gettext_lazy("<b>{who}</b> set a new password for <b>{name}</b>"),
    ),
}
_LOOKED = Sentence(
    gettext_lazy("You tried to open a page of the administration and were not let"),
    gettext_lazy("<b>{who}</b> tried to open a page of the administration and was not let"),
)
_OWN_PASSWORD = Sentence(
    gettext_lazy("You set yourself a new password"),
    gettext_lazy("<b>{who}</b> set themselves a new password"),
)
_SOMETHING = Sentence(
    gettext_lazy("You changed something in the administration"),
    gettext_lazy("<b>{who}</b> changed something in the administration"),
)
_APPLIED = Sentence(
    gettext_lazy("You applied the access file <b>{name}</b>"),
    gettext_lazy("<b>{who}</b> applied the access file <b>{name}</b>"),
)


_FIELDS: Mapping[str, Any] = {
    "account": gettext_lazy("account"),
    "account_id": gettext_lazy("account number"),
    "account_tags": gettext_lazy("accounts with the tags"),
    "alias": gettext_lazy("alias"),
    "colour": gettext_lazy("colour"),
    "console_seconds": gettext_lazy("console session"),
    "destination": gettext_lazy("page"),
    "disabled": gettext_lazy("switched off"),
    "email": gettext_lazy("e-mail address"),
    "environment": gettext_lazy("environment"),
    "expires": gettext_lazy("ends"),
    "external_id": gettext_lazy("external ID"),
    "from_file": gettext_lazy("from the access file"),
    "group": gettext_lazy("group"),
    "is_active": gettext_lazy("may sign in"),
    "is_staff": gettext_lazy("comes into the administration"),
    "is_superuser": gettext_lazy("superuser"),
    "max_session_seconds": gettext_lazy("longest session"),
    "members": gettext_lazy("members"),
    "method": gettext_lazy("method"),
    "name": gettext_lazy("name"),
    "note": gettext_lazy("note"),
    "number": gettext_lazy("number"),
    "origin": gettext_lazy("origin"),
    "partition": gettext_lazy("partition"),
    "policy_arns": gettext_lazy("managed policies"),
    "profile": gettext_lazy("profile"),
    "region": gettext_lazy("region"),
    "require_reason": gettext_lazy("ask for a reason"),
    "role": gettext_lazy("role"),
    "role_name": gettext_lazy("role"),
    "session_policy": gettext_lazy("session policy"),
    "session_seconds": gettext_lazy("usual session"),
    "session_tags": gettext_lazy("session tags"),
    "set_source_identity": gettext_lazy("source identity"),
    "source": gettext_lazy("credential source"),
    "source_id": gettext_lazy("credential source"),
    "starts": gettext_lazy("begins"),
    "tags": gettext_lazy("tags"),
    "title": gettext_lazy("title"),
    "user": gettext_lazy("person"),
    "username": gettext_lazy("user name"),
}


def sentence_of_change(details: Mapping[str, Any], actor: str) -> Sentence:
    """Return what was done, in the words for its maker and for others."""
    change = str(details.get("change", ""))
    if change == "password" and details.get("name") == actor:
        return _OWN_PASSWORD
    if change == "refused" and details.get("method") in {"GET", "HEAD"}:
        return _LOOKED
    return _SENTENCES.get(change, _SOMETHING)


def sentence_of_apply() -> Sentence:
    """Return how an access file was applied."""
    return _APPLIED


def kind_of(details: Mapping[str, Any]) -> str:
    """Return what was changed, in words: ``the grant``."""
    kind = str(details.get("kind", ""))
    return str(_KINDS.get(kind, kind))


def name_of(details: Mapping[str, Any]) -> str:
    """Return the name of what was changed, or of the file."""
    return str(details.get("name") or details.get("user") or details.get("file") or "")


class Difference(NamedTuple):
    """A field before and after, as text; None where there was nothing to have it."""

    field: str
    before: str | None
    after: str | None


def differences(details: Mapping[str, Any]) -> list[Difference]:
    """Return the fields that a change was about."""
    before, after = (_mapping(details.get(side)) for side in ("before", "after"))
    names = list(dict.fromkeys([*before, *after]))
    return [
        Difference(
            str(_FIELDS.get(name, name.replace("_", " "))),
            _value(name, before[name]) if name in before else None,
            _value(name, after[name]) if name in after else None,
        )
        for name in names
    ]


def notes_of_change(details: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was different, a short piece each, the first few."""
    if details.get("summary"):
        yield str(details["summary"])
    if details.get("message"):
        yield gettext(str(details["message"]))
    if details.get("change") == "refused" and details.get("path"):
        yield f"{details.get('method', '')} {details['path']}".strip()
    told = [each for each in differences(details) if _is_told(each)]
    for each in told[:_MOST_TOLD]:
        yield _note(each)
    if len(told) > _MOST_TOLD:
        yield gettext("and %(n)s more") % {"n": len(told) - _MOST_TOLD}


def _is_told(difference: Difference) -> bool:
    """Whether it is worth a few words: a value that there is, and that is another than before."""
    before, after = difference.before, difference.after
    return bool(before or after) and before != after


def _note(difference: Difference) -> str:
    name = difference.field
    before, after = map(_short, (difference.before, difference.after))
    if difference.before is None or difference.after is None:
        return gettext("%(field)s: %(value)s") % {"field": name, "value": before or after}
    words = gettext("%(field)s: %(before)s → %(after)s")
    none = gettext("nothing")
    return words % {"field": name, "before": before or none, "after": after or none}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _value(field: str, value: Any) -> str:
    """Return a field's value in words: whole minutes are a length, ``1 h``."""
    if field.endswith("_seconds") and isinstance(value, int) and value % 60 == 0:
        return duration_words(value)
    if field == "method":
        return Method(value).operation if value in Method.values else value
    return _text(value)


def _text(value: Any) -> str:
    """Return a value of the record in words: empty for nothing, one text for a list."""
    if value is None or (isinstance(value, list | Mapping) and not value):
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    return str(value)


def _short(text: str | None) -> str:
    if text is None:
        return ""
    if _MOMENT.match(text):
        with suppress(ValueError):
            return moment_words(datetime.fromisoformat(text))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
