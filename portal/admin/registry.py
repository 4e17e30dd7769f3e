"""Every page of the administration; importing them registers them."""

from portal.admin import (
    bookmarks,
    catalogue,
    grants,
    groups,
    people,
    permission_sets,
    record,
    roles,
)
from portal.admin.site import site

__all__ = [
    "bookmarks",
    "catalogue",
    "grants",
    "groups",
    "people",
    "permission_sets",
    "record",
    "roles",
    "site",
]
