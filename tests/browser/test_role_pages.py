"""The pages of roles and accounts in a real browser: made, checked, tried, copied, looked at."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.looks import require_good_looks
from tests.served import Served, served_portal


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal of this module's own: what is made here is nobody else's business."""
    with served_portal(tmp_path_factory.mktemp("roles")) as portal:
        yield portal


@pytest.fixture
def danas(new_window: Callable[..., Window], own: Served) -> Page:
    window = new_window(permissions=["clipboard-read", "clipboard-write"])
    own.sign_in(window.page, "dana")
    return window.page


def fill(page: Page, name: str) -> None:
    page.get_by_label("Account", exact=False).first.fill("payments-prod")
    page.get_by_label("IAM role name").fill(name)


def test_a_role_is_entered_checked_saved_and_tried(danas: Page, own: Served) -> None:
    danas.goto(f"{own.url}/admin/accounts/role/add/")
    fill(danas, "Auditor")
    danas.get_by_label("Longest session").fill("13 h")
    danas.get_by_label("Session policy").fill('{"Version": "2012-10-17" "Statement": []}')
    danas.get_by_role("button", name="Check without saving").click()
    expect(danas.get_by_role("alert")).to_contain_text("2 things need another look.")
    expect(danas.get_by_label("Longest session")).to_have_attribute("aria-invalid", "true")
    expect(danas.locator("#id_session_policy_error")).to_contain_text("line 1, column 26")
    danas.set_viewport_size({"width": 1280, "height": 800})
    require_good_looks(danas)
    danas.set_viewport_size({"width": 1280, "height": 800})
    danas.get_by_label("Longest session").fill("")
    danas.get_by_label("Session policy").fill("")
    danas.get_by_role("button", name="Check without saving").click()
    expect(danas.get_by_text("Nothing is wrong with what is entered.")).to_be_visible()
    danas.get_by_role("button", name="Save and stay").click()
    danas.get_by_role("button", name="Try this role").click()
    expect(danas.get_by_role("alert")).to_contain_text("does not let the portal enter the role")
    expect(danas.get_by_text("or the role does not exist")).to_be_visible()
    require_good_looks(danas)


def test_what_is_copied_is_what_is_shown_to_the_letter(danas: Page, own: Served) -> None:
    danas.goto(f"{own.url}/admin/accounts/role/?q=IncidentLead")
    danas.locator("#result_list tbody th a").first.click()
    trust = danas.get_by_role("region", name="Trust policy of the role")
    trust.get_by_text("AWS CLI").click()
    shown = trust.locator("#trust-aws-cli-1").text_content()
    trust.locator("[data-paste=trust-aws-cli-1]").click()
    expect(trust.locator("[data-paste=trust-aws-cli-1]")).to_contain_text("Copied")
    assert danas.evaluate("navigator.clipboard.readText()") == f"{shown}\n"
    assert "aws iam create-role" in str(shown)


@pytest.mark.parametrize(
    "path",
    [
        "role/",
        "role/?launches=failing&environment=production",
        "role/add/",
        "account/",
        "account/add/",
        "account/222222222222/change/",
    ],
)
def test_pages_of_roles_and_accounts_look_good(danas: Page, own: Served, path: str) -> None:
    danas.goto(f"{own.url}/admin/accounts/{path}")
    require_good_looks(danas)


@pytest.mark.parametrize("words", ["IncidentLead", "cost-viewer"])
def test_a_role_of_each_method_looks_good_with_everything_unfolded(
    danas: Page, own: Served, words: str
) -> None:
    danas.goto(f"{own.url}/admin/accounts/role/?q={words}")
    danas.locator("#result_list tbody th a").first.click()
    danas.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
    require_good_looks(danas)
    danas.set_viewport_size({"width": 1280, "height": 800})
    danas.get_by_role("button", name="Try this role").click()
    expect(danas.get_by_text("AWS lets people into this role.")).to_be_visible()
    require_good_looks(danas)
