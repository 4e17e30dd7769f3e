"""P16, P17: lengths, policies and tags never exceed what role and grant allow."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.aws_rules import limits
from accounts.entitlements import Entitlement
from accounts.errors import InvalidRequest, LimitExceeded
from accounts.models import Account, CredentialSource, Grant, Method, Role, User
from portal.aws.plan import SessionPlan
from portal.errors import ConfigurationProblem
from portal.session_plan import decide_lengths, plan_session, read_seconds

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ANN = User(username="ann", email="ann@example.com")


def role(**fields: object) -> Role:
    account = Account(account_id="222222222222", name="Payments")
    source = CredentialSource(name="default")
    return Role(account=account, source=source, **{"name": "Developer", **fields})


def way(a_role: Role, seconds_left: int | None = None, groups: tuple[str, ...] = ()) -> Entitlement:
    ends = None if seconds_left is None else NOW + timedelta(seconds=seconds_left)
    return Entitlement(role=a_role, grant=Grant(user=ANN, expires=ends), group_names=groups)


DURATIONS = st.integers(900, 43_200)


@given(
    method=st.sampled_from(Method),
    session=DURATIONS,
    longest=st.none() | DURATIONS,
    console=st.none() | DURATIONS,
    left=st.none() | st.integers(1, 200_000),
    chained=st.booleans(),
    for_console=st.booleans(),
    wish=st.none() | st.integers(0, 200_000),
)
def test_P17_no_length_exceeds_role_grant_method_or_broker(
    method: Method,
    session: int,
    longest: int | None,
    console: int | None,
    left: int | None,
    chained: bool,
    for_console: bool,
    wish: int | None,
) -> None:
    a_role = role(
        method=method,
        session_seconds=session,
        max_session_seconds=longest,
        console_seconds=console if method == Method.ASSUME_ROLE else None,
    )
    try:
        lengths = decide_lengths(
            way(a_role, left), NOW, is_chained=chained, for_console=for_console, wish=wish
        )
    except LimitExceeded:
        assert wish is not None
        return
    most = [a_role.longest_seconds, limits.METHOD_LIMITS[method].seconds_max]
    until_the_end = [max(left, 900)] if left is not None else []
    chain = [3600] if chained and method == Method.ASSUME_ROLE else []
    assert 900 <= lengths.credentials <= min(most + until_the_end + chain)
    if lengths.console is not None:
        assert for_console
        assert not chained
        assert method == Method.ASSUME_ROLE
        assert 900 <= lengths.console <= min([a_role.console_seconds or 0, *until_the_end])
    if wish is not None:
        assert lengths.session == wish
    assert lengths.session <= lengths.longest or lengths.session == 900


@pytest.mark.parametrize(
    ("fields", "left", "chained", "for_console", "wish", "credentials", "console"),
    [
        ({}, None, False, True, None, 3600, None),
        ({"max_session_seconds": 7200}, None, False, True, 7200, 7200, None),
        ({"session_seconds": 7200}, 1800, False, True, None, 1800, None),
        ({"session_seconds": 7200}, 60, False, True, None, 900, None),
        ({"session_seconds": 28800}, None, True, True, None, 3600, None),
        ({"console_seconds": 43200}, None, False, True, None, 3600, 43200),
        ({"console_seconds": 43200}, None, False, True, 1800, 3600, 1800),
        ({"console_seconds": 43200}, None, False, False, 1800, 1800, None),
        ({"console_seconds": 43200}, None, True, True, None, 3600, None),
        ({"console_seconds": 43200}, 1200, False, True, None, 1200, 1200),
        ({"method": "federation_token", "session_seconds": 9e3}, None, True, True, None, 9e3, None),
    ],
)  # fmt: skip
def test_the_contracts_lengths(
    fields: dict[str, object], left: int | None, chained: bool, for_console: bool,
    wish: int | None, credentials: int, console: int | None,
) -> None:  # fmt: skip
    lengths = decide_lengths(
        way(role(**fields), left), NOW, is_chained=chained, for_console=for_console, wish=wish
    )
    assert (lengths.credentials, lengths.console) == (credentials, console)


@pytest.mark.parametrize(
    ("fields", "left", "chained", "wish", "says"),
    [
        ({}, None, False, 3601, "allows"),
        ({}, None, False, 899, "under"),
        ({}, None, False, 0, "under"),
        ({"max_session_seconds": 43200}, 1800, False, 1801, "ends in"),
        ({"max_session_seconds": 43200}, None, True, 3601, "role of its own"),
        ({"console_seconds": 7200}, None, False, 7201, "allows"),
        ({"console_seconds": 7200}, None, True, 3601, "allows"),
    ],
)
def test_a_chosen_length_beyond_a_limit_is_refused_with_that_limit(
    fields: dict[str, object], left: int | None, chained: bool, wish: int, says: str
) -> None:
    with pytest.raises(LimitExceeded, match="wished") as refused:
        decide_lengths(
            way(role(**fields), left), NOW, is_chained=chained, for_console=True, wish=wish
        )
    assert says in refused.value.message


@pytest.mark.parametrize("text", ["-1", "1.5", "1e3", "an hour", "٣٦٠٠", "0x10", "+900"])
def test_what_is_no_number_of_seconds_is_a_bad_request(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_seconds(text)


def test_no_wish_is_no_number() -> None:
    assert read_seconds("") is None
    assert read_seconds("0900") == 900
    assert read_seconds("0" * 5000) == 0


def test_no_number_of_seconds_is_too_long_to_be_one() -> None:
    assert read_seconds("0" * 5000 + "900") == 900
    assert read_seconds("9" * 12) == 999_999_999_999
    for text in ("9" * 13, "1" + "0" * 14, "9" * 5000):
        assert (read_seconds(text) or 0) > 999_999_999_999


def planned(a_role: Role, user: User = ANN, groups: tuple[str, ...] = ()) -> SessionPlan:
    entitlement = way(a_role, groups=groups)
    lengths = decide_lengths(entitlement, NOW, is_chained=False, for_console=True, wish=None)
    return plan_session(user, entitlement, lengths)


def test_P16_names_and_tags_are_the_servers_idea_of_the_person() -> None:
    tags = {"who": "{username}", "mail": "{email}", "teams": "{groups}", "fixed": "x"}
    plan = plan_session(
        ANN,
        way(role(session_tags=tags, set_source_identity=True), groups=("a", "b")),
        decide_lengths(way(role()), NOW, is_chained=False, for_console=True, wish=None),
    )
    assert plan.session_name == plan.source_identity == "ann"
    assert plan.session_tags == {
        "who": "ann", "mail": "ann@example.com", "teams": "a:b", "fixed": "x"
    }  # fmt: skip


def test_P16_a_template_reaches_no_attribute_of_the_person() -> None:
    plan = plan_session(
        ANN,
        way(role(session_tags={"t": "{username}/x"})),
        decide_lengths(way(role()), NOW, is_chained=False, for_console=True, wish=None),
    )
    assert plan.session_tags == {"t": "ann/x"}
    with pytest.raises(ConfigurationProblem):
        planned(role(session_tags={"t": "{username.password}"}))


@pytest.mark.parametrize("group", ["a,b", "x" * 257, "tab\there"])
def test_a_tag_value_that_aws_would_not_take_is_told_by_its_name_and_never_cut(group: str) -> None:
    with pytest.raises(ConfigurationProblem) as refused:
        planned(role(session_tags={"teams": "{groups}"}), groups=(group,))
    assert refused.value.params["tag"] == "teams"
    assert refused.value.status == 500


@pytest.mark.parametrize("groups", [("admins:devs",), ("on-call", "a:", "b")])
def test_P16_a_groups_name_that_could_be_two_groups_stands_in_no_tag(
    groups: tuple[str, ...],
) -> None:
    with pytest.raises(ConfigurationProblem) as refused:
        planned(role(session_tags={"teams": "x:{groups}"}), groups=groups)
    assert refused.value.params["tag"] == "teams"
    assert refused.value.params["group"] in groups
    assert "could be taken for two groups" in refused.value.hint
    assert refused.value.status == 500


def test_such_a_name_hinders_no_role_whose_tags_name_no_groups() -> None:
    plan = planned(role(session_tags={"who": "{username}:x"}), groups=("admins:devs",))
    assert plan.session_tags == {"who": "ann:x"}
