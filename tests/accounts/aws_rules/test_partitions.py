"""AWS's partitions, held against botocore's own tables."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest

from accounts.aws_rules.partitions import (
    KNOWN_REGIONS,
    LEFT_OUT,
    PARTITIONS,
    federation_url,
    partition,
    region_belongs,
    region_title,
)
from accounts.errors import InvalidRequest

DATA = Path(botocore.__file__).parent / "data"


def botocore_partitions() -> dict[str, Any]:
    listed = json.loads((DATA / "partitions.json").read_text())["partitions"]
    return {entry["id"]: entry for entry in listed}


def botocore_regions() -> Iterator[tuple[str, str]]:
    """Every (partition, region) that botocore's two tables know; no pseudo-regions."""
    endpoints = json.loads((DATA / "endpoints.json").read_text())["partitions"]
    tables = {entry["partition"]: set(entry["regions"]) for entry in endpoints}
    for name, entry in botocore_partitions().items():
        for region in sorted(set(entry["regions"]) | tables[name]):
            if not region.endswith("-global"):
                yield name, region


SERVED_REGIONS = [(name, region) for name, region in botocore_regions() if name in PARTITIONS]


def test_every_partition_of_botocore_is_served_or_left_out_with_a_reason() -> None:
    assert set(PARTITIONS) | set(LEFT_OUT) == set(botocore_partitions())
    assert not set(PARTITIONS) & set(LEFT_OUT)
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("name", PARTITIONS)
def test_partition_is_botocores_with_a_default_region_of_its_own(name: str) -> None:
    ours, theirs = PARTITIONS[name], botocore_partitions()[name]
    assert ours.name == name
    assert ours.default_sts_region in theirs["regions"]


@pytest.mark.parametrize(("name", "region"), SERVED_REGIONS)
def test_region_belongs_to_exactly_one_partition_and_has_a_title(name: str, region: str) -> None:
    assert [other for other in PARTITIONS if region_belongs(other, region)] == [name]
    assert region_title(region) == KNOWN_REGIONS[name][region] != region


def test_no_region_is_listed_that_botocore_does_not_know() -> None:
    listed = {(name, region) for name, regions in KNOWN_REGIONS.items() for region in regions}
    assert listed == set(SERVED_REGIONS)


def test_regions_of_partitions_left_out_belong_to_none_that_is_served() -> None:
    left_out = [region for name, region in botocore_regions() if name in LEFT_OUT]
    assert left_out
    assert not [r for r in left_out for name in PARTITIONS if region_belongs(name, r)]


@pytest.mark.parametrize(
    "region",
    [
        *("", "aws-global", "us-east", "us-east-1a", "us-east-1.evil", "us-east-1\n", "US-EAST-1"),
        *("xx-east-1", "us-east-100", "us--1", "us-e_st-1", "us-e\u0430st-1", "eu-west-\u0661"),
        *("us-" + "a" * 60 + "-1", "eu-mars-1", "eu-norteast-1", "us-gov-moon-1"),
    ],
)
def test_text_that_is_no_region_belongs_nowhere(region: str) -> None:
    assert not [name for name in PARTITIONS if region_belongs(name, region)]


def test_region_opened_after_this_version_belongs_by_its_form() -> None:
    assert region_belongs("aws", "eu-west-9")
    assert region_title("eu-west-9") == "eu-west-9"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("aws", "https://signin.aws.amazon.com/federation"),
        ("aws-us-gov", "https://signin.amazonaws-us-gov.com/federation"),
        ("aws-cn", "https://signin.amazonaws.cn/federation"),
        ("aws-eusc", "https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation"),
    ],
)
def test_federation_endpoint_is_the_partitions_own(name: str, url: str) -> None:
    assert federation_url(name) == url


@pytest.mark.parametrize("name", ["", "AWS", "aws-iso", "azure", "aws\n"])
def test_partition_that_is_not_served_is_refused_with_the_ones_that_are(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        partition(name)
    assert "aws-eusc" in refusal.value.next_step % refusal.value.params
    assert "\n" not in str(refusal.value)
