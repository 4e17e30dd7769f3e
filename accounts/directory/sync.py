"""Everybody of the directory read again at once: planned, then written all or nothing.

A directory that was emptied, or answers from the wrong place, would take everybody's access away.
So a reading that takes the access of more than a third of the people is not written unless
somebody says that it is meant.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts import record
from accounts.database.connection import one_large_change_at_a_time
from accounts.directory import names
from accounts.directory.changes import (
    Change,
    DirectoryPerson,
    Known,
    Mirror,
    is_known_better,
    tell,
    wish_of,
)
from accounts.directory.names import MOST_TOLD
from accounts.models import DirectoryState, Origin, User

_MOST_IN_A_QUERY = 500
_REFUSED = (
    DirectoryState.GONE,
    DirectoryState.DISABLED,
    DirectoryState.OUTSIDE,
    DirectoryState.REPLACED,
)


def known_ids() -> dict[str, str]:
    """Return the immutable ids of all directory people known here, under their names."""
    people = _everybody().order_by("username")
    return {name: its_id or "" for name, its_id in people.values_list("username", "directory_id")}


def _everybody() -> "QuerySet[User]":
    """All directory people; a name that somebody left is none."""
    return User.objects.filter(origin=Origin.DIRECTORY, directory_id__isnull=False)


@dataclass(frozen=True)
class Summary:
    """How many people were read, how they are now, and who loses or gains by it.

    ``present_before`` had access; ``losing`` of them lose it, or a group, or the administration.
    ``unreadable`` people stay as they are because the directory says nothing certain of them;
    ``unreadable_present`` of them had access.
    """

    people: int
    states: Mapping[str, int]
    changed: int
    present_before: int
    losing: int
    unreadable: int
    unreadable_present: int

    @classmethod
    def of(cls, changes: Sequence[Change], unreadable: Sequence[User] = ()) -> "Summary":
        """Count changes, and people who could not be read."""
        present_unread = sum(u.directory_state == DirectoryState.PRESENT for u in unreadable)
        present = [c for c in changes if c.user.directory_state == DirectoryState.PRESENT]
        return cls(
            people=len(changes) + len(unreadable),
            states=Counter(str(change.state) for change in changes),
            changed=sum(not change.is_none for change in changes),
            present_before=len(present) + present_unread,
            losing=sum(change.takes_access for change in changes),
            unreadable=len(unreadable),
            unreadable_present=present_unread,
        )

    @property
    def takes_too_much(self) -> bool:
        """Whether more than a third of those who had access lose some of it, or are not read."""
        return (self.losing + self.unreadable_present) * 3 > self.present_before

    def __str__(self) -> str:
        states = [(DirectoryState.PRESENT, "present"), *((state, str(state)) for state in _REFUSED)]
        counted = ", ".join(f"{self.states.get(str(state), 0)} {word}" for state, word in states)
        return (
            f"{self.people} people: {counted}, {self.unreadable} unreadable; "
            f"{self.changed} changed, {self.losing} lose access"
        )


class TakesTooMuch(Exception):
    """More than a third of the people would lose access or are unread; nothing has changed."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(str(summary))
        self.summary = summary


def sync(
    people: Mapping[str, DirectoryPerson | None],
    read: datetime,
    *,
    unreadable: Collection[str] = (),
    is_meant: bool = False,
) -> Summary:
    """Take over what the directory said at ``read`` of everybody, by name; None: nobody there.

    Who is ``unreadable`` stays as they are. Raises TakesTooMuch unless ``is_meant``,
    RecordUnavailable; then nothing has changed.
    """
    with record.recording():
        one_large_change_at_a_time()
        known = list(_everybody().select_for_update().order_by("pk"))
        changes = _changes(known, people, read)
        unread = [user for user in known if user.username in unreadable]
        summary = Summary.of(changes, unread)
        if summary.takes_too_much and not is_meant:
            raise TakesTooMuch(summary)
        told = [(change.username, *row) for change in changes for row in change.rows()]
        _write(changes, read)
        # The rows come last: from the first one on every launch waits for the record's head.
        for username, before, after in told:
            tell(record.COMMAND_LINE, "directory", username, before, after)
        for change in changes:
            change.tell_withheld()
        after = {"summary": str(summary), "unreadable": [u.username for u in unread[:MOST_TOLD]]}
        tell(record.COMMAND_LINE, "directory sync", "", None, after)
    return summary


def _changes(
    known: Iterable[User], people: Mapping[str, DirectoryPerson | None], read: datetime
) -> list[Change]:
    """Compare everybody; who was read later still, at a sign-in meanwhile, stays as they are."""
    mirror, facts = Mirror.read(), Known.of(_everybody())
    users = [u for u in known if u.username in people and not is_known_better(u, read)]
    wishes = [wish for user in users if (wish := wish_of(user, people[user.username]))]
    given = names.free_names(wishes)
    return [
        Change.of(user, people[user.username], mirror, facts, given.get(user.pk, user.username))
        for user in users
    ]


def _write(changes: Iterable[Change], read: datetime) -> None:
    changed = [change for change in changes if not change.is_none]
    renamed = [change.user for change in changed if change.is_renamed]
    left = [user.username for user in renamed]
    names.step_aside(renamed)
    for change in changed:
        change.write(read)
    for username in left:
        names.hold(username)
    same = [change.user.pk for change in changes if change.is_none]
    for chunk in _in_chunks(same):
        User.objects.filter(pk__in=chunk).update(directory_read=read)


def _in_chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), _MOST_IN_A_QUERY):
        yield keys[start : start + _MOST_IN_A_QUERY]
