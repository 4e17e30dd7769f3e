"""A large organisation's file is applied in bulk: few statements, however many rows."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.access_file.apply import Proposal
from accounts.access_file.plan import make_plan
from accounts.access_file.specs import AccessFile, GrantSpec
from accounts.access_file.state import state_of, take_snapshot
from accounts.access_file.writing import write
from accounts.models import Grant, Group, Role
from tests.accounts.access_file.files import Folder

ACCOUNTS, ROLES_EACH, GRANTS, GROUPS = 300, 10, 20_000, 500


def large_file() -> str:
    """3,000 roles and 20,000 grants on about 100,000 lines."""
    lines = ["version: 1", "accounts:"]
    for number in range(ACCOUNTS):
        lines += [
            f'  - id: "{100_000_000_000 + number}"',
            f"    alias: account-{number}",
            "    roles:",
        ]
        for role in range(ROLES_EACH):
            lines += [f"      - name: Role{role}", "        region: eu-west-1"]
    lines.append("grants:")
    for number in range(GRANTS):
        group, account = number % GROUPS, number // GROUPS
        lines += [
            f"  - group: team-{group}",
            f"    account: account-{account}",
            f"    role: Role{number % ROLES_EACH}",
            f"    note: review {number}",
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def large() -> str:
    return large_file()


def statements(context: CaptureQueriesContext) -> int:
    """Statements of rows, without the savepoints that a test's own transaction brings."""
    return sum("SAVEPOINT" not in query["sql"] for query in context.captured_queries)


def test_3000_roles_and_20000_grants_are_applied_in_bulk(folder: Folder, large: str) -> None:
    proposal = Proposal(large.encode(), file_name="large.yaml", prune=False)
    with CaptureQueriesContext(connection) as written:
        proposal.apply()
    assert (Role.objects.count(), Grant.objects.count(), Group.objects.count()) == (
        3000,
        20_000,
        500,
    )
    # SQLite takes 999 values a statement, which is 90 grants: 223 statements, and some more.
    assert statements(written) < 400

    # The file less its last grant, with another note in its first.
    first, *others, _ = (c.spec for c in proposal.plan.changes if isinstance(c.spec, GrantSpec))
    others.append(replace(first, note="another"))
    held = state_of(take_snapshot())
    file = AccessFile(
        accounts=tuple(row.spec for row in held.accounts.values()),
        roles=tuple(row.spec for row in held.roles.values()),
        grants=tuple(others),
    )
    plan = make_plan(file, held, prune=True)
    assert plan.summary == "0 to add, 1 to change, 1 to remove"
    with CaptureQueriesContext(connection) as written:
        write(plan, prune=True)
    assert statements(written) < 40
