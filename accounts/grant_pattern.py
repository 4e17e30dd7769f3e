"""Which roles a grant names: the rule of the view behind the entitlements, asked from each side.

The view answers who may enter what now. The administration also asks of a grant that is not there
yet, of a role's grants, and of what the record says was entered; each answer stands here, and one
test holds all of them against the view.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    JSONField,
    OuterRef,
    Q,
    Value,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from accounts.access_file.specs import ANY_ACCOUNT, Pairs, pairs_text, sorted_pairs
from accounts.database.carried_tags import Carries
from accounts.models import ANY_ROLE, Account, Grant, Role


@dataclass(frozen=True, order=True)
class Pattern:
    """Which roles a grant names: of one account, of any (empty ``account_id``), or by tags."""

    account_id: str
    account_tags: Pairs
    role_name: str

    @classmethod
    def of(cls, grant: Grant) -> "Pattern":
        """Read it off a grant."""
        tags = () if grant.account_id else sorted_pairs(grant.account_tags)
        return cls(grant.account_id or "", tags, grant.role_name)

    @property
    def place(self) -> str:
        """Where it leads, as it is typed."""
        if self.account_tags:
            return f"{{{pairs_text(self.account_tags)}}}"
        return self.account_id or ANY_ACCOUNT

    def __str__(self) -> str:
        return f"{self.place}/{self.role_name}"

    def names(self, role: Role) -> bool:
        """Whether it names a role; the role's account is loaded."""
        if self.role_name not in (ANY_ROLE, role.name):
            return False
        if self.account_id:
            return self.account_id == role.account_id
        return all(role.account.tags.get(key) == value for key, value in self.account_tags)

    @property
    def roles(self) -> Q:
        """Whether a role is among those that it names."""
        named = Q(pk__isnull=False)
        if self.role_name != ANY_ROLE:
            named = Q(name=self.role_name)
        if self.account_id:
            return named & Q(account_id=self.account_id)
        if self.account_tags:
            wanted = Value(dict(self.account_tags), JSONField())
            # Judged once an account and not once a role.
            named &= Q(account__in=Account.objects.filter(Carries(F("tags"), wanted)))
        return named


def names_role(role: Role) -> Q:
    """Whether a grant names this role."""
    carried = Carries(Value(role.account.tags, JSONField()), F("account_tags"))
    here = Q(account=role.account_id) | Q(carried, account__isnull=True)
    return Q(role_name__in=(role.name, ANY_ROLE)) & here


def grant_names_entry(depth: int) -> Q:
    """Whether an entry's account and role are such as a grant names, ``depth`` queries out."""

    def of_grant(name: str, kind: Any, depth: int) -> Any:
        reference: Any = name
        for _ in range(depth):
            reference = OuterRef(reference)
        return ExpressionWrapper(reference, kind)

    its_account = of_grant("account_id", CharField(), depth)
    its_role = of_grant("role_name", CharField(), depth)
    wanted = of_grant("account_tags", JSONField(), depth + 1)
    carrying = Account.objects.filter(Carries(F("tags"), wanted), account_id=OuterRef("account"))
    # Any account it is also when it has gone since; which tags that one carried, nobody knows.
    has_no_tags = Exact(of_grant("account_tags", JSONField(), depth), Value({}, JSONField()))
    is_wide = Q(Exact(Coalesce(its_account, Value("")), Value("")))
    by_tags = is_wide & (Q(has_no_tags) | Q(Exists(carrying)))
    account = Q(account=its_account) | by_tags
    return account & (Q(role=its_role) | Q(Exact(its_role, Value(ANY_ROLE))))
