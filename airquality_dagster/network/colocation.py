"""When two stations stood side by side, and when each stood at the place that is compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from airquality_dagster.network.deployments import Deployment, device_periods, local_periods
from airquality_dagster.network.distance import kilometres_between
from airquality_dagster.network.siting import Period, whole_hours
from airquality_dagster.network.stations import Station

BESIDE_KILOMETRES = 0.05
"""Farthest that two stations side by side may be apart. Judgement of this project: a position on a map is no better."""

Devices = tuple[int, int]
"""AirQino numbers of the first and the second device."""

_ALWAYS = (datetime.min.replace(tzinfo=UTC), None)


@dataclass(frozen=True)
class Together:
    """A period (UTC, whole hours) in which two devices measured, side by side or each at its place.

    Args:
        start: the first hour.
        end: excluded; None while it goes on.
        devices: that measured. A relation holds for these two alone.
        is_placed: whether the stations file says where the two stood.
    """

    start: datetime
    end: datetime | None
    devices: Devices
    is_placed: bool = False


def side_by_side(first: Station, second: Station, zone: ZoneInfo) -> list[Together]:
    """Return when two stations stood beside each other: deployments of kind colocation at one place and time.

    Args:
        first, second: the stations.
        zone: time zone of the stations file.
    """
    return [
        period
        for one, of_first in _periods(first, zone)
        for other, of_second in _periods(second, zone)
        if one and other and one.kind == other.kind == "colocation" and _is_one_place(one, other)
        for period in _overlap(of_first, of_second, _devices(first, one, second, other))
    ]


def compared_periods(first: Station, second: Station, zone: ZoneInfo, now: datetime) -> list[Together]:
    """Return when both stations stood where they stand now: a former place, or a road before paving, is another matter.

    Args:
        first, second: the stations.
        zone: time zone of the stations file.
        now: tz-aware; a deployment that begins later is planned.
    """
    return [
        replace(period, is_placed=_is_placed(one) and _is_placed(other))
        for one, of_first in _at_present_place(first, zone, now)
        for other, of_second in _at_present_place(second, zone, now)
        for period in _overlap(of_first, of_second, _devices(first, one, second, other))
    ]


def measured_periods(first: Station, second: Station, zone: ZoneInfo, now: datetime) -> list[Together]:
    """Return which two devices measured when, wherever they stood.

    Args:
        first, second: the stations.
        zone: time zone of the stations file.
        now: end of the last period, tz-aware.
    """
    of_first, of_second = (
        list(device_periods(one.deployments, one.airqino_id, _ALWAYS[0], now, zone)) for one in (first, second)
    )
    return [
        period
        for device, *of_device in of_first
        for other, *of_other in of_second
        for period in _overlap((of_device[0], of_device[1]), (of_other[0], of_other[1]), (device, other))
    ]


def present_place(station: Station, zone: ZoneInfo, now: datetime) -> Deployment | None:
    """Return the newest deployment in the outdoor air of a place that has begun, None if there is none.

    Args:
        station: the station.
        zone: time zone of the stations file.
        now: tz-aware.
    """
    begun = [one for one, (start, _) in _periods(station, zone) if one and one.is_outdoor and start <= now]
    return begun[-1] if begun else None


_Dated = tuple[Deployment | None, Period]


def _periods(station: Station, zone: ZoneInfo) -> Sequence[_Dated]:
    """Return the deployments of a station with their periods; one without an end if it has none."""
    if not station.deployments:
        return [(None, _ALWAYS)]
    return [(one, (start, end)) for one, start, end in local_periods(station.deployments, zone)]


def _at_present_place(station: Station, zone: ZoneInfo, now: datetime) -> Sequence[_Dated]:
    """Return the deployments at the place where a station stands now; nothing if it has deployments, but no place."""
    if not station.deployments:
        return _periods(station, zone)
    present = present_place(station, zone, now)
    return [
        (one, period)
        for one, period in _periods(station, zone)
        if one and present and one.is_outdoor and period[0] <= now and _site(one) == _site(present)
    ]


def _site(deployment: Deployment) -> tuple[str, str]:
    return deployment.place, deployment.surface


def _is_placed(deployment: Deployment | None) -> bool:
    return deployment is not None and bool(deployment.place or deployment.position)


def _is_one_place(one: Deployment, other: Deployment) -> bool:
    """Return whether nothing that is written of two deployments says that they were at different places."""
    if one.position and other.position:
        return bool(kilometres_between(np.array([one.position, other.position]))[0, 1] <= BESIDE_KILOMETRES)
    return not (one.place and other.place) or one.place.casefold() == other.place.casefold()


def _devices(first: Station, one: Deployment | None, second: Station, other: Deployment | None) -> Devices:
    return (
        (one.airqino_id if one else None) or first.airqino_id,
        (other.airqino_id if other else None) or second.airqino_id,
    )


def _overlap(one: Period, other: Period, devices: Devices) -> list[Together]:
    start = max(one[0], other[0])
    ends = [end for end in (one[1], other[1]) if end is not None]
    end = min(ends, default=None)
    if end is not None and end <= start:
        return []
    if start == _ALWAYS[0]:
        return [Together(start, end, devices)]
    return [Together(begin, until, devices) for begin, until in whole_hours([(start, end)])]
