"""A role as AWS's rules look at it: what policies it needs, which method fits it.

The rules take plain values, so that what is only entered in a form can be judged like what is kept.
"""

from collections.abc import Iterator

from accounts.access_file.specs import AccountSpec, RoleSpec, sorted_pairs
from accounts.aws_rules.limits import Problem
from accounts.aws_rules.method_advice import Advice, Broker, Entered, account_out_of_reach, advise
from accounts.aws_rules.policies import Asked
from accounts.errors import gettext_noop
from accounts.models import Account, Method, Role
from accounts.role_rules import Complaint

OTHER_PARTITION = gettext_noop(
    "its credentials are of the partition %(own)s, the account is in %(partition)s: choose a "
    "source of that partition, for nothing crosses from one to another"
)


def account_values(account: Account) -> AccountSpec:
    """Return an account's values as the rules read them."""
    return AccountSpec(
        id=account.account_id,
        partition=account.partition,
        alias=account.alias or "",
        name=account.name,
        environment=account.environment,
        colour=account.colour,
        tags=sorted_pairs(account.tags),
        disabled=account.disabled,
    )


def role_values(role: Role) -> RoleSpec:
    """Return a role's values as the rules read them."""
    longest = role.max_session_seconds
    return RoleSpec(
        account=role.account_id,
        name=role.name,
        title=role.title,
        method=role.method,
        source=str(role.source_id),
        session_seconds=role.session_seconds,
        max_session_seconds=None if longest == role.session_seconds else longest,
        console_seconds=role.console_seconds,
        external_id=role.external_id,
        session_policy=role.session_policy,
        policy_arns=tuple(role.policy_arns),
        session_tags=sorted_pairs(role.session_tags),
        set_source_identity=role.set_source_identity,
        region=role.region,
        destination=role.destination,
        require=("reason",) if role.require_reason else (),
        disabled=role.disabled,
    )


def asked_of_aws(role: RoleSpec, partition: str) -> Asked:
    """Return what a role asks of AWS, as far as policies depend on it."""
    return Asked(
        method=role.method,
        partition=partition,
        account_id=role.account,
        name=role.name,
        longest_seconds=role.max_session_seconds or role.session_seconds,
        external_id=role.external_id,
        has_tags=bool(role.session_tags),
        sets_source_identity=role.set_source_identity,
        session_policy=role.session_policy,
        policy_arns=role.policy_arns,
    )


def complaints_about_source_account(role: RoleSpec, broker: Broker | None) -> Iterator[Complaint]:
    """Why a federation token cannot open the role's account, where the source's own is known."""
    if broker is None or role.method != Method.FEDERATION_TOKEN:
        return
    if reason := account_out_of_reach(broker, role.account):
        yield "method", Problem(reason.message, reason.params)


def complaints_about_source_partition(own: str, partition: str) -> Iterator[Complaint]:
    """Why a source leads into no account of a partition; ``own`` is its own, empty if unknown."""
    if own and own != partition:
        yield "source", Problem(OTHER_PARTITION, {"own": own, "partition": partition})


def method_advice(role: RoleSpec, broker: Broker | None) -> Advice:
    """Say which method fits a role, with what is known of the portal's own credentials."""
    return advise(
        Entered(
            method=role.method,
            account_id=role.account,
            longest_seconds=role.max_session_seconds or role.session_seconds,
            has_policy=bool(role.session_policy or role.policy_arns),
            has_external_id=bool(role.external_id),
            sets_source_identity=role.set_source_identity,
            has_console_seconds=role.console_seconds is not None,
            broker=broker,
        )
    )
