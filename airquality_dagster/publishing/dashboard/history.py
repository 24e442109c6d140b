"""A station's past, as the page's charts need it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import DATE, PARAMETERS, POLLUTANTS, TIMESTAMP
from airquality_dagster.publishing.dashboard.numbers import rounded, whole
from airquality_dagster.publishing.dashboard.record import valid_readings
from airquality_dagster.readings.days import CROSS_SENSITIVE, EXPECTED_HOURS
from airquality_dagster.readings.periods import START

CAPTURE_DAYS = 365
_HOURS_OF_A_WEEK = 7 * 24


def daily_series(days: pd.DataFrame) -> dict[str, Any]:
    """Return each pollutant's days from the first to the newest, none left out.

    Args:
        days: the daily aggregates, ordered by ``date``.

    Returns:
        ``start``, the first date; ``expected``, the hours of each day; ``reasons``, documents of flag → hours. Per
        pollutant ``value`` (the valid mean where there is one, else the mean as published, in its unit), ``hours``
        (valid ones), ``aqi`` (of this pollutant) and ``reason`` (index into ``reasons``: why there is no valid
        mean). None where there is no day; a day is valid where it has a value and no reason. Of a pollutant that is in
        no index on some day: ``left_out``, 1 on such days.
    """
    if days.empty:
        return {"start": None}
    dates = _Calendar(days, DATE, "D")
    series: dict[str, Any] = {"start": dates.start, "expected": whole(dates.numbers(EXPECTED_HOURS))}
    for pollutant in POLLUTANTS:
        field = pollutant.field
        series[field] = {
            "value": rounded(dates.valid_or_published_means(field)),
            "hours": whole(dates.numbers(f"{field}_valid_hours")),
            "aqi": whole(dates.numbers(f"{field}_aqi")),
            "reason": dates.reason_places(field),
        }
        is_left_out = np.array(
            [isinstance(fields, list) and field in fields for fields in days[CROSS_SENSITIVE]], dtype=float
        )
        if is_left_out.any():
            series[field]["left_out"] = whole(dates.placed(is_left_out))
    return series | {"reasons": dates.reasons}


def monthly_means(months: pd.DataFrame) -> dict[str, Any]:
    """Return each pollutant's months from the first to the newest, none left out.

    Args:
        months: the monthly summaries, ordered by ``start``.

    Returns:
        ``start``, the first month (``YYYY-MM``); ``reasons``; per pollutant ``value`` (the valid monthly mean, else the
        mean of the daily means as published) and ``reason``, as in `daily_series`.
    """
    if months.empty:
        return {"start": None}
    calendar = _Calendar(months, START, "M")
    series: dict[str, Any] = {"start": calendar.start}
    for pollutant in POLLUTANTS:
        series[pollutant.field] = {
            "value": rounded(calendar.valid_or_published_means(pollutant.field)),
            "reason": calendar.reason_places(pollutant.field),
        }
    return series | {"reasons": calendar.reasons}


def hourly_profile(hours: pd.DataFrame, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return the mean valid reading of each hour of the week.

    Args:
        hours: readings and their levels.
        time_zone: of the weekdays and hours.

    Returns:
        ``start`` and ``end``, first and last local date; per pollutant ``value`` (in its unit) and ``hours`` (how
        many), 168 of each: Monday 0 h to Sunday 23 h.
    """
    if hours.empty:
        return {"start": None}
    local = hours[TIMESTAMP].dt.tz_convert(time_zone)
    hour_of_week = (24 * local.dt.dayofweek + local.dt.hour).to_numpy()
    profile: dict[str, Any] = {"start": f"{local.iloc[0]:%Y-%m-%d}", "end": f"{local.iloc[-1]:%Y-%m-%d}"}
    for pollutant in POLLUTANTS:
        readings = valid_readings(hours, pollutant.field)
        is_valid = ~np.isnan(readings)
        counts = np.bincount(hour_of_week[is_valid], minlength=_HOURS_OF_A_WEEK)
        sums = np.bincount(hour_of_week[is_valid], weights=readings[is_valid], minlength=_HOURS_OF_A_WEEK)
        means = np.divide(sums, counts, out=np.full(_HOURS_OF_A_WEEK, np.nan), where=counts > 0)
        profile[pollutant.field] = {"value": rounded(means), "hours": counts.tolist()}
    return profile


def data_capture(days: pd.DataFrame) -> dict[str, Any]:
    """Return the valid share of the hours of the newest `CAPTURE_DAYS` days for every sensor.

    Returns:
        ``start``, the first date; ``reasons``; per sensor ``percent`` (valid of expected hours) and ``reason``, as
        in `daily_series`.
    """
    if days.empty:
        return {"start": None}
    newest = days[DATE].iloc[-1]
    dates = _Calendar(days[days[DATE] > newest - timedelta(days=CAPTURE_DAYS)], DATE, "D")
    sensors = {
        parameter.field: {
            "percent": whole(dates.numbers(f"{parameter.field}_percent_complete")),
            "reason": dates.reason_places(parameter.field),
        }
        for parameter in PARAMETERS
    }
    return {"start": dates.start, **sensors, "reasons": dates.reasons}


def restatements(revisions: pd.DataFrame, time_zone: ZoneInfo) -> list[Mapping[str, Any]]:
    """Return for each local day on which the source changed final hours, how many, and the first and last of these."""
    moments = revisions["valid_until"].dt.tz_convert(time_zone).dt.strftime("%Y-%m-%d")
    hours = revisions["hour"].dt.tz_convert(time_zone).dt.strftime("%Y-%m-%d")
    return [
        {"date": date, "hours": len(of_day), "first": of_day.min(), "last": of_day.max()}
        for date, of_day in hours.groupby(moments)
    ]


class _Calendar:
    """Columns with a value for every date or month from the first to the last, those without a row included.

    Args:
        rows: ordered by time.
        key: their column of dates.
        unit: numpy's: ``D`` or ``M``.
    """

    def __init__(self, rows: pd.DataFrame, key: str, unit: str):
        periods = rows[key].to_numpy(dtype="datetime64[D]").astype(f"datetime64[{unit}]")
        self.start = str(periods[0])
        self._rows, self._places = rows, (periods - periods[0]).astype("int64")
        self._reasons: dict[tuple[tuple[str, int], ...], int] = {}

    @property
    def reasons(self) -> list[dict[str, int]]:
        """Reasons that `reason_places` came across: flag → hours, each once, since most occur on many days."""
        return [dict(reason) for reason in self._reasons]

    def placed(self, values: np.ndarray) -> np.ndarray:
        """Return the values of the rows for every date; NaN where there is no row."""
        placed = np.full(self._places[-1] + 1, np.nan)
        placed[self._places] = values
        return placed

    def numbers(self, name: str) -> np.ndarray:
        """Return a column; NaN where there is no value."""
        return self.placed(self._rows[name].to_numpy(dtype="float64", na_value=np.nan))

    def valid_or_published_means(self, field: str) -> np.ndarray:
        """Return the valid means of a reading, and where there is none, the means as published."""
        valid = self.numbers(f"{field}_valid_mean")
        return np.where(np.isnan(valid), self.numbers(f"{field}_mean"), valid)

    def reason_places(self, field: str) -> list[int | None]:
        """Return why a reading has no valid mean, as places in `reasons`; None where it has one."""
        is_valid = self._rows[f"{field}_valid_mean"].notna().to_numpy()
        documents = self._rows[f"{field}_invalid"].to_numpy(dtype=object)
        places = np.full(len(documents), np.nan)
        for row in np.flatnonzero(~is_valid):
            # A day without a valid mean is never called valid, even if no reason is stored.
            reason = tuple(documents[row].items()) if isinstance(documents[row], Mapping) else ()
            places[row] = self._reasons.setdefault(reason, len(self._reasons))
        return whole(self.placed(places))
