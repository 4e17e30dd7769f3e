"""One noun a module; everything the database keeps."""

from accounts.models.bookmark import Bookmark
from accounts.models.catalogue import (
    DEFAULT_SOURCE,
    KNOWN_ENVIRONMENTS,
    Account,
    CredentialSource,
    Method,
    Role,
)
from accounts.models.grant import ANY_ROLE, Grant, holds, is_not_over
from accounts.models.granted_role import GrantedRole
from accounts.models.group import Group, Membership
from accounts.models.record import Action, Entry, Outcome, Phase, RecordHead
from accounts.models.tally import AccountTally, QuarterTally, Tally
from accounts.models.user import (
    IS_SHUT_OUT,
    LET_IN_NOBODY,
    DirectoryState,
    Origin,
    Theme,
    User,
    check_person_name,
    check_username,
    normal_username,
)

__all__ = [
    "ANY_ROLE",
    "DEFAULT_SOURCE",
    "IS_SHUT_OUT",
    "KNOWN_ENVIRONMENTS",
    "LET_IN_NOBODY",
    "Account",
    "AccountTally",
    "Action",
    "Bookmark",
    "CredentialSource",
    "DirectoryState",
    "Entry",
    "Grant",
    "GrantedRole",
    "Group",
    "Membership",
    "Method",
    "Origin",
    "Outcome",
    "Phase",
    "QuarterTally",
    "RecordHead",
    "Role",
    "Tally",
    "Theme",
    "User",
    "check_person_name",
    "check_username",
    "holds",
    "is_not_over",
    "normal_username",
]
