"""A change by an administrator: made, judged and told in the record, in one transaction.

Whatever the way (a form, an action on many, a button), it happens inside ``changing``: what it told
becomes a row each with before and after, and a change that lifts its maker is taken back whole.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts import record
from accounts.administration.lifting import require_not_lifted
from accounts.administration.reach import reach
from accounts.database.connection import one_large_change_at_a_time
from accounts.errors import NotAllowed, PortalError, gettext_noop
from accounts.models import Action, Outcome, User

_MARKS = ("is_active", "is_staff", "is_superuser")


@dataclass(frozen=True)
class Administrator:
    """Who changes something, from where: what the record keeps beside the change itself."""

    user: User
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Told:
    """A change as the record keeps it.

    ``change`` is ``add``, ``change``, ``delete`` or another short word; ``kind`` what it is that
    was changed (``grant``, ``role``…), ``name`` which one. ``before`` and ``after`` hold what is
    different, None where there was nothing, or is nothing any more. ``account`` and ``role`` are
    what the row is found by.
    """

    change: str
    kind: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    account: str = ""
    role: str = ""

    @property
    def details(self) -> Mapping[str, Any]:
        """What the row says of it."""
        return {
            "change": self.change,
            "kind": self.kind,
            "name": self.name,
            "before": self.before,
            "after": self.after,
        }


@dataclass
class Changes:
    """What an administrator has changed so far; the rows are written when all is done."""

    administrator: Administrator
    told: list[Told] = field(default_factory=list)

    def tell(self, change: Told) -> None:
        """Keep a change for the record."""
        self.told.append(change)


@contextmanager
def changing(administrator: Administrator) -> Iterator[Changes]:
    """Let an administrator change things in the block; tell the record what they were at its end.

    Raises NotAllowed where it would lift themselves, RecordUnavailable; then, as after any other
    exception, nothing has changed.
    """
    with record.recording():
        # Two changes at once, each harmless, could lift their maker together.
        one_large_change_at_a_time()
        user = _with_the_same_rights(administrator.user)
        before = reach(user, timezone.now())
        changes = Changes(administrator)
        with connection.execute_wrapper(before.watch):
            yield changes
        require_not_lifted(before)
        acts = [_act(administrator, told.details, told.account, told.role) for told in changes.told]
        record.write_all(acts, Outcome.SUCCEEDED)


def _with_the_same_rights(user: User) -> User:
    """Return somebody as they are now. Raises NotAllowed where they lost any right meanwhile.

    A change waits its turn, and the one before may have taken the rights by which it was asked for.
    """
    now = User.objects.filter(pk=user.pk).first()
    if now is None or any(getattr(user, mark) > getattr(now, mark) for mark in _MARKS):
        raise _no_longer()
    if not now.is_superuser and user.get_all_permissions() - now.get_all_permissions():
        raise _no_longer()
    return now


def _no_longer() -> NotAllowed:
    return NotAllowed(
        log="lost rights while the change waited",
        message=gettext_noop("Your rights were changed while this waited, so nothing was done."),
        next_step=gettext_noop("Load the page again to see what is yours to do."),
        code="RightsChanged",
    )


def tell_refusal(administrator: Administrator, what: Mapping[str, Any], error: PortalError) -> None:
    """Write the row of a try that was refused. ``what`` holds names, never values of a form.

    Raises RecordUnavailable.
    """
    act = _act(administrator, {**what, "message": error.plain_sentence})
    record.write_refusal(act, Outcome.DENIED, error.recorded_as)


def _act(
    administrator: Administrator, details: Mapping[str, Any], account: str = "", role: str = ""
) -> record.Act:
    return record.Act(
        action=Action.ADMIN_CHANGE,
        actor=administrator.user.username,
        actor_key=administrator.user.record_key,
        account=account,
        role=role,
        ip=administrator.ip,
        user_agent=administrator.user_agent,
        request_id=administrator.request_id,
        details=details,
    )
