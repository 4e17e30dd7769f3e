"""The database matches the file afterwards, or nothing has changed; what the admin made stays."""

import json
import sqlite3
from typing import Any

import pytest
from django.db import OperationalError

from accounts import record
from accounts.access_file import apply as apply_module
from accounts.access_file import writing
from accounts.access_file.apply import DatabaseMoved, Proposal
from accounts.access_file.export import export_text
from accounts.access_file.state import take_snapshot
from accounts.errors import RecordUnavailable
from accounts.models import (
    Account,
    Bookmark,
    CredentialSource,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Role,
    User,
)
from tests.accounts.access_file.files import CONTRACTS_OWN, SMALL, Folder, run

NOTHING = "0 to add, 0 to change, 0 to remove"


def without(text: str, *lines: str) -> str:
    """Take lines out of a file, named by how they begin."""
    kept = [line for line in text.splitlines() if not line.strip().startswith(lines)]
    return "\n".join(kept) + "\n"


def details() -> dict[str, Any]:
    entry = Entry.objects.latest("id")
    assert (entry.action, entry.actor) == ("access-apply", "command line")
    found: dict[str, Any] = json.loads(entry.details)
    return found


# --- adding ----------------------------------------------------------------------------------


def test_the_plan_is_shown_line_by_line_and_counted(folder: Folder) -> None:
    assert folder.applied(SMALL).out.splitlines() == [
        "+ account 222222222222 (payments-prod)",
        "+ account 333333333333 (sandbox)",
        "+ role Developer in payments-prod",
        "+ role team/Auditor in payments-prod",
        "+ role Developer in sandbox",
        "+ group on-call",
        "+ grant to user carol: Developer in sandbox",
        "+ grant to group on-call: * in payments-prod",
        "+ grant to group payments: Developer in payments-prod",
        "+ bookmark Queues of group payments",
        "10 to add, 0 to change, 0 to remove",
    ]


@pytest.mark.parametrize("text", [SMALL, CONTRACTS_OWN])
def test_a_second_run_plans_nothing(folder: Folder, text: str) -> None:
    folder.applied(text)
    assert folder.applied(text, "--prune").out.splitlines() == [NOTHING]


def test_a_dry_run_shows_the_plan_and_writes_nothing(folder: Folder) -> None:
    before = take_snapshot()
    outcome = folder.applied(SMALL, "--dry-run")
    assert outcome.last == "10 to add, 0 to change, 0 to remove"
    assert take_snapshot() == before
    assert not Entry.objects.exists()
    assert not User.objects.exists()


def test_everything_in_an_empty_database_is_the_files(folder: Folder) -> None:
    folder.applied(CONTRACTS_OWN)
    for model in (Account, Role, Group, Membership, Grant, Bookmark):
        assert model.objects.exists()
        assert not model.objects.filter(from_file=False).exists()
    assert CredentialSource.objects.get(name="hub").from_file


def test_people_nobody_has_seen_are_kept_as_placeholders_without_a_password(
    folder: Folder,
) -> None:
    folder.applied(SMALL)
    assert sorted(User.objects.values_list("username", flat=True)) == ["ann", "bob", "carol"]
    for user in User.objects.all():
        assert user.origin == Origin.NONE_YET
        assert not user.has_usable_password()
    assert len(set(User.objects.values_list("record_key", flat=True))) == 3


def test_people_who_are_there_keep_what_they_are(folder: Folder, ann: User) -> None:
    folder.applied(SMALL.replace("[ann, bob]", "[ANN, bob]"))
    ann.refresh_from_db()
    assert (ann.origin, ann.has_usable_password()) == (Origin.LOCAL, True)
    assert Membership.objects.get(user=ann).group.name == "on-call"


def test_a_group_named_only_in_a_grant_is_the_directorys(folder: Folder) -> None:
    folder.applied(SMALL)
    assert Group.objects.get(name="payments").origin == Origin.DIRECTORY
    assert Group.objects.get(name="on-call").origin == Origin.LOCAL


def test_a_grant_names_accounts_by_alias_id_star_or_tags(folder: Folder) -> None:
    folder.applied(
        SMALL.replace(
            "bookmarks:",
            '  - {user: dana, account: "333333333333", role: Developer}\n'
            '  - {user: dana, account: "*", role: Later}\n'
            "  - {user: dana, account: {team: payments, stage: test}, role: '*'}\nbookmarks:",
        )
    )
    grants = Grant.objects.filter(user__username="dana").order_by("id")
    found = {
        (g.account_id, g.role_name, json.dumps(g.account_tags, sort_keys=True)) for g in grants
    }
    assert found == {
        ("333333333333", "Developer", "{}"),
        (None, "Later", "{}"),
        (None, "*", '{"stage": "test", "team": "payments"}'),
    }


# --- pointing at nothing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "carol, account: sandbox",
            "carol, account: sandbix",
            "FILE:18: account: no account sandbix",
        ),
        (
            "sandbox, role: Developer",
            "sandbox, role: Dev",
            "FILE:18: role: no role Dev in account sandbox",
        ),
        (
            "Queues, account: payments-prod",
            "Queues, account: nowhere",
            "FILE:20: account: no account nowhere",
        ),
        (
            "role: Developer, destination: sqs",
            "role: x",
            "FILE:20: role: no role x in account payments-prod",
        ),
        (
            "destination: sqs",
            "region: cn-north-1",
            "FILE:20: region: is not a region of the partition aws",
        ),
        ("destination: sqs", "destination: 'https://evil.example/'", "FILE:20: destination: "),
        ("- name: team/Auditor", "- {name: x, source: hub}", "FILE:7: source: no source hub"),
        (
            "carol, account: sandbox, role: Developer}",
            (
                "carol, account: sandbox, role: Developer}\n"
                "  - {user: CAROL, account: '333333333333', role: Developer, note: again}"
            ),
            "FILE:19: user: the same grant stands on line 18",
        ),
    ],
)
def test_what_points_at_nothing_or_stands_twice_is_refused_with_line_and_key(
    folder: Folder, old: str, new: str, said: str
) -> None:
    assert old in SMALL
    outcome = folder.apply(SMALL.replace(old, new))
    assert outcome.status == 2
    assert outcome.err.startswith(said)
    assert len(outcome.err.splitlines()) == 1
    assert (outcome.out, Account.objects.count(), Entry.objects.count()) == ("", 0, 0)


def test_a_malformed_file_loses_nothing(folder: Folder) -> None:
    folder.applied(SMALL)
    before = take_snapshot()
    outcome = folder.apply(SMALL + "more: [", "--prune", "--yes")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("FILE:21: yaml: ")
    assert take_snapshot() == before


def test_p34_an_empty_file_removes_nobodys_access(folder: Folder) -> None:
    folder.applied(SMALL)
    outcome = folder.apply("", "--prune", "--yes")
    assert (outcome.status, outcome.err) == (2, "FILE:1: version: is required\n")
    assert Grant.objects.count() == 3


# --- changing --------------------------------------------------------------------------------


def test_a_change_says_which_keys_change_from_what_to_what(folder: Folder) -> None:
    folder.applied(SMALL)
    changed = SMALL.replace(
        "- name: team/Auditor", "- {name: team/Auditor, title: Audit, disabled: true}"
    )
    changed = changed.replace("carol, account", 'carol, expires: "2030-01-01T00:00:00Z", account')
    assert folder.applied(changed).out.splitlines() == [
        "~ role team/Auditor in payments-prod: title: none → Audit; disabled: false → true",
        "~ grant to user carol: Developer in sandbox: expires: none → 2030-01-01T00:00:00Z",
        "0 to add, 2 to change, 0 to remove",
    ]
    role = Role.objects.get(name="team/Auditor")
    assert (role.title, role.disabled) == ("Audit", True)
    assert Grant.objects.get(user__username="carol").expires is not None
    assert folder.applied(changed).last == NOTHING


def test_a_changed_grant_keeps_its_number_and_its_making(folder: Folder) -> None:
    folder.applied(SMALL)
    before = Grant.objects.get(user__username="carol")
    folder.applied(SMALL.replace("carol, account", "carol, note: why, account"))
    after = Grant.objects.get(user__username="carol")
    assert (after.pk, after.made, after.note) == (before.pk, before.made, "why")


def test_two_accounts_may_trade_their_aliases(folder: Folder) -> None:
    folder.applied(SMALL)
    traded = (
        SMALL.replace("payments-prod", "~")
        .replace("sandbox", "payments-prod")
        .replace("~", "sandbox")
    )
    # The old grants name the other account now, so they are other grants.
    outcome = folder.applied(traded)
    assert "alias: payments-prod → sandbox" in outcome.out
    assert Account.objects.get(alias="sandbox").account_id == "222222222222"
    assert Account.objects.get(alias="payments-prod").account_id == "333333333333"


def test_members_come_and_go_with_the_file(folder: Folder) -> None:
    folder.applied(SMALL)
    outcome = folder.applied(SMALL.replace("[ann, bob]", "[bob, dana]"))
    assert outcome.out.splitlines()[0] == "~ group on-call: members: ann, bob → bob, dana"
    members = Membership.objects.values_list("user__username", flat=True)
    assert sorted(members) == ["bob", "dana"]


def test_a_group_of_the_directory_becomes_local_with_the_files_members_only(
    folder: Folder, carol: User
) -> None:
    folder.applied(SMALL)
    payments = Group.objects.get(name="payments")
    Membership.objects.create(group=payments, user=carol)
    outcome = folder.applied(
        SMALL.replace("groups:", "groups:\n  - {name: payments, members: [ann]}")
    )
    assert outcome.out.splitlines() == [
        "~ group payments: origin: directory → local; members: none → ann",
        "0 to add, 1 to change, 0 to remove",
    ]
    payments.refresh_from_db()
    assert (payments.origin, payments.from_file) == (Origin.LOCAL, True)
    assert [m.user.username for m in payments.memberships.all()] == ["ann"]


def test_the_default_source_exists_without_being_named(folder: Folder) -> None:
    CredentialSource.objects.all().delete()
    folder.applied(SMALL)
    assert Role.objects.filter(source="default").count() == 3
    named = SMALL.replace("accounts:", "sources: [{name: default}]\naccounts:", 1)
    assert folder.applied(named).last == NOTHING
    with_profile = named.replace("{name: default}", "{name: default, profile: x}")
    assert folder.applied(with_profile).out.splitlines()[0] == (
        "~ source default: profile: none → x"
    )
    assert folder.applied(SMALL, "--prune").out.splitlines()[0] == (
        "~ source default: profile: x → none"
    )
    assert CredentialSource.objects.get(name="default").from_file is False


# --- no longer in the file -------------------------------------------------------------------


def test_what_is_no_longer_in_the_file_stays_and_is_counted(folder: Folder) -> None:
    folder.applied(SMALL)
    outcome = folder.applied(without(SMALL, "- {user: carol", "- {group: payments, name: Queues"))
    assert outcome.out.splitlines() == [
        NOTHING,
        "2 no longer in the file (--prune removes them)",
    ]
    assert Grant.objects.count() == 3


def test_prune_removes_what_is_no_longer_in_the_file(folder: Folder) -> None:
    folder.applied(SMALL)
    less = without(SMALL, "- {user: carol", "- {group: payments, name: Queues", "- name: team/")
    assert folder.applied(less, "--prune").out.splitlines() == [
        "- role team/Auditor in payments-prod",
        "- grant to user carol: Developer in sandbox",
        "- bookmark Queues of group payments",
        "0 to add, 0 to change, 3 to remove",
    ]
    assert (Role.objects.count(), Grant.objects.count(), Bookmark.objects.count()) == (2, 2, 0)
    assert User.objects.get(username="carol").origin == Origin.NONE_YET


def test_prune_takes_an_account_with_everything_that_names_it_alone(
    folder: Folder, ann: User
) -> None:
    folder.applied(SMALL)
    sandbox = Account.objects.get(alias="sandbox")
    Bookmark.objects.create(user=ann, name="mine", account=sandbox, role_name="Developer")
    kept = SMALL[: SMALL.index('  - id: "333333333333"')] + SMALL[SMALL.index("groups:") :]
    folder.applied(without(kept, "- {user: carol"), "--prune")
    assert list(Account.objects.values_list("alias", flat=True)) == ["payments-prod"]
    assert not Bookmark.objects.filter(user=ann).exists()


def test_prune_takes_peoples_own_bookmarks_of_a_role_with_it(folder: Folder, ann: User) -> None:
    folder.applied(SMALL)
    account = Account.objects.get(alias="payments-prod")
    for role in ("Developer", "team/Auditor"):
        Bookmark.objects.create(user=ann, name=role, account=account, role_name=role)
    folder.applied(without(SMALL, "- name: team/"), "--prune")
    assert [mark.name for mark in Bookmark.objects.filter(user=ann)] == ["Developer"]


def test_prune_hands_a_group_to_the_directory_without_the_files_members(folder: Folder) -> None:
    folder.applied(SMALL)
    outcome = folder.applied(without(SMALL, "groups:", "- name: on-call", "members:"), "--prune")
    assert outcome.out.splitlines() == [
        "- group on-call",
        "0 to add, 0 to change, 1 to remove",
    ]
    on_call = Group.objects.get(name="on-call")
    assert on_call.origin == Origin.DIRECTORY
    assert not on_call.memberships.exists()


def test_prune_forgets_directory_groups_that_nothing_names_any_more(folder: Folder) -> None:
    folder.applied(SMALL)
    nobody_named = Group.objects.create(name="seen-elsewhere")
    folder.applied(without(SMALL, "- {group: payments"), "--prune", "--yes")
    assert not Group.objects.filter(name="payments").exists()
    assert Group.objects.filter(pk=nobody_named.pk).exists()


def test_a_grant_to_what_prune_would_take_is_refused(folder: Folder) -> None:
    folder.applied(SMALL)
    outcome = folder.apply(
        without(SMALL, "- name: team/").replace('"*"}', "team/Auditor}"), "--prune"
    )
    assert (outcome.status, outcome.err) == (
        2,
        "FILE:16: role: no role team/Auditor in account payments-prod\n",
    )


def doubled(from_file: bool = True) -> Grant:
    """A second grant like carol's, as two names that became one may leave it."""
    grant = Grant.objects.filter(user__username="carol").earliest("pk")
    grant.pk, grant.from_file = None, from_file
    grant.save()
    return grant


def test_a_grant_that_stands_twice_becomes_one_as_the_file_says(folder: Folder) -> None:
    folder.applied(SMALL)
    doubled()
    ends = SMALL.replace("sandbox, role: Developer}", "sandbox, role: Developer, expires: MOMENT}")
    ends = ends.replace("MOMENT", "'2030-01-01T00:00:00Z'")
    assert "0 to add, 1 to change, 1 to remove" in folder.applied(ends).out
    (grant,) = Grant.objects.filter(user__username="carol")
    assert grant.expires is not None


def test_prune_takes_both_where_a_grant_stands_twice_and_leaves_the_admins(folder: Folder) -> None:
    folder.applied(SMALL)
    doubled()
    none = without(SMALL, "- {user: carol")
    assert "2 no longer in the file" in folder.applied(none).out
    by_hand = doubled(from_file=False)
    folder.applied(none, "--prune", "--yes")
    assert Grant.objects.filter(user__username="carol").get() == by_hand


def test_p34_removing_more_than_a_third_of_the_grants_needs_yes(folder: Folder) -> None:
    folder.applied(SMALL)
    two_less = without(SMALL, "- {user: carol", "- {group: on-call")
    refused = folder.apply(two_less, "--prune")
    assert refused.status == 2
    assert refused.err.startswith("FILE: --yes: 2 of 3 grants would go")
    assert Grant.objects.count() == 3
    assert folder.applied(two_less, "--prune", "--dry-run").last.endswith("2 to remove")
    folder.applied(two_less, "--prune", "--yes")
    assert Grant.objects.count() == 1


def test_exactly_a_third_of_the_grants_goes_without_yes(folder: Folder) -> None:
    folder.applied(SMALL)
    folder.applied(without(SMALL, "- {user: carol"), "--prune")
    assert Grant.objects.count() == 2


# --- what the admin made ---------------------------------------------------------------------


@pytest.fixture
def made_in_the_admin(folder: Folder) -> None:
    """The whole of ``SMALL``, as if typed into the admin."""
    folder.applied(SMALL)
    for model in (Account, Role, Group, Membership, Grant, Bookmark):
        model.objects.update(from_file=False)


@pytest.mark.usefixtures("made_in_the_admin")
def test_equal_rows_made_in_the_admin_are_unchanged_and_stay_the_admins(folder: Folder) -> None:
    assert folder.applied(SMALL).out.splitlines() == [NOTHING]
    assert folder.applied("version: 1\n", "--prune").out.splitlines() == [NOTHING]
    assert Grant.objects.filter(from_file=False).count() == 3


@pytest.mark.usefixtures("made_in_the_admin")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("alias: sandbox", "alias: sandbox\n    name: x", "FILE:10: name: made in the admin"),
        (
            "- name: team/Auditor",
            "- {name: team/Auditor, region: eu-west-1}",
            "FILE:7: region: made in the admin",
        ),
        ("members: [ann, bob]", "members: [ann]", "FILE:14: members: made in the admin"),
        ("carol, account", "carol, note: x, account", "FILE:18: note: made in the admin"),
        (
            "destination: sqs",
            "destination: sns",
            "FILE:20: destination: made in the admin, where it is sqs",
        ),
        (
            "destination: sqs",
            "region: eu-west-1",
            "FILE:20: destination: made in the admin, where it is sqs",
        ),
    ],
)
def test_other_values_than_the_admins_are_refused_with_line_and_key(
    folder: Folder, old: str, new: str, said: str
) -> None:
    before = take_snapshot()
    outcome = folder.apply(SMALL.replace(old, new))
    assert outcome.status == 2
    assert outcome.err.startswith(said)
    assert take_snapshot() == before


def test_members_whom_the_admin_put_into_the_files_group_stay(folder: Folder, carol: User) -> None:
    folder.applied(SMALL)
    on_call = Group.objects.get(name="on-call")
    Membership.objects.create(group=on_call, user=carol)
    assert folder.applied(SMALL).last == NOTHING
    folder.applied(SMALL.replace("[ann, bob]", "[bob]"))
    assert sorted(m.user.username for m in on_call.memberships.all()) == ["bob", "carol"]


def test_prune_is_refused_where_rows_of_the_admin_rest_on_what_would_go(
    folder: Folder, carol: User
) -> None:
    folder.applied(SMALL.replace("accounts:", "sources: [{name: hub}]\naccounts:", 1))
    account = Account.objects.get(alias="payments-prod")
    on_call = Group.objects.get(name="on-call")
    Grant.objects.create(user=carol, account=account, role_name="team/Auditor")
    Role.objects.create(account=account, name="Admins", source_id="hub")
    Membership.objects.create(group=on_call, user=carol)
    before = take_snapshot()
    outcome = folder.apply("version: 1\n", "--prune", "--yes")
    assert outcome.status == 2
    assert outcome.err.splitlines() == [
        (
            "FILE: --prune: account 222222222222 (payments-prod) stays, because of what was made "
            "in the admin: role Admins in payments-prod, "
            "grant to user carol: team/Auditor in payments-prod"
        ),
        (
            "FILE: --prune: group on-call stays, because of what was made in the admin: "
            "member carol of group on-call"
        ),
        (
            "FILE: --prune: role team/Auditor in payments-prod stays, because of what was made in "
            "the admin: grant to user carol: team/Auditor in payments-prod"
        ),
        (
            "FILE: --prune: source hub stays, because of what was made in the admin: "
            "role Admins in payments-prod"
        ),
    ]
    assert take_snapshot() == before


def test_an_alias_of_an_account_made_in_the_admin_cannot_be_taken(folder: Folder) -> None:
    Account.objects.create(account_id="444444444444", alias="sandbox")
    outcome = folder.apply(SMALL)
    assert (outcome.status, outcome.err) == (
        2,
        "FILE:9: alias: is the alias of account 444444444444, which was made in the admin\n",
    )


def test_the_file_may_grant_what_the_admin_made(folder: Folder) -> None:
    account = Account.objects.create(account_id="444444444444", alias="made-here")
    Role.objects.create(account=account, name="Reader")
    folder.applied("version: 1\ngrants: [{user: ann, account: made-here, role: Reader}]\n")
    assert Grant.objects.get().account_id == "444444444444"


# --- all or nothing, and in the record -------------------------------------------------------


def test_p30_every_apply_has_an_entry_with_before_and_after(folder: Folder) -> None:
    folder.applied(SMALL)
    assert details()["summary"] == "10 to add, 0 to change, 0 to remove"
    folder.applied(SMALL.replace("carol, account", "carol, note: why, account"))
    (change,) = details()["changes"]
    assert change == {
        "change": "~ grant to user carol: Developer in sandbox",
        "before": {"note": ""},
        "after": {"note": "why"},
    }
    folder.applied(without(SMALL, "- {user: carol"), "--prune")
    (change,) = details()["changes"]
    assert change["change"].startswith("- grant to user carol")
    assert (change["before"]["note"], "after" in change) == ("why", False)
    assert record.verify().broken_at is None


def test_P30_tags_are_a_mapping_in_an_entry_as_the_administration_writes_them(
    folder: Folder,
) -> None:
    tagged = "alias: sandbox\n    tags: {team: platform, owner: ann}\n"
    folder.applied(SMALL.replace("alias: sandbox\n", tagged))
    after = {change["change"]: change["after"] for change in details()["changes"]}
    assert after["+ account 333333333333 (sandbox)"]["tags"] == {"owner": "ann", "team": "platform"}
    assert after["+ account 222222222222 (payments-prod)"]["tags"] == {}
    role = after["+ role Developer in payments-prod"]
    assert (role["session_tags"], role["policy_arns"]) == ({}, "")
    long = tagged.replace("ann", "x" * 200).replace("platform", "y" * 200)
    folder.applied(SMALL.replace("alias: sandbox\n", long))
    (change,) = details()["changes"]
    assert change["before"]["tags"] == {"owner": "ann", "team": "platform"}
    assert change["after"]["tags"] == f"owner={'x' * 200}, team={'y' * 87}"


def test_an_entry_of_a_large_apply_is_bounded_and_says_so(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_module, "MOST_CHANGES_RECORDED", 4)
    folder.applied(SMALL)
    assert (len(details()["changes"]), details()["changes_left_out"]) == (4, 6)


def test_p30_without_an_entry_nothing_is_applied(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    before = take_snapshot()
    monkeypatch.setattr(Entry, "save", full_disk)
    outcome = folder.apply(SMALL)
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert "database or disk is full" in outcome.err
    assert "nothing was applied" in outcome.err
    assert take_snapshot() == before
    assert not User.objects.exists()


def test_an_error_at_the_last_write_leaves_nothing_half_done(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    before = take_snapshot()
    monkeypatch.setattr(writing, "_write_numbered", locked)
    outcome = folder.apply(SMALL)
    assert (outcome.status, "database is locked" in outcome.err) == (1, True)
    assert take_snapshot() == before


@pytest.mark.usefixtures("db")
def test_what_changed_between_plan_and_transaction_is_seen_and_nothing_is_applied() -> None:
    proposal = Proposal(SMALL.encode(), file_name="access.yaml", prune=False)
    Account.objects.create(account_id="222222222222", name="made meanwhile")
    with pytest.raises(DatabaseMoved):
        proposal.apply()
    assert not Role.objects.exists()
    assert not Entry.objects.exists()


def test_the_command_says_that_the_database_changed_meanwhile(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(_: Proposal) -> None:
        raise DatabaseMoved

    monkeypatch.setattr(Proposal, "apply", moved)
    outcome = folder.apply(SMALL)
    assert outcome.status == 1
    assert outcome.err.startswith("FILE: database: changed while the plan was made")


def test_a_person_who_signs_in_meanwhile_does_not_stop_the_apply(db: None) -> None:
    proposal = Proposal(SMALL.encode(), file_name="access.yaml", prune=False)
    User.objects.create_user("ann", "a long enough password")
    proposal.apply()
    assert User.objects.get(username="ann").origin == Origin.LOCAL


def test_p29_names_in_the_file_cannot_break_a_line_of_the_plan(folder: Folder) -> None:
    outcome = folder.applied(
        'version: 1\ngrants:\n  - {user: "eve\\u202e\\u200b", account: "*", role: "*"}\n'
    )
    assert outcome.out.splitlines()[0] == "+ grant to user eve\\u202e\\u200b: * in *"
    assert "\u202e" not in export_text()


def test_an_unmigrated_database_is_one_clear_line(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_table() -> None:
        raise OperationalError("no such table: accounts_account") from sqlite3.OperationalError()

    monkeypatch.setattr(apply_module, "take_snapshot", no_table)
    outcome = folder.apply(SMALL)
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)


def test_a_missing_file_is_named_without_a_line(db: None) -> None:
    outcome = run("apply", "nowhere.yaml")
    assert (outcome.status, outcome.err) == (
        2,
        "nowhere.yaml: file: No such file or directory\n",
    )


def test_an_unavailable_record_is_an_error_of_the_domain(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = Proposal(SMALL.encode(), file_name="access.yaml", prune=False)

    def gone(*_: object) -> None:
        raise OperationalError("unable to open database file")

    monkeypatch.setattr(writing, "_remove", gone)
    with pytest.raises(RecordUnavailable):
        proposal.apply()
