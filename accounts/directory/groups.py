"""Groups of the directory, and how they are compared with what a grant or a setting calls them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import normal_username


@dataclass(frozen=True)
class DirectoryGroup:
    """A group of the directory: its DN and its names (the values of its cn)."""

    dn: str
    names: tuple[str, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """Everything that a grant or a setting may call it, in comparable form.

        Its cn counts as a name even where it looks like a DN: nobody becomes another group by
        calling theirs so.
        """
        return frozenset({_dn_key(self.dn), *map(_name_key, self.names)})


def is_in_any(groups: Iterable[DirectoryGroup], wanted: str) -> bool:
    """Tell whether one of the groups is the one that ``wanted`` names, by cn or by DN."""
    key = group_key(wanted)
    return any(key in group.keys for group in groups)


def group_key(name: str) -> str:
    """Return a group's name, a cn or a DN, in the form in which it is compared.

    Case does not matter, nor how a letter is composed, nor a DN's spaces and escapes.
    """
    return _dn_key(name) if _LOOKS_LIKE_DN.match(name) else _name_key(name)


_LOOKS_LIKE_DN = re.compile(r"\s*[A-Za-z][A-Za-z0-9.-]*\s*=")
_ESCAPED = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\.", re.DOTALL)
_BETWEEN_PARTS = re.compile(r"\s*(?<!\\)[,;]\s*")


def _name_key(name: str) -> str:
    return f"name {normal_username(name)}"


def _dn_key(dn: str) -> str:
    # An escaped separator is no separator: it is put out of the way first.
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        hidden.append(_unescaped(found[0]))
        return f"\x00{len(hidden) - 1}\x00"

    parts = _BETWEEN_PARTS.split(_ESCAPED.sub(hide, dn.strip()))
    whole = "\x1f".join(re.sub(r"\s*=\s*", "=", part, count=1) for part in parts)
    for number, text in enumerate(hidden):
        whole = whole.replace(f"\x00{number}\x00", text)
    return f"dn {normal_username(whole)}"


def _unescaped(escape: str) -> str:
    if re.fullmatch(r"(?:\\[0-9A-Fa-f]{2})+", escape):
        return bytes.fromhex(escape.replace("\\", "")).decode("utf-8", "replace")
    return escape[1:]
