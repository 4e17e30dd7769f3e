"""The address of a session's events: a console page of its partition, whatever its name holds."""

import pytest

from accounts.aws_rules.destinations import parse_destination
from accounts.aws_rules.event_history import event_history_url, partition_of_region
from accounts.aws_rules.partitions import PARTITIONS


@pytest.mark.parametrize(
    ("partition", "region", "address"),
    [
        ("aws", "eu-central-1", "https://eu-central-1.console.aws.amazon.com"),
        ("aws", "", "https://us-east-1.console.aws.amazon.com"),
        ("aws", "cn-north-1", "https://us-east-1.console.aws.amazon.com"),
        ("aws-cn", "cn-northwest-1", "https://cn-northwest-1.console.amazonaws.cn"),
        ("aws-us-gov", "", "https://us-gov-west-1.console.amazonaws-us-gov.com"),
        ("aws-eusc", "", "https://eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_it_is_in_the_region_that_was_entered(partition: str, region: str, address: str) -> None:
    url = event_history_url(partition, region, "ann")
    code = address.removeprefix("https://").split(".")[0]
    assert url == f"{address}/cloudtrailv2/home?region={code}#/events?Username=ann"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_portal_opens_it(partition: str) -> None:
    url = event_history_url(partition, "", "ann+x@example.com,=")
    assert "Username=ann%2Bx%40example.com%2C%3D" in url
    destination = parse_destination(url, "", partition=partition, account_id="222222222222")
    assert destination.url == url


def test_a_regions_partition_is_told_by_its_name() -> None:
    assert partition_of_region("cn-north-1") == "aws-cn"
    assert partition_of_region("us-gov-east-1") == "aws-us-gov"
    assert partition_of_region("") == partition_of_region("eu-west-1") == "aws"
