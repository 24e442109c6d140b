"""Air-quality indices and guideline levels of single concentrations.

US EPA AQI: breakpoints in force since 2024-05-06 (89 FR 16202; 40 CFR part 58, appendix G; tables and
rules as in EPA-454/B-24-002). European Air Quality Index: bands of 2024 (ETC HE Report 2024/17, as used
by Open-Meteo; the report itself was not read). WHO global air quality guidelines 2021. The pollutant table has the
breakpoints, bands and levels.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import ABOVE_TARGETS, AQI_POLLUTANTS, POLLUTANTS, Levels

AQI_CATEGORIES = (
    (50, "Good"),
    (100, "Moderate"),
    (150, "Unhealthy for sensitive groups"),
    (200, "Unhealthy"),
    (300, "Very unhealthy"),
    (float("inf"), "Hazardous"),
)
_CATEGORY_NAMES = [name for _, name in AQI_CATEGORIES]
_AQI_BANDS = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))
_SCALES = {scale.name: scale for parameter in AQI_POLLUTANTS for scale in parameter.aqi}
POLLUTANT_OF_SCALE = {scale.name: parameter.field for parameter in AQI_POLLUTANTS for scale in parameter.aqi}

_EAQI_UPPER = {parameter.field: parameter.eaqi for parameter in AQI_POLLUTANTS if parameter.eaqi}
EAQI_POLLUTANTS = tuple(_EAQI_UPPER)

WHO_LEVELS: Mapping[str, Levels] = {
    parameter.field: parameter.guideline.short_term for parameter in POLLUTANTS if parameter.guideline
}
WHO_ANNUAL_LEVELS: Mapping[str, Levels] = {
    parameter.field: parameter.guideline.annual
    for parameter in POLLUTANTS
    if parameter.guideline and parameter.guideline.annual
}

NOWCAST_HOURS = 12
_NOWCAST_RECENT, _NOWCAST_LEAST_RECENT = 3, 2
_LEAST_WEIGHT = 0.5


@cache
def _bands(scale: str) -> tuple[np.ndarray, ...]:
    """Return the lowest and highest concentration of each band in whole steps, and the index at these."""
    breakpoints = _SCALES[scale]
    step = Decimal(breakpoints.step)
    bands = [(*band, high) for band, high in zip(_AQI_BANDS, breakpoints.highest, strict=True) if high]
    lowest, highest, highs = zip(*bands, strict=True)
    ends = [int(Decimal(high) / step) for high in highs]
    begins = [int(Decimal(breakpoints.first) / step), *(high + 1 for high in ends[:-1])]
    return tuple(map(np.array, (begins, ends, lowest, highest)))


def _aqi(scale: str, concentrations: np.ndarray) -> np.ndarray:
    """Return the AQI of concentrations in the unit of the pollutant table, NaN if there is none."""
    begins, ends, lowest, highest = _bands(scale)
    is_present = ~np.isnan(concentrations)
    steps_per_unit = float(1 / Decimal(_SCALES[scale].step))
    # Truncated to whole steps. Rounding first removes the error of binary fractions.
    # A mean just below zero does not differ from zero.
    scaled = np.where(is_present, np.maximum(concentrations, 0) * _SCALES[scale].unit_factor, 0.0) * steps_per_unit
    steps = np.floor(np.round(scaled, 6)).astype("int64")
    place = np.clip(np.searchsorted(begins, steps, side="right") - 1, 0, None)
    low, low_index = begins[place], lowest[place]
    # Linear interpolation in the band, rounded half up, in whole numbers.
    rise, run = (highest[place] - low_index) * (steps - low), ends[place] - low
    index = low_index + (2 * rise + run) // (2 * run)
    if scale == "o3_8h":
        # Above 0.200 ppm the 1-hour scale counts. It may give a lower index, so this one stays at its top.
        index = np.minimum(index, highest[-1])
    return np.where(is_present & (steps >= begins[0]), index, np.nan)


def aqi_of_pollutants(concentrations: pd.DataFrame) -> pd.DataFrame:
    """Return the AQI of each pollutant.

    Args:
        concentrations: valid concentrations in the units of the pollutant table, NaN if missing. The
            columns are names of scales: ``pm2_5``, ``pm10`` (24-hour mean or NowCast), ``co`` (highest 8-hour mean),
            ``no2`` (highest hour), ``o3_8h``, ``o3_1h`` (highest 8-hour mean, highest hour).

    Returns:
        one column per pollutant, whole numbers; NaN if the concentration is missing or below the scale. For a pollutant
        with two scales the higher index. Above the last band, its line is extrapolated.

    >>> aqi_of_pollutants(pd.DataFrame({"pm2_5": [9.0, 35.92431999, None]}))["pm2_5"].tolist()
    [50.0, 102.0, nan]
    """
    indices: dict[str, np.ndarray] = {}
    for scale in map(str, concentrations.columns):
        index = _aqi(scale, concentrations[scale].to_numpy(dtype="float64", na_value=np.nan))
        pollutant = POLLUTANT_OF_SCALE[scale]
        indices[pollutant] = np.fmax(indices[pollutant], index) if pollutant in indices else index
    return pd.DataFrame(indices, index=concentrations.index)


def highest(indices: pd.DataFrame) -> pd.Series:
    """Return the highest index of each row; NaN if it has none."""
    return pd.Series(np.fmax.reduce(indices.to_numpy(dtype="float64"), axis=1), index=indices.index)


def worst(indices: pd.DataFrame) -> pd.Series:
    """Return the column with the highest index of each row, the first of equal ones; None if the row has no index."""
    values = indices.to_numpy(dtype="float64")
    place = np.where(np.isnan(values), -1.0, values).argmax(axis=1)
    place[np.isnan(values).all(axis=1)] = -1
    return pd.Series(np.array([*indices.columns, None], dtype=object)[place], index=indices.index)


def names_where(is_named: pd.DataFrame) -> pd.Series:
    """Return for each row the list of the columns that are true."""
    # Only a few combinations occur: each list is made once.
    sets = is_named.to_numpy() @ (1 << np.arange(len(is_named.columns)))
    lists = np.empty(1 << len(is_named.columns), dtype=object)
    for number in np.unique(sets):
        lists[number] = [name for position, name in enumerate(is_named.columns) if number >> position & 1]
    return pd.Series(lists[sets], index=is_named.index, dtype=object)


def aqi_category(indices: pd.Series) -> pd.Series:
    """Return the name of the AQI's category of each index; None if there is no index.

    >>> aqi_category(pd.Series([50, 51, 640, None], dtype="Int64")).tolist()
    ['Good', 'Moderate', 'Hazardous', None]
    """
    return _named(indices, [float(high) for high, _ in AQI_CATEGORIES], _CATEGORY_NAMES)


def who_level(field: str, concentrations: pd.Series, levels: Mapping[str, Levels] = WHO_LEVELS) -> pd.Series:
    """Return the strictest level of WHO 2021 that each concentration meets; None if there is no concentration.

    Args:
        field: the pollutant.
        concentrations: in the unit of the pollutant table.
        levels: `WHO_LEVELS` for short-term means, `WHO_ANNUAL_LEVELS` for annual means.

    >>> who_level("pm2_5", pd.Series([15.0, 15.1, 80, None])).tolist()
    ['AQG', 'IT-4', 'above IT-1', None]
    """
    limits, names = zip(*levels[field], strict=True)
    return _named(concentrations.round(9), [*map(float, limits), np.inf], [*names, ABOVE_TARGETS])


def _named(values: pd.Series, upper: Sequence[float], names: Sequence[str]) -> pd.Series:
    """Return the name of the interval of each value; an upper bound belongs to its interval."""
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    # The last bound is infinite: only NaN is sorted after it.
    return pd.Series(np.array([*names, None], dtype=object)[np.searchsorted(upper, numbers)], index=values.index)


def eaqi_bands(hourly: pd.DataFrame) -> pd.DataFrame:
    """Return the band of the European index of each reading: 1 (good) to 6 (extremely poor), NaN if missing.

    Args:
        hourly: valid readings in µg/m³; columns that are not `EAQI_POLLUTANTS` are ignored.
    """
    bands = {}
    for field in filter(hourly.columns.__contains__, EAQI_POLLUTANTS):
        values = hourly[field].to_numpy(dtype="float64")
        bands[field] = np.where(np.isnan(values), np.nan, 1.0 + np.searchsorted(_EAQI_UPPER[field], values))
    return pd.DataFrame(bands, index=hourly.index)


def nowcast(values: pd.Series) -> pd.Series:
    """Return the PM NowCast of each hour (EPA-454/B-24-002): a mean of 12 hours in which newer hours weigh more.

    Args:
        values: valid hourly readings in µg/m³ on a complete grid of hours, NaN if missing.

    Returns:
        µg/m³; NaN if fewer than two of the newest three hours have a reading.

    >>> hours = [50, 80, 75, 90, 82, 53, 64, 74, 21, 10, 16, 13]
    >>> float(nowcast(pd.Series(hours, dtype="float64")).iloc[-1].round(1))
    17.4
    """
    if not len(values):
        return values
    # One row per hour: this hour and the eleven before it, the newest last.
    padded = np.concatenate([np.full(NOWCAST_HOURS - 1, np.nan), values.to_numpy(dtype="float64")])
    windows = np.lib.stride_tricks.sliding_window_view(padded, NOWCAST_HOURS)
    is_present = ~np.isnan(windows)
    lowest = np.where(is_present, windows, np.inf).min(axis=1)
    highest = np.where(is_present, windows, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = lowest / highest
    # Without hours, or if all are zero, nothing varies.
    weight = np.where(is_present.any(axis=1) & ~np.isnan(ratio), ratio, 1.0).clip(min=_LEAST_WEIGHT)
    total, weights = np.zeros(len(values)), np.zeros(len(values))
    for age in range(NOWCAST_HOURS):
        aged = windows[:, -1 - age]
        factor = weight**age
        total += np.nan_to_num(aged * factor, nan=0.0)
        weights += np.where(np.isnan(aged), 0.0, factor)
    is_recent = is_present[:, -_NOWCAST_RECENT:].sum(axis=1) >= _NOWCAST_LEAST_RECENT
    with np.errstate(invalid="ignore"):
        return pd.Series(np.where(is_recent, total / weights, np.nan), index=values.index)
