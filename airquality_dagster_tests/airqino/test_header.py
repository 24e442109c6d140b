import math

import pytest

from airquality_dagster.airqino.header import Header, parse_header, refuse_other_station
from airquality_dagster.errors import OtherStationError
from airquality_dagster.network.stations import Network, Station

STATIONS = (
    Station(name="station1", airqino_id=1, label="SMART188", former_labels=("Old name",)),
    Station(name="station2", airqino_id=2, label="SMART189"),
    Station(name="station3", airqino_id=3),
)
NETWORK = Network.model_validate(
    {"network": {"name": "x", "time_zone": "UTC", "first_month": "2023-01"}, "stations": STATIONS}
)
FIRST, SECOND, THIRD = NETWORK.stations


@pytest.mark.parametrize(
    "name", ["SMART188", " smart188 ", "Smart 188", "SMART\u00a0188", "ＳＭＡＲＴ188", "OLD  NAME"]
)
def test_the_label_and_former_labels_are_the_station_whatever_case_and_blanks(name):
    refuse_other_station(Header(name), FIRST, NETWORK)


@pytest.mark.parametrize("name", ["SMART18", "SMART1888", "SMART189", "SMART7", "188"])
def test_another_name_is_refused_and_both_are_named(name):
    with pytest.raises(OtherStationError) as caught:
        refuse_other_station(Header(name), FIRST, NETWORK)
    message = str(caught.value)
    assert repr(name) in message
    assert "not 'SMART188' or 'Old name'" in message
    assert "former_labels" in message
    assert ("the label of station2" in message) == (name == "SMART189")


def test_a_station_without_a_label_is_told_apart_from_the_others_of_its_network():
    refuse_other_station(Header("Anything"), THIRD, NETWORK)
    with pytest.raises(OtherStationError, match="'old name', the label of station1, and station3 has no label"):
        refuse_other_station(Header("old name"), THIRD, NETWORK)


def test_a_header_without_a_name_is_not_compared():
    refuse_other_station(Header(), FIRST, NETWORK)


def test_the_sandbox_may_use_names_of_its_own_but_not_those_of_other_stations():
    refuse_other_station(Header("SMART601", simulated=True), FIRST, NETWORK)
    with pytest.raises(OtherStationError):
        refuse_other_station(Header("SMART189", simulated=True), FIRST, NETWORK)


@pytest.mark.parametrize(
    "header", [None, [], "SMART188", {}, {"station_name": None}, {"station_name": "  "}, {"station_name": 5}]
)
def test_a_header_that_names_nothing_has_no_name(header):
    assert parse_header(header) == Header()


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        (math.inf, 1.0),
        (5.36, math.nan),
        (10**400, 1),
        (5.36, -(10**400)),
        ("5.36", "-3.95"),
        (95, 0),
        (0, 180.5),
        (True, False),
        ([5.36], {}),
        (5.36, None),
    ],
)
def test_coordinates_that_cannot_be_are_text(latitude, longitude):
    header = parse_header({"station_lat": latitude, "station_lon": longitude})
    assert header.coordinates is None
    assert header.odd_coordinates
    header.odd_coordinates.encode()


def test_coordinates_are_numbers_or_nothing():
    assert parse_header({"station_lat": -90, "station_lon": 180.0}) == Header(None, (-90.0, 180.0))
    assert parse_header({"station_lat": None}).odd_coordinates == ""
