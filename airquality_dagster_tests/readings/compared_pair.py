"""Two stations of known relation and known difference, side by side at first and then at two streets."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from airquality_dagster.network.colocation import Together
from airquality_dagster.readings.comparison_hours import PairHours, StationHours

BEGIN = datetime(2023, 2, 1, tzinfo=UTC)
SIDE_BY_SIDE_DAYS, DAYS = 21, 150
APART = BEGIN + timedelta(days=SIDE_BY_SIDE_DAYS)
SLOPE, INTERCEPT, DIFFERENCE = 1.15, 2.0, 3.0
DEVICES = (1, 2)
FIELDS = ["co", "no2", "o3", "pm10", "pm2_5", "temperature", "relative_humidity"]


def two_readings(
    difference: float = DIFFERENCE, seed: int = 0, *, days: int = DAYS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the readings of the two. The second reads 1.15 times as much and 2 µg/m³ more, and has more dust."""
    rng = np.random.default_rng(seed)
    count = 24 * (SIDE_BY_SIDE_DAYS + days)
    hours = pd.date_range(BEGIN, periods=count, freq="h", name="timestamp")
    apart = hours >= APART
    day = np.sin(np.arange(count) / 24 * 2 * np.pi)
    weather = pd.Series(rng.normal(0, 1, count)).ewm(halflife=12).mean().to_numpy() * 4
    dust = 12 * np.exp(0.3 * weather / 2 + 0.2 * day)
    local = pd.Series(rng.normal(0, 4, count)).ewm(halflife=3).mean().to_numpy()

    def station(slope: float, intercept: float, more: float) -> pd.DataFrame:
        own = intercept + slope * dust + np.where(apart, more + (local if more else 0.0), 0.0)
        pm2_5 = own + rng.normal(0, 0.3, count)
        return pd.DataFrame(
            {
                "co": np.nan,
                "no2": 40 - day + rng.normal(0, 1, count),
                "o3": 30 + day + rng.normal(0, 1, count),
                "pm10": 2 * pm2_5 + rng.normal(0, 0.3, count),
                "pm2_5": pm2_5,
                "temperature": 27 + 3 * day + weather + rng.normal(0, 0.2, count),
                "relative_humidity": 80 - 8 * day - 3 * weather + rng.normal(0, 1, count),
            },
            index=hours,
        )

    return station(1.0, 0.0, 0.0), station(SLOPE, INTERCEPT, difference)


def hours_of(readings: pd.DataFrame) -> StationHours:
    """Return the hours of readings without flags."""
    no = pd.DataFrame(np.zeros(readings.shape, dtype=bool), index=readings.index, columns=readings.columns)
    return StationHours(readings, no, no)


def pair_of(first: StationHours, second: StationHours, *, is_declared: bool = True) -> PairHours:
    """Return the hours of the two, with what the stations file says of them."""
    return hours_of_pair(first, second, [Together(BEGIN, APART, DEVICES)] if is_declared else [])


def hours_of_pair(
    first: StationHours,
    second: StationHours,
    side_by_side: Sequence[Together] = (),
    compared: Sequence[Together] = (Together(APART, None, DEVICES),),
    measured: Sequence[Together] = (Together(BEGIN, None, DEVICES),),
) -> PairHours:
    """Return the hours of the two with these windows and periods."""
    return PairHours.of(first, second, side_by_side=side_by_side, compared=compared, measured=measured)
