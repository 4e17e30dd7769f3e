"""Writes what the database holds as an access file, in one canonical order and form.

Whatever two databases say alike is written alike, byte for byte: entries sorted by what never
changes of them, keys in the order of the reference, values that are the default left out. Text is
quoted unless it is a plain word that every reader of YAML takes for text.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from accounts.access_file.specs import (
    KEYS_OF_PAIRS,
    AccountSpec,
    BookmarkSpec,
    GrantSpec,
    GroupSpec,
    Names,
    Pairs,
    RoleSpec,
    SourceSpec,
    Value,
    pairs_of,
    values_of,
)
from accounts.access_file.state import Held, State, state_of, take_snapshot
from accounts.aws_rules.limits import METHOD_LIMITS
from accounts.models import DEFAULT_SOURCE

Lines: TypeAlias = list[str]
AnySpec = TypeVar("AnySpec", SourceSpec, AccountSpec, RoleSpec, GroupSpec, GrantSpec, BookmarkSpec)

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_+=.@/-]*(?: [A-Za-z0-9][A-Za-z0-9_+=.@/-]*)*")
# Words that some readers of YAML take for something else than text.
_NO_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def export_text() -> str:
    """Return the database as an access file. Raises DatabaseError when it cannot be read."""
    return "".join(f"{line}\n" for line in _file(state_of(take_snapshot())))


def _file(state: State) -> Iterator[str]:
    names = {held.spec.id: held.spec.alias for held in state.accounts.values() if held.spec.alias}
    sources = (held.spec for held in state.sources.values())
    groups = (held.spec for held in state.groups.values() if held.is_local)
    yield "version: 1"
    # The default without a profile exists without being named.
    yield from _list("sources", (s for s in sources if s != SourceSpec(DEFAULT_SOURCE)), _source)
    yield from _accounts(state)
    yield from _list("groups", groups, _group)
    yield from _list("grants", _specs(state.grants), lambda grant: _grant(grant, names))
    yield from _list("bookmarks", _specs(state.bookmarks), lambda mark: _bookmark(mark, names))


def _specs(held: dict[Any, Held[AnySpec]]) -> Iterator[AnySpec]:
    return (row.spec for row in held.values())


def _list(
    key: str, specs: Iterable[AnySpec], lines_of: Callable[[AnySpec], Lines]
) -> Iterator[str]:
    """Write a key with its list, nothing for an empty one."""
    ordered = sorted(specs, key=lambda spec: spec.identity)
    if ordered:
        yield f"{key}:"
    for spec in ordered:
        first, *others = lines_of(spec)
        yield f"  - {first}"
        yield from (f"    {line}" for line in others)


def _accounts(state: State) -> Iterator[str]:
    roles: dict[str, list[RoleSpec]] = {}
    for role in _specs(state.roles):
        roles.setdefault(role.account, []).append(role)

    def lines_of(account: AccountSpec) -> Lines:
        own = _list("roles", roles.get(account.id, []), _role)
        return [f"id: {_text(account.id)}", *_values(account, AccountSpec("")), *own]

    return _list("accounts", _specs(state.accounts), lines_of)


def _source(source: SourceSpec) -> Lines:
    return [f"name: {_text(source.name)}", *_values(source, SourceSpec(""))]


def _role(role: RoleSpec) -> Lines:
    seconds = METHOD_LIMITS[role.method].seconds_default
    return [f"name: {_text(role.name)}", *_values(role, RoleSpec("", "", session_seconds=seconds))]


def _group(group: GroupSpec) -> Lines:
    return [f"name: {_text(group.name)}", *_values(group, GroupSpec(""))]


def _grant(grant: GrantSpec, names: Names) -> Lines:
    subject = f"group: {_text(grant.group)}" if grant.group else f"user: {_text(grant.user)}"
    account = names.get(grant.account, grant.account)
    return [
        subject,
        f"account: {_text(account) if account else _flow_mapping(grant.account_tags)}",
        f"role: {_text(grant.role)}",
        *([f"starts: {_text(grant.starts)}"] if grant.starts else []),
        *_values(grant, GrantSpec("", "", "", (), "")),
    ]


def _bookmark(bookmark: BookmarkSpec, names: Names) -> Lines:
    named = replace(bookmark, account=names.get(bookmark.account, bookmark.account))
    return [
        f"group: {_text(bookmark.group)}",
        f"name: {_text(bookmark.name)}",
        *_values(named, BookmarkSpec("", "", "", "")),
    ]


# --- values ----------------------------------------------------------------------------------


def _values(spec: AnySpec, default: AnySpec) -> Iterator[str]:
    """Write what differs from the default, in the order of the reference."""
    without = values_of(default)
    for key, value in values_of(spec).items():
        if value != without[key]:
            yield from _key(key, value)


def _key(key: str, value: Value) -> Iterator[str]:
    if key == "session_policy":
        yield f"{key}: {_policy(str(value))}"
    elif key == "require":
        yield f"{key}: {{{', '.join(f'{name}: true' for name in _strings(value))}}}"
    elif isinstance(value, tuple) and key in KEYS_OF_PAIRS:
        yield f"{key}: {_flow_mapping(pairs_of(value))}"
    elif isinstance(value, tuple):
        yield f"{key}:"
        yield from (f"  - {_text(item)}" for item in _strings(value))
    else:
        yield f"{key}: {_scalar(value)}"


def _strings(value: Value) -> Iterator[str]:
    return (
        (item for item in value if isinstance(item, str)) if isinstance(value, tuple) else iter(())
    )


def _scalar(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _text(value) if isinstance(value, str) else str(value)


def _flow_mapping(pairs: Pairs) -> str:
    return "{" + ", ".join(f"{_text(key)}: {_text(value)}" for key, value in pairs) + "}"


def _policy(text: str) -> str:
    try:
        return _flow(json.loads(text))
    except ValueError:
        return _quoted(text)


def _flow(value: Any) -> str:
    """Write JSON as YAML's flow style, texts always in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT
    return text if is_plain else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_in_quotes, text)) + '"'


def _in_quotes(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
