"""Parts of the time that a comparison is made for: season, month, hour of day, weekday, dry and wet, calm and dusty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from airquality_dagster.readings.flags import HUMID_PERCENT, PARTICLES

ALL, SEASON, MONTH, HOUR, DAY_KIND, HUMIDITY, DUST = "all", "season", "month", "hour", "day_kind", "humidity", "dust"
PERIODS = (ALL, HOUR, DAY_KIND, HUMIDITY, DUST, SEASON, MONTH)

SEASONS = ("DJF", "MAM", "JJA", "SON")
"""December to February, and so on."""
_SATURDAY = 5
_DUSTY_SHARE = 0.75
"""Hours are dusty whose background is in the highest quarter. Judgement of this project."""
_ENVELOPE_HOURS = 25


@dataclass(frozen=True)
class Parts:
    """Parts of one kind.

    Args:
        period: the kind.
        names: of the parts.
        chosen: which hours are in which part: one row an hour, one column a part.
        hours_of_a_day: hours of a day that a part has.
    """

    period: str
    names: Sequence[str]
    chosen: np.ndarray
    hours_of_a_day: int = 24


def parts_of(
    local: pd.DatetimeIndex, humidity: np.ndarray, background: np.ndarray, *, with_parts: bool
) -> Iterator[Parts]:
    """Yield all hours, then their parts.

    Args:
        local: starts of the paired hours in the time of the network.
        humidity: relative humidity, %, NaN where there is none.
        background: of both stations, NaN where there is none.
        with_parts: also yield parts.
    """
    yield Parts(ALL, [ALL], np.ones((len(local), 1), dtype=bool))
    if not with_parts or not len(local):
        return
    hour = local.hour.to_numpy()
    yield Parts(HOUR, [f"{number:02d}" for number in range(24)], hour[:, np.newaxis] == np.arange(24), 1)
    is_weekend = local.dayofweek.to_numpy() >= _SATURDAY
    yield Parts(DAY_KIND, ["weekday", "weekend"], np.stack([~is_weekend, is_weekend], axis=1))
    wet = _daily_mean(local, humidity)
    # Rain is not measured. Days as humid as the flag `humid` says have rain, or fog, or wet ground.
    yield Parts(HUMIDITY, ["dry", "wet"], np.stack([wet <= HUMID_PERCENT, wet > HUMID_PERCENT], axis=1))
    if not np.isnan(background).all():
        is_dusty = background > np.nanquantile(background, _DUSTY_SHARE)
        yield Parts(DUST, ["calm", "dusty"], np.stack([~is_dusty & ~np.isnan(background), is_dusty], axis=1))
    season = local.month.to_numpy() % 12 // 3
    month = local.year.to_numpy() * 12 + local.month.to_numpy() - 1
    # These are of whole weeks: each draws its own days.
    for number, name in enumerate(SEASONS):
        if (season == number).any():
            yield Parts(SEASON, [name], (season == number)[:, np.newaxis])
    for number in np.unique(month):
        yield Parts(MONTH, [f"{number // 12}-{number % 12 + 1:02d}"], (month == number)[:, np.newaxis])


def background_of(field: str, hours: pd.DatetimeIndex, lower: np.ndarray) -> np.ndarray:
    """Return the regional background of particles: the lower envelope of both stations over a day.

    The lowest reading of a day around each hour, then the mean of these: what is above it comes and goes within hours,
    and was made nearby. So Brantley et al. (2014, doi 10.5194/amt-7-2169-2014) take a background out of readings of a
    moving car.

    Args:
        field: the reading; NaN for all but particles, which alone have a common background of dust.
        hours: starts of hours (UTC), in order.
        lower: the lower reading of the two, on one scale if there is one.
    """
    if field not in PARTICLES or not len(hours):
        return np.full(len(hours), np.nan)
    grid = pd.Series(lower, index=hours).asfreq("h")
    lowest = grid.rolling(_ENVELOPE_HOURS, center=True, min_periods=1).min()
    return lowest.rolling(_ENVELOPE_HOURS, center=True, min_periods=1).mean().reindex(hours).to_numpy()


def _daily_mean(local: pd.DatetimeIndex, values: np.ndarray) -> np.ndarray:
    """Return for each hour the mean of its local day; NaN on a day without a value."""
    _, day = np.unique(local.tz_localize(None).to_numpy().astype("datetime64[D]"), return_inverse=True)
    count = np.bincount(day, ~np.isnan(values))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.bincount(day, np.nan_to_num(values)) / count)[day]
