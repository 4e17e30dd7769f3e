"""Who the broker is to AWS: asked for by GetCallerIdentity, which needs no permission."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from portal.aws import calling, failures, refusals
from portal.aws.broker_credentials import Held
from portal.aws.budget import Budget
from portal.aws.plan import SourceSettings
from portal.aws.retrying import persistently

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_ARN = re.compile(r"arn:(?P<partition>[a-z0-9-]+):(?:iam|sts)::(?P<account>[0-9]{12}):\S+")


@dataclass(frozen=True)
class Identity:
    """The broker as AWS knows it through one source. Nothing of it is secret.

    ``method`` is botocore's name for how the credentials were found (``env``, ``iam-role``,
    ``assume-role``, …); ``chained`` says whether roles entered with them last an hour at most.
    """

    arn: str
    partition: str
    account_id: str
    method: str
    chained: bool


def ask(
    client: "STSClient", source: SourceSettings, partition: str, held: Held, budget: Budget
) -> Identity:
    """Who AWS, in that partition, says that the holder of ``held`` is.

    Raises ConfigurationProblem, AwsRefused, AwsUnavailable.
    """
    explained = partial(refusals.source_error, source, partition)

    def attempt() -> Identity:
        outcome = calling.outcome(client.get_caller_identity, source, explained)
        if isinstance(outcome, Exception):
            raise outcome
        return _read(outcome, held)

    with budget:
        return persistently(attempt, budget)


def _read(answer: Mapping[str, Any], held: Held) -> Identity:
    arn = answer.get("Arn") or ""
    found = _ARN.fullmatch(arn)
    if not found:
        raise failures.unreadable("STS", "no ARN in the answer")
    return Identity(arn, found["partition"], found["account"], held.method, held.chained)
