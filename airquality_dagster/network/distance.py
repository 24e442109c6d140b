"""Distances between places."""

import numpy as np

_EARTH_KILOMETRES = 6371.0


def kilometres(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the distance (km) of two points (latitude, longitude in degrees).

    >>> round(kilometres((5.36, -3.96), (5.36, 3.96)))
    877
    """
    return float(kilometres_between(np.array([first, second]))[0, 1])


def kilometres_between(points: np.ndarray) -> np.ndarray:
    """Return the distance (km) of each point from each, by the haversine formula on a sphere.

    Args:
        points: one row per point: latitude and longitude in degrees.
    """
    latitude, longitude = np.radians(points).T
    chord = (
        np.sin((latitude[:, np.newaxis] - latitude) / 2) ** 2
        + np.cos(latitude[:, np.newaxis]) * np.cos(latitude) * np.sin((longitude[:, np.newaxis] - longitude) / 2) ** 2
    )
    return 2 * _EARTH_KILOMETRES * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
