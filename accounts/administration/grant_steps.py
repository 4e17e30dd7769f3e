"""Grants that are there, one or many: ended, given another end or note, deleted.

What a step means is worked out first, and once more where it is taken. Rows that the access file
manages are never touched.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from accounts.administration import granting
from accounts.administration.access_change import Change, Difference, difference
from accounts.administration.changing import Changes
from accounts.administration.grant_plan import MOST_AT_ONCE, stamp
from accounts.administration.lifting import require_not_own
from accounts.administration.windows import window
from accounts.models import Grant, Group, User


class Step(Enum):
    """What can be done to grants that are there."""

    END = "end"
    OTHER_END = "other-end"
    DELETE = "delete"


@dataclass(frozen=True)
class StepPlan:
    """Grants to be ended or deleted, those that are left alone, and what it means.

    ``expires`` is their new end where it is given; None: no end.
    """

    step: Step
    grants: tuple[Grant, ...]
    from_file: tuple[Grant, ...]
    over: tuple[Grant, ...]
    coming: tuple[Grant, ...]
    expires: datetime | None
    difference: Difference

    @property
    def stamp(self) -> str:
        """A word for all that was shown: another word where anything is different."""
        seen = [(g.pk, g.starts, g.expires) for g in self.grants]
        # When "now" is, is no difference.
        expires = None if self.step is Step.END else self.expires
        return stamp((self.step, seen, expires), self.difference)


def plan_step(
    step: Step, keys: Sequence[int], now: datetime, *, expires: datetime | None = None
) -> StepPlan:
    """Return what a step would do to grants; ``expires`` counts for another end alone.

    What the access file manages stays as it is; what is over is not ended again, what has not
    begun is not ended but deleted.
    """
    rows = Grant.objects.filter(pk__in=keys[:MOST_AT_ONCE]).order_by("pk")
    grants = list(rows.select_related("user", "group", "account"))
    if step is Step.END:
        expires = now
    ours = [grant for grant in grants if not grant.from_file]
    over = [g for g in ours if step is Step.END and g.is_over(now)]
    coming = [g for g in ours if step is not Step.DELETE and _begins_too_late(g, expires)]
    done = [g for g in ours if g not in over and g not in coming]
    after = [Change.of(g, _after(step, g, expires)) for g in done]
    return StepPlan(
        step,
        tuple(done),
        tuple(grant for grant in grants if grant.from_file),
        tuple(over),
        tuple(coming),
        expires,
        difference(after, now),
    )


def take_step(planned: StepPlan, changes: Changes) -> None:
    """Do it and tell it. Stands in ``changing``, where the plan was made again.

    Raises NotAllowed where that would be more for the administrator themselves.
    """
    if planned.step is Step.DELETE:
        for grant in planned.grants:
            changes.tell(granting.told("delete", grant, granting.facts(grant), None))
        Grant.objects.filter(pk__in=[grant.pk for grant in planned.grants]).delete()
        return
    if planned.step is Step.OTHER_END:
        require_may_have(changes.administrator.user, planned.grants, planned.expires)
    granting.write(planned.grants, changes, expires=planned.expires)


def change_one(grant: Grant, changes: Changes, *, expires: datetime | None, note: str) -> None:
    """Give a grant another end and note.

    Raises NotAllowed where that would be more for the administrator themselves.
    """
    require_may_have(changes.administrator.user, [grant], expires)
    granting.write([grant], changes, expires=expires, note=note)


def require_may_have(user: User, grants: Iterable[Grant], expires: datetime | None) -> None:
    """Raise NotAllowed where a later end of some grants would be more for whoever gives it."""
    end = window(None, expires)[1]
    longer = [grant for grant in grants if end > window(None, grant.expires)[1]]
    require_not_own(user, _subjects_of(longer))


def preview_one(grant: Grant, expires: datetime | None, now: datetime) -> Difference:
    """Return what another end of a grant means."""
    return difference([Change.of(grant, window(grant.starts, expires))], now)


def _subjects_of(grants: Iterable[Grant]) -> Iterator[User | Group]:
    """Yield whom grants are for."""
    for grant in grants:
        subject = grant.user or grant.group
        if subject is not None:
            yield subject


def _begins_too_late(grant: Grant, expires: datetime | None) -> bool:
    return bool(grant.starts and expires and grant.starts >= expires)


def _after(step: Step, grant: Grant, expires: datetime | None) -> tuple[datetime, datetime] | None:
    return None if step is Step.DELETE else window(grant.starts, expires)
