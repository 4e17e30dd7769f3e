"""The launch rule as one table: what came in, where to, and what happens."""

import re

import pytest

from accounts.aws_rules.destinations import normal_place
from portal.launch_rule import (
    PURPOSE_HEADERS,
    UNKNOWN_ARRIVAL,
    Arrival,
    Verdict,
    is_familiar,
    judge,
)

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def arrival(site: str, **others: str) -> Arrival:
    headers = {**NAVIGATION, **({"Sec-Fetch-Site": site} if site else {}), **others}
    return Arrival.of("GET", headers)


def verdict(*arrivals: Arrival, familiar: bool, confirmed: bool, reason_missing: bool) -> Verdict:
    return judge(
        arrivals,
        place_is_familiar=familiar,
        is_confirmed=confirmed,
        reason_is_missing=reason_missing,
    )


TABLE = """
    site         familiar  confirmed  reason_missing  happens
    same-origin  yes       yes        no              opens
    same-origin  yes       yes        yes             asks
    same-origin  yes       no         no              opens
    same-origin  yes       no         yes             asks
    same-origin  no        yes        no              opens
    same-origin  no        yes        yes             asks
    same-origin  no        no         no              opens
    same-origin  no        no         yes             asks
    none         yes       yes        no              opens
    none         yes       yes        yes             asks
    none         yes       no         no              opens
    none         yes       no         yes             asks
    none         no        yes        no              opens
    none         no        yes        yes             asks
    none         no        no         no              asks
    none         no        no         yes             asks
    (not sent)   yes       yes        no              opens
    (not sent)   yes       yes        yes             asks
    (not sent)   yes       no         no              opens
    (not sent)   yes       no         yes             asks
    (not sent)   no        yes        no              opens
    (not sent)   no        yes        yes             asks
    (not sent)   no        no         no              asks
    (not sent)   no        no         yes             asks
    same-site    yes       yes        no              opens
    same-site    yes       yes        yes             asks
    same-site    yes       no         no              asks
    same-site    yes       no         yes             asks
    same-site    no        yes        no              opens
    same-site    no        yes        yes             asks
    same-site    no        no         no              asks
    same-site    no        no         yes             asks
    cross-site   yes       yes        no              opens
    cross-site   yes       yes        yes             asks
    cross-site   yes       no         no              asks
    cross-site   yes       no         yes             asks
    cross-site   no        yes        no              opens
    cross-site   no        yes        yes             asks
    cross-site   no        no         no              asks
    cross-site   no        no         yes             asks
"""
HEADINGS, *ROWS = (re.split(r"\s{2,}", line.strip()) for line in TABLE.strip().splitlines())


@pytest.mark.parametrize(HEADINGS, ROWS)
def test_P14_a_launch_happens_at_once_only_as_the_contract_has_it(
    site: str, familiar: str, confirmed: str, reason_missing: str, happens: str
) -> None:
    judged = verdict(
        arrival(site.replace("(not sent)", "")),
        familiar=familiar == "yes",
        confirmed=confirmed == "yes",
        reason_missing=reason_missing == "yes",
    )
    assert judged is {"opens": Verdict.AT_ONCE, "asks": Verdict.ASK}[happens]


@pytest.mark.parametrize("name", PURPOSE_HEADERS)
@pytest.mark.parametrize("value", ["prefetch", "prefetch;prerender", "preview", ""])
def test_P14_a_browser_that_only_looks_ahead_launches_nothing(name: str, value: str) -> None:
    looking = arrival("same-origin", **{name: value})
    assert verdict(looking, familiar=True, confirmed=True, reason_missing=False) is Verdict.NEVER


def test_P14_head_launches_nothing() -> None:
    looking = Arrival.of("HEAD", {**NAVIGATION, "Sec-Fetch-Site": "none"})
    assert verdict(looking, familiar=True, confirmed=True, reason_missing=False) is Verdict.NEVER


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"},
    ],
)
def test_P14_what_is_no_visit_to_a_page_never_opens_by_itself(headers: dict[str, str]) -> None:
    inside = Arrival.of("GET", {**headers, "Sec-Fetch-Site": "same-origin"})
    for confirmed in (True, False):
        judged = verdict(inside, familiar=True, confirmed=confirmed, reason_missing=False)
        assert judged is Verdict.ASK


@pytest.mark.parametrize("first", ["cross-site", "same-site", "unknown"])
def test_P14_the_first_arrival_counts_when_sign_in_came_between(first: str) -> None:
    kept = Arrival.from_kept(arrival(first).kept())
    after_sign_in = arrival("same-origin")
    judged = verdict(after_sign_in, kept, familiar=True, confirmed=False, reason_missing=False)
    assert judged is Verdict.ASK


def test_P14_an_arrival_that_nobody_saw_asks() -> None:
    judged = verdict(
        arrival("same-origin"),
        UNKNOWN_ARRIVAL,
        familiar=True,
        confirmed=False,
        reason_missing=False,
    )
    assert judged is Verdict.ASK


@pytest.mark.parametrize(
    ("to", "region", "role_destination", "familiar"),
    [
        ("s3", "", "/sqs/v3/home", True),
        ("S3", "eu-central-1", "/sqs/v3/home", True),
        ("", "eu-central-1", "", True),
        ("", "eu-central-1", "sqs", True),
        ("", "eu-central-1", "SQS", True),
        ("", "eu-central-1", "/sqs/v3/home", False),
        ("/sqs/v3/home", "eu-central-1", "/sqs/v3/home", False),
        ("https://console.aws.amazon.com/s3/home", "", "s3", False),
        ("/s3", "", "s3", False),
    ],
)
def test_P14_what_a_familiar_place_is(
    to: str, region: str, role_destination: str, familiar: bool
) -> None:
    def judged(*, is_roles_own: bool = False, is_bookmarked: bool = False) -> bool:
        return is_familiar(
            normal_place(to, region),
            role_destination,
            is_roles_own=is_roles_own,
            is_bookmarked=is_bookmarked,
        )

    assert judged() is familiar
    assert judged(is_roles_own=True)
    assert judged(is_bookmarked=True)


def test_the_sender_that_a_page_names_is_a_host_and_never_a_path() -> None:
    came = arrival("cross-site", Referer="https://wiki.example:8443/secret/page?q=1")
    assert came.sender == "wiki.example"
    assert arrival("cross-site", Referer="http://[broken").sender == ""
