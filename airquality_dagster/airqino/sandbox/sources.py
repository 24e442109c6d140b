"""Sources of the sandbox's answers: captured answers, or a simulation."""

import calendar
import functools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from airquality_dagster.airqino.sandbox.episodes import (
    WARM_UP_HOURS,
    Front,
    add_evening_smoke,
    add_front,
    dust_fronts,
    warm_up,
)
from airquality_dagster.airqino.sandbox.sensors import Readings, Weather, regional_weather, sound_readings
from airquality_dagster.airqino.sandbox.simulations import LONGEST, SHOWN, TIMESTAMP, Simulation, simulate
from airquality_dagster.errors import CaptureError

Row = dict[str, Any]

_HOUR = timedelta(hours=1)
_YEAR = timedelta(days=365)
# Any number: it makes the generator of faults another one than that of the air.
_FAULTS = 3


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
        first = start.strftime(TIMESTAMP) if start else ""
        last = end.strftime(TIMESTAMP) if end else "9"
        return {**captured, "data": [row for row in captured["data"] if first <= row["timestamp"] <= last]}


class SimulatedSource:
    """Simulates any station with the quirks of the real API; the same seed gives the same readings.

    All stations share weather, dust and fronts. The quirks are gaps, power cuts with wrong readings after them, nulls,
    fields that are missing for days, a provisional newest hour, CO that drifts below zero and is restated as 0.0 once
    its month is three months old, NO2 that is O3 upside down, gases that are stuck, and wrong coordinates.
    """

    def __init__(self, seed: int = 0, first_month: str = "2020-01", *, simulations: Sequence[Simulation] = ()) -> None:
        """Configure the simulation.

        Args:
            seed: of the random numbers.
            first_month: the first month with readings, ``YYYY-MM``.
            simulations: faults and events to be looked at, relative to the moment of each question.
        """
        self._seed = seed
        self._first = datetime.strptime(first_month, "%Y-%m").replace(tzinfo=UTC)
        self._simulations = tuple(simulations)
        self.description = "simulated readings, not measured"

    def answer(self, station_id: int, start: datetime | None, end: datetime | None, now: datetime) -> Row | None:
        """Return the hours of a period up to the current one; without bounds the last year."""
        current_hour = now.replace(minute=0, second=0, microsecond=0)
        last = min(end or current_hour, current_hour)
        first = max(start or current_hour - _YEAR, self._first)
        own = [simulation for simulation in self._simulations if simulation.station in (None, station_id)]
        if own:
            # What a simulation changes may depend on hours that were not asked for. A gap would hide it.
            since = min(first, now - LONGEST)
            around = self._hours(station_id, since, current_hour, now, whole_from=current_hour - SHOWN)
            hours = simulate(around, own, station_id, now)
        else:
            hours = self._hours(station_id, first, last, now)
        rows = [row for hour, row in hours.items() if first <= hour <= last]
        header = {"station_name": f"SMART{station_id % 1000}", "station_lat": 5.369346, "station_lon": 0.05}
        return {"header": {**header, "simulated": True}, "data": rows}

    def _hours(
        self, station_id: int, first: datetime, last: datetime, now: datetime, *, whole_from: datetime | None = None
    ) -> dict[datetime, Row]:
        """Return the hours of a period as published at a moment; from ``whole_from`` on without gaps."""
        first = max(first, self._first)
        hours = {}
        month = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        while month <= last:
            is_restated = _months_between(month, now) >= 3
            for hour, row, is_lost in _simulated_month(self._seed, station_id, month.year, month.month):
                if first <= hour <= last and (not is_lost or (whole_from is not None and hour >= whole_from)):
                    hours[hour] = _as_published(hour, row, now, is_restated=is_restated)
            month = _next_month(month)
        return hours


def _as_published(hour: datetime, row: Row, now: datetime, *, is_restated: bool) -> Row:
    row = dict(row)
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


@functools.lru_cache(maxsize=64)
def _region(seed: int, year: int, month: int) -> tuple[Weather, Sequence[Front]]:
    """Return what all stations share in a month."""
    rng = np.random.default_rng([seed, year, month])
    count = _hours_of(year, month)
    return regional_weather(rng, count), dust_fronts(rng, month, count)


@functools.lru_cache(maxsize=4096)
def _simulated_month(seed: int, station_id: int, year: int, month: int) -> Sequence[tuple[datetime, Row, bool]]:
    """Return the hours of a month as first published, and whether they are lost in a gap."""
    rng = np.random.default_rng([seed, station_id, year, month])
    station = np.random.default_rng([seed, station_id])
    start = datetime(year, month, 1, tzinfo=UTC)
    count = _hours_of(year, month)
    weather, fronts = _region(seed, year, month)
    values = sound_readings(rng, station, start, count, weather=weather)
    for front in fronts:
        add_front(values, front, rng)
    add_evening_smoke(values, rng)
    day_of_year = start.timetuple().tm_yday + np.arange(count) / 24
    values["CO"] -= 0.35 + station.uniform(0.2, 0.6) * (day_of_year % 365) / 365
    # A generator of its own: what goes wrong does not depend on the air.
    faults = np.random.default_rng([seed, station_id, year, month, _FAULTS])
    stuck = _spell(faults, count, probability=0.3, longest=120)
    for gas in ("NO2", "O3"):  # one signal
        values[gas][stuck] = values[gas][min(stuck.start, count - 1)]
    outage = _spell(faults, count, probability=0.5, longest=60)
    power_cut = _spell(faults, count, probability=0.7, longest=12)
    gap = {*range(count)[outage], *range(count)[power_cut]}
    _add_warm_up(values, power_cut, faults.uniform(0.8, 1.2))
    without_humidity = set(range(count)[_spell(faults, count, probability=0.15, longest=60)])
    null = set(np.flatnonzero(faults.random(count) < 0.002).tolist())
    columns = {name: np.round(series, 6).tolist() for name, series in values.items()}

    rows = []
    for number in range(count):
        row = {name: series[number] for name, series in columns.items()}
        if number in null:
            row["NO2"] = None
        if number in without_humidity:
            del row["RH"]
        hour = start + number * _HOUR
        rows.append((hour, {"timestamp": hour.strftime(TIMESTAMP), **row}, number in gap))
    return rows


def _add_warm_up(values: Readings, power_cut: slice, strength: float) -> None:
    """Make the hours after a power cut wrong; after none, nothing."""
    if power_cut.start == power_cut.stop:
        return
    for number in range(WARM_UP_HOURS):
        hour = power_cut.stop + number
        for sensor, series in values.items():
            if hour < len(series):
                series[hour] = warm_up(sensor, float(series[hour]), number, strength)


def _spell(rng: np.random.Generator, count: int, *, probability: float, longest: int) -> slice:
    """Return a random run of hours; it is empty with a probability of 1 - ``probability``."""
    length = int(rng.integers(1, longest)) if rng.random() < probability else 0
    first = int(rng.integers(0, count))
    return slice(first, min(first + length, count))


def _hours_of(year: int, month: int) -> int:
    return 24 * calendar.monthrange(year, month)[1]


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _months_between(month: datetime, now: datetime) -> int:
    return (now.year - month.year) * 12 + now.month - month.month
