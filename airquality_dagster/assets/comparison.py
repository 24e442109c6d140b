"""``<pair>_comparison``: the two stations of a pair compared, with what may be said of the difference."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd
from pymongo.database import Database

from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import COMPARISON_COLUMNS
from airquality_dagster.checks.comparison import CHECKS, Compared
from airquality_dagster.checks.outcome import check_results, check_specs, table
from airquality_dagster.network.colocation import compared_periods, side_by_side
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.neighbours import Neighbours
from airquality_dagster.network.pairs import Pair
from airquality_dagster.network.pollutants import BY_FIELD, POLLUTANTS, SIMULATED
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.comparison import VERSION, comparison_rows
from airquality_dagster.readings.comparison_hours import PairHours, StationHours
from airquality_dagster.readings.comparison_left_out import left_out
from airquality_dagster.readings.comparison_parts import ALL
from airquality_dagster.readings.comparison_statements import Names, statements
from airquality_dagster.readings.disagreements import FIRST, SECOND
from airquality_dagster.readings.flags import FAULTY, RULES, Flag, flag_names
from airquality_dagster.readings.neighbour_days import FINDINGS, neighbour_days
from airquality_dagster.storage.judged_hours import has_simulated_hours, judged_hours
from airquality_dagster.storage.neighbours import neighbour_documents

_FIELDS = [field for field in BY_FIELD if field != "internal_temperature"]
KEY = ["pollutant", "period", "part"]


def comparison_asset(pair: Pair, network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset that compares the stations of a pair."""
    key = asset_key(network.comparison_asset(pair))
    stations = [network.station(name) for name in (pair.first, pair.second)]
    question = f"**{pair.question}** " if pair.question else ""

    @dg.asset(
        key=key,
        deps=[
            asset_key(asset)
            for asset in (
                *(asset for station in stations for asset in (station.raw_asset, station.quality_asset)),
                network.neighbours_asset,
            )
        ],
        group_name="comparison",
        kinds={"pandas", "mongodb"},
        owners=[owner],
        tags={"pair": pair.name},
        io_manager_key=network.named("io_manager"),
        required_resource_keys={network.named("mongodb")},
        code_version=f"{VERSION}.{RULES}",
        description=(
            f"{question}{stations[1].title_with_city} minus {stations[0].title_with_city}, in {network.network.name}: "
            "raw and on one scale, with 95 % intervals, by season, month, hour of day, weekday, dry and wet, calm and "
            "dusty; and in one sentence what may be said, or why nothing.\n\nMethod, sources and all fields: "
            "`docs/comparison.md`. Flags and units: `docs/data.md`."
        ),
        metadata={
            **code_references(comparison_asset),
            "primary_key": KEY,
            "dagster/column_schema": COMPARISON_COLUMNS,
        },
        check_specs=check_specs(CHECKS, key),
    )
    def compare(context: dg.AssetExecutionContext) -> Iterator[Any]:
        now = datetime.now(UTC)
        with mongodb_of(context, network).open_database() as database:
            compared = compare_pair(database, network, pair, now=now)
        rows = compared.rows
        yield dg.Output(
            pd.DataFrame(rows, columns=[column.name for column in COMPARISON_COLUMNS.columns]),
            metadata={
                "said": dg.MetadataValue.md("\n\n".join(row["valid_statement"] for row in compared.wholes)),
                "hours": dg.MetadataValue.int(max((row["hours"] for row in compared.wholes), default=0)),
                **_plot(compared),
            },
        )
        yield from check_results(CHECKS, lambda: compared, key, context.selected_asset_check_keys)

    return compare


def _plot(compared: Compared) -> dict[str, Any]:
    """Return the difference on one scale by hour of day, as a table with bars, for the UI."""
    shown = {}
    for whole in compared.wholes:
        rows = [row for row in compared.rows if row["pollutant"] == whole["pollutant"] and row["period"] == "hour"]
        rows = [row for row in rows if row["difference_one_scale"]["low"] is not None]
        if rows:
            highest = max(abs(row["difference_one_scale"]["mean"]) for row in rows) or 1.0
            lines = [
                [
                    row["part"],
                    *(f"{row['difference_one_scale'][name]:.1f}" for name in ("mean", "low", "high")),
                    "█" * round(20 * abs(row["difference_one_scale"]["mean"]) / highest),
                ]
                for row in rows
            ]
            shown[f"{whole['pollutant']}_by_hour"] = dg.MetadataValue.md(
                table(["hour", f"difference ({BY_FIELD[whole['pollutant']].unit})", "low", "high", ""], lines)
            )
    return shown


def compare_pair(
    database: Database[dict[str, Any]],
    network: Network,
    pair: Pair,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    with_parts: bool = True,
) -> Compared:
    """Compare the stations of a pair.

    Args:
        database: database of the network.
        network: the network.
        pair: the pair.
        now: the present moment, tz-aware.
        start, end: ``start <= hour < end``, tz-aware; None: from the first, to the last hour that is compared.
        with_parts: also by season, month, hour of day and so on.
    """
    first, second = network.station(pair.first), network.station(pair.second)
    windows = side_by_side(first, second, network.time_zone)
    of_first, of_second = (
        StationHours(
            *judged_hours(
                database,
                one.raw_asset,
                one.quality_asset,
                _FIELDS,
                faulty=flag_names(FAULTY),
                off_site=flag_names(Flag.OFF_SITE)[0],
                cross_sensitive=flag_names(Flag.CROSS_SENSITIVE)[0],
            )
        )
        for one in (first, second)
    )
    hours = PairHours.of(of_first, of_second, windows, compared_periods(first, second, network.time_zone, now))
    days = _days(database, network, first, second, hours)
    names = Names(_called(first), _called(second))
    is_simulated = any(has_simulated_hours(database, one.raw_asset) for one in (first, second))
    bounds = [None if moment is None else pd.Timestamp(moment).tz_convert("UTC") for moment in (start, end)]
    rows: list[dict[str, Any]] = []
    for parameter in POLLUTANTS:
        data = hours.of_field(parameter.field, bounds[0], bounds[1], left_out(days, parameter.field))
        of_field = comparison_rows(data, hours.relations(parameter.field), network.time_zone, with_parts=with_parts)
        of_field[0] |= statements(of_field[0], names)
        rows += of_field
    if is_simulated:
        rows = [{**row, SIMULATED: True} for row in rows]
    return Compared(pair.name, rows, [row for row in rows if row["period"] == ALL], windows, now)


def _days(
    database: Database[dict[str, Any]], network: Network, first: Station, second: Station, hours: PairHours
) -> list[dict[str, Any]]:
    """Return what the two stations say of each other day by day: as it is stored, and computed where it is not."""
    is_valid = hours.is_compared
    if not is_valid.any():
        return []
    order = [station.name for station in network.stations]
    is_reversed = order.index(first.name) > order.index(second.name)
    pair = Neighbours(second, first) if is_reversed else Neighbours(first, second)
    stored = neighbour_documents(database, network.neighbours_asset, pair.first.name, pair.second.name, RULES)
    rows = {pd.Timestamp(row["date"]).tz_convert("UTC"): dict(row) for row in stored}
    compared = hours.hours[is_valid]
    missing = pd.date_range(compared[0].floor("D"), compared[-1].floor("D")).difference(pd.DatetimeIndex(list(rows)))
    if len(missing):
        frames = {
            name: station.valid.rename_axis("timestamp").reset_index()
            for name, station in ((first.name, hours.first), (second.name, hours.second))
        }
        moves = {(pair.first.name, pair.second.name): pair.moves(network.time_zone)}
        dates = pd.date_range(missing[0], missing[-1])
        rows |= {row["date"]: row for row in neighbour_days(frames, moves, dates).to_dict("records")}
    days = [rows[date] for date in sorted(rows)]
    return [_swapped(day) for day in days] if is_reversed else days


def _swapped(day: dict[str, Any]) -> dict[str, Any]:
    """Return a day whose findings name the stations in the order of the pair."""
    other = {FIRST: SECOND, SECOND: FIRST, None: None}
    return {**day, FINDINGS: [{**one, "station": other[one["station"]]} for one in day[FINDINGS]]}


def _called(station: Station) -> str:
    """Return the name of a station with that of its present place."""
    places = [deployment.place for deployment in station.deployments if deployment.is_outdoor and deployment.place]
    return f"{station.name} ({places[-1]})" if places else station.name
