"""Permission sets: the built-in ones stay, one's own hold what concerns the portal."""

import pytest
from django.contrib.auth.models import Group as PermissionSet
from django.test import Client

from accounts import administrators
from accounts.models import User
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def danas() -> Client:
    """The browser of a superuser."""
    return cast.browser(cast.superuser("dana"))


def test_P32_the_built_in_sets_stay_as_they_are_laid(danas: Client) -> None:
    for name in administrators.BUILT_IN:
        own = administrators.built_in_set(name)
        address = f"/admin/auth/group/{own.pk}"
        assert "Built in" in danas.get(f"{address}/change/").content.decode()
        assert danas.post(f"{address}/change/", {"name": "x"}).status_code == 403
        assert danas.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    own = administrators.built_in_set()
    choice = {
        "action": "delete_selected",
        "index": "0",
        "post": "yes",
        "_selected_action": own.pk,
    }
    assert danas.post("/admin/auth/group/", choice).status_code == 403
    assert PermissionSet.objects.count() == 2


def test_a_set_of_ones_own_holds_what_concerns_the_portal(danas: Client) -> None:
    shown = read(danas.get("/admin/auth/group/add/").content).one("main").text
    assert "People: see" in shown
    assert "People: change" not in shown
    assert "permission" not in shown.lower().replace("permission set", "").replace(
        "permissions", ""
    )


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 30, "0" * 400 + "1", "\u0663", "x"])
def test_a_number_that_no_box_has_is_a_mistake_at_its_field(danas: Client, number: str) -> None:
    forms = {
        "/admin/auth/group/add/": {"name": "own", "permissions": number},
        "/admin/accounts/user/add/": {"username": "ann", "groups": number},
    }
    for address, sent in forms.items():
        answer = danas.post(address, {**sent, "_save": "1"})
        assert answer.status_code == 200, address
        assert "not a valid value" in read(answer.content).one("main").text or (
            "not one of the available choices" in answer.content.decode()
        ), address


def test_P30_a_set_that_goes_says_who_had_it(danas: Client) -> None:
    for name in ("bob", "ann"):
        cast.with_rights(name, "view_role")
    own = PermissionSet.objects.get(name="bob's own")
    User.objects.get(username="ann").groups.add(own)
    danas.post(f"/admin/auth/group/{own.pk}/delete/", {"post": "yes"})
    (row,) = cast.rows()
    assert cast.told(row)["before"] == {
        "name": "bob's own",
        "permissions": ["view_role"],
        "people": ["ann", "bob"],
        "number_of_people": 2,
    }
