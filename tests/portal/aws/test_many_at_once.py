"""A warm launch makes two calls and no new connection, however many launch at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from portal.aws.budget import Budget
from portal.aws.federation import sign_in_token
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from tests.faults.upstream import Upstream, together

PEOPLE = 20


def all_at_once(launch: Callable[[], str]) -> set[str]:
    with ThreadPoolExecutor(PEOPLE) as people:
        return {result.result() for result in [people.submit(launch) for _ in range(PEOPLE)]}


def test_once_warm_a_launch_is_two_calls_and_no_new_connection(
    plan: SessionPlan, sources: Sources, transport: Transport, upstream: Upstream
) -> None:
    def launch() -> str:
        budget = Budget(30)
        credentials = fetch(plan, sources, budget)
        return sign_in_token(credentials, None, upstream.federation_url, transport, budget)

    upstream.sts.extend([together(PEOPLE)] * PEOPLE)
    all_at_once(launch)
    assert upstream.connections == PEOPLE

    for _ in range(3):
        all_at_once(launch)
    assert upstream.connections == PEOPLE
    assert len(upstream.asked_sts) == len(upstream.asked_federation) == 4 * PEOPLE


def test_one_person_alone_needs_one_connection_for_each_host(
    plan: SessionPlan, sources: Sources, transport: Transport, upstream: Upstream
) -> None:
    with Upstream() as signin:
        for console_seconds in (None, 3600, None, 3600):
            budget = Budget(10)
            credentials = fetch(plan, sources, budget)
            sign_in_token(credentials, console_seconds, signin.federation_url, transport, budget)
        assert (upstream.connections, signin.connections) == (1, 1)
        assert (len(upstream.seen), len(signin.seen)) == (4, 4)
