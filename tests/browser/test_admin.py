"""The administration in Chromium: every stock page is clean in both themes, names are chosen by
keyboard, and everything works without script."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.looks import require_good_looks
from tests.served import Served

KINDS = ("user", "group", "account", "role", "credentialsource", "grant", "bookmark")
OF_ONE_PERSON = ("change", "delete", "access", "sessions", "password")


@pytest.fixture
def danas(window: Window, served: Served) -> Page:
    """A window in which the superuser is signed in."""
    served.sign_in(window.page, "dana")
    return window.page


def key_of(page: Page, served: Served, kind: str, words: str) -> str:
    """The number of the first thing that a list finds."""
    page.goto(f"{served.url}/admin/accounts/{kind}/?q={words}")
    link = page.locator("#result_list tbody tr th a, #result_list tbody tr td a").first
    return str(link.get_attribute("href")).split("/change/")[0].rsplit("/", 1)[-1]


@pytest.fixture
def made_group(danas: Page, served: Served) -> Iterator[str]:
    """The address of a group that was made by the form; it goes again."""
    danas.goto(f"{served.url}/admin/accounts/group/add/")
    danas.get_by_label("Name", exact=True).fill("night shift")
    danas.get_by_role("button", name="Save and stay").click()
    address = danas.url
    yield address
    danas.goto(address.replace("/change/", "/delete/"))
    danas.get_by_role("button", name="Delete this group").click()
    expect(danas.get_by_text("night shift").first).to_be_visible()


@pytest.mark.parametrize("kind", KINDS)
def test_lists_and_forms_are_clean(danas: Page, served: Served, kind: str) -> None:
    for path in ("", "?q=zzzz", "add/"):
        assert danas.goto(f"{served.url}/admin/accounts/{kind}/{path}").status == 200  # type: ignore[union-attr]
        require_good_looks(danas)


@pytest.mark.parametrize("kind", KINDS)
def test_one_thing_is_clean(danas: Page, served: Served, kind: str) -> None:
    danas.goto(f"{served.url}/admin/accounts/{kind}/")
    links = danas.locator("#result_list tbody a[href$='/change/']")
    if not links.count():
        pytest.fail(f"the demo has no {kind}")
    links.first.click()
    require_good_looks(danas)


@pytest.mark.parametrize("word", OF_ONE_PERSON)
def test_what_is_done_to_a_person_is_clean(danas: Page, served: Served, word: str) -> None:
    key = key_of(danas, served, "user", "bob")
    assert danas.goto(f"{served.url}/admin/accounts/user/{key}/{word}/").status == 200  # type: ignore[union-attr]
    require_good_looks(danas)


def test_permission_sets_and_the_start_are_clean(danas: Page, served: Served) -> None:
    for path in ("", "auth/group/", "auth/group/1/change/", "auth/group/add/"):
        assert danas.goto(f"{served.url}/admin/{path}").status == 200  # type: ignore[union-attr]
        require_good_looks(danas)


def test_a_form_with_an_error_is_clean_and_leads_to_it(danas: Page, served: Served) -> None:
    danas.goto(f"{served.url}/admin/accounts/user/add/")
    danas.get_by_role("button", name="Save", exact=True).click()
    alert = danas.get_by_role("alert")
    expect(alert).to_contain_text("Nothing is saved yet.")
    require_good_looks(danas)
    alert.get_by_role("link", name="User name").click()
    assert danas.url.endswith("#id_username")
    assert danas.get_by_label("User name").get_attribute("aria-invalid") == "true"


def test_many_are_chosen_and_asked_about(danas: Page, served: Served) -> None:
    danas.goto(f"{served.url}/admin/accounts/user/")
    danas.locator("#action-toggle").check()
    expect(danas.locator("#chosen-count")).to_have_text("4 / 4")
    danas.get_by_label("What to do with the chosen ones").select_option("delete_selected")
    danas.get_by_role("button", name="Go on").click()
    expect(danas.get_by_role("heading", level=1)).to_have_text("Delete 4 people?")
    require_good_looks(danas)


def test_a_filter_opens_chooses_and_closes(danas: Page, served: Served) -> None:
    danas.goto(f"{served.url}/admin/accounts/user/")
    danas.get_by_text("Rights", exact=True).first.click()
    require_good_looks(danas)
    danas.set_viewport_size({"width": 1280, "height": 800})
    danas.keyboard.press("Escape")
    expect(danas.get_by_role("link", name="superusers")).to_be_hidden()
    danas.locator("summary", has_text="Rights").click()
    danas.get_by_role("link", name="superusers").click()
    expect(danas.locator("#result_list tbody tr")).to_have_count(1)
    expect(danas.locator("summary", has_text="Rights: superusers")).to_be_visible()


def test_members_are_chosen_by_keyboard(danas: Page, served: Served, made_group: str) -> None:
    danas.goto(made_group)
    box = danas.get_by_role("combobox", name="Let people in")
    box.focus()
    danas.keyboard.type("bo")
    option = danas.get_by_role("option", name="bob")
    expect(option).to_be_visible()
    danas.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == option.get_attribute("id")
    require_good_looks(danas)
    box.focus()
    danas.keyboard.press("Enter")
    expect(danas.get_by_role("list", name="Chosen")).to_contain_text("bob")
    expect(box).to_have_value("")
    danas.keyboard.type("somebody new")
    danas.keyboard.press("Enter")
    danas.keyboard.type("carol")
    expect(danas.get_by_role("option", name="carol")).to_be_visible()
    danas.keyboard.press("Escape")
    expect(danas.get_by_role("option", name="carol")).to_be_hidden()
    require_good_looks(danas)
    danas.get_by_role("button", name="Remove somebody new").click()
    expect(danas.get_by_role("list", name="Chosen")).not_to_contain_text("somebody new")
    danas.get_by_role("button", name="Save and stay").click()
    members = danas.locator("#members")
    expect(members).to_contain_text("2")
    names = danas.get_by_role("group", name="Members").get_by_role("rowheader")
    expect(names).to_have_text(["bob Bob", "carol Carol"])


def test_without_script_names_are_typed(
    new_window: Callable[..., Window], served: Served, made_group: str
) -> None:
    page = new_window(java_script_enabled=False).page
    served.sign_in(page, "dana")
    page.goto(made_group)
    page.get_by_label("Let people in").fill("ann\nbob")
    page.get_by_role("button", name="Save and stay").click()
    page.get_by_label("Take ann out").check()
    page.get_by_role("button", name="Save and stay").click()
    names = page.get_by_role("group", name="Members").get_by_role("rowheader")
    expect(names).to_have_text("bob Bob")


def test_P19_what_a_combobox_offers_is_text(danas: Page, served: Served, made_group: str) -> None:
    markup = '"><img src=x onerror=document.title="owned">'
    danas.goto(made_group)
    danas.get_by_role("combobox", name="Let people in").fill(markup)
    danas.get_by_role("button", name="Save and stay").click()
    danas.get_by_role("combobox", name="Let people in").fill("onerror")
    expect(danas.get_by_role("option")).to_contain_text("<img src=x")
    danas.keyboard.press("ArrowDown")
    danas.keyboard.press("Enter")
    expect(danas.get_by_role("list", name="Chosen")).to_contain_text("<img src=x")
    assert danas.title() != "owned"
    key = key_of(danas, served, "user", "onerror")
    danas.goto(f"{served.url}/admin/accounts/user/{key}/delete/")
    danas.get_by_role("button", name="Delete this person").click()


def test_access_is_ended_and_given_back(
    danas: Page, new_window: Callable[..., Window], served: Served
) -> None:
    carols = new_window().page
    served.sign_in(carols, "carol")
    key = key_of(danas, served, "user", "carol")
    danas.goto(f"{served.url}/admin/accounts/user/{key}/change/")
    danas.get_by_role("link", name="End access now").click()
    danas.get_by_role("button", name="End access of carol").click()
    expect(danas.get_by_text("carol is out.")).to_be_visible()
    require_good_looks(danas)
    carols.goto(f"{served.url}/history/")
    assert "/sign-in/" in carols.url
    danas.get_by_role("link", name="Give access again").click()
    danas.get_by_role("button", name="Give access again").click()
    served.sign_in(carols, "carol")
