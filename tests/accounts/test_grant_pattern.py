"""Which roles a grant names: every side from which it is asked says what the view says."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts import record
from accounts.administration import who
from accounts.grant_pattern import Pattern, names_role
from accounts.models import (
    Account,
    Action,
    Grant,
    GrantedRole,
    Group,
    Membership,
    Outcome,
    Role,
    User,
)
from accounts.record import Act, moment_text

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HUB, PAYMENTS = "111111111111", "222222222222"
ROLES = ("Developer", "team/Auditor")
WORDS = st.sampled_from(["", "a", "b", "A", "1", "null", "it's", "%s", "{x}", '"', "日本"])
TAGS = st.dictionaries(WORDS, WORDS, max_size=3)
# What a grant wants is often a part of what an account carries.
CARRIED = st.sampled_from([{}, {"a": "b"}, {"a": "b", "日本": "it's"}, {"%s": "{x}", '"': "null"}])


class EverySide(TestCase):
    """One grant, two accounts with two roles each; somebody entered one of them."""

    @settings(max_examples=150)
    @given(
        st.sampled_from([None, HUB, PAYMENTS]),
        st.one_of(CARRIED, TAGS),
        st.sampled_from(["*", *ROLES, "developer", "Nobody"]),
        st.one_of(CARRIED, TAGS),
        st.booleans(),
        st.sampled_from([(HUB, ROLES[0]), (PAYMENTS, ROLES[1]), (PAYMENTS, ROLES[0])]),
    )
    def test_says_what_the_view_says(
        self,
        place: str | None,
        wanted: dict[str, str],
        name: str,
        carried: dict[str, str],
        by_group: bool,
        entered: tuple[str, str],
    ) -> None:
        ann = User.objects.create_user("ann")
        group = Group.objects.create(name="payments")
        Membership.objects.create(group=group, user=ann)
        for account_id, tags in ((HUB, carried), (PAYMENTS, {"a": "b"})):
            account = Account.objects.create(account_id=account_id, tags=tags)
            for role in ROLES:
                Role.objects.create(account=account, name=role)
        grant = Grant.objects.create(
            user=None if by_group else ann,
            group=group if by_group else None,
            account_id=place,
            account_tags={} if place else wanted,
            role_name=name,
        )
        Grant.objects.update(made=NOW - 200 * DAY)
        act = Act(Action.LAUNCH, "ann", ann.record_key, *entered, time=moment_text(NOW - DAY))
        record.open_act(act)
        record.close_act(act, Outcome.SUCCEEDED)

        named = set(GrantedRole.objects.filter(grant=grant).values_list("role", flat=True))
        roles = list(Role.objects.select_related("account"))
        pattern = Pattern.of(grant)

        assert set(Role.objects.filter(pattern.roles).values_list("pk", flat=True)) == named
        assert named == {role.pk for role in roles if pattern.names(role)}
        assert named == {
            role.pk for role in roles if Grant.objects.filter(names_role(role)).exists()
        }
        is_used = not who.unused_grants(NOW).exists()
        assert is_used == any(
            role.pk in named for role in roles if (role.account_id, role.name) == entered
        )
