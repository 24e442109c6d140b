"""Answers of the API, built for tests."""

from datetime import datetime, timedelta
from typing import Any

VALUES = {
    "CO": 0.3,
    "T": 27.5,
    "T. int.": 390.0,
    "NO2": 19.5,
    "O3": 25.25,
    "PM10": 21.0,
    "PM2.5": 11.5,
    "RH": 80.0,
}

PLAIN_STATIONS = """\
network: {name: Abidjan, time_zone: Africa/Abidjan, first_month: "2022-12"}
stations:
  - {name: station1, airqino_id: 283164601, label: SMART188, city: Abidjan, latitude: 5.369298, longitude: -3.95893}
  - {name: station2, airqino_id: 283181971, label: SMART189, city: Abidjan, latitude: 5.365316, longitude: -3.957837}
"""


def row(timestamp: str = "2023-01-01 00:00:00", **changes: Any) -> dict[str, Any]:
    """Return a row as the API sends it, with other values where the test wants them."""
    return {"timestamp": timestamp, **VALUES, **changes}


def rows(first: datetime, count: int, **changes: Any) -> list[dict[str, Any]]:
    """Return consecutive hours."""
    return [row(f"{first + timedelta(hours=number):%Y-%m-%d %H:%M:%S}", **changes) for number in range(count)]


def answer(*data: Any, **header: Any) -> dict[str, Any]:
    """Return an answer that holds rows. It names no station, so that it can be that of any."""
    return {
        "header": {"station_lat": 5.36, "station_lon": 0.05, **header},
        "data": list(data),
    }
