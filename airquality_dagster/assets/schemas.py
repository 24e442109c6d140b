"""Dataframe types and column schemas of the station assets, made from the pollutant table."""

from collections.abc import Callable

import dagster as dg
import pandas as pd
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type
from dagster_pandas.constraints import ColumnConstraint, ColumnConstraintViolationException

from airquality_dagster.assets.beta import accepted_beta
from airquality_dagster.pollutants import PARAMETERS, PROVISIONAL, SIMULATED, STATION_ID, TIMESTAMP, Parameter
from airquality_dagster.readings.aggregate import DATE, HOURS, HOURS_FOR_A_VALID_DAY


class NumbersOrMissing(ColumnConstraint):
    """Every value is a number or missing, whatever the dtype (a field may be absent from some rows)."""

    def __init__(self) -> None:
        super().__init__("numbers or missing values", markdown_description="numbers or missing values")

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raise if any value is neither."""
        column = dataframe[column_name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            return
        offending = dataframe[[not isinstance(value, (float, int, type(None))) for value in column]]
        if len(offending):
            raise ColumnConstraintViolationException(
                "numbers or missing values", "not a number", column_name, offending
            )


class UtcDates(ColumnConstraint):
    """Every value is a date in UTC, each once."""

    def __init__(self) -> None:
        super().__init__("dates in UTC, each once", markdown_description="dates in UTC, each once")

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raise if the column has another type, a missing value or a value twice."""
        column = dataframe[column_name]
        if not (isinstance(column.dtype, pd.DatetimeTZDtype) and str(column.dtype.tz) == "UTC"):
            raise ColumnConstraintViolationException("dates in UTC", f"{column.dtype}", column_name, dataframe)
        offending = dataframe[column.isna() | column.duplicated()]
        if len(offending):
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
        dg.TableColumn(SIMULATED, "bool", "true where an hour of the day is simulated"),
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
        ),
    ],
)
