"""The hours of two stations that are compared, and those in which they stood side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.network.colocation import Devices, Together
from airquality_dagster.readings.comparison import FieldHours
from airquality_dagster.readings.comparison_left_out import LeftOut
from airquality_dagster.readings.comparison_relation import DECLARED, FOUND, Relation, Window, relation_of
from airquality_dagster.readings.comparison_windows import FIND_DAYS, found_windows
from airquality_dagster.readings.flags import INVALIDATING, PARTICLES, Flag
from airquality_dagster.readings.joint_rules import HUMIDITY


@dataclass(frozen=True)
class StationHours:
    """Hours of a station, by hour (UTC), one column a field.

    Args:
        sound: readings that are valid but for the place of the station; NaN for the others.
        off_site: which hours it did not stand in the air of its place.
        cross_sensitive: at which hours a channel mirrors another gas.
    """

    sound: pd.DataFrame
    off_site: pd.DataFrame
    cross_sensitive: pd.DataFrame

    @classmethod
    def of_flags(cls, readings: pd.DataFrame, flags: pd.DataFrame) -> "StationHours":
        """Return the hours of readings and sums of `Flag` on the same hours."""
        is_sound = (flags & (int(INVALIDATING) & ~int(Flag.OFF_SITE))) == 0
        off_site, sensitive = ((flags & int(flag)) != 0 for flag in (Flag.OFF_SITE, Flag.CROSS_SENSITIVE))
        return cls(sound=readings.where(is_sound), off_site=off_site, cross_sensitive=sensitive)

    def on(self, hours: pd.DatetimeIndex) -> "StationHours":
        """Return the same on other hours; what is not there is missing."""
        if self.sound.index.equals(hours):
            return self
        off_site, sensitive = (
            table.reindex(hours, fill_value=False) for table in (self.off_site, self.cross_sensitive)
        )
        return StationHours(sound=self.sound.reindex(hours), off_site=off_site, cross_sensitive=sensitive)

    @property
    def valid(self) -> pd.DataFrame:
        """The valid readings."""
        return self.sound.where(~self.off_site)


@dataclass(frozen=True)
class PairHours:
    """Hours of two stations.

    Args:
        first, second: of the two, on the same hours.
        windows: in which they stood side by side, in order of time.
        compared: when both were at the places that are compared.
    """

    first: StationHours
    second: StationHours
    windows: Sequence[Window]
    compared: Sequence[Together]

    @classmethod
    def of(
        cls,
        first: StationHours,
        second: StationHours,
        *,
        side_by_side: Sequence[Together],
        compared: Sequence[Together],
        measured: Sequence[Together],
    ) -> "PairHours":
        """Return the hours of two stations.

        Args:
            first, second: of the two.
            side_by_side: windows of the stations file. If none of them tells how the devices that are compared read
                particles, the hours of these devices at no declared place are searched for weeks side by side.
            compared: when both were at the places that are compared.
            measured: which two devices measured when, wherever they stood.
        """
        hours = pd.DatetimeIndex(first.sound.index.union(second.sound.index))
        first, second = first.on(hours), second.on(hours)
        last = hours[-1] + pd.Timedelta(hours=1) if len(hours) else pd.Timestamp(0, tz="UTC")
        windows = [
            Window(_stamp(one.start), last if one.end is None else _stamp(one.end), DECLARED, one.devices)
            for one in side_by_side
        ]
        # A window that is planned says nothing yet.
        pair = cls(first, second, [window for window in windows if window.start < last], compared)
        if pair.devices is None or any(one.withheld is None for name in PARTICLES for one in pair.relations(name)):
            return pair
        of_devices = _is_in(hours, [period for period in measured if period.devices == pair.devices])
        found = found_windows(first.sound[of_devices], second.sound[of_devices], pair.devices)
        # A front of dust makes two streets alike for a week: where the file names the places, it is right.
        is_placed = _is_in(hours, [period for period in compared if period.is_placed])
        found = [one for one in found if not is_placed[(hours >= one.start) & (hours < one.end)].mean() > 0.5]
        return replace(pair, windows=sorted([*pair.windows, *found], key=lambda window: window.start))

    @property
    def hours(self) -> pd.DatetimeIndex:
        """Starts of the hours (UTC)."""
        return pd.DatetimeIndex(self.first.sound.index)

    @property
    def devices(self) -> Devices | None:
        """Devices that are compared: the newest two. What others measured has a scale of its own."""
        return self.compared[-1].devices if self.compared else None

    @cached_property
    def is_compared(self) -> np.ndarray:
        """Which hours are compared."""
        is_compared = _is_in(self.hours, [one for one in self.compared if one.devices == self.devices])
        for window in self.windows:
            # Weeks that were found begin and end a few days from where they are found.
            margin = pd.Timedelta(days=FIND_DAYS if window.source == FOUND else 0)
            is_compared &= (self.hours < window.start - margin) | (self.hours >= window.end + margin)
        return is_compared

    def relations(self, field: str) -> list[Relation]:
        """Return the relations of the two devices that are compared."""
        first, second = self.first.sound[field], self.second.sound[field]
        return [relation_of(window, first, second) for window in self.windows if window.devices == self.devices]

    def of_field(
        self, field: str, start: pd.Timestamp | None, end: pd.Timestamp | None, left_out: Sequence[LeftOut]
    ) -> FieldHours:
        """Return the hours of a reading that are compared.

        Args:
            field: the reading.
            start, end: hours that are asked for, ``start <= hour < end``; None: from the first, to the last.
            left_out: times that are left out.
        """
        hours = self.hours[self.is_compared]
        is_asked = np.ones(len(hours), dtype=bool)
        if start is not None:
            is_asked &= hours >= start
        if end is not None:
            is_asked &= hours < end
        first, second = (station.valid[field].to_numpy()[self.is_compared] for station in (self.first, self.second))
        is_sensitive = (self.first.cross_sensitive[field] | self.second.cross_sensitive[field]).to_numpy()
        is_paired = is_asked & ~np.isnan(first) & ~np.isnan(second)
        is_left_out = np.zeros(len(hours), dtype=bool)
        for time in left_out:
            is_left_out |= time.holds(hours)
        humidity = [station.sound[HUMIDITY] for station in (self.first, self.second)]
        return FieldHours(
            field=field,
            hours=hours,
            first=np.where(is_left_out, np.nan, first),
            second=np.where(is_left_out, np.nan, second),
            humidity=pd.concat(humidity, axis=1).mean(axis=1).to_numpy()[self.is_compared],
            is_asked=is_asked,
            valid_first=int((~np.isnan(first[is_asked])).sum()),
            valid_second=int((~np.isnan(second[is_asked])).sum()),
            cross_sensitive=float(is_sensitive[self.is_compared][is_paired].mean()) if is_paired.any() else 0.0,
            left_out=[time for time in left_out if time.holds(hours[is_asked]).any()],
            hours_left_out=int((is_left_out & is_paired).sum()),
        )


def _is_in(hours: pd.DatetimeIndex, periods: Sequence[Together]) -> np.ndarray:
    """Return which hours are in one of some periods."""
    is_in = np.zeros(len(hours), dtype=bool)
    for period in periods:
        is_inside = hours >= _stamp(period.start)
        is_in |= is_inside if period.end is None else is_inside & (hours < _stamp(period.end))
    return is_in


def _stamp(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC")
