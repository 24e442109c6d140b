"""Quality control: flags that say which readings can be trusted, and why the others cannot.

A flag never changes or removes a reading. The levels are QARTOD's primary flags (U.S. IOOS, Manual for
the Use of Real-Time Oceanographic Data Quality Control Flags, 2020): 1 pass, 2 not evaluated, 3 suspect,
4 fail, 9 missing. docs/data.md maps the flags to those of the EEA and of AQS.

The flags of an hour depend only on the hours from `HOURS_BEFORE` before it to `HOURS_AFTER` after it. With these hours
around them, the flags are the same however a history is cut into months.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, IntFlag
from functools import cached_property

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import (
    BY_FIELD,
    PROVISIONAL,
    RESERVED_FIELDS,
    TIMESTAMP,
    QualityControl,
)

# The window of the drift test: four weeks.
HOURS_BEFORE = 28 * 24
# A run of equal readings needs up to 23 more readings, three hours apart. A month settles in the same time.
HOURS_AFTER = 72

# Most hours between two equal readings of a run: a sensor that hangs also loses packets.
_STUCK_GAP_HOURS = 3
# Three neighbours on each side. The third smallest of six differences is their lower median.
_NEIGHBOURS = 3
_MEDIAN_RANK = 3
# FILTER (NILU 2025, doi 10.1016/j.jenvman.2025.125100): 10 median absolute deviations over 360 hours.
_SCALE_HOURS = 360
_MOST_DEVIATIONS = 10.0
_MAD_OF_A_STANDARD_DEVIATION = 0.6745  # of a normal distribution: the modified z-score (Iglewicz and Hoaglin, 1993)
# Judgement of this project: if a quarter of four weeks (at least of one week) is clearly below zero, it is an offset.
_DRIFTING_SHARE = 0.25
_LEAST_NEGATIVE_HOURS = 7 * 24 // 4
# Judgement of this project: one optical sensor measures both fractions; they may differ by rounding.
_INCONSISTENT_FACTOR, _INCONSISTENT_OFFSET = 1.1, 2.0
# Hygroscopic growth: optical PM sensors read high in humid air (Jayaratne et al. 2018, doi 10.5194/amt-11-4883-2018).
HUMID_PERCENT = 85.0

_PM2_5, _PM10, _HUMIDITY = "pm2_5", "pm10", "relative_humidity"
PARTICLES = (_PM2_5, _PM10)
"""Two fractions of one optical sensor: `Flag.INCONSISTENT` depends on both."""


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
    BELOW_DETECTION = 256
    HUMID = 512
    PROVISIONAL = 1024
    RESTATED = 2048


FAILED = Flag.OUT_OF_RANGE | Flag.STUCK | Flag.SPIKE | Flag.ISOLATED | Flag.DRIFT | Flag.INCONSISTENT
"""Flags of readings that are excluded from valid means."""

RULES = 1
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


VALID_LEVELS = (Level.PASS, Level.NOT_EVALUATED, Level.SUSPECT)


def is_valid_level(levels: np.ndarray) -> np.ndarray:
    """Return which levels are those of valid readings.

    Args:
        levels: numbers of `Level`, of any shape; NaN if an hour was not judged.
    """
    return levels <= max(VALID_LEVELS)


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
            (Flag.UNUSUALLY_HIGH, Level.SUSPECT),
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


def flag_hours(
    hourly: pd.DataFrame, *, surrounding: pd.DataFrame | None = None, restated: Collection[pd.Timestamp] = ()
) -> FlaggedHours:
    """Flag the hours of a period.

    Args:
        hourly: one row per hour, ``timestamp`` (tz-aware) and the readings, in the layout of `hourly_frame`.
        surrounding: stored hours from `HOURS_BEFORE` before the period to `HOURS_AFTER` after it, in the same layout.
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
@np.errstate(over="ignore", invalid="ignore")
def quality_flags(
    hourly: pd.DataFrame, fields: Collection[str], *, restated: Collection[pd.Timestamp] = ()
) -> pd.DataFrame:
    """Flag the readings of some hours.

    Removing a valid reading never makes another one valid: each rule counts the hours that support a reading, and a
    missing hour supports none.

    Args:
        hourly: one row per hour in any order, each hour once: ``timestamp`` (tz-aware, start of the
            hour), readings in the units of the pollutant table, and ``provisional`` if an hour is.
        fields: fields to flag; a field without a column is missing in every hour.
        restated: hours that the source changed after they were final.

    Returns:
        one row per hour with its index, one column per field: a sum of `Flag`.
    """
    hours = pd.DatetimeIndex(hourly[TIMESTAMP])
    # On a complete grid of hours, a window of n rows spans n hours.
    place = ((hours - hours.min()) // timedelta(hours=1)).to_numpy(dtype="int64")
    grid = np.full((len(fields), place.max(initial=-1) + 1), np.nan)
    grid[:, place] = hourly.reindex(columns=list(fields)).to_numpy(dtype="float64").T
    flags = np.array(
        [_single_flags(values, quality_control(field)) for field, values in zip(fields, grid, strict=True)],
        dtype="int64",
    )
    _flag_particles(dict(zip(fields, grid, strict=True)), dict(zip(fields, flags, strict=True)))
    flags = flags[:, place]
    if PROVISIONAL in hourly:
        flags[:, (hourly[PROVISIONAL] == True).to_numpy()] |= int(Flag.PROVISIONAL)  # noqa: E712
    if len(restated):
        flags[:, hours.isin(list(restated))] |= int(Flag.RESTATED)
    return pd.DataFrame(flags.T, index=hourly.index, columns=list(fields))


def _single_flags(values: np.ndarray, limits: QualityControl | None) -> np.ndarray:
    """Return the flags of one quantity that do not depend on other quantities, one per hour."""
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
        differences = _differences_from_neighbours(values)
        add(Flag.ISOLATED, np.isposinf(differences))
        add(Flag.SPIKE, _is_spike(differences, limits.least_spike.value, is_scaled=limits.is_spike_scaled))
    return flags


def _is_stuck(values: np.ndarray, limits: QualityControl) -> np.ndarray:
    """Return which readings belong to a long run of equal readings; a few missing hours do not end a run."""
    is_stuck = np.zeros(len(values), dtype=bool)
    present = np.flatnonzero(~np.isnan(values))
    if limits.stuck_hours is None or not len(present):
        return is_stuck
    numbers = values[present]
    begins = np.ones(len(present), dtype=bool)
    begins[1:] = (numbers[1:] != numbers[:-1]) | (np.diff(present) > _STUCK_GAP_HOURS)
    run = np.cumsum(begins) - 1
    zero_hours = (limits.stuck_zero_hours or limits.stuck_hours).value
    is_stuck[present] = np.bincount(run)[run] >= np.where(numbers == 0, zero_hours, limits.stuck_hours.value)
    return is_stuck


def _is_drifting(values: np.ndarray, detection: float) -> np.ndarray:
    """Return which readings end four weeks in which a quarter of the readings was clearly below zero."""
    is_present = ~np.isnan(values)
    negative, present = (_rolling_count(is_counted, HOURS_BEFORE) for is_counted in (values < -detection, is_present))
    return is_present & (negative >= _LEAST_NEGATIVE_HOURS) & (negative >= _DRIFTING_SHARE * present)


def _rolling_count(is_counted: np.ndarray, hours: int) -> np.ndarray:
    """Return for each hour how many of the last hours, including itself, are counted."""
    total = np.concatenate([[0], np.cumsum(is_counted)])
    last = np.arange(1, len(total))
    return total[last] - total[np.maximum(last - hours, 0)]


def _differences_from_neighbours(values: np.ndarray) -> np.ndarray:
    """Return the median absolute difference of each reading from the six hours around it.

    A missing neighbour counts as infinitely different. So the result is infinite if fewer than three neighbours are
    present, and NaN if the reading itself is missing.
    """
    padded = np.pad(values, _NEIGHBOURS, constant_values=np.nan)
    others = (padded[shift : shift + len(values)] for shift in range(2 * _NEIGHBOURS + 1) if shift != _NEIGHBOURS)
    differences = np.array([np.abs(values - other) for other in others])
    differences[np.isnan(differences)] = np.inf
    return np.where(np.isnan(values), np.nan, np.partition(differences, _MEDIAN_RANK - 1, axis=0)[_MEDIAN_RANK - 1])


def _is_spike(differences: np.ndarray, least: float, *, is_scaled: bool) -> np.ndarray:
    """Return which readings differ far more from the hours around them than usual."""
    is_spike = np.isfinite(differences) & (differences > least)
    candidates = np.flatnonzero(is_spike)
    if is_scaled and len(candidates):
        # Hours with missing neighbours count as 0: removing an hour never raises the usual difference.
        size = 2 * _NEIGHBOURS + 1
        is_whole = _rolling_count(np.pad(~np.isnan(differences), (0, _NEIGHBOURS)), size)[_NEIGHBOURS:] == size
        whole = np.where(is_whole, differences, 0.0)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(whole, (_SCALE_HOURS - 1, 0)), _SCALE_HOURS)
        usual = np.median(windows[candidates], axis=1)
        scores = _MAD_OF_A_STANDARD_DEVIATION * differences[candidates]
        is_spike[candidates] = scores > _MOST_DEVIATIONS * usual
    return is_spike


def _flag_particles(grid: Mapping[str, np.ndarray], flags: Mapping[str, np.ndarray]) -> None:
    """Add the flags of particles that depend on the other fraction and on humidity."""

    def add(field: str, flag: Flag, is_flagged: np.ndarray) -> None:
        flags[field][is_flagged] |= int(flag)

    if _PM2_5 in grid and _PM10 in grid:
        is_inconsistent = grid[_PM2_5] > _INCONSISTENT_FACTOR * grid[_PM10] + _INCONSISTENT_OFFSET
        for field in PARTICLES:
            add(field, Flag.INCONSISTENT, is_inconsistent)
    if _HUMIDITY in grid:
        for field in filter(grid.__contains__, PARTICLES):
            add(field, Flag.HUMID, (grid[_HUMIDITY] > HUMID_PERCENT) & ~np.isnan(grid[field]))
