"""Who may enter a role and what somebody may enter, through which grant, and when they did last."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts import record
from accounts.administration import who
from accounts.administration.ends import End, end_of_day, moment_of_end
from accounts.entitlements import granted_roles
from accounts.models import Account, Action, Grant, Group, Membership, Outcome, Role, User
from accounts.record import Act, moment_text

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAYMENTS = "222222222222"
HUB = "111111111111"


@pytest.fixture
def developer(db: None) -> Role:
    payments = Account.objects.create(
        account_id=PAYMENTS, alias="payments-prod", name="Payments", tags={"team": "payments"}
    )
    hub = Account.objects.create(account_id=HUB, name="Hub")
    Role.objects.create(account=payments, name="Auditor")
    Role.objects.create(account=hub, name="Developer")
    return Role.objects.create(account=payments, name="Developer")


def member(user: User, name: str) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    Membership.objects.get_or_create(group=group, user=user)
    return group


def used(user: User, when: datetime, account: str = PAYMENTS, role: str = "Developer") -> None:
    act = Act(Action.LAUNCH, user.username, user.record_key, account, role, time=moment_text(when))
    record.open_act(act)
    record.close_act(act, Outcome.SUCCEEDED)


class TestWhoMayEnter:
    def test_everybody_with_the_grant_that_counts_and_their_last_use(
        self, developer: Role, ann: User, bob: User, carol: User
    ) -> None:
        group = member(ann, "payments")
        member(bob, "payments")
        by_group = Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer")
        direct = Grant.objects.create(user=ann, role_name="*", expires=NOW + DAY)
        Grant.objects.create(user=carol, account_id=PAYMENTS, role_name="*", expires=NOW)
        used(ann, NOW - DAY)
        used(ann, NOW - 2 * DAY)
        used(ann, NOW, role="Auditor")
        used(bob, NOW, account=HUB)
        page = who.who_may_enter(developer, NOW)
        assert (page.count, page.pages) == (2, 1)
        found = [(row.user, row.best, list(row.grants), row.last_used) for row in page.rows]
        assert found == [
            (ann, by_group, [by_group, direct], NOW - DAY),
            (bob, by_group, [by_group], None),
        ]

    def test_what_begins_later_stands_behind_what_holds(self, developer: Role, ann: User) -> None:
        later = Grant.objects.create(user=ann, role_name="Developer", starts=NOW + DAY)
        now = Grant.objects.create(user=ann, role_name="Developer", expires=NOW + DAY)
        assert who.why(ann, developer, NOW) == [now, later]
        assert who.who_may_enter(developer, NOW).rows[0].best == now

    def test_grants_that_lead_to_a_role_with_the_people_they_let_in(
        self, developer: Role, ann: User, bob: User
    ) -> None:
        group = member(ann, "payments")
        member(bob, "payments")
        tagged = Group.objects.create(name="zz")
        Grant.objects.create(group=group, role_name="Developer")
        Grant.objects.create(group=tagged, role_name="*", account_tags={"team": "payments"})
        Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="*")
        for fields in (
            {"account_id": HUB, "role_name": "Developer"},
            {"role_name": "*", "account_tags": {"team": "else"}},
            {"role_name": "Auditor"},
            {"role_name": "*", "expires": NOW},
        ):
            Grant.objects.create(user=bob, **fields)
        count, rows = who.grants_of_role(developer, NOW)
        assert count == 3
        assert [(str(row.grant), row.people) for row in rows] == [
            ("group payments: Developer in *", 2),
            ("group zz: * in team=payments", 0),
            (f"user ann: * in {PAYMENTS}", 1),
        ]

    @pytest.mark.parametrize(
        "shut_out",
        [
            {"is_active": False},
            *({"directory_state": s} for s in ("gone", "disabled", "outside", "replaced")),
        ],
    )
    def test_who_comes_in_no_more_is_shown_and_not_counted(
        self, developer: Role, ann: User, bob: User, carol: User, shut_out: dict[str, object]
    ) -> None:
        group = member(ann, "payments")
        member(bob, "payments")
        Grant.objects.create(group=group, role_name="Developer")
        Grant.objects.create(user=carol, role_name="*")
        User.objects.filter(pk__in=(bob.pk, carol.pk)).update(**shut_out)
        page = who.who_may_enter(developer, NOW)
        assert (page.count, page.let_in, page.shut_out) == (3, 1, 2)
        assert [row.user.is_shut_out for row in page.rows] == [False, True, True]
        _, rows = who.grants_of_role(developer, NOW)
        assert [row.people for row in rows] == [1, 0]

    def test_a_page_holds_fifty_and_asks_as_often_as_an_empty_one(self, developer: Role) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                who.who_may_enter(developer, NOW, 2)
                who.grants_of_role(developer, NOW)
            return len(queries)

        group = Group.objects.create(name="many")
        Grant.objects.create(group=group, role_name="Developer")
        Membership.objects.create(group=group, user=User.objects.create_placeholder("p-00"))
        before = asked()
        for number in range(1, 60):
            user = User.objects.create_placeholder(f"p-{number:02}")
            Membership.objects.create(group=group, user=user)
            Grant.objects.create(user=user, role_name="*")
        page = who.who_may_enter(developer, NOW, 2)
        assert (page.count, page.pages, page.number, len(page.rows)) == (60, 2, 2, 10)
        assert who.who_may_enter(developer, NOW, 99).number == 2
        assert asked() == before


class TestWhatMayEnter:
    def test_every_role_with_grants_and_last_use(self, developer: Role, ann: User) -> None:
        everything = Grant.objects.create(user=ann, role_name="Developer")
        tagged = Grant.objects.create(
            group=member(ann, "payments"), role_name="*", account_tags={"team": "payments"}
        )
        used(ann, NOW - DAY)
        used(ann, NOW - HOUR, role="Auditor")
        page = who.what_may_enter(ann, NOW)
        found = [
            (row.role.account_id, row.role.name, list(row.grants), row.last_used)
            for row in page.rows
        ]
        assert found == [
            (HUB, "Developer", [everything], None),
            (PAYMENTS, "Auditor", [tagged], NOW - HOUR),
            (PAYMENTS, "Developer", [everything, tagged], NOW - DAY),
        ]
        ways = {(way.account_id, way.role_name) for way in granted_roles(ann, NOW)}
        assert {row[:2] for row in found} == ways

    def test_what_is_closed_is_left_out(self, developer: Role, ann: User) -> None:
        Grant.objects.create(user=ann, role_name="*")
        Account.objects.filter(pk=HUB).update(disabled=True)
        Role.objects.filter(name="Auditor").update(disabled=True)
        assert [row.role for row in who.what_may_enter(ann, NOW).rows] == [developer]

    def test_more_roles_are_no_more_queries(self, developer: Role, ann: User) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                who.what_may_enter(ann, NOW)
            return len(queries)

        Grant.objects.create(user=ann, role_name="*")
        before = asked()
        Role.objects.bulk_create(Role(account_id=HUB, name=f"r{n}") for n in range(80))
        Grant.objects.create(group=member(ann, "more"), role_name="*")
        assert who.what_may_enter(ann, NOW).pages == 2
        assert asked() == before


class TestUnused:
    @pytest.mark.parametrize(
        "fields",
        [
            {"account_id": PAYMENTS, "role_name": "Developer"},
            {"account_id": PAYMENTS, "role_name": "*"},
            {"role_name": "Developer"},
            {"role_name": "*"},
            {"role_name": "*", "account_tags": {"team": "payments"}},
        ],
    )
    @pytest.mark.parametrize("by_group", [False, True])
    def test_a_grant_is_unused_until_somebody_whom_it_is_for_enters(
        self, developer: Role, ann: User, bob: User, fields: dict[str, object], by_group: bool
    ) -> None:
        group = member(ann, "payments")
        subject = {"group": group} if by_group else {"user": ann}
        grant = Grant.objects.create(**subject, **fields)
        Grant.objects.filter(pk=grant.pk).update(made=NOW - 200 * DAY)

        def unused() -> tuple[bool, bool]:
            never = who.unused_among(Grant.objects.all(), NOW, None)
            return who.unused_grants(NOW).exists(), never.exists()

        assert unused() == (True, True)
        used(bob, NOW - DAY)
        assert unused() == (True, True)
        used(ann, NOW - 100 * DAY)
        assert unused() == (True, False)
        used(ann, NOW - DAY)
        assert unused() == (False, False)

    def test_a_grant_for_any_account_was_used_although_that_one_has_gone(
        self, developer: Role, ann: User
    ) -> None:
        grant = Grant.objects.create(user=ann, role_name="Developer")
        Grant.objects.update(made=NOW - 200 * DAY)
        used(ann, NOW - DAY)
        Account.objects.get(pk=PAYMENTS).delete()
        assert Grant.objects.filter(pk=grant.pk).exists()
        assert not who.unused_grants(NOW).exists()

    def test_only_what_holds_and_is_old_enough_is_told_of(self, developer: Role, ann: User) -> None:
        young = Grant.objects.create(user=ann, role_name="Developer")
        Grant.objects.filter(pk=young.pk).update(made=NOW - DAY)
        for times in ({"expires": NOW - DAY}, {"starts": NOW + DAY}):
            other = Grant.objects.create(user=ann, role_name="Developer", **times)
            Grant.objects.filter(pk=other.pk).update(made=NOW - 200 * DAY)
        assert not who.unused_grants(NOW).exists()
        assert list(who.unused_among(Grant.objects.all(), NOW, None)) == [young]

    def test_grants_that_end_soon(self, developer: Role, ann: User) -> None:
        for days in (-1, 3, 20, 100):
            Grant.objects.create(user=ann, role_name=f"r{days}", expires=NOW + days * DAY)
        assert [grant.role_name for grant in who.ending_grants(NOW, 7)] == ["r3"]
        assert who.ending_grants(NOW, 30).count() == 2


class TestEnds:
    """12:00 UTC on Wednesday, 25 November 2026; in Tokyo it is 21:00."""

    TOKYO = ZoneInfo("Asia/Tokyo")

    @pytest.mark.parametrize(
        ("end", "day"),
        [
            (End.TODAY, "2026-11-25"),
            (End.THIS_WEEK, "2026-11-29"),
            (End.NEXT_WEEK, "2026-12-06"),
            (End.DAYS_7, "2026-12-02"),
            (End.DAYS_30, "2026-12-25"),
            (End.DAYS_90, "2027-02-23"),
            (End.QUARTER, "2026-12-31"),
        ],
    )
    def test_an_end_is_the_last_second_of_a_day_in_the_persons_zone(
        self, end: End, day: str
    ) -> None:
        moment = moment_of_end(end, NOW, self.TOKYO)
        assert moment is not None
        assert moment.isoformat() == f"{day}T23:59:59+09:00"

    def test_the_day_is_the_persons_own(self) -> None:
        late = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
        moment = moment_of_end(End.TODAY, late, self.TOKYO)
        assert moment == end_of_day(datetime(2026, 11, 26, tzinfo=UTC).date(), self.TOKYO)

    @pytest.mark.parametrize(
        ("today", "last"),
        [("2026-01-01", "03-31"), ("2026-06-30", "06-30"), ("2026-07-01", "09-30")],
    )
    def test_a_quarter_ends_with_its_third_month(self, today: str, last: str) -> None:
        now = datetime.fromisoformat(f"{today}T08:00:00+00:00")
        moment = moment_of_end(End.QUARTER, now, UTC)
        assert moment is not None
        assert moment.isoformat().startswith(f"2026-{last}T23:59:59")

    def test_no_end_is_none(self) -> None:
        assert moment_of_end(End.NEVER, NOW, UTC) is None


# --- against the entitlements ----------------------------------------------------------------

PLACES = st.sampled_from([None, HUB, PAYMENTS])
NAMES = st.sampled_from(["*", "Developer", "Auditor"])
TAGS = st.sampled_from([{}, {"team": "a"}, {"team": "a", "tier": "b"}, {"team": "c"}])
ENDS = st.sampled_from([None, NOW - HOUR, NOW, NOW + HOUR])
SUBJECTS = st.sampled_from(["ann", "bob", "@payments", "@core"])
GRANTS = st.lists(st.tuples(SUBJECTS, PLACES, TAGS, NAMES, ENDS), max_size=6)
MEMBERS = st.sets(st.tuples(st.sampled_from(["payments", "core"]), st.sampled_from(["ann", "bob"])))


class AgainstTheEntitlements(TestCase):
    """Both lists say the same as the entitlements, seen from either side."""

    @settings(max_examples=60)
    @given(GRANTS, MEMBERS, TAGS)
    def test_who_and_what_agree(
        self,
        drawn: list[tuple[str, str | None, dict[str, str], str, datetime | None]],
        members: set[tuple[str, str]],
        tags: dict[str, str],
    ) -> None:
        people = {name: User.objects.create_user(name) for name in ("ann", "bob")}
        groups = {name: Group.objects.create(name=name) for name in ("payments", "core")}
        for group, name in members:
            Membership.objects.create(group=groups[group], user=people[name])
        for account_id, own in ((HUB, tags), (PAYMENTS, {"team": "a"})):
            account = Account.objects.create(account_id=account_id, tags=own)
            for role in ("Developer", "Auditor"):
                Role.objects.create(account=account, name=role)
        for subject, place, wanted, role, expires in drawn:
            Grant.objects.create(
                user=people.get(subject),
                group=groups.get(subject.removeprefix("@")),
                account_id=place,
                account_tags={} if place else wanted,
                role_name=role,
                expires=expires,
            )
        roles = list(Role.objects.select_related("account"))
        truth = {
            (user.username, way.account_id, way.role_name): way.ends
            for user in people.values()
            for way in granted_roles(user, NOW)
        }
        by_role = {
            (row.user.username, role.account_id, role.name): row.best.expires
            for role in roles
            for row in who.who_may_enter(role, NOW).rows
        }
        by_person = {
            (user.username, row.role.account_id, row.role.name): row.best.expires
            for user in people.values()
            for row in who.what_may_enter(user, NOW).rows
        }
        assert by_role == truth
        assert by_person == truth
