"""What keeps an account from being of another partition: its roles and shared bookmarks.

Their regions, policies and destinations are of the partition that the account was in.
"""

from collections.abc import Iterator

from accounts.access_file.specs import AccountSpec
from accounts.aws_rules.limits import Problem
from accounts.errors import gettext_noop
from accounts.models import Bookmark, Role
from accounts.role_in_aws import role_values
from accounts.role_rules import Complaint, complaints_about_role, place_complaints


def obstacles_to_partition(account: AccountSpec) -> Iterator[Complaint]:
    """Why the account, as it would be, cannot have the roles and bookmarks that it has."""
    for role in Role.objects.filter(account_id=account.id).iterator():
        if any(complaints_about_role(role_values(role), account)):
            yield "partition", _stands_against(role.name)
            return
    shared = Bookmark.objects.filter(account_id=account.id, group__isnull=False)
    for bookmark in shared.iterator():
        if any(place_complaints(bookmark.destination, bookmark.region, account)):
            yield "partition", _stands_against(bookmark.name)
            return


def _stands_against(name: str) -> Problem:
    message = gettext_noop(
        "“%(name)s” of this account has a region, a policy or a destination of another partition"
    )
    return Problem(message, {"name": name})
