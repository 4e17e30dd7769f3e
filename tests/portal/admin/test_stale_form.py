"""A form of before somebody else's change is shown again, and undoes nothing."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, CredentialSource, Role
from tests.portal.admin import cast
from tests.portal.reading import read

pytestmark = pytest.mark.django_db

SAID = "Somebody saved other values while you looked."
TYPED = {"method": "assume_role", "source": "default", "session_seconds": "1 h", "_save": "1"}


@pytest.fixture
def role() -> Role:
    CredentialSource.objects.get_or_create(name="default")
    account = Account.objects.create(account_id="222222222222", name="Production")
    return Role.objects.create(account=account, name="Developer")


@pytest.fixture
def anns() -> Client:
    return cast.browser(cast.administrator("ann"))


def page_of(role: Role) -> str:
    return f"/admin/accounts/role/{role.pk}/change/"


def stamp_in(answer: Any) -> str:
    found = re.search(r'name="stamp" value="([0-9a-f]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def switch_off(role: Role) -> None:
    bobs = cast.browser(cast.administrator("bob"))
    assert bobs.post(page_of(role), {**TYPED, "disabled": "on"}).status_code == 302


def test_a_form_of_before_a_switch_off_does_not_switch_on_again(anns: Client, role: Role) -> None:
    stamp = stamp_in(anns.get(page_of(role)))
    switch_off(role)
    told = len(cast.rows())
    answer = anns.post(page_of(role), {**TYPED, "title": "Builder", "stamp": stamp})
    assert answer.status_code == 200
    page = read(answer.content)
    assert SAID in page.text
    assert 'value="Builder"' in answer.content.decode(), "what was typed is kept"
    role.refresh_from_db()
    assert (role.disabled, role.title) == (True, "")
    assert len(cast.rows()) == told


def test_what_was_looked_at_again_is_saved(anns: Client, role: Role) -> None:
    stamp = stamp_in(anns.get(page_of(role)))
    switch_off(role)
    typed = {**TYPED, "title": "Builder", "disabled": "on"}
    again = anns.post(page_of(role), {**typed, "stamp": stamp})
    assert anns.post(page_of(role), {**typed, "stamp": stamp_in(again)}).status_code == 302
    role.refresh_from_db()
    assert (role.disabled, role.title) == (True, "Builder")


@pytest.mark.parametrize("stamp", ["", "0" * 64])
def test_a_form_that_does_not_say_what_it_was_made_of_is_shown_again(
    anns: Client, role: Role, stamp: str
) -> None:
    answer = anns.post(page_of(role), {**TYPED, "title": "Builder", "stamp": stamp})
    assert SAID in read(answer.content).text
    role.refresh_from_db()
    assert role.title == ""


def test_a_mistake_of_the_form_s_own_keeps_its_stamp(anns: Client, role: Role) -> None:
    stamp = stamp_in(anns.get(page_of(role)))
    answer = anns.post(page_of(role), {**TYPED, "session_seconds": "soon", "stamp": stamp})
    assert SAID not in read(answer.content).text
    assert stamp_in(answer) == stamp


def test_a_stamp_of_one_thing_is_none_of_another(anns: Client, role: Role) -> None:
    twin = Role.objects.create(account=role.account, name="Developer2")
    assert stamp_in(anns.get(page_of(role))) != stamp_in(anns.get(page_of(twin)))


def test_so_it_is_for_people(role: Role) -> None:
    danas, newcomer = cast.browser(cast.superuser()), cast.administrator("ann")
    url = f"/admin/accounts/user/{newcomer.pk}/change/"
    stamp = stamp_in(danas.get(url))
    newcomer.is_staff = False
    newcomer.save()
    answer = danas.post(url, {"name": "", "email": "", "is_staff": "on", "stamp": stamp})
    assert SAID in read(answer.content).text
    newcomer.refresh_from_db()
    assert not newcomer.is_staff
