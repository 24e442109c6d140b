"""The valid readings of a station as they were known at each hour of its past, for forecasts of that hour.

Flags of nearly all hours never change: only a sudden reading, and a run of equal readings or of readings below zero
that still went on, can fail later. So the hours of most origins have their final flags, and few are flagged again.
"""

from collections.abc import Sequence

import pandas as pd

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.network.siting import ALWAYS_ON_SITE, Siting
from airquality_dagster.readings.channel_rules import NEIGHBOURS
from airquality_dagster.readings.flags import HOURS_AFTER, HOURS_BEFORE, Flag, flag_hours

_FAILS_LATER = Flag.SPIKE | Flag.ISOLATED | Flag.STUCK | Flag.DRIFT
_HOUR = pd.Timedelta(hours=1)


class KnownReadings:
    """A history, and what was known of it.

    Args:
        hourly: all hours of a station that was never corrected, ordered by time, in the layout of `hourly_frame`.
        siting: when the station stood in the air of its place.
    """

    def __init__(self, hourly: pd.DataFrame, *, siting: Siting = ALWAYS_ON_SITE) -> None:
        self._hourly, self._siting = hourly, siting
        flagged = flag_hours(hourly, siting=siting)
        self.hours = pd.DatetimeIndex(hourly[TIMESTAMP])
        """The hours that have a row: origins of forecasts."""
        self.final = flagged.valid_readings.set_axis(self.hours).asfreq("h")
        """The valid readings of every hour (UTC index), by the flags that stand in the end."""
        failed = ((flagged.flags & int(_FAILS_LATER)) != 0).set_axis(self.hours).asfreq("h", fill_value=False)
        # Of which hours the newest readings may have been valid, and failed later.
        self._may_differ = failed.rolling(NEIGHBOURS, min_periods=1).max() > 0

    def until(self, origin: pd.Timestamp, fields: Sequence[str], *, hours: int | None = None) -> pd.DataFrame:
        """Return the valid readings up to an origin, as they were known then.

        Args:
            origin: the newest hour that was known.
            fields: to return.
            hours: how many to return; None: all.
        """
        place = max(int((origin - self.final.index[0]) // _HOUR), -1) if len(self.final) else -1
        begin = 0 if hours is None else max(place + 1 - hours, 0)
        known = self.final[list(fields)].iloc[begin : place + 1]
        if not self._may_differ[list(fields)].iloc[place : place + 1].to_numpy().any():
            return known
        since = origin - (HOURS_BEFORE + HOURS_AFTER) * _HOUR
        times = self._hourly[TIMESTAMP]
        judged = self._hourly[(times > since) & (times <= origin)].reset_index(drop=True)
        valid = flag_hours(judged, siting=self._siting, newest=origin).valid_readings
        recent = valid.set_axis(pd.DatetimeIndex(judged[TIMESTAMP])).reindex(columns=known.columns)
        recent = recent.loc[origin - (HOURS_AFTER - 1) * _HOUR :]
        known = known.copy()
        shared = recent.index.intersection(known.index)
        known.loc[shared] = recent.loc[shared].to_numpy()
        return known
