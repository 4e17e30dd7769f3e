"""The door in Chromium: by keyboard, without script, in every state, in both themes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.looks import require_good_looks
from tests.served import PASSWORDS, Served

GO = "/go/payments-prod/Developer/"


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_by_keyboard_alone_from_the_door_to_the_console(window: Window, served: Served) -> None:
    page = window.page
    page.goto(served.url + GO)
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORDS["ann"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.standin.console_url}/**")


def test_without_script_from_the_door_to_the_console(
    new_window: Callable[..., Window], served: Served
) -> None:
    page = new_window(java_script_enabled=False).page
    page.goto(served.url + GO)
    expect(page.get_by_text("the AWS page you asked for")).to_be_visible()
    expect(page.get_by_role("button", name="Show password")).to_have_count(0)
    fill_in(page, "ann", PASSWORDS["ann"])
    page.wait_for_url(f"{served.standin.console_url}/**")


def test_P13_the_page_that_was_asked_for_comes_after_a_wrong_password_too(
    window: Window, served: Served
) -> None:
    page = window.page
    page.goto(f"{served.url}/history/?outcome=denied")
    fill_in(page, "ann", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Name and password do not match.")
    expect(page.get_by_label("Username")).to_have_value("ann")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORDS["ann"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.url}/history/?outcome=denied")


def test_P5_after_sign_out_the_back_button_shows_nothing(ann: Window, served: Served) -> None:
    page = ann.page
    page.goto(f"{served.url}/history/")
    page.get_by_label("your menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{served.url}/sign-in/?signed-out")
    page.go_back()
    page.wait_for_url(f"{served.url}/sign-in/?next=/history/")


def test_the_password_can_be_looked_at_and_is_one_again_when_sent(
    window: Window, served: Served
) -> None:
    page = window.page
    page.goto(f"{served.url}/sign-in/")
    password = page.get_by_label("Password", exact=True)
    show = page.get_by_role("button", name="Show password")
    show.click()
    expect(password).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    fill_in(page, "ann", PASSWORDS["ann"])
    page.wait_for_url(f"{served.url}/")


def test_caps_lock_is_told(window: Window, served: Served) -> None:
    page = window.page
    page.goto(f"{served.url}/sign-in/")
    page.get_by_label("Password", exact=True).focus()
    hint = page.get_by_text("Caps Lock is on")
    expect(hint).to_be_hidden()
    page.evaluate(
        """document.getElementById("password").dispatchEvent(new KeyboardEvent(
        "keyup", {bubbles: true, modifierCapsLock: true}))"""
    )
    expect(hint).to_be_visible()


def rested(page: Page, served: Served) -> None:
    for _ in range(6):
        page.goto(f"{served.url}/sign-in/")
        fill_in(page, "nobody in particular", "wrong")
        page.wait_for_load_state()


@pytest.mark.parametrize("state", ["asked", "going on", "wrong", "resting", "signed out"])
def test_the_door_looks_good_in_every_state(state: str, window: Window, served: Served) -> None:
    page = window.page
    page.goto(f"{served.url}/sign-in/")
    if state == "going on":
        page.goto(served.url + GO)
    elif state == "wrong":
        fill_in(page, "carol", "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
    elif state == "resting":
        rested(page, served)
        expect(page.get_by_role("alert")).to_contain_text("Try again in")
    elif state == "signed out":
        page.goto(f"{served.url}/sign-in/?signed-out")
        expect(page.get_by_role("status").first).to_contain_text("You are signed out.")
    require_good_looks(page)


def test_the_page_that_asks_before_signing_out_looks_good(ann: Window, served: Served) -> None:
    ann.page.goto(f"{served.url}/sign-out/")
    require_good_looks(ann.page)
