"""Which stations are compared with which."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from airquality_dagster.network.distance import kilometres
from airquality_dagster.network.neighbours import neighbours
from airquality_dagster.network.stations import Station, load_network

KILOMETRE = 1 / 111.2  # degrees of latitude


def stations(*kilometres_north: float | None) -> list[Station]:
    return [
        Station(
            name=f"station{number}",
            airqino_id=number,
            latitude=None if north is None else north * KILOMETRE,
            longitude=None if north is None else 0.0,
        )
        for number, north in enumerate(kilometres_north, start=1)
    ]


def names(of: list[Station]) -> list[tuple[str, str]]:
    return [(pair.first.name[7:], pair.second.name[7:]) for pair in neighbours(of)]


def test_all_of_a_small_network_are_pairs_up_to_ten_kilometres():
    assert names(stations(0, 3, 9, 20)) == [("1", "2"), ("1", "3"), ("2", "3")]
    assert [pair.distance for pair in neighbours(stations(0, 3))] == [pytest.approx(3, rel=0.01)]
    assert len(neighbours(stations(*range(6)))) == 15


def test_a_station_with_many_near_is_compared_with_the_nearest_three():
    of_line = names(stations(*(0.1 * number for number in range(50))))
    assert ("1", "4") in of_line
    assert ("1", "5") not in of_line
    assert 50 <= len(of_line) <= 150


def test_a_station_without_a_position_is_compared_in_a_small_network_only():
    assert names(stations(0, None)) == [("1", "2")]
    assert neighbours(stations(0, None))[0].distance is None
    assert all("7" not in pair for pair in names(stations(0, 1, 2, 3, 4, 5, None)))


def test_one_station_has_no_neighbour():
    assert neighbours(stations(0)) == []


def test_the_two_of_abidjan_are_neighbours():
    (pair,) = neighbours(load_network().stations)
    assert (pair.first.name, pair.second.name) == ("station1", "station2")


def test_a_thousand_stations_have_at_most_three_thousand_pairs():
    assert len(neighbours(stations(*(0.05 * number for number in range(1000))))) <= 3000


def test_moves_are_the_local_begins_of_the_deployments_of_both():
    first = Station(name="a", airqino_id=1, deployments=[{"from": "2023-05-06"}])
    second = Station(name="b", airqino_id=2, deployments=[{"from": "2023-01-01"}, {"from": "2023-03-28 10:00"}])
    (pair,) = neighbours([first, second])
    assert pair.moves(ZoneInfo("Asia/Kolkata")) == (
        datetime(2022, 12, 31, 18, 30, tzinfo=UTC),
        datetime(2023, 3, 28, 4, 30, tzinfo=UTC),
        datetime(2023, 5, 5, 18, 30, tzinfo=UTC),
    )


def test_distances_are_those_of_a_sphere():
    assert kilometres((5.369298, -3.958930), (5.365316, -3.957837)) == pytest.approx(0.459, abs=0.001)
