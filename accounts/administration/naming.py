"""How administrators name things in words, and find them by some of the words.

A person is named by user name, a group and a credential source by name, an account by alias or
12 digits, a role as ``account/role``: what links and the access file call them too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Model, Q, QuerySet

from accounts.models import Account, CredentialSource, Group, Role, User, normal_username
from accounts.role_rules import account_number_of

MOST_FOUND = 20
MOST_WORDS = 8
"""So many words of a search count, here and in a list."""
_MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Found:
    """One answer to some words: ``text`` names it, ``label`` says what it is."""

    text: str
    label: str


@dataclass(frozen=True)
class _Naming:
    """How things of a kind are named: ``texts`` are all their names, the usual one first."""

    model: type[Model]
    searched: tuple[str, ...]
    order: tuple[str, ...]
    texts: Callable[[Any], tuple[str, ...]]
    label: Callable[[Any], str]
    exactly: Callable[[str], Q]
    normal: Callable[[str], str] = str.strip
    related: tuple[str, ...] = ()


def _user_label(user: User) -> str:
    origin = user.get_origin_display()
    return f"{user.name} · {origin}" if user.name else str(origin)


def _account_texts(account: Account) -> tuple[str, ...]:
    return (account.alias, account.account_id) if account.alias else (account.account_id,)


def _role_texts(role: Role) -> tuple[str, ...]:
    return tuple(f"{account}/{role.name}" for account in _account_texts(role.account))


def account_text(text: str) -> str:
    """Return the form in which accounts' names are compared: 12 digits, or an alias."""
    return account_number_of(text.strip()).lower()


def _role_text(text: str) -> str:
    account, slash, name = text.strip().partition("/")
    return f"{account_text(account)}{slash}{name}"


def _exact_role(text: str) -> Q:
    account, _, name = text.partition("/")
    return (Q(account__alias=account) | Q(account__account_id=account)) & Q(name=name)


_NAMINGS: Mapping[str, _Naming] = {
    "user": _Naming(
        model=User,
        searched=("username", "name", "email"),
        order=("username",),
        texts=lambda user: (user.username,),
        label=_user_label,
        exactly=lambda text: Q(username=text),
        normal=lambda text: normal_username(text.strip()),
    ),
    "group": _Naming(
        model=Group,
        searched=("name",),
        order=("name",),
        texts=lambda group: (group.name,),
        label=lambda group: str(group.get_origin_display()),
        # Older groups may have capitals in their names; of others than ASCII's SQLite knows none.
        exactly=lambda text: Q(name__iexact=text),
        normal=lambda text: normal_username(text.strip()),
    ),
    "account": _Naming(
        model=Account,
        searched=("account_id", "alias", "name"),
        order=("name", "account_id"),
        texts=_account_texts,
        label=lambda account: f"{account.title} · {account.account_id}",
        exactly=lambda text: Q(account_id=text) | Q(alias=text),
        normal=account_text,
    ),
    "role": _Naming(
        model=Role,
        searched=("name", "title"),
        order=("name", "account_id"),
        texts=_role_texts,
        label=lambda role: f"{role.shown_title} · {role.account.title}",
        exactly=_exact_role,
        normal=_role_text,
        related=("account",),
    ),
    "source": _Naming(
        model=CredentialSource,
        searched=("name", "profile"),
        order=("name",),
        texts=lambda source: (source.name,),
        label=lambda source: source.profile,
        exactly=lambda text: Q(name=text),
    ),
}
KINDS = tuple(_NAMINGS)


def kind_of(model: type[Model]) -> str | None:
    """Return the kind that things of a model are named as; None where they have no name."""
    return next((kind for kind, naming in _NAMINGS.items() if naming.model is model), None)


def model_of(kind: str) -> type[Model]:
    """Return the model of a kind of ``KINDS``."""
    return _NAMINGS[kind].model


def normal(kind: str, text: str) -> str:
    """Return the form in which a name of that kind is compared."""
    return _NAMINGS[kind].normal(text)


def text_of(thing: Model) -> str:
    """Return what a thing is usually called."""
    kind = kind_of(type(thing))
    return _NAMINGS[kind].texts(thing)[0] if kind else str(thing)


def find(kind: str, words: str) -> list[Found]:
    """Return at most MOST_FOUND things that hold each of the words, in order of their names.

    A name as it is written, ``payments-prod/Developer``, is the words that it is made of.
    """
    naming = _NAMINGS[kind]
    rows: QuerySet = QuerySet(naming.model).select_related(*naming.related).order_by(*naming.order)
    for word in _searched_words(words)[:MOST_WORDS]:
        rows = rows.filter(_holds(naming, word))
    return [Found(naming.texts(row)[0], naming.label(row)) for row in rows[:MOST_FOUND]]


def _searched_words(words: str) -> list[str]:
    account, slash, rest = words.partition("/")
    return f"{account_number_of(account)} {slash and rest.replace('/', ' ')}".split()


def _holds(naming: _Naming, word: str) -> Q:
    holds = Q()
    for field in naming.searched:
        holds |= Q(**{f"{field}__icontains": word})
    for field in naming.related:
        # There are far fewer of them: they are searched once, not for each of the others.
        related = _NAMINGS[field]
        holds |= Q(**{f"{field}__in": QuerySet(related.model).filter(_holds(related, word))})
    return holds


def named(kind: str, text: str) -> Any | None:
    """Return the thing of that exact name, or None."""
    return named_all(kind, [text]).get(normal(kind, text))


def named_all(kind: str, texts: Iterable[str]) -> dict[str, Any]:
    """Return the things of these names, by the names as they are compared; unknown ones lack.

    Of two that differ in capitals alone, the one whose name is written as it is compared.
    """
    naming = _NAMINGS[kind]
    wanted = dict.fromkeys(naming.normal(text) for text in texts)
    found: dict[str, Any] = {}
    for some in _chunks(wanted):
        condition = Q()
        for text in some:
            condition |= naming.exactly(text)
        rows: QuerySet = QuerySet(naming.model).select_related(*naming.related)
        for thing in rows.filter(condition):
            for text in naming.texts(thing):
                compared = naming.normal(text)
                if text in wanted or compared not in found:
                    found[compared] = thing
    return {text: thing for text, thing in found.items() if text in wanted}


def joined_names(texts: Iterable[str]) -> list[str]:
    """Return the texts that look like several user names in one, and are nobody's name."""
    joined = [text for text in texts if "," in text or ";" in text]
    there = named_all("user", joined)
    return [text for text in joined if normal("user", text) not in there]


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while some := list(islice(remaining, _MOST_AT_ONCE)):
        yield some
