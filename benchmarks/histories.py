"""Histories of stations to judge: captured answers of the API, or simulated sensors."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.airqino.sandbox.sensors import sound_readings
from airquality_dagster.network.pollutants import BY_FIELD, TIMESTAMP, field_of

START = datetime(2023, 1, 1, tzinfo=UTC)

Histories = Mapping[str, pd.DataFrame]
"""Name of a station → its hours in the layout of `hourly_frame`, readings as float64."""


def captured(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the hours of captured answers.

    Args:
        folder: of files ``STATION_ID.json``, each one answer.
    """
    now = datetime(2100, 1, 1, tzinfo=UTC)
    histories = {}
    for path in sorted(folder.glob("*.json")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        parsed = parse_hourly_answer(answer, start=datetime(2000, 1, 1, tzinfo=UTC), end=now, now=now)
        hours = hourly_frame([parsed], station_id=int(path.stem), now=now, absent=math.nan)
        name = f"{answer['header']['station_name']} ({path.stem})"
        histories[name] = hours.astype(dict.fromkeys(hours.columns.intersection(list(BY_FIELD)), "float64"))
    return histories


def simulated(seed: int, days: int = 365) -> pd.DataFrame:
    """Return the hours of sensors without faults."""
    weather, station = (np.random.default_rng([seed, stream]) for stream in (1, 2))
    readings = sound_readings(weather, station, START, 24 * days)
    hours = pd.date_range(START, periods=24 * days, freq="h")
    return pd.DataFrame({TIMESTAMP: hours, **{field_of(sensor): values for sensor, values in readings.items()}})


def shared_span(histories: Histories, since: pd.Timestamp | None = None) -> dict[str, pd.DataFrame]:
    """Return every hour of the span that all histories share; readings are NaN where an hour is missing."""
    begin = max([hours[TIMESTAMP].min() for hours in histories.values()] + ([since] if since is not None else []))
    end = min(hours[TIMESTAMP].max() for hours in histories.values())
    every_hour = pd.date_range(begin, end, freq="h", name=TIMESTAMP)
    return {name: hours.set_index(TIMESTAMP).reindex(every_hour).reset_index() for name, hours in histories.items()}


def sudden_front(hours: int = 12) -> pd.DataFrame:
    """Return twenty days of PM2.5 20 ± 1 and PM10 60 ± 3 µg/m³, then some hours of 120 ± 4 and 500 ± 15."""
    rng, count = np.random.default_rng(0), 20 * 24 + hours
    is_front = np.arange(count) >= 20 * 24
    day = np.sin(np.arange(count) / 24 * 2 * np.pi)
    return pd.DataFrame(
        {
            TIMESTAMP: pd.date_range(START, periods=count, freq="h"),
            "pm2_5": np.where(is_front, 120 + rng.uniform(-4, 4, count), 20 + rng.uniform(-1, 1, count)),
            "pm10": np.where(is_front, 500 + rng.uniform(-15, 15, count), 60 + rng.uniform(-3, 3, count)),
            "temperature": 27 + 3 * day + rng.normal(0, 0.1, count),
            "relative_humidity": 70 - 10 * day + rng.normal(0, 0.5, count),
        }
    )
