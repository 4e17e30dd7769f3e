"""What ``DATABASE_URL`` says: an SQLite file, or a PostgreSQL server and how to reach it.

Of libpq's options only those pass that say where the server is and how its TLS is checked; what
would read further files or environments, or change what the record's rows may rely on, does not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

APPLICATION_NAME = "sekisho"
_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql", "postgres")
_LONGEST_NAME = 63

_WORD = r"[A-Za-z0-9_.-]{1,63}"
# libpq's options that may stand behind the question mark, and what each may be.
_OPTIONS: Mapping[str, str] = {
    "host": r"/.+|[A-Za-z0-9_.:,-]+",
    "port": r"[0-9]{1,5}(,[0-9]{1,5})*",
    "application_name": r"[ -~]{1,63}",
    "channel_binding": "disable|prefer|require",
    "gssencmode": "disable|prefer|require",
    "options": rf"-c ?search_path={_WORD}(,{_WORD})*",
    "sslcert": "/.+",
    "sslcrl": "/.+",
    "sslkey": "/.+",
    "sslmode": "disable|allow|prefer|require|verify-ca|verify-full",
    "sslnegotiation": "postgres|direct",
    "sslrootcert": "/.+|system",
    "target_session_attrs": "any|read-write|primary",
}

ALLOWED = (
    "it is sqlite:///path (from the project's root), sqlite:////absolute/path or "
    "postgresql://USER:PASSWORD@HOST:PORT/NAME, percent-encoded, and behind a question mark "
    f"{', '.join(sorted(_OPTIONS))} as libpq knows them (files by their whole path)"
)


@dataclass(frozen=True)
class DatabaseAddress:
    """Where the database is: ``path`` of the SQLite file, or a name on a PostgreSQL server."""

    path: str = ""
    name: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What an operator may be told: never the password."""
        if self.path:
            return self.path
        place = f"{self.host or 'the local socket'}{':' if self.port else ''}{self.port}"
        return f"database {self.name} at {place}" + (f" as {self.user}" if self.user else "")

    @property
    def is_verified(self) -> bool:
        """Whether the server has to prove by a certificate that it is the right one."""
        return self.options.get("sslmode") in {"verify-ca", "verify-full"}

    def django_settings(self) -> dict[str, Any]:
        """Return what Django's ``DATABASES`` wants to know."""
        return self._sqlite() if self.path else self._postgresql()

    def _sqlite(self) -> dict[str, Any]:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            # A server that finds its file gone must not begin another in its place: only
            # migrating makes one (accounts.database.file.create).
            "NAME": f"file:{quote(self.path)}?mode=rw",
            "CONN_MAX_AGE": None,
            "ATOMIC_REQUESTS": False,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }

    def _postgresql(self) -> dict[str, Any]:
        return {
            "ENGINE": "accounts.database.postgresql",
            "NAME": self.name,
            "USER": self.user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": self.port,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "ATOMIC_REQUESTS": False,
            "OPTIONS": {"application_name": APPLICATION_NAME, **self.options},
        }


def parse(url: str, folder: Path) -> DatabaseAddress:
    """Read an address; a relative SQLite path counts from ``folder``. Raises ValueError."""
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return DatabaseAddress(path=str(folder / _unquoted(url.removeprefix(_SQLITE))))
    return _parse_postgresql(url)


def _parse_postgresql(url: str) -> DatabaseAddress:
    parts = urlsplit(url)
    name = _unquoted(parts.path.removeprefix("/"))
    if parts.scheme not in _POSTGRESQL or parts.fragment or not url.isprintable():
        raise ValueError
    if not 1 <= len(name.encode()) <= _LONGEST_NAME or parts.port == 0:
        raise ValueError
    options = _options(parts.query)
    # A unix socket's folder does not fit before the path.
    host = options.pop("host", "") or _unquoted(parts.hostname or "")
    port = options.pop("port", "") or str(parts.port or "")
    return DatabaseAddress(
        name=name,
        user=_unquoted(parts.username or ""),
        password=_unquoted(parts.password or ""),
        host=host,
        port=port,
        options=options,
    )


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ValueError
    for name, value in pairs:
        if name not in _OPTIONS or not re.fullmatch(_OPTIONS[name], value):
            raise ValueError
        if not value.isprintable():
            raise ValueError
    return options


def _unquoted(text: str) -> str:
    unquoted = unquote(text, errors="strict")
    if "\0" in unquoted:
        raise ValueError
    return unquoted
