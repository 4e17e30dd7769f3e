"""Reads the settings from the environment, typed; the only module that touches os.environ.

Each reader declares its variable, so that docs/settings.md is made from the code. A value that
cannot be is a SettingsProblem: one line that names the variable, what was read (secrets masked)
and what is allowed.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from dotenv import load_dotenv

from portal import database_url
from portal.database_url import DatabaseAddress

# A password is what stands there, also where it has ${…} in it: systemd reads the file so as well.
load_dotenv(".env", override=False, interpolate=False)

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 32
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

Value = TypeVar("Value")
Network = IPv4Network | IPv6Network
_HOST_NAME = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\]")


_OURS = ("AUTH_LDAP_", "PORTAL_")
# What deploy/postgresql.sql reads, in the shell that also begins with the portal's commands.
_NO_SETTINGS = {"PORTAL_PASSWORD"}


class SettingsProblem(Exception):
    """A setting is missing or cannot be; the text is one line for the operator."""


@dataclass(frozen=True)
class Declaration:
    """One documented setting; ``default`` says in words what counts without it."""

    name: str
    meaning: str
    allowed: str
    default: str
    is_secret: bool = False

    def problem(self, read: str) -> SettingsProblem:
        """Say what was read and what is allowed, in one line."""
        if not read:
            return SettingsProblem(f"{self.name} is not set; {self.allowed}.")
        shown = "a value that is kept secret" if self.is_secret else ascii(read)
        return SettingsProblem(f"{self.name} is {shown}; {self.allowed}.")


DECLARED: dict[str, Declaration] = {}


def _read(declaration: Declaration, default: Value | None, parse: Callable[[str], Value]) -> Value:
    """Return the variable's parsed value, else the default; without either, it is a problem."""
    DECLARED[declaration.name] = declaration
    read = os.environ.get(declaration.name, "").strip()
    if not read and default is not None:
        return default
    try:
        return parse(read)
    except ValueError:
        raise declaration.problem(read) from None


def is_set(name: str) -> bool:
    """Tell whether the environment says anything for a variable."""
    return bool(os.environ.get(name, "").strip())


def unknown() -> dict[str, str]:
    """Return variables that look like ours and are none, each with the setting that it resembles.

    Empty where it resembles none.
    """
    names = sorted(
        name
        for name in os.environ
        if name.startswith(_OURS) and name not in DECLARED and name not in _NO_SETTINGS
    )
    return {name: "".join(get_close_matches(name, DECLARED, n=1)) for name in names}


def secrets(name: str, meaning: str) -> list[str]:
    """Read one or several secrets, separated by spaces, of 32 characters and more each.

    The first one signs or writes, all of them verify.
    """

    def parse(read: str) -> list[str]:
        words = read.split()
        if not words or any(_is_weak(word) for word in words):
            raise ValueError
        return words

    allowed = (
        f"it needs {SHORTEST_SECRET} random characters or more "
        "(several, separated by spaces, rotate: the first one is used, all are known)"
    )
    return _read(Declaration(name, meaning, allowed, "none", is_secret=True), None, parse)


def _is_weak(word: str) -> bool:
    return len(word) < SHORTEST_SECRET or len(set(word)) < 5 or word.startswith("django-insecure-")


def seconds(name: str, default: int, meaning: str) -> int:
    """Read a whole number of seconds from 1."""
    return _whole_number(name, default, 1, "it is a whole number of seconds from 1", meaning)


def number(name: str, default: int, lowest: int, meaning: str, shown_default: str = "") -> int:
    """Read a whole number from ``lowest``; ``shown_default`` is for one that machines differ in."""
    allowed = f"it is a whole number from {lowest}"
    return _whole_number(name, default, lowest, allowed, meaning, shown_default)


def _whole_number(
    name: str, default: int, lowest: int, allowed: str, meaning: str, shown_default: str = ""
) -> int:
    def parse(read: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", read) or int(read) < lowest:
            raise ValueError
        return int(read)

    declaration = Declaration(name, meaning, allowed, shown_default or str(default))
    return _read(declaration, default, parse)


def port(name: str, default: int, meaning: str) -> int:
    """Read a TCP port, 1 to 65535."""

    def parse(read: str) -> int:
        if not re.fullmatch(r"[0-9]{1,5}", read) or not 1 <= int(read) <= 65535:
            raise ValueError
        return int(read)

    declaration = Declaration(name, meaning, "it is a port, 1 to 65535", str(default))
    return _read(declaration, default, parse)


def flag(name: str, meaning: str, *, default: bool = False) -> bool:
    """Read yes or no."""

    def parse(read: str) -> bool:
        if read.lower() in {"1", "yes", "true", "on"}:
            return True
        if read.lower() in {"0", "no", "false", "off"}:
            return False
        raise ValueError

    declaration = Declaration(name, meaning, "it is yes or no", "yes" if default else "no")
    return _read(declaration, default, parse)


def word_of(name: str, words: tuple[str, ...], default: str, meaning: str) -> str:
    """Read one of the given upper-case words."""

    def parse(read: str) -> str:
        if read.upper() not in words:
            raise ValueError
        return read.upper()

    allowed = f"it is one of {', '.join(words)}"
    return _read(Declaration(name, meaning, allowed, default), default, parse)


def text(name: str, meaning: str, allowed: str, *, default: str = "") -> str:
    """Read any text; empty when not set, unless there is a default."""
    return _read(Declaration(name, meaning, allowed, default or "none"), default, str)


def secret_text(name: str, meaning: str, allowed: str) -> str:
    """Read a secret that somebody else chose, whatever its length; empty when not set."""
    return _read(Declaration(name, meaning, allowed, "none", is_secret=True), "", str)


def choice(name: str, words: tuple[str, ...], meaning: str) -> str:
    """Read one of the given words as they are written; empty when not set."""

    def parse(read: str) -> str:
        if read not in words:
            raise ValueError
        return read

    return _read(Declaration(name, meaning, f"it is one of {', '.join(words)}", "none"), "", parse)


def readable_file(name: str, meaning: str, default: str) -> str:
    """Read the path of a file that can be read; empty when not set."""

    def parse(read: str) -> str:
        try:
            with Path(read).open("rb"):
                return read
        except OSError:
            raise ValueError from None

    return _read(
        Declaration(name, meaning, "it is the path of a readable file", default), "", parse
    )


def directory_servers(name: str, meaning: str) -> list[str]:
    """Read ``ldap://HOST[:PORT]`` and ``ldaps://HOST[:PORT]`` addresses, separated by spaces."""

    def parse(read: str) -> list[str]:
        for word in read.split():
            parts = urlsplit(word)
            is_bare = not (parts.path.strip("/") or parts.query or parts.fragment)
            if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or not is_bare:
                raise ValueError
            if parts.username is not None or parts.port == 0 or not word.isprintable():
                raise ValueError
        return read.split()

    allowed = (
        "it is ldap://HOST:PORT or ldaps://HOST:PORT (several, separated by spaces: fail-over)"
    )
    return _read(Declaration(name, meaning, allowed, "no directory"), [], parse)


def hosts(name: str, meaning: str) -> list[str]:
    """Read host names, separated by spaces; a star alone is refused."""

    def parse(read: str) -> list[str]:
        words = read.split()
        if not all(_HOST_NAME.fullmatch(word) for word in words):
            raise ValueError
        return words

    allowed = "it is host names without scheme and port, separated by spaces"
    return _read(Declaration(name, meaning, allowed, "none"), [], parse)


def address(name: str, default: str, meaning: str) -> str:
    """Read an IP address or ``localhost`` to listen on."""

    def parse(read: str) -> str:
        return read if read == "localhost" else str(ip_address(read))

    declaration = Declaration(name, meaning, "it is an IP address to listen on", default)
    return _read(declaration, default, parse)


def networks(name: str, meaning: str) -> list[Network]:
    """Read IP addresses and networks, separated by spaces; a list that covers all is refused.

    Whoever trusts every address lets every visitor write the address that the record keeps and
    that wrong passwords are counted by.
    """

    def parse(read: str) -> list[Network]:
        found = [_network(word) for word in read.split()]
        v4 = [network for network in found if isinstance(network, IPv4Network)]
        v6 = [network for network in found if isinstance(network, IPv6Network)]
        joined: list[Network] = [*collapse_addresses(v4), *collapse_addresses(v6)]
        if any(network.prefixlen == 0 for network in joined):
            raise ValueError
        return found

    allowed = (
        "it is IP addresses and networks, separated by spaces, such as 10.0.0.7 192.0.2.0/24 "
        "2001:db8::/64 (never every address: then anybody could claim to come from anywhere)"
    )
    return _read(Declaration(name, meaning, allowed, "none"), [], parse)


def _network(word: str) -> Network:
    """Return the network, that of IPv4 addresses in IPv6's clothes as one of IPv4."""
    network = ip_network(word)
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None
    if mapped is None or network.prefixlen < 96:
        return network
    return IPv4Network((mapped, network.prefixlen - 96))


def base_url(name: str, default: str, meaning: str) -> str:
    """Read an https address without path, or an http one on this machine; no slash at the end."""

    def parse(read: str) -> str:
        url = secure_url(read)
        if urlsplit(url).path not in {"", "/"} or urlsplit(url).query:
            raise ValueError
        return _origin(url)

    allowed = (
        "it is https://HOST or https://HOST:PORT without a path "
        "(http only for localhost, 127.0.0.1 and [::1])"
    )
    return _read(Declaration(name, meaning, allowed, "http://localhost:<PORT>"), default, parse)


def _origin(url: str) -> str:
    """Return the address as a browser writes it into ``Origin``: no capitals, no usual port."""
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host_of(url)}{port}"


def endpoint_url(name: str, meaning: str, default: str = "by partition") -> str:
    """Read a whole https address, or an http one on this machine; empty when not set."""
    allowed = "it is a whole https address, path included (http only on loopback)"
    return _read(Declaration(name, meaning, allowed, default), "", secure_url)


def secure_url(read: str) -> str:
    """Return the address if it is https, or http on loopback; raises ValueError otherwise."""
    parts = urlsplit(read)
    if not parts.hostname or parts.username is not None or parts.fragment or not read.isprintable():
        raise ValueError
    if parts.port == 0 or " " in read:
        raise ValueError
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError
    return read


def host_of(url: str) -> str:
    """Return the host of an address as ALLOWED_HOSTS wants it, IPv6 in brackets."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def database(name: str, default: str, meaning: str) -> DatabaseAddress:
    """Read where the database is: an SQLite file, or a PostgreSQL server."""

    def parse(read: str) -> DatabaseAddress:
        return database_url.parse(read, PROJECT_ROOT)

    declaration = Declaration(name, meaning, database_url.ALLOWED, default, is_secret=True)
    return _read(declaration, parse(default), parse)


def processor_count() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
