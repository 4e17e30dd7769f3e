"""What a role's pages show to be pasted into AWS."""

from typing import Any

from accounts.aws_rules.policies import CLASSIC_MISTAKE, Policy, Principal, maximum, policies
from accounts.models import Role
from accounts.role_in_aws import asked_of_aws, role_values
from portal.pages.wording import sentence
from portal.try_role import known_partition, known_principal


def paste_context(role: Role, principal: Principal | None = None) -> dict[str, Any]:
    """Return the policies that a role needs, in every form, for ``role/policies.html``."""
    partition = role.account.partition
    if principal is None:
        principal = known_principal(role.source if role.source_id else None, partition)
    asked = asked_of_aws(role_values(role), partition)
    return {
        "policies": [_shown(policy) for policy in policies(asked, principal)],
        "maximum": None if asked.is_token else _shown(maximum(asked)),
        "principal": principal,
        "other_partition": _other_partition(role),
        "classic_mistake": "" if asked.is_token else sentence(CLASSIC_MISTAKE, {}),
    }


def _other_partition(role: Role) -> dict[str, str]:
    """The two partitions, where the source's is known and not the account's."""
    own = known_partition(role.source) if role.source_id else ""
    there = role.account.partition
    return {"own": own, "partition": there} if own not in ("", there) else {}


def _shown(policy: Policy) -> dict[str, Any]:
    return {
        "kind": policy.kind,
        "title": sentence(policy.title, {}),
        "where": sentence(policy.where, {}),
        "account_id": policy.account_id,
        "maximum": policy.maximum_seconds,
        "forms": [
            {
                "name": name,
                "id": f"{policy.kind}-{name.lower().replace(' ', '-')}",
                "texts": [{"title": sentence(t.title, {}), "text": t.text} for t in texts],
            }
            for name, texts in policy.forms
        ],
    }
