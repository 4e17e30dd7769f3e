"""P11, P12: who may enter what, when, and through which grant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.aws_rules.destinations import Place
from accounts.entitlements import granted_roles, require_entry
from accounts.errors import NotGranted, NotNow
from accounts.models import Account, Bookmark, Grant, Group, Membership, Role, User

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAYMENTS = "222222222222"
HUB = "111111111111"


@pytest.fixture
def catalogue(db: None) -> None:
    payments = Account.objects.create(
        account_id=PAYMENTS, alias="payments-prod", name="Payments", tags={"team": "payments"}
    )
    hub = Account.objects.create(account_id=HUB, tags={"team": "platform", "tier": "core"})
    for account in (payments, hub):
        for name in ("Developer", "team/Auditor"):
            Role.objects.create(account=account, name=name)


def granted(user: User, now: datetime = NOW) -> set[tuple[str, str]]:
    return {(way.account_id, way.role_name) for way in granted_roles(user, now)}


def member(user: User, name: str) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    Membership.objects.get_or_create(group=group, user=user)
    return group


@pytest.mark.usefixtures("catalogue")
class TestOneRole:
    def test_a_role_is_entered_by_the_accounts_alias_and_by_its_id(self, ann: User) -> None:
        Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="team/Auditor")
        for account in ("payments-prod", PAYMENTS):
            found = require_entry(ann, account, "team/Auditor", NOW)
            assert found.role.account_id == PAYMENTS

    def test_P12_never_granted_and_not_there_are_refused_alike(self, ann: User, bob: User) -> None:
        Grant.objects.create(user=bob, account_id=PAYMENTS, role_name="Developer")
        said = []
        for account, role in (
            ("payments-prod", "Developer"),
            ("payments-prod", "Nobody"),
            ("nowhere", "Developer"),
            ("999999999999", "Developer"),
            ("", ""),
            ("%", "*"),
        ):
            with pytest.raises(NotGranted) as refused:
                require_entry(ann, account, role, NOW)
            said.append((refused.value.message, refused.value.next_step, refused.value.params))
        assert all(s == said[0] for s in said)

    @pytest.mark.parametrize(
        ("starts", "expires", "says"),
        [
            (None, NOW, "ended"),
            (None, NOW - HOUR, "ended"),
            (NOW + HOUR, None, "begins"),
            (NOW + HOUR, NOW + 2 * HOUR, "begins"),
        ],
    )
    def test_P11_a_grant_outside_its_time_lets_nobody_in_and_says_why(
        self, ann: User, starts: datetime | None, expires: datetime | None, says: str
    ) -> None:
        Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", starts=starts, expires=expires
        )
        with pytest.raises(NotNow) as refused:
            require_entry(ann, PAYMENTS, "Developer", NOW)
        assert says in refused.value.message

    def test_a_grant_holds_from_its_first_moment_to_its_last(self, ann: User) -> None:
        Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", starts=NOW, expires=NOW + HOUR
        )
        require_entry(ann, PAYMENTS, "Developer", NOW)
        require_entry(ann, PAYMENTS, "Developer", NOW + HOUR - timedelta(microseconds=1))
        with pytest.raises(NotNow):
            require_entry(ann, PAYMENTS, "Developer", NOW + HOUR)

    @pytest.mark.parametrize("disabled", ["role", "account"])
    def test_P11_what_is_disabled_lets_nobody_in(self, ann: User, disabled: str) -> None:
        Grant.objects.create(user=ann, role_name="*")
        if disabled == "role":
            Role.objects.filter(account_id=PAYMENTS, name="Developer").update(disabled=True)
        else:
            Account.objects.filter(account_id=PAYMENTS).update(disabled=True)
        with pytest.raises(NotNow):
            require_entry(ann, PAYMENTS, "Developer", NOW)
        assert (PAYMENTS, "Developer") not in granted(ann)

    def test_out_of_the_group_is_out_of_the_role(self, ann: User) -> None:
        group = member(ann, "payments")
        Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer")
        require_entry(ann, PAYMENTS, "Developer", NOW)
        Membership.objects.all().delete()
        with pytest.raises(NotGranted):
            require_entry(ann, PAYMENTS, "Developer", NOW)

    def test_the_grant_that_ends_last_counts_then_a_direct_one_then_the_oldest(
        self, ann: User
    ) -> None:
        group = member(ann, "payments")
        late = NOW + 3 * HOUR

        def make(**subject: object) -> Grant:
            return Grant.objects.create(account_id=PAYMENTS, role_name="Developer", **subject)

        def which() -> Grant:
            return require_entry(ann, PAYMENTS, "Developer", NOW).grant

        make(user=ann, expires=NOW + HOUR)
        by_group = make(group=group, expires=late)
        assert which() == by_group
        direct = make(user=ann, expires=late)
        assert which() == direct
        make(user=ann, expires=late)
        assert which() == direct
        for_ever = make(group=group)
        assert which() == for_ever
        make(group=member(ann, "other"), starts=NOW + HOUR)
        assert which() == for_ever

    def test_one_query_answers_with_groups_and_bookmark(self, ann: User, bob: User) -> None:
        group = member(ann, "payments")
        member(ann, "on:call")
        Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer")
        Bookmark.objects.create(
            group=group, name="Queues", account_id=PAYMENTS, role_name="Developer",
            destination="/sqs/home", region="eu-central-1",
        )  # fmt: skip
        Bookmark.objects.create(
            user=bob, name="Not hers", account_id=PAYMENTS, role_name="Developer",
            destination="/s3/home", region="",
        )  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            found = require_entry(
                ann, "payments-prod", "Developer", NOW, Place("/sqs/home", "eu-central-1")
            )
            assert found.group_names == ("on:call", "payments")
            assert found.place_is_bookmarked
            assert str(found.grant) == f"group payments: Developer in {PAYMENTS}"
            assert found.role.source.name == "default"
        assert len(queries) == 1
        for place in (Place("/sqs/home", ""), Place("/s3/home", ""), Place("", "")):
            found = require_entry(ann, PAYMENTS, "Developer", NOW, place)
            assert not found.place_is_bookmarked


@pytest.mark.usefixtures("catalogue")
def test_all_roles_are_one_query(ann: User) -> None:
    Grant.objects.create(user=ann, role_name="*")
    Grant.objects.create(group=member(ann, "payments"), account_id=HUB, role_name="*")
    with CaptureQueriesContext(connection) as queries:
        ways = granted_roles(ann, NOW)
        assert [way.shown_title + way.account_title for way in ways]
    assert len(queries) == 1
    assert len(ways) == 4


# --- against a reading of the rules that a child could follow --------------------------------

TAGS = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["a", "b"]), max_size=2)
MOMENTS = st.sampled_from([None, NOW - HOUR, NOW, NOW + HOUR])


@dataclass(frozen=True)
class DrawnGrant:
    to_group: bool
    account: str | None
    tags: dict[str, str]
    role: str
    starts: datetime | None
    expires: datetime | None


GRANTS = st.builds(
    DrawnGrant,
    to_group=st.booleans(),
    account=st.sampled_from([None, HUB, PAYMENTS]),
    tags=TAGS,
    role=st.sampled_from(["*", "Developer", "Auditor"]),
    starts=MOMENTS,
    expires=MOMENTS,
)


def enters(user: User, account_id: str, role: str) -> bool:
    try:
        require_entry(user, account_id, role, NOW)
    except (NotGranted, NotNow):
        return False
    return True


class AgainstThePlainReading(TestCase):
    @settings(max_examples=120)
    @given(st.lists(GRANTS, max_size=4), TAGS, TAGS, st.booleans(), st.booleans())
    def test_the_view_and_the_plain_reading_agree(
        self,
        drawn: list[DrawnGrant],
        hub_tags: dict[str, str],
        payments_tags: dict[str, str],
        is_member: bool,
        hub_is_disabled: bool,
    ) -> None:
        ann = User.objects.create_user("ann")
        group = Group.objects.create(name="payments")
        if is_member:
            Membership.objects.create(user=ann, group=group)
        accounts = {
            HUB: Account.objects.create(account_id=HUB, tags=hub_tags, disabled=hub_is_disabled),
            PAYMENTS: Account.objects.create(account_id=PAYMENTS, tags=payments_tags),
        }
        for account in accounts.values():
            for name in ("Developer", "Auditor"):
                Role.objects.create(account=account, name=name)
        for grant in drawn:
            Grant.objects.create(
                user=None if grant.to_group else ann,
                group=group if grant.to_group else None,
                account=accounts.get(grant.account or ""),
                account_tags={} if grant.account else grant.tags,
                role_name=grant.role,
                starts=grant.starts,
                expires=grant.expires,
            )

        def reaches(grant: DrawnGrant, account: Account, role: str) -> bool:
            theirs = is_member or not grant.to_group
            there = (
                grant.account == account.account_id
                if grant.account
                else all(account.tags.get(k) == v for k, v in grant.tags.items())
            )
            now = (grant.starts is None or grant.starts <= NOW) and (
                grant.expires is None or grant.expires > NOW
            )
            return theirs and there and grant.role in ("*", role) and now

        expected = {
            (account.account_id, role)
            for account in accounts.values()
            for role in ("Developer", "Auditor")
            if not account.disabled and any(reaches(g, account, role) for g in drawn)
        }
        assert granted(ann) == expected
        for way in granted_roles(ann, NOW):
            one = require_entry(ann, way.account_id, way.role_name, NOW)
            assert way.ends == one.grant.expires
        one_by_one = {
            (account_id, role)
            for account_id in accounts
            for role in ("Developer", "Auditor")
            if enters(ann, account_id, role)
        }
        assert one_by_one == expected
