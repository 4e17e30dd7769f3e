"""Accounts, roles and grants as the pages' tests need them."""

from typing import Any

from accounts.models import Account, CredentialSource, Grant, Role, User

PAYMENTS = "222222222222"
SANDBOX = "121212121212"


def role(
    account_id: str = PAYMENTS, name: str = "Developer", *, to: User | None = None, **fields: Any
) -> Role:
    """Make a role, its account where there is none, and a grant for ``to``."""
    account_fields = {
        key.removeprefix("account_"): fields.pop(key)
        for key in list(fields)
        if key.startswith("account_")
    }
    account, _ = Account.objects.get_or_create(account_id=account_id, defaults=account_fields)
    CredentialSource.objects.get_or_create(name="default")
    made = Role.objects.create(account=account, name=name, **fields)
    if to is not None:
        Grant.objects.create(user=to, account=account, role_name=name)
    return made


def payments(to: User, **fields: Any) -> Role:
    """The cast's usual way in: Developer in Payments production."""
    known = {"account_alias": "payments-prod", "account_name": "Payments production"}
    known |= {"account_environment": "production", "region": "ap-northeast-1"}
    return role(to=to, **{**known, **fields})
