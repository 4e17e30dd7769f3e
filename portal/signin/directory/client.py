"""What the portal asks the directory: may this password in, who is this, who are all these.

People are found by a search and then bound as themselves. An entry is somebody's only when its
own name is what was typed: directories ignore case and squeeze spaces, the portal does not.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import ldap
from django.core.exceptions import ValidationError

from accounts.directory.changes import DirectoryPerson
from accounts.models import check_person_name, normal_username
from portal.directory_settings import DirectorySettings
from portal.signin.directory.connection import (
    Connection,
    ServerProblem,
    connected,
    is_too_late,
    reason,
)
from portal.signin.directory.entries import (
    POSIX_ATTRIBUTES,
    SHOWN_ATTRIBUTES,
    STATE_ATTRIBUTES,
    Entry,
    filled,
    filter_for_id,
)
from portal.signin.directory.line import Server
from portal.signin.directory.problems import (
    NoDeniedGroup,
    NoImmutableId,
    NoServerAnswers,
    TooSlow,
    UnreadablePerson,
)
from portal.signin.directory.reading import Reading
from portal.signin.directory.servers import Budget, Memory, Servers
from portal.signin.directory.standing import NamedGroups

log = logging.getLogger(__name__)

T = TypeVar("T")
_NOBODY_ANSWERS = "no server of the directory answers"
LONGEST_PASSWORD = 1024
_MOST_OF_A_NAME = 10
_MOST_SLOW_IN_A_ROW = 10
# What keeps one person from being read, and nobody else.
_OF_ONE_READING = (TooSlow, UnreadablePerson, NoImmutableId)
# What comes of one person's entry: an answer that is too much, or a question that cannot be asked.
_OF_ONE_PERSON = (
    ldap.SIZELIMIT_EXCEEDED,
    ldap.ADMINLIMIT_EXCEEDED,
    ldap.DECODING_ERROR,
    ldap.FILTER_ERROR,
    ldap.INVALID_DN_SYNTAX,
    ldap.INVALID_SYNTAX,
)
# What an entry may say of itself that was found a moment ago.
_NOTHING_TO_SHOW = (*_OF_ONE_PERSON, ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT)


@dataclass(frozen=True)
class _Found:
    """Somebody's entry, the name that the portal knows them by, and how it is spelled there."""

    entry: Entry
    username: str
    spelled: str


class Client:
    """The directory as it is set; one for a process, shared by its threads."""

    def __init__(self, settings: DirectorySettings, memory: Memory | None = None) -> None:
        self._settings = settings
        self._named_groups = NamedGroups(settings)
        self._servers = Servers(
            [Server(uri, settings.start_tls, settings.ca_file) for uri in settings.server_uris],
            2 * settings.timeout_seconds,
            memory,
        )

    def admit(self, username: str, password: str) -> DirectoryPerson | None:
        """Return the person whose name and password these are; None: nobody's.

        A name that nobody has takes the same steps: a search, and a bind that fails. Raises
        NoServerAnswers, UnreadablePerson, NoImmutableId, NoDeniedGroup.
        """
        return self._ask(lambda connection, _: self._admitted(connection, username, password))

    def read(self, username: str, directory_id: str) -> DirectoryPerson | None:
        """Return the person of that id as the directory knows them now, whatever their name.

        Where there is none, whoever has the name; None: nobody has.
        Raises NoServerAnswers, UnreadablePerson, NoImmutableId, NoDeniedGroup.
        """
        return self._ask(lambda connection, _: self._read(connection, username, directory_id))

    def read_all(self, ids: Mapping[str, str]) -> Reading:
        """Read many people, by their ids under their names; each may take as long as one alone.

        Raises NoServerAnswers and NoDeniedGroup, and what ``read`` raises where nobody can be read.
        """
        people: dict[str, DirectoryPerson | None] = {}
        problems: dict[str, Exception] = {}
        slow_in_a_row: list[str] = []
        left = dict(ids)

        def read(connection: Connection, budget: Budget) -> None:
            while left and not connection.is_over_size:
                name, its_id = next(iter(left.items()))
                people[name] = self._read(connection, name, its_id)
                del left[name]
                slow_in_a_row.clear()
                budget.renew()

        while left:
            try:
                self._ask(read)
            except _OF_ONE_READING as problem:
                name = next(iter(left))
                del left[name]
                problems[name] = problem
                facts = {"user": name, "cause": str(problem)}
                log.warning("directory person cannot be read", extra={"facts": facts})
                if isinstance(problem, TooSlow):
                    slow_in_a_row.append(name)
            if len(slow_in_a_row) == _MOST_SLOW_IN_A_ROW:
                # It is the directory that is slow: whoever reads it by the clock begins anew soon.
                raise NoServerAnswers("one person after the other takes too long")
        if problems and not people:
            raise next(iter(problems.values()))
        return Reading(people, frozenset(problems))

    # --- servers ---

    def _ask(self, question: Callable[[Connection, Budget], T]) -> T:
        """Put a question to the first server that answers it."""
        budget = Budget(self._settings.timeout_seconds)
        nobody_answers = NoServerAnswers(_NOBODY_ANSWERS)
        with self._servers.in_turn() as servers:
            for tried, server in enumerate(servers):
                seconds = budget.for_a_first_answer(len(servers) - tried)
                if seconds <= 0:
                    break
                try:
                    answer = self._ask_server(server, budget, seconds, question)
                except ServerProblem as problem:
                    # The time that it lacked may be what one person has used up elsewhere.
                    if not isinstance(nobody_answers, TooSlow):
                        self._pass_over(server, problem)
                except TooSlow as problem:
                    # Another one may be quicker; this one is not to blame for one person.
                    self._servers.answered(server)
                    nobody_answers = problem
                except (UnreadablePerson, NoImmutableId, NoDeniedGroup):
                    self._servers.answered(server)
                    raise
                else:
                    self._servers.answered(server)
                    return answer
        raise nobody_answers

    def _pass_over(self, server: Server, problem: ServerProblem) -> None:
        self._servers.failed(server)
        facts = {"server": server.url, "cause": str(problem)}
        log.warning("directory server passed over", extra={"facts": facts})

    def _ask_server(
        self,
        server: Server,
        budget: Budget,
        seconds: float,
        question: Callable[[Connection, Budget], T],
    ) -> T:
        ends = budget.moment_in(seconds)
        with connected(server, budget, seconds) as (line, connection):
            try:
                connection.bind_service(*self._service, ends - budget.moment_in(0))
            except ldap.LDAPError as error:
                raise ServerProblem(reason(error, line)) from None
            try:
                return question(connection, budget)
            except ldap.LDAPError as error:
                # A server that is awake is not to blame for what one person makes it say.
                cause = reason(error, line)
                if line.is_over_size or isinstance(error, _OF_ONE_PERSON):
                    raise UnreadablePerson(cause) from None
                if is_too_late(error, line) and (
                    connection.has_used_up_its_time or isinstance(error, ldap.TIMELIMIT_EXCEEDED)
                ):
                    raise TooSlow(cause) from None
                raise ServerProblem(cause) from None

    @property
    def _service(self) -> tuple[str, str]:
        return self._settings.bind_dn, self._settings.bind_password

    # --- people ---

    def _admitted(
        self, connection: Connection, username: str, password: str
    ) -> DirectoryPerson | None:
        found = self._found(connection, username)
        dn = found.entry.dn if found else self._nobodys_dn()
        answer = connection.bind_person(dn, _bindable(password))
        if not found or answer == "wrong":
            return None
        connection.bind_service(*self._service)
        return self._person(connection, found, is_disabled=answer == "disabled")

    def _read(
        self, connection: Connection, username: str, directory_id: str
    ) -> DirectoryPerson | None:
        found = self._found_by_id(connection, username, directory_id)
        if found is None:
            found = self._found(connection, username)
        return self._person(connection, found) if found else None

    def _found_by_id(
        self, connection: Connection, username: str, directory_id: str
    ) -> _Found | None:
        """Find the entry of that id; where its name cannot be told any more, they keep theirs.

        Who may write their own name is nobody else by it: a new one has to be theirs alone.
        """
        if not directory_id:
            return None
        wanted = filter_for_id(directory_id, self._settings.user_search_filter)
        own_name = list(self._settings.name_attributes)[:1]
        for entry in self._entries(connection, wanted, own_name):
            if entry.immutable_id != directory_id:
                continue
            own = _own_name(entry, self._settings.name_attributes) or username
            if normal_username(own) != username:
                found = self._found(connection, own)
                if found is None or found.entry.immutable_id != directory_id:
                    raise UnreadablePerson("their new name is somebody else's too")
            return _Found(entry, normal_username(own), own)
        return None

    def _found(self, connection: Connection, username: str) -> _Found | None:
        """Find the one entry whose own name this is; None where several are.

        Where others have it as well, in an attribute that they may write themselves perhaps, the
        one that is known by it counts. An entry that only looks like it is one of several, too.
        """
        # What cannot be a name is looked for as one that nobody has, and takes as long.
        typed = username if _is_a_name(username) else secrets.token_hex(16)
        wanted = filled(self._settings.user_search_filter, typed)
        try:
            entries = self._entries(connection, wanted, self._settings.name_attributes)
        except ldap.SIZELIMIT_EXCEEDED:
            return None
        named = [_named(entry, typed, self._settings.name_attributes) for entry in entries]
        known_by_it = [f for f in named if f and f.username == normal_username(typed)]
        if len(known_by_it) == 1:
            return known_by_it[0]
        return named[0] if len(named) == 1 else None

    def _entries(
        self, connection: Connection, filter_text: str, names: Iterable[str]
    ) -> list[Entry]:
        """Find entries, with no more of them than tells who they are and how they stand."""
        of_groups = POSIX_ATTRIBUTES if self._settings.group_type == "posixGroup" else ()
        attributes = dict.fromkeys((*STATE_ATTRIBUTES, *of_groups, *names))
        base = self._settings.user_search_base
        return connection.search(base, filter_text, tuple(attributes), most=_MOST_OF_A_NAME)

    def _person(
        self, connection: Connection, found: _Found, *, is_disabled: bool = False
    ) -> DirectoryPerson:
        entry = found.entry
        if not entry.immutable_id:
            raise NoImmutableId("neither entryUUID nor objectGUID can be read")
        standing = self._named_groups.standing(entry, found.spelled, connection)
        # The last question: a connection whose answer was too long has ended.
        shown = _shown(entry.dn, connection)
        return DirectoryPerson(
            directory_id=entry.immutable_id,
            username=found.username,
            name=shown.first("displayName", "cn"),
            email=shown.first("mail"),
            is_disabled=is_disabled or entry.is_disabled,
            is_outside=standing.is_outside,
            is_administrator=standing.is_administrator,
            groups=standing.groups,
        )

    def _nobodys_dn(self) -> str:
        return f"cn={secrets.token_hex(16)},{self._settings.user_search_base}"


def _shown(dn: str, connection: Connection) -> Entry:
    """Read what pages show of a person; nothing where that is more than the portal reads."""
    try:
        found = connection.search(dn, "(objectClass=*)", SHOWN_ATTRIBUTES, scope=ldap.SCOPE_BASE)
    except ldap.LDAPError as error:
        if not connection.is_over_size and not isinstance(error, _NOTHING_TO_SHOW):
            raise
        found = []
    return found[0] if found else Entry(dn, {})


def _named(entry: Entry, typed: str, attributes: Mapping[str, tuple[str, str]]) -> _Found | None:
    """Return the entry with its name, if what was typed is one of its names exactly.

    The first attribute of the filter has the name that the portal keeps. Where it has several
    values, the one in the DN is the name.
    """
    wanted = normal_username(typed)
    own = _own_name(entry, attributes)
    names = {normal_username(own)} if own else set()
    for attribute, (start, end) in list(attributes.items())[1:]:
        names |= {
            normal_username(value.removeprefix(start).removesuffix(end))
            for value in entry.all(attribute)
        }
    if wanted not in names or not own:
        return None
    return _Found(entry, normal_username(own), own)


def _own_name(entry: Entry, attributes: Mapping[str, tuple[str, str]]) -> str:
    """Return the name that the portal keeps of an entry; empty where it has none that can be."""
    main, (before, after) = next(iter(attributes.items()))
    values = entry.all(main)
    own = values[0] if len(values) == 1 else entry.naming_value(main)
    own = own.removeprefix(before).removesuffix(after)
    return own if _is_a_name(own) else ""


def _is_a_name(text: str) -> bool:
    try:
        check_person_name(text)
    except ValidationError:
        return False
    return True


def _bindable(password: str) -> str:
    """Return a password that may be tried; one that cannot be right is replaced by nonsense."""
    try:
        is_possible = 0 < len(password) <= LONGEST_PASSWORD and password.encode("utf-8") != b""
    except UnicodeEncodeError:
        is_possible = False
    return password if is_possible and "\0" not in password else secrets.token_hex(16)
