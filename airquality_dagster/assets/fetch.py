"""Fetching the months of a station."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd

from airquality_dagster.airqino.answer import HourlyAnswer, hourly_frame
from airquality_dagster.airqino.resource import AirQinoResource
from airquality_dagster.errors import AirQinoError, UnknownStationError
from airquality_dagster.network.deployments import device_periods
from airquality_dagster.network.partitions import month
from airquality_dagster.network.pollutants import STATION_ID, TIMESTAMP
from airquality_dagster.network.stations import Station


@dataclass(frozen=True)
class FetchedMonths:
    """The answers for some months of a station.

    Args:
        answers: partition key → the answers for its month, one for each device of the month.
        unanswered: keys of the months for which the API has nothing (404 or 204), although it knows the station.
    """

    answers: Mapping[str, Sequence[HourlyAnswer]]
    unanswered: Sequence[str]

    @property
    def all_answers(self) -> list[HourlyAnswer]:
        """The answers of all months, in order."""
        return [answer for of_month in self.answers.values() for answer in of_month]


def fetch_months(
    airqino: AirQinoResource, station: Station, windows: Mapping[str, dg.TimeWindow], zone: ZoneInfo, now: datetime
) -> FetchedMonths:
    """Fetch the hours of consecutive months.

    Args:
        airqino: the API.
        station: the station.
        windows: partition key → start and end of its month, in order.
        zone: the network's time zone.
        now: the present moment, tz-aware.

    Raises:
        AirQinoError: a month could not be fetched, or the API does not know the station; the message names both.
    """
    answers: dict[str, list[HourlyAnswer]] = {}
    unanswered: dict[str, UnknownStationError] = {}
    for key, window in windows.items():
        answers[key] = []
        for device, start, end in device_periods(
            station.deployments, station.airqino_id, window.start, window.end, zone
        ):
            try:
                answers[key].append(airqino.hourly_answer(device, start, end, now))
            except UnknownStationError as error:
                unanswered[key] = error
            except AirQinoError as error:
                raise _explained(station, key, error) from error
    if not any(answers.values()):
        key, reason = next(iter(unanswered.items()))
        # The API may have nothing for months before the station was put up, and still know the station.
        try:
            airqino.hourly_answer(station.airqino_id, now - timedelta(days=1), now, now)
        except AirQinoError:
            raise _explained(station, key, reason) from reason
    return FetchedMonths(answers, list(unanswered))


def fetched_frame(
    fetched: FetchedMonths, station: Station, zone: ZoneInfo, now: datetime, *, absent: float = math.nan
) -> pd.DataFrame:
    """Return the hours of all months as a frame like `hourly_frame`, each with the device that measured it."""
    frame = hourly_frame(fetched.all_answers, station_id=station.airqino_id, now=now, absent=absent)
    if station.deployments and len(frame):
        hours = frame[TIMESTAMP]
        end = hours.max().to_pydatetime() + timedelta(hours=1)
        periods = device_periods(station.deployments, station.airqino_id, hours.min().to_pydatetime(), end, zone)
        for device, begin, until in periods:
            frame.loc[(hours >= begin) & (hours < until), STATION_ID] = device
    return frame


def _explained(station: Station, key: str, error: AirQinoError) -> AirQinoError:
    return type(error)(f"{station.title}, {month(key)}: {error}")
