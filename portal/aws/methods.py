"""How the broker's credentials become a person's: AssumeRole and GetFederationToken.

STS is asked for exactly what the plan holds: what the plan leaves empty is not sent.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from accounts.aws_rules.limits import METHOD_LIMITS
from portal.aws import calling, failures, refusals
from portal.aws.budget import Budget
from portal.aws.plan import SessionPlan, TemporaryCredentials
from portal.aws.retrying import Again, persistently
from portal.aws.sources import Broker, Sources
from portal.errors import UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_ARN = re.compile(r"arn:(?P<partition>[^:]*):sts::(?P<account>[^:]*):(?P<resource>.+)", re.DOTALL)
_CREDENTIAL = re.compile(r"[\x21-\x7e]{1,8192}")
_LONGEST_LIFE = timedelta(seconds=METHOD_LIMITS["federation_token"].seconds_max + 3600)


def fetch(plan: SessionPlan, sources: Sources, budget: Budget) -> TemporaryCredentials:
    """The temporary credentials that the plan asks for.

    Raises ConfigurationProblem (no broker credentials; AWS answered for another partition, account
    or role, and its credentials were thrown away), AwsRefused, AwsUnavailable.
    """
    broker = sources.broker(plan.source)
    with budget:
        answer = persistently(lambda: _asked(plan, broker, budget), budget)
    _require_place(plan, answer)
    return _credentials(answer)


def require_fitting_source(plan: SessionPlan, sources: Sources) -> None:
    """Refuse what AWS is known to refuse to the broker as it is; AWS is not asked for that.

    Raises ConfigurationProblem: a federation token with temporary credentials, or for another
    account than the source's own; a role in another partition. What is not known may be.
    """
    is_token = plan.method == "federation_token"
    if is_token and sources.has_temporary(plan.source):
        raise failures.token_needs_keys(plan)
    broker = sources.identity(plan.source)
    if broker is None:
        return
    if broker.partition != plan.partition:
        raise failures.foreign_source(plan, broker.partition)
    if is_token and broker.account_id != plan.account_id:
        raise failures.source_of_other_account(plan, broker.account_id)


def parameters(plan: SessionPlan) -> dict[str, Any]:
    """STS's parameters for that plan, by the names of the STS API."""
    if plan.method == "federation_token":
        wanted: dict[str, Any] = {"Name": plan.session_name}
    else:
        wanted = {
            "RoleArn": plan.role_arn,
            "RoleSessionName": plan.session_name,
            "ExternalId": plan.external_id,
            "SourceIdentity": plan.source_identity,
        }
    wanted |= {
        "DurationSeconds": plan.duration_seconds,
        "Policy": plan.session_policy,
        "PolicyArns": [{"arn": arn} for arn in plan.policy_arns],
        "Tags": [{"Key": key, "Value": value} for key, value in plan.session_tags.items()],
    }
    return {name: value for name, value in wanted.items() if value}


def _asked(plan: SessionPlan, broker: Broker, budget: Budget) -> Mapping[str, Any]:
    """STS's parsed answer. Raises Again or UpstreamError."""
    used = broker.credentials.current(budget)
    client = broker.sts(plan.partition)
    explained = partial(refusals.sts_error, plan)
    outcome = calling.outcome(lambda: _called(client, plan), plan.source, explained)
    if (
        isinstance(outcome, UpstreamError)
        and _is_stale(plan, outcome)
        and broker.credentials.replace(used, budget)
    ):
        raise Again(outcome, at_once=True)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _called(client: "STSClient", plan: SessionPlan) -> Mapping[str, Any]:
    if plan.method == "federation_token":
        return client.get_federation_token(**parameters(plan))
    return client.assume_role(**parameters(plan))


def _require_place(plan: SessionPlan, answer: Mapping[str, Any]) -> None:
    """Raises ConfigurationProblem unless AWS answered for the plan's own role and account."""
    user = answer.get("FederatedUser") or answer.get("AssumedRoleUser") or {}
    found = _ARN.fullmatch(user.get("Arn") or "")
    if not found:
        raise failures.unreadable("STS", "no ARN in the answer")
    if found["partition"] != plan.partition:
        raise failures.other_partition(plan, found["partition"])
    if found["account"] != plan.account_id:
        raise failures.other_account(plan, found["account"])
    if plan.method == "assume_role":
        _require_role(plan, found["resource"])


def _require_role(plan: SessionPlan, resource: str) -> None:
    # assumed-role/<role name without its path>/<session name>
    kind, _, rest = resource.partition("/")
    answered = rest.rpartition("/")[0]
    if kind != "assumed-role" or answered != plan.role_arn.rpartition("/")[2]:
        raise failures.other_role(plan, answered or resource)


def _credentials(answer: Mapping[str, Any]) -> TemporaryCredentials:
    """The answer's credentials. Raises AwsUnavailable (502) unless they are whole and good."""
    given = answer.get("Credentials") or {}
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    texts = [value for name in names if isinstance(value := given.get(name), str) and value]
    expiration = given.get("Expiration")
    if len(texts) != len(names) or not isinstance(expiration, datetime):
        raise failures.unreadable("STS", "incomplete credentials in the answer")
    if not all(_CREDENTIAL.fullmatch(text) for text in texts):
        raise failures.unreadable("STS", "credentials of impossible characters in the answer")
    if expiration.tzinfo is None or expiration <= datetime.now(UTC):
        raise failures.unreadable("STS", "expired credentials in the answer")
    if expiration > datetime.now(UTC) + _LONGEST_LIFE:
        raise failures.unreadable("STS", "credentials that outlive what AWS gives in the answer")
    access_key_id, secret_access_key, session_token = texts
    return TemporaryCredentials(access_key_id, secret_access_key, session_token, expiration)


def _is_stale(plan: SessionPlan, error: UpstreamError) -> bool:
    """Whether AWS refused the broker's own credentials, so that newer ones may do."""
    return refusals.of_sts(plan, error.code, error.status).stale_credentials
