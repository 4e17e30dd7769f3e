"""The request's number goes with each call, so that CloudTrail and the record name each other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.aws.budget import Budget
from portal.aws.federation import sign_in_token
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from portal.aws.user_agent import user_agent
from portal.log_lines import request_id
from tests.faults.upstream import Upstream

NUMBER = "K7Q2-F9MD-4RXH"


@contextmanager
def serving(number: str) -> Iterator[None]:
    token = request_id.set(number)
    try:
        yield
    finally:
        request_id.reset(token)


def test_outside_a_request_only_the_product_is_named() -> None:
    assert user_agent() == "sekisho"
    assert user_agent("Boto3/1") == "Boto3/1 sekisho"


@pytest.mark.parametrize("console_seconds", [None, 3600])
def test_sts_and_the_federation_endpoint_are_told_the_number(
    console_seconds: int | None,
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    transport: Transport,
) -> None:
    with serving(NUMBER):
        credentials = fetch(plan, sources, Budget(10))
        endpoint = upstream.federation_url
        sign_in_token(credentials, console_seconds, endpoint, transport, Budget(10))
    sts, federation = (seen.headers["user-agent"] for seen in upstream.seen)
    assert sts.startswith("Boto3/")
    assert sts.endswith(f" sekisho/{NUMBER}")
    assert federation == f"sekisho/{NUMBER}"


def test_each_thread_tells_its_own_number_through_the_one_shared_client(
    plan: SessionPlan, sources: Sources, upstream: Upstream
) -> None:
    numbers = {f"NUMBER-{number}" for number in range(12)}
    start = threading.Barrier(len(numbers))

    def launch(number: str) -> None:
        with serving(number):
            start.wait(10)
            for _ in range(5):
                fetch(plan, sources, Budget(10))

    threads = [threading.Thread(target=launch, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [seen.headers["user-agent"].rpartition("sekisho/")[2] for seen in upstream.asked_sts]
    assert sorted(told) == sorted([*numbers] * 5)
