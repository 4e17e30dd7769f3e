"""A change and its rows are one: none without the other."""

import json
from collections.abc import Callable

import pytest

from accounts import record
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

    monkeypatch.setattr(record, "write", fail)
    with pytest.raises(RecordUnavailable):
        make_a_source(ann)
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
