"""Bookmarks that groups share, as administrators keep them."""

import json
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from accounts.administrators import ADMINISTRATORS, AUDITORS, built_in_set
from accounts.models import Action, Bookmark, Entry, Grant, Group, Membership, Outcome, User
from tests.conftest import PASSWORD
from tests.portal.admin import cast
from tests.portal.catalogue import PAYMENTS, payments, role
from tests.portal.reading import Element, read

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

LIST = "/admin/accounts/bookmark/"
MARKUP = '"><script>alert(1)</script>'


@pytest.fixture
def team(db: None) -> Group:
    return Group.objects.create(name="payments")


@pytest.fixture
def dana(team: Group) -> User:
    dana = User.objects.create_user("dana", PASSWORD, is_staff=True)
    dana.groups.add(built_in_set(ADMINISTRATORS))
    role(PAYMENTS, "Developer", account_alias="payments-prod", account_name="Payments production")
    return dana


@pytest.fixture
def keeper(dana: User) -> Client:
    client = Client()
    client.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    return client


def sent(client: Client, path: str = f"{LIST}add/", **fields: str) -> "Response":
    known = {"role": "payments-prod/Developer", "name": "Queues", "destination": "sqs"}
    if path.endswith("/add/"):
        known["group"] = "payments"
    if stamp := cast.stamp_now(path):
        known["stamp"] = stamp
    return client.post(path, {**known, "region": "", "position": "", **fields})


def kept(**fields: object) -> Bookmark:
    known = {"account_id": PAYMENTS, "role_name": "Developer", "name": "Queues"}
    return Bookmark.objects.create(**{**known, **fields})


def said_at(answer: "Response", field: str) -> str:
    fields = [
        e for e in read(answer.content).all("input", name=field) if e.has(aria_invalid="true")
    ]
    assert len(fields) == 1, read(answer.content).text
    return read(answer.content).one("main").text


def test_an_administrator_makes_one_and_its_members_see_who_did(
    keeper: Client, team: Group, ann: User
) -> None:
    answer = sent(keeper, destination=" SQS ", region="EU-West-1")
    assert answer.status_code == 302, read(answer.content).text
    mark = Bookmark.objects.get()
    assert (mark.group, mark.user, mark.name, mark.made_by) == (team, None, "Queues", "dana")
    assert (mark.account_id, mark.role_name) == (PAYMENTS, "Developer")
    assert (mark.destination, mark.region, mark.from_file) == ("sqs", "eu-west-1", False)
    Membership.objects.create(user=ann, group=team)
    theirs = Client()
    theirs.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    assert "Queues" not in theirs.get("/bookmarks/").content.decode()
    payments(ann, name="Other")
    Grant.objects.create(user=ann, account_id=PAYMENTS, role_name="Developer")
    assert "by dana" in read(theirs.get("/bookmarks/").content).text
    assert "shared with payments, by dana" in read(theirs.get("/").content).text


def test_it_says_whose_word_it_is_where_it_leads(keeper: Client, team: Group) -> None:
    mark = kept(group=team, destination="sqs", made_by="bob", position=1)
    path = f"{LIST}{mark.pk}/change/"
    same = {"destination": "sqs", "position": "1"}
    for fields, maker in ((same, "bob"), ({**same, "destination": "iam"}, "dana")):
        assert sent(keeper, path, **fields).status_code == 302
        mark.refresh_from_db()
        assert mark.made_by == maker
    assert mark.destination == "iam"


def test_P30_a_form_that_changes_nothing_changes_no_maker_either(
    keeper: Client, team: Group
) -> None:
    mark = kept(group=team, destination="sqs", made_by="bob", position=1)
    path = f"{LIST}{mark.pk}/change/"
    assert sent(keeper, path, position="").status_code == 302
    mark.refresh_from_db()
    assert (mark.made_by, mark.position) == ("bob", 1)
    assert cast.rows() == []
    assert sent(keeper, path, destination=" SQS ", position="1").status_code == 302
    mark.refresh_from_db()
    assert (mark.made_by, mark.destination) == ("bob", "sqs")
    assert cast.rows() == []
    assert sent(keeper, path, position="2").status_code == 302
    (row,) = cast.rows()
    assert cast.told(row)["before"] == {"position": 1, "made_by": "bob"}
    assert cast.told(row)["after"] == {"position": 2, "made_by": "dana"}


def test_P30_making_changing_and_deleting_are_rows_with_before_and_after(keeper: Client) -> None:
    sent(keeper)
    mark = Bookmark.objects.get()
    sent(keeper, f"{LIST}{mark.pk}/change/", name="Dead letters", destination="sqs")
    keeper.post(f"{LIST}{mark.pk}/delete/", {"post": "yes"})
    assert not Bookmark.objects.exists()
    rows = Entry.objects.filter(action=Action.ADMIN_CHANGE, outcome=Outcome.SUCCEEDED)
    told = [json.loads(row.details) for row in rows.order_by("id")]
    assert [each["change"] for each in told] == ["add", "change", "delete"]
    assert told[0]["after"]["destination"] == "sqs"
    assert (told[1]["before"], told[1]["after"]) == ({"name": "Queues"}, {"name": "Dead letters"})
    assert told[2]["before"]["name"] == "Dead letters"
    assert {(row.actor, row.account, row.role) for row in rows} == {("dana", PAYMENTS, "Developer")}


def test_without_a_name_it_is_called_by_service_and_account_behind_the_others(
    keeper: Client, team: Group
) -> None:
    kept(group=team, position=7)
    sent(keeper, name="")
    mark = Bookmark.objects.latest("id")
    assert (mark.name, mark.position) == ("SQS in Payments production", 8)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("destination", "https://evil.example/", "is not an address in the AWS console"),
        ("destination", "https://console.amazonaws.cn/s3/home", "belongs to the partition aws-cn"),
        ("destination", "javascript:alert(1)", "is not an address in the AWS console"),
        ("region", "cn-north-1", "is not a region of the partition aws"),
        ("role", "payments-prod/Nobody", "There is no role"),
        ("role", "", ""),
        ("group", "nobody's", "There is no group"),
        ("group", "", ""),
        ("name", "Taken", "payments has a bookmark called “Taken” already"),
    ],
)
def test_P13_what_cannot_be_is_refused_at_its_field(
    keeper: Client, team: Group, field: str, typed: str, said: str
) -> None:
    kept(group=team, name="Taken")
    answer = sent(keeper, **{field: typed})
    assert answer.status_code == 200
    assert said in said_at(answer, field)
    assert Bookmark.objects.count() == 1


def test_all_that_is_wrong_is_said_at_once(keeper: Client, team: Group) -> None:
    kept(group=team, name="Taken")
    answer = sent(keeper, name="Taken", destination="https://evil.example/", region="nowhere")
    for field in ("name", "destination", "region"):
        said_at(answer, field)


def test_the_group_stays_and_the_own_name_is_no_other(keeper: Client, team: Group) -> None:
    Group.objects.create(name="others")
    mark = kept(group=team, position=3)
    answer = sent(keeper, f"{LIST}{mark.pk}/change/", destination="s3", position="5")
    assert answer.status_code == 302
    sent(keeper, f"{LIST}{mark.pk}/change/", destination="s3", position="5", group="others")
    mark.refresh_from_db()
    assert (mark.group, mark.destination, mark.position) == (team, "s3", 5)


def test_what_the_access_file_manages_is_only_shown(keeper: Client, team: Group) -> None:
    mark = kept(group=team, from_file=True)
    document = read(keeper.get(f"{LIST}{mark.pk}/change/").content)
    assert "Managed by the access file" in document.text
    assert "the access file" in document.one("form", id="bookmark_form").text
    assert not list(document.one("form", id="bookmark_form").all("input", type="text"))
    assert sent(keeper, f"{LIST}{mark.pk}/change/", name="Mine").status_code == 403
    assert keeper.post(f"{LIST}{mark.pk}/delete/", {"post": "yes"}).status_code == 403
    mark.refresh_from_db()
    assert mark.name == "Queues"


def test_peoples_own_are_never_shown(keeper: Client, ann: User, team: Group) -> None:
    own = kept(user=ann, name="Anns secret plan")
    kept(group=team)
    assert "secret plan" not in keeper.get(LIST).content.decode()
    assert "secret plan" not in keeper.get(f"{LIST}?q=secret").content.decode()
    for path in ("change/", "delete/", "history/"):
        answer = keeper.get(f"{LIST}{own.pk}/{path}", follow=True)
        assert "secret plan" not in answer.content.decode(), path
    for path in (f"/admin/accounts/account/{PAYMENTS}/delete/",):
        answer = keeper.get(path)
        assert "secret plan" not in answer.content.decode(), path
    keeper.post(f"/admin/accounts/account/{PAYMENTS}/delete/", {"post": "yes"})
    assert not Bookmark.objects.exists()
    assert not [row for row in Entry.objects.all() if "secret plan" in row.details]


def test_P32_auditors_see_them_and_change_nothing(keeper: Client, dana: User, team: Group) -> None:
    mark = kept(group=team)
    dana.groups.set([built_in_set(AUDITORS)])
    assert "Queues" in read(keeper.get(LIST).content).text
    assert keeper.get(f"{LIST}{mark.pk}/change/").status_code == 200
    assert sent(keeper).status_code == 403
    assert sent(keeper, f"{LIST}{mark.pk}/change/", name="x").status_code == 403
    assert Bookmark.objects.get().name == "Queues"


def test_P19_no_field_is_markup(keeper: Client, team: Group, ann: User) -> None:
    sent(keeper, name=MARKUP, destination="/s3/home#" + MARKUP.replace(" ", ""))
    mark = Bookmark.objects.get()
    for path in (LIST, f"{LIST}{mark.pk}/change/", f"{LIST}{mark.pk}/delete/"):
        assert b"<script>alert" not in keeper.get(path).content


def test_the_list_has_no_box_that_grows(keeper: Client, team: Group) -> None:
    for number in range(30):
        kept(group=Group.objects.create(name=f"group {number}"))
    document: Element = read(keeper.get(LIST).content)
    assert not [o for o in document.all("option") if "group" in o.text]
