"""Quality control: flags that say which readings can be trusted, and why the others cannot.

A flag never changes or removes a reading. The levels are QARTOD's primary flags (U.S. IOOS, Manual for
the Use of Real-Time Oceanographic Data Quality Control Flags, 2020): 1 pass, 2 not evaluated, 3 suspect,
4 fail, 9 missing. docs/data.md maps the flags to those of the EEA and of AQS.

The flags of an hour depend on the four weeks before it, the runs in which these begin, and the hours up to
`HOURS_AFTER` after it. With
`HOURS_BEFORE` and `HOURS_AFTER` around a period, its flags, 8-hour means and NowCasts are the same however a history is
cut into months. No flag fails an hour because hours after it have not come yet: it is unconfirmed until they have.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, IntFlag
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import (
    BY_FIELD,
    PROVISIONAL,
    RESERVED_FIELDS,
    STATION_ID,
    TIMESTAMP,
    QualityControl,
)
from airquality_dagster.network.siting import ALWAYS_ON_SITE, Siting
from airquality_dagster.readings.channel_rules import (
    WINDOW_HOURS,
    Differences,
    differences_from_neighbours,
    is_offset,
    is_spike,
    is_stuck,
    without_outliers,
)
from airquality_dagster.readings.indices import NOWCAST_HOURS
from airquality_dagster.readings.joint_rules import (
    COMPANIONS,
    HUMIDITY,
    NO2,
    O3,
    PM2_5,
    PM10,
    WARMING_UP,
    inconsistent,
    is_mirrored,
    is_shared,
    is_warming_up,
)

# A run of equal readings needs up to 23 more readings, three hours apart. A month settles in the same time.
HOURS_AFTER = 72
# Eight readings at or below zero, three hours apart.
_RUN_HOURS = 24
# A NowCast looks back eleven hours, each of which is judged by the four weeks before it, and by runs that began before.
HOURS_BEFORE = _RUN_HOURS + WINDOW_HOURS + NOWCAST_HOURS - 1

# Hygroscopic growth: optical PM sensors read high in humid air (Jayaratne et al. 2018, doi 10.5194/amt-11-4883-2018).
HUMID_PERCENT = 85.0

PARTICLES = tuple(COMPANIONS)
"""Two fractions of one optical sensor: flags of one depend on both."""


class Flag(IntFlag):
    """What quality control says of a reading. The name in lower case is stored."""

    MISSING = 1
    OUT_OF_RANGE = 2
    STUCK = 4
    SPIKE = 8
    ISOLATED = 16
    DRIFT = 32
    INCONSISTENT = 64
    UNUSUALLY_HIGH = 128
    BELOW_NOISE_FLOOR = 256
    HUMID = 512
    PROVISIONAL = 1024
    RESTATED = 2048
    WARM_UP = 4096
    OFF_SITE = 8192
    UNCONFIRMED = 16384
    CROSS_SENSITIVE = 32768


FAULTY = Flag.OUT_OF_RANGE | Flag.STUCK | Flag.SPIKE | Flag.ISOLATED | Flag.DRIFT | Flag.INCONSISTENT | Flag.WARM_UP
"""Flags of readings that the sensor got wrong."""

FAILED = FAULTY | Flag.OFF_SITE
"""Flags of readings that are excluded from valid means."""

SUSPECT = Flag.UNUSUALLY_HIGH | Flag.UNCONFIRMED | Flag.CROSS_SENSITIVE
"""Flags of readings that are valid, but with a reservation."""

RULES = 2
"""Version of the rules; documents hold it. With a new version, the hourly job computes stored documents again."""

INVALIDATING = FAILED | Flag.MISSING
"""Flags of hours that do not count as valid."""


class Level(IntEnum):
    """QARTOD's primary flags."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


HIGHEST_VALID_LEVEL = Level.SUSPECT
"""Readings up to this level are valid."""


def is_valid_level(levels: np.ndarray) -> np.ndarray:
    """Return which levels are those of valid readings.

    Args:
        levels: numbers of `Level`, of any shape; NaN if an hour was not judged.
    """
    return levels <= HIGHEST_VALID_LEVEL


@dataclass(frozen=True)
class FlaggedHours:
    """The hours of a period, the hours around it, and their flags.

    Args:
        hours: one row per hour, ordered by time, in the layout of `hourly_frame`.
        in_period: which hours are in the period (bool); the others are around it.
        flags: one row per hour (with the index of the hours), one column per field: a sum of `Flag`.
    """

    hours: pd.DataFrame
    in_period: np.ndarray
    flags: pd.DataFrame

    @property
    def fields(self) -> list[str]:
        """Fields of the flagged readings."""
        return list(map(str, self.flags.columns))

    @property
    def is_valid(self) -> pd.DataFrame:
        """Which readings are present and did not fail."""
        return (self.flags & int(INVALIDATING)) == 0

    @property
    def levels(self) -> pd.DataFrame:
        """The `Level` of each reading."""
        flags = self.flags.to_numpy()
        is_judged = [quality_control(field) is not None for field in self.fields]
        levels = np.tile(np.where(is_judged, int(Level.PASS), int(Level.NOT_EVALUATED)), (len(flags), 1))
        # Later rows override earlier ones.
        for flag, level in (
            (SUSPECT, Level.SUSPECT),
            (FAILED, Level.FAIL),
            (Flag.MISSING, Level.MISSING),
        ):
            levels[(flags & int(flag)) != 0] = level
        return pd.DataFrame(levels, index=self.flags.index, columns=self.flags.columns)

    @cached_property
    def readings(self) -> pd.DataFrame:
        """All readings as published, one column per field (float64)."""
        return self.hours.reindex(columns=self.fields).astype("float64")

    @cached_property
    def valid_readings(self) -> pd.DataFrame:
        """The valid readings; NaN replaces the others."""
        return self.readings.where(self.is_valid)

    @cached_property
    def index_readings(self) -> pd.DataFrame:
        """The valid readings of channels with a signal of their own: those that indices and guidelines use."""
        return self.valid_readings.where((self.flags & int(Flag.CROSS_SENSITIVE)) == 0)


def flag_hours(
    hourly: pd.DataFrame,
    *,
    surrounding: pd.DataFrame | None = None,
    restated: Collection[pd.Timestamp] = (),
    siting: Siting = ALWAYS_ON_SITE,
    newest: datetime | None = None,
) -> FlaggedHours:
    """Flag the hours of a period.

    Args:
        hourly: one row per hour, ``timestamp`` (tz-aware) and the readings, in the layout of `hourly_frame`.
        surrounding: stored hours from `HOURS_BEFORE` before the period to `HOURS_AFTER` after it, in the same layout.
        restated: hours that the source changed after they were final.
        siting: when the station stood in the air of its place, and what is declared of its channels.
        newest: the newest hour that is known, tz-aware: later hours have not come yet. What needs them is unconfirmed.
            None: the history is complete, and missing hours will never come.
    """
    hours = hourly
    if surrounding is not None and len(surrounding):
        hours = pd.concat([surrounding, hourly], ignore_index=True) if len(hourly) else surrounding
    if not hours[TIMESTAMP].is_monotonic_increasing:
        hours = hours.sort_values(TIMESTAMP, ignore_index=True)
    in_period = hours[TIMESTAMP].isin(hourly[TIMESTAMP]).to_numpy()
    flags = quality_flags(hours, reading_fields(hourly), restated=restated, siting=siting, newest=newest)
    return FlaggedHours(hours, in_period, flags)


def flags_as_of(hourly: pd.DataFrame, moment: datetime, *, siting: Siting = ALWAYS_ON_SITE) -> FlaggedHours:
    """Flag hours as they were flagged at a moment: the newest of them is the newest that was known.

    Args:
        hourly: hours as they were known then (`storage.known.hours_as_of`), or all hours of a history that was never
            corrected; hours after ``moment`` are ignored.
        moment: tz-aware.
        siting: as in `flag_hours`.
    """
    hours = hourly[TIMESTAMP]
    since = moment - timedelta(hours=HOURS_BEFORE)
    known = hourly[(hours <= moment) & (hours > since)].reset_index(drop=True)
    newest = known[TIMESTAMP].max() if len(known) else None
    return flag_hours(known, siting=siting, newest=newest)


def reading_fields(hourly: pd.DataFrame) -> list[str]:
    """Return the fields that are flagged: those of the pollutant table, then other sensors that have readings."""
    others = hourly.columns.difference([*RESERVED_FIELDS, *BY_FIELD], sort=False)
    return [*BY_FIELD, *(field for field in others if hourly[field].notna().any())]


def flag_names(flags: int) -> list[str]:
    """Return the names of the flags in a sum of them.

    >>> flag_names(Flag.STUCK | Flag.HUMID)
    ['stuck', 'humid']
    """
    return [flag.name.lower() for flag in Flag if flag & flags and flag.name]


def quality_control(field: str) -> QualityControl | None:
    """Return the thresholds of a field, None if it has none."""
    parameter = BY_FIELD.get(field)
    return parameter.quality if parameter else None


# Differences of the largest numbers are infinite, and compare as such.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def quality_flags(
    hourly: pd.DataFrame,
    fields: Collection[str],
    *,
    restated: Collection[pd.Timestamp] = (),
    siting: Siting = ALWAYS_ON_SITE,
    newest: datetime | None = None,
) -> pd.DataFrame:
    """Flag the readings of some hours.

    Removing a valid hour never makes another one valid: each rule counts the hours that support a reading, and a
    missing hour supports none. Each device is judged by its own readings: hours before it came to the station do not
    count.

    Args:
        hourly: one row per hour in any order, each hour once: ``timestamp`` (tz-aware, start of the
            hour), readings in the units of the pollutant table, and ``provisional`` if an hour is.
        fields: fields to flag; a field without a column is missing in every hour.
        restated, siting, newest: as in `flag_hours`.

    Returns:
        one row per hour with its index, one column per field: a sum of `Flag`.
    """
    hours = pd.DatetimeIndex(hourly[TIMESTAMP])
    flags = np.zeros((len(fields), len(hours)), dtype="int64")
    devices = hourly[STATION_ID].to_numpy() if STATION_ID in hourly else np.zeros(len(hours))
    for device in pd.unique(devices):
        is_its = devices == device
        flags[:, is_its] = _device_flags(hourly[is_its], fields, siting, newest)
    flags[siting.is_off_site(hours) & ((flags & int(Flag.MISSING)) == 0)] |= int(Flag.OFF_SITE)
    if PROVISIONAL in hourly:
        flags[:, (hourly[PROVISIONAL] == True).to_numpy()] |= int(Flag.PROVISIONAL)  # noqa: E712
    if len(restated):
        flags[:, hours.isin(list(restated))] |= int(Flag.RESTATED)
    return pd.DataFrame(flags.T, index=hourly.index, columns=list(fields))


def _device_flags(hourly: pd.DataFrame, fields: Collection[str], siting: Siting, newest: datetime | None) -> np.ndarray:
    """Return the flags of one device that depend on its readings, one row per field."""
    hours = pd.DatetimeIndex(hourly[TIMESTAMP])
    # On a complete grid of hours, a window of n rows spans n hours.
    place = ((hours - hours.min()) // timedelta(hours=1)).to_numpy(dtype="int64")
    readings = np.full((len(fields), place.max(initial=-1) + 1), np.nan)
    readings[:, place] = hourly.reindex(columns=list(fields)).to_numpy(dtype="float64").T
    grid = dict(zip(fields, readings, strict=True))
    return _grid_flags(grid, _positions_known(hours, newest, readings.shape[1]), siting)[:, place]


def _positions_known(hours: pd.DatetimeIndex, newest: datetime | None, length: int) -> int:
    """Return the position of the newest known hour; beyond the grid if hours after it are known to be missing."""
    if newest is None or not len(hours):
        return length + HOURS_AFTER
    return int((pd.Timestamp(newest) - hours.min()) // timedelta(hours=1))


def _grid_flags(grid: Mapping[str, np.ndarray], newest: int, siting: Siting) -> np.ndarray:
    """Return the flags of each field on a complete grid of hours, one row per field."""
    flags = {field: np.where(np.isnan(values), int(Flag.MISSING), 0) for field, values in grid.items()}

    def add(field: str, flag: Flag, is_flagged: np.ndarray) -> None:
        flags[field][is_flagged] |= int(flag)

    judged = {field: limits for field in grid if (limits := quality_control(field)) is not None}
    differences = {field: differences_from_neighbours(grid[field], newest) for field in judged}
    for field, limits in judged.items():
        for flag, is_flagged in _channel_flags(field, grid, limits, differences):
            add(field, flag, is_flagged)
    if grid.keys() >= COMPANIONS.keys():
        is_sound = {field: (flags[field] & int(Flag.OUT_OF_RANGE)) == 0 for field in COMPANIONS}
        for field, is_blamed in zip((PM2_5, PM10), inconsistent(grid[PM2_5], grid[PM10]), strict=True):
            # What is impossible by itself accuses nothing else.
            add(field, Flag.INCONSISTENT, is_blamed & is_sound[PM2_5] & is_sound[PM10])
    is_warm_up = is_warming_up(grid)
    for field in filter(grid.__contains__, WARMING_UP):
        add(field, Flag.WARM_UP, is_warm_up & ~np.isnan(grid[field]))
    for field, values in grid.items():
        declared = siting.cross_sensitive.get(field)
        if declared:
            add(field, Flag.CROSS_SENSITIVE, ~np.isnan(values))
        elif declared is None and field == NO2 and O3 in grid:
            # An outlier would hide how the two go together.
            no2, o3 = (without_outliers(grid[name], differences[name], judged[name]) for name in (NO2, O3))
            add(field, Flag.CROSS_SENSITIVE, is_mirrored(no2, o3) & ~np.isnan(values))
    if HUMIDITY in grid:
        for field in filter(grid.__contains__, PARTICLES):
            add(field, Flag.HUMID, (grid[HUMIDITY] > HUMID_PERCENT) & ~np.isnan(grid[field]))
    return np.array(list(flags.values()), dtype="int64").reshape(len(grid), -1)


def _channel_flags(
    field: str, grid: Mapping[str, np.ndarray], limits: QualityControl, differences: Mapping[str, Differences]
) -> Iterator[tuple[Flag, np.ndarray]]:
    """Yield the flags of one channel, and which hours have them."""
    values = grid[field]
    other, part = COMPANIONS.get(field, ("", 0.0))
    companion = grid.get(other)
    yield Flag.OUT_OF_RANGE, (values < limits.lowest.value) | (values > limits.highest.value)
    yield Flag.STUCK, is_stuck(values, limits, companion)
    if limits.suspect_above is not None:
        is_high = (values > limits.suspect_above.value) & (values <= limits.highest.value)
        yield Flag.UNUSUALLY_HIGH, is_high
    if limits.noise_floor is not None:
        yield Flag.BELOW_NOISE_FLOOR, np.abs(values) < limits.noise_floor.value
        if companion is None:  # particles are counted: their zero does not drift
            yield Flag.DRIFT, is_offset(values, limits)
    if limits.least_spike is not None:
        yield from _sudden_flags(differences[field], differences.get(other), part, limits)


def _sudden_flags(
    own: Differences, companion: Differences | None, part: float, limits: QualityControl
) -> Iterator[tuple[Flag, np.ndarray]]:
    """Yield the flags that need later hours, and which hours are unconfirmed until these have come."""
    isolated, surely_isolated = (np.isposinf(present) for present in (own.of_reading, own.at_best))
    spikes, sure_spikes = (is_spike(own, limits, at_best=at_best) for at_best in (False, True))
    failed = spikes
    if companion is not None:
        shared, may_be_shared = is_shared(own, companion, part)
        failed, sure_spikes = spikes & ~shared, sure_spikes & ~may_be_shared
    yield Flag.ISOLATED, np.where(own.is_open, surely_isolated, isolated)
    yield Flag.SPIKE, np.where(own.is_open, sure_spikes, failed)
    yield Flag.UNCONFIRMED, own.is_open & (isolated | spikes) & ~surely_isolated & ~sure_spikes
