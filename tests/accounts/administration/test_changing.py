"""A change and its rows are one: none without the other."""

import json
from collections.abc import Callable

import pytest

from accounts import administrators, record
from accounts.administration.changing import Administrator, Told, changing, tell_refusal
from accounts.errors import NotAllowed, RecordUnavailable
from accounts.models import Action, CredentialSource, Entry, Outcome, User

pytestmark = pytest.mark.django_db


def told(name: str = "hub") -> Told:
    return Told("add", "source", name, None, {"name": name}, account="222222222222", role="R")


def make_a_source(ann: User, then: Callable[[], object] = lambda: None) -> None:
    with changing(Administrator(ann)) as changes:
        CredentialSource.objects.create(name="hub")
        changes.tell(told())
        then()


def test_P30_each_change_is_a_row_with_who_and_from_where(ann: User) -> None:
    who = Administrator(ann, ip="192.0.2.7", user_agent="a browser", request_id="ABCD")
    with changing(who) as changes:
        CredentialSource.objects.create(name="hub")
        changes.tell(told())
        changes.tell(told("other"))
    first, second = Entry.objects.order_by("pk")
    assert (first.action, first.outcome) == (Action.ADMIN_CHANGE, Outcome.SUCCEEDED)
    assert (first.actor, first.actor_key) == ("ann", ann.record_key)
    assert (first.ip, first.user_agent, first.request_id) == ("192.0.2.7", "a browser", "ABCD")
    assert (first.account, first.role) == ("222222222222", "R")
    assert json.loads(first.details) == {
        "change": "add", "kind": "source", "name": "hub", "before": None, "after": {"name": "hub"},
    }  # fmt: skip
    assert json.loads(second.details)["name"] == "other"
    assert record.verify().broken_at is None


def test_P30_no_row_no_change(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecordUnavailable(log="full", message="", next_step="")

    monkeypatch.setattr(record, "write_all", fail)
    with pytest.raises(RecordUnavailable):
        make_a_source(ann)
    assert not CredentialSource.objects.filter(name="hub").exists()


LOSSES: dict[str, Callable[[User], object]] = {
    "superuser": lambda user: User.objects.filter(pk=user.pk).update(is_superuser=False),
    "staff": lambda user: User.objects.filter(pk=user.pk).update(is_staff=False),
    "access": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "permission set": lambda user: user.groups.clear(),
    "everything": lambda user: User.objects.filter(pk=user.pk).delete(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_P32_a_change_that_waited_is_not_made_with_rights_that_were_taken_meanwhile(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_superuser("dana")
    ann = User.objects.create_user("ann", is_staff=True, is_superuser=loss == "superuser")
    ann.groups.add(administrators.built_in_set())
    assert ann.has_perm("accounts.change_role")
    # Its turn comes when the change before, which took it, is done.
    turn = "accounts.administration.changing.one_large_change_at_a_time"
    monkeypatch.setattr(turn, lambda: LOSSES[loss](ann))
    with pytest.raises(NotAllowed) as refused:
        make_a_source(ann)
    assert refused.value.code == "RightsChanged"
    assert not CredentialSource.objects.filter(name="hub").exists()


def test_a_change_that_fails_leaves_no_row(ann: User) -> None:
    with pytest.raises(ZeroDivisionError):
        make_a_source(ann, then=lambda: 1 // 0)
    assert not CredentialSource.objects.filter(name="hub").exists()
    assert not Entry.objects.exists()


def test_a_refusal_is_a_row_that_says_why(ann: User) -> None:
    error = NotAllowed(log="", message="Not for %(who)s.", next_step="", params={"who": "ann"})
    tell_refusal(Administrator(ann), {"path": "/admin/"}, error)
    row = Entry.objects.get()
    assert (row.outcome, row.error) == (Outcome.DENIED, "NotAllowed")
    assert json.loads(row.details) == {"path": "/admin/", "message": "Not for ann."}
