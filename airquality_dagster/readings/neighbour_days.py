"""Documents of the collection `neighbours`: a UTC day of two neighbouring stations."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import DATE, RULES_VERSION
from airquality_dagster.readings.disagreements import Disagreement, PairNames, with_third_stations
from airquality_dagster.readings.flags import RULES
from airquality_dagster.readings.neighbour_rules import disagreements
from airquality_dagster.readings.neighbours import (
    DAYS_BEFORE,
    LAGS,
    PM2_5,
    PM10,
    TEMPERATURE,
    Pair,
    level_before,
    level_of,
    pair_of,
    settled_periods,
)

FIRST_STATION, SECOND_STATION, FINDINGS, WITHHELD = "first", "second", "findings", "withheld"
TOO_FEW_HOURS, NO_PAST = "too_few_hours", "no_past"
RECENT_DAYS = 7
"""Days that each run compares again: flags change until later hours are there, and answers may be late."""
MOST_PAIR_DAYS = 20_000
"""Days of pairs that a run compares at most, the recent ones apart: some 20 s."""
_DIGITS = 4
_DAY = pd.Timedelta(days=1)


def neighbour_days(
    hours: Mapping[str, pd.DataFrame], pairs: Mapping[PairNames, Sequence[datetime]], dates: pd.DatetimeIndex
) -> pd.DataFrame:
    """Compare neighbours, day by day.

    Args:
        hours: station → its valid hours, from `DAYS_BEFORE` days before the first date to the end of the last one.
        pairs: names of first and second station → when one of the two came to its place or got another device.
        dates: UTC dates to compare, in order, as midnight UTC.

    Returns:
        one row per date and pair, ordered by these.
    """
    window = pd.date_range(dates[0] - DAYS_BEFORE * _DAY, dates[-1])
    rows: list[dict[str, Any]] = []
    found: list[list[Disagreement]] = []
    for (first, second), moves in pairs.items():
        pair = pair_of(hours[first], hours[second], window)
        of_pair = {date: _row(first, second, date) for date in dates}
        of_dates: dict[pd.Timestamp, list[Disagreement]] = {}
        for begin, end in settled_periods(window, moves):
            part = pair.days(begin, end, since=DAYS_BEFORE)
            _fill(of_pair, part)
            of_dates.update(zip(part.dates[part.since :], disagreements(part), strict=True))
        rows += of_pair.values()
        found += [of_dates.get(date, []) for date in dates]
    _settle(rows, found)
    return pd.DataFrame(sorted(rows, key=_key))


def no_days() -> pd.DataFrame:
    """Return the table of no day."""
    return pd.DataFrame([_row("", "", pd.Timestamp(0, tz="UTC"))]).iloc[:0]


def due_dates(begins: Sequence[datetime], compared: Mapping[datetime, int], today: datetime) -> list[pd.DatetimeIndex]:
    """Return the dates that a run compares, in parts that lie far from each other: the recent, and the newest missing.

    Args:
        begins: for each pair, since when both stations have hours.
        compared: date (midnight UTC) → how many pairs have been compared.
        today: midnight UTC of the day that is not over.
    """
    if not begins or min(begins) >= today:
        return []
    # tz_convert: MongoDB's UTC is an object of its own, and pandas takes it for another zone.
    edges = pd.DatetimeIndex(list(begins)).tz_convert("UTC").floor("D").sort_values()
    midnight = pd.Timestamp(today).tz_convert("UTC")
    dates = pd.date_range(edges[0], midnight, inclusive="left")
    expected = edges.searchsorted(dates, side="right")
    is_recent = dates >= midnight - RECENT_DAYS * _DAY
    is_missing = np.array([compared.get(date, 0) for date in dates]) < expected
    most = max(MOST_PAIR_DAYS // len(begins), 1)
    older = dates[is_missing & ~is_recent]
    if len(older):
        # Missing days that lie further apart are left to later runs: the days between are read, too.
        older = older[older > older[-1] - most * _DAY]
    recent = dates[is_recent]
    if not len(older) or recent[0] - older[-1] > DAYS_BEFORE * _DAY:
        return [part for part in (recent, older) if len(part)]
    return [pd.DatetimeIndex(older.append(recent))]


def _key(row: Mapping[str, Any]) -> tuple[pd.Timestamp, str, str]:
    return row[DATE], row[FIRST_STATION], row[SECOND_STATION]


def _row(first: str, second: str, date: pd.Timestamp) -> dict[str, Any]:
    """Return the row of a day of which nothing can be said."""
    return {
        DATE: date,
        FIRST_STATION: first,
        SECOND_STATION: second,
        "hours": 0,
        **dict.fromkeys(_MEASURES, np.nan),
        "first_repeated_hours": 0,
        "second_repeated_hours": 0,
        WITHHELD: TOO_FEW_HOURS,
        FINDINGS: [],
        RULES_VERSION: RULES,
    }


_MEASURES = (
    "pm2_5_log_ratio",
    "pm2_5_log_ratio_before",
    "pm10_log_ratio",
    "pm10_log_ratio_before",
    "temperature_correlation",
    "pm2_5_correlation",
    "lag_hours",
)


def _fill(rows: Mapping[pd.Timestamp, dict[str, Any]], pair: Pair) -> None:
    """Put what the days of a pair say into their rows; dates without a row lie between others."""
    scores = pair.lag_scores
    has_lag = ~np.isnan(scores).all(axis=1)
    lags = np.where(has_lag, np.array(LAGS)[np.nan_to_num(scores, nan=-2.0).argmax(axis=1)], np.nan)
    measures = dict(
        zip(
            _MEASURES,
            (
                *(of(pair.log_ratios[field]) for field in (PM2_5, PM10) for of in (level_of, level_before)),
                pair.correlation(TEMPERATURE),
                pair.correlation(PM2_5),
                lags,
            ),
            strict=True,
        )
    )
    hours = pair.paired_hours
    repeated = pair.repeated_hours
    for day in range(pair.since, len(pair.dates)):
        row = rows.get(pair.dates[day])
        if row is None:
            continue
        row["hours"] = int(hours[day])
        row.update({name: round(float(values[day]), _DIGITS) for name, values in measures.items()})
        row["first_repeated_hours"], row["second_repeated_hours"] = (int(count[day]) for count in repeated)
        if not np.isnan(row["pm2_5_log_ratio"]):
            row[WITHHELD] = NO_PAST if np.isnan(row["pm2_5_log_ratio_before"]) else None


def _settle(rows: Sequence[dict[str, Any]], found: Sequence[list[Disagreement]]) -> None:
    """Put the findings into the rows, those of a day beside each other."""
    by_date: dict[pd.Timestamp, dict[PairNames, list[Disagreement]]] = {}
    for row, of_row in zip(rows, found, strict=True):
        if row[WITHHELD] is None or of_row:
            by_date.setdefault(row[DATE], {})[row[FIRST_STATION], row[SECOND_STATION]] = of_row
    settled = {date: with_third_stations(of_date) for date, of_date in by_date.items()}
    for row in rows:
        of_row = settled.get(row[DATE], {}).get((row[FIRST_STATION], row[SECOND_STATION]), [])
        row[FINDINGS] = [one.document for one in of_row]
