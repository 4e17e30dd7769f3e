"""The pictures of the documents: ``python -m tests.browser.pictures`` takes them all anew.

The demo organisation is served, its administrator does what docs/administration.md tells, and each
page is taken where it is told of. Needs Chromium, and pngquant to make the files small: together
they stay under ``MOST_BYTES``.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
from playwright.sync_api import FloatRect, Locator, Page, sync_playwright

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from tests.conftest import launch_chromium  # noqa: E402 models need Django's settings first
from tests.served import ROOT, Served, served_portal  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 600_000
_WIDTH, _HEIGHT = 1280, 800
_MARGIN = 16
_PNGQUANT = ("pngquant", "--quality", "60-95", "--speed", "1", "--nofs", "--strip")

Window = Callable[[], Page]


@dataclass(frozen=True)
class Camera:
    """Takes pictures of a page into a folder, as wide as the window and as high as told."""

    folder: Path

    def take(
        self, page: Page, name: str, *, until: Locator | int, since: Locator | None = None
    ) -> None:
        """Take the page from its head, or from an element, down to a height or an element's end."""
        page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
        top = _box(since)["y"] - _MARGIN if since else 0
        end = until if isinstance(until, int) else _bottom(until) + _MARGIN
        raw = self.folder / f"{name}.raw.png"
        page.screenshot(
            path=raw, clip={"x": 0, "y": top, "width": _WIDTH, "height": end - top}, full_page=True
        )
        small = self.folder / f"{name}.png"
        subprocess.run([*_PNGQUANT, "--output", small, raw], check=True)
        raw.unlink()


def _box(place: Locator) -> FloatRect:
    box = place.bounding_box()
    assert box is not None
    return box


def _bottom(place: Locator) -> float:
    box = _box(place)
    return box["y"] + box["height"]


# --- the story, in the order of docs/administration.md ----------------------------------------


def _take_all(served: Served, new_window: Window, camera: Camera) -> None:
    ann, dana = new_window(), new_window()
    served.sign_in(ann, "ann")
    served.sign_in(dana, "dana")
    camera.take(ann, "home", until=860)
    _make_account(served, dana)
    _make_role(served, dana, camera)
    _try_role(dana, camera)
    _grant(served, dana, camera)
    _share_bookmark(served, dana)
    _look_at_person(served, dana, camera)
    ann.goto(f"{served.url}/go/payments-prod/Developer/")
    ann.wait_for_url(f"{served.standin.console_url}/**")
    _record(served, dana, camera)
    _why(served, ann, camera)
    _end_access(served, dana, camera)
    dana.goto(f"{served.url}/admin/")
    camera.take(dana, "start", until=dana.locator("main .split").last)


def _make_account(served: Served, page: Page) -> None:
    page.goto(f"{served.url}/admin/accounts/account/add/")
    values = {"account_id": "123412341234", "name": "Ledger production", "alias": "ledger-prod"}
    for name, value in {**values, "environment": "production"}.items():
        page.locator(f"#id_{name}").fill(value)
    page.get_by_role("button", name="Save and stay").click()


def _make_role(served: Served, page: Page, camera: Camera) -> None:
    page.goto(f"{served.url}/admin/accounts/role/add/")
    page.get_by_label("Account", exact=False).first.fill("ledger-prod")
    page.get_by_label("IAM role name").fill("Developer")
    page.locator("#id_destination").fill("rds")
    page.get_by_label("Set the source identity").check()
    page.get_by_role("button", name="Save and stay").click()
    page.get_by_text("The two methods side by side").click()
    first = page.get_by_role("heading", name="In AWS", exact=True)
    camera.take(page, "method", since=first, until=page.locator("details[open] table").first)


def _try_role(page: Page, camera: Camera) -> None:
    page.get_by_role("button", name="Try this role").first.click()
    camera.take(page, "try", until=page.get_by_text("Terraform").last)


def _grant(served: Served, page: Page, camera: Camera) -> None:
    page.goto(f"{served.url}/admin/accounts/grant/add/?role=ledger-prod/Developer")
    for label, name in (("People", "carol"), ("Groups", "night shift")):
        page.get_by_role("combobox", name=label).fill(name)
        page.keyboard.press("Enter")
    page.get_by_text("On a date", exact=True).click()
    page.locator("#id_end_day").fill(f"{datetime.now(UTC).date() + timedelta(days=5)}")
    page.locator("#id_note").fill("Stands in while the team is away")
    page.get_by_role("button", name="See who gains what").click()
    save = page.get_by_role("button", name="Save")
    camera.take(page, "grant", until=save)
    save.click()


def _share_bookmark(served: Served, page: Page) -> None:
    page.goto(f"{served.url}/admin/accounts/bookmark/add/")
    values = {"group": "payments", "name": "Ledger database", "role": "payments-prod/Developer"}
    for name, value in {**values, "destination": "rds"}.items():
        page.locator(f"#id_{name}").fill(value)
    page.get_by_role("button", name="Save", exact=True).click()


def _look_at_person(served: Served, page: Page, camera: Camera) -> None:
    _open_person(served, page, "carol")
    camera.take(page, "person", until=page.locator("main table").first)


def _open_person(served: Served, page: Page, name: str) -> None:
    page.goto(f"{served.url}/admin/accounts/user/?q={name}")
    page.get_by_role("link", name=name, exact=True).click()


def _record(served: Served, page: Page, camera: Camera) -> None:
    page.goto(f"{served.url}/admin/record/?person=ann&what=open")
    page.locator("ol.lines summary").first.click()
    camera.take(page, "record", until=page.locator("ol.lines"))


def _why(served: Served, page: Page, camera: Camera) -> None:
    page.goto(f"{served.url}/options/payments-prod/ReadOnly/")
    why = page.get_by_role("heading", name="Why do I have this?")
    camera.take(page, "why", since=why, until=page.locator("#why"))


def _end_access(served: Served, page: Page, camera: Camera) -> None:
    _open_person(served, page, "bob")
    page.get_by_role("link", name="End access now").click()
    button = page.get_by_role("button", name=re.compile("End access"))
    camera.take(page, "end-access", until=button)
    button.click()


# --- taking them ------------------------------------------------------------------------------


@contextmanager
def _windows() -> Iterator[Window]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright.chromium)

        def new_window() -> Page:
            context = browser.new_context(
                viewport={"width": _WIDTH, "height": _HEIGHT},
                color_scheme="light",
                locale="en-GB",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.set_default_timeout(10_000)
            return page

        yield new_window
        browser.close()


def main() -> None:
    """Take all pictures and lay them where the documents look for them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "served")
        taken = Path(scratch, "taken")
        folder.mkdir()
        taken.mkdir()
        with served_portal(folder) as served, _windows() as new_window:
            _take_all(served, new_window, Camera(taken))
        pictures = sorted(taken.glob("*.png"))
        total = sum(picture.stat().st_size for picture in pictures)
        if total > MOST_BYTES:
            sys.exit(f"{total} bytes are more than {MOST_BYTES}: take fewer or smaller pictures")
        for picture in pictures:
            (PICTURES / picture.name).write_bytes(picture.read_bytes())


if __name__ == "__main__":
    main()
