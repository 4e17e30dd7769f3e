"""An administrator lets somebody in, looks at what that means, and ends it again."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looks import require_good_looks
from tests.served import Served

GRANTS = "/admin/accounts/grant/"


@pytest.fixture
def danas(served: Served, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    served.sign_in(page, "dana")
    yield page
    context.close()
    assert not complaints


def go_on(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).click()
    page.wait_for_load_state()


def test_a_grant_from_its_form_to_its_end(served: Served, danas: Page) -> None:
    danas.goto(f"{served.url}{GRANTS}add/?role=payments-prod/Developer")
    require_good_looks(danas)
    danas.get_by_role("combobox", name="People").fill("carol")
    danas.get_by_role("option", name=re.compile("carol")).click()
    danas.get_by_text("Next week", exact=True).click()
    go_on(danas, "See who gains what")
    expect(danas.get_by_text("gains it until")).to_be_visible()
    require_good_looks(danas)
    go_on(danas, "Save")
    expect(danas.get_by_text("One grant made.")).to_be_visible()
    require_good_looks(danas)

    danas.get_by_role("link", name="carol").click()
    require_good_looks(danas)
    danas.get_by_text("Today", exact=True).click()
    go_on(danas, "Save")
    expect(danas.get_by_text("keeps it only until")).to_be_visible()
    require_good_looks(danas)
    go_on(danas, "Back to the form")

    danas.get_by_role("link", name="Delete grant").click()
    expect(danas.get_by_text("loses it", exact=True)).to_be_visible()
    require_good_looks(danas)
    go_on(danas, "Delete this grant")
    expect(danas.get_by_text("One grant deleted.")).to_be_visible()


def test_who_goes_back_by_the_browser_finds_the_names_again(served: Served, danas: Page) -> None:
    danas.goto(f"{served.url}{GRANTS}add/")
    danas.get_by_role("combobox", name="Roles").fill("payments-prod/Dev")
    danas.get_by_role("option", name=re.compile("Developer")).click()
    danas.get_by_role("combobox", name="People").fill("carol")
    danas.get_by_role("option", name=re.compile("carol")).click()
    danas.get_by_text("Next week", exact=True).click()
    go_on(danas, "See who gains what")
    expect(danas.get_by_text("gains it until")).to_be_visible()
    danas.go_back()
    expect(danas.get_by_role("button", name="Remove carol")).to_be_visible()
    expect(danas.get_by_role("button", name="Remove payments-prod/Developer")).to_be_visible()
    go_on(danas, "See who gains what")
    expect(danas.get_by_text("gains it until")).to_be_visible()


def test_who_may_enter_and_the_page_as_they_see_it(served: Served, danas: Page) -> None:
    danas.goto(f"{served.url}/admin/accounts/user/?q=ann")
    danas.get_by_role("link", name="ann", exact=True).click()
    expect(danas.get_by_role("heading", name="What they may enter")).to_be_visible()
    require_good_looks(danas)
    danas.get_by_role("link", name="See the page as they do").click()
    expect(danas.get_by_text("You only look.")).to_be_visible()
    require_good_looks(danas)
    address = danas.url
    danas.get_by_role("link", name="Open Developer in Payments production").click(force=True)
    assert danas.url == address
