"""Where a station stood, as the page tells it."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.dashboard.places import home_of, stay_content, stays

ABIDJAN, KOLKATA = ZoneInfo("Africa/Abidjan"), ZoneInfo("Asia/Kolkata")
NOW = datetime(2023, 7, 1, tzinfo=UTC)
MAKER = {"from": "2022-12-06T00:00", "to": "2023-01-17T00:00", "place": "the maker's", "kind": "colocation"}
STREET = {"from": "2023-05-06T00:00", "place": "Pharmacie du Bonheur", "kind": "street", "surface": "paved"}


def station_at(*deployments: dict[str, Any], **facts: Any) -> Station:
    return Station.model_validate({"name": "station1", "airqino_id": 1, "deployments": deployments, **facts})


def told(station: Station, now: datetime = NOW, zone: ZoneInfo = ABIDJAN) -> list[tuple[str | None, ...]]:
    contents = [stay_content(stay, zone) for stay in stays(station, now, zone)]
    return [(content["start"], content["end"], content["kind"]) for content in contents]


def test_places_follow_each_other_and_the_time_between_them_is_told():
    station = station_at(MAKER, STREET)
    assert told(station) == [
        ("2022-12-06", "2023-01-17", "colocation"),
        ("2023-01-17", "2023-05-06", "none"),
        ("2023-05-06", None, "street"),
    ]
    assert [stay.is_on_site for stay in stays(station, NOW, ABIDJAN)] == [False, False, True]


def test_what_is_planned_is_not_told():
    station = station_at(MAKER, STREET)
    assert told(station, datetime(2023, 1, 1, tzinfo=UTC)) == [("2022-12-06", None, "colocation")]
    assert told(station, datetime(2022, 1, 1, tzinfo=UTC)) == []


def test_a_station_that_was_taken_down_is_nowhere():
    station = station_at({**STREET, "to": "2023-06-01T10:00"})
    assert told(station)[-1] == ("2023-06-01T10:00:00+00:00", None, "none")
    assert stays(station, NOW, ABIDJAN)[-1].is_on_site is False


def test_another_device_at_the_same_place_is_the_same_stay():
    station = station_at(STREET, {**STREET, "from": "2023-06-01T00:00", "airqino_id": 2})
    assert told(station) == [("2023-05-06", None, "street")]


def test_stations_files_that_only_list_devices_say_nothing_of_places():
    station = station_at({"from": "2023-01-01T00:00", "airqino_id": 2}, {"from": "2023-06-01T00:00"})
    assert told(station) == []
    assert told(station_at()) == []


def test_times_are_local_where_the_clock_has_half_hours():
    station = station_at({**STREET, "to": "2023-06-01T10:30"})
    assert told(station, zone=KOLKATA)[0] == ("2023-05-06", "2023-06-01T10:30:00+05:30", "street")


def test_its_air_is_that_of_the_newest_outdoor_place():
    assert home_of(station_at(STREET, {**MAKER, "from": "2023-06-01T00:00", "to": None})) == "Pharmacie du Bonheur"
    assert home_of(station_at(MAKER, city="Abidjan")) == "Abidjan"
    assert home_of(station_at()) == "station1"


def test_an_operator_reads_place_kind_and_surface():
    descriptions = [stay.description for stay in stays(station_at(MAKER, STREET), NOW, ABIDJAN)]
    assert descriptions == ["the maker's, colocation", "not deployed", "Pharmacie du Bonheur, street, paved"]
