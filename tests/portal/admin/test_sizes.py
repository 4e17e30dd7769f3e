"""No page asks the database more often because there is more in it.

Every page is asked for twice, on a small organisation and on one that is many times as large and of
the same shape (``tests.large_catalogue``), and the statements are counted.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import tally
from accounts.models import Account, Bookmark, CredentialSource, Grant, Group, Role, User
from portal import launch
from portal.admin import counted as counted_lists
from tests import large_catalogue
from tests.large_catalogue import SMALL, Size, account_id
from tests.portal.admin.cast import browser

# A small part of what is promised, so that the tests stay quick: what grows shows itself.
LARGE = Size(
    people=1000,
    accounts=150,
    roles_each=15,
    groups=150,
    grants=6000,
    bookmarks=1200,
    rows=9000,
)

MODELS: tuple[type[Model], ...] = (Account, Role, CredentialSource, Grant, User, Group, Bookmark)
OWN = ("/", "/history/", "/history/?q=ticket", "/history/?what=trouble", "/bookmarks/")
RECORD = (
    "/admin/record/",
    "/admin/record/?person=person-5",
    f"/admin/record/?account={account_id(1)}",
    f"/admin/record/?account={account_id(1)}&role=Role1",
    "/admin/record/?action=launch&outcome=failed",
    "/admin/record/?what=trouble",
    "/admin/record/?action=admin-change&kind=role",
    "/admin/record/?q=ticket",
)
NAMES = tuple(f"/admin/names/{kind}/?q=1" for kind in ("user", "group", "account", "role"))

Counts = Mapping[str, int]


class Walk:
    """Somebody who asks for pages; what each asks of the database is counted."""

    def __init__(self, name: str) -> None:
        self.client = browser(User.objects.get(username=name))
        self.counts: dict[str, int] = {}

    def see(self, path: str, name: str = "", **posted: Any) -> str:
        """Ask for a page, or post a form, count it under a name, and return the page."""
        with CaptureQueriesContext(connection) as asked:
            answer: Any = self.client.post(path, posted) if posted else self.client.get(path)
            content = b"".join(answer) if answer.streaming else answer.content
        assert answer.status_code == 200, (path, answer.status_code)
        self.counts[name or path] = sum(
            not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in asked
        )
        return str(content.decode())


def walk() -> Counts:
    """Count every page of the administration, and of home and history."""
    dana, auditor, person = Walk("dana"), Walk("person-4"), Walk("person-5")
    for model in MODELS:
        see_list(dana, model)
        see_one(dana, model)
    see_special(dana)
    for path in ("/admin/", *RECORD, *NAMES):
        dana.see(path)
    auditor.see("/admin/", "the auditor's start page")
    for path in OWN:
        person.see(path)
    return dana.counts | auditor.counts | person.counts


def see_list(dana: Walk, model: type[Model]) -> None:
    """See a list: as it is, by each of its filters and orders, on other pages, searched in."""
    path = reverse(f"admin:accounts_{model._meta.model_name}_changelist")
    links = {unescape(link) for link in re.findall(r'href="(\?[^"]*)"', dana.see(path))}
    # Page numbers are other ones on a larger list; two orders at once ask no more than each.
    for link in sorted(link for link in links if not re.match(r"\?(p=|$|o=[^&]*\.)", link)):
        dana.see(path + link)
    for query in ("?q=1", "?q=team", "?q=nothing+at+all", "?p=2", "?q=1&p=2"):
        if query.endswith("p=2") and model is CredentialSource:
            continue
        dana.see(path + query)


def see_one(dana: Walk, model: type[Model]) -> None:
    """See the forms of one thing, and the question before it is deleted."""
    name = model._meta.model_name
    thing = an_example(model)
    dana.see(reverse(f"admin:accounts_{name}_add"))
    dana.see(reverse(f"admin:accounts_{name}_change", args=[thing.pk]), f"{name}: change")
    if model is Grant:
        dana.see(f"/admin/accounts/grant/delete/?grant={thing.pk}", "grant: delete")
    else:
        dana.see(reverse(f"admin:accounts_{name}_delete", args=[thing.pk]), f"{name}: delete")


def an_example(model: type[Model]) -> Model:
    """Something made in the administration that other things hang on."""
    rows: Mapping[type[Model], Any] = {
        Account: Account.objects.filter(pk=account_id(1)),
        Role: Role.objects.filter(account=account_id(1), name="Role1"),
        CredentialSource: CredentialSource.objects.filter(name="hub"),
        Grant: Grant.objects.filter(from_file=False, group__name="team-3"),
        User: User.objects.filter(username="person-5"),
        Group: Group.objects.filter(name="team-3"),
        Bookmark: Bookmark.objects.filter(group__isnull=False),
    }
    found: Model = rows[model].order_by("pk")[0]
    return found


def see_special(dana: Walk) -> None:
    """See what only grants, roles and people have."""
    person = an_example(User)
    dana.see(f"/admin/accounts/user/{person.pk}/as/", "the page as they do")
    role = an_example(Role)
    dana.see(f"/admin/accounts/role/{role.pk}/try/", "role: try")
    dana.see(
        "/admin/accounts/grant/add/",
        "grants: preview",
        roles=f"{account_id(1)}/Role1\n{account_id(2)}/Role2",
        people="person-5\nperson-6",
        groups="team-3",
        end="90-days",
        look="1",
    )


@contextmanager
def organisation(size: Size) -> Iterator[None]:
    """Be an organisation of that size until the block ends."""
    with transaction.atomic():
        large_catalogue.fill(size)
        tally.catch_up()
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def counts(django_db_setup: None, django_db_blocker: Any) -> tuple[Counts, Counts]:
    """What each page asks of a small and of a large organisation's database."""
    counted = []
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patched:
        # The broker's own credentials are a user's.
        patched.setattr(launch, "is_chained", lambda *_: False)
        # So that some is counted, and some not yet, on both.
        patched.setattr(tally, "COUNTED_AT_ONCE", 500)
        # Only short lists count for their filters; what a long one asks is compared.
        patched.setattr(counted_lists, "MOST_COUNTED", 0)
        for size in (SMALL, LARGE):
            # Django remembers them for the process: the first walk would ask once more.
            ContentType.objects.clear_cache()
            with organisation(size):
                counted.append(walk())
    small, large = counted
    return small, large


@pytest.mark.django_db
def test_no_page_asks_more_often_because_there_is_more(counts: tuple[Counts, Counts]) -> None:
    small, large = counts
    assert small.keys() == large.keys()
    more = {page: (small[page], large[page]) for page in small if large[page] != small[page]}
    assert more == {}


@pytest.mark.django_db
def test_the_start_page_asks_few_times(counts: tuple[Counts, Counts]) -> None:
    assert counts[1]["/admin/"] <= 16
    assert counts[1]["the auditor's start page"] <= 18


@pytest.mark.django_db
def test_no_page_asks_for_each_of_its_rows(counts: tuple[Counts, Counts]) -> None:
    """Lists show fifty rows on both: a statement for each would be fifty more on both."""
    assert {page: asked for page, asked in counts[1].items() if asked > 20} == {}
