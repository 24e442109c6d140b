"""Odd answers as sensors, firmware, caches and servers make them: rows, values and headers."""

from collections.abc import Callable, Mapping
from typing import Any

Row = dict[str, Any]

_LEVELS = 300


def _column(name: str, value: object) -> Callable[[list[Row], float], None]:
    """Return what writes a value into a column of all rows."""

    def write(rows: list[Row], number: float) -> None:
        for row in rows:
            row[name] = value

    return write


def _first(name: str, value: object) -> Callable[[list[Row], float], None]:
    """Return what writes a value into a column of the first row."""
    return lambda rows, number: _column(name, value)(rows[:1], number)


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def _other_timestamp(timestamp: str) -> Callable[[list[Row], float], None]:
    """Return what inserts a copy of the first row with another timestamp."""

    def insert(rows: list[Row], number: float) -> None:
        rows[1:1] = [{**row, "timestamp": timestamp} for row in rows[:1]]

    return insert


def _computed_names(rows: list[Row], number: float) -> None:
    for row in rows:
        row |= {"PM2.5_valid": 999.0, "EAQI": 6.0, "CO_qc": 9.0, "hours": 99.0, "温度": 1.5, "湿度": 2.5}


def _limit(rows: list[Row], number: float) -> None:
    del rows[int(number) or 500 :]


def _not_an_object(rows: list[Row], number: float) -> None:
    rows.insert(1, ["not", "an", "object"])  # type: ignore[arg-type]


ODD_ROWS: Mapping[str, Callable[[list[Row], float], None]] = {
    "dead_sensor": _column("CO", float("nan")),
    "text_column": _column("status", "ok"),
    "boolean_column": _column("door_open", False),
    "huge_number": _first("CO", 10**400),
    "nested": _first("CO", _nested(_LEVELS)),
    "first_year": _other_timestamp("0001-01-01T00:00:00+01:00"),
    "last_year": _other_timestamp("9999-12-31T23:00:00-05:00"),
    "not_an_object": _not_an_object,
    "computed_names": _computed_names,
    "limit": _limit,
}
"""The number is for `limit` the rows that the API answers at most (default 500)."""


def _other_station(header: Row, number: float) -> None:
    header["station_name"] = f"SMART{int(number) or 189}"


def _odd_coordinates(header: Row, number: float) -> None:
    header |= {"station_lat": float("inf"), "station_lon": 10**400}


HEADERS: Mapping[str, Callable[[Row, float], None]] = {
    "other_station": _other_station,
    "unnamed": lambda header, number: header.pop("station_name", None),
    "odd_coordinates": _odd_coordinates,
}
"""Faults of the header. The number is for `other_station` that of its name, SMART189 by default."""


def key_twice(body: bytes) -> bytes:
    """Return an answer whose first row has a key twice, with different values."""
    return body.replace(b'"CO": ', b'"CO": 77.0, "CO": ', 1)
