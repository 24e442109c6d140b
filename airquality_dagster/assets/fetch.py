"""Fetching the months of a station."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import dagster as dg
import pandas as pd

from airquality_dagster.airqino.answer import HourlyAnswer, hourly_frame
from airquality_dagster.airqino.header import refuse_other_station
from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.errors import AirQinoError, UnknownStationError
from airquality_dagster.network.deployments import device_periods
from airquality_dagster.network.partitions import month
from airquality_dagster.network.pollutants import STATION_ID, TIMESTAMP
from airquality_dagster.network.stations import Network, Station

_Error = TypeVar("_Error", bound=AirQinoError)


@dataclass(frozen=True)
class FetchedPeriod:
    """The answer for a month, or for the part of it in which one device measured.

    Args:
        month: partition key.
        start, end: the period, tz-aware.
        device: AirQino id.
        answer: None if the API has nothing of the period (404, 204 or 410), although it knows the station.
    """

    month: str
    start: datetime
    end: datetime
    device: int
    answer: HourlyAnswer | None


def fetch_months(
    airqino: AirQinoResource,
    station: Station,
    network: Network,
    windows: Mapping[str, dg.TimeWindow],
    now: datetime,
    newest: Callable[[], datetime | None],
) -> list[FetchedPeriod]:
    """Fetch the hours of months.

    Args:
        airqino: the API.
        station: the station.
        network: its network.
        windows: partition key → start and end of its month, in order.
        now: the present moment, tz-aware.
        newest: returns the newest stored hour of the station, None if there is none.

    Raises:
        AirQinoError: a month could not be fetched, its answer is of another station, or the API does not know the
            station; the message names station and month.
    """
    fetched: list[FetchedPeriod] = []
    unknown: dict[int, UnknownStationError] = {}
    for key, window in windows.items():
        for device, start, end in device_periods(
            station.deployments, station.airqino_id, window.start, window.end, network.time_zone
        ):
            answer = None
            try:
                answer = airqino.hourly_answer(device, start, end, now)
                refuse_other_station(answer.header, station, network)
            except UnknownStationError as error:
                unknown.setdefault(device, _explained(error, station, key))
            except AirQinoError as error:
                raise _explained(error, station, key) from error
            fetched.append(FetchedPeriod(key, start, end, device, answer))
    for device in unknown.keys() - {period.device for period in fetched if period.answer is not None}:
        if not _is_known(airqino, device, now, newest() if device == station.airqino_id else None):
            raise unknown[device]
    return fetched


def fetched_frame(
    fetched: Sequence[FetchedPeriod], station: Station, now: datetime, *, absent: float = math.nan
) -> pd.DataFrame:
    """Return the hours of fetched periods as a frame like `hourly_frame`, each with the device that measured it."""
    answered = [(period, period.answer) for period in fetched if period.answer is not None]
    frame = hourly_frame([answer for _, answer in answered], station_id=station.airqino_id, now=now, absent=absent)
    for period, _ in answered:
        if period.device != station.airqino_id:
            is_its_hour = frame[TIMESTAMP].between(period.start, period.end, inclusive="left")
            frame.loc[is_its_hour, STATION_ID] = period.device
    return frame


def _is_known(airqino: AirQinoResource, device: int, now: datetime, newest: datetime | None) -> bool:
    """Return whether the API has anything of a device's last day, or of its newest stored hour.

    It may have nothing of months before the device was put up or after it fell silent, and still know it.
    """
    periods = [(now - timedelta(days=1), now), *([(newest, newest + timedelta(hours=1))] if newest else [])]
    for start, end in periods:
        try:
            airqino.hourly_answer(device, start, end, now)
        except UnknownStationError:
            continue
        return True
    return False


def _explained(error: _Error, station: Station, key: str) -> _Error:
    return type(error)(f"{station.title}, {month(key)}: {error}")
