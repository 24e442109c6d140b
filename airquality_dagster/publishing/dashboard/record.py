"""What the page is made of."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.stations import Station

# A year, so that every season is in the profile of hours and weekdays.
PROFILE_DAYS = 365
RECENT_HOURS = 48


@dataclass(frozen=True)
class StationRecord:
    """What is stored of a station. Columns are named as the fields, and NaN where a field is absent.

    Args:
        station: whose record.
        hours: ordered by ``timestamp``: the readings of the last `PROFILE_DAYS` days as published and their
            ``R_qc``; at least the newest `RECENT_HOURS` stored ones.
        recent: flags and indices of the newest `RECENT_HOURS` stored hours, ordered.
        days: every day, ordered by ``date``.
        months: valid monthly means, ordered by ``start``.
        revisions: ``hour`` and ``valid_until`` of every superseded version.
    """

    station: Station
    hours: pd.DataFrame
    recent: pd.DataFrame
    days: pd.DataFrame
    months: pd.DataFrame
    revisions: pd.DataFrame

    @property
    def newest_hour(self) -> datetime | None:
        """Start of the newest stored hour."""
        return None if self.hours.empty else self.hours[TIMESTAMP].iloc[-1].to_pydatetime()
