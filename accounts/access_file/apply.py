"""Makes the database match a plan: all of it or nothing, and its row in the record or nothing.

The plan was made outside of the transaction, so that nobody's launch waits for it; the
transaction begins with a look whether anything moved since, writes in bulk and ends with the row.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from accounts import record
from accounts.access_file import schema
from accounts.access_file.plan import ADD, CHANGE, REMOVE, Change, Plan, make_plan, shown
from accounts.access_file.specs import KEYS_OF_PAIRS, Value, pairs_of
from accounts.access_file.state import Snapshot, state_of, take_snapshot
from accounts.access_file.writing import write
from accounts.database.connection import one_large_change_at_a_time
from accounts.models import Action, Outcome

MOST_CHANGES_RECORDED = 500
LONGEST_VALUE_RECORDED = 300


class DatabaseMoved(Exception):
    """Somebody changed what the plan speaks of between its making and its applying."""


class Proposal:
    """A file read and compared with the database; nothing has been written.

    Raises AccessFileProblems when the file cannot be applied, DatabaseError when the database
    cannot be read.
    """

    def __init__(self, data: bytes, *, file_name: str, prune: bool) -> None:
        self.file_hash = hashlib.sha256(data).hexdigest()
        self.file_name = file_name
        self.prune = prune
        file = schema.read(data)
        self.seen: Snapshot = take_snapshot()
        self.plan: Plan = make_plan(file, state_of(self.seen), prune=prune)

    def apply(self) -> None:
        """Write the plan and its row.

        Raises DatabaseMoved when the plan is out of date, RecordUnavailable when the database
        refuses the writes; in both cases nothing has changed.
        """
        with record.recording():
            one_large_change_at_a_time()
            if take_snapshot() != self.seen:
                raise DatabaseMoved
            write(self.plan, prune=self.prune)
            record.write(
                record.Act(
                    action=Action.ACCESS_APPLY, actor=record.COMMAND_LINE, details=self._details()
                ),
                Outcome.SUCCEEDED,
            )

    def _details(self) -> dict[str, Any]:
        """What the record keeps: removals and changes first, where there are too many for it."""
        order = (REMOVE, CHANGE, ADD)
        changes = sorted(self.plan.changes, key=lambda change: order.index(change.sign))
        return {
            "file": self.file_name[:LONGEST_VALUE_RECORDED],
            "sha256": self.file_hash,
            "prune": self.prune,
            "summary": self.plan.summary,
            "left": self.plan.left,
            "changes": [self._recorded(change) for change in changes[:MOST_CHANGES_RECORDED]],
            "changes_left_out": max(0, len(changes) - MOST_CHANGES_RECORDED),
        }

    def _recorded(self, change: Change) -> dict[str, Any]:
        title = f"{change.sign} {change.spec.label(self.plan.names)}"
        told: dict[str, Any] = {"change": title[:LONGEST_VALUE_RECORDED]}
        if change.sign != ADD:
            told["before"] = _bounded(change.before)
        if change.sign != REMOVE:
            told["after"] = _bounded(change.after)
        return told


def _bounded(values: Mapping[str, Value]) -> dict[str, Any]:
    return {key: _bounded_value(key, value) for key, value in values.items()}


def _bounded_value(key: str, value: Value) -> Any:
    """Return a value as the administration's rows have it; of a long one the beginning."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE_RECORDED]
    if not isinstance(value, tuple):
        return value
    text = shown(value) if value else ""
    if key in KEYS_OF_PAIRS and len(text) <= LONGEST_VALUE_RECORDED:
        return dict(pairs_of(value))
    return text[:LONGEST_VALUE_RECORDED]
