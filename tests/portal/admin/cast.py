"""Who meets the administration in its tests: what each may do, their browsers, their rows."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group as PermissionSet
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import administrators
from accounts.models import Action, DirectoryState, Entry, Origin, Outcome, User
from portal.admin.recorded import STAMP, RecordedAdmin
from portal.admin.registry import site
from portal.signin import session_limits


def superuser(name: str = "dana") -> User:
    return User.objects.create_superuser(name)


def administrator(name: str = "ann") -> User:
    """Staff with the built-in set, no superuser."""
    return _staff(name, administrators.ADMINISTRATORS)


def auditor(name: str = "carol") -> User:
    return _staff(name, administrators.AUDITORS)


def with_rights(name: str, *rights: str) -> User:
    """Staff with a permission set made by hand, of rights such as ``view_role``."""
    own = PermissionSet.objects.create(name=f"{name}'s own")
    own.permissions.set(Permission.objects.filter(codename__in=rights))
    assert own.permissions.count() == len(rights)
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(own)
    return user


def directory_person(name: str) -> User:
    """Somebody whom the directory has let in."""
    user = User.objects.create_placeholder(name)
    user.origin, user.directory_state = Origin.DIRECTORY, DirectoryState.PRESENT
    user.directory_id = "e1"
    user.save()
    return user


def _staff(name: str, set_name: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(administrators.built_in_set(set_name))
    return user


def browser(user: User) -> Client:
    """A browser in which somebody is signed in already, and opens forms just before they send."""
    client = _Browser()
    client.force_login(user)
    session = client.session
    session[session_limits.SIGNED_IN_AT] = session[session_limits.LAST_USED_AT] = int(time.time())
    session.save()
    return client


class _Browser(Client):
    def post(self, path: str, data: Any = None, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        if isinstance(data, Mapping) and STAMP not in data and (stamp := stamp_now(path)):
            data = {**data, STAMP: stamp}
        return super().post(path, data, *args, **kwargs)


def stamp_now(path: str) -> str:
    """What the form at an address says of the values that it was made of; empty for no form."""
    found = re.fullmatch(r"/admin/(accounts|auth)/(\w+)/(\w+)/change/", path)
    if found is None or found[2] == "grant":
        return ""
    model = apps.get_model(found[1], found[2])
    pages, thing = site.pages_of(model), model.objects.filter(pk=found[3]).first()
    return pages.stamp(thing) if isinstance(pages, RecordedAdmin) and thing else ""


def rows() -> list[Entry]:
    """What administrators changed, or were refused to, in order."""
    return list(Entry.objects.filter(action=Action.ADMIN_CHANGE).order_by("pk"))


def the_refusal() -> Entry:
    """The one row that there is, of a try that was refused."""
    (row,) = rows()
    assert row.outcome == Outcome.DENIED, row.details
    assert details(row)["change"] == "refused"
    return row


def details(row: Entry) -> dict[str, Any]:
    """What a row holds beside its columns."""
    found: dict[str, Any] = json.loads(row.details)
    return found


def told(row: Entry) -> Mapping[str, Any]:
    """What a row says was changed."""
    keys = ("change", "kind", "name", "before", "after")
    return {key: details(row)[key] for key in keys}
