"""What needs an administrator's attention: found, named, bounded, and told to whom it is theirs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission

from accounts import record
from accounts.administration import attention as rules
from accounts.administration import who
from accounts.administration.attention import Finding, Kind, attention
from accounts.administration.failing import failing
from accounts.models import (
    Account,
    Action,
    Bookmark,
    CredentialSource,
    DirectoryState,
    Grant,
    Group,
    Membership,
    Origin,
    Outcome,
    Role,
    User,
)
from accounts.record import Act

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAYMENTS = "222222222222"


@pytest.fixture
def dana() -> User:
    return User.objects.create_superuser("dana")


@pytest.fixture(autouse=True)
def developer() -> Role:
    CredentialSource.objects.get_or_create(name="default")
    account = Account.objects.create(account_id=PAYMENTS, name="Payments production")
    return Role.objects.create(account=account, name="Developer", title="Developer of payments")


def found(reader: User, kind: Kind) -> Finding | None:
    """The finding of a kind, None where there is none."""
    return next((finding for finding in attention(reader, NOW) if finding.kind == kind), None)


def names(reader: User, kind: Kind) -> list[str]:
    """The first of what was found."""
    finding = found(reader, kind)
    return [example.what for example in finding.examples] if finding else []


def grant(user: User | None = None, group: Group | None = None, **fields: object) -> Grant:
    known = {"account_id": PAYMENTS, "role_name": "Developer", **fields}
    return Grant.objects.create(user=user, group=group, **known)


def tell(
    action: Action, outcome: Outcome, ago: timedelta = HOUR, error: str = "", **fields: object
) -> None:
    """Write a row whose act lies back."""
    known = {"actor": "ann", "time": record.moment_text(NOW - ago), **fields}
    record.write(Act(action=action, **known), outcome, error)  # type: ignore[arg-type]


def entered(role: Role, outcome: Outcome, ago: timedelta = HOUR, error: str = "") -> None:
    fields = {
        "account": role.account_id,
        "role": role.name,
        "details": {"role_title": role.shown_title, "account_name": role.account.title},
    }
    tell(Action.LAUNCH, outcome, ago, error, **fields)


def test_where_all_is_well_nothing_is_found(dana: User) -> None:
    assert attention(dana, NOW) == []


class TestRolesThatFail:
    def test_a_role_that_aws_refuses_is_named_once_with_its_last_error(
        self, dana: User, developer: Role
    ) -> None:
        entered(developer, Outcome.FAILED, 3 * HOUR, "ExternalId")
        entered(developer, Outcome.FAILED, HOUR, "AccessDenied")
        finding = found(dana, Kind.FAILING)
        assert finding
        assert (finding.number, finding.is_more) == (1, False)
        (example,) = finding.examples
        assert (example.what, example.where) == ("Developer of payments", "Payments production")
        assert (example.why, example.moment) == ("AccessDenied", NOW - HOUR)

    def test_once_somebody_got_in_it_fails_no_more(self, dana: User, developer: Role) -> None:
        entered(developer, Outcome.FAILED, 2 * HOUR, "AccessDenied")
        entered(developer, Outcome.SUCCEEDED, 3 * HOUR)
        assert found(dana, Kind.FAILING)
        entered(developer, Outcome.SUCCEEDED, HOUR)
        assert not found(dana, Kind.FAILING)

    def test_an_administrators_change_of_it_is_no_way_in(self, dana: User, developer: Role) -> None:
        entered(developer, Outcome.FAILED, 2 * HOUR, "AccessDenied")
        fields = {"account": PAYMENTS, "role": "Developer"}
        tell(Action.ADMIN_CHANGE, Outcome.SUCCEEDED, HOUR, **fields)
        assert found(dana, Kind.FAILING)

    @pytest.mark.parametrize("error", ["NoAnswer", "Throttling", "Http503", "Overloaded"])
    def test_what_comes_and_goes_is_no_roles_fault(
        self, dana: User, developer: Role, error: str
    ) -> None:
        entered(developer, Outcome.FAILED, HOUR, error)
        assert not found(dana, Kind.FAILING)

    def test_a_refusal_of_the_portals_own_or_of_long_ago_is_none(
        self, dana: User, developer: Role
    ) -> None:
        entered(developer, Outcome.DENIED, HOUR, "NotNow")
        entered(developer, Outcome.FAILED, 8 * DAY, "AccessDenied")
        assert not found(dana, Kind.FAILING)

    def test_a_role_that_is_gone_fails_no_more(self, dana: User, developer: Role) -> None:
        entered(developer, Outcome.FAILED, HOUR, "AccessDenied")
        assert [role.pk for role in failing(NOW)[0]] == [developer.pk]
        developer.delete()
        assert failing(NOW) == ([], False)
        assert not found(dana, Kind.FAILING)


class TestSignInsThatFail:
    def fail(self, times: int, ago: timedelta = HOUR, **fields: str) -> None:
        for _ in range(times):
            tell(Action.SIGN_IN, Outcome.DENIED, ago, "WrongPassword", **fields)

    def test_many_of_a_name_are_told(self, dana: User) -> None:
        self.fail(rules.MANY_OF_A_NAME, actor="bob", ip="192.0.2.1")
        self.fail(rules.MANY_OF_A_NAME - 1, actor="carol", ip="192.0.2.2")
        finding = found(dana, Kind.SIGN_INS)
        assert finding
        assert [(e.what, e.times) for e in finding.examples] == [("bob", rules.MANY_OF_A_NAME)]

    def test_many_of_an_address_are_told_whatever_the_names(self, dana: User) -> None:
        for number in range(rules.MANY_OF_AN_ADDRESS):
            self.fail(1, actor=f"unknown:{number}", ip="192.0.2.1")
        assert names(dana, Kind.SIGN_INS) == ["192.0.2.1"]

    def test_yesterdays_and_those_that_went_well_are_none(self, dana: User) -> None:
        self.fail(rules.MANY_OF_A_NAME, 25 * HOUR, actor="bob")
        for _ in range(rules.MANY_OF_A_NAME):
            tell(Action.SIGN_IN, Outcome.SUCCEEDED, actor="carol")
        assert not found(dana, Kind.SIGN_INS)


class TestPeople:
    def test_who_is_switched_off_and_has_grants_is_named(self, dana: User) -> None:
        ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
        User.objects.exclude(pk=dana.pk).update(is_active=False)
        grant(ann)
        assert names(dana, Kind.OFF) == ["ann"]
        ops = Group.objects.create(name="ops", origin=Origin.LOCAL)
        Membership.objects.create(group=ops, user=bob)
        assert names(dana, Kind.OFF) == ["ann"]
        grant(group=ops)
        assert names(dana, Kind.OFF) == ["ann", "bob"]

    def test_a_grant_that_is_over_gives_nothing(self, dana: User) -> None:
        ann = User.objects.create_user("ann", is_active=False)
        grant(ann, expires=NOW - HOUR)
        assert not found(dana, Kind.OFF)

    @pytest.mark.parametrize(
        "state",
        [
            DirectoryState.GONE,
            DirectoryState.DISABLED,
            DirectoryState.OUTSIDE,
            DirectoryState.REPLACED,
        ],
    )
    def test_whom_the_directory_lets_in_no_more(self, dana: User, state: DirectoryState) -> None:
        for name, theirs in (("ann", state), ("bob", DirectoryState.PRESENT)):
            user = User.objects.create_user(name)
            fields = {"origin": Origin.DIRECTORY, "directory_state": theirs}
            User.objects.filter(pk=user.pk).update(**fields)
            grant(user)
        finding = found(dana, Kind.GONE)
        assert finding
        assert [(e.what, e.why) for e in finding.examples] == [("ann", state)]

    def test_who_was_named_and_never_came(self, dana: User) -> None:
        for name in ("erna", "ann"):
            grant(User.objects.create_placeholder(name))
        User.objects.create_placeholder("nobody-granted-anything")
        assert names(dana, Kind.WAITING) == ["ann", "erna"]

    def test_a_group_that_is_named_and_has_nobody(self, dana: User) -> None:
        empty, full, shared, spare = (
            Group.objects.create(name=name) for name in ("empty", "full", "shared", "spare")
        )
        Membership.objects.create(group=full, user=dana)
        grant(group=empty)
        grant(group=full)
        Bookmark.objects.create(group=shared, name="Queues", account_id=PAYMENTS)
        assert names(dana, Kind.EMPTY) == ["empty", "shared"]
        assert spare.name not in names(dana, Kind.EMPTY)


class TestGrants:
    def test_what_ends_within_seven_days_comes_in_order(self, dana: User) -> None:
        names_and_ends = (("late", 6 * DAY), ("soon", DAY), ("over", -DAY), ("far", 8 * DAY))
        for name, left in names_and_ends:
            grant(User.objects.create_user(name), expires=NOW + left)
        grant(User.objects.create_user("for-ever"))
        assert names(dana, Kind.ENDING) == ["soon", "late"]

    def test_more_than_are_counted_are_told_as_more(
        self, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "MOST", 4)
        for number in range(5):
            grant(User.objects.create_placeholder(f"person-{number}"), expires=NOW + DAY)
        for kind in (Kind.ENDING, Kind.WAITING):
            finding = found(dana, kind)
            assert finding
            assert (finding.number, finding.is_more, len(finding.examples)) == (4, True, 3)

    def test_where_not_every_grant_is_looked_at_it_says_so(
        self, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (rules, who):
            monkeypatch.setattr(module, "MOST_LOOKED_AT", 2)
        for name in ("ann", "bob"):
            grant(User.objects.create_user(name))
        # What is over or too young could not be unused, so it is none of the others.
        grant(User.objects.create_user("over"), expires=NOW - DAY)
        Grant.objects.update(made=NOW - 200 * DAY)
        grant(User.objects.create_user("new-here"))
        finding = found(dana, Kind.UNUSED)
        assert finding
        assert (finding.number, finding.is_more, finding.looked_at) == (2, False, 0)
        grant(User.objects.create_user("carol"))
        Grant.objects.update(made=NOW - 200 * DAY)
        finding = found(dana, Kind.UNUSED)
        assert finding
        assert (finding.number, finding.is_more, finding.looked_at) == (2, False, 2)

    def test_what_nobody_used_for_ninety_days(self, dana: User) -> None:
        used, unused = User.objects.create_user("ann"), User.objects.create_user("bob")
        for user in (used, unused):
            grant(user)
        Grant.objects.update(made=NOW - 200 * DAY)
        grant(User.objects.create_user("new-here"))
        fields = {"account": PAYMENTS, "role": "Developer", "method": "assume_role"}
        tell(Action.LAUNCH, Outcome.SUCCEEDED, DAY, actor_key=used.record_key, **fields)
        assert names(dana, Kind.UNUSED) == ["bob"]


class TestTheAccessFile:
    def applied(self, ago: timedelta, **details: object) -> None:
        told = {"file": "access.yaml", "sha256": "0123456789abcdef", **details}
        tell(Action.ACCESS_APPLY, Outcome.SUCCEEDED, ago, actor="command line", details=told)

    def changed(
        self, kind: str, ago: timedelta, outcome: Outcome = Outcome.SUCCEEDED, change: str = "add"
    ) -> None:
        tell(Action.ADMIN_CHANGE, outcome, ago, details={"kind": kind, "change": change})

    def test_without_a_file_changes_by_hand_are_the_rule(self, dana: User) -> None:
        self.changed("grant", HOUR)
        assert not found(dana, Kind.BY_HAND)

    def test_changes_since_the_last_apply_are_counted(self, dana: User) -> None:
        self.applied(9 * DAY)
        self.changed("grant", 8 * DAY)
        self.applied(5 * DAY)
        for kind in ("grant", "role", "account", "group", "source", "bookmark"):
            self.changed(kind, 4 * DAY)
        self.changed("user", 3 * DAY)
        self.changed("grant", 2 * DAY, Outcome.DENIED)
        self.changed("role", 2 * DAY, change="try")
        finding = found(dana, Kind.BY_HAND)
        assert finding
        assert (finding.number, finding.is_more, finding.left) == (6, False, 0)
        (file,) = finding.examples
        assert (file.what, file.why) == ("access.yaml", "01234567")
        assert file.moment == NOW - 5 * DAY

    @pytest.mark.parametrize("places", [range(205), range(1, 206)])
    def test_what_the_directory_says_hides_no_change(self, dana: User, places: range) -> None:
        self.applied(300 * HOUR)
        for hours in places:
            self.changed("user", hours * HOUR)
        self.changed("grant", 206 * HOUR if 0 in places else HOUR / 2)
        finding = found(dana, Kind.BY_HAND)
        assert finding
        assert (finding.number, finding.is_more) == (1, False)

    def test_where_not_every_change_is_looked_at_it_says_so(
        self, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "MOST_CHANGES", 3)
        self.applied(9 * DAY)
        self.changed("grant", 8 * DAY)
        for days in (1, 2):
            self.changed("user", days * DAY)
        for number, is_more in ((1, False), (0, True)):
            finding = found(dana, Kind.BY_HAND)
            assert finding
            assert (finding.number, finding.is_more) == (number, is_more)
            self.changed("user", HOUR)

    def test_more_changes_than_are_counted_are_told_as_more(
        self, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "MOST", 2)
        self.applied(9 * DAY)
        for days in range(1, 4):
            self.changed("grant", days * DAY)
        finding = found(dana, Kind.BY_HAND)
        assert finding
        assert (finding.number, finding.is_more) == (2, True)

    def test_what_the_file_named_no_more_and_left_is_told(self, dana: User) -> None:
        self.applied(DAY, left=3)
        finding = found(dana, Kind.BY_HAND)
        assert finding
        assert (finding.number, finding.left) == (0, 3)
        self.applied(HOUR, left=0)
        assert not found(dana, Kind.BY_HAND)


def test_each_is_told_to_whom_it_is_theirs_to_see(dana: User, developer: Role) -> None:
    entered(developer, Outcome.FAILED, HOUR, "AccessDenied")
    grant(User.objects.create_placeholder("erna"), expires=NOW + DAY)
    grant(group=Group.objects.create(name="empty"))
    reader = User.objects.create_user("ann", is_staff=True)
    assert attention(reader, NOW) == []
    for codename, kinds in (
        ("view_entry", [Kind.FAILING]),
        ("view_user", [Kind.FAILING]),
        ("view_grant", [Kind.FAILING, Kind.ENDING, Kind.WAITING]),
        ("view_group", [Kind.FAILING, Kind.ENDING, Kind.WAITING, Kind.EMPTY]),
    ):
        permission = Permission.objects.get(codename=codename, content_type__app_label="accounts")
        reader.user_permissions.add(permission)
        fresh = User.objects.get(pk=reader.pk)
        assert [finding.kind for finding in attention(fresh, NOW)] == kinds
