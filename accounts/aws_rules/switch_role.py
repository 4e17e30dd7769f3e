"""The console's own Switch Role page, for people who are in the console already.

Its address is that of the IAM User Guide: the sign-in host of the role's partition, the path
``/switchrole``, then account, role, display name and colour. Nothing of a launch is in it: no
session policy, no tags, no source identity, and the session is as long as AWS has it for whoever
switches. Two kinds of roles the guide says cannot be switched to: those that ask for an external
id, and those whose path and name together have more than 64 characters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from accounts.aws_rules.partitions import partition
from accounts.errors import gettext_noop

NAME_WITH_PATH_MAX = 64
DISPLAY_NAME_MAX = 64

_COLOURS: Mapping[str, str] = {
    "production": "f2b0a9",
    "staging": "efda95",
    "development": "b7ca9d",
    "sandbox": "fbc8aa",
}
_ANY_COLOUR = "83d4e8"
"""Of the five that AWS's page offers; one that it does not know it leaves empty."""


@dataclass(frozen=True)
class Switch:
    """A role as the Switch Role page would be told of it.

    ``method`` is the access file's word, ``role_name`` the name with its path, ``colour`` the
    account's own (``#rrggbb`` or empty).
    """

    method: str
    partition: str
    account_id: str
    account_title: str
    role_name: str
    role_title: str
    environment: str = ""
    colour: str = ""
    external_id: str = ""

    @property
    def is_thinkable(self) -> bool:
        """Whether there is a role at all: a federation token has none."""
        return self.method == "assume_role"

    @property
    def why_not(self) -> str:
        """Why AWS's page cannot switch to the role, a message id; empty where it can."""
        if not self.is_thinkable:
            return gettext_noop("A federation token is no role that one could switch to.")
        if self.external_id:
            return gettext_noop(
                "AWS’s Switch Role page cannot give the external ID that this role asks for."
            )
        if len(self.role_name) > NAME_WITH_PATH_MAX:
            return gettext_noop(
                "AWS’s Switch Role page takes path and name of a role up to 64 characters together."
            )
        return ""

    @property
    def url(self) -> str:
        """Where the role can be switched to; empty where it cannot.

        Raises InvalidRequest for a partition that the portal does not serve.
        """
        if self.why_not:
            return ""
        fields = {
            "account": self.account_id,
            "roleName": self.role_name,
            "displayName": self.display_name,
            "color": self.shown_colour,
        }
        host = partition(self.partition).signin_host
        return f"https://{host}/switchrole?{urlencode(fields, quote_via=quote, safe='')}"

    @property
    def display_name(self) -> str:
        """What the console's bar calls it, at most 64 characters; the account's part is cut."""
        shown = f"{self.role_title} @ {self.account_title}"
        return shown[:DISPLAY_NAME_MAX].strip()

    @property
    def shown_colour(self) -> str:
        """The account's own colour, else its environment's, as six hex digits."""
        return self.colour.removeprefix("#").lower() or _COLOURS.get(self.environment, _ANY_COLOUR)
