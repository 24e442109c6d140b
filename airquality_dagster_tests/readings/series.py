"""Hours of readings for tests, as `hourly_frame` lays them out."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

FIRST = datetime(2023, 1, 1, tzinfo=UTC)


def hourly(first: datetime = FIRST, **columns: Sequence[object]) -> pd.DataFrame:
    """Return consecutive hours with these readings."""
    length = len(next(iter(columns.values())))
    return pd.DataFrame({"timestamp": pd.date_range(first, periods=length, freq="h"), "station_id": 1, **columns})


def varied(count: int, level: float = 10.0) -> list[float]:
    """Return readings near a level of which no two neighbours are equal: nothing to flag."""
    return [level + 0.01 * level * (number % 7) for number in range(count)]


def ordinary(hours: int, seed: int = 0) -> pd.DataFrame:
    """Return hours of all readings as a sound station has them."""
    rng = np.random.default_rng(seed)
    day = np.sin(np.arange(hours) / 24 * 2 * np.pi)
    pm2_5 = 20 + 8 * day + rng.normal(0, 1, hours)
    # Traffic has two peaks a day, ozone one: their correlation is weak.
    traffic = np.sin(np.arange(hours) / 12 * 2 * np.pi)
    return hourly(
        co=1 + 0.3 * day + rng.normal(0, 0.02, hours),
        no2=30 + 10 * traffic + rng.normal(0, 1, hours),
        o3=50 - 20 * day + rng.normal(0, 1, hours),
        pm10=1.8 * pm2_5,
        pm2_5=pm2_5,
        temperature=27 + 3 * day + rng.normal(0, 0.1, hours),
        relative_humidity=70 - 10 * day + rng.normal(0, 0.5, hours),
    )
