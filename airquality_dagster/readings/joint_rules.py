"""Rules that judge a reading beside the other channels of its station.

As in `channel_rules`, readings are on a complete grid of hours, and a missing hour supports no reading.
"""

from collections.abc import Mapping

import numpy as np

from airquality_dagster.readings.channel_rules import WINDOW_HOURS, Differences, rolling_count

PM2_5, PM10 = "pm2_5", "pm10"
NO2, O3, CO, TEMPERATURE, HUMIDITY = "no2", "o3", "co", "temperature", "relative_humidity"

COMPANIONS: Mapping[str, tuple[str, float]] = {PM2_5: (PM10, 0.5), PM10: (PM2_5, 0.08)}
"""The two fractions of one optical sensor, and by which part of its own peak the other one must peak, too, in air.

Judgement of this project: what PM2.5 gains, PM10 gains, too, but for noise; coarse dust has little PM2.5.
"""

POWER_UP = (NO2, O3, TEMPERATURE)
"""Channels that show power-up."""

WARMING_UP = (CO, NO2, O3, TEMPERATURE, HUMIDITY)
"""Channels that need time after power-up. Particles are counted from the first minute on."""

# Judgement of this project: one optical sensor measures both fractions; they may differ by rounding.
_INCONSISTENT_FACTOR, _INCONSISTENT_OFFSET = 1.1, 2.0
# Judgement of this project: a fraction left its past if 70 % of four weeks were beyond this factor, and it is at home
# if 15 % were within it.
_FAR_HOURS, _NEAR_HOURS, _FAR_FACTOR = 470, 100, 1.3
_HOURS_AT_ONCE = 1000
# Power-up: a reading is as others if three hours of four weeks are as extreme, give or take this (°C, µg/m³).
_LEAST_AS_EXTREME = 3
_COLD_MARGIN, _NO2_MARGIN, _O3_MARGIN = 2.0, 2.0, 5.0
_WARM_UP_HOURS = 3
# Without a missing hour, both the gases and the temperature must show it, which falls by this at least (°C). After one,
# the temperature alone shows it if it is colder by as much. The humidity rises in a squall (%), and falls at power-up.
_SUDDEN_FALL = 6.0
_MOST_RISE_OF_HUMIDITY = 5.0
# Within a week of the first of its hours, nothing is said of a station. It is time that counts, and not how many hours
# are there: to take an hour away must not clear another one.
_LEAST_PAST_HOURS = 7 * 24
# Judgement of this project: ozone and NO2 of street air seldom correlate below -0.8; two ends of one signal do.
_MIRRORED = -0.9
_LEAST_PAIRS = 7 * 24
_FIXED_POINT, _LARGEST = 1000, 5000.0


def is_shared(own: Differences, other: Differences, part: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which peaks of a channel the other fraction shows, too: as known, and if later hours confirm it.

    Args:
        own: differences of the channel from the hours around.
        other: those of the other fraction.
        part: of the channel's difference that the other one must reach.
    """
    least = part * own.of_reading
    return other.at_least >= least, np.where(other.is_open, other.at_most, other.at_least) >= part * own.at_best


def inconsistent(pm2_5: np.ndarray, pm10: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which readings of PM2.5, and of PM10, are to blame for PM2.5 above PM10.

    Both are, but for a fraction that is at home in its own four weeks while the other one is not: PM2.5 is far above
    its past, or PM10 far below.
    """
    is_above = pm2_5 > _INCONSISTENT_FACTOR * pm10 + _INCONSISTENT_OFFSET
    fine, coarse = is_above.copy(), is_above.copy()
    hours = np.flatnonzero(is_above)
    for begin in range(0, len(hours), _HOURS_AT_ONCE):
        some = hours[begin : begin + _HOURS_AT_ONCE]
        # Past readings in ratio to the present one; hours without a reading are neither near nor far.
        pasts = (_pasts(values, some) / values[some, np.newaxis] for values in (pm2_5, pm10))
        of_fine, of_coarse = (np.nan_to_num(past, nan=-1.0) for past in pasts)
        fine_is_high = _hours_where((of_fine >= 0) & (of_fine * _FAR_FACTOR <= 1)) >= _FAR_HOURS
        coarse_is_low = _hours_where(of_coarse >= _FAR_FACTOR) >= _FAR_HOURS
        fine_is_at_home = _hours_where(of_fine * _FAR_FACTOR >= 1) >= _NEAR_HOURS
        coarse_is_at_home = _hours_where((of_coarse >= 0) & (of_coarse <= _FAR_FACTOR)) >= _NEAR_HOURS
        # No PM10 at all beside PM2.5 is the fault of PM10.
        fine[some] = ~(coarse_is_low & fine_is_at_home) & (pm10[some] != 0)
        coarse[some] = ~(fine_is_high & coarse_is_at_home)
    return fine, coarse


def _pasts(values: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Return the readings of the four weeks before each of some hours, one row per hour."""
    padded = np.pad(values, (WINDOW_HOURS - 1, 0), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW_HOURS)[hours, :-1]


def _hours_where(is_counted: np.ndarray) -> np.ndarray:
    return is_counted.sum(axis=1)


def is_warming_up(grid: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return which hours are the first after power-up.

    After a gap of the whole station, these are up to three hours in which NO2 is higher, or O3 lower, or the
    temperature much lower, than in nearly all of four weeks. A restart within an hour leaves no gap: then NO2 or O3 and
    the temperature must both show it, and the air does not get more humid, as in a squall.

    Args:
        grid: field → readings; the station's fields.
    """
    is_there = ~np.logical_and.reduce(np.isnan(np.array(list(grid.values()))))
    before = np.concatenate([[False], is_there[:-1]])
    begins = is_there & ~before
    is_usable = is_there & before
    # A station begins without a gap; after more than four weeks it begins anew.
    follows_gap = begins & (rolling_count(before, WINDOW_HOURS - 1) > 0)
    nothing = np.full(len(is_there), np.nan)
    gases = ((-grid.get(NO2, nothing), _NO2_MARGIN), (grid.get(O3, nothing), _O3_MARGIN))
    temperature = grid.get(TEMPERATURE, nothing)
    warming = np.zeros(len(is_there), dtype=bool)
    humidity = grid.get(HUMIDITY, nothing)
    # What is not known speaks for nothing: without the hour before, the temperature may have fallen.
    may_have_fallen = ~(np.diff(temperature, prepend=np.nan) > -_SUDDEN_FALL) & ~np.isnan(temperature)
    is_squall = np.diff(humidity, prepend=np.nan) > _MOST_RISE_OF_HUMIDITY
    falls = may_have_fallen & ~is_squall & is_there & before
    for hour in np.flatnonzero(follows_gap | falls):
        for later in range(hour, min(hour + _WARM_UP_HOURS, len(warming))):
            past = slice(max(later - WINDOW_HOURS + 1, 0), hour)
            if hour - (past.start + int(is_there[past].argmax())) < _LEAST_PAST_HOURS:
                break
            known = np.flatnonzero(is_usable[past]) + past.start
            of_gas = any(_is_odd(values[later], values[known], margin) for values, margin in gases)
            margin = _SUDDEN_FALL if follows_gap[hour] else _COLD_MARGIN
            is_cold = _is_odd(temperature[later], temperature[known], margin)
            if not (of_gas or is_cold if follows_gap[hour] else of_gas and is_cold):
                break
            warming[later] = True
    return warming


def _is_odd(reading: float, past: np.ndarray, margin: float) -> bool:
    """Return whether a reading is lower than nearly all past ones."""
    return not np.isnan(reading) and int((past <= reading + margin).sum()) < _LEAST_AS_EXTREME


def is_mirrored(no2: np.ndarray, o3: np.ndarray) -> np.ndarray:
    """Return which hours end four weeks in which NO2 was O3 upside down: r ≤ -0.9, of at least a week of pairs."""
    is_pair = ~np.isnan(no2) & ~np.isnan(o3)
    # In whole numbers, sums do not depend on where the history begins.
    x, y = (
        np.round(np.clip(np.where(is_pair, values, 0.0), -_LARGEST, _LARGEST) * _FIXED_POINT).astype("int64")
        for values in (no2, o3)
    )
    count, sum_x, sum_y, sum_xx, sum_yy, sum_xy = (
        rolling_count(values, WINDOW_HOURS).astype("float64") for values in (is_pair, x, y, x * x, y * y, x * y)
    )
    covariance = count * sum_xy - sum_x * sum_y
    spread = np.sqrt(np.maximum(count * sum_xx - sum_x**2, 0) * np.maximum(count * sum_yy - sum_y**2, 0))
    return (count >= _LEAST_PAIRS) & (spread > 0) & (covariance <= _MIRRORED * spread)
