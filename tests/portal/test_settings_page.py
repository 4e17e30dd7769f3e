"""A person's settings: kept, followed at once by every page, and a password of one's own."""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import record
from accounts.models import Action, Entry, Grant, Origin, Outcome, User
from accounts.preferences import time_zones
from portal.preferences import zone_words
from portal.signin.throttle import SignInThrottle
from tests.conftest import PASSWORD
from tests.portal.catalogue import payments
from tests.portal.reading import Element, read

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

NEW = "a quite different sentence 7"
CHOICE = {"language": "ja", "time_zone": "Asia/Tokyo", "theme": "dark"}


def page(client: Client, path: str = "/settings/") -> Element:
    answer = client.get(path)
    assert answer.status_code == 200
    return read(answer.content)


def changed(
    client: Client, current: str = PASSWORD, new: str = NEW, again: str | None = None
) -> "Response":
    fields = {"current": current, "new": new, "again": new if again is None else again}
    return client.post("/settings/password/", fields)


def blamed(content: bytes) -> set[str]:
    document = read(content)
    return {
        element.attributes["name"]
        for tag in ("input", "select")
        for element in document.all(tag, aria_invalid="true")
    }


class TestLookAndLanguage:
    def test_what_is_chosen_is_kept_and_shown_again(self, ann: User, signed_in: Client) -> None:
        answer = signed_in.post("/settings/", CHOICE)
        assert (answer.status_code, answer["Location"]) == (303, "/settings/#look")
        ann.refresh_from_db()
        assert (ann.language, ann.time_zone, ann.theme) == ("ja", "Asia/Tokyo", "dark")
        document = page(signed_in)
        chosen = [o.attributes["value"] for o in document.all("option") if o.has(selected="")]
        assert chosen == ["ja", "Asia/Tokyo"]
        assert document.one("input", name="theme", checked="").attributes["value"] == "dark"

    def test_every_page_follows_at_once_in_language_zone_and_theme(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        signed_in.post("/settings/", CHOICE)
        pages = ("/", "/bookmarks/", "/history/", "/settings/", "/sign-out/")
        for path in (*pages, "/options/payments-prod/Developer/", "/go/no/such/", "/nowhere/"):
            answer = signed_in.get(path)
            html = read(answer.content).one("html").attributes
            assert (html["lang"], html["data-theme"]) == ("ja", "dark"), path
            assert answer["Content-Language"] == "ja"
            assert "Tokyo (JST)" in read(answer.content).one("footer").text

    def test_who_chose_nothing_gets_what_the_browser_asks_for_and_utc(
        self, signed_in: Client
    ) -> None:
        for asked, language in (("ja,en;q=0.5", "ja"), ("fr", "en"), ("", "en")):
            answer = signed_in.get("/settings/", headers={"accept-language": asked})
            html = read(answer.content).one("html").attributes
            assert (html["lang"], html["data-theme"]) == (language, "auto")
        assert page(signed_in).one("footer").text.endswith("Times in UTC")

    def test_a_chosen_language_wins_over_the_browsers(self, ann: User, signed_in: Client) -> None:
        User.objects.update(language="en")
        answer = signed_in.get("/settings/", headers={"accept-language": "ja"})
        assert read(answer.content).one("html").attributes["lang"] == "en"

    def test_times_are_the_persons_and_the_next_persons_are_their_own(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        act = record.Act(Action.SIGN_OUT, "ann", ann.record_key, time="2026-05-01T20:30:00.000000Z")
        record.write(act, Outcome.SUCCEEDED)
        User.objects.filter(username="ann").update(time_zone="Asia/Tokyo")
        shown = page(signed_in, "/history/").text
        assert "05:30" in shown
        assert "20:30" not in shown
        assert timezone.get_current_timezone_name() == settings.TIME_ZONE
        other = Client()
        other.post("/sign-in/", {"username": "bob", "password": PASSWORD})
        assert page(other).one("footer").text.endswith("Times in UTC")

    def test_a_refusal_says_its_moment_in_the_persons_zone_with_its_name(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        Grant.objects.update(expires=datetime(2026, 5, 1, 20, 30, tzinfo=UTC))
        path = "/options/payments-prod/Developer/"
        assert "ended on 1 May 2026, 20:30 UTC." in signed_in.get(path).content.decode()
        User.objects.update(time_zone="Asia/Tokyo")
        assert "ended on 2 May 2026, 05:30 JST." in signed_in.get(path).content.decode()

    @pytest.mark.parametrize(
        ("field", "typed"),
        [
            ("language", "fr"),
            ("language", "../en"),
            ("time_zone", "Mars/Olympus"),
            ("time_zone", "../../etc/passwd"),
            ("time_zone", "localtime"),
            ("time_zone", "asia/tokyo\x00"),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_kept(
        self, ann: User, signed_in: Client, field: str, typed: str
    ) -> None:
        answer = signed_in.post("/settings/", {**CHOICE, field: typed})
        assert answer.status_code == 400
        assert blamed(answer.content) == {field}
        ann.refresh_from_db()
        assert (ann.language, ann.time_zone, ann.theme) == ("", "", "auto")

    def test_what_a_form_leaves_out_stays_as_it_was(self, ann: User, signed_in: Client) -> None:
        signed_in.post("/settings/", CHOICE)
        for field, value in (("theme", "light"), ("time_zone", ""), ("language", "en")):
            assert signed_in.post("/settings/", {field: value}).status_code == 303
        ann.refresh_from_db()
        assert (ann.language, ann.time_zone, ann.theme) == ("en", "", "light")
        signed_in.post("/settings/", {**CHOICE, "theme": "auto"})
        signed_in.post("/settings/", {"theme": "light"})
        ann.refresh_from_db()
        assert (ann.language, ann.time_zone, ann.theme) == ("ja", "Asia/Tokyo", "light")

    def test_a_theme_that_is_none_is_refused(self, ann: User, signed_in: Client) -> None:
        answer = signed_in.post("/settings/", {**CHOICE, "theme": '"><script>'})
        assert answer.status_code == 400
        assert "Choose one of the themes" in answer.content.decode()
        assert b"<script>" not in answer.content

    def test_every_zone_can_be_chosen_and_the_usual_ones_say_what_time_it_is(
        self, signed_in: Client
    ) -> None:
        options = list(page(signed_in).one("select", id="time_zone").all("option"))
        assert {option.attributes["value"] for option in options} == time_zones() | {""}
        tokyo = next(o for o in options if o.attributes["value"] == "Asia/Tokyo")
        assert re.fullmatch(r"Tokyo \(JST\), \d\d:\d\d", tokyo.text)

    def test_a_zone_that_this_machine_lost_counts_as_none(
        self, ann: User, signed_in: Client
    ) -> None:
        User.objects.update(time_zone="Europe/Atlantis")
        assert page(signed_in).one("footer").text.endswith("Times in UTC")

    def test_following_costs_no_query(self, ann: User, signed_in: Client) -> None:
        def count() -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert signed_in.get("/sign-out/").status_code == 200
            return len(queries)

        count()
        before = count()
        User.objects.update(language="ja", time_zone="Asia/Tokyo", theme="dark")
        assert count() == before == 2

    def test_P14_nothing_changes_by_get_or_without_a_token(
        self, ann: User, signed_in: Client
    ) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = signed_in.cookies
        assert strict.post("/settings/", CHOICE).status_code == 403
        assert signed_in.get("/settings/?theme=dark&language=ja").status_code == 200
        assert signed_in.get("/settings/password/").status_code == 405
        ann.refresh_from_db()
        assert (ann.language, ann.theme) == ("", "auto")


class TestMenu:
    def test_everybody_finds_their_settings_and_staff_the_administration(
        self, ann: User, signed_in: Client
    ) -> None:
        def links() -> dict[str, str]:
            menu = page(signed_in).one("details", class_="menu")
            return {link.text: link.attributes["href"] for link in menu.all("a")}

        assert links() == {"Settings": "/settings/"}
        User.objects.update(is_staff=True)
        assert links() == {"Settings": "/settings/", "Administration": "/admin/"}


class TestPassword:
    def test_P5_a_new_password_ends_the_other_sessions_and_this_one_goes_on_under_another_key(
        self, ann: User, signed_in: Client
    ) -> None:
        other = Client()
        other.post("/sign-in/", {"username": "ann", "password": PASSWORD})
        key = signed_in.cookies["session"].value
        answer = changed(signed_in)
        assert (answer.status_code, answer["Location"]) == (303, "/settings/#password")
        assert signed_in.cookies["session"].value != key
        assert "Your password is changed" in page(signed_in).text
        assert other.get("/settings/").status_code == 302
        stolen = Client()
        stolen.cookies["session"] = key
        assert stolen.get("/settings/").status_code == 302
        again = Client()
        fields = {"username": "ann", "password": NEW}
        assert again.post("/sign-in/", fields).status_code == 303
        assert again.post("/sign-in/", {**fields, "password": PASSWORD}).status_code == 403

    def test_P30_the_change_is_a_row_by_the_person_without_any_password(
        self, ann: User, signed_in: Client
    ) -> None:
        changed(signed_in)
        row = Entry.objects.latest("id")
        assert (row.action, row.outcome) == (Action.ADMIN_CHANGE, Outcome.SUCCEEDED)
        assert (row.actor, row.actor_key) == ("ann", ann.record_key)
        details = json.loads(row.details)
        assert (details["change"], details["name"]) == ("password", "ann")
        ann.refresh_from_db()
        for secret in (PASSWORD, NEW, ann.password):
            assert secret not in row.details

    def test_P30_a_password_that_is_not_the_portals_is_refused_and_a_row(
        self, ann: User, signed_in: Client
    ) -> None:
        User.objects.filter(pk=ann.pk).update(origin=Origin.DIRECTORY)
        assert changed(signed_in).status_code == 403
        row = Entry.objects.latest("id")
        assert (row.action, row.outcome) == (Action.ADMIN_CHANGE, Outcome.DENIED)
        assert (row.actor, row.error) == ("ann", "NotALocalPerson")
        assert json.loads(row.details)["change"] == "password"

    def test_P30_no_row_no_change(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(record, "_is_genuine", lambda head: False)
        assert changed(signed_in).status_code == 503
        ann.refresh_from_db()
        assert ann.check_password(PASSWORD)

    def test_all_that_is_wrong_is_said_at_once_each_at_its_field(
        self, ann: User, signed_in: Client
    ) -> None:
        answer = changed(signed_in, current="wrong", new="ann12", again="else")
        assert answer.status_code == 400
        assert blamed(answer.content) == {"current", "new", "again"}
        document = read(answer.content)
        assert "at least 12" in document.one("span", id="new-e").text
        values = [i.attributes.get("value") for i in document.all("input", type="password")]
        assert values == [None, None, None]
        ann.refresh_from_db()
        assert ann.check_password(PASSWORD)

    def test_the_same_password_again_is_no_change(self, ann: User, signed_in: Client) -> None:
        answer = changed(signed_in, new=PASSWORD)
        assert blamed(answer.content) == {"new"}

    def test_P6_wrong_current_passwords_are_slowed_like_those_at_the_door_and_are_rows(
        self, ann: User, signed_in: Client
    ) -> None:
        statuses = [changed(signed_in, current=f"guess {n}").status_code for n in range(5)]
        assert statuses == [400] * 5
        rows = Entry.objects.filter(action=Action.ADMIN_CHANGE, outcome=Outcome.DENIED)
        assert {row.error for row in rows} == {"WrongPassword"}
        assert not [row for row in rows if "guess" in row.details]
        answer = changed(signed_in)
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 15
        assert blamed(answer.content) == {"current"}
        ann.refresh_from_db()
        assert ann.check_password(PASSWORD)
        assert signed_in.get("/settings/").status_code == 200

    def test_P6_a_right_one_is_not_counted(self, ann: User, signed_in: Client) -> None:
        changed(signed_in)
        assert not SignInThrottle.objects.filter(failures__gt=0).exists()

    def test_a_directory_person_is_told_where_theirs_is_changed_and_cannot_here(
        self, ann: User, signed_in: Client
    ) -> None:
        User.objects.update(origin=Origin.DIRECTORY, directory_state="present", directory_id="1")
        document = page(signed_in)
        assert "Your password is the directory’s" in document.text
        assert not list(document.all("input", type="password"))
        assert changed(signed_in).status_code == 403
        ann.refresh_from_db()
        assert ann.check_password(PASSWORD)

    def test_a_password_that_was_changed_meanwhile_is_not_overwritten(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def meanwhile(password: str) -> str:
            User.objects.update(password=make_password("set by an administrator"))
            return make_password(password)

        monkeypatch.setattr("accounts.local_people.make_password", meanwhile)
        assert changed(signed_in).status_code == 403
        ann.refresh_from_db()
        assert ann.check_password("set by an administrator")


def test_P1_settings_are_nobodys_without_a_sign_in(client: Client, db: None) -> None:
    for answer in (client.get("/settings/"), client.post("/settings/password/")):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")


def test_a_moment_in_the_footer_names_zones_without_letters_by_their_distance() -> None:
    with timezone.override("Asia/Ho_Chi_Minh"):
        assert zone_words(datetime(2026, 1, 1, tzinfo=UTC)) == "Ho Chi Minh (UTC+07)"
