"""``raw_<station>``: the hours of a station as the AirQino API publishes them."""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
from dagster_mongodb import ABSENT
from pymongo.database import Database

from airquality_dagster.airqino.answer import HourlyAnswer, hourly_frame
from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.assets.descriptions import code_references, data_page
from airquality_dagster.assets.freshness import FRESHNESS
from airquality_dagster.assets.previews import hourly_preview
from airquality_dagster.assets.schemas import HOURLY_COLUMNS, HOURLY_READINGS
from airquality_dagster.assets.source import AIRQINO_API
from airquality_dagster.checks.hours import CHECKS, FetchedHours
from airquality_dagster.checks.outcome import check_results, check_specs
from airquality_dagster.errors import AirQinoError, SimulatedReadingsError
from airquality_dagster.network.partitions import month
from airquality_dagster.network.pollutants import PROVISIONAL, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.storage.mongodb import MongoDBResource
from airquality_dagster.storage.rejected import keep_rejected

GROUP = "raw"
# How many stations are asked for at the same time, in all runs together, is the instance's to say: `concurrency`.
AIRQINO_POOL = "airqino_api"


def raw_asset(station: Station, partitions_def: dg.TimeWindowPartitionsDefinition, owner: str) -> dg.AssetsDefinition:
    """Return the asset of a station's hourly readings."""

    @dg.asset(
        name=station.raw_asset,
        deps=[AIRQINO_API],
        partitions_def=partitions_def,
        # A range of months is one run: Dagster's cost is per run and partition, the API's per month.
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=AIRQINO_POOL,
        group_name=GROUP,
        kinds={"python", "mongodb"},
        owners=[owner],
        tags={"station": station.name},
        dagster_type=HOURLY_READINGS,
        freshness_policy=FRESHNESS,
        check_specs=check_specs(CHECKS, station.raw_asset),
        description=(
            f"Hourly readings of {station.title_with_city}, exactly as the API "
            "publishes them, in the units of the column schema.\n\nHours are added and corrected, none is deleted: "
            f"what a correction replaces is kept in `{station.raw_asset}_revisions`, what is no reading in "
            f"`{station.raw_asset}_rejected`." + data_page()
        ),
        metadata={
            **code_references(raw_asset),
            "partition_expr": TIMESTAMP,
            "primary_key": TIMESTAMP,
            "write_mode": "merge",
            "keep_revisions": True,
            "provisional_column": PROVISIONAL,
            "dagster/column_schema": HOURLY_COLUMNS,
            "airqino_id": dg.MetadataValue.text(str(station.airqino_id)),
        },
    )
    def raw(context: dg.AssetExecutionContext, airqino: AirQinoResource, mongodb: MongoDBResource):
        now = datetime.now(UTC)
        answers = []
        begin, received_before = time.monotonic(), airqino.client.bytes_received
        for key in context.partition_keys:
            window = partitions_def.time_window_for_partition_key(key)
            try:
                answer = airqino.hourly_answer(station.airqino_id, window.start, window.end, now)
            except AirQinoError as error:
                raise dg.Failure(f"{station.title}, {month(key)}: {error}", allow_retries=False) from error
            answers.append(answer)

        transfer = {
            "fetch_seconds": dg.MetadataValue.float(round(time.monotonic() - begin, 3)),
            "bytes_received": dg.MetadataValue.int(airqino.client.bytes_received - received_before),
        }

        frame = hourly_frame(answers, station_id=station.airqino_id, now=now, absent=ABSENT)
        # One line, not one a month: each takes Dagster some 10 ms to store (docs/performance.md).
        hours = ", ".join(
            f"{month(key)}: {len(answer.hours)}" for key, answer in zip(context.partition_keys, answers, strict=True)
        )
        context.log.info(f"{station.name}: {len(frame)} hours fetched ({hours})")
        rejected = [row for answer in answers for row in answer.rejected]
        window = context.partition_time_window
        with mongodb.open_database() as database:
            _refuse_simulated_over_measured(database, station, answers)
            keep_rejected(database[f"{station.raw_asset}_rejected"], rejected, context.run.run_id, now)
            fetched = FetchedHours(
                station=station,
                start=window.start,
                end=window.end,
                now=now,
                hourly=frame,
                newest_stored=_newest_hour(database, station),
                rejected=[row.reason for row in rejected],
                restated=_restated(database, station, window.start, window.end),
                header=next((answer.coordinates for answer in answers if answer.coordinates), None),
            )
        yield dg.Output(frame, metadata={**_metadata(frame, len(rejected), now), **transfer})
        yield from check_results(CHECKS, fetched, station.raw_asset)

    return raw


def _metadata(frame: pd.DataFrame, rejected: int, now: datetime) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "hours_fetched": dg.MetadataValue.int(len(frame)),
        "hours_rejected": dg.MetadataValue.int(rejected),
        "simulated": dg.MetadataValue.bool(SIMULATED in frame),
        "preview": dg.MetadataValue.md(hourly_preview(frame)),
    }
    if len(frame):
        newest = frame[TIMESTAMP].max().to_pydatetime()
        metadata["newest_hour"] = dg.MetadataValue.timestamp(newest)
        metadata["newest_hour_age_hours"] = dg.MetadataValue.float(round((now - newest) / timedelta(hours=1), 2))
    return metadata


def _newest_hour(database: Database, station: Station) -> datetime | None:
    newest = database[station.raw_asset].find_one({}, {"_id": True}, sort=[("_id", -1)])
    return newest["_id"] if newest else None


def _restated(database: Database, station: Station, start: datetime, end: datetime) -> list[datetime]:
    """Return when final versions of hours of a period were replaced."""
    hours = {"_id.document_id": {"$gte": start, "$lt": end}}
    return [
        revision["valid_until"]
        for revision in database[f"{station.raw_asset}_revisions"].find(hours, {"valid_until": True})
    ]


def _refuse_simulated_over_measured(database: Database, station: Station, answers: list[HourlyAnswer]) -> None:
    """Refuse simulated readings for hours of which measured ones are stored."""
    hours = [hour for answer in answers if answer.simulated for hour in answer.hours]
    if not hours:
        return
    period = {"$gte": min(hours), "$lte": max(hours)}
    measured = database[station.raw_asset].find_one({"_id": period, SIMULATED: {"$exists": False}})
    if measured is not None:
        raise SimulatedReadingsError(
            f"{station.title}: the sandbox's simulated readings would replace measured ones, like that of "
            f"{measured['_id']:%Y-%m-%d %H:%M} UTC: set AIRQINO_BASE_URL to the real API, or MONGODB_DATABASE to "
            "another database"
        )
