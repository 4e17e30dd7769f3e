"""What the portal asks of AWS and what it gets: plain data, no Django, no boto3."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Method = Literal["assume_role", "federation_token"]


@dataclass(frozen=True)
class SourceSettings:
    """How the broker itself gets credentials.

    ``profile`` is a profile of the shared AWS configuration; empty means botocore's default chain.
    """

    name: str
    profile: str = ""


@dataclass(frozen=True)
class SessionPlan:
    """One session, decided in full before AWS is asked.

    ``duration_seconds`` is the life of the credentials, ``console_seconds`` the console session's
    where it is asked for separately (``SessionDuration``), else None. Policies are JSON text.
    """

    method: Method
    partition: str
    account_id: str
    role_arn: str
    session_name: str
    duration_seconds: int
    source: SourceSettings
    console_seconds: int | None = None
    source_identity: str = ""
    external_id: str = ""
    session_policy: str = ""
    policy_arns: tuple[str, ...] = ()
    session_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TemporaryCredentials:
    """STS's answer. Only the access key id may be kept; ``repr`` shows nothing else."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime
