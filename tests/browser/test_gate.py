"""The gate in Chromium: who sent the person decides, and nothing opens behind their back."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Window
from tests.browser.looks import require_good_looks
from tests.served import PASSWORDS, Served

GO = "/go/payments-prod/Developer/"
ODD_PLACE = f"{GO}?to={quote('/cloudformation/home#/stacks/quickcreate')}"
OPENING_KEY = "Open production for 1 h"

Launches = Callable[[], int]


def wait_for_console(page: Page, served: Served) -> None:
    page.wait_for_url(f"{served.standin.console_url}/**")


def wait_for_question(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Open Developer in Payments production?"
    )


def sign_in_here(page: Page, name: str = "ann") -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORDS[name])
    page.get_by_role("button", name="Sign in").click()


def test_P14_a_click_on_our_own_page_opens_at_once(ann: Window, served: Served) -> None:
    name = "Open Developer in Payments production"
    ann.page.get_by_role("link", name=name).first.click()
    wait_for_console(ann.page, served)


def test_P14_a_typed_link_to_a_familiar_place_opens_at_once(ann: Window, served: Served) -> None:
    ann.page.goto(f"{served.url}{GO}?to=s3&region=eu-central-1")
    wait_for_console(ann.page, served)


def test_P14_a_typed_link_to_an_odd_place_asks_and_one_key_opens(
    ann: Window, served: Served, launches: Launches
) -> None:
    before = launches()
    ann.page.goto(served.url + ODD_PLACE)
    wait_for_question(ann.page)
    expect(ann.page.get_by_text("#/stacks/quickcreate")).to_be_visible()
    expect(ann.page.get_by_role("link", name=OPENING_KEY)).to_be_focused()
    assert launches() == before
    ann.page.keyboard.press("Enter")
    wait_for_console(ann.page, served)


@pytest.mark.parametrize("origin", ["url", "sibling"])
def test_P14_a_link_on_another_site_asks(
    origin: str, ann: Window, served: Served, other_site: Site, launches: Launches
) -> None:
    before = launches()
    other_site.pages["/wiki"] = f'<a href="{served.url}{GO}">queues</a>'
    ann.page.goto(f"{getattr(other_site, origin)}/wiki")
    ann.page.get_by_role("link", name="queues").click()
    wait_for_question(ann.page)
    expect(ann.page.get_by_text("Another site sent you here")).to_be_visible()
    host = urlsplit(getattr(other_site, origin)).hostname
    expect(ann.page.get_by_role("definition").filter(has_text="a link on")).to_contain_text(
        str(host)
    )
    assert launches() == before
    ann.page.get_by_role("link", name=OPENING_KEY).click()
    wait_for_console(ann.page, served)


def test_P14_a_link_on_another_site_asks_after_sign_in_too(
    window: Window, served: Served, other_site: Site, launches: Launches
) -> None:
    before, page = launches(), window.page
    other_site.pages["/wiki"] = f'<a href="{served.url}{GO}">queues</a>'
    page.goto(f"{other_site.url}/wiki")
    page.get_by_role("link", name="queues").click()
    sign_in_here(page)
    wait_for_question(page)
    expect(page.get_by_text("Another site sent you here")).to_be_visible()
    page.reload()
    wait_for_question(page)
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(f"{served.url}/")
    page.go_back()
    wait_for_question(page)
    assert launches() == before
    page.get_by_role("link", name=OPENING_KEY).click()
    wait_for_console(page, served)


@pytest.mark.parametrize(
    "step",
    [GO, "/go/payments-prod/Developer", "/%67o/payments-prod/%44eveloper/", f"/x/../{GO}"],
)
def test_P14_another_sites_link_to_the_sign_in_page_never_opens_by_itself(
    step: str, window: Window, served: Served, other_site: Site, launches: Launches
) -> None:
    before, page = launches(), window.page
    other_site.pages["/"] = f'<a href="{served.url}/sign-in/?next={quote(step)}">in</a>'
    page.goto(other_site.url)
    page.get_by_role("link", name="in").click()
    sign_in_here(page)
    if ".." in step:
        page.wait_for_url(f"{served.url}/")
    else:
        wait_for_question(page)
    assert launches() == before


def test_P14_a_deep_link_survives_sign_in_and_opens(window: Window, served: Served) -> None:
    window.page.goto(f"{served.url}{GO}?to=s3&region=eu-central-1")
    sign_in_here(window.page)
    wait_for_console(window.page, served)
    expect(window.page.locator("#region")).to_contain_text("eu-central-1")


LOOK_AHEAD = {
    "prefetch": '<link rel="prefetch" href="{url}">',
    "speculation prefetch": '<script type="speculationrules">{{"prefetch": [{{"source": "list", '
    '"urls": ["{url}"], "eagerness": "immediate"}}]}}</script>',
    "speculation prerender": '<script type="speculationrules">{{"prerender": [{{"source": "list", '
    '"urls": ["{url}"], "eagerness": "immediate"}}]}}</script>',
    "image": '<img src="{url}" alt="">',
    "script": '<script src="{url}"></script>',
    "frame": '<iframe src="{url}"></iframe>',
    "object": '<object data="{url}"></object>',
    "fetch": '<script>fetch("{url}", {{mode: "no-cors", credentials: "include"}})</script>',
}


@pytest.mark.parametrize("origin", ["url", "sibling"])
@pytest.mark.parametrize("how", LOOK_AHEAD)
def test_P14_P15_nothing_opens_from_within_another_page(
    how: str, origin: str, ann: Window, served: Served, other_site: Site, launches: Launches
) -> None:
    before = launches()
    site = getattr(other_site, origin)
    other_site.pages["/evil"] = LOOK_AHEAD[how].format(url=served.url + GO)
    with ann.page.expect_event(
        "requestfinished" if "speculation" not in how else "load",
        lambda event: "speculation" in how or "/evil" in event.url,
    ):
        ann.page.goto(f"{site}/evil")
    ann.page.wait_for_load_state("networkidle")
    assert launches() == before
    # The refused frame is a violation of the other page's making.
    ann.violations.clear()


def test_P15_the_question_cannot_be_framed(ann: Window, served: Served, other_site: Site) -> None:
    other_site.pages["/evil"] = f'<iframe src="{served.url}{ODD_PLACE}"></iframe>'
    ann.page.goto(f"{other_site.sibling}/evil")
    ann.page.wait_for_load_state("networkidle")
    frame = ann.page.frames[1]
    assert "Open Developer" not in frame.content()
    ann.violations.clear()


def test_a_reason_is_asked_for_by_a_form_that_ends_in_the_console(
    ann: Window, served: Served
) -> None:
    page = ann.page
    page.goto(f"{served.url}/go/payments-prod/incident/IncidentLead/")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("PAY-2041")
    page.keyboard.press("Enter")
    wait_for_console(page, served)


def test_options_without_script_end_in_the_console(
    new_window: Callable[..., Window], served: Served
) -> None:
    window = new_window(java_script_enabled=False)
    served.sign_in(window.page, "ann")
    page = window.page
    page.goto(f"{served.url}/options/payments-prod/incident/IncidentLead/")
    page.get_by_label("Go to").fill("https://evil.example/")
    page.get_by_label("Reason").fill("PAY-2041")
    page.get_by_text("15 min").click()
    page.get_by_role("button", name="Open production").click()
    expect(page.get_by_role("alert")).to_contain_text("is not an address in the AWS console")
    expect(page.get_by_label("Reason")).to_have_value("PAY-2041")
    expect(page.get_by_label("15 min")).to_be_checked()
    page.get_by_label("Go to").fill("lambda")
    page.get_by_role("button", name="Open production").click()
    wait_for_console(page, served)


def test_options_with_script_name_the_length_and_copy_the_link(ann: Window, served: Served) -> None:
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = ann.page
    page.goto(f"{served.url}/options/payments-prod/incident/IncidentLead/")
    page.get_by_text("2 h", exact=True).click()
    expect(page.get_by_role("button", name="Open production for 2 h")).to_be_visible()
    page.get_by_label("Go to").fill("lambda")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    path = "/go/payments-prod/incident/IncidentLead/"
    assert copied == f"{served.url}{path}?to=lambda&seconds=7200"
    expect(page.get_by_role("link", name="Bookmark", exact=True)).to_have_attribute(
        "href",
        f"{served.url}/bookmarks/?account=payments-prod&role=incident%2FIncidentLead&to=lambda",
    )


def test_a_refusal_is_told_and_can_be_copied_for_support(ann: Window, served: Served) -> None:
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = ann.page
    page.goto(f"{served.url}/go/storefront-prod/Deployer/")
    expect(page.get_by_text("in your history")).to_be_visible()
    expect(page.get_by_role("link", name="your history")).to_have_attribute("href", "/history/")
    page.get_by_role("button", name="Copy for support").click()
    reference = page.locator("#support code").inner_text()
    assert reference in page.evaluate("navigator.clipboard.readText()")


PAGES = {
    "question": ODD_PLACE,
    "question with a reason": "/go/payments-prod/incident/IncidentLead/",
    "options": "/options/payments-prod/Developer/",
    "options of a role with a reason": "/options/payments-prod/incident/IncidentLead/",
    "options with a problem": f"/options/payments-prod/Developer/?to={quote('https://evil.example/')}",
    "options that are too long": "/options/payments-prod/Developer/?seconds=90000",
    "never granted": "/go/payments-prod/Nothing/",
    "impossible": f"{GO}?to={quote('https://evil.example/')}",
    "too long": f"{GO}?seconds=90000",
    "not now": "/go/network-hub/NetworkEngineer/",
    "refused by AWS": "/go/storefront-prod/Deployer/",
    "no such page": "/nowhere/",
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_the_gate_looks_good(name: str, ann: Window, served: Served) -> None:
    ann.page.goto(served.url + PAGES[name])
    require_good_looks(ann.page)


def test_the_page_between_form_and_launch_looks_good(ann: Window, served: Served) -> None:
    page = ann.page
    page.goto(f"{served.url}/go/payments-prod/incident/IncidentLead/")
    page.get_by_label("Reason").fill("PAY-2041")
    # Looked at before it goes on by itself.
    page.route(lambda url: "confirm=" in url, lambda route: route.fulfill(status=204))
    page.get_by_role("button", name=OPENING_KEY).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Opening …")
    require_good_looks(page)
