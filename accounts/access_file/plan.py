"""What has to change so that the database holds what the file says.

A pure function of the file's specs and the database's state. What counts as one in the summary:
a source, an account, a role, a local group with all its members, a grant, a bookmark. People and
directory groups that a file merely names are kept as placeholders and are not counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from accounts.access_file.fields import Problems
from accounts.access_file.problems import AccessFileProblems
from accounts.access_file.references import resolve
from accounts.access_file.resting import refuse_to_strand
from accounts.access_file.specs import (
    AccessFile,
    GrantSpec,
    GroupSpec,
    Identity,
    Names,
    SourceSpec,
    Spec,
    Value,
    values_of,
)
from accounts.access_file.state import Held, HeldGroup, State
from accounts.models import DEFAULT_SOURCE

AnyHeld: TypeAlias = Held | HeldGroup

ADD, CHANGE, REMOVE = "+", "~", "-"


@dataclass(frozen=True)
class Change:
    """One thing that is added, changed or removed.

    ``before`` and ``after`` hold the values by the file's keys: of a change those that differ.
    """

    sign: str
    spec: Spec
    held: AnyHeld | None
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)

    def line(self, names: Names) -> str:
        """Return it as a line of the plan."""
        title = f"{self.sign} {self.spec.label(names)}"
        if self.sign != CHANGE:
            return title
        told = (
            f"{key}: {shown(self.before[key])} → {shown(self.after[key])}" for key in self.after
        )
        return f"{title}: {'; '.join(told)}"


@dataclass(frozen=True)
class Plan:
    """All changes in the order sources, accounts, roles, groups, grants, bookmarks.

    ``left`` counts what an earlier file named and this one does not, where it is not removed.
    """

    changes: tuple[Change, ...]
    left: int
    grants_before: int
    names: Names

    def count(self, sign: str) -> int:
        """Return how many changes are of one kind."""
        return sum(change.sign == sign for change in self.changes)

    @property
    def removed_grants(self) -> int:
        """How many grants go."""
        return sum(c.sign == REMOVE and isinstance(c.spec, GrantSpec) for c in self.changes)

    @property
    def takes_too_much(self) -> bool:
        """Whether more than a third of the grants go."""
        return 3 * self.removed_grants > self.grants_before

    @property
    def summary(self) -> str:
        """The three numbers in words."""
        add, change, remove = (self.count(sign) for sign in (ADD, CHANGE, REMOVE))
        return f"{add} to add, {change} to change, {remove} to remove"

    def lines(self) -> Iterator[str]:
        """Return the whole plan as a person reads it."""
        yield from (change.line(self.names) for change in self.changes)
        yield self.summary
        if self.left:
            yield f"{self.left} no longer in the file (--prune removes them)"


def make_plan(file: AccessFile, state: State, *, prune: bool) -> Plan:
    """Compare the file with the database.

    Raises AccessFileProblems where the file names what does not exist, where its values differ
    from those of a row made in the admin, and where ``prune`` would take what such a row needs.
    """
    problems = Problems()
    wanted = resolve(file, state, problems, prune=prune)
    changes: list[Change] = []
    left: list[AnyHeld] = []
    for specs, held in _kinds(wanted, state):
        missing = _no_longer_named(specs, held)
        changes += _compared(specs, held, problems)
        changes += map(_removed, missing) if prune else ()
        left += missing
    beside, no_longer_named = _doubled(wanted.grants, state)
    changes += map(_removed, [*beside, *no_longer_named] if prune else beside)
    left += no_longer_named
    if prune:
        refuse_to_strand([held.spec for held in left], state, problems)
    if problems.found:
        raise AccessFileProblems(problems.found)
    names = _names(wanted, state)
    grants_before = len(state.grants) + len(state.doubled)
    return Plan(tuple(changes), 0 if prune else len(left), grants_before, names)


def _kinds(
    file: AccessFile, state: State
) -> Iterator[tuple[Iterable[Spec], Mapping[Identity, AnyHeld]]]:
    yield file.sources, state.sources
    yield file.accounts, state.accounts
    yield file.roles, state.roles
    yield _with_admins_members(file.groups, state), state.groups
    yield file.grants, state.grants
    yield file.bookmarks, state.bookmarks


def _with_admins_members(groups: Iterable[GroupSpec], state: State) -> list[GroupSpec]:
    """Leave the people in whom the admin put into a group of the file."""
    return [_with_members(group, state.groups.get(group.identity)) for group in groups]


def _with_members(group: GroupSpec, held: HeldGroup | None) -> GroupSpec:
    if held is None or not (held.is_local and held.from_file):
        return group
    others = {name for name, from_file in held.members.items() if not from_file}
    return replace(group, members=tuple(sorted(others.union(group.members))))


def _no_longer_named(specs: Iterable[Spec], held: Mapping[Identity, AnyHeld]) -> list[AnyHeld]:
    named = {spec.identity for spec in specs}
    return [
        row
        for identity, row in sorted(held.items())
        if row.from_file and identity not in named and not _is_the_directorys(row)
    ]


def _doubled(
    grants: Iterable[GrantSpec], state: State
) -> tuple[list[Held[GrantSpec]], list[Held[GrantSpec]]]:
    """Return the file's doubled grants: beside what this file names, and those it does not name."""
    named = {spec.identity for spec in grants}
    rows = [row for row in state.doubled if row.from_file]
    beside = [row for row in rows if row.spec.identity in named]
    return beside, [row for row in rows if row.spec.identity not in named]


def _is_the_directorys(held: AnyHeld) -> bool:
    return isinstance(held, HeldGroup) and not held.is_local


def _compared(
    specs: Iterable[Spec], held: Mapping[Identity, AnyHeld], problems: Problems
) -> Iterator[Change]:
    for spec in sorted(specs, key=lambda spec: spec.identity):
        there = held.get(spec.identity)
        if there is None:
            yield Change(ADD, spec, None, after=values_of(spec))
            continue
        before, after = _differing(there.spec, spec)
        if after and _is_the_files(there):
            yield Change(CHANGE, spec, there, before, after)
        elif after:
            _refuse_admins(spec, before, problems)


def _differing(old: Spec, new: Spec) -> tuple[dict[str, Value], dict[str, Value]]:
    before, after = values_of(old), values_of(new)
    keys = [key for key in after if before[key] != after[key]]
    return {key: before[key] for key in keys}, {key: after[key] for key in keys}


def _is_the_files(held: AnyHeld) -> bool:
    """Whether the file may change it: its own rows, and what nobody made."""
    return held.from_file or _is_the_directorys(held) or held.spec == SourceSpec(DEFAULT_SOURCE)


def _refuse_admins(spec: Spec, before: Mapping[str, Value], problems: Problems) -> None:
    for key, value in before.items():
        reason = f"made in the admin, where it is {shown(value)}"
        problems.add(spec.place.line_of(key), key, reason)


def _removed(held: AnyHeld) -> Change:
    if held.spec.identity == (DEFAULT_SOURCE,) and isinstance(held.spec, SourceSpec):
        # It exists without being named: what goes is its profile.
        new = SourceSpec(DEFAULT_SOURCE)
        return Change(CHANGE, new, held, values_of(held.spec), values_of(new))
    return Change(REMOVE, held.spec, held, before=values_of(held.spec))


def _names(file: AccessFile, state: State) -> dict[str, str]:
    held = {row.spec.id: row.spec.alias for row in state.accounts.values()}
    held.update((account.id, account.alias) for account in file.accounts)
    return {account_id: alias for account_id, alias in held.items() if alias}


def shown(value: Value) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return _listed(value)
    return "none" if value in (None, "") else str(value)


def _listed(value: tuple[object, ...]) -> str:
    texts = [f"{v[0]}={v[1]}" if isinstance(v, tuple) else str(v) for v in value]
    return ", ".join(texts) or "none"
