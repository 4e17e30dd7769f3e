"""Nobody lifts themselves: an administrator's change must not widen their own ways into AWS.

Whatever was changed (a grant, a group's members, an account's tags, a new role under a grant for
any role), what counts is what its maker may enter afterwards and could not before, and whether a
role that they may enter lets them do more now, or for longer. Which groups they are in is not
theirs to change either way: a role may tell AWS of them, and what is allowed there may hang on a
group's absence. Superusers are free: they could give themselves anything, and the record tells.
"""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from accounts.administration.reach import Reach, differences, reach_after
from accounts.directory.changes import mirrored_groups
from accounts.errors import NotAllowed, gettext_noop
from accounts.models import Group, Membership, Origin, User


def require_not_lifted(before: Reach) -> None:
    """Raise NotAllowed where a user may enter what they could not, for longer, or do more there.

    Also where they are in other groups than before.
    """
    user, after = before.user, reach_after(before)
    changed = differences(before, after)
    gained = sum(each.is_gain for each in changed)
    if gained:
        raise lifts_themselves(f"{user.username!r} would gain {gained} roles")
    loosened = sum(each.is_looser for each in changed)
    if loosened:
        raise _loosens_their_own(f"{user.username!r} would change {loosened} of their own roles")
    if after.groups != before.groups:
        raise changes_own_groups(f"{user.username!r} would be in other groups")
    _require_still_mirrored(user, before.mirrored)


def _require_still_mirrored(user: User, groups: frozenset[int]) -> None:
    """Raise NotAllowed where a directory group of theirs would be forgotten, with who is in it."""
    if groups and mirrored_groups().filter(pk__in=groups).count() < len(groups):
        raise NotAllowed(
            log=f"a directory group of {user.username!r} would be forgotten",
            message=gettext_noop(
                "You are in this group of the directory, and without any grant or bookmark the "
                "portal forgets who is in it."
            ),
            next_step=gettext_noop("End its grant instead, or ask another administrator."),
            code="OwnGroups",
        )


def require_not_own(user: User, subjects: Iterable[User | Group]) -> None:
    """Raise NotAllowed where somebody who is no superuser grants to themselves, or to their group.

    Also where nothing would come of it today, and where they may be in a group without the portal
    knowing it.
    """
    if user.is_superuser:
        return
    subjects = list(subjects)
    users = {subject.pk for subject in subjects if isinstance(subject, User)}
    groups = {subject.pk for subject in subjects if isinstance(subject, Group)}
    if user.pk in users or user.memberships.filter(group__in=groups).exists():
        raise lifts_themselves(f"{user.username!r} would grant to themselves")
    require_known_members(user, [each for each in subjects if isinstance(each, Group)])


def require_known_members(user: User, groups: Iterable[Group]) -> None:
    """Raise NotAllowed for a directory group of which no member is known here.

    Who is in it is read only after something names it: its first grant could be one's own, and its
    first bookmark would put them into it. Superusers and local people are free.
    """
    if user.is_superuser or user.origin != Origin.DIRECTORY:
        return
    directorys = {group.name: group.pk for group in groups if group.origin == Origin.DIRECTORY}
    # Who was in it when it was last named may still stand here, and is not read while it is not.
    there = mirrored_groups().filter(pk__in=[pk for pk in directorys.values() if pk])
    somebody = Exists(Membership.objects.filter(group=OuterRef("pk")))
    read = set(there.filter(somebody).values_list("pk", flat=True))
    unknown = sorted(name for name, pk in directorys.items() if pk not in read)
    if unknown:
        raise NotAllowed(
            log=f"{user.username!r} may be in {len(unknown)} of the groups",
            message=gettext_noop("The portal does not know yet who is in this group: %(group)s."),
            params={"group": unknown[0]},
            next_step=gettext_noop("Ask a superuser, or wait until somebody of it has signed in."),
            code="UnknownMembers",
        )


def lifts_themselves(log: str) -> NotAllowed:
    """Return the refusal of a change that widens its maker's own access."""
    return NotAllowed(
        log=log,
        message=gettext_noop("Nobody gives access to themselves, or to a group that they are in."),
        next_step=gettext_noop("Ask another administrator to make this change."),
        code="LiftsThemselves",
    )


def require_others_groups(user: User, groups: QuerySet[Group]) -> None:
    """Raise NotAllowed where somebody who is no superuser is in one of some groups."""
    if not user.is_superuser and user.memberships.filter(group__in=groups).exists():
        raise changes_own_groups(f"{user.username!r} is in one of the groups")


def changes_own_groups(log: str) -> NotAllowed:
    """Return the refusal of a change of which groups its maker is in."""
    return NotAllowed(
        log=log,
        message=gettext_noop(
            "Nobody puts themselves into a group, or takes themselves out of one."
        ),
        next_step=gettext_noop("Ask another administrator to make this change."),
        code="OwnGroups",
    )


def _loosens_their_own(log: str) -> NotAllowed:
    return NotAllowed(
        log=log,
        message=gettext_noop(
            "You may enter this role yourself, so its method, source, external ID, policies, tags, "
            "source identity and partition are not yours to change, nor may it last longer or ask "
            "for less."
        ),
        next_step=gettext_noop("Ask another administrator to make this change."),
        code="LoosensTheirOwn",
    )
