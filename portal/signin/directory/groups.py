"""The groups of a person, and groups by their name, by each kind of group that directories have."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django_auth_ldap import config
from django_auth_ldap.config import LDAPGroupType, LDAPSearch
from ldap.filter import escape_filter_chars

from accounts.caseless import caseless
from accounts.directory.dn import looks_like_dn, parse
from accounts.directory.groups import DirectoryGroup
from portal.signin.directory.connection import Connection
from portal.signin.directory.entries import Entry

# The kind's name in the settings: the class of its entries, and who knows how to read it.
_KINDS: Mapping[str, tuple[str, Callable[[], LDAPGroupType]]] = {
    "posixGroup": ("posixGroup", config.PosixGroupType),
    "groupOfNames": ("groupOfNames", config.GroupOfNamesType),
    "groupOfUniqueNames": ("groupOfUniqueNames", config.GroupOfUniqueNamesType),
    "activeDirectory": ("group", config.ActiveDirectoryGroupType),
    "nestedGroupOfNames": ("groupOfNames", config.NestedGroupOfNamesType),
    "nestedActiveDirectory": ("group", config.NestedActiveDirectoryGroupType),
}


@dataclass(frozen=True)
class _Member:
    """A person as django-auth-ldap's kinds of groups want to see one."""

    dn: str
    attrs: Mapping[str, Sequence[str]]
    connection: Connection


class _Search(LDAPSearch):  # type: ignore[misc]
    """The search that the kinds of groups refine and run.

    django-auth-ldap's own would take a ``%`` in somebody's DN for a place to be filled.
    """

    def execute(self, connection: Connection, *_: object) -> list[tuple[str, Entry]]:
        """Run it; DNs in lower case, as the nested kinds compare them."""
        found = connection.search(self.base_dn, self.filterstr, ("cn",))
        return [(entry.dn.lower(), entry) for entry in found]


def groups_of(
    person: Entry, own_name: str, connection: Connection, kind: str, base: str
) -> frozenset[DirectoryGroup] | None:
    """Return every group that the person is in; None where that cannot be told for certain.

    ``own_name`` is their name as the directory spells it. None of them where no kind is set.
    Raises ldap.LDAPError.
    """
    if not kind:
        return frozenset()
    uid = _uid(person, own_name)
    if uid is None and kind == "posixGroup":
        return None
    object_class, make_type = _KINDS[kind]
    search = _Search(base, config.ldap.SCOPE_SUBTREE, f"(objectClass={object_class})")
    attributes = {"uid": [uid or own_name], "gidNumber": person.all("gidNumber")}
    member = _Member(
        person.dn, {name: values for name, values in attributes.items() if values}, connection
    )
    return _groups(entry for _, entry in make_type().user_groups(member, search))


def groups_named(
    names: Iterable[str], connection: Connection, kind: str, base: str
) -> frozenset[DirectoryGroup]:
    """Return the groups that may be meant by these names, cn or DN, whoever is in them.

    Raises ldap.LDAPError.
    """
    terms = "".join(map(_term, names))
    filter_text = f"(&(objectClass={_KINDS[kind][0]})(|{terms}))"
    return _groups(connection.search(base, filter_text, ("cn",)))


def _groups(entries: Iterable[Entry]) -> frozenset[DirectoryGroup]:
    return frozenset(DirectoryGroup.of(entry.dn, entry.all("cn")) for entry in entries)


def _uid(person: Entry, own_name: str) -> str | None:
    """Return what memberUid calls a person; None where several uids might be it.

    The portal's name comes first: who may add a uid to their entry is nobody else by it.
    """
    uids = person.all("uid")
    same = [uid for uid in uids if caseless(uid) == caseless(own_name)]
    if same or not uids:
        return same[0] if same else own_name
    return uids[0] if len(uids) == 1 else person.naming_value("uid") or None


def _term(name: str) -> str:
    own = parse(name)[0] if looks_like_dn(name) else ()
    pairs = [(part.attribute, part.value) for part in own if not part.is_opaque]
    terms = [
        f"({attribute}={escape_filter_chars(value)})"
        for attribute, value in pairs or [("cn", name)]
    ]
    return f"(&{''.join(terms)})"
