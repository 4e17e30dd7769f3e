"""The directory as the rest of the portal meets it: what it says, or that it is away.

Knows no LDAP: ``client`` is loaded only where a directory is set.
"""

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol, TypeVar

from django.conf import settings

from accounts.directory.changes import DirectoryPerson
from portal.bulkhead import DIRECTORY, Person, bulkhead
from portal.directory_settings import DirectorySettings
from portal.signin.directory import refusals
from portal.signin.directory.problems import (
    NoDeniedGroup,
    NoImmutableId,
    NoServerAnswers,
    TooSlow,
    UnreadablePerson,
)
from portal.signin.directory.reading import Reading
from portal.signin.directory.servers import Memory

T = TypeVar("T")

memory = Memory()
"""What all workers know of the servers: made here, because this is loaded before they fork."""


class Client(Protocol):
    """What ``client.Client`` can be asked; see there."""

    def admit(self, username: str, password: str) -> DirectoryPerson | None: ...

    def read(self, username: str, directory_id: str) -> DirectoryPerson | None: ...

    def read_all(self, ids: Mapping[str, str]) -> Reading: ...


def is_on() -> bool:
    """Whether there is a directory."""
    return settings.DIRECTORY is not None


def admit(username: str, password: str) -> DirectoryPerson | None:
    """Return the person whose name and password these are; None: nobody's.

    Tries at one name take no more than a share of the places. Raises DirectoryUnavailable.
    """
    name = Person(username, refusals.crowded)
    return _asked(lambda client: client.admit(username, password), name)


def read(username: str, directory_id: str) -> DirectoryPerson | None:
    """Return the person of that id as the directory knows them now, whatever their name.

    Where there is none, whoever has the name; None: nobody has.

    Raises DirectoryUnavailable.
    """
    return _asked(lambda client: client.read(username, directory_id))


def read_all(ids: Mapping[str, str]) -> Reading:
    """Read many people, by their ids under their names; each may take as long as one alone.

    Raises DirectoryUnavailable, also where nobody can be read.
    """
    return _asked(lambda client: client.read_all(ids))


@functools.lru_cache(maxsize=1)
def _client(directory: DirectorySettings) -> Client:
    client: Client = import_module("portal.signin.directory.client").Client(directory, memory)
    return client


def _asked(question: Callable[[Client], T], name: Person | None = None) -> T:
    directory = settings.DIRECTORY
    if directory is None:
        raise refusals.away("no directory is set")
    with bulkhead().entered(DIRECTORY, refusals.crowded, name):
        try:
            return question(_client(directory))
        except TooSlow as error:
            raise refusals.too_slow(str(error)) from None
        except NoServerAnswers as error:
            raise refusals.away(str(error)) from None
        except UnreadablePerson as error:
            raise refusals.unreadable(str(error)) from None
        except NoImmutableId as error:
            raise refusals.without_id(str(error)) from None
        except NoDeniedGroup as error:
            raise refusals.without_denied_group(str(error)) from None
