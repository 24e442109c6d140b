"""Which stations are compared with which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from airquality_dagster.network.distance import kilometres_between
from airquality_dagster.network.stations import Station

NEAR_KILOMETRES = 10.0
"""Farthest neighbour. Judgement of this project: a town has one weather, and its sea breeze and rain pass within an
hour; beyond, a difference says as much of the place as of the sensor. The two of Abidjan stand 0.46 km apart."""
_SMALL = 6
_NEAREST = 3


@dataclass(frozen=True)
class Neighbours:
    """Two stations that are compared, in the order of the stations file.

    Args:
        first, second: the stations.
        distance: between them (km); None if a position is unknown.
    """

    first: Station
    second: Station
    distance: float | None = None

    def moves(self, zone: ZoneInfo) -> tuple[datetime, ...]:
        """Return when one of the two came to its place or got another device: the past before is no reference.

        Args:
            zone: time zone of the stations file.
        """
        deployments = (*self.first.deployments, *self.second.deployments)
        return tuple(sorted({deployment.start.replace(tzinfo=zone) for deployment in deployments}))


def neighbours(stations: Sequence[Station]) -> list[Neighbours]:
    """Return the pairs of a network.

    A station with up to five others near has a pair with each; one with more has pairs with the nearest three.
    A station whose position is unknown has a pair with each other one in a network of up to six stations only.

    Args:
        stations: of the network.
    """
    points = np.array([station.position or (np.nan, np.nan) for station in stations]).reshape(-1, 2)
    distances = kilometres_between(points)
    is_near = distances <= NEAR_KILOMETRES
    if len(stations) <= _SMALL:
        is_near |= np.isnan(distances)
    np.fill_diagonal(is_near, False)
    chosen: set[tuple[int, int]] = set()
    for number, near in enumerate(is_near):
        others = np.flatnonzero(near)
        if len(others) >= _SMALL:
            others = others[np.argsort(distances[number, others], kind="stable")][:_NEAREST]
        chosen.update((min(number, other), max(number, other)) for other in others.tolist())
    return [
        Neighbours(stations[first], stations[second], _known(float(distances[first, second])))
        for first, second in sorted(chosen)
    ]


def _known(distance: float) -> float | None:
    return None if np.isnan(distance) else distance
