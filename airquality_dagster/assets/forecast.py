"""``<station>_forecast``: the next hours of a station, as far as they can be told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from pymongo.database import Database

from airquality_dagster.assets.descriptions import code_references
from airquality_dagster.assets.forecast_inputs import asset_options, past_forecasts, valid_readings
from airquality_dagster.assets.resources import mongodb_of
from airquality_dagster.assets.schemas import FORECAST_COLUMNS
from airquality_dagster.checks.outcome import moment, table
from airquality_dagster.network.keys import asset_key
from airquality_dagster.network.pollutants import BY_FIELD, SIMULATED
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.forecast import NO_MODEL, Forecast, forecast, withheld_before
from airquality_dagster.readings.forecast_features import WINDOW_HOURS
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS, HOURS_AHEAD, FieldModel
from airquality_dagster.readings.forecast_score import IN_TIME_FOR, scored, withheld_hours
from airquality_dagster.storage.forecasts import forecasts_of, newest_full_hour, stored_models
from airquality_dagster.storage.judged_hours import has_simulated_hours

_COLUMNS = [column.name for column in FORECAST_COLUMNS.columns if column.name != SIMULATED]
_CONTENT = set(_COLUMNS) - {"origin", "hours_ahead", "made_at"}


def forecast_asset(station: Station, network: Network, owner: str) -> dg.AssetsDefinition:
    """Return the asset of a station's forecasts."""

    @dg.asset(
        key=asset_key(station.forecast_asset),
        deps=list(map(asset_key, (station.raw_asset, station.quality_asset, station.forecast_model_asset))),
        **asset_options(station, network, owner),
        description=(
            f"PM2.5, PM10 and CO of {station.title_with_city} 1, 2, 3, 6, 12 and 24 hours ahead: median, and p10 to "
            "p90, between which four of five readings fall. Where nothing can be told, `*_withheld` says why.\n\n"
            "Made of what was known at `origin`, the newest full hour. Method, and what the forecasts are worth: "
            "`docs/forecast.md`."
        ),
        metadata={
            **code_references(forecast_asset),
            "primary_key": ["origin", "hours_ahead"],
            "write_mode": "merge",
            "dagster/column_schema": FORECAST_COLUMNS,
        },
    )
    def forecasts(context: dg.AssetExecutionContext) -> dg.Output[pd.DataFrame]:
        now = datetime.now(UTC).replace(microsecond=0)
        with mongodb_of(context, network).open_database() as database:
            made = forecast_station(database, station, now, warn=context.log.warning)
            rows = _new_rows(database, station, made, now) if made else []
            is_simulated = bool(rows) and has_simulated_hours(
                database, station.raw_asset, rows[0]["origin"] - timedelta(hours=WINDOW_HOURS)
            )
        frame = pd.DataFrame(rows, columns=_COLUMNS)
        return dg.Output(frame.assign(**{SIMULATED: True}) if is_simulated else frame, metadata=_metadata(made))

    return forecasts


def forecast_station(
    database: Database[dict[str, Any]],
    station: Station,
    now: datetime,
    *,
    warn: Callable[[str], None] = lambda message: None,
) -> list[Forecast]:
    """Forecast the hours after the newest full hour of a station; nothing if it has none.

    Args:
        database: database of the station.
        station: the station.
        now: the present moment, tz-aware.
        warn: called with a message if a model cannot be used.
    """
    origin = newest_full_hour(database, station.raw_asset, now)
    if origin is None:
        return []
    models = list(_models(database, station, warn))
    # The week that a forecast looks at, and what came since the models were fitted.
    since = min([origin - timedelta(hours=WINDOW_HOURS), *(model.fitted_at.to_pydatetime() for model in models)])
    valid = valid_readings(database, station, since, origin + timedelta(hours=1))
    past = past_forecasts(database, station, since)
    made = {model.field: _forecast(valid, model, origin, past) for model in models}
    return [one for field in FORECAST_FIELDS for one in made.get(field) or _without_model(field, origin)]


def _forecast(valid: pd.DataFrame, model: FieldModel, origin: datetime, past: pd.DataFrame) -> list[Forecast]:
    came = scored(past, model.field, valid[model.field])
    withheld = withheld_hours(came, origin, withheld_before(past, model.field, origin))
    return forecast(valid, model, origin, scored=came, withheld=withheld)


def _models(database: Database[dict[str, Any]], station: Station, warn: Callable[[str], None]) -> Iterator[FieldModel]:
    """Yield the models that can be used: no damaged document keeps the other readings from being forecast."""
    for document in stored_models(database, station.forecast_model_asset):
        try:
            yield FieldModel.from_document(document)
        except ValueError as error:
            warn(f"{station.forecast_model_asset}: {error}, by materializing the asset")


def _without_model(field: str, origin: datetime) -> list[Forecast]:
    moment = pd.Timestamp(origin).tz_convert("UTC")
    return [Forecast(field, moment, hours_ahead, withheld=NO_MODEL) for hours_ahead in HOURS_AHEAD]


def _new_rows(
    database: Database[dict[str, Any]], station: Station, made: Sequence[Forecast], now: datetime
) -> list[dict[str, Any]]:
    """Return a row an hour ahead, with the fields of all readings, where it says something new."""
    origin = made[0].origin.to_pydatetime()
    rows: dict[int, dict[str, Any]] = {}
    for one in made:
        row = rows.setdefault(
            one.hours_ahead,
            {
                "origin": origin,
                "hours_ahead": one.hours_ahead,
                "target": one.target.to_pydatetime(),
                "made_at": now,
            },
        )
        row |= one.document
    stored = forecasts_of(database, station.forecast_asset, origin)
    return [row for row in rows.values() if _is_new(row, stored.get(row["hours_ahead"]))]


def _is_new(row: Mapping[str, Any], stored: Mapping[str, Any] | None) -> bool:
    """Return whether a forecast says something new; nothing that is too late replaces one that was made in time."""
    if stored is None:
        return True
    if stored["made_at"] < row["target"] + IN_TIME_FOR <= row["made_at"]:
        return False
    return any(stored.get(name) != row[name] for name in _CONTENT)


def _metadata(made: Sequence[Forecast]) -> dict[str, dg.MetadataValue]:
    if not made:
        return {}
    lines = [[BY_FIELD[one.field].label, f"{one.hours_ahead} h", moment(one.target), *_cells(one)] for one in made]
    return {
        "origin": dg.MetadataValue.timestamp(made[0].origin.to_pydatetime()),
        "forecasts": dg.MetadataValue.md(table(["", "ahead", "hour (UTC)", "p10", "p50", "p90", ""], lines)),
    }


def _cells(one: Forecast) -> list[str]:
    said = one.published
    if said is None:
        return ["", "", "", f"none: {one.withheld}"]
    return [*(f"{value:.1f}" for value in (said.p10, said.p50, said.p90)), f"{BY_FIELD[one.field].unit}, {one.method}"]
