"""Histories to forecast: hours with a day, a memory of some hours, and noise."""

import numpy as np
import pandas as pd

from airquality_dagster_tests.readings.series import FIRST, hourly


def history(days: int, seed: int = 0) -> pd.DataFrame:
    """Return hours of PM2.5 and PM10 in the layout of `hourly_frame`."""
    rng, count = np.random.default_rng(seed), 24 * days
    day = 0.3 * np.sin(2 * np.pi * np.arange(count) / 24)
    slow = pd.Series(rng.normal(0, 0.25, count) / 0.1).ewm(alpha=0.1, adjust=False).mean().to_numpy()
    pm2_5 = np.exp(2.3 + day + 0.6 * slow + rng.normal(0, 0.15, count))
    return hourly(pm2_5=pm2_5, pm10=1.9 * pm2_5 * np.exp(rng.normal(0, 0.1, count)))


def valid(days: int, seed: int = 0) -> pd.DataFrame:
    """Return the same readings, all valid, with the hours as the index."""
    return history(days, seed).set_index("timestamp")[["pm2_5", "pm10"]]


def after(days: float) -> pd.Timestamp:
    """Return the hour that begins some days after the first one."""
    return pd.Timestamp(FIRST) + pd.Timedelta(days=days)
