from pathlib import Path

import pytest
from pydantic import ValidationError

from airquality_dagster.errors import SettingsError, StationsFileError
from airquality_dagster.network.stations import Network, Station, load_network

VALID = """
network: {name: Abidjan, time_zone: Africa/Abidjan, first_month: "2022-12"}
stations:
  - {name: station1, airqino_id: 283164601}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "stations.yaml"
    path.write_text(text)
    return path


def test_the_package_ships_the_two_stations_in_abidjan():
    network = load_network()
    assert [(station.name, station.airqino_id, station.label) for station in network.stations] == [
        ("station1", 283164601, "SMART188"),
        ("station2", 283181971, "SMART189"),
    ]
    assert (network.network.time_zone, network.first_month) == ("Africa/Abidjan", "2022-12")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("airqino_id: 283164601", "airqino_id: SMART"), ["station station1", "field airqino_id", "SMART"]),
        (("airqino_id: 283164601", "airqino_id: -1"), ["station station1", "field airqino_id", "-1"]),
        (("name: station1", "name: Station 1"), ["field name", "Station 1"]),
        (("name: station1", "name: a_revisions"), ["field name", "_revisions"]),
        (("name: station1, ", ""), ["station without a name", "field name", "required"]),
        (("283164601", "283164601, latitude: 95"), ["station station1", "field latitude", "95"]),
        (("283164601", "283164601, colour: red"), ["station station1", "field colour"]),
        (("Africa/Abidjan", "Africa/Abijan"), ["field network.time_zone", "Africa/Abijan"]),
        (("2022-12", "2022-13"), ["field network.first_month", "2022-13"]),
        (("stations:", "station:"), ["field stations"]),
        (
            ("airqino_id: 283164601}", "airqino_id: 283164601}\n  - {name: station2, airqino_id: 283164601}"),
            ["airqino_id 283164601", "more than one station"],
        ),
        (
            ("airqino_id: 283164601}", "airqino_id: 283164601}\n  - {name: station1, airqino_id: 5}"),
            ["name station1", "more than one station"],
        ),
        (("283164601", "283164601, cross_sensitive: {pm25: true}"), ["station1", "cross_sensitive", "pm25", "pm2_5"]),
        (("283164601", "283164601, cross_sensitive: {temperature: true}"), ["station1", "temperature is no pollutant"]),
        (("283164601", "283164601, cross_sensitive: {no2: perhaps}"), ["station1", "cross_sensitive.no2", "perhaps"]),
        (("network:", "network: ["), ["not YAML"]),
    ],
)
def test_a_broken_stations_file_is_refused_in_one_line_that_names_file_station_and_field(tmp_path, change, named):
    path = write(tmp_path, VALID.replace(*change))
    with pytest.raises(StationsFileError) as caught:
        load_network(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    for part in named:
        assert part in message


def with_pairs(pairs: str) -> str:
    return f"{VALID}  - {{name: station2, airqino_id: 5}}\npairs: {pairs}\n"


def test_pairs_name_two_stations_and_a_question(tmp_path):
    network = load_network(
        write(tmp_path, with_pairs("[{name: paving, first: station1, second: station2, question: What of it?}]"))
    )
    assert [pair.model_dump() for pair in network.pairs] == [
        {"name": "paving", "first": "station1", "second": "station2", "question": "What of it?", "question_fr": ""}
    ]
    assert load_network(write(tmp_path, VALID)).pairs == ()


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("[{name: paving, first: station1, second: station3}]", "pair paving: no station is named 'station3'"),
        ("[{name: paving, first: station1, second: station1}]", "pair paving: first and second are both station1"),
        ("[{name: Paving, first: station1, second: station2}]", "field pairs.0.name"),
        ("[{name: paving, first: station1}]", "field pairs.0.second"),
        ("[{name: paving, first: station1, second: station2, asks: why}]", "field pairs.0.asks"),
        (
            "[{name: a, first: station1, second: station2}, {name: a, first: station2, second: station1}]",
            "more than one pair has the name a",
        ),
    ],
)
def test_a_broken_pair_is_refused_by_its_name(tmp_path, pairs, message):
    with pytest.raises(StationsFileError) as caught:
        load_network(write(tmp_path, with_pairs(pairs)))
    assert message in str(caught.value)


def test_the_two_stations_in_abidjan_are_459_metres_apart_and_compared():
    network = load_network()
    (latitude, longitude), (other_latitude, other_longitude) = (station.position for station in network.stations)
    north = 111.2 * (latitude - other_latitude)
    east = 111.2 * 0.9956 * (longitude - other_longitude)
    assert (north**2 + east**2) ** 0.5 == pytest.approx(0.459, abs=0.002)
    assert [(pair.name, pair.first, pair.second) for pair in network.pairs] == [("paving", "station1", "station2")]


def test_a_stations_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StationsFileError, match=r"gone.yaml cannot be read.*AIRQUALITY_STATIONS"):
        load_network(tmp_path / "gone.yaml")


@pytest.mark.parametrize("text", ["", "just text", "- a list"])
def test_a_stations_file_without_sections_is_refused(tmp_path, text):
    with pytest.raises(StationsFileError, match="'network' and 'stations'"):
        load_network(write(tmp_path, text))


def test_an_unknown_station_name_is_answered_with_those_there_are():
    with pytest.raises(SettingsError, match="'station9'.*station1, station2"):
        load_network().station("station9")


def test_networks_share_no_station_s_prefix():
    station = Station(name="station1", airqino_id=1)
    facts = {"name": "Abidjan", "time_zone": "Africa/Abidjan", "first_month": "2023-01"}
    networks = [Network(network=facts, stations=(station,), key_prefix=prefix) for prefix in ("aa", "bb", None)]
    assert [network.stations[0].raw_asset for network in networks] == [
        "aa.raw_station1",
        "bb.raw_station1",
        "raw_station1",
    ]


@pytest.mark.parametrize("prefix", ["a__b", "a_", "_a", "A", "a.b"])
def test_a_prefix_that_could_run_into_a_name_is_refused(prefix):
    with pytest.raises(ValidationError, match="key_prefix"):
        Network.model_validate({"network": {}, "stations": [], "key_prefix": prefix})
