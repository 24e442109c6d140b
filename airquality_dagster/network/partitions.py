"""The one partitions definition of all station assets, and its months."""

import dagster as dg

from airquality_dagster.network.stations import Network

KEY_FORMAT = "%Y-%m-%d"  # Dagster's own for months: the day is always 01


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
