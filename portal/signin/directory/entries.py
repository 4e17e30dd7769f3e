"""An entry of the directory as text, and a filter with somebody's name in it."""

import re
import uuid
from collections.abc import Mapping, Sequence

import ldap.dn
import ldap.filter
from ldap.cidict import cidict

_BINARY = frozenset({"objectguid"})
_ACCOUNT_IS_DISABLED = 0x2
_FLAGS = re.compile("-?[0-9]{1,10}")
_LOCKED_FOR_GOOD = "000001010000Z"

STATE_ATTRIBUTES = ("entryUUID", "objectGUID", "pwdAccountLockedTime", "userAccountControl")
"""Who somebody is and whether they may come in: nothing that people may write at any length."""
POSIX_ATTRIBUTES = ("gidNumber", "uid")
"""What posixGroups know their members by."""
SHOWN_ATTRIBUTES = ("cn", "displayName", "mail")
"""What pages show of a person."""


class Entry:
    """An entry: its DN and its attributes, in the shape that django-auth-ldap's groups read."""

    def __init__(self, dn: str, attributes: Mapping[str, Sequence[bytes]]) -> None:
        self.dn = dn
        self.attrs: Mapping[str, Sequence[str]] = cidict(
            {name: _texts(name, values) for name, values in attributes.items()}
        )

    def all(self, attribute: str) -> Sequence[str]:
        """Return an attribute's values; none where it has none or they may not be read."""
        return self.attrs.get(attribute, ())

    def first(self, *attributes: str) -> str:
        """Return the first value of the first attribute that has one; else empty."""
        return next((values[0] for name in attributes if (values := self.all(name))), "")

    @property
    def immutable_id(self) -> str:
        """What stays the same for as long as the entry lives; empty where the server has none."""
        return self.first("entryUUID", "objectGUID").lower()

    @property
    def is_disabled(self) -> bool:
        """Whether its account is switched off: Active Directory's flag, or locked for good.

        Flags that are no number are those of nobody who may come in.
        """
        control = self.first("userAccountControl") or "0"
        is_number = _FLAGS.fullmatch(control) is not None
        is_flagged = not is_number or bool(int(control) & _ACCOUNT_IS_DISABLED)
        return is_flagged or self.first("pwdAccountLockedTime") == _LOCKED_FOR_GOOD

    def naming_value(self, attribute: str) -> str:
        """Return what the DN says of an attribute in its own part; empty where it says nothing."""
        own = ldap.dn.str2dn(self.dn)[0] if self.dn else []
        return next((value for name, value, _ in own if name.lower() == attribute.lower()), "")


def _texts(name: str, values: Sequence[bytes]) -> list[str]:
    if name.lower() in _BINARY:
        return [str(uuid.UUID(bytes_le=value)) for value in values if len(value) == 16]
    # What is no text cannot be a name of anybody or anything that is looked for.
    return [text for value in values if (text := _text(value)) is not None]


def _text(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def filter_for_id(immutable_id: str, filter_text: str) -> str:
    """Return a filter for the entry of that id, among those that ``filter_text`` lets in."""
    escaped = ldap.filter.escape_filter_chars(immutable_id)
    alternatives = f"(entryUUID={escaped})"
    try:
        octets = uuid.UUID(immutable_id).bytes_le
    except ValueError:
        pass
    else:
        escapes = "".join(rf"\{octet:02x}" for octet in octets)
        alternatives += f"(objectGUID={escapes})"
    anybody = filter_text.replace("%(user)s", "*")
    return f"(&(|{alternatives}){anybody})"


def filled(filter_text: str, typed: str) -> str:
    """Put a typed name into a filter, where it can be nothing but a name."""
    return filter_text.replace("%(user)s", ldap.filter.escape_filter_chars(typed))
