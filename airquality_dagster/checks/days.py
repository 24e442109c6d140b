"""The check of a station's daily aggregates."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from airquality_dagster.checks.outcome import CheckOutcome, Checks, Finding, table_metadata
from airquality_dagster.network.pollutants import DATE, POLLUTANTS
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.days import midnights
from airquality_dagster.readings.periods import LEAST_PERCENT


@dataclass(frozen=True)
class AggregatedDays:
    """Input of the check.

    Args:
        station: the station.
        time_zone: time zone of the local days.
        daily: daily aggregates.
        now: the present moment, tz-aware.
    """

    station: Station
    time_zone: ZoneInfo
    daily: pd.DataFrame
    now: datetime

    @property
    def title(self) -> str:
        """Station and period, the start of messages."""
        if self.daily.empty:
            return f"{self.station.name}, no day"
        first, last = (f"{date:%Y-%m-%d}" for date in (self.daily[DATE].min(), self.daily[DATE].max()))
        return f"{self.station.name}, {first} to {last}"


def data_capture(days: AggregatedDays) -> CheckOutcome:
    """Count the days with a valid mean of each pollutant, of all days that are over."""
    dates = pd.DatetimeIndex(days.daily[DATE]).tz_localize(None)
    is_over = midnights(dates + timedelta(days=1), days.time_zone) <= pd.Timestamp(days.now)
    total = int(is_over.sum())
    rows, findings, metadata = [], [], {}
    for parameter in POLLUTANTS if total else ():
        valid = int((days.daily[f"{parameter.field}_valid_mean"].notna().to_numpy() & is_over).sum())
        percent = 100 * valid // total
        rows.append((parameter.label, valid, total, percent))
        metadata[f"percent_valid_{parameter.field}"] = percent
        if percent < LEAST_PERCENT:
            last = days.daily.loc[is_over, f"{parameter.field}_invalid"].dropna().iloc[-1]
            causes = ", ".join(f"{cause.replace('_', ' ')} {hours} h" for cause, hours in last.items())
            findings.append(Finding(f"{parameter.label} {valid} of {total} days valid (last: {causes})"))
    if findings:
        findings.append(Finding("see the station's other checks; do not publish means of this period"))
    return CheckOutcome(
        days.title,
        findings,
        f"at least {LEAST_PERCENT} % of {total} days are valid for every pollutant",
        metadata={**metadata, **table_metadata("capture", ["pollutant", "valid days", "days", "%"], rows)},
    )


CHECKS: Checks[AggregatedDays] = {data_capture.__name__: data_capture}
