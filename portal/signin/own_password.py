"""A local person changes their password: the current one first, then the new one and its row.

Wrong current passwords count like wrong ones at the door, so that whoever found a browser that was
left open cannot guess there either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth import password_validation, update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts import local_people
from accounts.administration.changing import Administrator, tell_refusal
from accounts.errors import PortalError, gettext_noop
from accounts.models import User
from portal.signin import known_browser, throttle
from portal.signin.hashing import hashing, require_room
from portal.signin.sign_in import WrongPassword
from portal.signin.throttle import Attempt, Throttled

WRONG = gettext_noop("This is not your current password.")
DIFFERENT = gettext_noop("The two are not the same.")
SAME = gettext_noop("This is the one you have now. Choose another.")


@dataclass(frozen=True)
class Wanted:
    """What was typed; ``again`` is the new one once more."""

    current: str
    new: str
    again: str


def change_own_password(
    request: HttpRequest, person: Administrator, wanted: Wanted
) -> Mapping[str, list[str]]:
    """Change it and let this session go on, all others end; or return what is wrong, by field.

    Problems are ready to be shown, or message ids. Raises NotAllowed for whose password is not the
    portal's, Throttled, RecordUnavailable.
    """
    local_people.require_own_password(person.user)
    problems = _with_the_new(person.user, wanted)
    if not _is_current(request, person, wanted.current):
        return {"current": [WRONG], **problems}
    if wanted.new == wanted.current:
        problems["new"] = [SAME]
    if problems:
        return problems
    with hashing():
        local_people.change_own_password(person, wanted.new)
    update_session_auth_hash(request, person.user)
    return {}


def _with_the_new(user: User, wanted: Wanted) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    try:
        password_validation.validate_password(wanted.new, user)
    except ValidationError as error:
        problems["new"] = list(error.messages)
    if wanted.again != wanted.new:
        problems["again"] = [DIFFERENT]
    return problems


def _is_current(request: HttpRequest, person: Administrator, password: str) -> bool:
    """Tell whether the password is theirs now; counted before it is looked at. Raises Throttled."""
    user = person.user
    attempt = Attempt(user.username, person.ip, known_browser.browser_id(request, user))
    require_room()
    try:
        throttle.admit(attempt)
    except Throttled as error:
        if error.is_news:
            _tell(person, error)
        raise
    try:
        with hashing():
            is_right = user.check_password(password)
    except Throttled:
        throttle.take_back(attempt)
        raise
    if is_right:
        throttle.forgive(attempt)
    else:
        _tell(person, WrongPassword(log="wrong password", message=WRONG, next_step=""))
    return is_right


def _tell(person: Administrator, error: PortalError) -> None:
    tried = {"change": "password", "kind": "user", "name": person.user.username}
    tell_refusal(person, tried, error)
