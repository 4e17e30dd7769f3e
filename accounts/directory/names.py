"""Names of directory people: how a new one is taken, and how the one that was left stays held.

Whoever gets a new name takes along what was granted to them. The name that they left is nobody's:
held by a row that no id belongs to, so that a newcomer does not get what the access file goes on
granting under it, until an administrator has it forgotten.
"""

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.grant_pattern import Pattern
from accounts.models import (
    Action,
    DirectoryState,
    Entry,
    Grant,
    Membership,
    Origin,
    Outcome,
    User,
)

MOST_TOLD = 100


@dataclass(frozen=True)
class Wish:
    """Somebody in a state of the directory, and the name that they have there now."""

    user: User
    name: str
    state: DirectoryState


def may_take(wish: Wish, holder: User | None) -> bool:
    """Whether somebody may take a name from whoever has it here.

    A name that waits is taken with all that was granted under it: only by who is let in, and by
    nobody who may have given it to the name.
    """
    if holder is None:
        return True
    waits = holder.origin == Origin.NONE_YET
    return waits and wish.state == DirectoryState.PRESENT and not _may_be_of_their_making(wish)


def is_withheld(wish: Wish) -> bool:
    """Whether somebody who is let in keeps their name because of what waits under the new one."""
    return wish.state == DirectoryState.PRESENT and _may_be_of_their_making(wish)


def _may_be_of_their_making(wish: Wish) -> bool:
    """Whether something waits under the name that who wishes for it may have given to it.

    Nobody gives access to themselves, nor to a name that will be theirs; superusers could anyway.
    Who made what is not asked: what a group may enter that the access file put the name into can be
    their making too.
    """
    user = wish.user
    if user.is_superuser:
        return False
    of_name = {"user__username": wish.name, "user__origin": Origin.NONE_YET}
    waiting = (Grant.objects.filter(**of_name), Membership.objects.filter(**of_name))
    is_something = any(rows.exists() for rows in waiting)
    return is_something and (user.is_staff or _has_administered(user))


def _has_administered(user: User) -> bool:
    """Whether somebody has ever changed anything as an administrator, under whatever name."""
    changed = Entry.objects.filter(
        actor_key=user.record_key, action=Action.ADMIN_CHANGE, outcome=Outcome.SUCCEEDED
    )
    return changed.exists()


def free_names(wishes: Collection[Wish]) -> dict[int, str]:
    """Return which of many wished names are given, by the keys of those who leave theirs for them.

    What one of them leaves is free for another, so that two may trade names. A name that several
    wish for is nobody's.
    """
    times = Counter(wish.name for wish in wishes)
    holders = User.objects.in_bulk(list(times), field_name="username")
    given = {wish.user.pk: wish for wish in wishes if times[wish.name] == 1}
    while refused := [pk for pk, wish in given.items() if not _is_given(wish, given, holders)]:
        for pk in refused:
            del given[pk]
    return {pk: wish.name for pk, wish in given.items()}


def _is_given(wish: Wish, given: Container[int], holders: Mapping[str, User]) -> bool:
    holder = holders.get(wish.name)
    is_left = holder is not None and holder.pk in given
    return is_left or may_take(wish, holder)


def step_aside(users: Sequence[User]) -> None:
    """Free the names of people who are all about to get new ones, perhaps each other's."""
    for user in users:
        # Nobody else can have it: a record key is never used again.
        User.objects.filter(pk=user.pk).update(username=f"leaving {user.record_key}")


def take(user: User, username: str) -> None:
    """Give a person their new name, and what was granted under it while nobody had it.

    Whoever was switched off while they were only a name stays so. Writes everything but the person.
    """
    waiting = User.objects.select_for_update().filter(username=username, origin=Origin.NONE_YET)
    placeholder = waiting.first()
    if placeholder is not None:
        placeholder.grants.update(user=user)
        _fold_equal_grants(user)
        placeholder.bookmarks.update(user=user)
        there = Membership.objects.filter(user=user).values("group")
        placeholder.memberships.exclude(group__in=there).update(user=user)
        user.is_active = user.is_active and placeholder.is_active
        placeholder.delete()
    user.username = username


def _fold_equal_grants(user: User) -> None:
    """Of a person's grants that differ in their end alone, keep the one that ends last.

    What the access file granted and what was granted in the admin stay apart: each takes back its
    own.
    """
    kept: dict[tuple[object, ...], Grant] = {}
    for grant in user.grants.order_by("pk"):
        equal = (Pattern.of(grant), grant.starts, grant.from_file)
        other = kept.setdefault(equal, grant)
        if _ends_later(grant, other):
            kept[equal] = grant
            other.delete()
        elif other is not grant:
            grant.delete()


def _ends_later(grant: Grant, other: Grant) -> bool:
    if grant.expires is None or other.expires is None:
        return other.expires is not None
    return grant.expires > other.expires


def hold(username: str) -> None:
    """Keep a name that was left from whoever comes next, unless somebody has it already."""
    if not User.objects.filter(username=username).exists():
        held = User(
            username=username,
            origin=Origin.DIRECTORY,
            directory_state=DirectoryState.REPLACED,
        )
        held.set_unusable_password()
        held.save()


def what_waits(username: str) -> dict[str, Any]:
    """Return what comes with a name that waits, as the record keeps it; empty for other names."""
    placeholder = User.objects.filter(username=username, origin=Origin.NONE_YET).first()
    if placeholder is None:
        return {}
    return {"is_active": placeholder.is_active, **what_is_theirs(placeholder)}


def what_is_theirs(user: User) -> dict[str, Any]:
    """Return what was granted to a person, as the record keeps it."""
    grants = user.grants.select_related("account", "user", "group").order_by("pk")
    return {
        "groups": sorted(user.member_of.values_list("name", flat=True)),
        "grants": [str(grant) for grant in grants[:MOST_TOLD]],
        "grants_left_out": max(0, grants.count() - MOST_TOLD),
        "bookmarks": user.bookmarks.count(),
    }
