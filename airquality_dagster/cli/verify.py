"""``airquality verify``: does what is stored agree with itself, and with the source?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
import pandas as pd
from dagster_mongodb import MongoDBIOManagerError, Revision, find_revisions
from pymongo.database import Database
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from airquality_dagster import settings
from airquality_dagster.airqino.answer import hourly_frame
from airquality_dagster.automation.instance import network_months
from airquality_dagster.cli.terminal import out
from airquality_dagster.errors import AirQualityError
from airquality_dagster.local.services import Services, dagster_instance, local_services
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.partitions import monthly_partitions
from airquality_dagster.network.pollutants import PROVISIONAL, RULES_VERSION, SIMULATED, TIMESTAMP
from airquality_dagster.network.stations import Network, Station, load_network
from airquality_dagster.readings.days import DATE, daily_aggregates
from airquality_dagster.readings.differences import Difference, differences
from airquality_dagster.readings.flags import RULES, flag_hours
from airquality_dagster.readings.hours import hourly_quality
from airquality_dagster.readings.periods import PERIOD, START, SUMMARISED, period_summaries

_SHOWN = 5


@dataclass(frozen=True)
class _Finding:
    what: str
    compared: int
    differs: Sequence[Difference]
    note: str = ""


def verify(names: Sequence[str], *, with_source: bool) -> bool:
    """Compare and print what differs. Return whether nothing does.

    Args:
        names: of the stations; none for all.
        with_source: ask the API for every stored month, too.

    Raises:
        AirQualityError: something was never stored, or the API does not answer.
    """
    network = load_network(settings.stations_file())
    stations = [network.station(name) for name in dict.fromkeys(names)] or list(network.stations)
    table = Table("station", "compared", "rows", "differences", "", box=SIMPLE_HEAD)
    shown, is_sound = [], True
    with (
        local_services(with_api=with_source) as services,
        services.open_database() as database,
        dagster_instance(services.instance_folder) as instance,
    ):
        for station in stations:
            try:
                findings = list(_findings(services, instance, database, network, station, with_source=with_source))
            except MongoDBIOManagerError as error:
                raise AirQualityError(str(error)) from error
            for finding in findings:
                table.add_row(
                    station.name, finding.what, str(finding.compared), str(len(finding.differs)), finding.note
                )
                is_sound &= not finding.differs
                shown += [
                    f"{station.name}, {finding.what}, {one.row}: {one.column or 'row'} is {one.stored!r}, should be "
                    f"{one.expected!r}"
                    for one in finding.differs[:_SHOWN]
                ]
    out.print(table)
    for line in shown:
        out.print(escape(line))
    if not is_sound:
        out.print(
            "airquality backfill with the months that differ makes what is computed anew; nothing was changed here."
        )
    return is_sound


def _findings(
    services: Services,
    instance: dg.DagsterInstance,
    database: Database[Any],
    network: Network,
    station: Station,
    *,
    with_source: bool,
) -> Iterator[_Finding]:
    from airquality_dagster.component import network_definitions

    loaded = network_definitions(network, services.started)

    def stored(asset: str) -> pd.DataFrame:
        value = loaded.load_asset_value(asset_key(asset), python_type=pd.DataFrame, instance=instance)
        return cast("pd.DataFrame", value)

    hourly = stored(station.raw_asset)
    yield _Finding("hours", len(hourly), _wrong_hours(hourly, station))
    revisions = list(find_revisions(database, station.raw_asset))
    yield _Finding("revisions", len(revisions), _wrong_revisions(revisions))

    restated = [pd.Timestamp(revision.document_id) for revision in revisions]
    flagged = flag_hours(hourly, restated=restated)
    quality, daily = stored(station.quality_asset), stored(station.aggregates_asset)
    yield _judged("flags and indices", quality, hourly_quality(flagged), [TIMESTAMP])
    yield _judged("days", daily, daily_aggregates(flagged, network.time_zone), [DATE])
    summaries = stored(station.summaries_asset)
    # Days that were made before the pollutant table had a further row lack its columns.
    days = daily.reindex(columns=daily.columns.union(SUMMARISED, sort=False))
    yield _judged("months and years", summaries, period_summaries(days, network.time_zone), [PERIOD, START])
    if with_source:
        published = _published(services, network, station, hourly)
        # Whether an hour is provisional depends on the moment; whether it is simulated, the answer says.
        compared = hourly.drop(columns=[PROVISIONAL, SIMULATED], errors="ignore")
        known = published.drop(columns=[PROVISIONAL, SIMULATED], errors="ignore")
        # What the source does not answer any more stays: only what it does is compared.
        compared = compared[compared[TIMESTAMP].isin(known[TIMESTAMP])]
        yield _Finding("hours of the source", len(known), differences(compared, known, [TIMESTAMP]))


def _judged(what: str, stored: pd.DataFrame, expected: pd.DataFrame, keys: list[str]) -> _Finding:
    """Compare what was judged by the present rules; what was judged by former ones is made anew by the next runs."""
    former = stored[stored[RULES_VERSION] != RULES] if RULES_VERSION in stored else stored
    left_out = former.set_index(keys).index
    stored, expected = (frame[~frame.set_index(keys).index.isin(left_out)] for frame in (stored, expected))
    note = f"{len(former)} rows by former rules: the next runs make them anew" if len(former) else ""
    return _Finding(what, len(stored), differences(stored, expected, keys), note)


def _wrong_hours(hourly: pd.DataFrame, station: Station) -> list[Difference]:
    """Return stored hours that do not begin on the hour, are stored twice, or belong to another station."""
    hours = hourly[TIMESTAMP]
    found = [
        Difference(str(hour), TIMESTAMP, hour, "the start of an hour") for hour in hours[hours != hours.dt.floor("h")]
    ]
    found += [Difference(str(hour), TIMESTAMP, hour, "once") for hour in hours[hours.duplicated()]]
    others = hourly[hourly["station_id"] != station.airqino_id]
    found += [
        Difference(str(row[TIMESTAMP]), "station_id", row["station_id"], station.airqino_id)
        for _, row in others.iterrows()
    ]
    return found


def _wrong_revisions(revisions: Sequence[Revision]) -> list[Difference]:
    """Return revisions that are not counted from 1 on, or whose document is another's."""
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
    """Return what the source says now of the months of which hours are stored."""
    from airquality_dagster.component import airqino_resource

    now = datetime.now(UTC)
    partitions_def = monthly_partitions(network)
    answers = []
    with dg.build_resources({"airqino": airqino_resource(services.started)}) as resources:
        for month in network_months(network, now):
            window = partitions_def.time_window_for_partition_key(month.key)
            if hourly[TIMESTAMP].between(window.start, window.end, inclusive="left").any():
                answers.append(resources.airqino.hourly_answer(station.airqino_id, window.start, window.end, now))
    return hourly_frame(answers, station_id=station.airqino_id, now=now, absent=float("nan"))
