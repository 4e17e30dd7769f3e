"""The settings of the directory, and which of them do not go together."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import urlsplit

from portal import env

GROUP_TYPES = (
    "posixGroup",
    "groupOfNames",
    "groupOfUniqueNames",
    "activeDirectory",
    "nestedGroupOfNames",
    "nestedActiveDirectory",
)
_DEFAULT_FILTER = "(uid=%(user)s)"
_PLACE = "%(user)s"
# (attribute=before%(user)safter): what comes before and after is part of the entry's own value.
_NAME_IN_FILTER = re.compile(r"\(([A-Za-z][A-Za-z0-9.;-]*)=([^()*\\]*)%\(user\)s([^()*\\]*)\)")


@dataclass(frozen=True)
class DirectorySettings:
    """Everything that ``AUTH_LDAP_*`` says of a directory. Times are in seconds.

    ``name_attributes`` are those that the filter compares with what was typed, each with the text
    that it wants before and after; the first one has the name that the portal keeps.
    """

    server_uris: tuple[str, ...]
    start_tls: bool
    ca_file: str
    bind_dn: str
    user_search_base: str
    user_search_filter: str
    group_search_base: str
    group_type: str
    require_group: str
    deny_group: str
    admin_group: str
    timeout_seconds: int
    refresh_seconds: int
    stale_seconds: int
    bind_password: str = field(repr=False)

    @property
    def name_attributes(self) -> Mapping[str, tuple[str, str]]:
        """Attributes in the order of the filter, each with what stands around the name."""
        return {
            attribute: (before, after)
            for attribute, before, after in _NAME_IN_FILTER.findall(self.user_search_filter)
        }


def read() -> DirectorySettings | None:
    """Read them; None where there is no directory. Raises SettingsProblem."""
    read = _read_all()
    if not read.server_uris:
        return None
    for problem in _problems(read):
        raise env.SettingsProblem(problem)
    return read


def _read_all() -> DirectorySettings:
    return DirectorySettings(
        server_uris=tuple(
            env.directory_servers(
                "AUTH_LDAP_SERVER_URI",
                "The servers of the LDAP directory or Active Directory; it is on when this is set.",
            )
        ),
        bind_dn=env.text(
            "AUTH_LDAP_BIND_DN",
            "As whom the portal searches; without it, as nobody.",
            "it is a DN",
        ),
        bind_password=env.secret_text(
            "AUTH_LDAP_BIND_PASSWORD", "The password of that DN.", "it is a password"
        ),
        start_tls=env.flag("AUTH_LDAP_START_TLS", "Begin TLS on ldap:// connections."),
        ca_file=env.readable_file(
            "AUTH_LDAP_CA_CERT_FILE",
            "The certificate authorities (PEM) that may vouch for the servers.",
            "the system's",
        ),
        user_search_base=env.text(
            "AUTH_LDAP_USER_SEARCH_BASE", "Below which entry people are looked for.", "it is a DN"
        ),
        user_search_filter=env.text(
            "AUTH_LDAP_USER_SEARCH_FILTER",
            "How somebody is found; %(user)s stands for the typed name, and the first attribute "
            "that is compared with it has the name that the portal keeps.",
            "it is an LDAP filter with (ATTRIBUTE=%(user)s) in it",
            default=_DEFAULT_FILTER,
        ),
        group_search_base=env.text(
            "AUTH_LDAP_GROUP_SEARCH_BASE", "Below which entry groups are looked for.", "it is a DN"
        ),
        group_type=env.choice(
            "AUTH_LDAP_GROUP_TYPE", GROUP_TYPES, "How the directory keeps who is in a group."
        ),
        require_group=env.text(
            "AUTH_LDAP_REQUIRE_GROUP", "Only who is in this group gets in.", _A_GROUP
        ),
        deny_group=env.text("AUTH_LDAP_DENY_GROUP", "Nobody in this group gets in.", _A_GROUP),
        admin_group=env.text(
            "AUTH_LDAP_ADMIN_GROUP",
            "Who is in this group has the rights of the built-in set “Administrators”.",
            _A_GROUP,
        ),
        timeout_seconds=env.seconds(
            "AUTH_LDAP_TIMEOUT_SECONDS",
            5,
            "The longest wait for one server's answer; a sign-in takes at most twice this.",
        ),
        refresh_seconds=env.number(
            "AUTH_LDAP_REFRESH_SECONDS",
            300,
            0,
            "Before a launch a directory person is read again when what is known is older.",
        ),
        stale_seconds=env.number(
            "AUTH_LDAP_STALE_SECONDS",
            3600,
            0,
            "How old what is known may be while the directory does not answer; then launches "
            "are refused.",
        ),
    )


_A_GROUP = "it is a group's cn or DN"


def _problems(read: DirectorySettings) -> Iterator[str]:
    """Say what does not go together, a line each."""
    if find_spec("ldap") is None:
        yield (
            "AUTH_LDAP_SERVER_URI is set, but python-ldap is not installed; install what "
            "requirements.txt names."
        )
    if read.start_tls and any(uri.startswith("ldaps:") for uri in read.server_uris):
        yield (
            "AUTH_LDAP_START_TLS is on and AUTH_LDAP_SERVER_URI has ldaps://; ldaps is TLS from "
            "the start, so use one of them."
        )
    if read.bind_password and not read.bind_dn:
        yield "AUTH_LDAP_BIND_DN is not set, but AUTH_LDAP_BIND_PASSWORD is; set both or none."
    if read.bind_dn and not read.bind_password:
        yield "AUTH_LDAP_BIND_PASSWORD is not set, but AUTH_LDAP_BIND_DN is; set both or none."
    yield from _problems_of_searches(read)


def _problems_of_searches(read: DirectorySettings) -> Iterator[str]:
    for name, dn, is_needed in (
        ("AUTH_LDAP_BIND_DN", read.bind_dn, False),
        ("AUTH_LDAP_USER_SEARCH_BASE", read.user_search_base, True),
        ("AUTH_LDAP_GROUP_SEARCH_BASE", read.group_search_base, _needs_groups(read)),
    ):
        if is_needed and not dn:
            yield f"{name} is not set; with the other AUTH_LDAP_ settings it has to be."
        if dn and "=" not in dn:
            yield f"{name} is {dn!a}; it is a DN, such as ou=people,dc=example,dc=org."
    if _needs_groups(read) and not read.group_type:
        yield f"AUTH_LDAP_GROUP_TYPE is not set; it is one of {', '.join(GROUP_TYPES)}."
    if not _is_filter(read.user_search_filter):
        yield (
            f"AUTH_LDAP_USER_SEARCH_FILTER is {read.user_search_filter!a}; it is an LDAP "
            f"filter with (ATTRIBUTE=%(user)s) in it, such as {_DEFAULT_FILTER}."
        )


def _needs_groups(read: DirectorySettings) -> bool:
    groups = (read.require_group, read.deny_group, read.admin_group)
    return any((*groups, read.group_type, read.group_search_base))


def _is_filter(text: str) -> bool:
    """Tell whether a filter's parentheses close and every place in it is the name's."""
    bare = text.replace(_PLACE, "")
    if "%" in bare or not _NAME_IN_FILTER.search(text):
        return False
    if text.count(_PLACE) != len(_NAME_IN_FILTER.findall(text)):
        return False
    depth = 0
    for position, character in enumerate(bare):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0 or (depth == 0 and position < len(bare) - 1):
            return False
    return depth == 0


def warnings(read: DirectorySettings | None) -> Iterator[str]:
    """Say what works but should not stay so, a line each."""
    if read is None:
        set_without = [
            name for name in env.DECLARED if name.startswith("AUTH_LDAP_") and env.is_set(name)
        ]
        if set_without:
            names = ", ".join(sorted(set_without))
            yield f"AUTH_LDAP_SERVER_URI is not set, so nothing reads {names}."
        return
    for uri in read.server_uris:
        parts = urlsplit(uri)
        if (
            parts.scheme == "ldap"
            and not read.start_tls
            and not env.is_loopback(parts.hostname or "")
        ):
            yield (f"Passwords go to {uri} unencrypted: use ldaps:// or AUTH_LDAP_START_TLS=yes.")
