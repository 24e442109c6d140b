"""Checks of a station's days."""

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.checks.outcome import CheckOutcome, Checks, table
from airquality_dagster.network.pollutants import BY_FIELD, PARAMETERS, TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import DATE
from airquality_dagster.readings.indices import WHO_LEVELS

_LEAST_PERCENT = 75
_TOLERANCE = 1e-9
_DIFFERENCES_SHOWN = 5


@dataclass(frozen=True)
class AggregatedDays:
    """What the checks look at.

    Args:
        station: whose days.
        time_zone: of the local days.
        hourly: the hours that were aggregated, in order.
        daily: the days.
        now: the present moment.
    """

    station: Station
    time_zone: ZoneInfo
    hourly: pd.DataFrame
    daily: pd.DataFrame
    now: datetime

    @property
    def title(self) -> str:
        """Station and period, as messages begin."""
        if self.daily.empty:
            return f"{self.station.name}, no day"
        first, last = (f"{date:%Y-%m-%d}" for date in (self.daily[DATE].min(), self.daily[DATE].max()))
        return f"{self.station.name}, {first} to {last}"


def data_capture(days: AggregatedDays) -> CheckOutcome:
    """Count for each pollutant the days with a valid mean, of those that are over."""
    midnights = days.daily[DATE].dt.tz_localize(None) + pd.Timedelta(days=1)
    ends = midnights.dt.tz_localize(days.time_zone, ambiguous=True, nonexistent="shift_forward")
    is_over = (ends <= pd.Timestamp(days.now)).to_numpy()
    total = int(is_over.sum())
    rows, low = [], []
    for parameter in (BY_FIELD[field] for field in WHO_LEVELS if total):
        valid = int((days.daily[f"{parameter.field}_valid_mean"].notna().to_numpy() & is_over).sum())
        percent = 100 * valid // total
        rows.append((parameter.label, valid, total, percent))
        if percent < _LEAST_PERCENT:
            reasons = days.daily.loc[is_over, f"{parameter.field}_invalid"].dropna()
            low.append(f"{parameter.label} {valid} of {total} days valid (last: {reasons.iloc[-1]})")
    return CheckOutcome(
        passed=not low,
        description=f"{days.title}: {'; '.join(low)}: see the checks of {days.station.quality_asset} and "
        f"{days.station.raw_asset}; do not publish means of the period"
        if low
        else f"{days.title}: at least {_LEAST_PERCENT} % of {total} days are valid for every pollutant",
        metadata={
            **{f"percent_valid_{field}": percent for field, (*_, percent) in zip(WHO_LEVELS, rows, strict=False)},
            **({"capture": table(["pollutant", "valid days", "days", "%"], rows)} if rows else {}),
        },
    )


def aggregates_equal_raw(days: AggregatedDays) -> CheckOutcome:
    """Compute the published means anew, in another way, and compare."""
    local_dates = pd.DatetimeIndex(days.hourly[TIMESTAMP]).tz_convert(days.time_zone).tz_localize(None).normalize()
    dates, begins = np.unique(local_dates.to_numpy(), return_index=True)
    # Of a date that is no day, the place after the last.
    place = pd.DatetimeIndex(days.daily[DATE]).tz_localize(None).get_indexer(pd.DatetimeIndex(dates))
    rows = []
    for parameter in PARAMETERS:
        if parameter.field not in days.hourly:
            continue
        values = days.hourly[parameter.field].to_numpy(dtype="float64")
        means = np.append(days.daily[f"{parameter.field}_mean"].to_numpy(dtype="float64"), np.nan)[place]
        for date, mean, of_day in zip(dates, means, np.split(values, begins)[1:], strict=True):
            present = of_day[~np.isnan(of_day)]
            expected = math.fsum(present) / len(present) if len(present) else math.nan
            if not (math.isclose(mean, expected, abs_tol=_TOLERANCE) or (math.isnan(mean) and math.isnan(expected))):
                rows.append((parameter.label, str(np.datetime_as_string(date, "D")), mean, expected))
    return CheckOutcome(
        passed=not rows,
        must_act=bool(rows),
        description=f"{days.title}: {len(rows)} daily means differ from those of the hours, the first {rows[0][0]} of "
        f"{rows[0][1]}: materialize {days.station.aggregates_asset} again, and tell the developers"
        if rows
        else f"{days.title}: every daily mean equals that of its hours",
        metadata={"differences": table(["reading", "date", "stored", "computed"], rows[:_DIFFERENCES_SHOWN])}
        if rows
        else {},
    )


CHECKS: Checks[AggregatedDays] = {check.__name__: check for check in (data_capture, aggregates_equal_raw)}
