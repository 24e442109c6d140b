"""Checks of a station's days."""

import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from airquality_dagster.checks.outcome import CheckOutcome, Checks, table
from airquality_dagster.pollutants import PARAMETERS, TIMESTAMP
from airquality_dagster.readings.aggregate import DATE
from airquality_dagster.stations import Station

_LEAST_PERCENT = 75
_TOLERANCE = 1e-9
_DIFFERENCES_SHOWN = 5


@dataclass(frozen=True)
class AggregatedDays:
    """What the checks look at.

    Args:
        station: whose days.
        time_zone: of the local days.
        hourly: the hours that were aggregated.
        daily: the days.
    """

    station: Station
    time_zone: ZoneInfo
    hourly: pd.DataFrame
    daily: pd.DataFrame


def data_capture(days: AggregatedDays) -> CheckOutcome:
    """Count for each pollutant the days with a valid mean."""
    total, name = len(days.daily), days.station.name
    rows, low = [], []
    for parameter in PARAMETERS:
        if parameter.daily_limit is None or not total:
            continue
        valid = int(days.daily[f"{parameter.field}_valid_mean"].notna().sum())
        percent = 100 * valid // total
        rows.append((parameter.label, valid, total, percent))
        if percent < _LEAST_PERCENT:
            reasons = days.daily[f"{parameter.field}_invalid"].dropna()
            low.append(f"{parameter.label} {valid} of {total} days valid (last: {reasons.iloc[-1]})")
    return CheckOutcome(
        passed=not low,
        description=f"{name}: {'; '.join(low)}: see the checks of {days.station.raw_asset}; do not publish means of "
        "the period"
        if low
        else f"{name}: at least {_LEAST_PERCENT} % of {total} days are valid for every pollutant",
        metadata={"capture": table(["pollutant", "valid days", "days", "%"], rows)} if rows else {},
    )


def aggregates_equal_raw(days: AggregatedDays) -> CheckOutcome:
    """Compute the published means anew, in another way, and compare."""
    stored = days.daily.set_index(DATE)
    dates = [f"{hour.tz_convert(days.time_zone):%Y-%m-%d}" for hour in days.hourly[TIMESTAMP]]
    rows = []
    for parameter in PARAMETERS:
        field = parameter.field
        by_date: dict[str, list[float]] = {}
        if field in days.hourly:
            for date, value in zip(dates, days.hourly[field], strict=True):
                if not pd.isna(value):
                    by_date.setdefault(date, []).append(value)
        for date, mean in stored[f"{field}_mean"].items():
            values = by_date.get(f"{date:%Y-%m-%d}")
            expected = math.fsum(values) / len(values) if values else math.nan
            if not math.isclose(mean, expected, abs_tol=_TOLERANCE) and not (math.isnan(mean) and math.isnan(expected)):
                rows.append((parameter.label, f"{date:%Y-%m-%d}", mean, expected))
    name = days.station.name
    return CheckOutcome(
        passed=not rows,
        must_act=bool(rows),
        description=f"{name}: {len(rows)} daily means differ from those of the hours, the first {rows[0][0]} of "
        f"{rows[0][1]}: materialize {days.station.aggregates_asset} again, and tell the developers"
        if rows
        else f"{name}: every daily mean equals that of its hours",
        metadata={"differences": table(["reading", "date", "stored", "computed"], rows[:_DIFFERENCES_SHOWN])}
        if rows
        else {},
    )


CHECKS: Checks[AggregatedDays] = {check.__name__: check for check in (data_capture, aggregates_equal_raw)}
