"""Grants made many at once: what is said beforehand is what comes of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.administration import grant_plan, grant_steps, granting
from accounts.administration.access_change import Difference, Kind
from accounts.administration.changing import Administrator, changing
from accounts.administration.grant_lines import read_names, read_patterns
from accounts.administration.grant_plan import State, Wish
from accounts.administration.grant_steps import Step
from accounts.entitlements import granted_roles
from accounts.errors import NotAllowed
from accounts.grant_pattern import Pattern
from accounts.history import details_of
from accounts.models import Account, Entry, Grant, Group, Membership, Origin, Role, User

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAYMENTS = "222222222222"
HUB = "111111111111"
DEVELOPER = Pattern(PAYMENTS, (), "Developer")
ANYTHING = Pattern("", (), "*")


@pytest.fixture
def catalogue(db: None) -> None:
    payments = Account.objects.create(
        account_id=PAYMENTS, alias="payments-prod", name="Payments", tags={"team": "payments"}
    )
    hub = Account.objects.create(account_id=HUB, tags={"team": "platform", "tier": "core"})
    for account in (payments, hub):
        for name in ("Developer", "team/Auditor"):
            Role.objects.create(account=account, name=name)


@pytest.fixture
def dana(db: None) -> User:
    return User.objects.create_user("dana", is_staff=True)


def save(administrator: User, wish: Wish) -> None:
    with changing(Administrator(administrator)) as changes:
        granting.save(grant_plan.plan(wish), changes)


def take(administrator: User, step: Step, *grants: Grant, expires: datetime | None = None) -> None:
    with changing(Administrator(administrator)) as changes:
        keys = [grant.pk for grant in grants]
        grant_steps.take_step(grant_steps.plan_step(step, keys, NOW, expires=expires), changes)


@pytest.mark.usefixtures("catalogue")
class TestWhatIsTyped:
    def test_roles_are_named_as_links_and_the_access_file_name_them(self) -> None:
        typed = (
            "payments-prod/Developer\n222222222222/team/Auditor\n 111111111111/* \n*/Developer\n"
        )
        typed += "{team=payments, tier=core}/*\n{team: x}/a/b\npayments-prod/Developer"
        assert read_patterns(typed) == (
            DEVELOPER,
            Pattern(PAYMENTS, (), "team/Auditor"),
            Pattern(HUB, (), "*"),
            Pattern("", (), "Developer"),
            Pattern("", (("team", "payments"), ("tier", "core")), "*"),
            Pattern("", (("team", "x"),), "a/b"),
        )

    def test_an_account_is_named_as_aws_shows_it(self) -> None:
        as_shown = ("2222-2222-2222", "2222 2222 2222", "PAYMENTS-PROD")
        typed = "\n".join(f" {account}/Developer" for account in as_shown)
        assert read_patterns(typed) == (DEVELOPER,)

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("nowhere/Developer", "no such account"),
            ("999999999999/*", "no such account"),
            ("payments-prod/Nobody", "no such role"),
            ("payments-prod/developer", "no such role"),
            ("payments-prod", "slash"),
            ("payments-prod/", "missing"),
            ("/Developer", "slash"),
            ("{}/Developer", "tags look like"),
            ("{team}/Developer", "tags look like"),
            (f"{{{','.join(f'k{n}=v' for n in range(51))}}}/*", "at most 50 tags"),
            ("*/" + "x" * 600, "cannot be"),
            ("pay\0ments/*", "no such account"),
        ],
    )
    def test_a_line_that_leads_nowhere_is_named_with_the_reason(self, line: str, says: str) -> None:
        with pytest.raises(ValidationError) as refused:
            read_patterns(f"payments-prod/*\n{line}\n")
        assert len(refused.value.messages) == 1
        assert says in refused.value.messages[0]

    def test_a_hundred_lines_are_two_queries(self) -> None:
        lines = "\n".join(f"payments-prod/Developer\n{n:012}/*" for n in range(49))
        with CaptureQueriesContext(connection) as queries, pytest.raises(ValidationError):
            read_patterns(lines)
        assert len(queries) == 2

    def test_names_are_kept_as_the_access_file_keeps_them(self) -> None:
        assert read_names(" Ann \nBOB\nann\n\n") == ("ann", "bob")
        with pytest.raises(ValidationError):
            read_names("ann\n" + "x" * 151)
        with pytest.raises(ValidationError):
            read_names("\n".join(map(str, range(101))))


@pytest.mark.usefixtures("catalogue")
class TestMaking:
    def test_several_people_and_groups_get_several_roles_and_each_is_a_row(
        self, ann: User, dana: User
    ) -> None:
        patterns = (DEVELOPER, Pattern("", (("team", "platform"),), "*"))
        wish = Wish(("ann", "newcomer"), ("on-call",), patterns, expires=NOW + DAY, note="why")
        save(dana, wish)
        made = Grant.objects.order_by("pk")
        assert {(str(g), g.expires, g.note, g.made_by, g.from_file) for g in made} == {
            (f"{who}: {what}", NOW + DAY, "why", "dana", False)
            for who in ("user ann", "user newcomer", "group on-call")
            for what in (f"Developer in {PAYMENTS}", "* in team=platform")
        }
        assert User.objects.get(username="newcomer").origin == Origin.NONE_YET
        assert not User.objects.get(username="newcomer").has_usable_password()
        assert Group.objects.get(name="on-call").origin == Origin.DIRECTORY
        told = [details_of(entry.details) for entry in Entry.objects.order_by("id")]
        assert [(row["kind"], row["name"]) for row in told] == [
            ("user", "newcomer"),
            ("group", "on-call"),
            *(("grant", str(grant)) for grant in made),
        ]
        grant_row = told[2]
        assert grant_row["before"] is None
        assert grant_row["after"]["user"] == "ann"
        assert grant_row["after"]["note"] == "why"
        row = Entry.objects.get(id=3)
        assert (row.actor, row.account, row.role) == ("dana", PAYMENTS, "Developer")

    def test_the_same_grant_is_not_made_twice(self, ann: User, dana: User) -> None:
        wish = Wish(("ann",), (), (DEVELOPER,), expires=NOW + DAY)
        save(dana, wish)
        again = grant_plan.plan(wish)
        assert [each.state for each in again.grants] == [State.THERE]
        assert not again.does_something
        save(dana, wish)
        assert Grant.objects.count() == 1
        another_start = Wish(("ann",), (), (DEVELOPER,), starts=NOW, expires=NOW + DAY)
        assert [each.state for each in grant_plan.plan(another_start).grants] == [State.NEW]

    def test_one_that_is_there_with_another_end_or_note_is_changed(
        self, ann: User, dana: User
    ) -> None:
        grant = Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
        wish = Wish(("ann",), (), (DEVELOPER,), expires=NOW + DAY, note="less")
        assert [each.state for each in grant_plan.plan(wish).grants] == [State.OTHERWISE]
        save(dana, wish)
        grant.refresh_from_db()
        assert (grant.expires, grant.note) == (NOW + DAY, "less")
        told = details_of(Entry.objects.get().details)
        assert told["before"] == {"expires": None, "note": ""}
        assert told["after"] == {"expires": (NOW + DAY).isoformat(), "note": "less"}

    @pytest.mark.parametrize("expires", [None, NOW + DAY])
    def test_what_the_access_file_manages_is_never_touched(
        self, ann: User, dana: User, expires: datetime | None
    ) -> None:
        Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", from_file=True, expires=None
        )
        wish = Wish(("ann",), (), (DEVELOPER,), expires=expires)
        states = [State.FILE_HOLDS_IT_OTHERWISE if expires else State.FILE_HOLDS_IT]
        assert [each.state for each in grant_plan.plan(wish).grants] == states
        save(dana, wish)
        assert Grant.objects.get().expires is None
        take(dana, Step.END, Grant.objects.get())
        take(dana, Step.DELETE, Grant.objects.get())
        assert Grant.objects.get().expires is None

    @pytest.mark.parametrize("by_group", [False, True])
    def test_P32_nobody_grants_to_themselves_or_to_their_group(
        self, dana: User, by_group: bool
    ) -> None:
        group = Group.objects.create(name="admins")
        Membership.objects.create(group=group, user=dana)
        nowhere = Pattern("", (("team", "none"),), "*")
        wish = Wish(() if by_group else ("dana",), ("admins",) if by_group else (), (nowhere,))
        with pytest.raises(NotAllowed):
            save(dana, wish)
        assert not Grant.objects.exists()

    @pytest.mark.parametrize("is_there", [False, True])
    def test_P32_a_directory_person_grants_to_no_group_that_they_may_be_in_unknown_to_the_portal(
        self, dana: User, ann: User, is_there: bool
    ) -> None:
        User.objects.filter(pk=dana.pk).update(origin=Origin.DIRECTORY)
        dana.refresh_from_db()
        groups = Group.objects.bulk_create([Group(name="on-call")] if is_there else [])
        wish = Wish(("ann",), ("on-call",), (ANYTHING,))
        with pytest.raises(NotAllowed) as refused:
            save(dana, wish)
        assert refused.value.code == "UnknownMembers"
        assert refused.value.params == {"group": "on-call"}
        assert not Grant.objects.exists()
        assert Group.objects.count() == len(groups)
        known, _ = Group.objects.get_or_create(name="on-call")
        Membership.objects.create(group=known, user=ann)
        with pytest.raises(NotAllowed):
            save(dana, wish)
        # Who is in it is read from now on.
        Grant.objects.create(group=known, role_name="Auditor")
        save(dana, wish)
        assert Grant.objects.count() == 3

    @pytest.mark.parametrize("origin", [Origin.LOCAL, Origin.DIRECTORY])
    def test_who_cannot_be_in_it_or_may_do_everything_grants_to_a_new_group(
        self, dana: User, origin: Origin
    ) -> None:
        is_superuser = origin == Origin.DIRECTORY
        User.objects.filter(pk=dana.pk).update(origin=origin, is_superuser=is_superuser)
        dana.refresh_from_db()
        Group.objects.create(name="empty", origin=Origin.LOCAL)
        save(dana, Wish((), ("on-call", "empty"), (ANYTHING,)))
        assert Grant.objects.count() == 2

    def test_P32_an_empty_local_group_is_known(self, dana: User) -> None:
        User.objects.filter(pk=dana.pk).update(origin=Origin.DIRECTORY)
        dana.refresh_from_db()
        Group.objects.create(name="empty", origin=Origin.LOCAL)
        save(dana, Wish((), ("empty",), (ANYTHING,)))
        assert Grant.objects.count() == 1

    def test_a_superuser_may(self, dana: User) -> None:
        User.objects.filter(pk=dana.pk).update(is_superuser=True)
        dana.refresh_from_db()
        save(dana, Wish(("dana",), (), (ANYTHING,)))
        assert Grant.objects.count() == 1

    def test_planning_and_preview_ask_as_often_for_many_as_for_one(self, ann: User) -> None:
        def asked(wish: Wish) -> int:
            with CaptureQueriesContext(connection) as queries:
                grant_plan.preview(wish, NOW)
            return len(queries)

        group = Group.objects.create(name="payments")
        one = asked(Wish(("ann",), ("payments",), (DEVELOPER,)))
        for number in range(30):
            user = User.objects.create_placeholder(f"person-{number}")
            Membership.objects.create(group=group, user=user)
            Grant.objects.create(user=user, role_name="*")
            Role.objects.create(account_id=HUB, name=f"role-{number}")
        names = tuple(f"person-{number}" for number in range(20))
        assert asked(Wish(names, ("payments", "x"), (DEVELOPER, ANYTHING))) == one
        assert one <= 10


@pytest.mark.usefixtures("catalogue")
class TestSteps:
    def test_ending_now_ends_what_holds_and_leaves_the_rest(self, ann: User, dana: User) -> None:
        def make(**fields: object) -> Grant:
            return Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="*", **fields)

        holds, over = make(), make(expires=NOW - HOUR)
        coming, files = make(starts=NOW + HOUR), make(starts=NOW - HOUR, from_file=True)
        every = [grant.pk for grant in (holds, over, coming, files)]
        plan = grant_steps.plan_step(Step.END, every, NOW)
        assert (plan.grants, plan.over, plan.coming, plan.from_file) == (
            (holds,), (over,), (coming,), (files,),
        )  # fmt: skip
        take(dana, Step.END, holds, over, coming, files)
        ends = dict(Grant.objects.values_list("pk", "expires"))
        assert ends == {holds.pk: NOW, over.pk: NOW - HOUR, coming.pk: None, files.pk: None}
        assert Entry.objects.count() == 1

    def test_who_loses_nothing_by_it_is_not_told_of(self, ann: User, bob: User) -> None:
        group = Group.objects.create(name="payments")
        Membership.objects.create(group=group, user=ann)
        Membership.objects.create(group=group, user=bob)
        grant = Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer")
        Grant.objects.create(user=ann, role_name="Developer", expires=NOW + DAY)
        found = grant_steps.plan_step(Step.DELETE, [grant.pk], NOW).difference
        assert (found.people, found.roles, found.is_whole) == (2, 1, True)
        assert [(e.username, e.kind, e.ends_after) for e in found.effects] == [
            ("ann", Kind.SHORTER, NOW + DAY),
            ("bob", Kind.LOSES, None),
        ]

    def test_who_comes_in_no_more_gains_and_loses_nothing_yet(self, ann: User, bob: User) -> None:
        User.objects.filter(pk=bob.pk).update(is_active=False)
        wish = Wish(("ann", "bob", "newcomer"), (), (DEVELOPER,))
        before = grant_plan.preview(wish, NOW)
        found = before.difference
        assert (found.people, found.shut_out, found.is_whole) == (2, 1, True)
        assert found.names(Kind.GAINS) == ["ann", "bob", "newcomer"]
        assert found.let_in(Kind.GAINS) == ["ann", "newcomer"]
        User.objects.filter(pk=bob.pk).update(is_active=True)
        assert grant_plan.preview(wish, NOW).stamp != before.stamp

    def test_P32_nobody_extends_a_grant_of_their_own(self, dana: User) -> None:
        grant = Grant.objects.create(
            user=dana, account_id=PAYMENTS, role_name="Developer", expires=NOW + HOUR
        )
        with pytest.raises(NotAllowed):
            take(dana, Step.OTHER_END, grant, expires=NOW + DAY)
        with pytest.raises(NotAllowed), changing(Administrator(dana)) as changes:
            grant_steps.change_one(grant, changes, expires=None, note="")
        grant.refresh_from_db()
        assert grant.expires == NOW + HOUR
        take(dana, Step.END, grant)
        grant.refresh_from_db()
        assert grant.expires == NOW

    def test_P32_nor_one_of_their_group_where_nothing_comes_of_it_today(self, dana: User) -> None:
        group = Group.objects.create(name="admins", origin=Origin.LOCAL)
        Membership.objects.create(group=group, user=dana)
        grant = Grant.objects.create(group=group, role_name="Nowhere", expires=NOW + DAY)
        with pytest.raises(NotAllowed):
            take(dana, Step.OTHER_END, grant, expires=None)
        with pytest.raises(NotAllowed):
            grant_steps.require_may_have(dana, [grant], None)

    def test_P32_one_that_would_be_longer_holds_back_those_that_would_be_shorter(
        self, ann: User, dana: User
    ) -> None:
        def make(user: User, expires: datetime) -> Grant:
            return Grant.objects.create(user=user, role_name="*", expires=expires)

        own, anns = make(dana, NOW + 9 * DAY), make(ann, NOW + HOUR)
        take(dana, Step.OTHER_END, own, anns, expires=NOW + DAY)
        assert set(Grant.objects.values_list("expires", flat=True)) == {NOW + DAY}
        with pytest.raises(NotAllowed):
            take(dana, Step.OTHER_END, own, anns, make(dana, NOW + HOUR), expires=NOW + 2 * HOUR)
        assert Grant.objects.filter(expires=NOW + DAY).count() == 2

    def test_another_end_or_another_person_is_another_stamp(self, ann: User, bob: User) -> None:
        group = Group.objects.create(name="payments")
        Membership.objects.create(group=group, user=ann)
        wish = Wish((), ("payments",), (DEVELOPER,))
        stamp = grant_plan.preview(wish, NOW).stamp
        assert grant_plan.preview(wish, NOW + HOUR).stamp == stamp
        Membership.objects.create(group=group, user=bob)
        assert grant_plan.preview(wish, NOW).stamp != stamp


def test_more_than_can_be_shown_is_counted(ann: User) -> None:
    account = Account.objects.create(account_id=HUB)
    Role.objects.bulk_create(Role(account=account, name=f"role-{n:03}") for n in range(130))
    found = grant_plan.preview(Wish(("ann", "newcomer"), (), (ANYTHING,)), NOW).difference
    assert (found.people, found.roles, found.is_whole) == (2, 130, False)
    assert found.names(Kind.GAINS) == ["ann", "newcomer"]
    assert len(found.effects) == 200


# --- against the entitlements ----------------------------------------------------------------

MOMENTS = st.sampled_from([None, NOW - HOUR, NOW + HOUR, NOW + 2 * HOUR])
ENDS = st.sampled_from([None, NOW - HOUR, NOW + HOUR, NOW + 2 * HOUR])
PATTERNS = st.builds(
    Pattern,
    st.sampled_from(["", HUB, PAYMENTS]),
    st.sampled_from([(), (("team", "a"),), (("team", "a"), ("tier", "b"))]),
    st.sampled_from(["*", "Developer", "Auditor"]),
).map(lambda p: Pattern(p.account_id, () if p.account_id else p.account_tags, p.role_name))
TAGS = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["a", "b"]), max_size=2)
SUBJECTS = st.sampled_from(["ann", "bob", "@payments", "@core"])


@dataclass(frozen=True)
class Drawn:
    subject: str
    pattern: Pattern
    starts: datetime | None
    expires: datetime | None


GRANTS = st.lists(st.builds(Drawn, SUBJECTS, PATTERNS, MOMENTS, ENDS), max_size=5)
NAMES = st.lists(st.sampled_from(["ann", "bob", "newcomer"]), unique=True, max_size=3)
GROUPS = st.lists(st.sampled_from(["payments", "core", "nobodys"]), unique=True, max_size=2)
MEMBERS = st.sets(st.tuples(st.sampled_from(["payments", "core"]), st.sampled_from(["ann", "bob"])))
WISHES = st.builds(
    Wish,
    NAMES.map(tuple),
    GROUPS.map(tuple),
    st.lists(PATTERNS, unique=True, max_size=2).map(tuple),
    MOMENTS,
    ENDS,
)
MOMENTS_LOOKED_AT = (NOW, NOW + HOUR, NOW + 2 * HOUR)
Held = dict[str, set[tuple[str, str]]]


class AgainstTheEntitlements(TestCase):
    """What a preview says of everybody is the difference that the change makes for them."""

    def lay(self, drawn: list[Drawn], members: set[tuple[str, str]], tags: dict[str, str]) -> None:
        people = {name: User.objects.create_user(name) for name in ("ann", "bob")}
        groups = {name: Group.objects.create(name=name) for name in ("payments", "core")}
        self.dana = User.objects.create_superuser("dana")
        for group, name in members:
            Membership.objects.create(group=groups[group], user=people[name])
        for account_id, own in ((HUB, tags), (PAYMENTS, {"team": "a"})):
            account = Account.objects.create(account_id=account_id, tags=own)
            for role in ("Developer", "Auditor"):
                Role.objects.create(account=account, name=role, disabled=bool(own.get("tier")))
        for grant in drawn:
            Grant.objects.create(
                user=people.get(grant.subject),
                group=groups.get(grant.subject.removeprefix("@")),
                account_id=grant.pattern.account_id or None,
                account_tags=dict(grant.pattern.account_tags),
                role_name=grant.pattern.role_name,
                starts=grant.starts,
                expires=grant.expires,
            )

    def held(self, at: datetime) -> Held:
        return {
            user.username: {(w.account_id, w.role_name) for w in granted_roles(user, at)}
            for user in User.objects.all()
        }

    def require_told(self, found: Difference, at: datetime, before: Held, after: Held) -> None:
        entered = {(who, *what) for who, theirs in before.items() for what in theirs}
        enters = {(who, *what) for who, theirs in after.items() for what in theirs}
        told: dict[bool, set[tuple[str, str, str]]] = {True: set(), False: set()}
        for effect in found.effects:
            was, becomes = (
                any(starts <= at < ends for starts, ends in windows)
                for windows in (effect.before, effect.after)
            )
            if was != becomes:
                told[becomes].add((effect.username, effect.role.account_id, effect.role.name))
        assert told[True] == enters - entered
        assert told[False] == entered - enters

    @settings(max_examples=60)
    @given(GRANTS, MEMBERS, TAGS, WISHES)
    def test_making(
        self,
        drawn: list[Drawn],
        members: set[tuple[str, str]],
        tags: dict[str, str],
        wish: Wish,
    ) -> None:
        self.lay(drawn, members, tags)
        before = [self.held(at) for at in MOMENTS_LOOKED_AT]
        found = grant_plan.preview(wish, NOW).difference
        save(self.dana, wish)
        for at, was in zip(MOMENTS_LOOKED_AT, before, strict=True):
            self.require_told(found, at, was, self.held(at))

    @settings(max_examples=60)
    @given(GRANTS, MEMBERS, TAGS, st.sampled_from(list(Step)), st.sets(st.integers(0, 4)), ENDS)
    def test_ending_extending_and_deleting(
        self,
        drawn: list[Drawn],
        members: set[tuple[str, str]],
        tags: dict[str, str],
        step: Step,
        which: set[int],
        expires: datetime | None,
    ) -> None:
        self.lay(drawn, members, tags)
        rows = list(Grant.objects.order_by("pk"))
        chosen = [rows[number] for number in which if number < len(rows)]
        before = [self.held(at) for at in MOMENTS_LOOKED_AT]
        keys = [grant.pk for grant in chosen]
        found = grant_steps.plan_step(step, keys, NOW, expires=expires).difference
        take(self.dana, step, *chosen, expires=expires)
        for at, was in zip(MOMENTS_LOOKED_AT, before, strict=True):
            self.require_told(found, at, was, self.held(at))
