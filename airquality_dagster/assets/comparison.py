"""``<pair>_comparison``: the two stations of a pair compared, with what may be said about the difference."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from airquality_dagster.assets.compared_pair import INPUTS, read_pair
from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import COMPARISON_COLUMNS
from airquality_dagster.checks.comparison import CHECKS, Compared
from airquality_dagster.checks.outcome import check_results, check_specs, table
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pairs import Pair
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Network
from airquality_dagster.readings.comparison import VERSION
from airquality_dagster.readings.comparison_parts import ALL
from airquality_dagster.readings.comparison_statements import decimals_of, written
from airquality_dagster.readings.flags import RULES
from airquality_dagster.storage.comparisons import comparison_documents

KEY = ["pollutant", "period", "part"]
_ROW_COUNT = "dagster/row_count"


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
            "dusty; and what may be said, or why nothing. It is computed again where readings, flags or deployments "
            "have changed.\n\nMethod, sources and all fields: `docs/comparison.md`. Flags and units: `docs/data.md`."
        ),
        metadata={
            **code_references(comparison_asset),
            "primary_key": KEY,
            "dagster/column_schema": COMPARISON_COLUMNS,
        },
        check_specs=check_specs(CHECKS, key),
    )
    def compare(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with mongodb_of(context, network).open_database() as database:
            inputs = read_pair(database, network, pair, datetime.now(UTC))
            stored = comparison_documents(database, network.comparison_asset(pair))
        is_stored = _is_made_of(inputs.digest, stored, context.instance.get_latest_materialization_event(key))
        compared = inputs.with_rows(stored) if is_stored else inputs.compared()
        yield dg.Output(
            pd.DataFrame(compared.rows, columns=[column.name for column in COMPARISON_COLUMNS.columns]),
            metadata={
                "said": dg.MetadataValue.md("\n\n".join(row["valid_statement"] for row in compared.wholes)),
                "hours": dg.MetadataValue.int(max((row["hours"] for row in compared.wholes), default=0)),
                INPUTS: dg.MetadataValue.text(inputs.digest),
                "computed_again": dg.MetadataValue.bool(not is_stored),
                **_plot(compared),
            },
        )
        yield from check_results(CHECKS, lambda: compared, key, context.selected_asset_check_keys)

    return compare


def _is_made_of(digest: str, stored: list[Mapping[str, Any]], event: dg.EventLogEntry | None) -> bool:
    """Return whether the stored rows are those of these inputs, all of them.

    A run that was killed while it wrote has no event; a database that was restored has other rows.

    Args:
        digest: of the inputs.
        stored: rows.
        event: the newest materialization, None if there is none.
    """
    if event is None or event.asset_materialization is None:
        return False
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    is_complete = metadata.get(INPUTS) == digest and metadata.get(_ROW_COUNT) == len(stored)
    return is_complete and all(row[INPUTS] == digest for row in stored if row["period"] == ALL)


def _plot(compared: Compared) -> dict[str, Any]:
    """Return the difference on one scale by hour of day, as a table with bars, for the UI."""
    shown = {}
    for whole in compared.wholes:
        rows = [row for row in compared.rows if row["pollutant"] == whole["pollutant"] and row["period"] == "hour"]
        differences = [(row["part"], row["difference_one_scale"]) for row in rows]
        differences = [(part, difference) for part, difference in differences if difference["low"] is not None]
        if differences:
            highest = max(abs(difference["mean"]) for _, difference in differences) or 1.0
            decimals = decimals_of(*(difference for _, difference in differences))
            lines = [
                [
                    part,
                    *(written(difference[name], decimals) for name in ("mean", "low", "high")),
                    "█" * round(20 * abs(difference["mean"]) / highest),
                ]
                for part, difference in differences
            ]
            shown[f"{whole['pollutant']}_by_hour"] = dg.MetadataValue.md(
                table(["hour", f"difference ({BY_FIELD[whole['pollutant']].unit})", "low", "high", ""], lines)
            )
    return shown
