"""The two built-in sets of permissions: Administrators and Auditors.

Administrators keep catalogue, grants, groups and bookmarks; whom the directory's group names
is one. Auditors see everything and change nothing. Both are laid anew after every migration, so
that they are the same everywhere and grow with the models; nobody becomes a superuser by them.

The names are the portal's own. What somebody else put into a set of that name, by hand or before
there was a built-in one, is taken out of it and told in the log: who is in the directory's group
must not get more by it. Whoever wants another set gives it another name.
"""

import logging
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig, apps
from django.db import connections
from django.db.models import Q

if TYPE_CHECKING:
    from django.contrib.auth.models import Group as PermissionSet

log = logging.getLogger(__name__)

ADMINISTRATORS = "Administrators"
AUDITORS = "Auditors"
BUILT_IN = (ADMINISTRATORS, AUDITORS)

_KEPT = ("account", "role", "credentialsource", "grant", "group", "membership", "bookmark")
_ONLY_SEEN = ("entry", "user")


def install_after_auth(sender: AppConfig, using: str, **_: Any) -> None:
    """Lay the sets when Django has laid the permissions of all models they are made of."""
    if sender.label == "auth":
        install(using)


def install(using: str) -> None:
    """Make the sets hold exactly what they should; on a database that lacks the tables, nothing."""
    tables = connections[using].introspection.table_names()
    if not {"auth_group", "auth_permission", "auth_group_permissions"} <= set(tables):
        return
    seen = [f"view_{model}" for model in (*_KEPT, *_ONLY_SEEN)]
    _lay(using, ADMINISTRATORS, Q(content_type__model__in=_KEPT) | Q(codename__in=seen))
    _lay(using, AUDITORS, Q(codename__in=seen))


def _lay(using: str, name: str, holds: Q) -> None:
    sets = apps.get_model("auth", "Group").objects.using(using)
    permission_set, _ = sets.get_or_create(name=name)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    wanted = permissions.filter(holds, content_type__app_label="accounts")
    taken = permission_set.permissions.exclude(pk__in=wanted)
    if names := sorted(permission.codename for permission in taken):
        facts = {"set": name, "taken": names}
        log.warning("permissions taken out of the built-in set", extra={"facts": facts})
    permission_set.permissions.set(wanted)


def built_in_set(name: str = ADMINISTRATORS) -> "PermissionSet":
    """Return a built-in set; laid anew where somebody deleted it."""
    sets = apps.get_model("auth", "Group").objects
    found = sets.filter(name=name).first()
    if found is None:
        install("default")
        found = sets.get(name=name)
    return found
