"""The monthly partitions that all station assets share."""

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from airquality_dagster.network.stations import Network

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
"""Tags of a run that name its partitions."""

DOCUMENTS_PER_MONTH = "documents_per_month"
"""Metadata of a materialization: month ``YYYY-MM`` → documents that the collection then held of it."""

NEWEST_HOUR = "newest_hour"
"""Metadata of a materialization of hours: the newest hour that it fetched."""

KNOWN_UNTIL = "known_until"
"""Metadata of a materialization of flags: the newest hour of the station that was stored when they were made."""

TIME_ZONE = "time_zone"
"""Metadata of a materialization: time zone of its months and days."""


def monthly_partitions(network: Network) -> dg.MonthlyPartitionsDefinition:
    """Return the months of the network, in its time zone, the current month included."""
    return dg.MonthlyPartitionsDefinition(
        start_date=partition_key(network.first_month),
        timezone=network.network.time_zone,
        end_offset=1,
    )


def partition_key(month: str) -> str:
    """Return the partition key of a month ``YYYY-MM``.

    >>> partition_key("2022-12")
    '2022-12-01'
    """
    return f"{month}-01"


def month(key: str) -> str:
    """Return the month ``YYYY-MM`` of a partition key.

    >>> month("2022-12-01")
    '2022-12'
    """
    return key[:7]


def partition_date(key: str) -> datetime:
    """Return the first date of a partition, as midnight UTC.

    >>> partition_date("2022-12-01")
    datetime.datetime(2022, 12, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    return datetime.fromisoformat(key).replace(tzinfo=UTC)


def first_year_of(tags: Mapping[str, str]) -> datetime | None:
    """Return the start (midnight UTC) of the first year of a run's partitions; None if its tags name no partition.

    >>> first_year_of({RANGE_START: "2023-02-01", RANGE_END: "2024-01-01"})
    datetime.datetime(2023, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    first = tags.get(RANGE_START) or tags.get(PARTITION)
    return datetime(int(first[:4]), 1, 1, tzinfo=UTC) if first else None
