"""The first hour of an administrator, from the first click to the last line of the record.

Nobody but the browser does anything here: the portal is really served, AWS is the strict stand-in,
and its IAM is where somebody who tries the demo plays AWS's own administrator.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.looks import require_good_looks
from tests.served import Served, served_portal

HUB, NEW = "111111111111", "181818181818"
BROKER = f"arn:aws:iam::{HUB}:user/sekisho-broker"
ENGINEER, AUDITOR = "Engineer in Orders desk", "desk-auditor in Identity hub"
TRUST = "Trust policy of the role"
PERMISSION = "Permission policy of the portal’s own identity"
TOLD_WHY = re.compile(
    r"Your way into Orders desk as Engineer ended on \d+ \w+ \d{4}, \d\d:\d\d UTC\."
)
RECORD = (
    "dana added the account Orders desk",
    f"dana added the role Engineer in {NEW}",
    f"dana tried the role Engineer in {NEW} Production AWS does not let the portal enter the role",
    f"dana tried the role Engineer in {NEW}",
    f"dana added the role desk-auditor in {HUB}",
    f"dana tried the role desk-auditor in {HUB} Audit AWS does not let the portal make a",
    f"dana tried the role desk-auditor in {HUB}",
    "dana added the group night shift",
    "dana changed who is in the group night shift members: nothing → bob",
    f"dana added the grant user carol: ops/Engineer in {NEW}",
    f"dana added the grant user carol: desk-auditor in {HUB}",
    f"dana added the grant group night shift: ops/Engineer in {NEW}",
    f"dana added the grant group night shift: desk-auditor in {HUB}",
    "carol signed in",
    "carol opened Orders desk as Engineer",
    "carol opened Identity hub as desk-auditor",
    f"dana changed the grant user carol: ops/Engineer in {NEW} ends: ",
    "The portal did not let carol in to Orders desk as Engineer",
    "carol opened Identity hub as desk-auditor",
    "bob signed in",
    "bob opened Orders desk as Engineer",
)
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:List*", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal of this module's own: what is made in it and in its AWS is nobody else's."""
    with served_portal(tmp_path_factory.mktemp("first-hour")) as portal:
        yield portal


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


def pick(page: Page, box: str, words: str, offered: str = "") -> None:
    """Type words into a combobox and choose what it offers for them."""
    page.get_by_role("combobox", name=box).fill(words)
    page.get_by_role("option", name=offered or words).first.click()


def today() -> date:
    """The day of dana, whose time zone is UTC."""
    return datetime.now(UTC).date()


def until_the_end_of_next_week(*days: date) -> re.Pattern[str]:
    """What a page says of that end, on one of these days."""
    sundays = {day + timedelta(days=13 - day.weekday()) for day in days}
    words = "|".join(f"{sunday.day} {sunday:%B}(?: {sunday.year})?" for sunday in sundays)
    return re.compile(rf"until (?:{words}), 23:59")


@dataclass
class Aws:
    """Whoever administers AWS, before the stand-in's IAM."""

    page: Page
    url: str

    def open(self, link: str) -> None:
        self.page.goto(self.url)
        self.page.get_by_role("link", name=link).first.click()

    def take_the_brokers_rights_away(self) -> None:
        self.open("whatever-sts-can-do")
        self.page.get_by_label("Permission policy").fill("")
        press(self.page, "Save")

    def give_the_broker(self, name: str, policy: str) -> None:
        self.open(f"New policy of {BROKER}")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Permission policy").fill(policy)
        self._save()

    def make_the_role(self, trust: str) -> None:
        """Make the role and its account, at first with the classic mistake."""
        self.open("New role")
        self.page.get_by_label("Account id").fill(NEW)
        self.page.get_by_label("Name").fill("ops/Engineer")
        self.page.get_by_label("Permissions").fill(trust)
        press(self.page, "Save")
        expect(self.page.get_by_role("alert")).to_contain_text("Nothing is saved.")
        self.page.get_by_label("Permissions").fill("")
        self.page.get_by_label("Trust policy").fill(trust)
        self._save()

    def _save(self) -> None:
        press(self.page, "Save")
        expect(self.page.get_by_role("status")).to_contain_text("Saved.")


@dataclass
class Administrator:
    """Dana before the administration."""

    page: Page
    url: str

    def go(self, *links: str) -> None:
        """Go from the start page, link by link."""
        self.page.goto(self.url)
        for link in links:
            self.page.get_by_role("main").get_by_role("link", name=link, exact=True).first.click()

    def add_the_account(self) -> None:
        self.go("Accounts", "New account")
        self.page.get_by_label("Account number").fill(NEW)
        self.page.get_by_label("Name").fill("Orders desk")
        self.page.get_by_label("Alias").fill("orders-desk")
        self.page.get_by_role("combobox", name="Environment").fill("production")
        press(self.page, "Save and stay")

    def add_the_role(self) -> None:
        self.page.get_by_role("link", name="New role here").click()
        self.page.get_by_label("IAM role name").fill("ops/Engineer")
        self.page.get_by_label("Set the source identity").check()
        press(self.page, "Save and stay")

    def add_the_token(self) -> None:
        self.go("Roles", "New role")
        pick(self.page, "Account", "Identity hub")
        self.page.get_by_label("IAM role name").fill("desk-auditor")
        self.page.get_by_role("radio", name="GetFederationToken").check()
        self.page.get_by_label("Session policy").fill(json.dumps(READ))
        press(self.page, "Save and stay")

    def add_the_group(self) -> None:
        self.go("Groups", "New group")
        self.page.get_by_label("Name", exact=True).fill("night shift")
        pick(self.page, "Let people in", "bob")
        press(self.page, "Save")

    def try_in_vain(self, sentence: str) -> None:
        press(self.page, "Try this role")
        expect(self.page.get_by_role("alert")).to_contain_text(sentence)

    def try_with_success(self, button: str) -> None:
        press(self.page, button)
        expect(self.page.get_by_text("AWS lets people into this role.")).to_be_visible()

    def copy(self, title: str) -> str:
        """Take the JSON that the page shows under a title."""
        return self.page.get_by_role("group", name=f"{title}, JSON: ").inner_text()

    def grant_both_until_the_end_of_next_week(self) -> None:
        self.go("Grants", "New grant")
        pick(self.page, "Roles", "desk engineer", "orders-desk/ops/Engineer")
        pick(self.page, "Roles", "desk-auditor", "hub/desk-auditor")
        pick(self.page, "Groups", "night shift")
        pick(self.page, "People", "carol")
        self.page.get_by_text("Next week", exact=True).click()
        self.page.get_by_label("Note").fill("Covers the desk")
        before = today()  # midnight may pass
        press(self.page, "See who gains what")
        gains = self.page.get_by_role("cell", name=re.compile("gains it"))
        expect(gains).to_have_text([until_the_end_of_next_week(before, today())] * 4)
        expect(self.page.get_by_text("It reaches 2 people and 2 open roles.")).to_be_visible()
        press(self.page, "Save all")
        expect(self.page.get_by_text("4 grants made.")).to_be_visible()

    def end_carols_grant(self) -> None:
        self.go("Grants")
        row = self.page.get_by_role("row", name=f"carol: ops/{ENGINEER}")
        row.get_by_role("rowheader").get_by_role("link").click()
        self.page.get_by_role("link", name="End now").click()
        expect(self.page.get_by_text("loses it")).to_be_visible()
        press(self.page, "End this grant now")

    def read_the_record(self) -> list[str]:
        """The record's lines, the oldest first, each in one line."""
        self.page.goto(self.url)
        self.page.get_by_role("link", name="Record", exact=True).first.click()
        expect(self.page).to_have_url(re.compile("/admin/record/"))
        lines = self.page.locator("li.line").all_inner_texts()
        return [" ".join(line.split()) for line in reversed(lines)]

    def read_what_is_known_of_carols_launch(self) -> dict[str, str]:
        line = self.page.locator("li.line").filter(has_text="carol opened Orders desk as Engineer")
        line.locator("summary").click()
        facts = line.locator("dl.facts")
        terms, values = facts.locator("dt").all_inner_texts(), facts.locator("dd").all_inner_texts()
        return dict(zip(terms, values, strict=True))


@pytest.fixture
def dana(new_window: Callable[..., Window], own: Served) -> Administrator:
    window = new_window()
    own.sign_in(window.page, "dana")
    return Administrator(window.page, f"{own.url}/admin/")


@pytest.fixture
def aws(new_window: Callable[..., Window], own: Served) -> Aws:
    return Aws(new_window().page, f"{own.standin.console_url}/iam/")


def enter(page: Page, own: Served, role: str, headline: str) -> None:
    """Launch a role from the home page into the console."""
    page.goto(own.url)
    page.get_by_role("link", name=f"Open {role}", exact=True).first.click()
    page.wait_for_url(f"{own.standin.console_url}/console/**")
    expect(page.get_by_role("heading", level=1)).to_have_text(headline)


def make_both_roles_and_try_them(dana: Administrator, aws: Aws) -> None:
    """What is pasted is what the pages show; before it stands in AWS each try is refused."""
    aws.take_the_brokers_rights_away()
    dana.add_the_account()
    dana.add_the_role()
    dana.try_in_vain(f"AWS does not let the portal enter the role ops/Engineer in account {NEW}.")
    dana.page.get_by_role("link", name="The role’s form").click()
    aws.make_the_role(dana.copy(TRUST))
    aws.give_the_broker("engineer", dana.copy(PERMISSION))
    dana.try_with_success("Try this role")
    dana.add_the_token()
    dana.try_in_vain(f"AWS does not let the portal make a federation token in account {HUB}.")
    aws.give_the_broker("auditor", dana.copy(PERMISSION))
    dana.try_with_success("Try again")


def launch_in_vain(page: Page, own: Served) -> str:
    """Click a role whose grant has ended since; return the reference of the refusal."""
    asked = len(own.standin.requests)
    page.get_by_role("link", name=f"Open {ENGINEER}", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TOLD_WHY)
    expect(page.get_by_text("Ask an administrator to extend the grant.")).to_be_visible()
    assert len(own.standin.requests) == asked
    return page.locator("main code").inner_text()


def require_all_of_it(lines: list[str], reference: str) -> None:
    """Fail with what is not in the record, or not where it belongs."""
    rest = iter(lines)
    for wanted in RECORD:
        assert any(wanted in line for line in rest), f"not in the record in its place: {wanted}"
    (refused,) = [line for line in lines if reference in line]
    assert TOLD_WHY.search(refused)


def test_the_first_hour(
    dana: Administrator, aws: Aws, own: Served, new_window: Callable[..., Window]
) -> None:
    make_both_roles_and_try_them(dana, aws)
    dana.add_the_group()
    dana.grant_both_until_the_end_of_next_week()

    carol, bob = new_window().page, new_window().page
    own.sign_in(carol, "carol")
    enter(carol, own, ENGINEER, "Carol may enter as Engineer")
    expect(carol.locator("#person")).to_contain_text("session name and source identity")
    enter(carol, own, AUDITOR, "Carol may enter as a federated user")
    expect(carol.locator("#policy")).to_have_text("A session policy")

    carol.goto(own.url)
    expect(carol.get_by_role("link", name=f"Open {ENGINEER}", exact=True)).to_be_visible()
    dana.end_carols_grant()
    reference = launch_in_vain(carol, own)
    enter(carol, own, AUDITOR, "Carol may enter as a federated user")
    own.sign_in(bob, "bob")
    enter(bob, own, ENGINEER, "Bob may enter as Engineer")

    require_all_of_it(dana.read_the_record(), reference)
    known = dana.read_what_is_known_of_carols_launch()
    assert known["Grant"] == f"user carol: ops/Engineer in {NEW}"
    assert (known["Session name"], known["Source identity"]) == ("carol", "carol")
    assert known["Access key id"].startswith("ASIA")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "role/",
        "role/?account_id=222222222222&name=incident/IncidentLead",
        "role/?account_id=222222222222&name=Developer&saved=1",
        f"policy/?arn={BROKER}",
    ],
)
def test_the_pages_of_iam_look_good(window: Window, own: Served, path: str) -> None:
    window.page.goto(f"{own.standin.console_url}/iam/{path}")
    require_good_looks(window.page)


def test_a_refused_form_of_iam_looks_good_and_leads_to_its_field(aws: Aws) -> None:
    aws.open("Deployer")
    aws.page.get_by_label("Maximum session duration").fill("60")
    press(aws.page, "Save")
    require_good_looks(aws.page)
    aws.page.get_by_role("alert").get_by_role("link", name="Maximum session duration").click()
    assert aws.page.url.endswith("#max_session_seconds")
    expect(aws.page.get_by_label("Maximum session duration")).to_have_value("60")
