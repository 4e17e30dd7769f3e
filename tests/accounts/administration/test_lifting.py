"""Nobody who is no superuser widens their own ways into AWS, whichever way they change things."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.administration.changing import Administrator, changing
from accounts.administration.reach import reach
from accounts.errors import NotAllowed
from accounts.models import (
    Account,
    Bookmark,
    CredentialSource,
    Entry,
    Grant,
    Group,
    Membership,
    Method,
    Origin,
    Role,
    User,
)

pytestmark = pytest.mark.django_db

ACCOUNT = "222222222222"
SOON = datetime(2035, 1, 1, tzinfo=UTC)
OVER = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def role() -> Role:
    account = Account.objects.create(account_id=ACCOUNT, tags={"team": "payments"})
    return Role.objects.create(
        account=account,
        name="Developer",
        session_seconds=3600,
        max_session_seconds=7200,
        console_seconds=3600,
        session_policy='{"Version": "2012-10-17", "Statement": []}',
        require_reason=True,
    )


def change(user: User, what: Callable[[], object]) -> None:
    with changing(Administrator(user)):
        what()


def set_role(role: Role, **fields: Any) -> Callable[[], object]:
    return lambda: Role.objects.filter(pk=role.pk).update(**fields)


LOOSER: list[dict[str, Any]] = [
    {"session_policy": ""},
    {"session_policy": '{"Version": "2012-10-17", "Statement": [1]}'},
    {"policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
    {"session_tags": {"team": "payments"}},
    {"method": Method.FEDERATION_TOKEN},
    {"external_id": "another"},
    {"source_id": "hub"},
    {"set_source_identity": True},
    {"session_seconds": 3601},
    {"max_session_seconds": 7201},
    {"console_seconds": 3601},
    {"console_seconds": None},
    {"require_reason": False},
]
HARMLESS: list[dict[str, Any]] = [
    {"title": "Builder", "destination": "s3", "region": "ap-northeast-1"},
    {"session_seconds": 900, "max_session_seconds": 3600, "console_seconds": 900},
    {"disabled": True},
]


@pytest.mark.parametrize("fields", LOOSER, ids=str)
def test_P32_the_terms_of_a_role_of_ones_own_are_not_loosened(
    ann: User, role: Role, fields: dict[str, Any]
) -> None:
    CredentialSource.objects.create(name="hub")
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    before = Role.objects.values().get()
    with pytest.raises(NotAllowed) as refused:
        change(ann, set_role(role, **fields))
    assert refused.value.code == "LoosensTheirOwn"
    assert Role.objects.values().get() == before


@pytest.mark.parametrize("fields", HARMLESS, ids=str)
def test_what_loosens_nothing_is_theirs(ann: User, role: Role, fields: dict[str, Any]) -> None:
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    change(ann, set_role(role, **fields))
    assert Role.objects.filter(**fields).exists()


@pytest.mark.parametrize("fields", LOOSER, ids=str)
def test_other_peoples_roles_are_theirs_and_superusers_are_free(
    ann: User, bob: User, role: Role, fields: dict[str, Any]
) -> None:
    CredentialSource.objects.create(name="hub")
    Grant.objects.create(user=bob, account_id=ACCOUNT, role_name="Developer")
    change(ann, set_role(role, **fields))
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    change(User.objects.get(pk=bob.pk), set_role(role, session_seconds=43200))


@pytest.mark.parametrize("off", ["role", "account"])
def test_P32_nor_while_it_is_switched_off(ann: User, role: Role, off: str) -> None:
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    switched = Role.objects.all() if off == "role" else Account.objects.all()
    change(ann, lambda: switched.update(disabled=True))
    with pytest.raises(NotAllowed) as refused:
        change(ann, set_role(role, session_policy=""))
    assert refused.value.code == "LoosensTheirOwn"
    assert Role.objects.get().session_policy


@pytest.mark.parametrize("off", ["role", "account"])
@pytest.mark.parametrize("what", ["made again", "new", "for longer"])
def test_P32_nor_does_a_role_become_theirs_that_is_switched_off(
    ann: User, role: Role, off: str, what: str
) -> None:
    """Another administrator switches it on, and sees nothing of who may enter it then."""
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="*", expires=SOON)
    switched = Role.objects.all() if off == "role" else Account.objects.all()
    change(ann, lambda: switched.update(disabled=True))
    if what == "made again":
        change(ann, role.delete)

    def widen() -> object:
        if what == "for longer":
            return Grant.objects.update(expires=SOON + timedelta(days=1))
        name = "Developer" if what == "made again" else "Admin"
        return Role.objects.create(account_id=ACCOUNT, name=name, disabled=off == "role")

    before = Role.objects.count()
    with pytest.raises(NotAllowed) as refused:
        change(ann, widen)
    assert refused.value.code == "LiftsThemselves"
    assert (Role.objects.count(), Grant.objects.get().expires) == (before, SOON)


def say(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


LOOSENED = "UPDATE accounts_role SET session_policy = ''"
STATEMENTS = [
    LOOSENED,
    "update \"accounts_role\" SET session_policy = ''",
    "/* harmless */ " + LOOSENED,
    "UPDATE accounts_account SET partition = 'aws-cn'",
    "WITH one AS (SELECT 1) " + LOOSENED,
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_P32_whatever_statement_a_role_is_altered_by(ann: User, role: Role, statement: str) -> None:
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    before = Role.objects.values().get()
    with pytest.raises(NotAllowed) as refused:
        change(ann, lambda: say(statement))
    assert refused.value.code == "LoosensTheirOwn"
    assert Role.objects.values().get() == before


def test_P32_nor_a_statement_behind_a_harmless_one(ann: User, role: Role) -> None:
    """PostgreSQL takes several at once."""
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    before, looked_at = reach(ann, timezone.now()), []
    for statement in ("SELECT 1", f"SELECT 1; {LOOSENED}"):
        before.watch(lambda *_: None, statement, (), False, {})
        looked_at.append(before.roles and len(before.roles))
    assert looked_at == [None, 1]


def test_P32_nor_while_it_is_not_theirs_for_a_moment(ann: User, role: Role) -> None:
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")

    def let_go_and_come_back() -> None:
        Grant.objects.filter(user=ann).delete()
        Role.objects.update(session_policy="")
        Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")

    with pytest.raises(NotAllowed):
        change(ann, let_go_and_come_back)
    assert Role.objects.get().session_policy


def test_what_roles_are_is_read_only_where_one_may_be_altered(
    ann: User, bob: User, role: Role
) -> None:
    """With a grant for any role that is all of them, and nobody else writes meanwhile."""
    Grant.objects.create(user=ann, role_name="*")
    with CaptureQueriesContext(connection) as asked:
        change(ann, lambda: Grant.objects.create(user=bob, role_name="*"))
        change(ann, lambda: Group.objects.create(name="on-call", origin=Origin.LOCAL))
    assert not [each for each in asked if "session_policy" in each["sql"]]
    with CaptureQueriesContext(connection) as asked:
        change(ann, set_role(role, title="Builder"))
    assert len([each for each in asked if '"session_policy"' in each["sql"]]) == 2


def test_P32_nor_through_the_source_that_it_uses(ann: User, role: Role) -> None:
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    with pytest.raises(NotAllowed):
        change(ann, lambda: CredentialSource.objects.filter(name="default").update(profile="root"))
    assert CredentialSource.objects.get(name="default").profile == ""


def lift_by_grant(ann: User, role: Role) -> object:
    return Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")


def lift_by_group(ann: User, role: Role) -> object:
    group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
    Membership.objects.create(group=group, user=ann)
    return Grant.objects.create(group=group, role_name="*")


def lift_by_tags(ann: User, role: Role) -> object:
    return Account.objects.update(tags={"team": "ann"})


def lift_by_enabling(ann: User, role: Role) -> object:
    return Role.objects.filter(name="Sleeping").update(disabled=False)


def lift_by_enabling_the_account(ann: User, role: Role) -> object:
    return Account.objects.filter(account_id="111111111111").update(disabled=False)


def lift_by_a_new_role(ann: User, role: Role) -> object:
    return Role.objects.create(account_id="111111111111", name="Sleeping too")


def lift_by_end(ann: User, role: Role) -> object:
    return Grant.objects.filter(role_name="Ends").update(expires=SOON + timedelta(seconds=1))


def lift_by_start(ann: User, role: Role) -> object:
    return Grant.objects.filter(role_name="Ends").update(starts=None)


def lift_by_extending_what_is_over(ann: User, role: Role) -> object:
    return Grant.objects.filter(role_name="Over").update(expires=None)


def lift_by_enabling_for_later(ann: User, role: Role) -> object:
    Grant.objects.filter(role_name="Over").update(starts=SOON, expires=None)
    return Role.objects.filter(name="Over").update(disabled=False)


@pytest.mark.parametrize(
    "lift",
    [
        lift_by_grant,
        lift_by_group,
        lift_by_tags,
        lift_by_enabling,
        lift_by_enabling_the_account,
        lift_by_end,
        lift_by_start,
        lift_by_extending_what_is_over,
        lift_by_enabling_for_later,
    ],
)
def test_P32_no_way_of_changing_gives_oneself_more(
    ann: User, role: Role, lift: Callable[[User, Role], object]
) -> None:
    off = Account.objects.create(account_id="111111111111", disabled=True)
    for account, name, disabled in (
        (role.account, "Sleeping", True),
        (role.account, "Ends", False),
        (role.account, "Over", False),
        (off, "Asleep", False),
    ):
        Role.objects.create(account=account, name=name, disabled=disabled)
    Grant.objects.create(user=ann, role_name="Developer", account_tags={"team": "ann"})
    Grant.objects.create(user=ann, role_name="Sleeping")
    Grant.objects.create(user=ann, role_name="Asleep")
    Grant.objects.create(user=ann, role_name="Ends", starts=SOON - timedelta(days=9), expires=SOON)
    Grant.objects.create(user=ann, role_name="Over", expires=OVER)
    before = [list(model.objects.order_by("pk").values()) for model in (Grant, Role, Account)]
    with pytest.raises(NotAllowed) as refused:
        change(ann, lambda: lift(ann, role))
    assert refused.value.code == "LiftsThemselves"
    after = [list(model.objects.order_by("pk").values()) for model in (Grant, Role, Account)]
    assert after == before
    assert not Entry.objects.exists()


def leave(group: Group, ann: User) -> object:
    return Membership.objects.filter(group=group, user=ann).delete()


def join(group: Group, ann: User) -> object:
    other = Group.objects.create(name="other", origin=Origin.LOCAL)
    return Membership.objects.create(group=other, user=ann)


def delete_the_group(group: Group, ann: User) -> object:
    return Group.objects.filter(pk=group.pk).delete()


@pytest.mark.parametrize("what", [leave, join, delete_the_group])
def test_P32_which_groups_one_is_in_is_not_ones_own_to_change(
    ann: User, bob: User, what: Callable[[Group, User], object]
) -> None:
    """Their names go to AWS in a session's tags, and what is allowed there may hang on each."""
    group = Group.objects.create(name="on-call", origin=Origin.LOCAL)
    Membership.objects.create(group=group, user=ann)
    with pytest.raises(NotAllowed) as refused:
        change(ann, lambda: what(group, ann))
    assert refused.value.code == "OwnGroups"
    assert list(Membership.objects.values_list("group__name", "user__username")) == [
        ("on-call", "ann")
    ]
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    change(User.objects.get(pk=bob.pk), lambda: leave(group, bob))
    change(bob, lambda: what(group, ann))


def test_the_directory_tells_of_its_groups_while_they_change_something(ann: User) -> None:
    group = Group.objects.create(name="on-call", origin=Origin.DIRECTORY)
    change(ann, lambda: Membership.objects.create(group=group, user=ann))
    assert ann.memberships.count() == 1


@pytest.mark.parametrize("last", [Grant, Bookmark, Group], ids=lambda kind: kind.__name__)
def test_P32_nor_is_a_directory_group_of_ones_own_forgotten(
    ann: User, bob: User, role: Role, last: type[Model]
) -> None:
    group = Group.objects.create(name="on-call", origin=Origin.DIRECTORY)
    Membership.objects.create(group=group, user=ann)
    if last is Bookmark:
        Bookmark.objects.create(group=group, name="Queues", account_id=ACCOUNT, role_name="*")
    else:
        Grant.objects.create(group=group, account_id=ACCOUNT, role_name="Developer")
    which = {"pk": group.pk} if last is Group else {"group": group.pk}
    rows: QuerySet[Any] = QuerySet(last).filter(**which)
    with pytest.raises(NotAllowed) as refused:
        change(ann, rows.delete)
    assert refused.value.code == "OwnGroups"
    assert rows.exists()
    change(bob, rows.delete)


def test_of_a_directory_groups_grants_all_but_the_last_may_go(ann: User, role: Role) -> None:
    names = [("on-call", ["Developer", "Auditor"]), ("forgotten already", [])]
    for name, role_names in names:
        group = Group.objects.create(name=name, origin=Origin.DIRECTORY)
        Membership.objects.create(group=group, user=ann)
        for role_name in role_names:
            Grant.objects.create(group=group, account_id=ACCOUNT, role_name=role_name)
    change(ann, lambda: Grant.objects.filter(role_name="Auditor").delete())
    change(ann, lambda: Grant.objects.update(expires=OVER))
    assert Grant.objects.get().expires == OVER


def test_less_is_always_theirs(ann: User, role: Role) -> None:
    grant = Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer")
    change(ann, lambda: Grant.objects.filter(pk=grant.pk).update(expires=SOON))
    change(ann, grant.delete)
    assert not Grant.objects.exists()


def test_a_grant_that_is_over_makes_no_role_ones_own(ann: User, role: Role) -> None:
    Grant.objects.create(user=ann, account_id=ACCOUNT, role_name="Developer", expires=OVER)
    change(ann, set_role(role, console_seconds=7200, require_reason=False, disabled=True))
    change(ann, set_role(role, disabled=False))
    assert Role.objects.get().console_seconds == 7200


STAYS: list[tuple[int | None, int | None]] = [(None, 9), (2, 9), (None, 6)]


@pytest.mark.parametrize(("starts", "ends"), STAYS)
def test_P32_nor_do_ones_sessions_last_longer_where_one_grant_follows_another(
    ann: User, role: Role, starts: int | None, ends: int | None
) -> None:
    """Whoever enters on the first days may stay until day 5, whatever grant lets in afterwards."""
    grant_by_days(ann, None, 5)
    grant_by_days(ann, 4, 9)
    grant_by_days(ann, starts, ends, account_tags={"team": "ann"})
    with pytest.raises(NotAllowed) as refused:
        change(ann, lambda: Account.objects.update(tags={"team": "ann"}))
    assert refused.value.code == "LiftsThemselves"
    assert Account.objects.get().tags == {"team": "payments"}


@pytest.mark.parametrize(("starts", "ends"), [(None, 5), (1, 3), (4, 9), (6, 8)])
def test_another_grant_that_lets_nobody_stay_longer_is_theirs(
    ann: User, role: Role, starts: int | None, ends: int | None
) -> None:
    grant_by_days(ann, None, 5)
    grant_by_days(ann, 4, 9)
    grant_by_days(ann, starts, ends, account_tags={"team": "ann"})
    change(ann, lambda: Account.objects.update(tags={"team": "ann"}))
    assert Account.objects.get().tags == {"team": "ann"}


def grant_by_days(user: User, starts: int | None, ends: int | None, **which: Any) -> Grant:
    begins, stops = (None if n is None else SOON + timedelta(days=n) for n in (starts, ends))
    into = which or {"account_id": ACCOUNT}
    return Grant.objects.create(
        user=user, role_name="Developer", starts=begins, expires=stops, **into
    )


def test_what_was_before_is_nobodys_gain(ann: User, role: Role) -> None:
    grant = Grant.objects.create(
        user=ann, account_id=ACCOUNT, role_name="Developer", starts=OVER, expires=SOON
    )
    change(ann, lambda: Grant.objects.filter(pk=grant.pk).update(starts=None))
    assert Grant.objects.get().starts is None
