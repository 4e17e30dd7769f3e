"""The groups of a person, by each kind of group that directories have."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django_auth_ldap import config
from django_auth_ldap.config import LDAPGroupType, LDAPSearch

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
    attrs: Mapping[str, Any]
    connection: Connection


class _Search(LDAPSearch):  # type: ignore[misc]
    """The search that the kinds of groups refine and run.

    django-auth-ldap's own would take a ``%`` in somebody's DN for a place to be filled.
    """

    def execute(self, connection: Connection, *_: object) -> list[tuple[str, Mapping[str, Any]]]:
        """Run it; DNs in lower case, as the nested kinds compare them."""
        found = connection.search(self.base_dn, self.filterstr, ("cn",))
        return [(entry.dn.lower(), entry.attrs) for entry in found]


def groups_of(
    person: Entry, connection: Connection, kind: str, base: str
) -> frozenset[DirectoryGroup]:
    """Return every group that the person is in; none where no kind is set.

    Raises ldap.LDAPError.
    """
    if not kind:
        return frozenset()
    object_class, make_type = _KINDS[kind]
    search = _Search(base, config.ldap.SCOPE_SUBTREE, f"(objectClass={object_class})")
    member = _Member(person.dn, person.attrs, connection)
    found: Iterable[tuple[str, Mapping[str, Any]]] = make_type().user_groups(member, search)
    return frozenset(
        DirectoryGroup(dn=dn, names=tuple(attributes.get("cn", ()))) for dn, attributes in found
    )
