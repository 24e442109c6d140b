"""Documents that runs have stored and MongoDB no longer holds: a lost, restored or renamed database.

Each materialization records how many documents of a month its collection then held. A month with fewer documents now
has lost some.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg
from pymongo.database import Database

from airquality_dagster.automation.due import SETTLING, Month
from airquality_dagster.network.partitions import DOCUMENTS_PER_MONTH, NEWEST_HOUR, TIME_ZONE, month, partition_date
from airquality_dagster.network.stations import Station
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
    raw: Records,
    quality: Records,
    aggregates: Records,
) -> LostMonths:
    """Compare what a station's collections hold with what the runs recorded.

    Args:
        database: the database of the assets.
        station: the station.
        months: all months of the network up to the current one, in order.
        raw, quality, aggregates: newest materializations of its assets.
    """
    hours = _lost(database, station.raw_asset, raw)
    newest = newest_hour(database, station.raw_asset) if max(raw, default="") in hours else None
    if newest is not None:
        # A restored database was last written about then: months that had not settled are not final.
        hours |= {one.key for one in months if one.key in raw and newest < one.end + SETTLING}
    derived = _lost(database, station.quality_asset, quality)
    derived |= _lost(database, station.aggregates_asset, aggregates, zone="UTC")
    summarised = summarised_months(database, station.summaries_asset)
    days = {key for key, record in aggregates.items() if recorded_documents(key, record)}
    derived |= {key for key in days if partition_date(key) not in summarised}
    return LostMonths(frozenset(hours), frozenset(derived))


def time_zone_of(record: dg.EventLogRecord) -> str | None:
    """Return the time zone of a materialization's months; None if it did not record it (version 0.1.0)."""
    metadata = record.asset_materialization.metadata if record.asset_materialization else {}
    zone = metadata.get(TIME_ZONE)
    return str(zone.value) if zone is not None else None


def _lost(database: Database[dict[str, Any]], collection: str, records: Records, zone: str | None = None) -> set[str]:
    """Return the months with fewer documents than were recorded.

    Args:
        database: database of the collection.
        collection: the collection of an asset.
        records: newest materializations of the asset.
        zone: time zone of the months; None: that of each materialization, which may be a former one of the network.
    """
    recorded = {key: recorded_documents(key, record) for key, record in records.items()}
    # The total costs no reading. Only if it differs, the documents of each month are counted.
    if database[collection].estimated_document_count() == sum(recorded.values()):
        return set()
    lost = set()
    for key, record in records.items():
        own_zone = zone or time_zone_of(record) or "UTC"
        partitions_def = dg.MonthlyPartitionsDefinition(start_date=key, timezone=own_zone, end_offset=1)
        window = partitions_def.time_window_for_partition_key(key)
        period = {"_id": {"$gte": window.start, "$lt": window.end}}
        if recorded[key] and database[collection].count_documents(period) < recorded[key]:
            lost.add(key)
    return lost


def recorded_documents(key: str, record: dg.EventLogRecord) -> int:
    """Return how many documents a month had after its last materialization; at least that many."""
    metadata = record.asset_materialization.metadata if record.asset_materialization else {}
    counts, newest = metadata.get(DOCUMENTS_PER_MONTH), metadata.get(NEWEST_HOUR)
    if counts is not None:
        return cast("dict[str, int]", counts.value).get(month(key), 0)
    # Version 0.1.0 recorded only the newest hour of all months of a run.
    return int(newest is not None and partition_date(key).timestamp() <= cast("float", newest.value))
