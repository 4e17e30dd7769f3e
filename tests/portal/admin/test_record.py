"""Everybody's record: who may see it, what it tells, where it leads; nobody changes it."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import record
from accounts.models import Account, Action, Entry, Grant, Outcome, Role, User
from accounts.record import Act, about
from portal.pages import history_parts
from tests.portal import catalogue
from tests.portal.admin import cast
from tests.portal.reading import Element, read

pytestmark = pytest.mark.django_db

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\r\n\x1b[31m;=1'


@pytest.fixture
def carols() -> Client:
    """An auditor's browser."""
    return cast.browser(cast.auditor())


@pytest.fixture
def role() -> Role:
    return catalogue.role(
        name="team/Developer",
        title="Developer",
        account_alias="payments-prod",
        account_name="Payments production",
        account_environment="production",
    )


def launched(role: Role, by: str = "bob", **fields: Any) -> Act:
    """Somebody's launch, opened and closed."""
    user = User.objects.filter(username=by).first() or User.objects.create_user(by)
    act = about(Act(Action.LAUNCH, by, user.record_key), role)
    known = {
        "grant": "payments into payments-prod as *",
        "session_name": by,
        "source_identity": f"{by}-identity",
        "region": "eu-central-1",
        "ip": "192.0.2.7",
        "user_agent": "A browser",
        "request_id": "K7Q2-F9MD-4RXH",
        "duration_seconds": 3600,
    }
    act = replace(act, **{**known, **fields})
    record.open_act(act)
    ends = record.moment_text(timezone.now())
    act = replace(act, access_key_id="ASIAEXAMPLE123456", expires=ends)
    record.close_act(act, Outcome.SUCCEEDED)
    return act


def page(client: Client, path: str = "/admin/record/", **query: str) -> Element:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return read(answer.content)


def lines(document: Element) -> list[str]:
    return [line.text for line in document.all("li", class_="line")]


def events(document: Element) -> list[str]:
    links = (a for a in document.one("main").all("a") if a.text.startswith("CloudTrail"))
    return [link.attributes["href"] for link in links]


class TestWhoSeesIt:
    def test_administrators_and_auditors_see_everybody(self, role: Role) -> None:
        launched(role)
        for user in (cast.superuser(), cast.administrator(), cast.auditor()):
            assert "bob opened Payments production" in lines(page(cast.browser(user)))[0]

    @pytest.mark.parametrize("path", ["", "export.csv", "export.json", "{act}/"])
    def test_P12_nobody_else_and_each_try_is_a_row(self, role: Role, path: str) -> None:
        act = launched(role)
        staff = User.objects.create_user("dana", is_staff=True)
        path = f"/admin/record/{path.format(act=act.act_id)}"
        assert cast.browser(staff).get(path).status_code == 403
        assert cast.the_refusal().actor == "dana"
        assert cast.browser(User.objects.get(username="bob")).get(path).status_code == 403
        assert [row.actor for row in cast.rows()] == ["dana", "bob"]

    def test_the_models_pages_lead_to_it_with_their_filters(
        self, carols: Client, role: Role
    ) -> None:
        act = launched(role)
        answer = carols.get("/admin/accounts/entry/?action=admin-change&kind=grant&name=a%20b")
        assert answer.status_code == 302
        where = "/admin/record/?action=admin-change&kind=grant&name=a+b"
        assert answer.headers["Location"] == where
        answer = carols.get(f"/admin/accounts/entry/{Entry.objects.latest('id').pk}/change/")
        assert answer.headers["Location"] == f"/admin/record/{act.act_id}/"
        for number in ("99", "²", "٣", "9" * 30):
            address = f"/admin/accounts/entry/{number}/change/"
            assert carols.get(address).status_code == 404, number


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "add/"),
        ("get", "{pk}/delete/"),
        *(("post", path) for path in ("add/", "{pk}/change/", "{pk}/delete/", "")),
    ],
)
def test_P30_nobody_changes_a_row_not_even_a_superuser_and_each_try_is_a_row(
    role: Role, method: str, path: str
) -> None:
    launched(role)
    pk = Entry.objects.latest("id").pk
    before = list(Entry.objects.order_by("pk").values())
    danas = cast.browser(cast.superuser())
    fields = {"action": "delete_selected", "_selected_action": str(pk), "post": "yes"}
    answer = getattr(danas, method)(f"/admin/accounts/entry/{path.format(pk=pk)}", fields)
    assert answer.status_code == 403
    assert list(Entry.objects.order_by("pk").values())[: len(before)] == before
    assert cast.the_refusal().actor == "dana"


def test_a_person_is_found_however_their_name_is_composed(carols: Client) -> None:
    User.objects.create_user("caf\u00e9")
    record.write(Act(Action.SIGN_OUT, "caf\u00e9", "key"), Outcome.SUCCEEDED)
    (line,) = lines(page(carols, person="Cafe\u0301"))
    assert "caf\u00e9" in line


class TestWhatItTells:
    def test_who_by_which_grant_from_where_and_as_whom(self, carols: Client, role: Role) -> None:
        launched(role)
        (line,) = lines(page(carols, person="bob"))
        for told in (
            "bob opened Payments production as Developer",
            "Production",
            "payments into payments-prod as *",
            "bob-identity",
            "ASIAEXAMPLE123456",
            "192.0.2.7",
            "A browser",
            "K7Q2-F9MD-4RXH",
            "team/Developer",
        ):
            assert told in line

    @pytest.mark.parametrize(
        "query",
        [
            {"person": "bob"},
            {"person": " BOB "},
            {"account": "222222222222", "role": "team/Developer"},
            {"account": "payments-prod"},
            {"key": "ASIAEXAMPLE123456"},
            {"session": "bob"},
            {"request": "K7Q2-F9MD-4RXH"},
            {"ip": "192.0.2.7"},
            {"action": "launch", "outcome": "succeeded"},
            {"q": "bob-ident"},
            {"q": "k7q2-f9md-4rxh"},
            {"q": "ASIAEXAMPLE123456"},
            {"q": "payments production"},
            {"person": "bob", "account": "payments-prod", "what": "opened"},
            {"environment": "production"},
        ],
    )
    def test_each_filter_finds_it_and_the_export_is_the_same(
        self, carols: Client, role: Role, query: dict[str, str]
    ) -> None:
        act = launched(role)
        other: dict[str, Any] = {
            "session_name": "x",
            "request_id": "AAAA-BBBB-CCCC",
            "ip": "192.0.2.8",
        }
        record.write(Act(Action.SIGN_OUT, "ann", "key", **other), Outcome.SUCCEEDED)
        (line,) = lines(page(carols, **query))
        assert "bob opened" in line
        for form in ("csv", "json"):
            answer = carols.get(f"/admin/record/export.{form}", query)
            text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
            rows = json.loads(text) if form == "json" else [*csv.DictReader(io.StringIO(text))]
            assert [row["id"] for row in rows] == [act.act_id]
            assert "actor_key" not in text

    def test_an_export_holds_the_readers_days_as_the_page_does(
        self, carols: Client, role: Role
    ) -> None:
        User.objects.filter(username="carol").update(time_zone="Asia/Tokyo")
        for hour in (14, 15):
            moment = datetime(2026, 11, 20, hour, 30, tzinfo=UTC)
            launched(role, time=record.moment_text(moment), reason=f"at {hour}")
        for day, reason in (("2026-11-20", "at 14"), ("2026-11-21", "at 15")):
            query = {"from": day, "to": day, "action": "launch"}
            (line,) = lines(page(carols, **query))
            assert reason in line
            answer = carols.get("/admin/record/export.json", query)
            (row,) = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
            assert row["reason"] == reason

    def test_a_filter_that_fits_nothing_finds_nothing(self, carols: Client, role: Role) -> None:
        launched(role)
        for query in ({"person": "bo"}, {"ip": "192.0.2"}, {"role": "Developer"}, {"q": "zebra"}):
            document = page(carols, **query)
            assert lines(document) == []
            assert "Nothing matches" in document.text

    def test_the_calendar_and_bars_count_everybody(self, carols: Client, role: Role) -> None:
        launched(role)
        launched(role, by="dana")
        assert "2 launches in a year" in page(carols).text
        assert "1 launch in a year" in page(carols, person="dana").text
        assert "By role" in page(carols, account="payments-prod").text

    def test_an_act_is_told_whole_with_both_of_its_rows(self, carols: Client, role: Role) -> None:
        act = launched(role)
        document = page(carols, f"/admin/record/{act.act_id}/")
        rows = document.one("div", **{"aria-label": "The rows of this act"})
        heads = [cell.text for cell in rows.all("th", scope="col")]
        assert heads == ["Column", "opened", "closed"]
        assert "ASIAEXAMPLE123456" in rows.text
        assert User.objects.get(username="bob").record_key not in document.text
        assert carols.get(f"/admin/record/{'0' * 32}/").status_code == 404
        assert carols.get("/admin/record/%00/").status_code == 400

    def test_P30_a_change_is_told_before_and_after(self, carols: Client) -> None:
        details = {
            "change": "change",
            "kind": "role",
            "name": "Developer in 222222222222",
            "before": {"session_seconds": 3600, "disabled": False},
            "after": {"session_seconds": 7200, "disabled": True},
        }
        act = Act(Action.ADMIN_CHANGE, "dana", "key", details=details)
        record.write(act, Outcome.SUCCEEDED)
        query = {"action": "admin-change", "kind": "role", "name": "Developer in 222222222222"}
        (line,) = lines(page(carols, **query))
        assert "dana changed the role Developer in 222222222222" in line
        assert "usual session: 1 h → 2 h" in line
        assert lines(page(carols, **{**query, "name": "Developer"})) == []
        document = page(carols, f"/admin/record/{act.act_id}/")
        table = document.one("div", **{"aria-label": "Before and after"})
        assert "usual session1 h2 h" in table.text
        assert "switched offnoyes" in table.text


class TestEvents:
    """The way to what AWS wrote down of a session."""

    URL = (
        "https://eu-central-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-central-1"
        "#/events?Username=bob"
    )

    def test_it_is_a_console_page_for_whom_has_no_way_in(self, carols: Client, role: Role) -> None:
        launched(role)
        assert events(page(carols)) == [self.URL]

    def test_it_is_a_launch_by_the_readers_own_role(self, carols: Client, role: Role) -> None:
        launched(role)
        carol = User.objects.get(username="carol")
        catalogue.role(name="Audit", to=carol)
        (way,) = events(page(carols))
        assert way.startswith("/go/222222222222/Audit/?to=https%3A%2F%2Feu-central-1.console")
        assert way.endswith("%23%2Fevents%3FUsername%3Dbob")
        Grant.objects.create(user=carol, account=role.account, role_name=role.name)
        (way,) = events(page(carols))
        assert way.startswith("/go/222222222222/team/Developer/?to=")
        Role.objects.update(disabled=True)
        assert events(page(carols)) == [self.URL]

    def test_whoever_was_refused_before_aws_was_asked_left_nothing_there(
        self, carols: Client, role: Role
    ) -> None:
        act = about(Act(Action.LAUNCH, "bob", "key", session_name="bob"), role)
        record.write(act, Outcome.DENIED, "NotNow")
        record.write(replace(act, act_id="other"), Outcome.FAILED, "OtherAccount")
        assert events(page(carols)) == []

    def test_its_partition_is_the_accounts_or_told_by_the_region(
        self, carols: Client, role: Role
    ) -> None:
        launched(role, region="cn-north-1")
        Account.objects.update(partition="aws-cn")
        assert events(page(carols))[0].startswith("https://cn-north-1.console.amazonaws.cn/")
        Role.objects.all().delete()
        Account.objects.all().delete()
        assert events(page(carols))[0].startswith("https://cn-north-1.console.amazonaws.cn/")


def test_P19_P29_what_others_typed_stays_text_in_every_column(carols: Client) -> None:
    longest = {name: field.max_length or 400 for name, field in _texts().items()}
    wild: dict[str, Any] = {name: MARKUP[: longest[name]] for name in longest}
    told = dict.fromkeys(("account_name", "role_title", "environment", "message", "alias"), MARKUP)
    change: dict[str, Any] = {"change": MARKUP, "kind": MARKUP, "name": MARKUP}
    change |= {"before": {MARKUP: MARKUP}, "after": {MARKUP: [MARKUP, {MARKUP: MARKUP}]}}
    file = {"file": MARKUP, "summary": MARKUP, "changes": [{"change": MARKUP, "after": change}]}
    for action, details in (
        (Action.LAUNCH, told),
        (Action.SIGN_IN, told),
        (Action.ADMIN_CHANGE, change),
        (Action.ADMIN_CHANGE, {**change, "change": "change"}),
        (Action.ACCESS_APPLY, file),
    ):
        for outcome in (Outcome.SUCCEEDED, Outcome.DENIED):
            act = Act(action, **{**wild, "method": "x"}, details=details)
            record.write(act, outcome, MARKUP)
    record.write(Act(Action.LAUNCH, "bob", details={"before": 1, "after": "x"}), Outcome.FAILED)
    paths = [f"/admin/record/{row.act_id}/" for row in Entry.objects.all()]
    for path in ("/admin/record/", *paths):
        content = carols.get(path, {"q": MARKUP, "person": MARKUP} if path == paths[0] else {})
        text = content.content.decode()
        assert content.status_code == 200
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        for control in ("\x1b", "\u202e"):
            assert control not in text
    export = carols.get("/admin/record/export.csv").streaming_content  # type: ignore[attr-defined]
    for row in csv.reader(io.StringIO(b"".join(export).decode())):
        for cell in row:
            assert cell.isprintable()
            assert not any(part.lstrip()[:1] in set("=+-@") for part in cell.split(";") if part)
    answer = carols.get("/admin/record/", dict.fromkeys(("q", *longest, "name", "key"), MARKUP))
    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()


def _texts() -> dict[str, Any]:
    known = {"grant", "reason", "ip", "user_agent", "request_id", "session_name"}
    known |= {"source_identity", "access_key_id", "region", "destination", "account", "role"}
    known |= {"actor", "source"}
    return {f.name: f for f in Entry._meta.concrete_fields if f.name in known}


def test_a_page_takes_the_same_queries_however_many_lines(carols: Client, role: Role) -> None:
    counts = []
    for more in (1, 30):
        for number in range(more):
            launched(role, by=f"person-{number}")
        with CaptureQueriesContext(connection) as queries:
            page(carols, what="opened")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 18


def test_older_leads_through_all_of_them_once(
    carols: Client, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_parts, "LINES_A_PAGE", 3)
    for number in range(7):
        launched(role, by=f"person-{number}")
    seen: list[str] = []
    path = "/admin/record/?what=opened"
    while path:
        document = page(carols, path)
        seen += [line.split(" opened")[0][-8:] for line in lines(document)]
        older = [a.attributes["href"] for a in document.all("a") if a.text == "Older"]
        path = f"/admin/record/{older[0]}" if older else ""
    assert seen == [f"person-{number}" for number in reversed(range(7))]
