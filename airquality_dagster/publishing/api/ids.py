"""Ids of locations and sensors: numbers that follow from names, and stay the same.

They fit into a signed 32-bit integer, as OpenAQ's clients demand.
"""

from zlib import crc32

from airquality_dagster.errors import AirQualityError
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.publishing.api.parameters import (
    API_PARAMETERS,
    PARAMETER_BY_FIELD,
    PARAMETER_BY_ID,
    PARAMETER_BY_NUMBER,
    ApiParameter,
)

HIGHEST_ID = 2**31 - 1
_LOCATIONS = 21_000_000
_SENSORS_PER_LOCATION = 100


def country_id(code: str) -> int:
    """Return the id of a country: its two letters as a number.

    >>> country_id("AA"), country_id("CI"), country_id("ZZ")
    (1, 61, 676)
    """
    first, second = (ord(letter) - ord("A") for letter in code)
    return 1 + 26 * first + second


def licence_id(spdx: str) -> int:
    """Return the id of a licence, which follows from its SPDX identifier."""
    return 1 + crc32(spdx.encode()) % _LOCATIONS


class NotFound(AirQualityError):
    """There is nothing with this id."""


class Catalogue:
    """The stations of a network and their sensors, by id.

    The id of a location follows from the name of its station; where two names lead to one id, the later name in the
    order of the alphabet takes the next free one. The id of a sensor is that of its location, followed by the two
    digits of its parameter.

    Args:
        network: the network.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        by_id: dict[int, Station] = {}
        for station in sorted(network.stations, key=lambda station: station.name):
            number = crc32(station.name.encode()) % _LOCATIONS
            while number + 1 in by_id:
                number = (number + 1) % _LOCATIONS
            by_id[number + 1] = station
        self._stations = dict(sorted(by_id.items()))
        self._ids = {station.name: location_id for location_id, station in self._stations.items()}

    @property
    def stations(self) -> dict[int, Station]:
        """Location id → station, in order of the ids."""
        return self._stations

    def location_id(self, station: Station) -> int:
        """Return the id of a station's location."""
        return self._ids[station.name]

    def sensor_id(self, station: Station, field: str) -> int:
        """Return the id of the sensor that measures a field at a station."""
        return self.location_id(station) * _SENSORS_PER_LOCATION + PARAMETER_BY_FIELD[field].number

    def sensors(self, station: Station) -> dict[int, ApiParameter]:
        """Return sensor id → what it measures, of a station, in order of the ids."""
        return {self.sensor_id(station, one.field): one for one in API_PARAMETERS}

    def station(self, location_id: int) -> Station:
        """Return the station of a location.

        Raises:
            NotFound: no location has this id.
        """
        if location_id not in self._stations:
            raise NotFound(f"No location has the id {location_id}: /v3/locations lists all locations.")
        return self._stations[location_id]

    def sensor(self, sensor_id: int) -> tuple[Station, ApiParameter]:
        """Return where a sensor is and what it measures.

        Raises:
            NotFound: no sensor has this id.
        """
        location_id, number = divmod(sensor_id, _SENSORS_PER_LOCATION)
        station, parameter = self._stations.get(location_id), PARAMETER_BY_NUMBER.get(number)
        if station is None or parameter is None:
            raise NotFound(
                f"No sensor has the id {sensor_id}: /v3/locations lists all locations with the ids of their sensors."
            )
        return station, parameter

    def parameter(self, parameter_id: int) -> ApiParameter:
        """Return the parameter with this id.

        Raises:
            NotFound: no parameter has this id.
        """
        if parameter_id not in PARAMETER_BY_ID:
            raise NotFound(f"No parameter has the id {parameter_id}: /v3/parameters lists all parameters.")
        return PARAMETER_BY_ID[parameter_id]
