"""Ids follow from names, and stay the same."""

import pytest
import yaml

from airquality_dagster.network.pollutants import PARAMETERS
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.ids import HIGHEST_ID, Catalogue, NotFound
from airquality_dagster.publishing.api.parameters import API_PARAMETERS
from airquality_dagster_tests.builders import PLAIN_STATIONS

NETWORK = Network.model_validate(yaml.safe_load(PLAIN_STATIONS))


def network_of(*names: str) -> Network:
    return Network.model_validate(
        {
            "network": {"name": "Many", "time_zone": "Africa/Abidjan", "first_month": "2023-01"},
            "stations": [{"name": name, "airqino_id": number} for number, name in enumerate(names, start=1)],
        }
    )


def test_ids_are_those_of_the_last_release() -> None:
    catalogue = Catalogue(NETWORK)
    station1, station2 = NETWORK.stations
    assert [catalogue.location_id(station1), catalogue.location_id(station2)] == [9411286, 15902704]
    assert catalogue.sensor_id(station1, "pm2_5") == 941128605
    assert [(one.number, one.field, one.id, one.name, one.units) for one in API_PARAMETERS] == [
        (1, "co", 90001, "co", "mg/m³"),
        (2, "no2", 5, "no2", "µg/m³"),
        (3, "o3", 3, "o3", "µg/m³"),
        (4, "pm10", 1, "pm10", "µg/m³"),
        (5, "pm2_5", 2, "pm25", "µg/m³"),
        (6, "temperature", 100, "temperature", "c"),
        (7, "internal_temperature", 90007, "internaltemperature", "counts"),
        (8, "relative_humidity", 98, "relativehumidity", "%"),
    ]


def test_every_measured_quantity_has_a_parameter_of_its_own_number_and_id() -> None:
    assert {one.parameter for one in API_PARAMETERS} == set(PARAMETERS)
    assert len({one.number for one in API_PARAMETERS}) == len({one.id for one in API_PARAMETERS}) == len(PARAMETERS)


def test_the_order_of_the_stations_file_does_not_matter() -> None:
    names = [f"s{number}" for number in range(50)]
    ids = [
        {station.name: catalogue.location_id(station) for station in catalogue.network.stations}
        for catalogue in (Catalogue(network_of(*names)), Catalogue(network_of(*reversed(names))))
    ]
    assert ids[0] == ids[1]


def test_stations_whose_names_lead_to_one_id_have_ids_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airquality_dagster.publishing.api.ids.crc32", lambda name: 20_999_999)
    catalogue = Catalogue(network_of("b", "a", "c"))
    assert {station.name: number for number, station in catalogue.stations.items()} == {"a": 21_000_000, "b": 1, "c": 2}
    assert max(catalogue.sensors(catalogue.station(21_000_000))) <= HIGHEST_ID


def test_ids_lead_back_to_what_they_are_of() -> None:
    catalogue = Catalogue(NETWORK)
    for station in NETWORK.stations:
        assert catalogue.station(catalogue.location_id(station)) is station
        for sensor_id, parameter in catalogue.sensors(station).items():
            assert catalogue.sensor(sensor_id) == (station, parameter)
            assert catalogue.parameter(parameter.id) is parameter


@pytest.mark.parametrize("sensor_id", [941128600, 941128699, 1, HIGHEST_ID])
def test_there_is_no_sensor_beside_those_of_the_stations(sensor_id: int) -> None:
    with pytest.raises(NotFound, match=f"No sensor has the id {sensor_id}: /v3/locations"):
        Catalogue(NETWORK).sensor(sensor_id)


def test_unknown_locations_and_parameters_are_told() -> None:
    with pytest.raises(NotFound, match="No location has the id 7"):
        Catalogue(NETWORK).station(7)
    with pytest.raises(NotFound, match="No parameter has the id 4: "):
        Catalogue(NETWORK).parameter(4)  # OpenAQ's CO in µg/m³
