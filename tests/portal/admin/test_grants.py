"""Grants in the administration: what will happen is said first, and nothing else is done."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.administration.changing import Administrator, Changes, changing
from accounts.administration.grant_plan import MOST_AT_ONCE
from accounts.history import details_of
from accounts.models import (
    Account,
    Action,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Role,
    User,
)
from portal.admin.grants import change as change_page
from tests.portal.admin import cast
from tests.portal.reading import Element, read

PAYMENTS = "222222222222"
HUB = "111111111111"
ADD = "/admin/accounts/grant/add/"
LIST = "/admin/accounts/grant/"
DAY = timedelta(days=1)


@pytest.fixture
def catalogue(db: None) -> None:
    payments = Account.objects.create(
        account_id=PAYMENTS, alias="payments-prod", name="Payments", environment="production"
    )
    hub = Account.objects.create(account_id=HUB, name="Hub")
    for account in (payments, hub):
        for name in ("Developer", "Auditor"):
            Role.objects.create(account=account, name=name)


@pytest.fixture
def dana(db: None) -> User:
    """An administrator who is no superuser."""
    return cast.administrator("dana")


@pytest.fixture
def danas(dana: User, catalogue: None) -> Client:
    return cast.browser(dana)


def told_rows() -> QuerySet[Entry]:
    return Entry.objects.filter(action=Action.ADMIN_CHANGE)


def sent(**fields: Any) -> dict[str, Any]:
    return {"roles": "payments-prod/Developer", "people": "ann", "end": "30-days", **fields}


def said(answer: Any) -> str:
    return read(answer.content).one("main").text


def hidden_fields(answer: Any, method: str = "post") -> dict[str, str | list[str]]:
    forms = [f for f in read(answer.content).one("main").all("form") if f.has(method=method)]
    found: dict[str, list[str]] = {}
    for given in forms[-1].all("input", type="hidden"):
        found.setdefault(given.attributes["name"], []).append(given.attributes.get("value", ""))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def errors(answer: Any) -> list[str]:
    page: Element = read(answer.content)
    return [error.text for error in page.all("span", class_="error")]


def while_it_waits(monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """Let somebody else be first where a change waits for its turn."""

    @contextmanager
    def waiting(administrator: Administrator) -> Iterator[Changes]:
        other()
        with changing(administrator) as changes:
            yield changes

    monkeypatch.setattr(change_page, "changing", waiting)


class TestNew:
    def test_a_grant_is_made_in_two_steps_and_nothing_is_saved_before_the_second(
        self, danas: Client, ann: User
    ) -> None:
        form = danas.get(ADD, {"role": "payments-prod/Developer", "user": "ann"})
        assert "payments-prod/Developer" in form.content.decode()
        looked = danas.post(ADD, sent(note="on call", groups="on-call"))
        assert not Grant.objects.exists()
        assert not Group.objects.exists()
        assert "ann" in said(looked)
        assert "gains it until" in said(looked)
        assert "This group is not known yet: on-call" in said(looked)
        done = danas.post(ADD, {**hidden_fields(looked), "save": "1"})
        assert done.status_code == 302
        assert {(str(g), g.note, g.made_by) for g in Grant.objects.all()} == {
            (f"user ann: Developer in {PAYMENTS}", "on call", "dana"),
            (f"group on-call: Developer in {PAYMENTS}", "on call", "dana"),
        }
        expires = Grant.objects.filter(user=ann).get().expires
        assert expires
        assert expires.date() == (timezone.now() + 30 * DAY).date()
        assert (expires.hour, expires.minute) == (23, 59)

    @pytest.mark.parametrize("line", ["newcomer, latecomer", "newcomer;latecomer"])
    def test_two_names_in_a_line_are_no_person(self, danas: Client, ann: User, line: str) -> None:
        looked = danas.post(ADD, sent(people=f"ann\n{line}"))
        assert f"“{line}” is nobody’s name here. Write one name a line" in said(looked)
        User.objects.create_placeholder(line)
        assert "gains it until" in said(danas.post(ADD, sent(people=f"ann\n{line}")))

    def test_what_cannot_be_known_or_reaches_nothing_is_said(self, danas: Client) -> None:
        looked = danas.post(ADD, sent(roles="*/Nope", people="", groups="on-call"))
        assert "No open role here is named so." in said(looked)
        assert "who were read here" not in said(looked)
        group = Group.objects.create(name="platform", origin=Origin.DIRECTORY)
        looked = danas.post(ADD, sent(people="", groups=group.name))
        assert "only those members are counted who were read here" in said(looked)

    def test_going_back_keeps_what_was_typed(self, danas: Client, ann: User) -> None:
        looked = danas.post(ADD, sent(note="on call"))
        back = danas.post(ADD, {**hidden_fields(looked), "back": "1"})
        assert read(back.content).one("input", name="note").attributes["value"] == "on call"
        assert not Grant.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"roles": "payments-prod/Nobody"}, "no such role"),
            ({"roles": ""}, "Say which role"),
            ({"people": ""}, "Name a person or a group"),
            ({"people": "x" * 151}, "cannot be a name"),
            ({"end": ""}, "Choose when it ends"),
            ({"end": "on"}, "Choose the day"),
            ({"end": "on", "end_day": "2020-01-01"}, "This moment is over"),
            ({"end_day": "2200-01-01"}, "choose “On a date”"),
            ({"people": "directory"}, "cannot be a name"),
            ({"end": "on", "end_day": "soon"}, "valid date"),
            ({"end": "on", "end_day": "9999-12-31"}, "less than or equal"),
            ({"start_day": "0001-01-01"}, "greater than or equal"),
            ({"end": "today", "start_day": "2099-01-01"}, "before it begins"),
            ({"end": "never", "start_clock": "12:00"}, "day on which it begins"),
            ({"people": "\n".join(f"p{n}" for n in range(100)), "roles": "*/a\n*/b\n*/c"}, "300"),
        ],
    )
    def test_what_will_not_do_is_said_at_its_field(
        self, danas: Client, fields: dict[str, str], says: str
    ) -> None:
        answer = danas.post(ADD, sent(**fields))
        assert says in said(answer)
        assert "Nothing is saved yet" in said(answer)
        assert not Grant.objects.exists()

    def test_the_same_grant_is_refused_at_its_field(self, danas: Client, ann: User) -> None:
        Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
        answer = danas.post(ADD, sent(end="never"))
        assert any("granted already" in error for error in errors(answer))

    def test_another_end_of_the_same_grant_is_offered_as_a_change(
        self, danas: Client, ann: User
    ) -> None:
        Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
        asked = danas.post(ADD, sent())
        assert any("there already, with another end" in error for error in errors(asked))
        looked = danas.post(ADD, sent(also_change="on"))
        assert "Changedann: Developer in Payments" in said(looked)
        assert "keeps it only until" in said(looked)
        danas.post(ADD, {**hidden_fields(looked), "save": "1"})
        assert Grant.objects.get().expires is not None

    def test_what_the_access_file_manages_is_refused_at_the_field(
        self, danas: Client, ann: User
    ) -> None:
        Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer", from_file=True)
        answer = danas.post(ADD, sent(also_change="on"))
        assert any("the access file has this grant" in error for error in errors(answer))

    def test_what_moved_meanwhile_is_shown_again_and_not_saved(
        self, danas: Client, ann: User, bob: User
    ) -> None:
        group = Group.objects.create(name="payments", origin=Origin.LOCAL)
        Membership.objects.create(group=group, user=ann)
        looked = danas.post(ADD, sent(people="", groups="payments"))
        Membership.objects.create(group=group, user=bob)
        again = danas.post(ADD, {**hidden_fields(looked), "save": "1"})
        assert "Something changed while you looked" in said(again)
        assert "bob" in said(again)
        assert not Grant.objects.exists()
        danas.post(ADD, {**hidden_fields(again), "save": "1"})
        assert Grant.objects.count() == 1

    @pytest.mark.parametrize("by_group", [False, True])
    def test_P32_who_grants_to_themselves_is_refused_at_the_field_and_recorded(
        self, danas: Client, dana: User, by_group: bool
    ) -> None:
        group = Group.objects.create(name="admins")
        Membership.objects.create(group=group, user=dana)
        whom = {"people": "", "groups": "admins"} if by_group else {"people": "DANA"}
        for step in ({}, {"save": "1", "stamp": "x"}):
            answer = danas.post(ADD, sent(**whom, **step))
            assert any("Nobody gives access to themselves" in error for error in errors(answer))
        rows = [details_of(entry.details) for entry in told_rows().all()]
        assert [row["change"] for row in rows] == ["refused", "refused"]
        assert not Grant.objects.exists()

    @pytest.mark.parametrize("wrong", [{"end": "soon"}, {"roles": ""}, {"note": "x" * 501}])
    @pytest.mark.parametrize("by_group", [False, True])
    def test_P32_nor_is_a_try_forgotten_because_something_else_is_wrong_too(
        self, danas: Client, dana: User, wrong: dict[str, str], by_group: bool
    ) -> None:
        group = Group.objects.create(name="admins")
        Membership.objects.create(group=group, user=dana)
        whom = {"people": "", "groups": "admins"} if by_group else {"people": "dana"}
        answer = danas.post(ADD, sent(**whom, **wrong))
        assert any("Nobody gives access to themselves" in error for error in errors(answer))
        assert len(errors(answer)) == 2
        entry = told_rows().get()
        assert (entry.outcome, entry.error) == ("denied", "LiftsThemselves")

    def test_P32_fields_that_the_form_does_not_have_are_refused(
        self, danas: Client, dana: User, ann: User
    ) -> None:
        for field in ("user", "role", "account", "from_file", "made_by"):
            assert danas.post(ADD, sent(**{field: str(dana.pk)})).status_code == 403, field
        assert [entry.outcome for entry in told_rows()] == ["denied"] * 5
        assert cast.browser(cast.superuser("carol")).post(ADD, sent(user="1")).status_code == 200

    def test_P32_a_way_round_the_field_is_stopped_by_the_net_and_recorded(
        self, danas: Client, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group = Group.objects.create(name="admins")
        Membership.objects.create(group=group, user=dana)
        for place in ("portal.admin.grants.new", "accounts.administration.granting"):
            monkeypatch.setattr(f"{place}.require_not_own", lambda *_: None)
        looked = danas.post(ADD, sent(people="", groups="admins"))
        answer = danas.post(ADD, {**hidden_fields(looked), "save": "1"})
        assert answer.status_code == 403
        assert not Grant.objects.exists()
        entry = told_rows().get()
        assert (entry.outcome, entry.error) == ("denied", "LiftsThemselves")


class TestOne:
    def test_another_end_is_shown_first_and_then_saved(self, danas: Client, ann: User) -> None:
        grant = Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
        address = f"{LIST}{grant.pk}/change/"
        assert "ann" in said(danas.get(address))
        looked = danas.post(address, {"end": "7-days", "note": "less"})
        assert "keeps it only until" in said(looked)
        grant.refresh_from_db()
        assert grant.expires is None
        assert danas.post(address, hidden_fields(looked)).status_code == 302
        grant.refresh_from_db()
        assert (grant.note, grant.expires is None) == ("less", False)
        told = details_of(told_rows().get().details)
        assert told["change"] == "change"
        assert set(told["after"]) == {"expires", "note"}

    def test_the_day_that_it_had_is_no_choice_and_another_one_is(
        self, danas: Client, ann: User
    ) -> None:
        ends = timezone.now() + 40 * DAY
        grant = Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="*", expires=ends)
        page = read(danas.get(f"{LIST}{grant.pk}/change/").content)
        day = page.one("input", name="end_day").attributes["value"]
        clock = page.one("input", name="end_clock").attributes.get("value", "")
        shown = {"end": "7-days", "end_day": day, "end_clock": clock, "note": ""}
        address = f"{LIST}{grant.pk}/change/"
        assert "keeps it only until" in said(danas.post(address, shown))
        (error,) = errors(danas.post(address, {**shown, "end_day": "2200-01-01"}))
        assert "choose “On a date”" in error

    def test_the_note_of_a_grant_that_has_ended_can_be_changed(
        self, danas: Client, ann: User
    ) -> None:
        ended = timezone.now() - DAY
        grant = Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", expires=ended
        )
        page = read(danas.get(f"{LIST}{grant.pk}/change/").content)
        day = page.one("input", name="end_day").attributes["value"]
        clock = page.one("input", name="end_clock").attributes.get("value", "")
        fields = {"end": "on", "end_day": day, "end_clock": clock, "note": "was for the audit"}
        assert danas.post(f"{LIST}{grant.pk}/change/", fields).status_code == 302
        grant.refresh_from_db()
        assert (grant.note, grant.expires) == ("was for the audit", ended)

    def test_P32_who_extends_their_own_grant_is_refused_at_the_field(
        self, danas: Client, dana: User
    ) -> None:
        grant = Grant.objects.create(
            user=dana, account_id=PAYMENTS, role_name="Developer", expires=timezone.now() + DAY
        )
        answer = danas.post(f"{LIST}{grant.pk}/change/", {"end": "never", "note": ""})
        assert any("Nobody gives access to themselves" in error for error in errors(answer))
        answer = danas.post(f"{LIST}other-end/", {"grant": grant.pk, "end": "never", "stamp": "x"})
        assert any("Nobody gives access to themselves" in error for error in errors(answer))
        assert told_rows().filter(outcome="denied").count() == 2
        grant.refresh_from_db()
        assert grant.expires is not None

    def test_P32_nor_is_that_forgotten_because_the_note_is_wrong_too(
        self, danas: Client, dana: User
    ) -> None:
        grant = Grant.objects.create(user=dana, role_name="*", expires=timezone.now() + DAY)
        fields = {"end": "never", "note": "x" * 501}
        answer = danas.post(f"{LIST}{grant.pk}/change/", fields)
        assert any("Nobody gives access to themselves" in error for error in errors(answer))
        assert told_rows().get().error == "LiftsThemselves"

    def test_P32_fields_that_the_form_does_not_have_are_refused(
        self, danas: Client, dana: User, ann: User
    ) -> None:
        grant = Grant.objects.create(user=ann, role_name="*")
        for field in ("user", "role_name", "starts", "from_file"):
            fields = {"end": "never", "note": "", field: str(dana.pk)}
            assert danas.post(f"{LIST}{grant.pk}/change/", fields).status_code == 403, field
        assert [entry.outcome for entry in told_rows()] == ["denied"] * 4

    @pytest.mark.parametrize("role_name", ["Developer", "Nobody's yet"])
    def test_no_other_end_is_saved_than_the_one_that_was_shown(
        self, danas: Client, ann: User, role_name: str
    ) -> None:
        grant = Grant.objects.create(user=ann, account_id=PAYMENTS, role_name=role_name)
        address = f"{LIST}{grant.pk}/change/"
        shown = hidden_fields(danas.post(address, {"end": "7-days", "note": ""}))
        again = danas.post(address, {**shown, "end": "90-days"})
        assert "Something changed while you looked" in said(again)
        assert Grant.objects.get().expires is None

    @pytest.mark.parametrize("in_bulk", [False, True])
    def test_who_shortens_their_own_grant_is_let(
        self, danas: Client, dana: User, in_bulk: bool
    ) -> None:
        group = Group.objects.create(name="admins")
        Membership.objects.create(group=group, user=dana)
        grant = Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer")
        if in_bulk:
            address = f"{LIST}other-end/"
            looked = danas.get(f"{address}?grant={grant.pk}&end=7-days")
        else:
            address = f"{LIST}{grant.pk}/change/"
            looked = danas.post(address, {"end": "7-days", "note": ""})
        assert "keeps it only until" in said(looked)
        assert danas.post(address, hidden_fields(looked)).status_code == 302
        grant.refresh_from_db()
        assert grant.expires is not None

    def test_its_changes_are_not_those_of_the_same_grant_with_another_start(
        self, danas: Client, ann: User
    ) -> None:
        starts = (timezone.now() + 40 * DAY).date()
        for fields in ({"note": "at once"}, {"note": "later", "start_day": str(starts)}):
            looked = danas.post(ADD, sent(end="never", **fields))
            danas.post(ADD, {**hidden_fields(looked), "save": "1"})
        carols = cast.browser(cast.superuser("carol"))
        for grant in Grant.objects.all():
            page = read(carols.get(f"{LIST}{grant.pk}/change/").content).one("main")
            (way,) = [a for a in page.all("a") if a.text == "Changes"]
            told = said(carols.get(way.attributes["href"], follow=True))
            others = {"at once": "later", "later": "at once"}[grant.note]
            assert grant.note in told
            assert others not in told

    def test_P32_only_looking_at_a_later_end_of_their_own_is_no_try(
        self, danas: Client, dana: User
    ) -> None:
        grant = Grant.objects.create(user=dana, role_name="*", expires=timezone.now() + DAY)
        looked = danas.get(f"{LIST}other-end/?grant={grant.pk}&end=never")
        assert any("Nobody gives access to themselves" in error for error in errors(looked))
        assert not told_rows().exists()

    @pytest.mark.parametrize("meanwhile", [{"note": "theirs"}, {"expires": None}])
    def test_what_changes_while_it_waits_is_shown_again_and_not_saved(
        self,
        danas: Client,
        ann: User,
        monkeypatch: pytest.MonkeyPatch,
        meanwhile: dict[str, Any],
    ) -> None:
        grant = Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", expires=timezone.now() + DAY
        )
        address = f"{LIST}{grant.pk}/change/"
        fields = hidden_fields(danas.post(address, {"end": "7-days", "note": "mine"}))
        while_it_waits(monkeypatch, lambda: Grant.objects.update(**meanwhile))
        again = danas.post(address, fields)
        assert "Something changed while you looked" in said(again)
        assert not told_rows().exists()
        assert danas.post(address, hidden_fields(again)).status_code == 302
        assert Grant.objects.get().note == "mine"

    def test_a_note_that_changes_while_it_waits_is_not_written_over(
        self, danas: Client, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        grant = Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
        while_it_waits(monkeypatch, lambda: Grant.objects.update(note="theirs"))
        again = danas.post(f"{LIST}{grant.pk}/change/", {"end": "never", "note": "mine"})
        assert "Something changed while you looked" in said(again)
        assert read(again.content).one("input", name="note").attributes["value"] == "mine"
        assert not told_rows().exists()

    def test_what_the_access_file_takes_while_it_waits_is_left_to_it(
        self, danas: Client, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        grant = Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
        while_it_waits(monkeypatch, lambda: Grant.objects.update(from_file=True))
        answer = danas.post(f"{LIST}{grant.pk}/change/", {"end": "never", "note": "mine"})
        assert answer.status_code == 403
        assert told_rows().get().outcome == "denied"
        assert Grant.objects.get().note == ""

    def test_an_end_before_its_start_is_refused_at_the_field(
        self, danas: Client, ann: User
    ) -> None:
        starts = timezone.now() + 60 * DAY
        grant = Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", starts=starts
        )
        answer = danas.post(f"{LIST}{grant.pk}/change/", {"end": "7-days", "note": ""})
        assert any("before it begins" in error for error in errors(answer))
        assert Grant.objects.get().expires is None

    def test_what_the_access_file_manages_is_only_read(self, danas: Client, ann: User) -> None:
        grant = Grant.objects.create(
            user=ann, account_id=PAYMENTS, role_name="Developer", from_file=True
        )
        page = danas.get(f"{LIST}{grant.pk}/change/")
        assert "Managed by the access file" in said(page)
        assert not list(read(page.content).one("main").all("form"))
        answer = danas.post(f"{LIST}{grant.pk}/change/", {"end": "7-days", "note": "x"})
        assert answer.status_code == 403
        assert told_rows().get().outcome == "denied"

    @pytest.mark.parametrize("key", ["0", "9" * 30, "x", "1\0", "²"])
    def test_what_is_no_grant_is_not_there(self, danas: Client, key: str) -> None:
        address = f"{LIST}end/"
        assert danas.get(address, {"grant": key}).status_code in {200, 400, 404}
        assert danas.get(f"{LIST}{key}/change/").status_code in {400, 404}


class TestMany:
    @pytest.fixture
    def two(self, ann: User, bob: User, catalogue: None) -> list[Grant]:
        return [
            Grant.objects.create(user=user, account_id=PAYMENTS, role_name="Developer")
            for user in (ann, bob)
        ]

    @pytest.mark.parametrize(("action", "step"), [("end", "end"), ("delete_chosen", "delete")])
    def test_ending_and_deleting_say_first_who_loses_what(
        self, danas: Client, two: list[Grant], action: str, step: str
    ) -> None:
        chosen = {"action": action, "_selected_action": [grant.pk for grant in two]}
        page = danas.post(LIST, chosen, follow=True)
        assert "2 people lose" in said(page)
        assert "loses it" in said(page)
        assert Grant.objects.filter(expires=None).count() == 2
        keys = [grant.pk for grant in two]
        fields = {**hidden_fields(page), "grant": keys}
        assert danas.post(f"{LIST}{step}/", fields).status_code == 302
        assert not Grant.objects.filter(expires=None).exists()
        assert told_rows().count() == 2

    def test_another_end_is_asked_for_then_shown_then_saved(
        self, danas: Client, two: list[Grant]
    ) -> None:
        keys = [grant.pk for grant in two]
        chosen: dict[str, Any] = {"action": "other_end", "_selected_action": keys}
        asked = danas.post(LIST, chosen, follow=True)
        assert "How long" in said(asked)
        query = "&".join(f"grant={key}" for key in keys)
        looked = danas.get(f"{LIST}other-end/?{query}&end=7-days")
        assert "keeps it only until" in said(looked)
        done = danas.post(f"{LIST}other-end/", {**hidden_fields(looked), "grant": keys})
        assert done.status_code == 302
        assert not Grant.objects.filter(expires=None).exists()

    def test_what_moved_meanwhile_is_shown_again(self, danas: Client, two: list[Grant]) -> None:
        keys = [grant.pk for grant in two]
        page = danas.get(f"{LIST}end/", {"grant": keys})
        two[0].delete()
        again = danas.post(f"{LIST}end/", {**hidden_fields(page), "grant": keys})
        assert "Something changed while you looked" in said(again)
        assert Grant.objects.get().expires is None

    def test_more_than_can_be_done_at_once_is_said(self, danas: Client, ann: User) -> None:
        Grant.objects.bulk_create(Grant(user=ann, role_name=f"r{n}") for n in range(201))
        keys = list(Grant.objects.values_list("pk", flat=True))
        chosen = {"action": "end", "_selected_action": keys[:1], "select_across": "1"}
        assert "At most 200 grants at once" in said(danas.post(LIST, chosen, follow=True))

    @pytest.mark.parametrize(("action", "step"), [("end", "end"), ("other_end", "other-end"),
                                                  ("delete_chosen", "delete")])  # fmt: skip
    def test_as_many_as_are_promised_can_be_done_at_once(
        self, danas: Client, ann: User, action: str, step: str
    ) -> None:
        Grant.objects.bulk_create(Grant(user=ann, role_name=f"r{n}") for n in range(MOST_AT_ONCE))
        first = Grant.objects.values_list("pk", flat=True)[:1]
        chosen = {"action": action, "_selected_action": first, "select_across": "1"}
        page = danas.post(LIST, chosen, follow=True)
        if action == "other_end":
            page = danas.get(f"{LIST}{step}/", {**hidden_fields(page, "get"), "end": "7-days"})
        assert "200 grants" in said(page)
        assert danas.post(f"{LIST}{step}/", hidden_fields(page)).status_code == 302
        assert not Grant.objects.filter(expires=None).exists()
        assert told_rows().count() == MOST_AT_ONCE

    def test_P30_auditors_see_all_and_change_nothing(self, two: list[Grant]) -> None:
        client = cast.browser(cast.auditor())
        key = two[0].pk
        for address in (LIST, f"{LIST}{key}/change/"):
            assert client.get(address).status_code == 200
        for address in (ADD, f"{LIST}end/", f"{LIST}other-end/", f"{LIST}delete/"):
            assert client.post(address, {"grant": key, "end": "never"}).status_code == 403
        assert client.get(ADD).status_code == 403
        assert client.post(f"{LIST}{key}/change/", {"end": "7-days"}).status_code == 403
        assert told_rows().filter(outcome="denied").count() == 6
        assert Grant.objects.filter(expires=None).count() == 2


class TestList:
    def test_filters_find_what_they_name(self, danas: Client, ann: User) -> None:
        now = timezone.now()

        def make(name: str, **fields: Any) -> None:
            Grant.objects.create(user=ann, account_id=PAYMENTS, role_name=name, **fields)

        make("soon", expires=now + 3 * DAY)
        make("month", expires=now + 20 * DAY)
        make("over", expires=now - DAY)
        make("later", starts=now + DAY, from_file=True)
        group = Group.objects.create(name="on-call")
        Grant.objects.create(group=group, role_name="used", note="for the audit")
        for query, names in (
            ({"state": "ends-7"}, {"soon"}),
            ({"state": "ends-30"}, {"soon", "month"}),
            ({"state": "ended"}, {"over"}),
            ({"state": "coming"}, {"later"}),
            ({"made": "file"}, {"later"}),
            ({"for": "groups"}, {"used"}),
            ({"q": "audit"}, {"used"}),
            ({"q": "payments-prod ann month"}, {"month"}),
            ({"use": "never"}, {"soon", "month", "used"}),
        ):
            page = danas.get(LIST, query).content.decode()
            found = {name for name in ("soon", "month", "over", "later", "used")
                     if re.search(rf">\s*{name}\s*<", page)}  # fmt: skip
            assert found == names, query

    def test_no_page_asks_more_because_there_is_more(self, danas: Client, ann: User) -> None:
        group = Group.objects.create(name="many")
        first = Grant.objects.create(group=group, account_id=PAYMENTS, role_name="Developer")
        Membership.objects.create(group=group, user=ann)
        addresses = (
            LIST,
            f"{LIST}?state=ends-7",
            f"{LIST}?use=unused",
            f"{LIST}?q=ann",
            f"{LIST}{first.pk}/change/",
            f"{LIST}end/?grant={first.pk}",
            f"{LIST}other-end/?grant={first.pk}&end=never",
            f"{LIST}delete/?grant={first.pk}",
        )

        def asked() -> list[int]:
            counts = []
            for address in addresses:
                with CaptureQueriesContext(connection) as queries:
                    assert danas.get(address).status_code == 200
                counts.append(len(queries))
            with CaptureQueriesContext(connection) as queries:
                danas.post(ADD, sent(roles="*/*", people="ann", groups="many"))
            return [*counts, len(queries)]

        before = asked()
        for number in range(60):
            user = User.objects.create_placeholder(f"person-{number}")
            Membership.objects.create(group=group, user=user)
            Grant.objects.create(user=user, account_id=HUB, role_name="*")
            Role.objects.create(account_id=HUB, name=f"role-{number}")
        assert asked() == before
