"""Temporary credentials as text for a shell, or for the shared credentials file.

Pure functions from values to text. What a shell reads back is exactly the values: each format
quotes in its shell's own way. AWS's values hold letters, digits and ``/+=``; any printable value
does, and one with a line break, which neither cmd nor a file could hold, is a ValueError.
"""

import re
import shlex
from collections.abc import Iterable, Mapping

from portal.aws.plan import TemporaryCredentials

_PROFILE_LETTERS = re.compile(r"[^A-Za-z0-9_+=,.@-]+")
_POWERSHELL_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
_CMD_SPECIAL = re.compile(r'([\^&|<>()"%!])')


def variables(credentials: TemporaryCredentials, region: str) -> dict[str, str]:
    """Return the environment variables that AWS's tools read, and their values.

    The region goes under both names, as some tools know only one of them; none without region.
    """
    found = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }
    if region:
        found |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return found


def posix(values: Mapping[str, str]) -> str:
    """Return ``export`` lines for bash, zsh and every other POSIX shell."""
    return _lines(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def fish(values: Mapping[str, str]) -> str:
    """Return ``set -gx`` lines for fish; between single quotes only ``\\`` and ``'`` count."""
    quoted = {
        name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()
    }
    return _lines(f"set -gx {name} '{value}'" for name, value in quoted.items())


def powershell(values: Mapping[str, str]) -> str:
    """Return assignments for PowerShell, which takes every kind of single quote for one."""
    quoted = {name: _POWERSHELL_QUOTES.sub(r"\g<0>\g<0>", value) for name, value in values.items()}
    return _lines(f"$Env:{name} = '{value}'" for name, value in quoted.items())


def cmd(values: Mapping[str, str]) -> str:
    """Return ``set`` lines for cmd, without quotes, which would become part of the value."""
    escaped = {name: _CMD_SPECIAL.sub(r"^\1", value) for name, value in values.items()}
    return _lines(f"set {name}={value}" for name, value in escaped.items())


def credentials_file(credentials: TemporaryCredentials, region: str, profile: str) -> str:
    """Return a section of ``~/.aws/credentials``."""
    values = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
        "aws_session_token": credentials.session_token,
        "region": region,
    }
    lines = (f"{name} = {value}" for name, value in values.items() if value)
    return _lines((f"[{profile}]", *lines))


def profile_name(account_key: str, role_name: str) -> str:
    """Return a profile's name that needs no quoting anywhere: ``payments-prod-Developer``."""
    name = f"{account_key}-{role_name.rsplit('/', 1)[-1]}"
    return _PROFILE_LETTERS.sub("-", name)


def _lines(lines: Iterable[str]) -> str:
    made = list(lines)
    if not all(line.isprintable() for line in made):
        raise ValueError("a value that no line can hold")
    return "".join(f"{line}\n" for line in made)
