"""Where AWS shows what a session did: CloudTrail's event history, looked up by its name."""

from urllib.parse import quote

from accounts.aws_rules.partitions import PARTITIONS, region_belongs


def event_history_url(partition_name: str, region: str, session_name: str) -> str:
    """Return the address of the events of a session in the console of its partition.

    ``region`` is the one that was entered; where there is none, or none of this partition's, the
    partition's own first one counts, whose STS AWS writes the entering down in.
    """
    where = PARTITIONS[partition_name]
    if not region or not region_belongs(partition_name, region):
        region = where.default_sts_region
    name = quote(session_name, safe="")
    return (
        f"https://{region}.{where.console_host}/cloudtrailv2/home?region={region}"
        f"#/events?Username={name}"
    )


def partition_of_region(region: str) -> str:
    """Return which partition a region is of; the commercial one where that cannot be told."""
    return next((name for name in PARTITIONS if region_belongs(name, region)), "aws")
