"""What grants, bookmarks and roles of the file point at, looked up in what will exist then.

That is what the database holds, less what is pruned, with the file's own laid over it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from accounts.access_file.fields import Problems
from accounts.access_file.specs import (
    ANY_ACCOUNT,
    AccessFile,
    AccountSpec,
    BookmarkSpec,
    GrantSpec,
    Identity,
)
from accounts.access_file.state import State
from accounts.models import ANY_ROLE, DEFAULT_SOURCE
from accounts.role_rules import place_complaints


@dataclass(frozen=True)
class Catalogue:
    """What there will be to point at."""

    sources: frozenset[Identity]
    accounts: dict[str, AccountSpec]
    ids_by_alias: dict[str, str]
    roles: frozenset[Identity]

    def account(self, reference: str) -> AccountSpec | None:
        """Find an account by alias or id."""
        return self.accounts.get(self.ids_by_alias.get(reference, reference))


def resolve(file: AccessFile, state: State, problems: Problems, *, prune: bool) -> AccessFile:
    """Return the file with every account as an id; note what points at nothing."""
    catalogue = _catalogue(file, state, prune=prune)
    _refuse_taken_aliases(file, state, catalogue, problems)
    for role in file.roles:
        if (role.source,) not in catalogue.sources:
            problems.add(role.place.line_of("source"), "source", f"no source {role.source}")
    grants = [_resolved_grant(grant, catalogue, problems) for grant in file.grants]
    _refuse_same_grants(grants, problems)
    bookmarks = [_resolved_bookmark(mark, catalogue, problems) for mark in file.bookmarks]
    return replace(file, grants=tuple(grants), bookmarks=tuple(bookmarks))


def _catalogue(file: AccessFile, state: State, *, prune: bool) -> Catalogue:
    stay = [h.spec for h in state.accounts.values() if not (prune and h.from_file)]
    accounts = {spec.id: spec for spec in (*stay, *file.accounts)}
    roles = {i for i, held in state.roles.items() if not (prune and held.from_file)}
    sources = {i for i, held in state.sources.items() if not (prune and held.from_file)}
    return Catalogue(
        sources=frozenset({(DEFAULT_SOURCE,), *sources, *(spec.identity for spec in file.sources)}),
        accounts=accounts,
        ids_by_alias={spec.alias: spec.id for spec in accounts.values() if spec.alias},
        roles=frozenset(roles.union(spec.identity for spec in file.roles)),
    )


def _refuse_taken_aliases(
    file: AccessFile, state: State, catalogue: Catalogue, problems: Problems
) -> None:
    named = {account.id for account in file.accounts}
    others = {a.alias: a.id for a in catalogue.accounts.values() if a.alias and a.id not in named}
    for account in file.accounts:
        if account.alias in others:
            owner = others[account.alias]
            made = _who_made(owner, state)
            reason = f"is the alias of account {owner}, which {made}"
            problems.add(account.place.line_of("alias"), "alias", reason)


def _who_made(account_id: str, state: State) -> str:
    if state.accounts[(account_id,)].from_file:
        return "is no longer in the file (--prune removes it)"
    return "was made in the admin"


def _resolved_grant(grant: GrantSpec, catalogue: Catalogue, problems: Problems) -> GrantSpec:
    if not grant.account or grant.account == ANY_ACCOUNT:
        return grant
    account = _found(grant, catalogue, problems)
    return replace(grant, account=account.id) if account else grant


def _found(
    pointer: GrantSpec | BookmarkSpec, catalogue: Catalogue, problems: Problems
) -> AccountSpec | None:
    account = catalogue.account(pointer.account)
    if account is None:
        reason = f"no account {pointer.account}"
        problems.add(pointer.place.line_of("account"), "account", reason)
    elif pointer.role != ANY_ROLE and (account.id, pointer.role) not in catalogue.roles:
        reason = f"no role {pointer.role} in account {pointer.account}"
        problems.add(pointer.place.line_of("role"), "role", reason)
    return account


def _refuse_same_grants(grants: Iterable[GrantSpec], problems: Problems) -> None:
    first: dict[Identity, GrantSpec] = {}
    for grant in grants:
        other = first.setdefault(grant.identity, grant)
        if other is not grant:
            key = "group" if grant.group else "user"
            reason = f"the same grant stands on line {other.place.line_of(key)}"
            problems.add(grant.place.line_of(key), key, reason)


def _resolved_bookmark(
    bookmark: BookmarkSpec, catalogue: Catalogue, problems: Problems
) -> BookmarkSpec:
    account = _found(bookmark, catalogue, problems)
    if account is None:
        return bookmark
    for key, reason in place_complaints(bookmark.destination, bookmark.region, account):
        problems.add(bookmark.place.line_of(key), key, reason)
    return replace(bookmark, account=account.id)
