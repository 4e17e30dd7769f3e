"""The built-in set of permissions of administrators, whom the directory's group names.

Laid anew after every migration, so that it is the same everywhere and grows with the models. What
it holds is what an administrator needs; nobody becomes a superuser by it.

The name is the portal's own. What somebody else put into a set of that name, by hand or before
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

_CHANGED = ("account", "role", "credentialsource", "grant", "group", "membership", "bookmark")
_ONLY_SEEN = ("entry", "user")


def install_after_auth(sender: AppConfig, using: str, **_: Any) -> None:
    """Lay the set when Django has laid the permissions of all models it is made of."""
    if sender.label == "auth":
        install(using)


def install(using: str) -> None:
    """Make the set hold exactly what it should; on a database that lacks the tables do nothing."""
    tables = connections[using].introspection.table_names()
    if not {"auth_group", "auth_permission", "auth_group_permissions"} <= set(tables):
        return
    sets = apps.get_model("auth", "Group").objects.using(using)
    permission_set, _ = sets.get_or_create(name=ADMINISTRATORS)
    seen = Q(codename__in=[f"view_{model}" for model in _ONLY_SEEN])
    wanted = (
        apps.get_model("auth", "Permission")
        .objects.using(using)
        .filter(Q(content_type__model__in=_CHANGED) | seen, content_type__app_label="accounts")
    )
    taken = permission_set.permissions.exclude(pk__in=wanted)
    if names := sorted(permission.codename for permission in taken):
        log.warning("permissions taken out of the built-in set", extra={"facts": {"taken": names}})
    permission_set.permissions.set(wanted)


def built_in_set() -> "PermissionSet":
    """Return the set; laid anew where somebody deleted it."""
    sets = apps.get_model("auth", "Group").objects
    found = sets.filter(name=ADMINISTRATORS).first()
    if found is None:
        install("default")
        found = sets.get(name=ADMINISTRATORS)
    return found
