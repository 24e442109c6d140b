"""Documents that runs have stored and MongoDB no longer holds: a lost, restored or renamed database.

Each materialization records how many documents of a month its collection then held. A month with fewer documents now
has lost some.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import dagster as dg
from pymongo.database import Database

from airquality_dagster.automation.due import SETTLING, Month
from airquality_dagster.network.partitions import DOCUMENTS_PER_MONTH, TIME_ZONE, calendar_date, month, partition_date
from airquality_dagster.network.stations import Station
from airquality_dagster.storage.counts import count_per_period
from airquality_dagster.storage.days import summarised_months
from airquality_dagster.storage.hours import newest_hour

Records = Mapping[str, dg.EventLogRecord]
"""Partition key → newest materialization of an asset."""


@dataclass(frozen=True)
class LostMonths:
    """Keys of a station's months of which MongoDB no longer holds everything.

    Args:
        hours: months to fetch again.
        derived: months whose flags, days or summaries must be computed again.
    """

    hours: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()

    def __str__(self) -> str:
        parts = ((self.hours, "fetched"), (self.derived - self.hours, "computed"))
        return "; ".join(
            f"MongoDB no longer holds all that was stored of {', '.join(map(month, sorted(keys)))}: {done} again"
            for keys, done in parts
            if keys
        )


def lost_months(
    database: Database[dict[str, Any]],
    station: Station,
    months: Sequence[Month],
    time_zone: str,
    raw: Records,
    quality: Records,
    aggregates: Records,
) -> LostMonths:
    """Compare what a station's collections hold with what the runs recorded.

    Args:
        database: the database of the assets.
        station: the station.
        months: all months of the network up to the current one, in order.
        time_zone: the network's. A month of another one has lost something if nothing of it is left.
        raw, quality, aggregates: newest materializations of its assets.
    """
    boundaries = [*(one.start for one in months), *(one.end for one in months[-1:])]
    dates = list(map(calendar_date, boundaries))
    hours = _lost(database, station.raw_asset, _recorded(raw, time_zone), months, boundaries)
    newest = newest_hour(database, station.raw_asset) if hours else None
    if newest is not None:
        # A restored database was last written about then: months that had not settled are not final.
        hours |= {one.key for one in months if one.key in raw and newest < one.end + SETTLING}
    derived = _lost(database, station.quality_asset, _recorded(quality, time_zone), months, boundaries)
    days = _recorded(aggregates, time_zone)
    derived |= _lost(database, station.aggregates_asset, days, months, dates)
    summarised = summarised_months(database, station.summaries_asset)
    derived |= {key for key, count in days.items() if count and partition_date(key) not in summarised}
    return LostMonths(frozenset(hours), frozenset(derived))


def time_zone_of(record: dg.EventLogRecord) -> str | None:
    """Return the time zone of a materialization's months; None if it did not record it (version 0.1.0)."""
    metadata = record.asset_materialization.metadata if record.asset_materialization else {}
    zone = metadata.get(TIME_ZONE)
    return str(zone.value) if zone is not None else None


def _lost(
    database: Database[dict[str, Any]],
    collection: str,
    recorded: Mapping[str, int],
    months: Sequence[Month],
    boundaries: Sequence[datetime],
) -> set[str]:
    # The total costs no reading. Only if it differs, the documents of each month are counted.
    if database[collection].estimated_document_count() == sum(recorded.values()):
        return set()
    stored = count_per_period(database, collection, boundaries)
    return {one.key for one, count in zip(months, stored, strict=True) if count < recorded.get(one.key, 0)}


def _recorded(records: Records, time_zone: str) -> dict[str, int]:
    """Return month → documents that it had after its last materialization; at least that many."""
    recorded = {}
    for key, record in records.items():
        metadata = record.asset_materialization.metadata if record.asset_materialization else {}
        counts, newest = metadata.get(DOCUMENTS_PER_MONTH), metadata.get("newest_hour")
        if counts is not None:
            count = cast("dict[str, int]", counts.value).get(month(key), 0)
            recorded[key] = count if time_zone_of(record) == time_zone else min(count, 1)
        elif newest is not None:
            # Version 0.1.0 recorded only the newest hour of all months of a run.
            recorded[key] = int(partition_date(key).timestamp() <= cast("float", newest.value))
        else:
            recorded[key] = 0
    return recorded
