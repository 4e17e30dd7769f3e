"""What stands in an access file, in one normal form.

The file and the database are both turned into these, so that comparing them is comparing values.
A spec's attributes are named as the file's keys; ``KEYS`` are those that may change, ``identity``
is what never does. Moments are RFC 3339 text in UTC, mappings sorted pairs, what is not there
empty text or None. ``place`` is where a spec stands in the file and takes no part in comparing.
"""

import json
from collections.abc import Mapping as ReadOnlyMapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from accounts.access_file.document import Mapping
from accounts.models import DEFAULT_SOURCE, Method, Origin

Pairs: TypeAlias = tuple[tuple[str, str], ...]
Value: TypeAlias = str | int | bool | tuple[str, ...] | Pairs | None
Identity: TypeAlias = tuple[str, ...]
KEYS_OF_PAIRS = frozenset({"tags", "session_tags"})
"""Keys whose values are mappings in the file, and pairs here."""

Names: TypeAlias = ReadOnlyMapping[str, str]
"""Accounts' aliases by their ids, for lines that people read."""

ANY_ACCOUNT = "*"
NOWHERE = Mapping(line=0)


def _place() -> Mapping:
    return NOWHERE


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How the broker gets credentials: a named profile, or botocore's default chain without."""

    KEYS: ClassVar[tuple[str, ...]] = ("profile",)

    name: str
    profile: str = ""
    place: Mapping = field(default_factory=_place, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """Its name."""
        return (self.name,)

    def label(self, names: Names) -> str:
        """Return what a line of the plan calls it."""
        return f"source {self.name}"


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An AWS account; its roles stand beside it."""

    KEYS: ClassVar[tuple[str, ...]] = (
        "partition",
        "alias",
        "name",
        "environment",
        "colour",
        "tags",
        "disabled",
    )

    id: str
    partition: str = "aws"
    alias: str = ""
    name: str = ""
    environment: str = "other"
    colour: str = ""
    tags: Pairs = ()
    disabled: bool = False
    place: Mapping = field(default_factory=_place, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """Its 12 digits."""
        return (self.id,)

    def label(self, names: Names) -> str:
        """Return what a line of the plan calls it."""
        return f"account {self.id}" + (f" ({names[self.id]})" if self.id in names else "")


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """A role of an account. Lengths are in seconds; ``session_policy`` is compact JSON text.

    ``max_session_seconds`` is None where it is ``session_seconds``. ``require`` names what the
    role asks for.
    """

    KEYS: ClassVar[tuple[str, ...]] = (
        "title",
        "method",
        "source",
        "session_seconds",
        "max_session_seconds",
        "console_seconds",
        "external_id",
        "session_policy",
        "policy_arns",
        "session_tags",
        "set_source_identity",
        "region",
        "destination",
        "require",
        "disabled",
    )

    account: str
    name: str
    title: str = ""
    method: str = str(Method.ASSUME_ROLE)
    source: str = DEFAULT_SOURCE
    session_seconds: int = 3600
    max_session_seconds: int | None = None
    console_seconds: int | None = None
    external_id: str = ""
    session_policy: str = ""
    policy_arns: tuple[str, ...] = ()
    session_tags: Pairs = ()
    set_source_identity: bool = False
    region: str = ""
    destination: str = ""
    require: tuple[str, ...] = ()
    disabled: bool = False
    place: Mapping = field(default_factory=_place, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """Its account and name."""
        return (self.account, self.name)

    def label(self, names: Names) -> str:
        """Return what a line of the plan calls it."""
        return f"role {self.name} in {names.get(self.account, self.account)}"


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A local group and the names of its members, in order.

    ``origin`` differs from ``local`` only in what the database holds: a group of the directory
    that the file makes local.
    """

    KEYS: ClassVar[tuple[str, ...]] = ("origin", "members")

    name: str
    members: tuple[str, ...] = ()
    origin: str = str(Origin.LOCAL)
    place: Mapping = field(default_factory=_place, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """Its name."""
        return (self.name,)

    def label(self, names: Names) -> str:
        """Return what a line of the plan calls it."""
        return f"group {self.name}"


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """Lets a user or a group enter roles.

    ``account`` is an id or ``*`` (an alias too while the file has only been read), empty where
    ``account_tags`` choose the accounts.
    """

    KEYS: ClassVar[tuple[str, ...]] = ("expires", "note")

    user: str
    group: str
    account: str
    account_tags: Pairs
    role: str
    starts: str = ""
    expires: str = ""
    note: str = ""
    place: Mapping = field(default_factory=_place, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """Its subject, account, role and start."""
        tags = json.dumps(self.account_tags) if self.account_tags else ""
        return (self.group, self.user, self.account, tags, self.role, self.starts)

    def label(self, names: Names) -> str:
        """Return what a line of the plan calls it."""
        subject = f"group {self.group}" if self.group else f"user {self.user}"
        where = names.get(self.account, self.account) or pairs_text(self.account_tags)
        starts = f" from {self.starts}" if self.starts else ""
        return f"grant to {subject}: {self.role} in {where}{starts}"


@dataclass(frozen=True, slots=True)
class BookmarkSpec:
    """A group's name for a role and a place in its console; ``account`` as in a grant's one."""

    KEYS: ClassVar[tuple[str, ...]] = ("account", "role", "destination", "region")

    group: str
    name: str
    account: str
    role: str
    destination: str = ""
    region: str = ""
    place: Mapping = field(default_factory=_place, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """Its group and name."""
        return (self.group, self.name)

    def label(self, names: Names) -> str:
        """Return what a line of the plan calls it."""
        return f"bookmark {self.name} of group {self.group}"


Spec: TypeAlias = SourceSpec | AccountSpec | RoleSpec | GroupSpec | GrantSpec | BookmarkSpec


@dataclass(frozen=True, slots=True)
class AccessFile:
    """All that a file says, every value by itself found right."""

    sources: tuple[SourceSpec, ...] = ()
    accounts: tuple[AccountSpec, ...] = ()
    roles: tuple[RoleSpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    grants: tuple[GrantSpec, ...] = ()
    bookmarks: tuple[BookmarkSpec, ...] = ()


def values_of(spec: Spec) -> dict[str, Value]:
    """Return what may change of a spec, by the file's keys."""
    return {key: getattr(spec, key) for key in spec.KEYS}


def sorted_pairs(values: ReadOnlyMapping[str, str]) -> Pairs:
    """Return a mapping in the form in which two of them are compared."""
    return tuple(sorted(values.items()))


def pairs_of(value: tuple[Any, ...]) -> Pairs:
    """Return the value of one of ``KEYS_OF_PAIRS`` as what it is."""
    return value


def pairs_text(pairs: Pairs) -> str:
    """Return pairs as a person reads them."""
    return ", ".join(f"{key}={value}" for key, value in pairs)
