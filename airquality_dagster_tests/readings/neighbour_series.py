"""Hours of two sound neighbouring stations, simulated."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

FIRST = datetime(2023, 6, 1, tzinfo=UTC)
DAYS = 100


def two_stations(days: int = DAYS, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the hours of two stations in one town: the second has 1.5 times the particles of the first."""
    rng = np.random.default_rng(seed)
    hours = 24 * days
    day = np.sin(np.arange(hours) / 24 * 2 * np.pi)
    weather = np.repeat(rng.normal(0, 1, days), 24) + pd.Series(rng.normal(0, 1, hours)).ewm(halflife=3).mean()
    dust = np.exp(0.3 * day + 0.3 * np.repeat(rng.normal(0, 1, days), 24))

    def station(factor: float) -> pd.DataFrame:
        pm2_5 = 10 * factor * dust * np.exp(rng.normal(0, 0.2, hours))
        o3 = 30 + 10 * day + 2 * weather + rng.normal(0, 1, hours)
        return pd.DataFrame(
            {
                "timestamp": pd.date_range(FIRST, periods=hours, freq="h"),
                "pm2_5": pm2_5,
                "pm10": 2 * pm2_5 * np.exp(rng.normal(0, 0.1, hours)),
                "no2": 40 - 0.5 * o3 + rng.normal(0, 0.2, hours),
                "o3": o3,
                "temperature": 27 + 3 * day + weather + rng.normal(0, 0.1, hours),
                "relative_humidity": 75 - 10 * day - 3 * weather + rng.normal(0, 0.3, hours),
            }
        )

    return station(1.0), station(1.5)
