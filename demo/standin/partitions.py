"""Partitions, regions and console hosts, as far as the stand-in needs them.

Regions come from botocore. Console hosts are those of "Enable custom identity broker access to the
AWS console" in the IAM User Guide and of the partitions' own guides.
"""

import re
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from botocore.loaders import Loader

CONSOLE_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
CONSOLES_ELSEWHERE = {"aws": ("health.console.aws.amazon.com", "quicksight.aws.amazon.com")}


@cache
def _partitions() -> tuple[dict[str, Any], ...]:
    return tuple(Loader().load_data("partitions")["partitions"])


def partition_of_region(region: str) -> str | None:
    """Return the partition that a region belongs to, or None for a region that cannot be."""
    for partition in _partitions():
        if region in partition["regions"] or re.fullmatch(partition["regionRegex"], region):
            return str(partition["id"])
    return None


def city(region: str) -> str:
    """Return the place in a region's name (``Tokyo``), or an empty text."""
    for partition in _partitions():
        found = re.search(r"\((.+)\)", partition["regions"].get(region, {}).get("description", ""))
        if found:
            return found[1]
    return ""


def is_console_url(url: str, partition: str) -> bool:
    """Tell whether a URL is a page on a console host of the partition, by https and nothing odd."""
    if re.search(r"[\s\\\x00-\x20\x7f-\x9f]", url):
        return False
    parts = _split(url)
    if parts is None or parts.scheme != "https" or "@" in parts.netloc:
        return False
    return _is_console_host(parts.netloc.removesuffix(":443"), partition)


def region_of_console_url(url: str) -> str:
    """Return the region that a console URL names in its host or its query, or an empty text."""
    parts = urlsplit(url)
    first = (parts.hostname or "").split(".")[0]
    if partition_of_region(first):
        return first
    asked = re.search(r"(?:^|&)region=([a-z0-9-]+)", parts.query)
    return asked[1] if asked else ""


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_console_host(host: str, partition: str) -> bool:
    hosts = (CONSOLE_HOSTS.get(partition, ""), *CONSOLES_ELSEWHERE.get(partition, ()))
    if host in hosts:
        return True
    region, _, rest = host.partition(".")
    return rest in hosts and partition_of_region(region) == partition
