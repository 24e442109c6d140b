"""Dataframe types and column schemas of the station assets, made from the pollutant table."""

from collections.abc import Callable

import dagster as dg
import pandas as pd
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type
from dagster_pandas.constraints import ColumnConstraint, ColumnConstraintViolationException

from airquality_dagster.assets.beta import accepted_beta
from airquality_dagster.network.pollutants import (
    BY_FIELD,
    PARAMETERS,
    PROVISIONAL,
    RULES_VERSION,
    SIMULATED,
    STATION_ID,
    TIMESTAMP,
    Parameter,
)
from airquality_dagster.readings.days import DATE, EXPECTED_HOURS, HOURS, HOURS_FOR_A_VALID_DAY, MAXIMA, RUNNING_MEANS
from airquality_dagster.readings.indices import WHO_ANNUAL_LEVELS, WHO_LEVELS

_NUMBERS_OR_MISSING = (float, int, type(None))


class NumbersOrMissing(ColumnConstraint):
    """Every value is a number or missing, whatever the dtype (a field may be absent from some rows)."""

    def __init__(self) -> None:
        super().__init__("numbers or missing values", markdown_description="numbers or missing values")

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raise if any value is neither."""
        column = dataframe[column_name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            return
        if all(issubclass(kind, _NUMBERS_OR_MISSING) for kind in set(map(type, column))):
            return
        offending = dataframe[[not isinstance(value, _NUMBERS_OR_MISSING) for value in column]]
        raise ColumnConstraintViolationException("numbers or missing values", "not a number", column_name, offending)


class UtcDates(ColumnConstraint):
    """Every value is a date in UTC, each once."""

    def __init__(self) -> None:
        super().__init__("dates in UTC, each once", markdown_description="dates in UTC, each once")

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raise if the column has another type, a missing value or a value twice."""
        column = dataframe[column_name]
        if not (isinstance(column.dtype, pd.DatetimeTZDtype) and str(column.dtype.tz) == "UTC"):
            raise ColumnConstraintViolationException("dates in UTC", f"{column.dtype}", column_name, dataframe)
        is_offending = column.isna() | column.duplicated()
        if is_offending.any():
            offending = dataframe[is_offending]
            raise ColumnConstraintViolationException("each date once", "missing or twice", column_name, offending)


# Statistic of a day → (type, description with {label} and {unit}).
_DAILY_STATISTICS = {
    "mean": ("double", "mean of all readings of the day as published, {unit}"),
    "min": ("double", "lowest reading of the day as published, {unit}"),
    "max": ("double", "highest reading of the day as published, {unit}"),
    "hours": ("int", "hours with a reading"),
    "valid_mean": (
        "double",
        f"mean of the readings that pass quality control, {{unit}}; null under {HOURS_FOR_A_VALID_DAY} of 24 hours",
    ),
    "valid_hours": ("int", "hours whose reading passes quality control"),
    "percent_complete": ("int", "valid of expected hours, %, cut to whole per cent"),
    "invalid": ("object", "flag → hours that it kept from being valid; null where there is a valid mean"),
}
_NOT_NUMBERS = frozenset({"invalid"})
RULES_COLUMN = ("int", "version of the rules by which readings were judged")
# Hours of a mean → description of the day's highest.
_MAXIMA = {
    1: "{label}: highest valid hour, {unit}; null under 18 valid hours",
    8: "{label}: highest 8-hour mean that ends on the day, {unit}; null under 18 of 24 means",
}
# Other fields of a day → (type, description).
_DAILY_INDICES = {
    **{
        name: ("double", _MAXIMA[hours].format(label=BY_FIELD[field].label, unit=BY_FIELD[field].unit))
        for name, (field, hours) in MAXIMA.items()
    },
    **{
        name: ("int", f"{BY_FIELD[field].label}: valid 8-hour means that end on the day, of one an hour")
        for name, field in RUNNING_MEANS.items()
    },
    **{
        f"{field}_aqi": ("int", f"{BY_FIELD[field].label}: its US EPA AQI (2024); null without a valid value")
        for field in WHO_LEVELS
    },
    "aqi": ("int", "US EPA AQI (2024): the highest of its pollutants; null where none is valid"),
    "aqi_category": ("string", "name of the AQI's category"),
    "aqi_pollutant": ("string", "the pollutant that decides the AQI"),
    "aqi_pollutants": ("array", "the pollutants of which there was a valid value"),
    **{
        f"{pollutant}_who": ("string", f"strictest level of WHO 2021 that {pollutant} meets: AQG, IT-4 … above IT-1")
        for pollutant in WHO_LEVELS
    },
    "who_exceeded": ("array", "pollutants above the WHO 2021 guideline, of those with a valid value"),
    RULES_VERSION: RULES_COLUMN,
}


def daily_fields(parameter: Parameter) -> dict[str, tuple[str, str]]:
    """Return field → (type, description) of a parameter's daily statistics."""
    return {
        f"{parameter.field}_{statistic}": (
            kind,
            f"{parameter.label}: {description.format(unit=parameter.unit)}",
        )
        for statistic, (kind, description) in _DAILY_STATISTICS.items()
    }


HOURLY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(TIMESTAMP, "date", "start of the hour, UTC; kept as _id"),
        dg.TableColumn(STATION_ID, "int", "AirQino id of the station"),
        *(
            dg.TableColumn(parameter.field, "double", f"{parameter.description}, as published")
            for parameter in PARAMETERS
        ),
        dg.TableColumn(PROVISIONAL, "bool", "true while the hour may still change, absent after"),
        dg.TableColumn(SIMULATED, "bool", "true for readings of the sandbox, absent from measured ones"),
    ]
)

DAILY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(DATE, "date", "the local date, as midnight UTC; kept as _id"),
        dg.TableColumn(HOURS, "int", "hours of that day that are stored"),
        *(
            dg.TableColumn(field, kind, description)
            for parameter in PARAMETERS
            for field, (kind, description) in daily_fields(parameter).items()
        ),
        dg.TableColumn(EXPECTED_HOURS, "int", "hours of that local day"),
        *(dg.TableColumn(field, kind, description) for field, (kind, description) in _DAILY_INDICES.items()),
        dg.TableColumn(SIMULATED, "bool", "true where an hour of the day is simulated"),
    ]
)

QUALITY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(TIMESTAMP, "date", "start of the hour, UTC; kept as _id"),
        *(
            column
            for parameter in PARAMETERS
            for column in (
                dg.TableColumn(
                    f"{parameter.field}_qc",
                    "int",
                    f"{parameter.label}: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing (QARTOD)",
                ),
                dg.TableColumn(f"{parameter.field}_flags", "array", f"{parameter.label}: names of its flags"),
            )
        ),
        dg.TableColumn("eaqi", "int", "European Air Quality Index (2024), 1 good to 6 extremely poor: the worst"),
        dg.TableColumn("eaqi_pollutant", "string", "the pollutant that decides it"),
        dg.TableColumn("eaqi_pollutants", "array", "the pollutants of which there was a valid reading"),
        dg.TableColumn("pm2_5_nowcast", "double", "PM2.5: NowCast of the US EPA, µg/m³"),
        dg.TableColumn("pm10_nowcast", "double", "PM10: NowCast of the US EPA, µg/m³"),
        dg.TableColumn("aqi_nowcast", "int", "US EPA AQI of the NowCast: the higher of PM2.5 and PM10"),
        dg.TableColumn("aqi_nowcast_pollutant", "string", "the pollutant that decides it"),
        dg.TableColumn(RULES_VERSION, *RULES_COLUMN),
        dg.TableColumn(SIMULATED, "bool", "true for hours of the sandbox"),
    ]
)

SUMMARY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("period", "string", "month or year; with start kept as _id"),
        dg.TableColumn("start", "date", "first local date, as midnight UTC"),
        dg.TableColumn("days", "int", "days with at least one hour"),
        dg.TableColumn("expected_days", "int", "days of the period"),
        dg.TableColumn(EXPECTED_HOURS, "int", "hours of the period"),
        *(
            dg.TableColumn(f"{parameter.field}_{statistic}", kind, f"{parameter.label}: {description}")
            for parameter in PARAMETERS
            for statistic, kind, description in (
                ("mean", "double", f"mean of the daily means as published, {parameter.unit}"),
                ("valid_mean", "double", f"mean of the valid daily means, {parameter.unit}; null under 75 % of days"),
                ("valid_max", "double", f"highest valid daily mean, {parameter.unit}"),
                ("valid_days", "int", "days with a valid mean"),
                ("valid_hours", "int", "valid hours"),
                ("percent_complete", "int", "data capture: valid of expected hours, %, cut to whole per cent"),
            )
        ),
        *(
            dg.TableColumn(f"{field}_days_above_guideline", "int", f"{field}: days above WHO's short-term guideline")
            for field in WHO_LEVELS
        ),
        *(
            dg.TableColumn(f"{field}_who", "string", f"{field}: level of WHO 2021 that the annual mean meets; of years")
            for field in WHO_ANNUAL_LEVELS
        ),
        dg.TableColumn("aqi_max", "int", "highest daily AQI"),
        dg.TableColumn(RULES_VERSION, *RULES_COLUMN),
        dg.TableColumn(SIMULATED, "bool", "true where a day of the period is simulated"),
    ]
)


def _dataframe_type(name: str, description: str, columns: Callable[[], list[PandasColumn]]) -> dg.DagsterType:
    with accepted_beta():
        return create_dagster_pandas_dataframe_type(name=name, description=description, columns=columns())


HOURLY_READINGS = _dataframe_type(
    "HourlyReadings",
    "One row an hour: timestamp (UTC), station_id and the sensors' readings in their units.",
    lambda: [
        PandasColumn(TIMESTAMP, constraints=[UtcDates()]),
        PandasColumn(STATION_ID, constraints=[NumbersOrMissing()]),
        *(
            PandasColumn(parameter.field, constraints=[NumbersOrMissing()], is_required=False)
            for parameter in PARAMETERS
        ),
    ],
)

DAILY_AGGREGATES = _dataframe_type(
    "DailyAggregates",
    "One row a local day: hours, and the daily statistics of each sensor in its unit.",
    lambda: [
        PandasColumn(DATE, constraints=[UtcDates()]),
        PandasColumn.integer_column(HOURS, min_value=1, max_value=25),
        *(
            PandasColumn(field, constraints=[NumbersOrMissing()])
            for parameter in PARAMETERS
            for field in daily_fields(parameter)
            if field.removeprefix(f"{parameter.field}_") not in _NOT_NUMBERS
        ),
    ],
)
