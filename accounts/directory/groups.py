"""Groups of the directory, and how they are compared with what a grant or a setting calls them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from accounts.caseless import caseless
from accounts.directory.dn import Dn, NotADn, comparable, looks_like_dn, parse

GroupKey = str | Dn
"""A group in comparable form: a name, or a DN in its parts. The two are never equal."""

_NO_GROUP: Dn = ()


@dataclass(frozen=True)
class DirectoryGroup:
    """A group of the directory: its DN, and its name where it has a certain one."""

    dn: str
    name: str = ""

    @classmethod
    def of(cls, dn: str, names: Sequence[str]) -> Self:
        """Return the group of an entry, given the values of its cn.

        The cn in its DN is its name. Others do not count: who may edit an entry may add any. Where
        the DN has none, the only cn is the name.
        """
        try:
            own = [part for part in parse(dn)[0] if part.attribute == "cn"]
        except NotADn:
            return cls(dn)
        if own:
            return cls(dn, "" if own[0].is_opaque else own[0].value)
        return cls(dn, names[0] if len(names) == 1 else "")

    @cached_property
    def keys(self) -> frozenset[GroupKey]:
        """Everything that a grant or a setting may call it, in comparable form.

        Its cn counts as a name even where it looks like a DN: nobody becomes another group by
        calling theirs so.
        """
        keys: set[GroupKey] = {_dn_key(self.dn), caseless(self.name)}
        return frozenset(keys - {_NO_GROUP, ""})


def is_in_any(groups: Iterable[DirectoryGroup], wanted: str) -> bool:
    """Tell whether one of the groups is the one that ``wanted`` names, by cn or by DN."""
    key = group_key(wanted)
    return any(key in group.keys for group in groups)


def group_key(name: str) -> GroupKey:
    """Return a group's name, a cn or a DN, in the form in which it is compared.

    What begins like a DN and is none is nobody's, instead of somebody's cn.
    """
    return _dn_key(name) if looks_like_dn(name) else caseless(name)


def _dn_key(dn: str) -> Dn:
    try:
        return comparable(dn)
    except NotADn:
        return _NO_GROUP
