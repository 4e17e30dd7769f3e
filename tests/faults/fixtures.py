"""What the tests of the room for AWS share: a clean environment and the real parts, connected."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.aws.budget import Budget
from portal.aws.plan import SessionPlan, SourceSettings
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from tests.faults.upstream import Upstream

BROKER_KEY_ID = "AKIABROKER0000000001"
BROKER_SECRET = "broker-secret-key-51d0"
DEFAULT = SourceSettings("default")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No AWS setting, profile, proxy or certificate list of the machine counts."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper().endswith(("_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def broker_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long-term keys of an IAM user, in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", BROKER_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", BROKER_SECRET)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """The upstream that fails on demand, as STS."""
    with Upstream() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", running.url)
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    """A process's transport."""
    made = Transport()
    yield made
    made.close()


@pytest.fixture
def sources(transport: Transport, broker_keys: None) -> Sources:
    """A process's sources; the default one has long-term keys."""
    return Sources(transport)


@pytest.fixture
def waits() -> list[float]:
    """The pauses that were asked for."""
    return []


@pytest.fixture
def budget(waits: list[float]) -> Budget:
    """Ten seconds, whose pauses are noted instead of slept."""
    return Budget(10, sleep=waits.append)


@pytest.fixture
def plan() -> SessionPlan:
    """An hour as Developer."""
    return SessionPlan(
        method="assume_role",
        partition="aws",
        account_id="222222222222",
        role_arn="arn:aws:iam::222222222222:role/team/Developer",
        session_name="ann",
        duration_seconds=3600,
        source=DEFAULT,
    )


@pytest.fixture
def token_plan() -> SessionPlan:
    """Twelve hours by a federation token."""
    return SessionPlan(
        method="federation_token",
        partition="aws",
        account_id="222222222222",
        role_arn="",
        session_name="ann",
        duration_seconds=43200,
        source=DEFAULT,
        session_policy='{"Version": "2012-10-17"}',
    )


__all__ = [
    "broker_keys",
    "budget",
    "clean_environment",
    "plan",
    "sources",
    "token_plan",
    "transport",
    "upstream",
    "waits",
]
