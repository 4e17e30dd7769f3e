"""Bookmarks: make, change, order, delete, bring back; and never anybody else's."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.aws_rules.destinations import normal_place
from accounts.entitlements import require_entry
from accounts.models import Bookmark, Grant, Group, Membership, User
from tests.portal.catalogue import PAYMENTS, payments, role
from tests.portal.reading import Element, read

ALARMS = "https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home#alarmsV2:alarm/refunds"
ENTRY = "payments-prod/Developer"
MARKUP = "\"><script>alert(1)</script><b x='&"


def page(client: Client, path: str = "/bookmarks/") -> Element:
    answer = client.get(path)
    assert answer.status_code == 200
    return read(answer.content)


def value(document: Element, field: str) -> str:
    return document.one("input", name=field).attributes.get("value", "")


def made(user: User, name: str, position: int = 1, **fields: object) -> Bookmark:
    known = {"account_id": PAYMENTS, "role_name": "Developer", "position": position}
    return Bookmark.objects.create(user=user, name=name, **{**known, **fields})


def names(user: User) -> list[str]:
    return list(
        Bookmark.objects.filter(user=user).order_by("position").values_list("name", flat=True)
    )


class TestMaking:
    def test_a_pasted_console_url_is_kept_with_page_region_and_anchor(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        answer = signed_in.post(
            "/bookmarks/", {"to": f" {ALARMS} ", "way": ENTRY, "name": "Refunds"}
        )
        kept = Bookmark.objects.get(user=ann)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/bookmarks/#bookmark-{kept.pk}"
        assert (kept.name, kept.destination, kept.account_id) == ("Refunds", ALARMS, PAYMENTS)
        link = page(signed_in).one("li", class_="markrow").one("b").one("a")
        assert link.text == "Refunds"
        assert link.attributes["href"].startswith("/go/payments-prod/Developer/?to=https%3A")

    @pytest.mark.parametrize(
        ("to", "region"),
        [(" S3 ", " EU-Central-1 "), (ALARMS, ""), ("", ""), ("/sqs/home", "eu-west-1")],
    )
    def test_a_launch_knows_its_place_again_however_it_was_written(
        self, ann: User, signed_in: Client, to: str, region: str
    ) -> None:
        payments(ann)
        signed_in.post("/bookmarks/", {"to": to, "region": region, "way": ENTRY})
        place = normal_place(to, region)
        found = require_entry(ann, "payments-prod", "Developer", timezone.now(), place)
        assert found.place_is_bookmarked

    def test_without_a_name_it_is_called_by_service_and_account(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        signed_in.post("/bookmarks/", {"to": "sqs", "way": ENTRY, "name": "  "})
        signed_in.post("/bookmarks/", {"to": "", "way": ENTRY})
        assert names(ann) == ["SQS in Payments production", "Console home in Payments production"]

    def test_a_name_stays_as_it_is_however_often_it_is_saved(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        signed_in.post("/bookmarks/", {"way": ENTRY, "to": "s3", "name": "\u200d logs \u202e"})
        kept = Bookmark.objects.get()
        for _ in range(2):
            path = f"/bookmarks/{kept.pk}/"
            name = value(page(signed_in, path), "name")
            signed_in.post(path, {"way": ENTRY, "to": "s3", "name": name})
        assert Bookmark.objects.get().name == kept.name == r"\u200d logs \u202e"

    def test_as_many_as_there_may_be_are_kept_and_no_more(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payments(ann)
        monkeypatch.setattr("accounts.bookmarks.MOST_OWN", 2)
        answers = [
            signed_in.post("/bookmarks/", {"to": to, "way": ENTRY}) for to in ("s3", "sqs", "ec2")
        ]
        assert [answer.status_code for answer in answers] == [303, 303, 409]
        shown = read(answers[-1].content)
        assert "You keep 2 bookmarks" in shown.text
        assert value(shown, "to") == "ec2"
        assert Bookmark.objects.count() == 2

    def test_a_link_fills_the_form_in_and_makes_nothing(self, ann: User, signed_in: Client) -> None:
        payments(ann)
        document = page(
            signed_in,
            "/bookmarks/?account=222222222222&role=Developer&to=sqs&region=eu-west-1&name=Queues",
        )
        assert [value(document, name) for name in ("to", "region", "name")] == [
            "sqs",
            "eu-west-1",
            "Queues",
        ]
        chosen = [o.text for o in document.all("option") if "selected" in o.attributes]
        assert chosen == ["Developer in Payments production"]
        assert not Bookmark.objects.exists()

    @pytest.mark.parametrize(
        ("field", "typed"),
        [
            ("to", "https://evil.example/"),
            ("to", "https://console.amazonaws.cn/s3/home"),
            ("to", "javascript:alert(1)"),
            ("region", "cn-north-1"),
            ("region", "nowhere"),
            ("way", "payments-prod/Admin"),
            ("way", ""),
        ],
    )
    def test_P13_what_cannot_be_is_refused_at_its_field_and_everything_typed_is_kept(
        self, ann: User, signed_in: Client, field: str, typed: str
    ) -> None:
        payments(ann)
        fields = {"to": "sqs", "region": "eu-west-1", "way": ENTRY, "name": "Mine", field: typed}
        answer = signed_in.post("/bookmarks/", fields)
        assert answer.status_code == 400
        document = read(answer.content)
        blamed = [
            element.attributes["name"]
            for tag in ("input", "select")
            for element in document.all(tag, aria_invalid="true")
        ]
        assert blamed == [field]
        assert document.one("span", id=f"{field}-e").text
        for name in ("to", "region", "name"):
            assert value(document, name) == fields[name]
        assert not Bookmark.objects.exists()

    @pytest.mark.parametrize("way", [ENTRY, "payments-prod/Admin"])
    def test_all_that_is_wrong_is_said_at_once(
        self, ann: User, signed_in: Client, way: str
    ) -> None:
        payments(ann)
        fields = {"to": "https://evil.example/", "region": "nowhere", "way": way}
        document = read(signed_in.post("/bookmarks/", fields).content)
        assert "not an address" in document.one("span", id="to-e").text
        assert "not a region" in document.one("span", id="region-e").text
        assert len(list(document.all("span", id="way-e"))) == (way != ENTRY)

    def test_without_a_role_only_what_no_role_could_open_is_wrong(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        for to, region in (
            ("https://cn-north-1.console.amazonaws.cn/s3/home", "cn-north-1"),
            ("https://999999999999-x7.eu-west-1.console.aws.amazon.com/s3/home", ""),
        ):
            answer = signed_in.post("/bookmarks/", {"to": to, "region": region})
            errors = [
                e
                for name in ("to-e", "region-e")
                for e in read(answer.content).all("span", id=name)
            ]
            assert errors == []

    def test_P12_a_role_that_is_not_theirs_cannot_be_told_from_none(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        payments(ann)
        role(PAYMENTS, "Admin", to=bob)
        answers = [
            signed_in.post("/bookmarks/", {"way": entry, "to": "s3"})
            for entry in ("payments-prod/Admin", "payments-prod/Nobody")
        ]
        texts = [read(answer.content).one("main").text for answer in answers]
        assert texts[0] == texts[1]

    def test_with_many_roles_the_role_is_typed_with_suggestions(
        self, ann: User, signed_in: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portal.pages.bookmarks.MANY", 1)
        payments(ann)
        role(PAYMENTS, "Other", to=ann)
        document = page(signed_in, "/bookmarks/?account=payments-prod&role=Other")
        assert value(document, "way") == "payments-prod/Other"
        assert len(list(document.one("datalist", id="ways").all("option"))) == 2


class TestChanging:
    def test_a_bookmark_is_changed_and_stays_where_it_stood(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        made(ann, "One", 1)
        two = made(ann, "Two", 2, destination="s3")
        document = page(signed_in, f"/bookmarks/{two.pk}/")
        assert (value(document, "to"), value(document, "name")) == ("s3", "Two")
        made(ann, "Three", 3)
        fields = {"to": "/sqs/home", "region": "", "way": ENTRY, "name": "Zwei"}
        assert signed_in.post(f"/bookmarks/{two.pk}/", fields).status_code == 303
        assert names(ann) == ["One", "Zwei", "Three"]
        assert Bookmark.objects.get(pk=two.pk).destination == "/sqs/home"

    @pytest.mark.parametrize(
        ("to", "order"),
        [
            ("up", "BAC"),
            ("down", "ACB"),
            ("0", "BAC"),
            ("2", "ACB"),
            ("99999", "ACB"),
            ("-1", "ABC"),
            ("x", "ABC"),
            ("", "ABC"),
        ],
    )
    def test_a_bookmark_moves_to_where_it_is_put(
        self, ann: User, signed_in: Client, to: str, order: str
    ) -> None:
        payments(ann)
        made(ann, "A", 5)
        moved = made(ann, "B", 5)
        made(ann, "C", 5)
        answer = signed_in.post(f"/bookmarks/{moved.pk}/move/", {"to": to})
        assert answer.headers["Location"] == f"/bookmarks/#bookmark-{moved.pk}"
        assert "".join(names(ann)) == order
        place = order.index("B") + 1
        assert f"“B” is now number {place} of 3" in page(signed_in).text

    def test_the_ends_of_the_list_stay_the_ends(self, ann: User, signed_in: Client) -> None:
        payments(ann)
        first, last = made(ann, "A", 1), made(ann, "B", 2)
        signed_in.post(f"/bookmarks/{first.pk}/move/", {"to": "up"})
        signed_in.post(f"/bookmarks/{last.pk}/move/", {"to": "down"})
        assert names(ann) == ["A", "B"]

    def test_a_deleted_bookmark_comes_back_where_it_stood(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        made(ann, "A", 1)
        gone = made(ann, "B", 2, destination="s3", region="eu-west-1")
        made(ann, "C", 3)
        assert signed_in.post(f"/bookmarks/{gone.pk}/delete/").status_code == 303
        assert names(ann) == ["A", "C"]
        assert page(signed_in).one("button", name="undo").text == "Undo"
        signed_in.post("/bookmarks/", {"undo": "1"})
        assert names(ann) == ["A", "B", "C"]
        back = Bookmark.objects.get(name="B")
        assert (back.destination, back.region) == ("s3", "eu-west-1")
        signed_in.post("/bookmarks/", {"undo": "1"})
        assert names(ann) == ["A", "B", "C"]


class TestOthers:
    def test_P12_other_peoples_and_groups_bookmarks_answer_like_those_that_are_not_there(
        self, ann: User, bob: User, signed_in: Client
    ) -> None:
        payments(ann)
        team = Group.objects.create(name="payments")
        Membership.objects.create(user=ann, group=team)
        his = made(bob, "His")
        ours = Bookmark.objects.create(
            group=team, name="Ours", account_id=PAYMENTS, role_name="Developer"
        )
        said = set()
        for number in (his.pk, ours.pk, 10**6, 10**30):
            for path, method in (
                ("", signed_in.get),
                ("", signed_in.post),
                ("move/", signed_in.post),
                ("delete/", signed_in.post),
            ):
                answer = method(f"/bookmarks/{number}/{path}", {"to": "up"})
                assert answer.status_code == 404
                said.add(read(answer.content).one("h1").text)
        assert len(said) == 1
        assert Bookmark.objects.count() == 2

    def test_the_groups_bookmarks_stand_beside_their_own_to_be_read_only(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        team = Group.objects.create(name="payments")
        Membership.objects.create(user=ann, group=team)
        Bookmark.objects.create(group=team, name="Ours", account_id=PAYMENTS, role_name="Developer")
        document = page(signed_in)
        row = document.one("li", class_="markrow")
        assert "Shared with payments" in document.text
        assert row.one("b").one("a").text == "Ours"
        assert not list(row.all("form"))

    def test_who_made_a_groups_bookmark_stands_beside_it(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        team = Group.objects.create(name="payments")
        Membership.objects.create(user=ann, group=team)
        fields = {"group": team, "account_id": PAYMENTS, "role_name": "Developer"}
        Bookmark.objects.create(name="By hand", made_by="dana", position=1, **fields)
        Bookmark.objects.create(name="By file", from_file=True, position=2, **fields)
        rows = [row.one("small").text for row in page(signed_in).all("li", class_="markrow")]
        assert [row.rpartition(" · ")[2] for row in rows] == ["by dana", "by the access file"]
        tiles = [
            tile.one("small", class_="shared").text
            for tile in page(signed_in, "/").all("a", class_="tile")
        ]
        assert tiles == [
            "shared with payments, by dana",
            "shared with payments, by the access file",
        ]

    def test_P12_a_groups_bookmark_whose_role_is_not_theirs_is_not_shown(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann)
        role(PAYMENTS, "Admin")
        team = Group.objects.create(name="payments")
        Membership.objects.create(user=ann, group=team)
        fields = {"group": team, "account_id": PAYMENTS, "role_name": "Admin"}
        Bookmark.objects.create(name="Not for ann", **fields)
        for path in ("/", "/bookmarks/", "/bookmarks/export.html"):
            assert "Not for ann" not in signed_in.get(path).content.decode()

    def test_P11_a_bookmark_whose_role_is_not_theirs_now_is_said_to_be_so_and_no_link(
        self, ann: User, signed_in: Client
    ) -> None:
        payments(ann, account_name="Secret name")
        made(ann, "Old")
        Grant.objects.update(expires=timezone.now() - timedelta(minutes=1))
        row = page(signed_in).one("li", class_="markrow")
        assert "Its role is not granted to you now" in row.text
        assert not list(row.one("b").all("a"))
        assert "Secret name" not in page(signed_in).text


def test_P14_nothing_changes_by_get_or_without_a_token(ann: User, signed_in: Client) -> None:
    payments(ann)
    kept = made(ann, "A")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in.cookies
    for path in ("move/", "delete/"):
        assert signed_in.get(f"/bookmarks/{kept.pk}/{path}").status_code == 405
        assert strict.post(f"/bookmarks/{kept.pk}/{path}").status_code == 403
    assert strict.post("/bookmarks/", {"way": ENTRY}).status_code == 403
    assert names(ann) == ["A"]


def test_P19_P29_a_name_carries_no_markup_and_no_control_characters(
    ann: User, signed_in: Client
) -> None:
    payments(ann)
    name = f"{MARKUP}\r\n\x1b[31m\u202e"
    signed_in.post("/bookmarks/", {"way": ENTRY, "name": name})
    kept = Bookmark.objects.get().name
    assert kept.isprintable()
    for path in ("/bookmarks/", "/", f"/bookmarks/{Bookmark.objects.get().pk}/"):
        assert b"<script>alert" not in signed_in.get(path).content
    answer = signed_in.post("/bookmarks/", {"way": MARKUP, "to": MARKUP, "region": MARKUP})
    assert b"<script>alert" not in answer.content


def test_a_page_takes_eight_queries_at_most(ann: User, signed_in: Client) -> None:
    payments(ann)
    for n in range(30):
        made(ann, f"B{n}")
    with CaptureQueriesContext(connection) as queries:
        page(signed_in)
    assert len(queries) <= 8
