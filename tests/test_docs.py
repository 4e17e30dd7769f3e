"""What the documents point at is there: pages, pictures and places within a page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 600_000

_BLOCK = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:")


def text_of(page: Path) -> str:
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def links_of(page: Path) -> Iterator[str]:
    yield from _LINK.findall(_CODE.sub("", text_of(page)))


def places_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(text_of(page))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links_of(page):
        if _ELSEWHERE.match(link):
            continue
        name, _, place = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: there is no such file"
        if place:
            assert place in places_of(target), f"{link}: there is no such heading"


def test_every_picture_is_shown_and_they_are_small() -> None:
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in links_of(page)
        if link.endswith(".png")
    }
    pictures = set(PICTURES.iterdir())
    assert pictures == shown
    assert sum(picture.stat().st_size for picture in pictures) < MOST_BYTES


def test_the_way_in_names_every_page() -> None:
    named = {(ROOT / link).resolve() for link in links_of(ROOT / "README.md")}
    assert {page for page in PAGES if page.parent.name == "docs"} <= named
