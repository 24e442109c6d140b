"""Dataframe types and column schemas of the station assets, derived from the pollutant table."""

from collections.abc import Callable

import dagster as dg
import pandas as pd
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type
from dagster_pandas.constraints import ColumnConstraint, ColumnConstraintViolationException

from airquality_dagster.assets.beta import accepted_beta
from airquality_dagster.network.pollutants import (
    BY_FIELD,
    DATE,
    STATION_ID,
    TIMESTAMP,
)
from airquality_dagster.readings import columns
from airquality_dagster.readings.days import (
    HOURS,
)

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


def _schema(of_table: columns.Columns) -> dg.TableSchema:
    return dg.TableSchema(columns=[dg.TableColumn(column.name, column.type, column.description) for column in of_table])


HOURLY_COLUMNS = _schema(columns.HOURLY)
QUALITY_COLUMNS = _schema(columns.QUALITY)
DAILY_COLUMNS = _schema(columns.DAILY)
SUMMARY_COLUMNS = _schema(columns.SUMMARY)
COMPARISON_COLUMNS = _schema(columns.COMPARISON)
FORECAST_COLUMNS = _schema(columns.FORECAST)
FORECAST_MODEL_COLUMNS = _schema(columns.FORECAST_MODEL)
FORECAST_SCORE_COLUMNS = _schema(columns.FORECAST_SCORE)


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
            for column in columns.DAILY_STATISTICS
            if column.type != "object"
        ),
    ],
)
