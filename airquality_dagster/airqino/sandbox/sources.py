"""Sources of the sandbox's answers: captured answers, or a simulation."""

import functools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from airquality_dagster.airqino.sandbox.sensors import sound_readings
from airquality_dagster.errors import CaptureError

Row = dict[str, Any]

_HOUR = timedelta(hours=1)
_YEAR = timedelta(days=365)
_TIMESTAMP = "%Y-%m-%d %H:%M:%S"


class Source(Protocol):
    """Answers like AirQino's."""

    description: str

    def answer(self, station_id: int, start: datetime | None, end: datetime | None, now: datetime) -> Row | None:
        """Return the answer for ``start <= timestamp <= end`` (UTC), None for an unknown station."""
        ...


class ReplaySource:
    """Replays captured answers: files named ``<station_id>.json``."""

    def __init__(self, folder: Path) -> None:
        """Read the captures.

        Raises:
            CaptureError: the folder has no captures, or a file is not an answer of the API.
        """
        self.description = f"captured answers of {folder}"
        self._answers: dict[int, Row] = {}
        for path in sorted(folder.glob("*.json")):
            if not path.stem.isdigit():
                continue
            try:
                answer = json.loads(path.read_text(encoding="utf-8"))
                answer["data"].sort(key=lambda row: row["timestamp"])
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise CaptureError(f"{path} is not a captured answer ({error!r})") from error
            self._answers[int(path.stem)] = answer
        if not self._answers:
            raise CaptureError(f"{folder} holds no captured answers: their files have names like 283164601.json")

    def answer(self, station_id: int, start: datetime | None, end: datetime | None, now: datetime) -> Row | None:
        """Return the captured rows of the period; without bounds the whole capture."""
        captured = self._answers.get(station_id)
        if captured is None:
            return None
        first = start.strftime(_TIMESTAMP) if start else ""
        last = end.strftime(_TIMESTAMP) if end else "9"
        return {**captured, "data": [row for row in captured["data"] if first <= row["timestamp"] <= last]}


class SimulatedSource:
    """Simulates any station with the quirks of the real API; the same seed gives the same readings.

    The quirks are gaps, nulls, fields that are missing for days, a provisional newest hour, CO that drifts below
    zero and is restated as 0.0 once its month is three months old, stuck ozone, and a header with wrong
    coordinates.
    """

    description = "simulated readings, not measured"

    def __init__(self, seed: int = 0, first_month: str = "2020-01") -> None:
        """Configure the simulation.

        Args:
            seed: of the random numbers.
            first_month: the first month with readings, ``YYYY-MM``.
        """
        self._seed = seed
        self._first = datetime.strptime(first_month, "%Y-%m").replace(tzinfo=UTC)

    def answer(self, station_id: int, start: datetime | None, end: datetime | None, now: datetime) -> Row | None:
        """Return the hours of a period up to the current one; without bounds the last year."""
        current_hour = now.replace(minute=0, second=0, microsecond=0)
        last = min(end or current_hour, current_hour)
        first = max(start or current_hour - _YEAR, self._first)
        rows = []
        month = first.replace(day=1, hour=0, minute=0)
        while month <= last:
            is_restated = _months_between(month, now) >= 3
            for hour, row in _simulated_month(self._seed, station_id, month.year, month.month):
                if first <= hour <= last:
                    rows.append(_as_published(hour, row, now, is_restated=is_restated))
            month = _next_month(month)
        header = {"station_name": f"SMART{station_id % 1000}", "station_lat": 5.369346, "station_lon": 0.05}
        return {"header": {**header, "simulated": True}, "data": rows}


def _as_published(hour: datetime, row: Row, now: datetime, *, is_restated: bool) -> Row:
    row = {"timestamp": hour.strftime(_TIMESTAMP), **row}
    if is_restated and row["CO"] is not None and row["CO"] < 0:
        row["CO"] = 0.0
    if hour + _HOUR > now:
        # An average over the minutes so far: every column still changes.
        missing_minutes = 60 - now.minute
        row = {
            name: value if name == "timestamp" or value is None else round(value * (1 + missing_minutes / 1000), 6)
            for name, value in row.items()
        }
    return row


@functools.lru_cache(maxsize=4096)
def _simulated_month(seed: int, station_id: int, year: int, month: int) -> Sequence[tuple[datetime, Row]]:
    """Return the hours of a month as first published, without the hours in gaps."""
    rng = np.random.default_rng([seed, station_id, year, month])
    station = np.random.default_rng([seed, station_id])
    start = datetime(year, month, 1, tzinfo=UTC)
    values = sound_readings(rng, station, start, int((_next_month(start) - start) / _HOUR))
    count = len(values["CO"])
    day_of_year = start.timetuple().tm_yday + np.arange(count) / 24
    values["CO"] -= 0.35 + station.uniform(0.2, 0.6) * (day_of_year % 365) / 365
    stuck = _spell(rng, count, probability=0.3, longest=120)
    values["O3"][stuck] = values["O3"][stuck.start] if count > stuck.start else 0.0
    gap = set(range(count)[_spell(rng, count, probability=0.5, longest=60)])
    without_humidity = set(range(count)[_spell(rng, count, probability=0.15, longest=60)])
    null = set(np.flatnonzero(rng.random(count) < 0.002).tolist())
    columns = {name: np.round(series, 6).tolist() for name, series in values.items()}

    rows = []
    for number in range(count):
        if number in gap:
            continue
        row = {name: series[number] for name, series in columns.items()}
        if number in null:
            row["NO2"] = None
        if number in without_humidity:
            del row["RH"]
        rows.append((start + number * _HOUR, row))
    return rows


def _spell(rng: np.random.Generator, count: int, *, probability: float, longest: int) -> slice:
    """Return a random run of hours; it is empty with a probability of 1 - ``probability``."""
    length = int(rng.integers(1, longest)) if rng.random() < probability else 0
    first = int(rng.integers(0, count))
    return slice(first, min(first + length, count))


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _months_between(month: datetime, now: datetime) -> int:
    return (now.year - month.year) * 12 + now.month - month.month
