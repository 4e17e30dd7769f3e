"""The bookmark file for browsers: what it holds, read as browsers read it, and nothing more."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Bookmark, Group, Membership, User
from tests.portal.catalogue import PAYMENTS, SANDBOX, payments, role

MARKUP = "\"><script>alert(1)</script><A HREF='javascript:alert(1)'>x</A>\n</DL>&amp;"
Entry = tuple[tuple[str, ...], str, str]


class _Browser(HTMLParser):
    """Reads the file as browsers do: H3 names the folder that the next DL is."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[str] = []
        self.links: list[Entry] = []
        self.tags: set[str] = set()
        self._text = ""
        self._name = ""
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._text = ""
        if tag == "dl":
            self.path.append(self._name)
        elif tag == "a":
            assert [name for name, _ in attrs] == ["href"]
            self._address = attrs[0][1] or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in {"h1", "h3"}:
            self._name = self._text
        elif tag == "a":
            self.links.append((tuple(self.path[1:]), self._text, self._address))
        elif tag == "dl":
            self.path.pop()

    def handle_data(self, data: str) -> None:
        self._text += data


def exported(client: Client) -> _Browser:
    answer = client.get("/bookmarks/export.html")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="sekisho-bookmarks.html"'
    text = answer.content.decode()
    assert text.startswith("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n")
    browser = _Browser()
    browser.feed(text)
    assert browser.path == []
    return browser


def within(links: list[Entry], folder: str) -> Iterator[tuple[str, str]]:
    return ((name, address) for path, name, address in links if folder in path)


def test_own_bookmarks_groups_roles_and_switch_role_links_each_in_their_folder(
    ann: User, signed_in: Client
) -> None:
    payments(ann)
    team = Group.objects.create(name="on-call")
    Membership.objects.create(user=ann, group=team)
    place = {"account_id": PAYMENTS, "role_name": "Developer"}
    Bookmark.objects.create(
        user=ann, name="Refunds", destination="sqs", region="eu-west-1", **place
    )
    Bookmark.objects.create(group=team, name="Alarms", destination="/cloudwatch/home#a:b", **place)
    links = exported(signed_in).links
    url = f"{settings.PORTAL_URL}/go/payments-prod/Developer/"
    assert links[:3] == [
        (("Sekisho",), "Refunds", f"{url}?to=sqs&region=eu-west-1"),
        (("Sekisho", "on-call"), "Alarms", f"{url}?to=%2Fcloudwatch%2Fhome%23a%3Ab"),
        (
            ("Sekisho", "All roles", "Payments production"),
            "Developer in Payments production",
            url,
        ),
    ]
    [(path, name, address)] = links[3:]
    assert path == ("Sekisho", "Switch Role", "Payments production")
    assert name == "Developer in Payments production"
    assert address.startswith("https://signin.aws.amazon.com/switchrole?account=222222222222&")
    assert parse_qs(urlsplit(address).query)["roleName"] == ["Developer"]


def test_only_roles_that_aws_can_switch_to_have_such_a_link(ann: User, signed_in: Client) -> None:
    payments(ann)
    role(SANDBOX, "Token", to=ann, method="federation_token")
    role(SANDBOX, "External", to=ann, external_id="theirs")
    role(SANDBOX, "p/" + "x" * 63, to=ann)
    links = exported(signed_in).links
    assert len(list(within(links, "All roles"))) == 4
    assert [name for name, _ in within(links, "Switch Role")] == [
        "Developer in Payments production"
    ]


def test_P11_what_is_not_theirs_now_is_not_in_it(ann: User, bob: User, signed_in: Client) -> None:
    payments(bob)
    Bookmark.objects.create(user=ann, name="Old", account_id=PAYMENTS, role_name="Developer")
    Bookmark.objects.create(user=bob, name="Bobs", account_id=PAYMENTS, role_name="Developer")
    assert exported(signed_in).links == []


def test_P19_no_name_is_markup_or_another_address(ann: User, signed_in: Client) -> None:
    payments(ann, account_name=MARKUP, title=MARKUP)
    team = Group.objects.create(name=MARKUP)
    Membership.objects.create(user=ann, group=team)
    place = {"account_id": PAYMENTS, "role_name": "Developer"}
    Bookmark.objects.create(user=ann, name=MARKUP, destination="/s3/home?a=\"'><", **place)
    Bookmark.objects.create(group=team, name=MARKUP, **place)
    browser = exported(signed_in)
    assert browser.tags == {"meta", "title", "h1", "h3", "dl", "p", "dt", "a"}
    assert len(browser.links) == 4
    hosts = {urlsplit(address).netloc for _, _, address in browser.links}
    assert hosts == {urlsplit(settings.PORTAL_URL).netloc, "signin.aws.amazon.com"}
    assert "<script>" in browser.links[0][1]


def test_it_costs_as_many_queries_for_many_as_for_one(ann: User, signed_in: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            exported(signed_in)
        return len(queries)

    payments(ann)
    before = count()
    for number in range(20):
        role(f"{number:012}", "Developer", to=ann)
        Bookmark.objects.create(
            user=ann, name=f"{number}", account_id=f"{number:012}", role_name="Developer"
        )
    assert count() == before
    assert len(exported(signed_in).links) == 20 + 2 * 21
