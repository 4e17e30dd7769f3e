"""The administration's start page: what needs somebody, what was opened, ways to all of it."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import record
from accounts.administration.attention import Example, Finding, Kind
from accounts.administration.changing import Administrator, Told, changing
from accounts.models import Account, Action, CredentialSource, Grant, Group, Outcome, Role, User
from accounts.record import Act
from portal.admin.start.attention_lines import AttentionLine
from portal.admin.start.launch_plot import DAYS, Day, LaunchPlot
from tests.portal.admin.cast import administrator, auditor, browser, superuser
from tests.portal.reading import Element, read

PAYMENTS = "222222222222"
SANDBOX = "121212121212"
MARKUP = "\"><script>alert(1)</script><b x='&"


@pytest.fixture
def developer(db: None) -> Role:
    CredentialSource.objects.get_or_create(name="default")
    fields = {"name": "Payments production", "environment": "production"}
    account = Account.objects.create(account_id=PAYMENTS, **fields)
    return Role.objects.create(account=account, name="Developer")


@pytest.fixture
def sandbox(developer: Role) -> Role:
    account = Account.objects.create(account_id=SANDBOX, environment="sandbox")
    return Role.objects.create(account=account, name="Developer")


def page(client: Client) -> Element:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return read(answer.content)


def needs(document: Element) -> list[tuple[str, str, str]]:
    """What needs attention: sentence, detail, and where its button leads."""
    (found,) = document.all("ul", class_="attention")
    return [
        (item.one("b").text, item.one("small").text, item.one("a").attributes["href"])
        for item in found.all("li")
    ]


def opened(role: Role, ago: timedelta, outcome: Outcome = Outcome.SUCCEEDED, who: str = "") -> None:
    when = record.moment_text(timezone.now() - ago)
    act = record.about(Act(Action.LAUNCH, who or "ann", time=when), role)
    record.write(act, outcome, "" if outcome == Outcome.SUCCEEDED else "AccessDenied")


class TestAttention:
    def test_where_nothing_needs_anybody_it_says_so(self, developer: Role) -> None:
        document = page(browser(superuser()))
        assert not list(document.all("ul", class_="attention"))
        assert "Nothing needs you" in document.text

    def test_each_thing_is_a_sentence_the_first_examples_and_a_way_there(
        self, developer: Role
    ) -> None:
        account = developer.account
        opened(developer, timedelta(hours=1), Outcome.FAILED)
        ends = timezone.now() + timedelta(days=2)
        for number in range(5):
            user = User.objects.create_user(f"person-{number}")
            Grant.objects.create(user=user, account=account, role_name="*", expires=ends)
        empty = Group.objects.create(name="empty")
        Grant.objects.create(group=empty, account=account, role_name="Developer")
        day = f"{ends:%-d %b}"
        assert needs(page(browser(superuser()))) == [
            (
                "1 role does not open",
                "Developer in Payments production: AccessDenied",
                "/admin/accounts/role/?launches=failing",
            ),
            (
                "5 grants end within 7 days",
                "; ".join(
                    f"Any role in Payments production for person-{number}, {day}"
                    for number in range(3)
                )
                + "; 2 more",
                "/admin/accounts/grant/?state=ends-7",
            ),
            (
                "1 group is named, and nobody is in it",
                "empty (directory)",
                "/admin/accounts/group/?members=missing",
            ),
        ]

    def test_every_way_leads_to_a_page(self, developer: Role) -> None:
        dana = superuser()
        bob = User.objects.create_user("bob", is_active=False)
        gone = User.objects.create_user("gone", directory_state="gone", directory_id="1")
        erna = User.objects.create_placeholder("erna")
        soon = timezone.now() + timedelta(days=1)
        for user in (bob, gone, erna, User.objects.create_user("ann")):
            Grant.objects.create(user=user, account=developer.account, role_name="*", expires=soon)
        Grant.objects.update(made=timezone.now() - timedelta(days=200))
        Grant.objects.create(group=Group.objects.create(name="empty"), role_name="*")
        opened(developer, timedelta(hours=1), Outcome.FAILED)
        for _ in range(10):
            record.write(Act(Action.SIGN_IN, "unknown:00"), Outcome.DENIED, "WrongPassword")
        record.write(
            Act(Action.ACCESS_APPLY, "command line", details={"left": 2}), Outcome.SUCCEEDED
        )
        with changing(Administrator(dana)) as changes:
            changes.tell(Told("change", "role", "Developer", {}, {}))
        client = browser(dana)
        found = needs(page(client))
        assert len(found) == 9
        assert "a name that nobody has, 10 times" in found[1][1]
        for _, _, way in found:
            assert client.get(way, follow=True).status_code == 200, way

    def test_a_way_leads_to_those_alone_whom_it_is_about(self, developer: Role) -> None:
        states = (("ann", "present"), ("bob", "gone"), ("carol", "replaced"), ("spare", "gone"))
        for name, state in states:
            User.objects.create_user(name, directory_id=name, directory_state=state)
        off, spare_off = (User.objects.create_user(n, is_active=False) for n in ("off", "spare-2"))
        erna, _never = map(User.objects.create_placeholder, ("erna", "spare-3"))
        for user in User.objects.exclude(username__startswith="spare"):
            Grant.objects.create(user=user, account=developer.account, role_name="*")
        over = timezone.now() - timedelta(days=1)
        Grant.objects.create(user=spare_off, role_name="*", expires=over)
        full, empty, _unnamed = (Group.objects.create(name=name) for name in ("full", "empty", "x"))
        full.memberships.create(user=User.objects.get(username="ann"))
        Grant.objects.create(group=empty, role_name="*")
        opened(developer, timedelta(hours=1), Outcome.FAILED)
        gone = Role(account=developer.account, name="Gone")
        opened(gone, timedelta(hours=1), Outcome.FAILED)
        client = browser(superuser())
        listed = []
        for sentence, _, way in needs(page(client)):
            table = read(client.get(way).content).one("table", id="result_list")
            listed.append([head.text for head in table.one("tbody").all("th")])
            assert sentence.startswith(f"{len(listed[-1])} ")
        assert listed == [
            ["Developer"],
            [off.username],
            ["bob", "carol"],
            [erna.username],
            ["empty"],
        ]

    def test_what_was_not_looked_at_is_said(self) -> None:
        found = Finding(Kind.UNUSED, 3, False, (Example("ann", role="*"),), looked_at=1000)
        line = AttentionLine.of(found, timezone.now())
        assert line.sentence.startswith("3+ grants")
        assert line.detail.endswith("; 2 more; only the oldest 1000 were looked at")

    def test_when_the_file_was_applied_is_said_of_today_too(self) -> None:
        example = Example("access.yaml", moment=timezone.now(), why="abc")
        line = AttentionLine.of(Finding(Kind.BY_HAND, 1, False, (example,)), timezone.now())
        assert re.search(r"was last applied: \d\d:\d\d$", line.detail)

    def test_P19_no_name_becomes_markup(self, developer: Role) -> None:
        developer.account.name = MARKUP
        developer.account.save()
        opened(developer, timedelta(hours=1), Outcome.FAILED)
        opened(developer, timedelta(hours=2), who=MARKUP)
        user = User.objects.create_placeholder(MARKUP)
        Grant.objects.create(user=user, account=developer.account, role_name=MARKUP)
        answer = browser(superuser()).get("/admin/")
        assert b"<script>alert" not in answer.content


class TestWays:
    def test_numbers_stand_beside_what_there_is(self, developer: Role, sandbox: Role) -> None:
        document = page(browser(superuser()))
        shelves = {
            next(item.all("a")).text: next(item.all("span")).text
            for models in document.all("ul", class_="models")
            for item in models.all("li")
        }
        assert shelves["Accounts"] == "2"
        assert shelves["Roles"] == "2"
        assert shelves["Grants"] == "0"
        assert shelves["People"] == "1"
        assert list(shelves) == [
            "Accounts",
            "Roles",
            "Grants",
            "Credential sources",
            "People",
            "Groups",
            "Team bookmarks",
            "Record",
        ]

    @pytest.mark.parametrize(
        ("make", "added"),
        [
            (superuser, 7),
            # Of the eight, people are a superuser's and the record is nobody's.
            (administrator, 6),
            (auditor, 0),
        ],
    )
    def test_P32_only_what_the_reader_may_add_can_be_added(
        self, developer: Role, make: object, added: int
    ) -> None:
        client = browser(make())  # type: ignore[operator]
        document = page(client)
        links = [link for link in document.all("a") if link.name.startswith("Add to ")]
        assert len(links) == added
        for link in links:
            assert client.get(link.attributes["href"]).status_code == 200
        has_new = any(link.name == "New grant" for link in document.all("a"))
        assert has_new == bool(added)

    def test_P30_an_auditor_sees_all_of_it(self, developer: Role) -> None:
        opened(developer, timedelta(hours=1))
        document = page(browser(auditor()))
        headings = [heading.text for heading in document.all("h2")]
        assert headings == [
            "Needs attention",
            "Launches, 30 days",
            "Ways in",
            "People",
            "Just now",
        ]

    def test_P32_staff_without_rights_see_nothing_of_it(self, developer: Role) -> None:
        opened(developer, timedelta(hours=1), Outcome.FAILED)
        reader = User.objects.create_user("ann", is_staff=True)
        document = page(browser(reader))
        assert [heading.text for heading in document.all("h2")] == ["Needs attention"]
        assert "Payments" not in document.text

    def test_the_last_ten_acts_of_everybody_stand_below(self, developer: Role) -> None:
        for hours in range(12):
            opened(developer, timedelta(hours=hours), who=f"person-{hours}")
        (lines,) = page(browser(superuser())).all("ol", class_="lines")
        told = [item.text for item in lines.all("li")]
        assert len(told) == 10
        assert "person-0 opened Payments production as Developer" in told[0]

    def test_what_was_not_today_has_its_day(self, developer: Role) -> None:
        opened(developer, timedelta(days=400))
        opened(developer, timedelta(0))
        document = page(browser(superuser()))
        (lines,) = document.all("ol", class_="lines")
        now, old = [item.one("time").text for item in lines.all("li")]
        then = timezone.localtime() - timedelta(days=400)
        assert len(now) == len("17:31")
        assert old.startswith(f"{then:%-d %b %Y} ")
        assert document.one("head").one("title").text == "Administration · Sekisho"

    def test_a_post_changes_nothing(self, developer: Role) -> None:
        assert browser(superuser()).post("/admin/").status_code == 405


class TestPlot:
    def test_launches_of_thirty_days_are_counted_by_production_and_others(
        self, developer: Role, sandbox: Role
    ) -> None:
        for ago in (0, 0, 1):
            opened(developer, timedelta(days=ago, seconds=1))
        opened(sandbox, timedelta(days=1))
        opened(sandbox, timedelta(days=1), Outcome.DENIED)
        opened(sandbox, timedelta(days=DAYS + 1))
        document = page(browser(superuser()))
        legend = document.one("span", class_="legend").text
        assert legend == "Production 3 Others 1"
        cells = [[cell.text for cell in row.all("td")] for row in document.one("tbody").all("tr")]
        assert len(cells) == DAYS
        assert [sum(int(row[of]) for row in cells) for of in (0, 1)] == [3, 1]
        assert "4 launches within 30 days" in document.one("title", id="launches-told").text

    def days(self, *numbers: tuple[int, int]) -> LaunchPlot:
        first = date(2026, 11, 1)
        return LaunchPlot([Day(first + timedelta(n), *of) for n, of in enumerate(numbers)])

    def test_bars_stand_on_each_other_and_inside(self) -> None:
        plot = self.days((2, 3), (0, 0), (0, 1), (7, 0), (15, 51))
        bars = list(plot.bars)
        assert [bar.name for bar in bars] == ["rest", "prod", "rest", "prod", "rest", "prod"]
        above, below = bars[-2], bars[-1]
        assert float(above.y) + float(above.height) <= float(below.y)
        assert float(below.y) + float(below.height) == pytest.approx(156, abs=0.2)
        assert all(float(bar.y) >= 0 for bar in bars)

    @pytest.mark.parametrize(
        ("most", "told"),
        [
            (0, [0, 1]),
            (1, [0, 1]),
            (3, [0, 1, 2, 3]),
            (66, [0, 20, 40, 60]),
            (999, [0, 500]),
            (12_345, [0, 5000, 10_000]),
        ],
    )
    def test_the_scale_has_few_round_numbers(self, most: int, told: Sequence[int]) -> None:
        assert [line.value for line in self.days((0, most)).lines] == told
