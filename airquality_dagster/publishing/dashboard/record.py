"""What the page is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import is_valid_level

# A year, so that every season is in the profile of hours and weekdays.
PROFILE_DAYS = 365
NEWEST_HOURS = 48
SAID_HOURS_AHEAD = 2
"""Of so many hours ahead, the forecast is said in words, and its score."""
SCORE_DAYS = 28


@dataclass(frozen=True)
class StationRecord:
    """What is stored of a station. Columns are named as the fields, and NaN or None where a field is absent.

    Args:
        station: whose record.
        hours: ordered by ``timestamp``: the readings of the last `PROFILE_DAYS` days as published and their
            ``R_qc``; at least the newest `NEWEST_HOURS` stored ones.
        quality: levels, flags and indices of the newest `NEWEST_HOURS` stored hours, ordered by ``timestamp``.
        days: the daily aggregates, ordered by ``date``.
        months: the monthly summaries, ordered by ``start``.
        revisions: ``hour`` and ``valid_until`` of every superseded version.
        forecasts: of `forecast.SHOWN_FIELD`, from the newest origin and for the newest `NEWEST_HOURS` hours, ordered by
            ``origin`` and ``hours_ahead``.
        score: the newest document of the scores of `SAID_HOURS_AHEAD`; None if there is none.
    """

    station: Station
    hours: pd.DataFrame
    quality: pd.DataFrame
    days: pd.DataFrame
    months: pd.DataFrame
    revisions: pd.DataFrame
    forecasts: pd.DataFrame
    score: Mapping[str, Any] | None

    @property
    def newest_hour(self) -> datetime | None:
        """Start of the newest stored hour."""
        return None if self.hours.empty else self.hours[TIMESTAMP].iloc[-1].to_pydatetime()


def valid_readings(hours: pd.DataFrame, field: str) -> np.ndarray:
    """Return the readings of a field, NaN where they are not valid.

    Args:
        hours: as in `StationRecord`.
    """
    levels, readings = (hours[name].to_numpy(dtype="float64") for name in (f"{field}_qc", field))
    return np.where(is_valid_level(levels), readings, np.nan)
