"""Rules that judge one channel by its own readings.

All take the readings of a channel on a complete grid of hours (float64, NaN where there is none), in its unit, and
return an array of the same length. Taking a reading away that passes never makes another one pass: each rule counts the
hours that support a reading, and a missing hour supports none.
"""

from dataclasses import dataclass

import numpy as np

from airquality_dagster.network.pollutants import QualityControl

WINDOW_HOURS = 28 * 24
"""The longest window of a rule: four weeks, the hour itself included."""

_DAY = 24
# Most hours between two equal readings of a run: a sensor that hangs also loses packets.
_GAP_HOURS = 3
# Three neighbours on each side. The third smallest of six differences is their lower median.
NEIGHBOURS = 3
_MEDIAN_RANK = 3
# FILTER (NILU 2025, doi 10.1016/j.jenvman.2025.125100): 10 median absolute deviations over 360 hours.
_SCALE_HOURS = 360
_MOST_DEVIATIONS = 10.0
_MAD_OF_A_STANDARD_DEVIATION = 0.6745  # of a normal distribution: the modified z-score (Iglewicz and Hoaglin, 1993)
# Judgement of this project: a sound gas sensor is above zero in at least three quarters of four weeks.
_LEAST_POSITIVE_HOURS = WINDOW_HOURS * 3 // 4
_LEAST_DAYS_WITH_RUNS = 5


@dataclass(frozen=True)
class Differences:
    """How far each reading is from the hours around it: the lower median of the six absolute differences.

    Args:
        of_reading: a missing hour counts as infinitely different: infinite if fewer than three hours are there. NaN if
            the reading itself is missing.
        at_least: a missing hour counts as equal. 0 if the reading itself is missing.
        at_best: as `of_reading`, but hours that have not come yet count as equal.
        at_most: as `at_least`, but hours that have not come yet count as infinitely different.
        is_whole: which hours have a reading and all six hours around it.
        is_open: which hours wait for hours around them that have not come yet.
    """

    of_reading: np.ndarray
    at_least: np.ndarray
    at_best: np.ndarray
    at_most: np.ndarray
    is_whole: np.ndarray
    is_open: np.ndarray


def rolling_count(is_counted: np.ndarray, hours: int) -> np.ndarray:
    """Return for each hour how many of the last hours, including itself, are counted."""
    total = np.concatenate([[0], np.cumsum(is_counted)])
    last = np.arange(1, len(total))
    return total[last] - total[np.maximum(last - hours, 0)]


def is_stuck(values: np.ndarray, limits: QualityControl, companion: np.ndarray | None = None) -> np.ndarray:
    """Return which readings belong to a long run of equal readings; a few missing hours do not end a run.

    Whole numbers come back in clean air, where all samples of an hour are equal. So while the companion moves, a run of
    them must be three times as long.

    Args:
        values: readings of the channel.
        limits: its thresholds.
        companion: readings of the other channel of the same sensor.
    """
    if limits.stuck_hours is None or limits.zero_hours is None:
        return np.zeros(len(values), dtype=bool)
    least = np.where(values == 0, limits.zero_hours.value, limits.stuck_hours.value)
    if companion is None:
        return _run_lengths(values) >= least
    is_moving = (_run_lengths(values, companion) < least) & (values == np.round(values)) & (values != 0)
    return _run_lengths(values) >= np.where(is_moving, 3 * limits.stuck_hours.value, least)


def _run_lengths(values: np.ndarray, companion: np.ndarray | None = None) -> np.ndarray:
    """Return for each reading how many equal ones its run has, 0 where there is none.

    With a companion, a run also ends where the companion changes; an hour without the companion does not end it.
    """
    lengths = np.zeros(len(values), dtype="int64")
    present = np.flatnonzero(~np.isnan(values))
    if len(present):
        begins = np.ones(len(present), dtype=bool)
        begins[1:] = (np.diff(values[present]) != 0) | (np.diff(present) > _GAP_HOURS)
        if companion is not None:
            begins[1:] |= np.diff(_filled(companion)[present]) != 0
        run = np.cumsum(begins) - 1
        lengths[present] = np.bincount(run)[run]
    return lengths


def _filled(values: np.ndarray) -> np.ndarray:
    """Return the readings with each missing one replaced by the last one before it, 0 if there is none."""
    place = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(place >= 0, values[place], 0.0)


def is_offset(values: np.ndarray, limits: QualityControl) -> np.ndarray:
    """Return which readings of a gas have an offset below zero.

    These are runs at or below zero, and every reading at the end of four weeks of which more than a quarter is at or
    below zero or missing, if at least `_LEAST_DAYS_WITH_RUNS` of the 28 days have such runs. How far below zero a
    reading is does not count: a source that puts zero in the place of negative readings changes no result.
    """
    is_present = ~np.isnan(values)
    zero_hours = limits.zero_hours
    if zero_hours is None or not (values <= 0).any():
        return np.zeros(len(values), dtype=bool)
    signs = np.where(is_present, values > 0, np.nan)
    in_run = (signs == 0) & (_run_lengths(signs) >= zero_hours.value)
    positive = rolling_count(values > 0, WINDOW_HOURS)
    days_with_runs = _rolling_days(in_run)
    return in_run | (is_present & (positive < _LEAST_POSITIVE_HOURS) & (days_with_runs >= _LEAST_DAYS_WITH_RUNS))


def _rolling_days(is_counted: np.ndarray) -> np.ndarray:
    """Return for each hour in how many of the last 28 times 24 hours an hour is counted."""
    in_a_day = rolling_count(is_counted, _DAY) > 0
    by_hour_of_day = np.pad(in_a_day, (0, -len(in_a_day) % _DAY)).reshape(-1, _DAY)
    total = by_hour_of_day.cumsum(axis=0)
    total[WINDOW_HOURS // _DAY :] -= total[: -WINDOW_HOURS // _DAY].copy()
    return total.reshape(-1)[: len(is_counted)]


def differences_from_neighbours(values: np.ndarray, newest: int) -> Differences:
    """Compare each reading with the six hours around it.

    Args:
        values: readings of the channel.
        newest: position of the newest hour that is known; later hours have not come yet.
    """
    padded = np.pad(values, NEIGHBOURS, constant_values=np.nan)
    others = (padded[shift : shift + len(values)] for shift in range(2 * NEIGHBOURS + 1) if shift != NEIGHBOURS)
    differences = np.array([np.abs(values - other) for other in others])
    is_missing, is_absent = np.isnan(differences), np.isnan(values)
    of_reading = np.where(is_absent, np.nan, _lower_median(np.where(is_missing, np.inf, differences)))
    at_least = np.where(is_absent, 0.0, _lower_median(np.where(is_missing, 0.0, differences)))
    at_best, at_most = of_reading.copy(), at_least.copy()
    is_open = np.zeros(len(values), dtype=bool)
    for hour in range(max(newest - NEIGHBOURS + 1, 0), min(newest + 1, len(values))):
        is_open[hour] = True
        if not is_absent[hour]:
            known = differences[: NEIGHBOURS + newest - hour, hour]
            unknown = np.zeros(len(differences) - len(known))
            at_best[hour] = _lower_median(np.append(np.where(np.isnan(known), np.inf, known), unknown))
            at_most[hour] = _lower_median(np.append(np.where(np.isnan(known), 0.0, known), unknown + np.inf))
    return Differences(of_reading, at_least, at_best, at_most, ~np.logical_or.reduce(is_missing), is_open)


def without_outliers(values: np.ndarray, differences: Differences, limits: QualityControl) -> np.ndarray:
    """Return the readings with NaN in the place of impossible ones, and of ones far from the hours around."""
    is_impossible = (values < limits.lowest.value) | (values > limits.highest.value)
    least = np.inf if limits.least_spike is None else limits.least_spike.value
    return np.where(is_impossible | (differences.at_best > least), np.nan, values)


def _lower_median(differences: np.ndarray) -> np.ndarray:
    return np.partition(differences, _MEDIAN_RANK - 1, axis=0)[_MEDIAN_RANK - 1]


def is_spike(differences: Differences, limits: QualityControl, *, at_best: bool) -> np.ndarray:
    """Return which readings differ far more from the hours around them than usual.

    Args:
        differences: of the channel.
        limits: its thresholds.
        at_best: whether the hours that have not come yet count as equal to the reading; otherwise as missing.
    """
    if limits.least_spike is None:
        return np.zeros(len(differences.of_reading), dtype=bool)
    present = differences.at_best if at_best else differences.of_reading
    spikes = np.isfinite(present) & (present > limits.least_spike.value)
    candidates = np.flatnonzero(spikes)
    if limits.is_spike_scaled and len(candidates):
        # Hours with missing neighbours count as 0: removing an hour never raises the usual difference.
        whole = np.where(differences.is_whole, differences.of_reading, 0.0)
        if at_best:
            whole[differences.is_open] = np.inf
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(whole, (_SCALE_HOURS - 1, 0)), _SCALE_HOURS)
        usual = np.median(windows[candidates], axis=1)
        spikes[candidates] = _MAD_OF_A_STANDARD_DEVIATION * present[candidates] > _MOST_DEVIATIONS * usual
    return spikes
