"""Which readings can be trusted, and why not: flags of each reading.

A flag never changes or removes a reading. The levels are QARTOD's primary flags (U.S. IOOS, Manual for
the Use of Real-Time Oceanographic Data Quality Control Flags, 2020): 1 pass, 2 not evaluated, 3 suspect,
4 fail, 9 missing. docs/data.md maps the flags to those of the EEA and of AQS.

The flags of an hour depend on the hours from `HOURS_BEFORE` before it to `HOURS_AFTER` after it and on
nothing else: however a history is cut into months, with these hours around them the flags are the same.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import (
    BY_FIELD,
    PROVISIONAL,
    RESERVED_FIELDS,
    TIMESTAMP,
    Parameter,
    QualityControl,
)

# Of drift: four weeks.
HOURS_BEFORE = 28 * 24
# Of a run of equal readings that goes on: 23 more, three hours apart. A month settles in as many hours.
HOURS_AFTER = 72

# Hours between two equal readings of a run at most: a sensor that hangs also loses packets.
_STUCK_APART = 3
# Three hours on each side; the third nearest of six differences is their lower median.
_AROUND = 3
_SUPPORTING = 3
# FILTER (NILU 2025, doi 10.1016/j.jenvman.2025.125100): 10 median absolute deviations, of 360 hours.
_SCALE_HOURS = 360
_MOST_DEVIATIONS = 10.0
_MAD_OF_A_STANDARD_DEVIATION = 0.6745  # of a normal distribution: the modified z-score (Iglewicz and Hoaglin, 1993)
# Judgement of this project: a quarter of four weeks clearly below zero is an offset, not noise; at least of one week.
_DRIFTING_SHARE = 0.25
_LEAST_NEGATIVE_HOURS = 7 * 24 // 4
# Judgement of this project: the two come from one optical sensor, whose fractions may differ by rounding.
_INCONSISTENT_FACTOR, _INCONSISTENT_OFFSET = 1.1, 2.0
# Hygroscopic growth: optical PM sensors read high in humid air (Jayaratne et al. 2018, doi 10.5194/amt-11-4883-2018).
HUMID_PERCENT = 85.0

_PM2_5, _PM10, _HUMIDITY = "pm2_5", "pm10", "relative_humidity"
_PARTICLES = (_PM2_5, _PM10)


class Flag(IntFlag):
    """What is to be known of a reading; its name in lower case is what is stored."""

    MISSING = 1
    OUT_OF_RANGE = 2
    STUCK = 4
    SPIKE = 8
    ISOLATED = 16
    DRIFT = 32
    INCONSISTENT = 64
    UNUSUALLY_HIGH = 128
    BELOW_DETECTION = 256
    HUMID = 512
    PROVISIONAL = 1024
    RESTATED = 2048


FAILED = Flag.OUT_OF_RANGE | Flag.STUCK | Flag.SPIKE | Flag.ISOLATED | Flag.DRIFT | Flag.INCONSISTENT
"""Flags of readings that are in no valid mean."""


RULES = 1
"""Version of the rules by which readings are judged; documents say by which they were. Another one makes them anew."""

INVALIDATING = FAILED | Flag.MISSING
"""Flags of hours that do not count as valid."""


class Level(IntEnum):
    """QARTOD's primary flags."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


VALID_LEVELS = (Level.PASS, Level.NOT_EVALUATED, Level.SUSPECT)


def is_valid_level(levels: np.ndarray) -> np.ndarray:
    """Return which levels are those of valid readings.

    Args:
        levels: numbers of `Level`, of any shape; NaN where an hour was not judged.
    """
    return levels <= max(VALID_LEVELS)


@dataclass(frozen=True)
class QualityFlags:
    """Flags of the readings of some hours.

    Args:
        flags: one row an hour (its index is that of the hours), one column a field: a sum of `Flag`.
    """

    flags: pd.DataFrame

    @property
    def is_valid(self) -> pd.DataFrame:
        """Which readings are there and did not fail."""
        return (self.flags & int(INVALIDATING)) == 0

    @property
    def levels(self) -> pd.DataFrame:
        """The `Level` of each reading."""
        flags = self.flags.to_numpy()
        is_judged = [quality_control(str(field)) is not None for field in self.flags.columns]
        levels = np.tile(np.where(is_judged, int(Level.PASS), int(Level.NOT_EVALUATED)), (len(flags), 1))
        # The later ones count more.
        for flag, level in (
            (Flag.UNUSUALLY_HIGH, Level.SUSPECT),
            (FAILED, Level.FAIL),
            (Flag.MISSING, Level.MISSING),
        ):
            levels[(flags & int(flag)) != 0] = level
        return pd.DataFrame(levels, index=self.flags.index, columns=self.flags.columns)


@dataclass(frozen=True)
class FlaggedHours:
    """The hours of a period with those around it, and their flags.

    Args:
        hours: one row an hour in order of time, as `hourly_frame` lays them out.
        in_period: which of them are in the period; the others are its context.
        quality: flags of all of them.
    """

    hours: pd.DataFrame
    in_period: np.ndarray
    quality: QualityFlags

    @property
    def fields(self) -> list[str]:
        """The readings that are flagged."""
        return list(map(str, self.quality.flags.columns))

    @cached_property
    def readings(self) -> pd.DataFrame:
        """All readings as published, one column a field."""
        return self.hours.reindex(columns=self.fields).astype("float64")

    @cached_property
    def valid_readings(self) -> pd.DataFrame:
        """Those that did not fail, NaN in place of the others."""
        return self.readings.where(self.quality.is_valid)


def flag_hours(
    hourly: pd.DataFrame, *, surrounding: pd.DataFrame | None = None, restated: Collection[pd.Timestamp] = ()
) -> FlaggedHours:
    """Flag hours, given those around them.

    Args:
        hourly: one row an hour, ``timestamp`` (tz-aware) and the readings, as `hourly_frame` lays them out.
        surrounding: what there is from `HOURS_BEFORE` before to `HOURS_AFTER` after them, likewise.
        restated: hours that the source changed after they were final.
    """
    hours = hourly
    if surrounding is not None and len(surrounding):
        hours = pd.concat([surrounding, hourly], ignore_index=True) if len(hourly) else surrounding
    if not hours[TIMESTAMP].is_monotonic_increasing:
        hours = hours.sort_values(TIMESTAMP, ignore_index=True)
    in_period = hours[TIMESTAMP].isin(hourly[TIMESTAMP]).to_numpy()
    return FlaggedHours(hours, in_period, quality_flags(hours, reading_fields(hourly), restated=restated))


def reading_fields(hourly: pd.DataFrame) -> list[str]:
    """Return the fields that are judged: all of the pollutant table, then what else was measured."""
    others = hourly.columns.difference([*RESERVED_FIELDS, *BY_FIELD], sort=False)
    return [*BY_FIELD, *(field for field in others if hourly[field].notna().any())]


def flag_names(flags: int) -> list[str]:
    """Return the names of the flags in a sum of them.

    >>> flag_names(Flag.STUCK | Flag.HUMID)
    ['stuck', 'humid']
    """
    return [flag.name.lower() for flag in Flag if flag & flags and flag.name]


def quality_control(field: str) -> QualityControl | None:
    """Return what a field is judged by, or None where there is nothing."""
    parameter: Parameter | None = BY_FIELD.get(field)
    return parameter.quality if parameter is not None else None


def quality_flags(
    hourly: pd.DataFrame, fields: Collection[str], *, restated: Collection[pd.Timestamp] = ()
) -> QualityFlags:
    """Flag the readings of some hours.

    To take a valid reading away never makes another one valid: each rule counts what speaks for a reading, and a
    missing hour speaks for none.

    Args:
        hourly: one row an hour in any order, each hour once: ``timestamp`` (tz-aware, start of the
            hour), readings in the units of the pollutant table, and ``provisional`` where it applies.
        fields: to be flagged; one that no hour has is missing everywhere.
        restated: hours of which the source changed its mind after they were final.
    """
    hours = pd.DatetimeIndex(hourly[TIMESTAMP])
    # On a complete grid of hours a window of n rows is one of n hours.
    place = ((hours - hours.min()) // pd.Timedelta(hours=1)).to_numpy(dtype="int64")
    grid = np.full((len(fields), place.max(initial=-1) + 1), np.nan)
    grid[:, place] = hourly.reindex(columns=list(fields)).to_numpy(dtype="float64").T
    flags = np.array(
        [_flags_of_one(values, quality_control(field)) for field, values in zip(fields, grid, strict=True)],
        dtype="int64",
    )
    _flag_across(dict(zip(fields, grid, strict=True)), dict(zip(fields, flags, strict=True)))
    flags = flags[:, place]
    if PROVISIONAL in hourly:
        flags[:, (hourly[PROVISIONAL] == True).to_numpy()] |= int(Flag.PROVISIONAL)  # noqa: E712
    if len(restated):
        flags[:, hours.isin(list(restated))] |= int(Flag.RESTATED)
    return QualityFlags(pd.DataFrame(flags.T, index=hourly.index, columns=list(fields)))


def _flags_of_one(values: np.ndarray, limits: QualityControl | None) -> np.ndarray:
    """Return the flags that a quantity gets by itself, hour after hour."""
    flags = np.where(np.isnan(values), int(Flag.MISSING), 0)
    if limits is None:
        return flags

    def add(flag: Flag, is_flagged: np.ndarray) -> None:
        flags[is_flagged] |= int(flag)

    add(Flag.OUT_OF_RANGE, (values < limits.lowest.value) | (values > limits.highest.value))
    add(Flag.STUCK, _is_stuck(values, limits))
    if limits.suspect_above is not None:
        add(Flag.UNUSUALLY_HIGH, (values > limits.suspect_above.value) & (values <= limits.highest.value))
    if limits.detection is not None:
        add(Flag.BELOW_DETECTION, np.abs(values) < limits.detection.value)
        add(Flag.DRIFT, _is_drifting(values, limits.detection.value))
    if limits.least_spike is not None:
        differences = _differences_around(values)
        add(Flag.ISOLATED, np.isposinf(differences))
        add(Flag.SPIKE, _is_spike(differences, limits.least_spike.value, is_scaled=limits.is_spike_scaled))
    return flags


def _is_stuck(values: np.ndarray, limits: QualityControl) -> np.ndarray:
    """Return which readings belong to a run of equal ones that is long enough; few missing hours do not end it."""
    is_stuck = np.zeros(len(values), dtype=bool)
    present = np.flatnonzero(~np.isnan(values))
    if limits.stuck_hours is None or not len(present):
        return is_stuck
    numbers = values[present]
    begins = np.ones(len(present), dtype=bool)
    begins[1:] = (numbers[1:] != numbers[:-1]) | (np.diff(present) > _STUCK_APART)
    run = np.cumsum(begins) - 1
    zero_hours = (limits.stuck_zero_hours or limits.stuck_hours).value
    is_stuck[present] = np.bincount(run)[run] >= np.where(numbers == 0, zero_hours, limits.stuck_hours.value)
    return is_stuck


def _is_drifting(values: np.ndarray, detection: float) -> np.ndarray:
    """Return which readings follow four weeks of which a quarter was clearly below zero."""
    is_present = ~np.isnan(values)
    negative, present = (_count_of_last(is_counted, HOURS_BEFORE) for is_counted in (values < -detection, is_present))
    return is_present & (negative >= _LEAST_NEGATIVE_HOURS) & (negative >= _DRIFTING_SHARE * present)


def _count_of_last(is_counted: np.ndarray, hours: int) -> np.ndarray:
    """Return for each hour how many of the last ones, itself included, are counted."""
    total = np.concatenate([[0], np.cumsum(is_counted)])
    last = np.arange(1, len(total))
    return total[last] - total[np.maximum(last - hours, 0)]


def _differences_around(values: np.ndarray) -> np.ndarray:
    """Return the median absolute difference of each reading from the six hours around it.

    A missing hour differs infinitely, so that the difference is infinite where fewer than three are there; NaN
    where there is no reading.
    """
    padded = np.pad(values, _AROUND, constant_values=np.nan)
    others = (padded[shift : shift + len(values)] for shift in range(2 * _AROUND + 1) if shift != _AROUND)
    differences = np.array([np.abs(values - other) for other in others])
    differences[np.isnan(differences)] = np.inf
    return np.where(np.isnan(values), np.nan, np.partition(differences, _SUPPORTING - 1, axis=0)[_SUPPORTING - 1])


def _is_spike(differences: np.ndarray, least: float, *, is_scaled: bool) -> np.ndarray:
    """Return which readings stand far out of the hours around them."""
    is_spike = np.isfinite(differences) & (differences > least)
    candidates = np.flatnonzero(is_spike)
    if is_scaled and len(candidates):
        # Hours without all of their neighbours count as calm: to take an hour away never raises what is usual.
        around = 2 * _AROUND + 1
        is_whole = _count_of_last(np.pad(~np.isnan(differences), (0, _AROUND)), around)[_AROUND:] == around
        calm = np.where(is_whole, differences, 0.0)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(calm, (_SCALE_HOURS - 1, 0)), _SCALE_HOURS)
        usual = np.median(windows[candidates], axis=1)
        scores = _MAD_OF_A_STANDARD_DEVIATION * differences[candidates]
        is_spike[candidates] = scores > _MOST_DEVIATIONS * usual
    return is_spike


def _flag_across(grid: Mapping[str, np.ndarray], flags: Mapping[str, np.ndarray]) -> None:
    """Add the flags that particles get by each other and by the humidity."""

    def add(field: str, flag: Flag, is_flagged: np.ndarray) -> None:
        flags[field][is_flagged] |= int(flag)

    if _PM2_5 in grid and _PM10 in grid:
        is_inconsistent = grid[_PM2_5] > _INCONSISTENT_FACTOR * grid[_PM10] + _INCONSISTENT_OFFSET
        for field in _PARTICLES:
            add(field, Flag.INCONSISTENT, is_inconsistent)
    if _HUMIDITY in grid:
        for field in filter(grid.__contains__, _PARTICLES):
            add(field, Flag.HUMID, (grid[_HUMIDITY] > HUMID_PERCENT) & ~np.isnan(grid[field]))
