"""Home: everything the person may open, first what they use, found from the first word."""

import gzip
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import record
from accounts.models import (
    Account,
    Action,
    Bookmark,
    Grant,
    Group,
    Membership,
    Outcome,
    Role,
    User,
)
from accounts.record import Act
from portal import launch
from portal.errors import ConfigurationProblem
from portal.pages import home
from tests.portal.catalogue import PAYMENTS, SANDBOX, payments, role
from tests.portal.reading import Element, read

MARKUP = "\"><script>alert(1)</script><b x='&"


@pytest.fixture(autouse=True)
def _broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's own credentials are a user's, unless a test says otherwise."""
    monkeypatch.setattr(launch, "is_chained", lambda *_: False)


def page(client: Client, path: str = "/") -> Element:
    answer = client.get(path)
    assert answer.status_code == 200
    return read(answer.content)


def opens(document: Element) -> list[str]:
    """The names of the links that open a role, each of which stands in a list item."""
    items = list(document.all("li", class_="role"))
    links = [item.one("a", class_="open") for item in items]
    return [link.name for link in links]


def launched(user: User, made: Role, **fields: object) -> None:
    act = Act(
        action=Action.LAUNCH,
        actor=user.username,
        actor_key=user.record_key,
        account=made.account_id,
        role=made.name,
        **fields,  # type: ignore[arg-type]
    )
    record.write(act, Outcome.SUCCEEDED)


class TestRoles:
    def test_each_granted_role_is_a_list_item_with_a_link_that_says_what_it_opens(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        role(PAYMENTS, "incident/IncidentLead", to=ann, title="Incident lead")
        document = page(signed_in)
        assert opens(document) == [
            "Open Developer in Payments production",
            "Open Incident lead in Payments production",
        ]
        lead = list(document.all("a", class_="open"))[1]
        assert lead.attributes["href"] == "/go/payments-prod/incident/IncidentLead/"

    def test_P11_only_what_is_granted_at_this_moment_is_listed(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        payments(ann)
        now = timezone.now()
        for name, fields in (
            ("Ended", {"expires": now - timedelta(seconds=1)}),
            ("Coming", {"starts": now + timedelta(hours=1)}),
        ):
            role(PAYMENTS, name)
            Grant.objects.create(user=ann, account_id=PAYMENTS, role_name=name, **fields)
        role(PAYMENTS, "Bobs", to=bob)
        role(PAYMENTS, "Off", to=ann, disabled=True)
        assert opens(page(signed_in)) == ["Open Developer in Payments production"]

    @pytest.mark.parametrize(
        ("ends_in", "fields", "shown"),
        [
            (None, {}, "1 h"),
            (None, {"console_seconds": 28800}, "8 h"),
            (timedelta(minutes=40, seconds=30), {"console_seconds": 28800}, "40 min"),
            (timedelta(minutes=2), {}, "15 min"),
        ],
    )
    def test_P17_the_button_says_the_length_that_the_launch_would_really_give(
        self,
        ann: User,
        signed_in: Client,
        ends_in: timedelta | None,
        fields: dict[str, int],
        shown: str,
    ) -> None:
        payments(ann, **fields)
        if ends_in:
            Grant.objects.update(expires=timezone.now() + ends_in)
        link = page(signed_in).one("a", class_="open")
        assert link.one("span", class_="for").text == shown

    def test_P17_two_roles_of_the_same_lengths_are_cut_by_their_own_grants_only(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        role(PAYMENTS, "Short", to=ann)
        soon = timezone.now() + timedelta(minutes=40, seconds=30)
        Grant.objects.filter(role_name="Short").update(expires=soon)
        shown = [span.text for span in page(signed_in).all("span", class_="for")]
        assert shown == ["1 h", "40 min"]

    def test_P17_with_broker_credentials_of_a_role_the_button_says_an_hour(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(launch, "is_chained", lambda *_: True)
        payments(ann, session_seconds=14400, console_seconds=28800)
        row = page(signed_in).one("li", class_="role")
        assert row.one("span", class_="for").text == "1 h"
        assert row.one("span", class_="flag").text == "1 h at most"

    def test_a_source_that_cannot_be_asked_does_not_hold_up_the_page(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def trouble(*_: object) -> bool:
            raise ConfigurationProblem(log="none", message="none", next_step="")

        monkeypatch.setattr(launch, "is_chained", trouble)
        payments(ann)
        assert page(signed_in).one("span", class_="for").text == "1 h"

    def test_links_lead_where_the_addresses_are_whatever_the_names_hold(
        self, ann: User, signed_in: Client
    ) -> None:
        name = "a&b/it's?#%20'<x>/Role+=,.@-x"
        made = role("000000000001", name, to=ann)
        row = page(signed_in).one("li", class_="role")
        launch, options = (link.attributes["href"] for link in row.all("a"))
        assert launch == reverse("launch", args=(made.account_id, name))
        assert options == reverse("options", args=(made.account_id, name))

    def test_flags_tell_that_a_reason_is_asked_and_that_the_grant_ends_soon(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann, require_reason=True)
        Grant.objects.update(expires=timezone.now() + timedelta(days=6, hours=1))
        flags = list(page(signed_in).all("span", class_="flag"))
        assert [flag.text for flag in flags] == ["Reason asked", "Ends in 6 days"]
        assert flags[1].attributes["data-state"] == "warn"

    def test_an_environment_alone_is_shown_by_its_link(self, ann: User, signed_in: Client) -> None:
        payments(ann)
        role(SANDBOX, to=ann, account_environment="sandbox", account_name="Sandbox")
        chips = {
            chip.text: chip.attributes["href"] for chip in page(signed_in).all("a", class_="chip")
        }
        assert chips == {
            "All": "/",
            "Production 1": "?environment=production",
            "Sandbox 1": "?environment=sandbox",
        }
        assert opens(page(signed_in, "/?environment=sandbox")) == ["Open Developer in Sandbox"]
        assert len(opens(page(signed_in, "/?environment=nothing-known"))) == 2

    def test_who_has_no_role_is_told_whom_to_ask_and_which_groups_are_theirs(
        self, ann: User, signed_in: Client
    ) -> None:
        Membership.objects.create(user=ann, group=Group.objects.create(name="newcomers"))
        text = page(signed_in).one("main").text
        assert "No role is granted to you yet" in text
        assert "Ask an administrator" in text
        assert "newcomers" in text


class TestBeginsLater:
    def test_who_has_a_grant_that_begins_later_reads_from_when(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        role(PAYMENTS, "Auditor", to=ann, disabled=True)
        starts = timezone.now().replace(year=timezone.now().year + 1, month=12, day=5)
        Grant.objects.filter(role_name="Developer").update(starts=starts)
        Grant.objects.filter(role_name="Auditor").update(starts=starts.replace(day=1))
        said = page(signed_in).text
        assert f"come back at 5 December {starts.year}" in said
        assert "nobody has given you" not in said
        Grant.objects.all().delete()
        assert "nobody has given you" in page(signed_in).text


class TestBookmarksAndRecents:
    def test_own_bookmarks_come_first_in_their_order_then_the_groups_and_whose(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        team = Group.objects.create(name="payments")
        Membership.objects.create(user=ann, group=team)
        common = {"account_id": PAYMENTS, "role_name": "Developer"}
        Bookmark.objects.create(group=team, name="Shared", destination="sqs", **common)
        Bookmark.objects.create(user=ann, name="Second", position=2, **common)
        Bookmark.objects.create(user=ann, name="First", position=1, destination="s3", **common)
        tiles = list(page(signed_in).all("a", class_="tile"))
        assert [tile.one("b").text for tile in tiles] == ["First", "Second", "Shared"]
        assert tiles[0].name.startswith("First")
        assert tiles[0].attributes["href"] == "/go/payments-prod/Developer/?to=s3"
        assert tiles[2].one("span", class_="whose").text == "shared with payments"

    def test_a_bookmark_says_the_region_that_its_click_lands_in(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        common = {"user": ann, "account_id": PAYMENTS, "role_name": "Developer"}
        ireland = "https://eu-west-1.console.aws.amazon.com/s3/buckets/x?region=eu-west-1"
        for position, place in enumerate(
            [{"destination": ireland}, {"destination": "s3"}, {"region": "eu-central-1"}]
        ):
            Bookmark.objects.create(name=f"Place {position}", position=position, **place, **common)
        said = [tile.text for tile in page(signed_in).all("a", class_="tile")]
        for words, region in zip(said, ("Ireland", "Tokyo", "Frankfurt"), strict=True):
            assert region in words
        rows = page(signed_in, "/bookmarks/").text
        assert "S3, Ireland" in rows
        assert "S3, Tokyo" in rows

    def test_a_role_says_the_region_that_its_click_lands_in(
        self, ann: User, signed_in: Client
    ) -> None:
        ireland = "https://eu-west-1.console.aws.amazon.com/s3/buckets/x?region=eu-west-1"
        payments(ann, destination=ireland)
        assert "S3, Ireland" in page(signed_in).text

    def test_a_bookmark_whose_role_is_not_theirs_now_is_no_link_here(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        role(PAYMENTS, "Gone")
        Bookmark.objects.create(user=ann, name="Old", account_id=PAYMENTS, role_name="Gone")
        assert not list(page(signed_in).all("a", class_="tile"))

    def test_recents_are_the_persons_own_by_their_key_not_by_their_name(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        made = payments(ann)
        launched(bob, made)
        record.write(
            Act(Action.LAUNCH, "ann", "another key", account=made.account_id, role=made.name),
            Outcome.SUCCEEDED,
        )
        assert not list(page(signed_in).all("a", class_="recent"))
        launched(ann, made)
        recent = page(signed_in).one("a", class_="recent")
        assert recent.text == "Production. Payments production Developer just now"

    def test_a_session_that_is_still_open_says_how_long(self, ann: User, signed_in: Client) -> None:
        made = payments(ann)
        launched(ann, made, duration_seconds=3600, details={"console_seconds": 28800})
        document = page(signed_in)
        assert document.one("a", class_="recent").text.endswith("7 h 59 min left")
        assert (
            document.one("li", class_="role").one("span", class_="live").text == "7 h 59 min left"
        )


class TestSearch:
    def test_words_leave_what_they_mean_without_script(self, ann: User, signed_in: Client) -> None:
        payments(ann)
        role(PAYMENTS, "ReadOnly", to=ann, title="Read only")
        role(SANDBOX, to=ann, account_name="Sandbox", account_tags={"team": "payments"})
        assert opens(page(signed_in, "/?q=paypro+dev")) == ["Open Developer in Payments production"]
        assert opens(page(signed_in, "/?q=only+pay")) == ["Open Read only in Payments production"]
        assert opens(page(signed_in, "/?q=2222 2222")) == [
            "Open Developer in Payments production",
            "Open Read only in Payments production",
        ]
        assert "Open Developer in Sandbox" in opens(page(signed_in, "/?q=payments"))
        assert opens(page(signed_in, "/?q=pyaments+prod+dev")) == [
            "Open Developer in Payments production"
        ]
        nothing = page(signed_in, "/?q=zebra")
        assert opens(nothing) == []
        assert nothing.one("div", id="found").one("h2").text == "0 roles"

    def test_what_the_person_uses_comes_first_among_equals(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        used = role(SANDBOX, to=ann, account_name="Sandbox")
        launched(ann, used)
        assert opens(page(signed_in, "/?q=dev"))[0] == "Open Developer in Sandbox"

    def test_P19_what_was_searched_for_comes_back_as_text(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        answer = signed_in.get("/", {"q": MARKUP})
        assert b"<script>alert" not in answer.content
        assert read(answer.content).one("input", type="search").attributes["value"] == MARKUP


def test_P19_no_field_of_a_catalogue_carries_markup_into_the_page(
    ann: User, signed_in: Client
) -> None:
    made = payments(
        ann,
        account_name=MARKUP,
        account_environment=MARKUP,
        account_tags={"team": MARKUP},
        account_colour='"><b x=',
        title=MARKUP,
        destination=f"/x/{MARKUP}",
        region=MARKUP[:32],
    )
    Bookmark.objects.create(
        user=ann, name=MARKUP, account=made.account, role_name=made.name, destination=MARKUP
    )
    launched(ann, made)
    for path in ("/", "/?q=script", "/?environment=other"):
        content = signed_in.get(path).content
        assert b"<script>" not in content
        assert b"<b x=" not in content
        assert MARKUP in read(content).one("li", class_="role").one("span", class_="role-name").text


class TestCost:
    def big(self, user: User, accounts: int) -> None:
        payments(user)
        made = [
            Account(account_id=f"{n:012d}", alias=f"team-{n}", name=f"Team {n}")
            for n in range(1, accounts)
        ]
        Account.objects.bulk_create(made)
        Role.objects.bulk_create(
            Role(account=account, name=name) for account in made for name in ("Dev", "Ops", "Ro")
        )
        Grant.objects.create(user=user, role_name="*")

    def queries(self, client: Client) -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client)
        return len(queries)

    def test_a_page_takes_eight_queries_at_most_whatever_the_catalogue(
        self, ann: User, signed_in: Client
    ) -> None:
        made = payments(ann)
        launched(ann, made)
        few = self.queries(signed_in)
        Role.objects.all().delete()
        self.big(ann, 100)
        assert self.queries(signed_in) == few <= 8

    @pytest.mark.parametrize(("number", "options"), [(200, 200), (201, 0)])
    def test_with_more_than_200_roles_the_links_to_options_are_left_to_the_script(
        self, number: int, options: int, ann: User, signed_in: Client
    ) -> None:
        for n in range(number):
            role(PAYMENTS, f"Role{n}", to=ann)
        document = page(signed_in)
        assert len(opens(document)) == number
        assert len([a for a in document.all("a") if a.name.startswith("Options for")]) == options
        found = page(signed_in, "/?q=Role150")
        assert [a.name for a in found.all("a")].count(f"Options for Role150 in {PAYMENTS}") == 1

    def test_three_thousand_roles_are_sixty_kilobytes_at_most(
        self, ann: User, signed_in: Client
    ) -> None:
        self.big(ann, 1000)
        answer = signed_in.get("/", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.content) <= 60_000
        document = read(gzip.decompress(answer.content))
        assert len(opens(document)) == 2998
        assert "data-many" in document.one("div", class_="accounts").attributes


def test_what_was_long_ago_is_told_by_its_date() -> None:
    now = timezone.now().replace(month=11, day=25, hour=12, year=2026)
    told = [
        home.ago_words(now - timedelta(**ago), now)
        for ago in (
            {"seconds": 20},
            {"minutes": 24},
            {"hours": 2},
            {"days": 1},
            {"days": 4},
            {"days": 30},
            {"days": 400},
        )
    ]
    assert told == [
        "just now",
        "24 min ago",
        "2 h ago",
        "yesterday",
        "Saturday",
        "26 Oct",
        "21 Oct 2025",
    ]
