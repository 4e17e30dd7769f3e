"""What a person uses: the most used lately first, and what still is open."""

from datetime import UTC, datetime, timedelta

from accounts import record
from accounts.models import Action, Outcome, User
from accounts.record import Act
from accounts.uses import uses

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def act(user: User, ago: timedelta = timedelta(0), **fields: object) -> Act:
    known = {"action": Action.LAUNCH, "account": "222222222222", "role": "Developer"}
    return Act(
        actor=user.username,
        actor_key=user.record_key,
        time=record.moment_text(NOW - ago),
        **{**known, **fields},  # type: ignore[arg-type]
    )


def test_often_and_lately_comes_before_once_and_long_ago(ann: User) -> None:
    day = timedelta(days=1)
    for role, ago in (
        ("Often", 9 * day),
        ("Often", 8 * day),
        ("Often", 8 * day),
        ("Last", day),
    ):
        record.write(act(ann, ago, role=role), Outcome.SUCCEEDED)
    record.write(act(ann, 60 * day, role="Old"), Outcome.SUCCEEDED)
    assert [use.role_name for use in uses(ann, NOW)] == ["Often", "Last", "Old"]
    for _ in range(2):
        record.write(act(ann, timedelta(hours=1), role="Last"), Outcome.SUCCEEDED)
    assert uses(ann, NOW)[0].role_name == "Last"


def test_refused_launches_and_credentials_are_no_use(ann: User) -> None:
    record.write(act(ann), Outcome.DENIED)
    record.write(act(ann, action=Action.CREDENTIALS), Outcome.SUCCEEDED)
    record.open_act(act(ann))
    assert uses(ann, NOW) == []


def test_a_session_is_open_until_its_own_end_credentials_or_console(ann: User) -> None:
    ends = record.moment_text(NOW + timedelta(minutes=30))
    launched = act(ann, role="A", duration_seconds=3600, expires=ends)
    record.write(launched, Outcome.SUCCEEDED)
    ended = act(ann, role="B", expires=record.moment_text(NOW - timedelta(seconds=1)))
    record.write(ended, Outcome.SUCCEEDED)
    open_until = {use.role_name: use.open_until for use in uses(ann, NOW)}
    assert open_until == {"A": NOW + timedelta(minutes=30), "B": None}
