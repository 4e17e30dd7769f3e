"""AWS's partitions: their hosts, their regions and what the regions are called.

A partition is a part of AWS with its own accounts, keys, sign-in and console. Nothing crosses
from one to another. The hosts are those of the IAM User Guide's page on custom identity brokers;
the region patterns follow botocore's ``partitions.json``, written a little stricter because a
region becomes part of a host name here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accounts.errors import InvalidRequest, gettext_noop

ANY_REGION = "{region}."


@dataclass(frozen=True)
class Partition:
    """One partition.

    ``signin_host`` is where sign-in tokens are fetched and login URLs point to.
    ``other_console_hosts`` are consoles that live beside ``console_host``; one that begins with
    ``{region}.`` exists with and without a region before it.
    """

    name: str
    signin_host: str
    console_host: str
    default_sts_region: str
    region_pattern: re.Pattern[str]
    other_console_hosts: tuple[str, ...] = ()

    def console_host_shapes(self) -> Iterator[str]:
        """Every console host of the partition, ``{region}.`` standing for any or no region."""
        yield ANY_REGION + self.console_host
        yield from self.other_console_hosts


_COMPASS = "(central|(north|south)?(east|west)|north|south)"
"""How AWS tells the regions of a part of the world apart."""


def _regions(beginning: str) -> re.Pattern[str]:
    return re.compile(rf"{beginning}-{_COMPASS}-[0-9]{{1,2}}")


PARTITIONS: Mapping[str, Partition] = {
    "aws": Partition(
        name="aws",
        signin_host="signin.aws.amazon.com",
        console_host="console.aws.amazon.com",
        default_sts_region="us-east-1",
        region_pattern=_regions("(us|eu|ap|sa|ca|me|af|il|mx)"),
        other_console_hosts=(
            "{region}.quicksight.aws.amazon.com",
            "health.console.aws.amazon.com",
            "s3.console.aws.amazon.com",
            "support.console.aws.amazon.com",
            "health.aws.amazon.com",
            "lightsail.aws.amazon.com",
            "phd.aws.amazon.com",
        ),
    ),
    "aws-us-gov": Partition(
        name="aws-us-gov",
        signin_host="signin.amazonaws-us-gov.com",
        console_host="console.amazonaws-us-gov.com",
        default_sts_region="us-gov-west-1",
        region_pattern=_regions("us-gov"),
        other_console_hosts=(
            "health.console.amazonaws-us-gov.com",
            "s3.console.amazonaws-us-gov.com",
            "support.console.amazonaws-us-gov.com",
            "phd.amazonaws-us-gov.com",
        ),
    ),
    "aws-cn": Partition(
        name="aws-cn",
        signin_host="signin.amazonaws.cn",
        console_host="console.amazonaws.cn",
        default_sts_region="cn-north-1",
        region_pattern=_regions("cn"),
        other_console_hosts=(
            "health.console.amazonaws.cn",
            "s3.console.amazonaws.cn",
            "support.console.amazonaws.cn",
            "phd.amazonaws.cn",
        ),
    ),
    "aws-eusc": Partition(
        name="aws-eusc",
        signin_host="eusc-de-east-1.signin.amazonaws-eusc.eu",
        console_host="console.amazonaws-eusc.eu",
        default_sts_region="eusc-de-east-1",
        region_pattern=_regions("eusc-de"),
    ),
}

_NO_PUBLIC_CONSOLE = "its sign-in and console are not reachable from the public internet"

LEFT_OUT: Mapping[str, str] = {
    "aws-iso": _NO_PUBLIC_CONSOLE,
    "aws-iso-b": _NO_PUBLIC_CONSOLE,
    "aws-iso-e": _NO_PUBLIC_CONSOLE,
    "aws-iso-f": _NO_PUBLIC_CONSOLE,
}
"""Partitions that AWS has and this portal does not serve, each with the reason."""

KNOWN_REGIONS: Mapping[str, Mapping[str, str]] = {
    "aws": {
        "af-south-1": "Cape Town",
        "ap-east-1": "Hong Kong",
        "ap-east-2": "Taipei",
        "ap-northeast-1": "Tokyo",
        "ap-northeast-2": "Seoul",
        "ap-northeast-3": "Osaka",
        "ap-south-1": "Mumbai",
        "ap-south-2": "Hyderabad",
        "ap-southeast-1": "Singapore",
        "ap-southeast-2": "Sydney",
        "ap-southeast-3": "Jakarta",
        "ap-southeast-4": "Melbourne",
        "ap-southeast-5": "Malaysia",
        "ap-southeast-6": "New Zealand",
        "ap-southeast-7": "Thailand",
        "ca-central-1": "Canada (Central)",
        "ca-west-1": "Calgary",
        "eu-central-1": "Frankfurt",
        "eu-central-2": "Zurich",
        "eu-north-1": "Stockholm",
        "eu-south-1": "Milan",
        "eu-south-2": "Spain",
        "eu-west-1": "Ireland",
        "eu-west-2": "London",
        "eu-west-3": "Paris",
        "il-central-1": "Tel Aviv",
        "me-central-1": "UAE",
        "me-south-1": "Bahrain",
        "me-west-1": "Saudi Arabia",
        "mx-central-1": "Mexico (Central)",
        "sa-east-1": "São Paulo",
        "sa-west-1": "Chile",
        "us-east-1": "N. Virginia",
        "us-east-2": "Ohio",
        "us-west-1": "N. California",
        "us-west-2": "Oregon",
    },
    "aws-us-gov": {"us-gov-east-1": "GovCloud (US-East)", "us-gov-west-1": "GovCloud (US-West)"},
    "aws-cn": {"cn-north-1": "Beijing", "cn-northwest-1": "Ningxia"},
    "aws-eusc": {"eusc-de-east-1": "Germany (Sovereign Cloud)"},
}
"""Regions that have a name, for pages and lists; newer ones that fit the pattern work as well."""

REGION_TITLES: Mapping[str, str] = {
    code: title for regions in KNOWN_REGIONS.values() for code, title in regions.items()
}
"""The same, whatever their partition."""


def partition(name: str) -> Partition:
    """The partition of that name.

    Raises InvalidRequest when the portal does not serve it.
    """
    if name not in PARTITIONS:
        raise InvalidRequest(
            log=f"unknown partition {name[:64]!a}",
            message=gettext_noop("There is no AWS partition called “%(partition)s” here."),
            next_step=gettext_noop("Use one of: %(known)s."),
            params={"partition": name[:64], "known": ", ".join(PARTITIONS)},
        )
    return PARTITIONS[name]


def federation_url(partition_name: str) -> str:
    """AWS's federation endpoint of a partition: sign-in tokens come from it, login URLs go to it.

    Raises InvalidRequest for a partition that the portal does not serve.
    """
    return f"https://{partition(partition_name).signin_host}/federation"


def region_belongs(partition_name: str, region: str) -> bool:
    """Whether ``region`` (lower case) can be one of that partition's, known by name or not.

    Raises InvalidRequest for a partition that the portal does not serve.
    """
    return partition(partition_name).region_pattern.fullmatch(region) is not None


def partition_of_region(region: str) -> str:
    """The partition that a region (lower case) can belong to; empty for none that is served."""
    return next((name for name in PARTITIONS if region_belongs(name, region)), "")


def region_title(region: str) -> str:
    """What people call a region ("Tokyo"); the region's own code where it has no name here."""
    return REGION_TITLES.get(region, region)
