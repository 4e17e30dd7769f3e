"""Everybody of the directory read again at once: planned, then written all or nothing.

A directory that was emptied, or answers from the wrong place, would take everybody's access away.
So a reading that takes the access of more than a third of the people is not written unless
somebody says that it is meant.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts import record
from accounts.database.connection import one_large_change_at_a_time
from accounts.directory.changes import (
    Change,
    DirectoryPerson,
    Known,
    Mirror,
    is_known_better,
    tell,
)
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
    people = User.objects.filter(origin=Origin.DIRECTORY).order_by("username")
    return {name: its_id or "" for name, its_id in people.values_list("username", "directory_id")}


@dataclass(frozen=True)
class Summary:
    """How many people were read, how they are now, and who loses or gains by it.

    ``present_before`` had access; ``losing`` of them lose it, or a group, or the administration.
    """

    people: int
    states: Mapping[str, int]
    changed: int
    present_before: int
    losing: int

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "Summary":
        """Count changes."""
        changes = list(changes)
        present = [c for c in changes if c.user.directory_state == DirectoryState.PRESENT]
        return cls(
            people=len(changes),
            states=Counter(str(change.state) for change in changes),
            changed=sum(not change.is_none for change in changes),
            present_before=len(present),
            losing=sum(change.takes_access for change in changes),
        )

    @property
    def takes_too_much(self) -> bool:
        """Whether more than a third of those who had access lose some of it."""
        return self.losing * 3 > self.present_before

    def __str__(self) -> str:
        states = [(DirectoryState.PRESENT, "present"), *((state, str(state)) for state in _REFUSED)]
        counted = ", ".join(f"{self.states.get(str(state), 0)} {word}" for state, word in states)
        return f"{self.people} people: {counted}; {self.changed} changed, {self.losing} lose access"


class TakesTooMuch(Exception):
    """More than a third of the people would lose access; nothing has changed."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(str(summary))
        self.summary = summary


def sync(
    people: Mapping[str, DirectoryPerson | None], read: datetime, *, is_meant: bool = False
) -> Summary:
    """Take over what the directory said at ``read`` of everybody, by name; None: nobody there.

    Raises TakesTooMuch unless ``is_meant``, RecordUnavailable; then nothing has changed.
    """
    with record.recording():
        one_large_change_at_a_time()
        changes = _changes(people, read)
        summary = Summary.of(changes)
        if summary.takes_too_much and not is_meant:
            raise TakesTooMuch(summary)
        told = [(change.username, *row) for change in changes for row in change.rows()]
        for change in changes:
            if not change.is_none:
                change.write(read)
        same = [change.user.pk for change in changes if change.is_none]
        for chunk in _in_chunks(same):
            User.objects.filter(pk__in=chunk).update(directory_read=read)
        # The rows come last: from the first one on every launch waits for the record's head.
        for username, before, after in told:
            tell(record.COMMAND_LINE, "directory", username, before, after)
        tell(record.COMMAND_LINE, "directory sync", "", None, {"summary": str(summary)})
    return summary


def _changes(people: Mapping[str, DirectoryPerson | None], read: datetime) -> list[Change]:
    """Compare everybody; who was read later still, at a sign-in meanwhile, stays as they are."""
    mirror, everybody = Mirror.read(), User.objects.filter(origin=Origin.DIRECTORY)
    known = Known.of(everybody)
    return [
        Change.of(user, people[user.username], mirror, known)
        for user in everybody.select_for_update().order_by("pk")
        if user.username in people and not is_known_better(user, read)
    ]


def _in_chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), _MOST_IN_A_QUERY):
        yield keys[start : start + _MOST_IN_A_QUERY]
