"""Stored days, months and years of a sensor, as values of the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import SIMULATED
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.measurements import Aggregate, duration, moments
from airquality_dagster.publishing.api.models import Moment, Summary
from airquality_dagster.publishing.api.parameters import ApiParameter
from airquality_dagster.publishing.api.spans import Unit
from airquality_dagster.publishing.api.stored import Document
from airquality_dagster.readings.days import midnights

MEAN, VALID_MEAN = "mean", "valid_mean"
_STATISTICS = (MEAN, VALID_MEAN, "valid_hours", "invalid")
_LENGTHS = {"day": pd.DateOffset(days=1), "month": pd.DateOffset(months=1), "year": pd.DateOffset(years=1)}
# Unit → label and interval, as OpenAQ writes them.
_LABELS = {"day": ("1day", "24:00:00"), "month": ("1month", "1 month"), "year": ("1year", "1 year")}


@dataclass(frozen=True)
class Sensor:
    """What measures: a station, and what of it."""

    network: Network
    station: Station
    parameter: ApiParameter

    @property
    def field(self) -> str:
        """The reading, in stored documents."""
        return self.parameter.field

    @property
    def fields(self) -> list[str]:
        """What is read of a stored day, month or year."""
        return [*(f"{self.field}_{statistic}" for statistic in _STATISTICS), SIMULATED]


@dataclass(frozen=True)
class Periods:
    """Local days, months or years, in order.

    Args:
        network: whose time zone is that of the dates.
        unit: of the periods.
        first_dates: on which they begin, without a time zone.
    """

    network: Network
    unit: Unit
    first_dates: pd.DatetimeIndex

    @cached_property
    def next_dates(self) -> pd.DatetimeIndex:
        """The dates after their last ones."""
        return self.first_dates + _LENGTHS[self.unit]

    @cached_property
    def begins(self) -> pd.DatetimeIndex:
        """When they begin, UTC."""
        return midnights(self.first_dates, self.network.time_zone).tz_convert("UTC")

    @cached_property
    def ends(self) -> pd.DatetimeIndex:
        """When they end, UTC."""
        return midnights(self.next_dates, self.network.time_zone).tz_convert("UTC")

    @property
    def hours(self) -> list[int]:
        """How many hours each has, those to come included; hours start at full hours of UTC."""
        begins, ends = (utc(edge.ceil("h")) for edge in (self.begins, self.ends))
        return ((ends - begins) // np.timedelta64(1, "h")).tolist()

    @property
    def moments(self) -> list[tuple[Moment, Moment]]:
        """When each begins and ends."""
        edges = (moments(utc(edge), self.network.time_zone) for edge in (self.begins, self.ends))
        return list(zip(*edges, strict=True))


def utc(instants: pd.DatetimeIndex) -> np.ndarray:
    """Return instants as datetime64 in UTC, as dates as they are."""
    return instants.tz_localize(None).to_numpy("datetime64[ms]")


def aggregates(
    documents: Sequence[Document],
    sensor: Sensor,
    periods: Periods,
    summaries: Sequence[Summary | None],
    is_cross_sensitive: Sequence[bool],
    *,
    only_valid: bool,
) -> list[Aggregate]:
    """Return the values of days, months or years.

    Args:
        documents: of the aggregates or summaries of a station, at least `Sensor.fields`.
        sensor: what measured.
        periods: of the documents.
        summaries: of the valid values of each period.
        is_cross_sensitive: whether the channel mirrors another gas in each period.
        only_valid: the values are valid means; otherwise means as published.
    """
    label, interval = _LABELS[periods.unit]
    field, parameter = sensor.field, sensor.parameter.document
    columns = zip(documents, periods.hours, periods.moments, summaries, is_cross_sensitive, strict=True)
    rows: list[Aggregate] = []
    for document, hours, (begin, end), summary, is_sensitive in columns:
        published, valid = document.get(f"{field}_{MEAN}"), document.get(f"{field}_{VALID_MEAN}")
        valid_hours = document.get(f"{field}_valid_hours") or 0
        value = valid if only_valid else published
        # Truncated, not rounded: 99.6 % is not complete.
        percent = 100 * valid_hours // hours
        row: Aggregate = {
            "value": value,
            "flagInfo": {"hasFlags": is_sensitive or valid_hours < hours},
            "parameter": parameter,
            "period": {"label": label, "interval": interval, "datetimeFrom": begin, "datetimeTo": end},
            "coordinates": None,
            "summary": summary,
            "coverage": {
                "expectedCount": hours,
                "expectedInterval": duration(hours),
                "observedCount": valid_hours,
                "observedInterval": duration(valid_hours),
                "percentComplete": percent,
                "percentCoverage": percent,
                "datetimeFrom": begin,
                "datetimeTo": end,
            },
            "x": {
                "valid": valid is not None and value == valid,
                "validMean": valid,
                "publishedMean": published,
                "validHours": valid_hours,
                "invalid": document.get(f"{field}_invalid"),
                "crossSensitive": is_sensitive,
                "simulated": document.get(SIMULATED) is True,
            },
        }
        rows.append(row)
    return rows
