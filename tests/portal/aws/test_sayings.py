"""Every sentence and every cause can be shown: it is whole, and its places are filled."""

import dataclasses
import re

import pytest

from portal.aws import failures, refusals, source_failures
from portal.aws.plan import SessionPlan
from portal.errors import UpstreamError
from tests.faults.fixtures import DEFAULT

CODES = [*refusals.REFUSALS, "AccessDenied", "ValidationError", "SomethingNew", "x" * 500]


def variants(plan: SessionPlan, token_plan: SessionPlan) -> list[SessionPlan]:
    full = {"external_id": "x1", "source_identity": "ann", "session_tags": {"a": "b"}}
    return [
        plan,
        dataclasses.replace(plan, duration_seconds=43200),
        dataclasses.replace(plan, **full),  # type: ignore[arg-type]
        token_plan,
        dataclasses.replace(token_plan, session_tags={"a": "b"}),
    ]


def assert_can_be_shown(error: UpstreamError) -> None:
    causes = error.hint.splitlines()
    assert error.code
    assert error.log
    assert causes
    for text in (error.message, error.next_step, *causes):
        shown = text % error.params
        assert shown.endswith(".")
        assert "%(" not in shown
        assert "!" not in shown
        assert not re.search(r"\s\s", shown)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_every_refusal_can_be_shown(
    code: str, status: int, plan: SessionPlan, token_plan: SessionPlan
) -> None:
    for variant in variants(plan, token_plan):
        error = refusals.sts_error(variant, code, status, "said")
        assert_can_be_shown(error)
        assert len(error.code) <= 64


def test_every_other_failure_can_be_shown(plan: SessionPlan, token_plan: SessionPlan) -> None:
    for error in (
        failures.no_answer(),
        failures.unreachable("host", "x"),
        failures.broken_off("host", "x"),
        failures.cut("host"),
        failures.unreadable("host", "x"),
        failures.redirected("host", 302),
        failures.untrusted("host", "x"),
        failures.no_bundle("x"),
        failures.busy("host", 503),
        source_failures.source_too_slow(DEFAULT),
        refusals.signin_refused("host", 400, None),
        refusals.signin_refused("host", 400, 3600),
        *(failures.other_account(one, "9") for one in (plan, token_plan)),
        failures.other_partition(plan, "aws-cn"),
        failures.other_role(plan, "Admin"),
        *(
            source_failures.source_trouble(DEFAULT, code)
            for code in (*source_failures.CODES, "Any")
        ),
        failures.token_needs_keys(token_plan),
        failures.foreign_source(plan, "aws-cn"),
        *(
            refusals.source_error(DEFAULT, "aws", code, 403, "no")
            for code in (*refusals.REFUSALS, "AccessDenied", "Any")
        ),
    ):
        assert_can_be_shown(error)


def test_a_source_with_an_evil_name_breaks_no_sentence() -> None:
    source = dataclasses.replace(DEFAULT, name="%(x)s\n100%")
    error = source_failures.source_trouble(source, "NoCredentialsError")
    assert "100%" in error.hint.splitlines()[0] % error.params
    assert "\n" not in error.log
