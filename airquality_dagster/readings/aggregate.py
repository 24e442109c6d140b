"""From hours to days."""

from zoneinfo import ZoneInfo

import pandas as pd

from airquality_dagster.pollutants import BY_FIELD, PROVISIONAL, SIMULATED, STATION_ID, TIMESTAMP
from airquality_dagster.readings.quality import within_plausible_range

# 75 % of 24 hours: Directive 2008/50/EC, annex XI (24-hour means), and 40 CFR part 50, appendix N.
HOURS_FOR_A_VALID_DAY = 18

DATE = "date"
HOURS = "hours"


def reading_fields(hourly: pd.DataFrame) -> list[str]:
    """Return the fields that are aggregated: all of the pollutant table, then what else was measured."""
    no_reading = {TIMESTAMP, STATION_ID, PROVISIONAL, SIMULATED, *BY_FIELD}
    others = [field for field in hourly.columns if field not in no_reading and hourly[field].notna().any()]
    return [*BY_FIELD, *others]


def daily_aggregates(hourly: pd.DataFrame, time_zone: ZoneInfo) -> pd.DataFrame:
    """Aggregate hourly readings by local day.

    Args:
        hourly: one row an hour, ``timestamp`` (tz-aware) and the readings, as `parse_hourly_answer`
            makes them; whole local days.
        time_zone: whose midnight begins a day.

    Returns:
        one row per day with at least one hour, ordered: ``date`` (midnight UTC of the local date),
        ``hours`` (rows of that day) and per reading R, in its unit: ``R_mean``, ``R_min`` and
        ``R_max`` of all readings as published; ``R_hours``, how many there are; ``R_valid_mean``
        and ``R_valid_hours`` of those in the plausible range. ``R_valid_mean`` is NaN under
        `HOURS_FOR_A_VALID_DAY` valid hours.
    """
    local_dates = hourly[TIMESTAMP].dt.tz_convert(time_zone).dt.tz_localize(None).dt.normalize()
    fields = reading_fields(hourly)
    readings = hourly.reindex(columns=fields).astype("float64")
    valid = pd.DataFrame(
        {field: readings[field].where(within_plausible_range(readings[field], field)) for field in fields}
    )

    days = readings.groupby(local_dates)
    valid_days = valid.groupby(local_dates)
    means, lows, highs, counts = days.mean(), days.min(), days.max(), days.count()
    valid_counts = valid_days.count()
    valid_means = valid_days.mean().where(valid_counts >= HOURS_FOR_A_VALID_DAY)

    columns = {HOURS: days.size()}
    for field in fields:
        columns |= {
            f"{field}_mean": means[field],
            f"{field}_min": lows[field],
            f"{field}_max": highs[field],
            f"{field}_hours": counts[field],
            f"{field}_valid_mean": valid_means[field],
            f"{field}_valid_hours": valid_counts[field],
        }
    if SIMULATED in hourly and hourly[SIMULATED].notna().any():
        # A day is labelled if any of its hours is simulated.
        columns[SIMULATED] = (hourly[SIMULATED] == True).groupby(local_dates).any()  # noqa: E712
    frame = pd.DataFrame(columns).reset_index(names=DATE)
    frame[DATE] = frame[DATE].dt.tz_localize("UTC")
    return frame
