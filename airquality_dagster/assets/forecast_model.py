"""``<station>_forecast_model``: what the forecasts of a station are made by."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from pymongo.database import Database

from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.forecast_inputs import asset_options, valid_readings
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import FORECAST_MODEL_COLUMNS
from airquality_dagster.checks.outcome import table
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import BY_FIELD
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.forecast_model import (
    FORECAST_FIELDS,
    MOST_DAYS,
    FieldModel,
    fit,
    refit_due,
)


def forecast_model_asset(station: Station, network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of the models of a station's forecasts."""

    @dg.asset(
        key=asset_key(station.forecast_model_asset),
        deps=[asset_key(station.raw_asset), asset_key(station.quality_asset)],
        **asset_options(station, network, owner),
        description=(
            f"Models of the forecasts of {station.title_with_city}, one document a pollutant: fitted to the valid "
            "hours of up to two years on the 1st and the 15th of a month. Plain numbers. Method: `docs/forecast.md`."
        ),
        metadata={
            **code_references(forecast_model_asset),
            "primary_key": "field",
            "write_mode": "replace",
            "dagster/column_schema": FORECAST_MODEL_COLUMNS,
        },
    )
    def model(context: dg.AssetExecutionContext) -> dg.Output[pd.DataFrame]:
        with mongodb_of(context, network).open_database() as database:
            models = fitted_models(database, station, datetime.now(UTC))
        lines = [
            [BY_FIELD[one.field].label, one.valid_hours, one.method or "too few hours for any forecast"]
            for one in models
        ]
        return dg.Output(
            pd.DataFrame([one.to_document() for one in models]),
            metadata={
                "fitted_until": dg.MetadataValue.timestamp(models[0].fitted_at.to_pydatetime()),
                "models": dg.MetadataValue.md(table(["", "valid hours", "forecast by"], lines)),
            },
        )

    return model


def fitted_models(database: Database[dict[str, Any]], station: Station, now: datetime) -> list[FieldModel]:
    """Fit the models of a station that are in use at a moment.

    Args:
        database: database of the station.
        station: the station.
        now: the present moment, tz-aware.
    """
    fitted_at = refit_due(now).to_pydatetime()
    valid = valid_readings(database, station, fitted_at - timedelta(days=MOST_DAYS), fitted_at)
    return [fit(valid, field, fitted_at) for field in FORECAST_FIELDS]
