"""No page has a text of ours that could not be translated: tried with a language in brackets.

In that language every marked text is itself between brackets. Whatever Latin letters a page shows
outside of them is somebody's data, which is written in other letters here, a name of AWS's, or a
text that nobody marked.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Bookmark, Grant, Group, Membership, User
from tests.conftest import PASSWORD
from tests.portal.catalogue import PAYMENTS, payments, role
from tests.portal.reading import Element, read
from tests.translations import compiled, gathered

PORTAL = (
    "/",
    "/?q=2222",
    "/?q=0000",
    "/bookmarks/",
    "/bookmarks/?account=222222222222&role=開発",
    "/history/",
    "/history/?q=0000",
    "/options/222222222222/開発/",
    "/credentials/222222222222/開発/",
    "/settings/",
    "/sign-out/",
    "/go/222222222222/停止/",
    "/nowhere/",
)
KINDS = ("account", "role", "grant", "group", "bookmark", "user", "credentialsource")
ADMIN = (
    "/admin/",
    *(f"/admin/accounts/{kind}/{page}" for kind in KINDS for page in ("", "add/")),
)
# Names that are the same in every language, and what data is made of.
NAMES = re.compile(
    r"https://\S*|Sekisho|AWS|UTC|IAM|English|JST|Tokyo|JSON|CSV|Caps Lock|SQS|PowerShell"
    r"|AssumeRole|GetFederationToken|\baws[\w-]*|\bann\b|\bdefault\b|Administrators|Auditors"
)
WITHOUT = {"select#time_zone", "select#region", "datalist#regions", "datalist#services"}
SHOWN = ("aria-label", "placeholder", "title", "data-done", "data-copied", "data-options")


@functools.cache
def bracketed() -> bytes:
    """A catalogue that says each text between brackets."""
    catalog = Catalog(locale="ja", charset="utf-8")
    for message in gathered():
        if isinstance(message.id, str) and message.id:
            catalog.add(message.id, f"⟦{message.id}⟧", context=message.context)
        elif message.id:
            catalog.add(message.id, (f"⟦{message.id[-1]}⟧",), context=message.context)
    return compiled(catalog)


@pytest.fixture
def in_brackets(settings: Settings, tmp_path: Path) -> None:
    """Japanese is every text of ours between brackets."""
    folder = tmp_path / "ja" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(bracketed())
    settings.LOCALE_PATHS = [tmp_path]


@pytest.fixture
def theirs(ann: User, in_brackets: None) -> Client:
    """Ann's browser, in that language, with something of everything."""
    User.objects.update(
        language="ja", name="安奈", username="ann", is_staff=True, is_superuser=True
    )
    payments(ann, name="開発", account_name="支払本番", account_alias=None, destination="sqs")
    role(PAYMENTS, "監査", to=ann, method="federation_token", require_reason=True)
    role(PAYMENTS, "停止", to=ann, disabled=True)
    group = Group.objects.create(name="支払班")
    Membership.objects.create(user=ann, group=group)
    place = {"account_id": PAYMENTS, "role_name": "開発"}
    Grant.objects.create(group=group, note="覚書", **place)
    Bookmark.objects.create(group=group, name="共有", made_by="安奈", **place)
    Bookmark.objects.create(user=ann, name="自分", destination="sqs", **place)
    client = Client(headers={"accept-language": "ja", "user-agent": "0"})
    client.post("/sign-in/", {"username": "ann", "password": PASSWORD})
    return client


def outside(text: str) -> str:
    """A text without what stands in brackets, those within others first."""
    while (rest := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = rest
    return text


def shown(element: Element) -> Iterator[str]:
    """The page's own texts in order."""
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.tag not in {"kbd", "code", "script", "style", "title"} and (
            f"{child.tag}#{child.attributes.get('id')}" not in WITHOUT
        ):
            yield from shown(child)


def attributes(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, Element):
            yield from (value for name in SHOWN if (value := child.attributes.get(name)))
            yield from attributes(child)


def unmarked(html: bytes) -> list[str]:
    document = read(html)
    texts = [" ".join(shown(document)), *attributes(document)]
    found = (NAMES.sub(" ", outside(text)) for text in texts)
    return [words for text in found for words in re.findall(r"[A-Za-z][A-Za-z ,.]+[a-z]", text)]


@pytest.mark.parametrize("pages", [PORTAL, ADMIN], ids=["portal", "admin"])
def test_every_text_of_a_page_can_be_translated(theirs: Client, pages: tuple[str, ...]) -> None:
    found = {path: unmarked(theirs.get(path, follow=True).content) for path in pages}
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_nobodys_pages_can_be_translated_too(in_brackets: None, db: None) -> None:
    client = Client(headers={"accept-language": "ja"})
    for answer in (
        client.get("/sign-in/?next=/go/1/2/"),
        client.post("/sign-in/", {"username": "nobody", "password": "wrong"}),
    ):
        assert "⟦Password⟧" in answer.content.decode()
        assert unmarked(answer.content) == []


def test_a_text_that_nobody_marked_would_be_found() -> None:
    assert unmarked("<p>⟦Some ⟦inner⟧ text⟧ <b>Forgotten words</b></p>".encode()) == [
        "Forgotten words"
    ]
