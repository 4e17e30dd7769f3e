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
from accounts.models.grant import ANY_ROLE, Grant
from accounts.models.granted_role import GrantedRole
from accounts.models.group import Group, Membership
from accounts.models.record import Action, Entry, Outcome, Phase, RecordHead
from accounts.models.user import DirectoryState, Origin, User, check_username, normal_username

__all__ = [
    "ANY_ROLE",
    "DEFAULT_SOURCE",
    "KNOWN_ENVIRONMENTS",
    "Account",
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
    "RecordHead",
    "Role",
    "User",
    "check_username",
    "normal_username",
]
