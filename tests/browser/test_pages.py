"""The pages a person works with, in Chromium: by keyboard, by mouse, without script."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Window
from tests.browser.looks import require_good_looks
from tests.served import Served

CREDENTIALS = "/credentials/payments-dev/Developer/"
QUERIES = (
    "p", "dev", "paypro dev", "dev paypro", "2222", "read only", "tokyo", "audit", "lambda dev",
    "storefront", "pyaments", "incidnet", "ments", "datadev", "china", "team", "zebra", "glue pipe",
)  # fmt: skip


def selected(page: Page) -> str:
    return page.locator("#script-found [data-selected] .open").inner_text().split("\n")[0]


def names(page: Page) -> list[str]:
    """The accessible names of the roles on show, in order, without what is only for the eye."""
    links = page.locator("li.role:visible .open > span:not(.for)")
    return [" ".join(text.split()) for text in links.all_text_contents()]


@pytest.fixture
def plain(new_window: Callable[..., Window], served: Served) -> Page:
    """Ann's window without script."""
    page = new_window(java_script_enabled=False).page
    served.sign_in(page, "ann")
    return page


@pytest.fixture
def no_bookmarks(ann: Window, served: Served) -> Iterator[None]:
    """Ann keeps nothing of her own, before and after."""
    yield
    page = ann.context.new_page()
    page.goto(f"{served.url}/bookmarks/")
    while rows := page.locator("#own-marks > li").count():
        page.locator("#own-marks details.menu summary").first.click()
        page.locator("#own-marks").get_by_role("button", name="Delete").first.click()
        expect(page.locator("#own-marks > li")).to_have_count(rows - 1)


class TestSearch:
    def test_with_very_many_roles_the_script_puts_the_links_to_options_in(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page

        def without_options(route: Route) -> None:
            answer = route.fetch()
            link = r'<a class="button plain icon-only" href="/options/.*?</a>'
            body, number = re.subn(link, "", answer.text())
            assert number
            route.fulfill(response=answer, body=body)

        page.route(f"{served.url}/", without_options)
        page.goto(f"{served.url}/")
        page.keyboard.type("paypro dev")
        page.get_by_role("link", name="Options for Developer in Payments production").click()
        page.wait_for_url("**/options/payments-prod/Developer/")

    def test_from_the_first_letter_to_the_console_by_keyboard_alone(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("p")
        expect(page.locator("#everything")).to_be_hidden()
        assert 0 < len(names(page)) < 28
        page.keyboard.type("aypro dev")
        assert names(page) == ["Open Developer in Payments production"]
        marks = page.locator("#script-found .role mark").all_text_contents()
        assert sorted(marks) == ["Dev", "Pay", "pro"]
        page.keyboard.press("Enter")
        page.wait_for_url(f"{served.standin.console_url}/**")

    def test_the_page_and_the_script_find_the_same_in_the_same_order(
        self, ann: Window, plain: Page, served: Served
    ) -> None:
        field = ann.page.get_by_role("searchbox")
        for query in QUERIES:
            field.fill(query)
            plain.goto(f"{served.url}/?q={query}")
            assert names(ann.page) == names(plain), query

    def test_typing_anywhere_searches_and_escape_brings_everything_back(self, ann: Window) -> None:
        page = ann.page
        page.get_by_role("heading", name="All roles").click()
        page.keyboard.type("glue")
        expect(page.get_by_role("searchbox")).to_have_value("glue")
        assert names(page) != []
        page.keyboard.press("Escape")
        expect(page.get_by_role("searchbox")).to_have_value("")
        assert len(names(page)) == 28

    def test_a_page_of_results_goes_on_to_everything_when_the_words_change(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page
        page.goto(f"{served.url}/?q=china")
        page.get_by_role("searchbox").press("End")
        page.keyboard.press(" ")
        page.wait_for_url(f"{served.url}/#q=china+")
        expect(page.locator("#script-found")).to_be_visible()
        expect(page.get_by_role("searchbox")).to_be_focused()

    def test_without_script_search_lists_what_is_meant(self, plain: Page, served: Served) -> None:
        plain.get_by_role("searchbox").fill("paypro dev")
        plain.keyboard.press("Enter")
        plain.wait_for_url("**/?q=paypro+dev")
        plain.get_by_role("link", name="Open Developer in Payments production", exact=True).click()
        plain.wait_for_url(f"{served.standin.console_url}/**")


class TestKeys:
    def test_arrows_choose_and_keys_act_on_what_is_chosen(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page
        page.keyboard.type("storefront")
        first = selected(page)
        page.keyboard.press("ArrowDown")
        second = selected(page)
        assert second != first
        page.keyboard.press("ArrowUp")
        assert selected(page) == first
        page.keyboard.press("ArrowUp")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("Shift+Enter")
        page.wait_for_url(f"{served.url}/options/**")

    @pytest.mark.parametrize(
        ("key", "address"),
        [
            ("b", "/bookmarks/?account=payments-prod&role=Developer"),
            ("c", "/credentials/payments-prod/Developer/"),
            ("ArrowRight", "/options/payments-prod/Developer/"),
            ("Shift+Enter", "/options/payments-prod/Developer/"),
        ],
    )
    def test_a_chosen_role_is_bookmarked_taken_or_given_options(
        self, ann: Window, served: Served, key: str, address: str
    ) -> None:
        page = ann.page
        page.get_by_role("link", name="Open Developer in Payments production", exact=True).focus()
        page.keyboard.press(key)
        page.wait_for_url(served.url + address)

    def test_control_enter_opens_a_new_tab(self, ann: Window, served: Served) -> None:
        ann.page.keyboard.type("paypro dev")
        with ann.context.expect_page() as opened:
            ann.page.keyboard.press("Control+Enter")
        opened.value.wait_for_url(f"{served.standin.console_url}/**")
        assert ann.page.url == f"{served.url}/"

    def test_l_copies_the_link(self, ann: Window, served: Served) -> None:
        ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = ann.page
        page.get_by_role("link", name="Open Read only in Payments production", exact=True).focus()
        page.keyboard.press("l")
        expect(page.get_by_role("status").filter(has_text="Link copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{served.url}/go/payments-prod/ReadOnly/"

    @pytest.mark.parametrize(
        ("key", "path"), [("h", "/"), ("b", "/bookmarks/"), ("i", "/history/")]
    )
    def test_g_and_a_letter_go_to_a_page(
        self, ann: Window, served: Served, key: str, path: str
    ) -> None:
        page = ann.page
        page.goto(f"{served.url}/history/?what=opened")
        page.get_by_role("heading", name="Your history").click()
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(served.url + path)

    def test_a_g_that_leads_nowhere_was_the_beginning_of_a_word(self, ann: Window) -> None:
        page = ann.page
        page.get_by_role("heading", name="All roles").click()
        page.keyboard.type("glue")
        expect(page.get_by_role("searchbox")).to_have_value("glue")

    def test_the_question_mark_tells_the_keys_and_escape_goes_back(self, ann: Window) -> None:
        page = ann.page
        link = page.get_by_role("link", name="Open Developer in Payments production", exact=True)
        link.focus()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
        expect(link).to_be_focused()

    def test_keys_of_one_letter_can_be_switched_off(self, ann: Window, served: Served) -> None:
        page = ann.page
        page.get_by_role("heading", name="All roles").click()
        page.keyboard.press("?")
        page.get_by_label("Keys of a single letter").uncheck()
        page.get_by_role("button", name="Close").click()
        page.reload()
        page.get_by_role("link", name="Open Developer in Payments production", exact=True).focus()
        for key in ("b", "c", "l", "g", "i", "?", "/", "p"):
            page.keyboard.press(key)
        assert page.url == f"{served.url}/"
        expect(page.get_by_role("searchbox")).to_have_value("")
        expect(page.get_by_role("dialog")).to_have_count(0)


class TestBookmarks:
    @pytest.fixture(autouse=True)
    def _tidy(self, no_bookmarks: None) -> None:
        pass

    def keep(self, page: Page, served: Served, *kept: str) -> None:
        for name in kept:
            page.goto(f"{served.url}/bookmarks/?account=payments-prod&role=Developer&name={name}")
            page.get_by_role("button", name="Add").click()
            expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()

    def order(self, page: Page) -> list[str]:
        return page.locator("#own-marks > li b").all_text_contents()

    def test_alt_and_arrows_move_a_bookmark_and_the_focus_stays_with_it(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page
        self.keep(page, served, "One", "Two", "Three")
        page.get_by_role("button", name="Move Three").focus()
        page.keyboard.press("Alt+ArrowUp")
        expect(page.get_by_role("status")).to_have_text("“Three” is now number 2 of 3")
        assert self.order(page) == ["One", "Three", "Two"]
        expect(page.get_by_role("button", name="Move Three")).to_be_focused()

    def test_a_bookmark_is_dragged_to_its_place(self, ann: Window, served: Served) -> None:
        page = ann.page
        self.keep(page, served, "One", "Two", "Three")
        grip = page.get_by_role("button", name="Move Three")
        grip.drag_to(page.locator("#own-marks > li").first, target_position={"x": 25, "y": 4})
        expect(page.get_by_role("status")).to_have_text("“Three” is now number 1 of 3")
        assert self.order(page) == ["Three", "One", "Two"]

    def test_without_script_kept_moved_changed_deleted_and_brought_back(
        self, plain: Page, served: Served
    ) -> None:
        self.keep(plain, served, "One", "Two")
        plain.locator("[aria-label='More for Two']").click()
        plain.get_by_role("button", name="Move up").click()
        assert self.order(plain) == ["Two", "One"]
        plain.locator("[aria-label='More for Two']").click()
        plain.get_by_role("link", name="Change").click()
        plain.get_by_label("Name").fill("Zwei")
        plain.get_by_role("button", name="Keep the change").click()
        plain.locator("[aria-label='More for Zwei']").click()
        plain.get_by_role("button", name="Delete").click()
        assert self.order(plain) == ["One"]
        plain.get_by_role("button", name="Undo").click()
        assert self.order(plain) == ["Zwei", "One"]
        assert plain.get_by_role("button", name="Move Zwei").count() == 0

    def test_a_kept_page_stands_on_home_and_opens_there(self, ann: Window, served: Served) -> None:
        page = ann.page
        page.goto(f"{served.url}/bookmarks/")
        page.get_by_label("Page").fill(
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:"
        )
        page.get_by_label("Enter as").select_option(label="Read only in Payments production")
        page.get_by_role("button", name="Add").click()
        page.goto(f"{served.url}/")
        page.get_by_role("link", name="CloudWatch in Payments production").click()
        page.wait_for_url(f"{served.standin.console_url}/**")
        expect(page.locator("body")).to_contain_text("alarmsV2")


class TestHistory:
    def test_without_script_filtered_by_its_form_and_taken_away(
        self, plain: Page, served: Served
    ) -> None:
        plain.goto(f"{served.url}/history/")
        plain.get_by_label("What happened").select_option("trouble")
        plain.get_by_role("button", name="Show").click()
        plain.wait_for_url("**what=trouble**")
        expect(plain.locator(".line").first).to_be_visible()
        assert plain.locator(".line:not([data-state])").count() == 0
        plain.get_by_text("Export").click()
        with plain.expect_download() as download:
            plain.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename.endswith(".csv")


class TestCredentials:
    def issue(self, page: Page, served: Served) -> str:
        """Take credentials and return the secret key."""
        page.goto(served.url + CREDENTIALS)
        page.get_by_role("button", name="Take credentials").click()
        page.wait_for_selector("#shells")
        page.get_by_role("button", name="Show values").first.click()
        secret = page.locator(".shell").first.locator(".mask").first.inner_text()
        page.get_by_role("button", name="Show values").first.click()
        assert len(secret) > 20
        return secret

    def test_values_are_hidden_until_asked_and_copied_whole(
        self, ann: Window, served: Served
    ) -> None:
        ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = ann.page
        secret = self.issue(page, served)
        assert secret not in page.content()
        page.get_by_text("PowerShell", exact=True).click()
        shell = page.locator(".shell[open]")
        shell.get_by_role("button", name="Copy with values").click()
        expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert f"$Env:AWS_SECRET_ACCESS_KEY = '{secret}'\n" in copied
        assert copied.count("\n") == 5
        expect(page.get_by_role("timer")).to_contain_text("11 h 59 min")

    def test_P21_back_and_forward_show_nothing_of_them(self, ann: Window, served: Served) -> None:
        page = ann.page
        secret = self.issue(page, served)
        page.goto(f"{served.url}/history/")
        page.go_back()
        expect(page.get_by_role("button", name="Take credentials")).to_be_visible()
        assert secret not in page.content()
        page.go_forward()
        page.go_back()
        assert secret not in page.content()
        assert page.locator("#shells").count() == 0

    def test_signing_out_works_from_the_page_that_shows_them(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page
        self.issue(page, served)
        page.get_by_label("your menu").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{served.url}/sign-in/**")
        page.goto(served.url + CREDENTIALS)
        page.wait_for_url(f"{served.url}/sign-in/**")

    def test_without_script_each_shell_unfolds_its_text(self, plain: Page, served: Served) -> None:
        plain.goto(served.url + CREDENTIALS)
        plain.get_by_role("button", name="Take credentials").click()
        text = plain.locator(".shell pre").first
        expect(text).to_be_hidden()
        plain.get_by_text("bash, zsh").click()
        expect(text).to_be_visible()
        assert "export AWS_SECRET_ACCESS_KEY=" in text.inner_text()
        assert "•" not in text.inner_text()
        expect(plain.get_by_role("button", name="Copy with values")).to_have_count(0)


class TestSettings:
    def test_theme_language_and_zone_hold_in_every_browser_and_go_back(
        self, ann: Window, new_window: Callable[..., Window], served: Served
    ) -> None:
        page, other = ann.page, new_window(java_script_enabled=False).page
        served.sign_in(other, "ann")
        self.choose(page, served, "Dark", "日本語", "Asia/Tokyo")
        try:
            expect(page.locator(".toast")).to_be_visible()
            other.goto(f"{served.url}/bookmarks/")
            for each in (page, other):
                expect(each.locator("html")).to_have_attribute("lang", "ja")
                expect(each.locator("html")).to_have_attribute("data-theme", "dark")
                assert each.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
                expect(each.get_by_role("contentinfo")).to_contain_text("Tokyo (JST)")
        finally:
            page.goto(f"{served.url}/settings/")
            page.locator("#language").select_option("")
            page.locator("#time_zone").select_option("")
            page.locator("input[value=auto]").check()
            page.locator("form[action='/settings/'] button").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "auto")

    @staticmethod
    def choose(page: Page, served: Served, theme: str, language: str, zone: str) -> None:
        page.goto(f"{served.url}/settings/")
        page.get_by_label("Language", exact=True).select_option(language)
        page.get_by_label("Time zone", exact=True).select_option(zone)
        page.get_by_text(theme, exact=True).click()
        page.get_by_role("button", name="Save").click()

    def test_the_menu_leads_there_by_keyboard_alone(self, ann: Window, served: Served) -> None:
        page = ann.page
        page.get_by_label("your menu").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Settings")).to_be_visible()
        expect(page.get_by_role("link", name="Administration")).to_have_count(0)
        require_good_looks(page)
        page.get_by_label("your menu").focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name="Settings")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(f"{served.url}/settings/")

    def test_a_refused_password_looks_well_and_the_focus_is_where_it_is_wrong(
        self, ann: Window, served: Served
    ) -> None:
        page = ann.page
        page.goto(f"{served.url}/settings/")
        page.get_by_label("Current password").fill("not this one")
        page.get_by_label("New password", exact=True).fill("short")
        page.get_by_label("New password again").fill("other")
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("alert")).to_have_count(3)
        expect(page.get_by_label("Current password")).to_be_focused()
        require_good_looks(page)


class TestLooks:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/?environment=production",
            "/?q=paypro+dev",
            "/?q=zebra",
            "/bookmarks/",
            "/bookmarks/?account=payments-prod&role=Developer&to=sqs",
            "/history/",
            "/history/?q=zebra",
            "/settings/",
            CREDENTIALS,
            "/credentials/payments-prod/incident/IncidentLead/",
        ],
    )
    def test_a_page_looks_well(self, ann: Window, served: Served, path: str) -> None:
        ann.page.goto(served.url + path)
        require_good_looks(ann.page)

    def test_home_without_a_role_looks_well(self, window: Window, served: Served) -> None:
        served.sign_in(window.page, "carol")
        expect(window.page.get_by_text("Ask an administrator")).to_be_visible()
        require_good_looks(window.page)

    def test_results_keys_and_menus_look_well(self, ann: Window) -> None:
        page = ann.page
        page.keyboard.type("prod")
        require_good_looks(page)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("?")
        require_good_looks(page)

    def test_a_refused_form_looks_well(self, ann: Window, served: Served) -> None:
        page = ann.page
        page.goto(
            f"{served.url}/bookmarks/?account=payments-prod&role=Developer&to=https://x.example"
        )
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Page")).to_be_focused()
        require_good_looks(page)

    def test_issued_credentials_look_well(self, ann: Window, served: Served) -> None:
        page = ann.page
        page.goto(served.url + CREDENTIALS)
        page.get_by_role("button", name="Take credentials").click()
        page.wait_for_selector("#shells")
        require_good_looks(page)

    def test_nothing_moves_once_it_is_shown(self, ann: Window, served: Served) -> None:
        page = ann.page
        for path in ("/", "/bookmarks/", "/history/", CREDENTIALS):
            page.goto(served.url + path)
            shifted = page.evaluate(
                """new Promise((done) => {
                    let sum = 0;
                    new PerformanceObserver((list) => {
                        for (const entry of list.getEntries()) sum += entry.value;
                    }).observe({ type: "layout-shift", buffered: true });
                    requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
                })"""
            )
            assert shifted == 0, path
