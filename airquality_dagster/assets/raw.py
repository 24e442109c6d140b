"""``raw_<station>``: hourly readings of a station as the AirQino API publishes them."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from dagster_mongodb import ABSENT, find_revisions
from pymongo.database import Database

from airquality_dagster.airqino.answer import HourlyAnswer, RejectedRow
from airquality_dagster.airqino.rows import SetAsideValue
from airquality_dagster.airqino.shown import shown_name
from airquality_dagster.assets.counts import month_metadata
from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.fetch import FetchedPeriod, fetch_months, fetched_frame
from airquality_dagster.assets.previews import hourly_preview
from airquality_dagster.assets.resources import airqino_of, mongodb_of
from airquality_dagster.assets.schemas import HOURLY_COLUMNS, HOURLY_READINGS
from airquality_dagster.assets.sites import deployments_metadata
from airquality_dagster.checks.cut_off import AskedPeriod
from airquality_dagster.checks.hours import CHECKS, RECENTLY, StoredHours
from airquality_dagster.checks.outcome import check_results, check_specs
from airquality_dagster.errors import AirQinoError, SimulatedReadingsError
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.partitions import NEWEST_HOUR, month
from airquality_dagster.network.pollutants import PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.storage.hours import measured_hour, newest_hour, replaced_since, stored_hours
from airquality_dagster.storage.rejected import keep_rejected, keep_set_aside, rejected_collection

# The instance limits concurrent fetches of all runs together: `concurrency` in dagster.yaml.
AIRQINO_POOL = "airqino_api"


def raw_asset(
    station: Station, network: Network, partitions_def: dg.TimeWindowPartitionsDefinition, owner: str
) -> dg.AssetsDefinition:
    """Return the asset of a station's hourly readings."""
    key = asset_key(station.raw_asset)

    @dg.asset(
        key=key,
        deps=[asset_key(network.source_asset)],
        partitions_def=partitions_def,
        # One run per range of months: Dagster's cost grows with runs and partitions.
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=AIRQINO_POOL,
        group_name="raw",
        kinds={"python", "mongodb"},
        owners=[owner],
        tags={"station": station.name},
        dagster_type=HOURLY_READINGS,
        io_manager_key=network.named("io_manager"),
        required_resource_keys={network.named("airqino"), network.named("mongodb")},
        check_specs=check_specs(CHECKS, key),
        description=(
            f"Hourly readings of {station.title_with_city}, exactly as the API "
            "publishes them, in the units of the column schema.\n\nHours are added and corrected, never deleted: "
            f"`{station.raw_asset}_revisions` keeps former versions, `{rejected_collection(station.raw_asset)}` keeps "
            "rows and values that could not be stored." + data_page()
        ),
        metadata={
            **code_references(raw_asset),
            "partition_expr": TIMESTAMP,
            "primary_key": TIMESTAMP,
            "write_mode": "merge",
            "keep_revisions": True,
            "provisional_column": PROVISIONAL,
            "dagster/column_schema": HOURLY_COLUMNS,
            "airqino_id": dg.MetadataValue.text(station.devices),
            **deployments_metadata(station),
        },
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[Any]:
        airqino, mongodb = airqino_of(context, network), mongodb_of(context, network)
        now = datetime.now(UTC)

        def newest() -> datetime | None:
            with mongodb.open_database() as database:
                return newest_hour(database, station.raw_asset)

        begin, received_before = time.monotonic(), airqino.client.bytes_received
        windows = {key: partitions_def.time_window_for_partition_key(key) for key in context.partition_keys}
        try:
            fetched = fetch_months(airqino, station, network, windows, now, newest)
        except AirQinoError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        answers = [period.answer for period in fetched if period.answer is not None]
        transfer = {
            "fetch_seconds": dg.MetadataValue.float(round(time.monotonic() - begin, 3)),
            "bytes_received": dg.MetadataValue.int(airqino.client.bytes_received - received_before),
        }

        frame = fetched_frame(fetched, station, now, absent=ABSENT)
        # One line for all months: Dagster needs some 10 ms to store each line (docs/performance.md).
        hours = ", ".join(
            f"{month(period.month)}: {len(period.answer.hours) if period.answer else 0}" for period in fetched
        )
        context.log.info(f"{station.name}: {len(frame)} hours fetched ({hours}){_renamed(answers)}")
        unknown = ", ".join(dict.fromkeys(month(period.month) for period in fetched if period.answer is None))
        if unknown:
            context.log.warning(
                f"{station.name}: the API knows the station, but has nothing of {unknown}: empty months"
            )
        start, end = context.partition_time_window
        with mongodb.open_database() as database:
            _refuse_simulated_over_measured(database, station, answers)
            collection = database[rejected_collection(station.raw_asset)]
            keep_rejected(collection, _rejected(answers), context.run.run_id, now)
            keep_set_aside(collection, _set_aside(answers), context.run.run_id, now)
            stored = pd.DatetimeIndex(stored_hours(database, station.raw_asset, start, end), tz="UTC")
        # Hours that the API no longer answers stay stored.
        all_hours = stored.union(pd.DatetimeIndex(frame[TIMESTAMP]))
        starts = [window.start for window in windows.values()]
        counts = month_metadata(context.partition_keys, starts, all_hours, network.network.time_zone)
        yield dg.Output(frame, metadata={**_metadata(frame, answers, now), **transfer, **counts})

        # The IO manager has written the output: the checks see what this run stored.
        def facts() -> StoredHours:
            with mongodb.open_database() as database:
                return _stored(database, station, start, end, now, fetched)

        yield from check_results(CHECKS, facts, key, context.selected_asset_check_keys)

    return raw


def _stored(
    database: Database[dict[str, Any]],
    station: Station,
    start: datetime,
    end: datetime,
    now: datetime,
    fetched: Sequence[FetchedPeriod],
) -> StoredHours:
    asked = [
        AskedPeriod(period.start, period.end, period.answer.rows, period.answer.answered)
        for period in fetched
        if period.answer is not None
    ]
    answers = [period.answer for period in fetched if period.answer is not None]
    revisions = find_revisions(database, station.raw_asset, {"$gte": start, "$lt": end}, with_documents=False)
    with_neighbours = stored_hours(database, station.raw_asset, start - timedelta(hours=1), end + timedelta(hours=1))
    headers = [answer.header for answer in answers if answer.rows]
    return StoredHours(
        station=station,
        start=start,
        end=end,
        now=now,
        hours=[hour for hour in with_neighbours if start <= hour < end],
        newest=newest_hour(database, station.raw_asset),
        answered={hour for period in asked for hour in period.answered},
        rejected=[row.reason for row in _rejected(answers)],
        restated=[revision.valid_until for revision in revisions],
        coordinates=next((header.coordinates for header in headers if header.coordinates), None),
        restated_elsewhere=replaced_since(database, station.raw_asset, now - RECENTLY, outside=(start, end)),
        set_aside=_set_aside(answers),
        measuring={
            field
            for answer in answers
            for readings in answer.hours.values()
            for field, value in readings.items()
            if value is not None
        },
        asked=asked,
        with_neighbours=with_neighbours,
        odd_coordinates=next((header.odd_coordinates for header in headers if header.odd_coordinates), ""),
        is_named=all(header.station_name for header in headers),
    )


def _rejected(answers: Sequence[HourlyAnswer]) -> list[RejectedRow]:
    return [row for answer in answers for row in answer.rejected]


def _set_aside(answers: Sequence[HourlyAnswer]) -> list[SetAsideValue]:
    return [value for answer in answers for value in answer.set_aside]


def _renamed(answers: Sequence[HourlyAnswer]) -> str:
    """Return which sensors are stored under a name that does not follow from theirs, for the log."""
    renamed = {sensor: field for answer in answers for sensor, field in answer.renamed.items()}
    fields = ", ".join(f"{shown_name(sensor)} as {field}" for sensor, field in sorted(renamed.items()))
    return f"; sensors stored under a name of their own: {fields}" if renamed else ""


def _metadata(frame: pd.DataFrame, answers: Sequence[HourlyAnswer], now: datetime) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "hours_fetched": dg.MetadataValue.int(len(frame)),
        "hours_rejected": dg.MetadataValue.int(len(_rejected(answers))),
        "values_set_aside": dg.MetadataValue.int(len(_set_aside(answers))),
        "simulated": dg.MetadataValue.bool(SIMULATED in frame),
        "preview": dg.MetadataValue.md(hourly_preview(frame)),
    }
    if len(frame):
        newest = frame[TIMESTAMP].max().to_pydatetime()
        metadata[NEWEST_HOUR] = dg.MetadataValue.timestamp(newest)
        metadata["newest_hour_age_hours"] = dg.MetadataValue.float(round((now - newest) / timedelta(hours=1), 2))
    return metadata


def _refuse_simulated_over_measured(
    database: Database[dict[str, Any]], station: Station, answers: Sequence[HourlyAnswer]
) -> None:
    """Raise if simulated readings would replace measured ones."""
    hours = [hour for answer in answers if answer.simulated for hour in answer.hours]
    if not hours:
        return
    measured = measured_hour(database, station.raw_asset, min(hours), max(hours))
    if measured is not None:
        raise SimulatedReadingsError(
            f"{station.title}: the sandbox's simulated readings would replace measured ones, like that of "
            f"{measured:%Y-%m-%d %H:%M} UTC: set AIRQINO_BASE_URL to the real API, or MONGODB_DATABASE to "
            "another database"
        )
