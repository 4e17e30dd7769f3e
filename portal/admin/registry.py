"""Every page of the administration; importing them registers them."""

import portal.admin.bookmarks
import portal.admin.catalogue.accounts
import portal.admin.catalogue.roles
import portal.admin.grants.list
import portal.admin.people.groups
import portal.admin.people.list
import portal.admin.people.permission_sets
import portal.admin.record  # noqa: F401 they are imported for what they register
from portal.admin.site import site

__all__ = ["site"]
