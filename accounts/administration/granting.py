"""Making grants and writing into them, each told to the record.

What is made was planned and looked at before. Rows that the access file manages are never touched.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.access_file.fields import utc_text
from accounts.administration.changing import Changes, Told
from accounts.administration.grant_plan import Plan, Planned, State, Wish, subject_name
from accounts.administration.lifting import require_not_own
from accounts.models import Grant, Group, User


def save(planned: Plan, changes: Changes) -> None:
    """Write a plan and tell it. Stands in ``changing``, where the plan was made again: it has its
    turn, so that no two make the same grant.

    Raises NotAllowed where a subject is the administrator, or a group that they are or may be in.
    """
    require_not_own(changes.administrator.user, [each.subject for each in planned.grants])
    _make_names(planned, changes)
    made_by = changes.administrator.user.username
    new = [_row(planned.wish, each, made_by) for each in planned.of(State.NEW)]
    for grant in Grant.objects.bulk_create(new):
        changes.tell(told("add", grant, None, facts(grant)))
    others = [each.held for each in planned.of(State.OTHERWISE) if each.held]
    write(others, changes, expires=planned.wish.expires, note=planned.wish.note)


def _make_names(planned: Plan, changes: Changes) -> None:
    """Keep names that nobody has yet: people as placeholders, groups as the directory's."""
    subjects = {subject_name(each.subject): each.subject for each in planned.grants}
    people = [s for s in subjects.values() if isinstance(s, User) and not s.pk]
    groups = [s for s in subjects.values() if isinstance(s, Group) and not s.pk]
    for user in User.objects.bulk_create(people):
        changes.tell(Told("add", "user", user.username, None, {"origin": str(user.origin)}))
    for group in Group.objects.bulk_create(groups):
        changes.tell(Told("add", "group", group.name, None, {"origin": str(group.origin)}))


def _row(wish: Wish, planned: Planned, made_by: str) -> Grant:
    return Grant(
        user=planned.subject if isinstance(planned.subject, User) else None,
        group=planned.subject if isinstance(planned.subject, Group) else None,
        account_id=planned.pattern.account_id or None,
        account_tags=dict(planned.pattern.account_tags),
        role_name=planned.pattern.role_name,
        starts=wish.starts,
        expires=wish.expires,
        note=wish.note,
        made_by=made_by,
    )


def write(grants: Iterable[Grant], changes: Changes, **values: Any) -> None:
    """Write the same values into grants and tell of each what is different."""
    different = []
    for grant in grants:
        before = facts(grant)
        for name, value in values.items():
            setattr(grant, name, value)
        after = facts(grant)
        names = [name for name in after if before[name] != after[name]]
        if names:
            different.append(grant)
            was, becomes = ({name: side[name] for name in names} for side in (before, after))
            changes.tell(told("change", grant, was, becomes))
    Grant.objects.bulk_update(different, list(values))


def facts(grant: Grant) -> Mapping[str, Any]:
    """Return what the record keeps of a grant."""
    return {
        "user": grant.user.username if grant.user else None,
        "group": grant.group.name if grant.group else None,
        "account": grant.account_id,
        "role": grant.role_name,
        "account_tags": grant.account_tags,
        "starts": grant.starts.isoformat() if grant.starts else None,
        "expires": grant.expires.isoformat() if grant.expires else None,
        "note": grant.note,
    }


def told(
    change: str, grant: Grant, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Told:
    """Put a change of a grant into the record's words."""
    name = recorded_name(grant)
    return Told(change, "grant", name, before, after, grant.account_id or "", grant.role_name)


def recorded_name(grant: Grant) -> str:
    """Return what the record calls a grant: with its start, where it has one, it is that grant."""
    return f"{grant} from {utc_text(grant.starts)}" if grant.starts else str(grant)
