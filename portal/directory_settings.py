"""The settings of the directory, and which of them do not go together."""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import urlsplit

from accounts.directory import dn
from portal import env

REQUIRE_GROUP = "AUTH_LDAP_REQUIRE_GROUP"
DENY_GROUP = "AUTH_LDAP_DENY_GROUP"
ADMIN_GROUP = "AUTH_LDAP_ADMIN_GROUP"
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

    @property
    def named_groups(self) -> Mapping[str, str]:
        """The groups that mean something to the portal itself, by the variables that name them."""
        named = {
            REQUIRE_GROUP: self.require_group,
            DENY_GROUP: self.deny_group,
            ADMIN_GROUP: self.admin_group,
        }
        return {variable: group for variable, group in named.items() if group}


def read() -> DirectorySettings | None:
    """Read them; None where there is no directory. Raises SettingsProblem."""
    settings = _read_all()
    if not settings.server_uris:
        return None
    for problem in _problems(settings):
        raise env.SettingsProblem(problem)
    return settings


def _read_all() -> DirectorySettings:
    server_uris = _servers()
    bind_dn, bind_password = _service()
    start_tls, ca_file = _encryption()
    user_search_base, user_search_filter = _people()
    group_search_base, group_type = _groups()
    require_group, deny_group, admin_group = _named_groups()
    timeout_seconds, refresh_seconds, stale_seconds = _times()
    return DirectorySettings(
        server_uris=server_uris,
        start_tls=start_tls,
        ca_file=ca_file,
        bind_dn=bind_dn,
        bind_password=bind_password,
        user_search_base=user_search_base,
        user_search_filter=user_search_filter,
        group_search_base=group_search_base,
        group_type=group_type,
        require_group=require_group,
        deny_group=deny_group,
        admin_group=admin_group,
        timeout_seconds=timeout_seconds,
        refresh_seconds=refresh_seconds,
        stale_seconds=stale_seconds,
    )


def _servers() -> tuple[str, ...]:
    meaning = "The servers of the LDAP directory or Active Directory; it is on when this is set."
    return tuple(env.directory_servers("AUTH_LDAP_SERVER_URI", meaning))


def _service() -> tuple[str, str]:
    bind_dn = env.text(
        "AUTH_LDAP_BIND_DN", "As whom the portal searches; without it, as nobody.", _A_DN
    )
    bind_password = env.secret_text(
        "AUTH_LDAP_BIND_PASSWORD", "The password of that DN.", "it is a password"
    )
    return bind_dn, bind_password


def _encryption() -> tuple[bool, str]:
    start_tls = env.flag("AUTH_LDAP_START_TLS", "Begin TLS on ldap:// connections.")
    ca_file = env.readable_file(
        "AUTH_LDAP_CA_CERT_FILE",
        "The certificate authorities (PEM) that may vouch for the servers.",
        "the system's",
    )
    return start_tls, ca_file


def _people() -> tuple[str, str]:
    base = env.text("AUTH_LDAP_USER_SEARCH_BASE", "Below which entry people are looked for.", _A_DN)
    filter_text = env.text(
        "AUTH_LDAP_USER_SEARCH_FILTER",
        "How somebody is found; %(user)s stands for the typed name, and the first attribute "
        "that is compared with it has the name that the portal keeps.",
        "it is an LDAP filter with (ATTRIBUTE=%(user)s) in it",
        default=_DEFAULT_FILTER,
    )
    return base, filter_text


def _groups() -> tuple[str, str]:
    base = env.text(
        "AUTH_LDAP_GROUP_SEARCH_BASE", "Below which entry groups are looked for.", _A_DN
    )
    kind = env.choice(
        "AUTH_LDAP_GROUP_TYPE", GROUP_TYPES, "How the directory keeps who is in a group."
    )
    return base, kind


def _named_groups() -> tuple[str, str, str]:
    required = env.text(REQUIRE_GROUP, "Only who is in this group gets in.", _A_GROUP)
    denied = env.text(
        DENY_GROUP,
        "Nobody in this group gets in, and nobody at all while the directory does not have it.",
        _A_GROUP,
    )
    administrators = env.text(
        ADMIN_GROUP,
        "Who is in this group has the rights of the built-in set “Administrators”.",
        _A_GROUP,
    )
    return required, denied, administrators


def _times() -> tuple[int, int, int]:
    timeout = env.seconds(
        "AUTH_LDAP_TIMEOUT_SECONDS",
        5,
        "The longest wait for one server's answer; a sign-in takes at most twice this.",
    )
    refresh = env.number(
        "AUTH_LDAP_REFRESH_SECONDS",
        300,
        0,
        "Before a launch a directory person is read again when what is known is older.",
    )
    stale = env.number(
        "AUTH_LDAP_STALE_SECONDS",
        3600,
        0,
        "How old what is known may be while the directory does not answer; then launches "
        "are refused.",
    )
    return timeout, refresh, stale


_A_DN = "it is a DN"
_A_GROUP = "it is a group's cn, or its DN below AUTH_LDAP_GROUP_SEARCH_BASE"


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
    if read.ca_file and not _holds_certificates(read.ca_file):
        yield (
            f"AUTH_LDAP_CA_CERT_FILE is {read.ca_file!a}, which holds no certificate; it is the "
            "path of a PEM file with certificates."
        )
    if read.bind_password and not read.bind_dn:
        yield "AUTH_LDAP_BIND_DN is not set, but AUTH_LDAP_BIND_PASSWORD is; set both or none."
    if read.bind_dn and not read.bind_password:
        yield "AUTH_LDAP_BIND_PASSWORD is not set, but AUTH_LDAP_BIND_DN is; set both or none."
    yield from _problems_of_searches(read)


def _holds_certificates(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return False
    return True


def _problems_of_searches(read: DirectorySettings) -> Iterator[str]:
    for name, text, is_needed in (
        ("AUTH_LDAP_BIND_DN", read.bind_dn, False),
        ("AUTH_LDAP_USER_SEARCH_BASE", read.user_search_base, True),
        ("AUTH_LDAP_GROUP_SEARCH_BASE", read.group_search_base, _needs_groups(read)),
    ):
        if is_needed and not text:
            yield f"{name} is not set; with the other AUTH_LDAP_ settings it has to be."
        if text and _parsed(text) is None:
            yield f"{name} is {text!a}; it is a DN, such as ou=people,dc=example,dc=org."
    if _needs_groups(read) and not read.group_type:
        yield f"AUTH_LDAP_GROUP_TYPE is not set; it is one of {', '.join(GROUP_TYPES)}."
    if not _is_filter(read.user_search_filter):
        yield (
            f"AUTH_LDAP_USER_SEARCH_FILTER is {read.user_search_filter!a}; it is an LDAP "
            f"filter with (ATTRIBUTE=%(user)s) in it, such as {_DEFAULT_FILTER}."
        )
    yield from _problems_of_named_groups(read)


def _problems_of_named_groups(read: DirectorySettings) -> Iterator[str]:
    """Say which group cannot be found, whatever the directory has."""
    base = _parsed(read.group_search_base)
    for variable, group in read.named_groups.items():
        if not dn.looks_like_dn(group) or base is None:
            continue
        found = _parsed(group)
        if found is None:
            yield f"{variable} is {group!a}; it begins like a DN and is none."
        elif not dn.is_within(found, base):
            yield (
                f"{variable} is {group!a}; it has to be below AUTH_LDAP_GROUP_SEARCH_BASE, "
                f"{read.group_search_base!a}: groups elsewhere are not found."
            )


def _parsed(text: str) -> dn.Dn | None:
    try:
        return dn.comparable(text)
    except dn.NotADn:
        return None


def _needs_groups(read: DirectorySettings) -> bool:
    return any((*read.named_groups.values(), read.group_type, read.group_search_base))


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
    for variable, group in read.named_groups.items():
        if not dn.looks_like_dn(group):
            yield (
                f"{variable} is {group!a}, a cn: every group of that cn below "
                f"AUTH_LDAP_GROUP_SEARCH_BASE counts. Name the one by its DN."
            )
