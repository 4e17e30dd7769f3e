"""The use case of the door: a name and a password in, a person or a refusal out.

One form serves local people and the directory's. A local password is looked at first: who has the
right one never waits for the directory. Everybody else's is tried there, whether the name is known
or not. An unknown name, a name that waits for its person, a disabled person and a wrong password
are answered alike, in words, status and time. Each try is in the record before anything follows.
"""

from dataclasses import dataclass

from django.contrib.auth import authenticate, login, logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from accounts import record
from accounts.directory import people as directory_people
from accounts.errors import NotLetIn, PortalError, gettext_noop
from accounts.models import Action, Outcome, User, check_person_name, normal_username
from accounts.record import Act
from portal.errors import DirectoryUnavailable
from portal.signin import known_browser, session_limits, throttle
from portal.signin.backend import AccessEnded
from portal.signin.directory import door
from portal.signin.hashing import hashing, require_room
from portal.signin.throttle import Attempt, Throttled

REFUSED = gettext_noop("Name and password do not match.")
REFUSED_NEXT = gettext_noop("Check both and try again.")
_SWITCHED_OFF = gettext_noop("An administrator has switched this user name off in the portal.")


@dataclass(frozen=True)
class Caller:
    """Where a request comes from, as the record keeps it."""

    ip: str
    user_agent: str
    request_id: str


@dataclass(eq=False)
class WrongPassword(PortalError):
    """Nobody gets in with this name and password."""

    status: int = 403


@dataclass(eq=False)
class SwitchedOff(WrongPassword):
    """Theirs it is, but an administrator has ended their access: the record alone says so."""


def sign_in(
    request: HttpRequest, caller: Caller, username: str, password: str
) -> User | PortalError:
    """Sign a person in and return them, or return why not; who gets in has a new session key.

    Raises RecordUnavailable: then nobody gets in.
    """
    known = User.objects.filter(username=_searched(username)).first()
    attempt = _attempt(request, caller, username, known)
    try:
        # Most of a flood ends here, before it costs the database anything.
        require_room()
        throttle.admit(attempt)
    except Throttled as error:
        if error.is_news:
            _tell(caller, username, known, error)
        return error
    try:
        user = _identified(request, _searched(username), password)
    except Throttled as error:
        throttle.take_back(attempt)
        return error
    except WrongPassword as error:
        _tell(caller, username, known, error)
        return error
    except (NotLetIn, DirectoryUnavailable) as error:
        _tell(caller, username, known, error)
        throttle.take_back(attempt)
        return error
    _let_in(request, caller, attempt, user)
    return user


def _identified(request: HttpRequest, username: str, password: str) -> User:
    """Return whose name and password these are.

    Raises WrongPassword, Throttled when too many are being checked, and for the directory NotLetIn
    and DirectoryUnavailable.
    """
    is_switched_off = False
    try:
        with hashing():
            user = authenticate(request, username=username, password=password)
    except AccessEnded:
        user, is_switched_off = None, True
    if isinstance(user, User):
        return user
    try:
        # Also for who is switched off, whose answer must not come sooner than others'.
        return _of_the_directory(username, password)
    except WrongPassword:
        if is_switched_off:
            raise _switched_off() from None
        raise


def _of_the_directory(username: str, password: str) -> User:
    now = timezone.now()
    person = door.admit(username, password) if door.is_on() else None
    user = directory_people.admit(person, now) if person else None
    if user is None:
        raise _wrong_password()
    if not user.is_active:
        raise _switched_off()
    return user


def _wrong_password() -> WrongPassword:
    return WrongPassword(log="wrong password", message=REFUSED, next_step=REFUSED_NEXT)


def _switched_off() -> SwitchedOff:
    return SwitchedOff(log="switched off", message=REFUSED, next_step=REFUSED_NEXT)


def sign_out(request: HttpRequest, caller: Caller, user: User) -> None:
    """End the browser's session; the row stands first. Raises RecordUnavailable."""
    record.write(_act(caller, Action.SIGN_OUT, user.username, user), Outcome.SUCCEEDED)
    logout(request)


def _let_in(request: HttpRequest, caller: Caller, attempt: Attempt, user: User) -> None:
    record.write(_act(caller, Action.SIGN_IN, user.username, user), Outcome.SUCCEEDED)
    throttle.forgive(attempt)
    login(request, user)
    session_limits.begin(request)


def _searched(username: str) -> str:
    """The name to look for; what can be nobody's name is looked for as the empty one."""
    try:
        check_person_name(username)
    except ValidationError:
        return ""
    return normal_username(username)


def _attempt(request: HttpRequest, caller: Caller, username: str, known: User | None) -> Attempt:
    return Attempt(
        username=normal_username(username),
        address=caller.ip,
        known_browser=known_browser.browser_id(request, known) if known else "",
    )


def _tell(caller: Caller, username: str, known: User | None, error: PortalError) -> None:
    actor = known.username if known else record.unknown_name(normal_username(username))
    if isinstance(error, NotLetIn):
        # The directory has vouched for the name: it is no password typed into the wrong field.
        actor = normal_username(username)
    message = _SWITCHED_OFF if isinstance(error, SwitchedOff) else error.message
    act = _act(caller, Action.SIGN_IN, actor, known, message=message)
    record.write(act, record.outcome_of(error), error.recorded_as)


def _act(caller: Caller, action: Action, actor: str, user: User | None, **details: str) -> Act:
    return Act(
        action=action,
        actor=actor,
        actor_key=user.record_key if user else "",
        details=details,
        **vars(caller),
    )
