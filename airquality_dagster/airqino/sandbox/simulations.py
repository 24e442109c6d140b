"""Named simulations: one fault or event each, to be looked at. docs/sandbox.md shows what to see."""

import functools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airquality_dagster.airqino.sandbox.episodes import WARM_UP_HOURS, warm_up
from airquality_dagster.airqino.sandbox.sensors import NO2_PER_O3, NO2_WITHOUT_O3
from airquality_dagster.errors import SettingsError
from airquality_dagster.network.stations import Network

Row = dict[str, Any]
Hours = dict[datetime, Row]
"""Start of an hour (UTC) → its row, as the API publishes it."""

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
_PARTICLES = ("PM2.5", "PM10")
TIMESTAMP = "%Y-%m-%d %H:%M:%S"


def _front(hours: Hours, station: int, now: datetime) -> None:
    for row in _rows(hours, _hour_of(now) - 2 * _HOUR, now):
        _change(row, "PM2.5", lambda value: value + 100)
        _change(row, "PM10", lambda value: value + 440)


def _indoors(hours: Hours, station: int, now: datetime) -> None:
    for hour in _between(hours, _midnight(now) - 3 * _WEEK, now):
        # A rhythm and a chance of the room's own, the same each time that the hour is asked for.
        number = hour.timestamp() / 3600
        slow, rhythm = math.sin(number / 9), math.sin(number / 5)
        chance = random.Random(f"{station} {hour:%Y-%m-%d %H}").gauss(0, 1)  # noqa: S311 - no secret
        o3 = 12 + 2 * rhythm + 0.5 * chance
        room = {
            "T": 25.5 + 0.6 * slow + 0.1 * chance,
            "T. int.": 360 + 6 * slow + chance,
            "RH": 60 + rhythm + 0.3 * chance,
            "PM2.5": 4 + rhythm + 0.3 * chance,
            "PM10": 9 + 2 * rhythm + 0.6 * chance,
            "O3": o3,
            "NO2": NO2_WITHOUT_O3 + NO2_PER_O3 * o3 + 0.05 * slow,
        }
        for sensor, value in room.items():
            _change(hours[hour], sensor, lambda _, value=value: value)


def _gain(hours: Hours, station: int, now: datetime) -> None:
    for row in _rows(hours, _midnight(now) - 3 * _WEEK, now):
        for sensor in _PARTICLES:
            _change(row, sensor, lambda value: 2 * value)


def _drift(hours: Hours, station: int, now: datetime) -> None:
    start = _midnight(now) - 8 * _WEEK
    for hour in _between(hours, start, now):
        gain = 1 + (hour - start) / (4 * _WEEK)
        for sensor in _PARTICLES:
            _change(hours[hour], sensor, lambda value, gain=gain: gain * value)


def _clipped(hours: Hours, station: int, now: datetime) -> None:
    for row in hours.values():
        for sensor in ("CO", "O3"):
            _change(row, sensor, lambda value: max(value, 0.0))


def _power_cut(hours: Hours, station: int, now: datetime) -> None:
    morning = _midnight(now) + 5 * _HOUR
    if now < morning + _HOUR:
        morning -= _DAY
    for number in range(1, 5):
        hours.pop(morning - number * _HOUR, None)
    for number in range(WARM_UP_HOURS):
        row = hours.get(morning + number * _HOUR, {})
        for sensor in row:
            _change(row, sensor, functools.partial(warm_up, sensor, hour=number))


def _stuck(hours: Hours, station: int, now: datetime) -> None:
    _hold(hours, _midnight(now) - _DAY, now, None)


def _dead(hours: Hours, station: int, now: datetime) -> None:
    _hold(hours, _midnight(now) - 3 * _DAY, now, 0.0)


def _repeated_day(hours: Hours, station: int, now: datetime) -> None:
    _move(hours, _midnight(now) - _DAY, _midnight(now) - _HOUR, by=_DAY)


def _time_shift(hours: Hours, station: int, now: datetime) -> None:
    _move(hours, _midnight(now) - 3 * _WEEK, now, by=_HOUR)


@dataclass(frozen=True)
class Kind:
    """A kind of simulation.

    Args:
        description: what it does, for people.
        change: changes the hours of a station.
    """

    description: str
    change: Callable[[Hours, int, datetime], None]


KINDS: Mapping[str, Kind] = {
    "front": Kind("a front of dust that began two hours ago (PM2.5 + 100, PM10 + 440 µg/m³)", _front),
    "indoors": Kind("the station has stood in a room for three weeks", _indoors),
    "gain": Kind("PM2.5 and PM10 have been twice what they should be for three weeks", _gain),
    "drift": Kind("PM2.5 and PM10 have risen by a quarter each week for eight weeks", _drift),
    "clipped": Kind("CO and O3 below zero are published as 0.0, in all hours", _clipped),
    "power-cut": Kind("no power last night from 1 to 5, then two hours of wrong gases and temperature", _power_cut),
    "stuck": Kind("PM2.5 and PM10 have stood still since yesterday", _stuck),
    "dead": Kind("PM2.5 and PM10 have been exactly 0.0 for three days", _dead),
    "repeated-day": Kind("yesterday repeats the day before", _repeated_day),
    "time-shift": Kind("each hour has been one hour late for three weeks", _time_shift),
}
"""Name → kind of simulation. Days are days of UTC; times are those before the moment of the question."""

SHOWN = 3 * _DAY
"""A station that simulates something has no gaps for so long, so that there is something to see."""

LONGEST = 8 * _WEEK + 3 * _DAY
"""No simulation needs hours that are older, except `clipped`, which needs no other hours."""


@dataclass(frozen=True)
class Simulation:
    """A simulation to be looked at.

    Args:
        kind: one of `KINDS`.
        station: AirQino id; None for every station.
    """

    kind: str
    station: int | None = None

    def __str__(self) -> str:
        """Return the simulation in words."""
        where = f"station {self.station}" if self.station else "every station"
        return f"{self.kind} at {where}: {KINDS[self.kind].description}"


def parse_simulations(texts: Iterable[str], network: Network) -> tuple[Simulation, ...]:
    """Parse the ``--simulate`` options of a command: each is ``KIND`` or ``KIND:STATION_ID``.

    Args:
        texts: the options.
        network: its stations have the ids.

    Raises:
        SettingsError: a kind or a station is not known.
    """
    ids = [str(number) for station in network.stations for number in station.airqino_ids]
    return tuple(_parse(text, ids) for text in texts)


def _parse(text: str, ids: Sequence[str]) -> Simulation:
    kind, colon, station = text.partition(":")
    if kind not in KINDS or (colon and station not in ids):
        known = ", ".join(ids[:10]) + (", …" if len(ids) > 10 else "")
        raise SettingsError(
            f"--simulate {text!r} is not KIND[:STATION_ID], where KIND is one of {', '.join(KINDS)}, and STATION_ID an "
            f"airqino_id of the stations file: {known}"
        )
    return Simulation(kind, int(station) if colon else None)


def simulate(hours: Hours, simulations: Sequence[Simulation], station: int, now: datetime) -> Hours:
    """Return the hours of a station with what is to be simulated, ordered by time.

    Args:
        hours: as published without it, at least from `LONGEST` before ``now`` on; changed.
        simulations: of this station, one after the other.
        station: AirQino id.
        now: the moment of the question.
    """
    for simulation in simulations:
        KINDS[simulation.kind].change(hours, station, now)
    return dict(sorted(hours.items()))


def _between(hours: Hours, first: datetime, last: datetime) -> list[datetime]:
    return [hour for hour in hours if first <= hour <= last]


def _rows(hours: Hours, first: datetime, last: datetime) -> list[Row]:
    return [hours[hour] for hour in _between(hours, first, last)]


def _change(row: Row, sensor: str, change: Callable[[float], float]) -> None:
    """Change a reading; one that is null or absent stays so."""
    value = row.get(sensor)
    if isinstance(value, int | float):
        row[sensor] = round(change(value), 6)


def _hold(hours: Hours, first: datetime, last: datetime, value: float | None) -> None:
    """Give each sensor of particles one value: None for the last one before."""
    for sensor in _PARTICLES:
        before = [row[sensor] for hour, row in sorted(hours.items()) if hour < first and row.get(sensor) is not None]
        held = before[-1] if value is None and before else value
        if held is not None:
            for row in _rows(hours, first, last):
                _change(row, sensor, lambda _, held=held: held)


def _move(hours: Hours, first: datetime, last: datetime, *, by: timedelta) -> None:
    """Replace hours by earlier ones."""
    moved = {
        hour + by: {**row, "timestamp": f"{hour + by:{TIMESTAMP}}"}
        for hour, row in hours.items()
        if first <= hour + by <= last
    }
    for hour in _between(hours, first, last):
        del hours[hour]
    hours |= moved


def _hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
