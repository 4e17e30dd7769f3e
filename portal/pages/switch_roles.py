"""What AWS's Switch Role page is told of a role."""

from accounts.aws_rules.switch_role import Switch
from accounts.entitlements import WayIn
from accounts.models import Role


def switch_of_role(role: Role) -> Switch:
    """Return it for a role of the catalogue."""
    return Switch(
        method=role.method,
        partition=role.account.partition,
        account_id=role.account_id,
        account_title=role.account.title,
        role_name=role.name,
        role_title=role.shown_title,
        environment=role.account.environment,
        colour=role.account.colour,
        external_id=role.external_id,
    )


def switch_of_way(way: WayIn) -> Switch:
    """Return it for one of many ways in."""
    return Switch(
        method=way.method,
        partition=way.partition,
        account_id=way.account_id,
        account_title=way.account_title,
        role_name=way.role_name,
        role_title=way.shown_title,
        environment=way.environment,
        colour=way.colour,
        external_id=way.external_id,
    )
