"""The header of an answer: which station the API means, and where it says that this station is."""

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airquality_dagster.airqino.shown import shown
from airquality_dagster.errors import OtherStationError
from airquality_dagster.network.stations import Network, Station


@dataclass(frozen=True)
class Header:
    """What the header of an answer says.

    Args:
        station_name: the station's name in the API, None if the header names none.
        coordinates: latitude and longitude (degrees), None if the header has none that can be.
        odd_coordinates: coordinates that cannot be, as text; empty if there are none.
        simulated: whether it marks the answer as simulated.
    """

    station_name: str | None = None
    coordinates: tuple[float, float] | None = None
    odd_coordinates: str = ""
    simulated: bool = False


NO_HEADER = Header()


def parse_header(header: object) -> Header:
    """Return what a header says; no header is an error."""
    if not isinstance(header, Mapping):
        return NO_HEADER
    name = header.get("station_name")
    position = header.get("station_lat"), header.get("station_lon")
    coordinates = _coordinates(*position)
    is_odd = coordinates is None and any(value is not None for value in position)
    return Header(
        name if isinstance(name, str) and name.strip() else None,
        coordinates,
        ", ".join(map(shown, position)) if is_odd else "",
        header.get("simulated") is True,
    )


def refuse_other_station(header: Header, station: Station, network: Network) -> None:
    """Raise if a header names another station. Case and blanks do not count.

    A station without a label is only told apart from the other stations of its network.

    Args:
        header: of an answer for the station.
        station: the station that was asked for.
        network: its network.

    Raises:
        OtherStationError: the header has another name than the station has or had.
    """
    if header.station_name is None:
        return
    name, own = _key(header.station_name), _keys(station.labels)
    others = {key: other for other in network.stations if other is not station for key in _keys(other.labels)}
    # The sandbox does not know the labels of a stations file.
    is_other = name in others if header.simulated or not own else True
    if name in own or not is_other:
        return
    named = f"{shown(header.station_name)}{f', the label of {others[name].name},' if name in others else ''}"
    expected = f"not {' or '.join(map(repr, station.labels))}" if own else f"and {station.name} has no label"
    raise OtherStationError(
        f"the header of the answer names {named} {expected}: nothing of it is stored. If the station has this name "
        "now or had it before, correct label in the stations file, or add the name to its former_labels; otherwise "
        "tell the API's operator, or who runs a cache before it, that answers are mixed up"
    )


def _coordinates(latitude: Any, longitude: Any) -> tuple[float, float] | None:
    try:
        # Text is not converted: what else it may mean is not known.
        position = tuple(float(value) for value in (latitude, longitude) if type(value) in (int, float))
    except OverflowError:
        return None
    if len(position) == 2 and all(map(math.isfinite, position)) and abs(position[0]) <= 90 and abs(position[1]) <= 180:
        return position[0], position[1]
    return None


def _keys(names: Iterable[str]) -> set[str]:
    return {_key(name) for name in names}


def _key(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
