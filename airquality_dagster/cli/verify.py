"""``airquality verify``: check that stored data are consistent, and equal to the source."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd
from dagster_mongodb import Revision, find_revisions
from pymongo.database import Database
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.assets.fetch import fetch_months, fetched_frame
from airquality_dagster.automation.instance import due_runs, network_months
from airquality_dagster.cli.stored import stored_frames
from airquality_dagster.cli.terminal import out
from airquality_dagster.local.services import Services, dagster_instance, local_services
from airquality_dagster.network.partitions import monthly_partitions, partition_date, partition_key
from airquality_dagster.network.pollutants import DATE, PROVISIONAL, RULES_VERSION, SIMULATED, STATION_ID, TIMESTAMP
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.differences import Difference, differences
from airquality_dagster.readings.flags import RULES, flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.periods import PERIOD, START, SUMMARISED, period_summaries

_SHOWN = 5


@dataclass(frozen=True)
class _Comparison:
    title: str
    compared: int
    differences: Sequence[Difference]
    note: str = ""


def verify(names: Sequence[str], *, with_source: bool) -> bool:
    """Compare stored data and print the differences. Return whether there are none.

    Args:
        names: names of stations; empty for all.
        with_source: also fetch every stored month from the API and compare.

    Raises:
        MongoDBIOManagerError: an asset was never stored.
        AirQinoError: the API does not answer.
    """
    network = load_network(settings.stations_file())
    stations = network.select(names)
    table = Table("station", "compared", "rows", "differences", "", box=SIMPLE_HEAD)
    lines, is_consistent, is_foreign = [], True, False
    with (
        local_services(with_api=with_source) as services,
        services.open_database() as database,
        dagster_instance(services.instance_folder) as instance,
    ):
        selected = network.model_copy(update={"stations": tuple(stations)})
        to_heal: list[str] = []
        due_runs(instance, selected, datetime.now(UTC), database, warn=to_heal.append)
        for message in to_heal:
            out.print(escape(f"{message} by the next airquality run"))
        for station in stations:
            for part in _comparisons(services, instance, database, network, station, with_source=with_source):
                table.add_row(station.name, part.title, str(part.compared), str(len(part.differences)), part.note)
                is_consistent &= not part.differences
                is_foreign |= any(one.column == STATION_ID for one in part.differences)
                lines += [
                    f"{station.name}, {part.title}, {one.row}: {one.column or 'row'} is {one.stored!r}, should be "
                    f"{one.expected!r}"
                    for one in part.differences[:_SHOWN]
                ]
    out.print(table)
    for line in lines:
        out.print(escape(line))
    if is_foreign:
        out.print(
            "If a station got another device, name the former airqino_id in its deployments (stations file), and add a "
            "deployment from the change on."
        )
    elif not is_consistent:
        out.print("Nothing was changed. airquality backfill computes flags and aggregates of a range of months again.")
    return is_consistent and not to_heal


def _comparisons(
    services: Services,
    instance: dg.DagsterInstance,
    database: Database[Any],
    network: Network,
    station: Station,
    *,
    with_source: bool,
) -> Iterator[_Comparison]:
    stored = stored_frames(services, instance, network)
    hourly = stored(station.raw_asset)
    yield _Comparison("hours", len(hourly), _wrong_hours(hourly, station))
    revisions = list(find_revisions(database, station.raw_asset))
    yield _Comparison("revisions", len(revisions), _wrong_revisions(revisions))

    restated = [pd.Timestamp(revision.document_id) for revision in revisions]
    siting, newest = station.siting(network.time_zone), hourly[TIMESTAMP].max()
    flagged = flag_hours(hourly, restated=restated, siting=siting, newest=None if pd.isna(newest) else newest)
    quality, daily = stored(station.quality_asset), stored(station.aggregates_asset)
    yield _compare("flags and indices", quality, hourly_quality(flagged), [TIMESTAMP])
    expected = daily_aggregates(flagged, network.time_zone)
    # No run makes days before the first month; those of a former first month stay.
    first = partition_date(partition_key(network.first_month))
    expected = expected[(expected[DATE] >= first) | expected[DATE].isin(daily[DATE])]
    yield _compare("days", daily, expected, [DATE])
    summaries = stored(station.summaries_asset)
    # Days that were computed before the pollutant table got a new row do not have its columns.
    days = daily.reindex(columns=daily.columns.union(list(SUMMARISED), sort=False))
    yield _compare("months and years", summaries, period_summaries(days, network.time_zone), [PERIOD, START])
    if with_source:
        published = _published(services, network, station, hourly)
        # These two fields depend on the time of the request and on the source.
        compared = hourly.drop(columns=[PROVISIONAL, SIMULATED], errors="ignore")
        known = published.drop(columns=[PROVISIONAL, SIMULATED], errors="ignore")
        # Hours that the source no longer returns are kept: compare only the others.
        compared = compared[compared[TIMESTAMP].isin(known[TIMESTAMP])]
        yield _Comparison("hours of the source", len(known), differences(compared, known, [TIMESTAMP]))


def _compare(title: str, stored: pd.DataFrame, expected: pd.DataFrame, keys: list[str]) -> _Comparison:
    """Compare rows of the present version of the rules; the next runs compute the other rows again."""
    former = stored[stored[RULES_VERSION] != RULES] if RULES_VERSION in stored else stored
    excluded = former.set_index(keys).index
    stored, expected = (frame[~frame.set_index(keys).index.isin(excluded)] for frame in (stored, expected))
    note = f"{len(former)} rows by former rules: the next runs compute them again" if len(former) else ""
    return _Comparison(title, len(stored), differences(stored, expected, keys), note)


def _wrong_hours(hourly: pd.DataFrame, station: Station) -> list[Difference]:
    """Return stored hours that do not start on the hour, are stored twice, or belong to another station."""
    hours, stations = hourly[TIMESTAMP], hourly[STATION_ID]
    is_foreign = ~stations.isin(station.airqino_ids)
    return [
        *(
            Difference(str(hour), TIMESTAMP, hour, "the start of an hour")
            for hour in hours[hours != hours.dt.floor("h")]
        ),
        *(Difference(str(hour), TIMESTAMP, hour, "once") for hour in hours[hours.duplicated()]),
        *(
            Difference(str(hour), STATION_ID, number, station.airqino_id)
            for hour, number in zip(hours[is_foreign], stations[is_foreign], strict=True)
        ),
    ]


def _wrong_revisions(revisions: Sequence[Revision]) -> list[Difference]:
    """Return revisions that are not numbered from 1, or that hold the document of another hour."""
    wrong, numbers = [], {}
    for revision in revisions:
        key = revision.document_id
        expected = numbers.get(key, 0) + 1
        numbers[key] = revision.number
        if revision.number != expected:
            wrong.append(Difference(str(key), "revision", revision.number, expected))
        if revision.document is None or revision.document["_id"] != key:
            wrong.append(Difference(str(key), "document", revision.document and revision.document["_id"], key))
    return wrong


def _published(services: Services, network: Network, station: Station, hourly: pd.DataFrame) -> pd.DataFrame:
    """Fetch the months that have stored hours."""
    from airquality_dagster.component import airqino_resource

    now = datetime.now(UTC)
    partitions_def = monthly_partitions(network)
    windows = {one.key: partitions_def.time_window_for_partition_key(one.key) for one in network_months(network, now)}
    stored = {
        key: window
        for key, window in windows.items()
        if hourly[TIMESTAMP].between(window.start, window.end, inclusive="left").any()
    }
    with dg.build_resources({"airqino": airqino_resource(services.started)}) as resources:
        fetched = fetch_months(resources.airqino, station, network, stored, now, hourly[TIMESTAMP].max)
    return fetched_frame(fetched, station, now)
