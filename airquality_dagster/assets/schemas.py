"""Dataframe types and column schemas of the station assets, derived from the pollutant table."""

from collections.abc import Callable, Iterable

import dagster as dg
import pandas as pd
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type
from dagster_pandas.constraints import ColumnConstraint, ColumnConstraintViolationException

from airquality_dagster.assets.beta import accepted_beta
from airquality_dagster.network.pollutants import (
    BY_FIELD,
    DATE,
    PROVISIONAL,
    RULES_VERSION,
    SIMULATED,
    STATION_ID,
    TIMESTAMP,
)
from airquality_dagster.readings.days import (
    CROSS_SENSITIVE,
    EXPECTED_HOURS,
    HOURS,
    HOURS_FOR_A_VALID_DAY,
    MAXIMA,
    RUNNING_MEANS,
)
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS
from airquality_dagster.readings.forecast_score import SCORED_DAYS
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS
from airquality_dagster.readings.indices import WHO_ANNUAL_LEVELS, WHO_LEVELS
from airquality_dagster.readings.periods import LEAST_PERCENT, PERIOD, START

_NUMBERS_OR_MISSING = (float, int, type(None))


class NumbersOrMissing(ColumnConstraint):
    """Every value is a number or missing, in any dtype (a field may be absent from some rows)."""

    def __init__(self) -> None:
        super().__init__("numbers or missing values", markdown_description="numbers or missing values")

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raise if a value is neither."""
        column = dataframe[column_name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            return
        if all(issubclass(kind, _NUMBERS_OR_MISSING) for kind in set(map(type, column))):
            return
        offending = dataframe[[not isinstance(value, _NUMBERS_OR_MISSING) for value in column]]
        raise ColumnConstraintViolationException("numbers or missing values", "not a number", column_name, offending)


class UtcDates(ColumnConstraint):
    """All values are different dates in UTC."""

    def __init__(self) -> None:
        super().__init__("dates in UTC, each once", markdown_description="dates in UTC, each once")

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raise if the column has another type, or a missing or repeated value."""
        column = dataframe[column_name]
        if not (isinstance(column.dtype, pd.DatetimeTZDtype) and str(column.dtype.tz) == "UTC"):
            raise ColumnConstraintViolationException("dates in UTC", f"{column.dtype}", column_name, dataframe)
        is_offending = column.isna() | column.duplicated()
        if is_offending.any():
            offending = dataframe[is_offending]
            raise ColumnConstraintViolationException("each date once", "missing or twice", column_name, offending)


Column = tuple[str, str, str]
"""Name, type and description of a column; ``{field}``, ``{label}`` and ``{unit}`` stand for those of a parameter."""

_DAILY_STATISTICS: tuple[Column, ...] = (
    ("{field}_mean", "double", "{label}: mean of all readings of the day as published, {unit}"),
    ("{field}_min", "double", "{label}: lowest reading of the day as published, {unit}"),
    ("{field}_max", "double", "{label}: highest reading of the day as published, {unit}"),
    ("{field}_hours", "int", "{label}: hours with a reading"),
    (
        "{field}_valid_mean",
        "double",
        "{label}: mean of the readings that pass quality control, {unit}; "
        f"null under {HOURS_FOR_A_VALID_DAY} of 24 hours",
    ),
    ("{field}_valid_hours", "int", "{label}: hours whose reading passes quality control"),
    ("{field}_percent_complete", "int", "{label}: valid of expected hours, %, truncated to whole per cent"),
    (
        "{field}_invalid",
        "object",
        "{label}: flag → hours that this flag made invalid; null if there is a valid mean",
    ),
)
_QUALITY_STATISTICS: tuple[Column, ...] = (
    ("{field}_qc", "int", "{label}: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing (QARTOD)"),
    ("{field}_flags", "array", "{label}: names of its flags"),
)
_SUMMARY_STATISTICS: tuple[Column, ...] = (
    ("{field}_mean", "double", "{label}: mean of the daily means as published, {unit}"),
    (
        "{field}_valid_mean",
        "double",
        f"{{label}}: mean of the valid daily means, {{unit}}; null under {LEAST_PERCENT} % of days",
    ),
    ("{field}_valid_max", "double", "{label}: highest valid daily mean, {unit}"),
    ("{field}_valid_days", "int", "{label}: days with a valid mean"),
    ("{field}_valid_hours", "int", "{label}: valid hours"),
    (
        "{field}_percent_complete",
        "int",
        "{label}: data capture: valid of expected hours, %, truncated to whole per cent",
    ),
    (
        "{field}_invalid",
        "object",
        "{label}: flag → hours that it made invalid on days with hours but no valid mean; null if the period has one",
    ),
)
# Hours of a mean → description of the day's highest mean.
_MAXIMA = {
    1: f"{{label}}: highest valid hour, {{unit}}; null under {HOURS_FOR_A_VALID_DAY} valid hours",
    8: f"{{label}}: highest 8-hour mean that ends on the day, {{unit}}; null under {HOURS_FOR_A_VALID_DAY} of 24 means",
}


def _of(fields: Iterable[str], *columns: Column) -> list[dg.TableColumn]:
    """Return the given columns for each of some fields of the pollutant table."""
    return [
        dg.TableColumn(
            name.format(field=field),
            kind,
            description.format(field=field, label=BY_FIELD[field].label, unit=BY_FIELD[field].unit),
        )
        for field in fields
        for name, kind, description in columns
    ]


_RULES = dg.TableColumn(RULES_VERSION, "int", "version of the quality rules")

HOURLY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(TIMESTAMP, "date", "start of the hour, UTC; kept as _id"),
        dg.TableColumn(STATION_ID, "int", "AirQino id of the station"),
        *_of(BY_FIELD, ("{field}", "double", "{label} ({unit}), as published")),
        dg.TableColumn(PROVISIONAL, "bool", "true while the hour may still change, then absent"),
        dg.TableColumn(SIMULATED, "bool", "true for readings of the sandbox, absent from measured readings"),
    ]
)

DAILY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(DATE, "date", "the local date, as midnight UTC; kept as _id"),
        dg.TableColumn(HOURS, "int", "stored hours of the day"),
        *_of(BY_FIELD, *_DAILY_STATISTICS),
        dg.TableColumn(EXPECTED_HOURS, "int", "hours of the local day"),
        *(
            column
            for name, (field, hours) in MAXIMA.items()
            for column in _of([field], (name, "double", _MAXIMA[hours]))
        ),
        *_of(
            RUNNING_MEANS.values(),
            ("{field}_8h_means", "int", "{label}: valid 8-hour means that end on the day, one per hour"),
        ),
        *_of(WHO_LEVELS, ("{field}_aqi", "int", "{label}: its US EPA AQI (2024); null without a valid value")),
        dg.TableColumn("aqi", "int", "US EPA AQI (2024): the highest of its pollutants; null if none is valid"),
        dg.TableColumn("aqi_category", "string", "name of the AQI's category"),
        dg.TableColumn("aqi_pollutant", "string", "the pollutant that determines the AQI"),
        dg.TableColumn("aqi_pollutants", "array", "the pollutants with a valid value"),
        *_of(
            WHO_LEVELS,
            ("{field}_who", "string", "strictest level of WHO 2021 that {field} meets: AQG, IT-4 … above IT-1"),
        ),
        dg.TableColumn("who_exceeded", "array", "pollutants above the WHO 2021 guideline, of those with a valid value"),
        dg.TableColumn(CROSS_SENSITIVE, "array", "pollutants whose readings mirror another gas: in no index"),
        _RULES,
        dg.TableColumn(SIMULATED, "bool", "true if an hour of the day is simulated"),
    ]
)

QUALITY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(TIMESTAMP, "date", "start of the hour, UTC; kept as _id"),
        *_of(BY_FIELD, *_QUALITY_STATISTICS),
        dg.TableColumn("eaqi", "int", "European Air Quality Index (2024), 1 good to 6 extremely poor: the worst"),
        dg.TableColumn("eaqi_pollutant", "string", "the pollutant that determines it"),
        dg.TableColumn("eaqi_pollutants", "array", "the pollutants with a valid reading"),
        dg.TableColumn("eaqi_withheld", "string", "why there is no European index: null, or no_particulate_matter"),
        *_of(NOWCAST_POLLUTANTS, ("{field}_nowcast", "double", "{label}: NowCast of the US EPA, {unit}")),
        dg.TableColumn("aqi_nowcast", "int", "US EPA AQI of the NowCast: the higher of PM2.5 and PM10"),
        dg.TableColumn("aqi_nowcast_pollutant", "string", "the pollutant that determines it"),
        _RULES,
        dg.TableColumn(SIMULATED, "bool", "true for hours of the sandbox"),
    ]
)

SUMMARY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(PERIOD, "string", "month or year; with start kept as _id"),
        dg.TableColumn(START, "date", "first local date, as midnight UTC"),
        dg.TableColumn("days", "int", "days with at least one hour"),
        dg.TableColumn("expected_days", "int", "days of the period"),
        dg.TableColumn(EXPECTED_HOURS, "int", "hours of the period"),
        *_of(BY_FIELD, *_SUMMARY_STATISTICS),
        *_of(WHO_LEVELS, ("{field}_days_above_guideline", "int", "{field}: days above WHO's short-term guideline")),
        *_of(WHO_ANNUAL_LEVELS, ("{field}_who", "string", "{field}: level of WHO 2021 of the annual mean; years only")),
        dg.TableColumn("aqi_max", "int", "highest daily AQI"),
        _RULES,
        dg.TableColumn(SIMULATED, "bool", "true if a day of the period is simulated"),
    ]
)

_DIFFERENCE = "mean, low, high (95 %), median, detectable (four times out of five), block_days of the bootstrap"

COMPARISON_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("pollutant", "string", "name of the reading; with period and part kept as _id"),
        dg.TableColumn("period", "string", "all, hour, day_kind, humidity, dust, season or month"),
        dg.TableColumn(
            "part", "string", "all; 00 to 23 (local); weekday, weekend; dry, wet; calm, dusty; DJF …; YYYY-MM"
        ),
        dg.TableColumn("from", "date", "the first hour, UTC"),
        dg.TableColumn("to", "date", "end of the last hour, UTC"),
        dg.TableColumn("hours", "int", "hours at which both have a valid reading"),
        dg.TableColumn("days", "int", "local days with at least three quarters of the hours"),
        dg.TableColumn(
            "mean_first", "double", "mean of the first station over these hours, in the unit of the reading"
        ),
        dg.TableColumn("mean_second", "double", "the same of the second"),
        dg.TableColumn("mean_first_one_scale", "double", "mean of the first, on the scale of the second"),
        dg.TableColumn("background", "double", "mean of the lower envelope of both; PM2.5 and PM10"),
        dg.TableColumn("difference_raw", "object", f"second minus first: {_DIFFERENCE}"),
        dg.TableColumn("difference_one_scale", "object", "the same with the first on the scale of the second"),
        dg.TableColumn("instruments_share", "double", "share of the raw difference that comes from the instruments"),
        dg.TableColumn("withheld", "string", "why nothing can be said about the air; null if something can; all only"),
        dg.TableColumn("valid_answer", "string", "first sentence of the statement; all only"),
        dg.TableColumn("valid_answer_fr", "string", "the same in French"),
        dg.TableColumn("valid_statement", "string", "what may be said, or why nothing; all only"),
        dg.TableColumn("valid_statement_fr", "string", "the same in French"),
        dg.TableColumn("colocation", "object", "the relation that is used: line, intervals, points; all only"),
        dg.TableColumn("colocations", "array", "each side-by-side window, and the difference by it alone; all only"),
        dg.TableColumn("colocations_pooled", "object", "the relation of all of them together; null if there is one"),
        dg.TableColumn("trust", "object", "age of the relation, change of the ratio since, state; all only"),
        dg.TableColumn("left_out", "array", "times that are left out: from, to, reason, station; all only"),
        dg.TableColumn("hours_left_out", "int", "paired hours in these; all only"),
        dg.TableColumn("valid_hours_first", "int", "valid hours of the first station; all only"),
        dg.TableColumn("valid_hours_second", "int", "valid hours of the second; all only"),
        dg.TableColumn(
            "cross_sensitive", "double", "share of the hours at which a channel mirrors another gas; all only"
        ),
        dg.TableColumn("inputs", "string", "digest of all that the comparison was made of; all only"),
        dg.TableColumn("version", "int", "version of the method"),
        dg.TableColumn(SIMULATED, "bool", "true if a station has hours of the sandbox"),
    ]
)


FORECAST_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(
            "origin", "date", "start of the newest full hour that was known, UTC; with hours_ahead kept as _id"
        ),
        dg.TableColumn("hours_ahead", "int", "1, 2, 3, 6, 12 or 24"),
        dg.TableColumn("target", "date", "start of the hour that is forecast, UTC"),
        dg.TableColumn("made_at", "date", "when the forecast was made, UTC"),
        *_of(
            FORECAST_FIELDS,
            ("{field}_p10", "double", "{label}: one reading in ten is lower, {unit}"),
            ("{field}_p50", "double", "{label}: half of the readings are lower, {unit}"),
            ("{field}_p90", "double", "{label}: one reading in ten is higher, {unit}"),
            ("{field}_method", "string", "{label}: model, or persistence (as now); null if nothing is forecast"),
            ("{field}_withheld", "string", "{label}: why nothing is forecast; null if something is"),
            *(
                (f"{{field}}_{method}_{name}", "double", f"{{label}}: {name} by {words}, also while withheld, {{unit}}")
                for method, words in (("model", "the model"), ("persistence", "persistence"))
                for name in ("p10", "p50", "p90")
            ),
        ),
        dg.TableColumn(SIMULATED, "bool", "true if an hour of the week before the origin is simulated"),
    ]
)

FORECAST_MODEL_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("field", "string", "name of the reading; kept as _id"),
        dg.TableColumn("version", "int", "version of the method"),
        dg.TableColumn("fitted_at", "date", "the hours before this moment were fitted, UTC"),
        dg.TableColumn("valid_hours", "int", "valid hours of the history"),
        dg.TableColumn("horizons", "array", "for each hour ahead: coefficients, and residuals of past forecasts"),
    ]
)

_SCORE = (
    "over {days} days: hours, rmse, mae, persistence_rmse, persistence_mae (in {{unit}}), rmse_skill, mae_skill, "
    "pinball_skill (0.15: 15 % better than persistence), coverage (share of readings from p10 to p90); null without any"
)
FORECAST_SCORE_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("date", "date", "targets before this UTC date, as midnight UTC; with hours_ahead kept as _id"),
        dg.TableColumn("hours_ahead", "int", "1, 2, 3, 6, 12 or 24"),
        *_of(
            FORECAST_FIELDS,
            *(("{field}_" + f"{days}_days", "object", "{label}, " + _SCORE.format(days=days)) for days in SCORED_DAYS),
            ("{field}_is_withheld", "bool", "{label}: whether the model was withheld before this date"),
        ),
    ]
)


def _dataframe_type(name: str, description: str, columns: Callable[[], list[PandasColumn]]) -> dg.DagsterType:
    with accepted_beta():
        return create_dagster_pandas_dataframe_type(name=name, description=description, columns=columns())


HOURLY_READINGS = _dataframe_type(
    "HourlyReadings",
    "One row per hour: timestamp (UTC), station_id and the sensors' readings in their units.",
    lambda: [
        PandasColumn(TIMESTAMP, constraints=[UtcDates()]),
        PandasColumn(STATION_ID, constraints=[NumbersOrMissing()]),
        *(PandasColumn(field, constraints=[NumbersOrMissing()], is_required=False) for field in BY_FIELD),
    ],
)

DAILY_AGGREGATES = _dataframe_type(
    "DailyAggregates",
    "One row per local day: hours, and the daily statistics of each sensor in its unit.",
    lambda: [
        PandasColumn(DATE, constraints=[UtcDates()]),
        PandasColumn.integer_column(HOURS, min_value=1, max_value=25),
        *(
            PandasColumn(column.name, constraints=[NumbersOrMissing()])
            for column in _of(BY_FIELD, *_DAILY_STATISTICS)
            if column.type != "object"
        ),
    ],
)
