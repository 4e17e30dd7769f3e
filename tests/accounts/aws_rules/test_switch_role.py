"""Links to AWS's Switch Role page: the right page of the partition, or none and the reason."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.aws_rules.partitions import PARTITIONS
from accounts.aws_rules.switch_role import Switch

DEVELOPER = Switch(
    method="assume_role",
    partition="aws",
    account_id="222222222222",
    account_title="Payments production",
    role_name="team/Developer",
    role_title="Developer",
    environment="production",
)


def fields(switch: Switch) -> dict[str, list[str]]:
    return parse_qs(urlsplit(switch.url).query, strict_parsing=True)


def test_the_page_is_told_account_role_with_path_name_and_colour() -> None:
    assert urlsplit(DEVELOPER.url)[:3] == ("https", "signin.aws.amazon.com", "/switchrole")
    assert fields(DEVELOPER) == {
        "account": ["222222222222"],
        "roleName": ["team/Developer"],
        "displayName": ["Developer @ Payments production"],
        "color": ["f2b0a9"],
    }


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "signin.aws.amazon.com"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com"),
        ("aws-cn", "signin.amazonaws.cn"),
        ("aws-eusc", "eusc-de-east-1.signin.amazonaws-eusc.eu"),
    ],
)
def test_each_partition_has_its_own_page(partition: str, host: str) -> None:
    assert urlsplit(replace(DEVELOPER, partition=partition).url).hostname == host


def test_path_and_name_together_have_64_characters_at_most() -> None:
    name = "team/" + "x" * 59
    assert fields(replace(DEVELOPER, role_name=name))["roleName"] == [name]
    too_long = replace(DEVELOPER, role_name=name + "x")
    assert too_long.url == ""
    assert "64 characters" in too_long.why_not


def test_a_role_that_asks_for_an_external_id_cannot_be_switched_to() -> None:
    switch = replace(DEVELOPER, external_id="shared-secret")
    assert switch.url == ""
    assert "external ID" in switch.why_not


def test_a_federation_token_is_no_role() -> None:
    switch = replace(DEVELOPER, method="federation_token")
    assert (switch.url, switch.is_thinkable) == ("", False)
    assert switch.why_not


def test_the_accounts_own_colour_wins_and_every_environment_has_one() -> None:
    assert fields(replace(DEVELOPER, colour="#B91C1C"))["color"] == ["b91c1c"]
    known = ("production", "staging", "development", "sandbox", "audit", "")
    colours = {replace(DEVELOPER, environment=name).shown_colour for name in known}
    assert len(colours) == 5


@given(title=st.text(max_size=100), account=st.text(max_size=100))
def test_P19_no_name_gets_out_of_its_place_in_the_address(title: str, account: str) -> None:
    switch = replace(DEVELOPER, role_title=title, account_title=account)
    parts = urlsplit(switch.url)
    assert parts.hostname == PARTITIONS["aws"].signin_host
    assert parts.fragment == ""
    assert set(fields(switch)) == {"account", "roleName", "displayName", "color"}
    assert len(switch.display_name) <= 64
