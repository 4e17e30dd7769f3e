"""Rows made in the admin that rest on something the file would take away."""

from collections.abc import Iterable, Iterator
from itertools import chain

from accounts.access_file.fields import Problems
from accounts.access_file.specs import (
    AccountSpec,
    BookmarkSpec,
    GrantSpec,
    GroupSpec,
    Names,
    RoleSpec,
    SourceSpec,
    Spec,
)
from accounts.access_file.state import State
from accounts.models import DEFAULT_SOURCE

PRUNE_KEY = "--prune"
_MOST_NAMED = 5


def refuse_to_strand(going: Iterable[Spec], state: State, problems: Problems) -> None:
    """Note each row made in the admin that needs one of ``going``."""
    names = {held.spec.id: held.spec.alias for held in state.accounts.values() if held.spec.alias}
    resting = _resting_by_need(state, names)
    # The default source never goes, it only loses its profile.
    for spec in going:
        rows = resting.get((type(spec), *spec.identity), [])
        if rows and not (isinstance(spec, SourceSpec) and spec.name == DEFAULT_SOURCE):
            reason = f"{spec.label(names)} stays, because of what was made in the admin: "
            problems.add(0, PRUNE_KEY, reason + _listed(rows))


def _listed(rows: list[str]) -> str:
    more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    return ", ".join(rows[:_MOST_NAMED]) + more


def _resting_by_need(state: State, names: Names) -> dict[tuple[object, ...], list[str]]:
    resting: dict[tuple[object, ...], list[str]] = {}
    for need, title in _needs(state, names):
        resting.setdefault(need, []).append(title)
    return resting


def _needs(state: State, names: Names) -> Iterator[tuple[tuple[object, ...], str]]:
    """Return what each row made in the admin cannot do without, and the row's name."""
    for role in (held.spec for held in state.roles.values() if not held.from_file):
        yield (AccountSpec, role.account), role.label(names)
        yield (SourceSpec, role.source), role.label(names)
    held_grants = chain(state.grants.values(), state.doubled)
    grants = (held.spec for held in held_grants if not held.from_file)
    bookmarks = (held.spec for held in state.bookmarks.values() if not held.from_file)
    entries: Iterator[GrantSpec | BookmarkSpec] = chain(grants, bookmarks)
    for entry in entries:
        title = entry.label(names)
        yield (AccountSpec, entry.account), title
        yield (RoleSpec, entry.account, entry.role), title
        yield (GroupSpec, entry.group), title
    for group in state.groups.values():
        for member, from_file in group.members.items():
            if not from_file:
                yield (GroupSpec, group.spec.name), f"member {member} of {group.spec.label(names)}"
