"""A connection to one server of the directory, bound as the portal's service."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ldap
from ldap.ldapobject import SimpleLDAPObject

from portal.signin.directory.entries import Entry
from portal.signin.directory.line import Line, LineProblem, Server
from portal.signin.directory.problems import TooSlow
from portal.signin.directory.servers import Budget

# libldap gets its end of the line as an open socket. Should it ever want to connect by itself, it
# would do so without TLS: this is an address at which nobody is.
_NOWHERE = "ldapi://%2Fdev%2Fnull"

_REFUSED_PASSWORD = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.NO_SUCH_OBJECT,
    ldap.UNWILLING_TO_PERFORM,
    ldap.INSUFFICIENT_ACCESS,
    ldap.CONSTRAINT_VIOLATION,
    ldap.INVALID_DN_SYNTAX,
)
_ACTIVE_DIRECTORY_DISABLED = "data 533"


class ServerProblem(Exception):
    """A server did not do what it is there for; the text is for the log and holds no secret."""


class Connection:
    """Asks one server, within one budget. Whatever it raises but TooManyEntries ends it."""

    def __init__(self, line: Line, budget: Budget) -> None:
        self._line = line
        self._budget = budget
        self._ldap = SimpleLDAPObject(_NOWHERE, fileno=line.hand_over())
        self._ldap.set_option(ldap.OPT_REFERRALS, 0)
        self._has_answered = self._is_last = False

    @property
    def has_used_up_its_time(self) -> bool:
        """Whether there was time for a part of an answer only, because of those before it."""
        return self._has_answered and self._is_last

    @property
    def is_over_size(self) -> bool:
        """Whether it has ended because an answer was longer than any may be."""
        return self._line.is_over_size

    def bind_service(self, dn: str, password: str, seconds: float | None = None) -> None:
        """Become the portal's service, or nobody where none is set. Raises ldap.LDAPError."""
        self._allow(self._budget.for_one_answer() if seconds is None else seconds)
        self._ldap.simple_bind_s(dn, password)

    def bind_person(self, dn: str, password: str) -> str:
        """Try a password, which must not be empty: ``right``, ``wrong``, ``disabled``.

        Afterwards the connection is the person's. Raises TooSlow, ldap.LDAPError.
        """
        if not password:
            # An empty one asks for nobody's rights (RFC 4513, 5.1.2), and most servers say yes.
            return "wrong"
        self._allow(self._budget.for_one_answer())
        try:
            self._ldap.simple_bind_s(dn, password)
        except _REFUSED_PASSWORD as error:
            is_disabled = _ACTIVE_DIRECTORY_DISABLED in str(_fact(error, "info"))
            return "disabled" if is_disabled else "wrong"
        except ldap.LDAPError as error:
            if is_too_late(error, self._line):
                # How long it takes is in the person's entry: how often their password is hashed.
                raise TooSlow("their password is not looked at in time") from None
            raise
        return "right"

    def search(
        self,
        base: str,
        filter_text: str,
        attributes: Sequence[str],
        most: int = 0,
        scope: int = ldap.SCOPE_SUBTREE,
    ) -> list[Entry]:
        """Return what is found below ``base``; with ``most`` ldap.SIZELIMIT_EXCEEDED beyond it.

        References to other servers are left out: they are not followed. Raises ldap.LDAPError.
        """
        seconds = self._budget.for_one_answer()
        self._allow(seconds)
        asked = self._ldap.search_ext(
            base,
            scope,
            filter_text,
            list(attributes),
            # A server that is awake gives up before the portal does, and says so.
            timeout=max(1, int(seconds) - 1),
            sizelimit=most,
        )
        found = self._ldap.result(asked, timeout=seconds)[1] or []
        self._has_answered = True
        return [Entry(dn, values) for dn, values, *_ in found if dn is not None]

    def close(self) -> None:
        """Say goodbye and hang up."""
        with contextlib.suppress(ldap.LDAPError):
            self._ldap.unbind_s()

    def _allow(self, seconds: float) -> None:
        self._is_last = self._budget.is_nearly_spent
        if seconds <= 0:
            raise ldap.TIMEOUT
        self._ldap.set_option(ldap.OPT_TIMEOUT, seconds)
        self._line.may_last_until(self._budget.moment_in(seconds))


def _fact(error: ldap.LDAPError, name: str) -> object:
    told = error.args[0] if error.args else None
    return told.get(name, "") if isinstance(told, dict) else ""


def is_too_late(error: ldap.LDAPError, line: Line) -> bool:
    """Tell whether it is only time that was missing."""
    return line.is_over_time or isinstance(error, ldap.TIMEOUT | ldap.TIMELIMIT_EXCEEDED)


def reason(error: ldap.LDAPError, line: Line) -> str:
    """Say what a server did, in words for the log that hold nobody's name."""
    if line.is_over_size:
        return "its answer is too long"
    if is_too_late(error, line):
        return "no answer in time"
    return f"{type(error).__name__}: {_fact(error, 'desc')}"


@contextmanager
def connected(server: Server, budget: Budget, seconds: float) -> Iterator[tuple[Line, Connection]]:
    """Give a connection to a server that has to be there within so many seconds.

    Raises ServerProblem when it is not.
    """
    try:
        line = Line(server, budget.moment_in(seconds))
    except LineProblem as problem:
        raise ServerProblem(str(problem)) from None
    with contextlib.closing(line):
        connection = Connection(line, budget)
        with contextlib.closing(connection):
            yield line, connection
