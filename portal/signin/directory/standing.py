"""What the groups of a person say: whether they may come in, and whether they administer.

The three groups that the settings name have to be there. One that is not is told in the log; where
the denied one is not, nobody can be told to be outside it, so nobody gets in by the directory.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from accounts.directory.groups import DirectoryGroup, is_in_any
from portal.directory_settings import DENY_GROUP, DirectorySettings
from portal.signin.directory.connection import Connection
from portal.signin.directory.entries import Entry
from portal.signin.directory.groups import groups_named, groups_of
from portal.signin.directory.problems import NoDeniedGroup

log = logging.getLogger(__name__)

_FOUND_FOR_SECONDS = 300.0
_MISSING_FOR_SECONDS = 30.0


@dataclass(frozen=True)
class Standing:
    """The groups of a person, and what follows from them."""

    groups: frozenset[DirectoryGroup]
    is_outside: bool
    is_administrator: bool


class NamedGroups:
    """The required, the denied and the administrators' group; one for a process.

    ``clock`` is seconds, monotonic.
    """

    def __init__(
        self, settings: DirectorySettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._missing: frozenset[str] = frozenset()
        self._looked_for_until = 0.0

    def standing(self, person: Entry, own_name: str, connection: Connection) -> Standing:
        """Read the groups of a person, whose name the directory spells so.

        Raises NoDeniedGroup, ldap.LDAPError.
        """
        self._require_denied_group(connection)
        settings = self._settings
        found = groups_of(
            person, own_name, connection, settings.group_type, settings.group_search_base
        )
        groups = found or frozenset()
        required, denied = settings.require_group, settings.deny_group
        is_required = not required or is_in_any(groups, required)
        # Whose groups cannot be told may be in the denied one.
        is_denied = bool(denied) and (found is None or is_in_any(groups, denied))
        return Standing(
            groups=groups,
            is_outside=is_denied or not is_required,
            is_administrator=bool(settings.admin_group) and is_in_any(groups, settings.admin_group),
        )

    def _require_denied_group(self, connection: Connection) -> None:
        if not self._settings.named_groups:
            return
        # Two threads may look at the same time; both find the same.
        if self._clock() >= self._looked_for_until:
            self._look(connection)
        if DENY_GROUP in self._missing:
            raise NoDeniedGroup(f"the directory has no group that {DENY_GROUP} names")

    def _look(self, connection: Connection) -> None:
        settings = self._settings
        named = settings.named_groups
        there = groups_named(
            named.values(), connection, settings.group_type, settings.group_search_base
        )
        missing = {name: group for name, group in named.items() if not is_in_any(there, group)}
        for name, group in missing.items():
            facts = {"setting": name, "group": group}
            log.error("the directory has no such group", extra={"facts": facts})
        self._missing = frozenset(missing)
        seconds = _MISSING_FOR_SECONDS if DENY_GROUP in missing else _FOUND_FOR_SECONDS
        self._looked_for_until = self._clock() + seconds
