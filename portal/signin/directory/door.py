"""The directory as the rest of the portal meets it: what it says, or that it is away.

Knows no LDAP: ``client`` is loaded only where a directory is set.
"""

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol, TypeVar

from django.conf import settings

from accounts.directory.changes import DirectoryPerson
from accounts.errors import PortalError, gettext_noop
from portal.bulkhead import DIRECTORY, bulkhead
from portal.directory_settings import DirectorySettings
from portal.errors import DirectoryUnavailable, PersonUnreadable
from portal.signin.directory.problems import (
    NoDeniedGroup,
    NoImmutableId,
    NoServerAnswers,
    TooSlow,
    UnreadablePerson,
)
from portal.signin.directory.servers import Memory

T = TypeVar("T")

memory = Memory()
"""What all workers know of the servers: made here, because this is loaded before they fork."""


class Client(Protocol):
    """What ``client.Client`` can be asked; see there."""

    def admit(self, username: str, password: str) -> DirectoryPerson | None: ...

    def read(self, username: str, directory_id: str) -> DirectoryPerson | None: ...

    def read_all(self, ids: Mapping[str, str]) -> dict[str, DirectoryPerson | None]: ...


def is_on() -> bool:
    """Whether there is a directory."""
    return settings.DIRECTORY is not None


def admit(username: str, password: str) -> DirectoryPerson | None:
    """Return the person whose name and password these are; None: nobody's.

    Raises DirectoryUnavailable.
    """
    return _asked(lambda client: client.admit(username, password))


def read(username: str, directory_id: str) -> DirectoryPerson | None:
    """Return the person of that id as the directory knows them now, whatever their name.

    Where there is none, whoever has the name; None: nobody has.

    Raises DirectoryUnavailable.
    """
    return _asked(lambda client: client.read(username, directory_id))


def read_all(ids: Mapping[str, str]) -> dict[str, DirectoryPerson | None]:
    """Read many people, by their ids under their names, all of them or none.

    Raises DirectoryUnavailable.
    """
    return _asked(lambda client: client.read_all(ids))


@functools.lru_cache(maxsize=1)
def _client(directory: DirectorySettings) -> Client:
    client: Client = import_module("portal.signin.directory.client").Client(directory, memory)
    return client


def _asked(question: Callable[[Client], T]) -> T:
    directory = settings.DIRECTORY
    if directory is None:
        raise away("no directory is set")
    with bulkhead().entered(DIRECTORY, _crowded):
        try:
            return question(_client(directory))
        except TooSlow as error:
            raise _too_slow(str(error)) from None
        except NoServerAnswers as error:
            raise away(str(error)) from None
        except UnreadablePerson as error:
            raise _unreadable(str(error)) from None
        except NoImmutableId as error:
            raise _without_id(str(error)) from None
        except NoDeniedGroup as error:
            raise _without_denied_group(str(error)) from None


def away(log: str) -> DirectoryUnavailable:
    """Say that the directory does not answer; that is nobody's password's fault."""
    return DirectoryUnavailable(
        log=log,
        message=gettext_noop("The directory that knows people and passwords does not answer."),
        next_step=gettext_noop("Try again in a minute; if it stays so, tell an administrator."),
    )


def _crowded() -> PortalError:
    return DirectoryUnavailable(
        log="as many as may wait for the directory already do",
        message=gettext_noop("Too many people wait for the directory at the moment."),
        next_step=gettext_noop("Try again in a few seconds."),
    )


def _too_slow(log: str) -> PersonUnreadable:
    return PersonUnreadable(
        log=f"the directory is there and does not tell all of one person in time: {log}",
        message=gettext_noop(
            "The directory takes longer to tell of this name than the portal waits."
        ),
        next_step=gettext_noop("Try again in a minute; if it stays so, tell an administrator."),
        code="PersonTooSlow",
    )


def _unreadable(log: str) -> PersonUnreadable:
    return PersonUnreadable(
        log=f"what the directory has of one person is more than the portal reads: {log}",
        message=gettext_noop("The directory has more to say of this name than the portal reads."),
        next_step=gettext_noop("Ask an administrator of the directory to look at its entry."),
        retry_makes_sense=False,
        retry_after=None,
        code="PersonUnreadable",
    )


def _without_id(log: str) -> DirectoryUnavailable:
    return DirectoryUnavailable(
        log=f"{log}: let the portal's bind DN read it; without it nobody can be told from another",
        message=gettext_noop("The directory does not tell the portal who you are for certain."),
        next_step=gettext_noop(
            "Tell an administrator: the portal must be allowed to read entryUUID or objectGUID."
        ),
        status=500,
        retry_makes_sense=False,
        retry_after=None,
        code="NoImmutableId",
    )


def _without_denied_group(log: str) -> DirectoryUnavailable:
    return DirectoryUnavailable(
        log=f"{log}: nobody can be told to be outside it",
        message=gettext_noop("The directory lacks the group whose members may not sign in."),
        next_step=gettext_noop(
            "Tell an administrator: AUTH_LDAP_DENY_GROUP must name a group that is there."
        ),
        status=500,
        retry_makes_sense=False,
        retry_after=None,
        code="NoDeniedGroup",
    )
