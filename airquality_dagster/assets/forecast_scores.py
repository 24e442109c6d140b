"""``<station>_forecast_scores``: what the forecasts of a station were worth."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from pymongo.database import Database

from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.forecast_inputs import asset_options, past_forecasts, valid_readings
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import FORECAST_SCORE_COLUMNS
from airquality_dagster.checks.forecast import CHECKS, ScoredStation
from airquality_dagster.checks.outcome import check_results, check_specs
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.forecast import withheld_before
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD
from airquality_dagster.readings.forecast_score import SCORED_DAYS, scored, scores


def forecast_scores_asset(station: Station, network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of the scores of a station's forecasts."""
    key = asset_key(station.forecast_scores_asset)

    @dg.asset(
        key=key,
        deps=list(map(asset_key, (station.raw_asset, station.quality_asset, station.forecast_asset))),
        **asset_options(station, network, owner),
        description=(
            f"Forecasts of {station.title_with_city} beside what came, each night: errors over 7 and 28 days, and "
            "how much better they were than saying 'as now'. A model that lost over 7 days is withheld. "
            "Method: `docs/forecast.md`."
        ),
        metadata={
            **code_references(forecast_scores_asset),
            "primary_key": ["date", "hours_ahead"],
            "calendar_dates": True,
            "write_mode": "merge",
            "dagster/column_schema": FORECAST_SCORE_COLUMNS,
        },
        check_specs=check_specs(CHECKS, key),
    )
    def forecast_scores(context: dg.AssetExecutionContext) -> Iterator[Any]:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with mongodb_of(context, network).open_database() as database:
            rows = scored_forecasts(database, station, today)
        yield dg.Output(pd.DataFrame(rows, columns=[column.name for column in FORECAST_SCORE_COLUMNS.columns]))
        facts = ScoredStation(station.name, rows)
        yield from check_results(CHECKS, lambda: facts, key, context.selected_asset_check_keys)

    return forecast_scores


def scored_forecasts(database: Database[dict[str, Any]], station: Station, today: datetime) -> list[dict[str, Any]]:
    """Score the forecasts of the hours before a date.

    Args:
        database: database of the station.
        station: the station.
        today: midnight UTC.

    Returns:
        one row an hour ahead: for each reading R ``R_7_days`` and ``R_28_days`` (fields of `Score`, or None), and
        ``R_is_withheld``: whether the model was withheld at the end.
    """
    until = today - timedelta(hours=1)
    since = until - timedelta(days=max(SCORED_DAYS))
    valid = valid_readings(database, station, since, today)
    past = past_forecasts(database, station, since)
    rows: list[dict[str, Any]] = [{"date": today, "hours_ahead": hours_ahead} for hours_ahead in HOURS_AHEAD]
    for field in FORECAST_FIELDS:
        of_field = scored(past, field, valid[field])
        withheld = withheld_before(past, field, today)
        by_days = {days: scores(of_field, until, days) for days in SCORED_DAYS}
        for row in rows:
            for days, found in by_days.items():
                one = found.get(row["hours_ahead"])
                row[f"{field}_{days}_days"] = asdict(one) if one else None
            row[f"{field}_is_withheld"] = row["hours_ahead"] in withheld
    return rows
