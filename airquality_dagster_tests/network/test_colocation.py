"""When two stations stood side by side, and at the places that are compared."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from airquality_dagster.network.colocation import compared_periods, measured_periods, present_place, side_by_side
from airquality_dagster.network.stations import Station, load_network

ZONE = ZoneInfo("Africa/Abidjan")
NOW = datetime(2024, 1, 1, tzinfo=UTC)


def station(name: str, number: int, *deployments: dict) -> Station:
    return Station.model_validate({"name": name, "airqino_id": number, "deployments": deployments})


def at(first: str, kind: str, place: str = "", **others) -> dict:
    return {"from": datetime.fromisoformat(first), "kind": kind, "place": place, **others}


def dates(periods):
    return [(f"{one.start:%m-%d}", one.end and f"{one.end:%m-%d}", one.devices) for one in periods]


def test_the_weeks_side_by_side_are_those_of_both():
    one = station("one", 1, at("2023-01-01", "colocation", "Lab"), at("2023-02-01", "street", "A"))
    other = station("other", 2, at("2023-01-10", "colocation", "lab"), at("2023-02-10", "street", "B"))
    assert dates(side_by_side(one, other, ZONE)) == [("01-10", "02-01", (1, 2))]
    assert dates(compared_periods(one, other, ZONE, NOW)) == [("02-10", None, (1, 2))]


def test_two_beside_other_instruments_are_not_side_by_side():
    one = station("one", 1, at("2023-01-01", "colocation", "Lab"))
    other = station("other", 2, at("2023-01-01", "colocation", "University"))
    assert side_by_side(one, other, ZONE) == []
    near = [station(name, number, at("2023-01-01", "colocation", name, latitude=5.0, longitude=-4.0))
            for number, name in enumerate(("one", "other"), 1)]  # fmt: skip
    assert len(side_by_side(*near, ZONE)) == 1


def test_a_fortnight_side_by_side_parts_the_time_at_a_place_in_two():
    one = station(
        "one", 1, at("2023-01-01", "street", "A"), at("2023-06-01", "colocation"), at("2023-06-15", "street", "A")
    )
    other = station(
        "other", 2, at("2023-01-01", "street", "B"), at("2023-06-01", "colocation"), at("2023-06-15", "street", "B")
    )
    assert dates(side_by_side(one, other, ZONE)) == [("06-01", "06-15", (1, 2))]
    assert dates(compared_periods(one, other, ZONE, NOW)) == [("01-01", "06-01", (1, 2)), ("06-15", None, (1, 2))]


def test_a_road_before_it_was_paved_is_another_place():
    one = station(
        "one", 1, at("2023-01-01", "street", "A", surface="unpaved"), at("2023-06-01", "street", "A", surface="paved")
    )
    other = station("other", 2, at("2023-01-01", "street", "B"))
    assert dates(compared_periods(one, other, ZONE, NOW)) == [("06-01", None, (1, 2))]


def test_a_new_device_is_told_apart():
    one = station("one", 9, at("2023-01-01", "street", "A", airqino_id=1), at("2023-06-01", "street", "A"))
    other = station("other", 2)
    assert [period.devices for period in compared_periods(one, other, ZONE, NOW)] == [(1, 2), (9, 2)]


def test_stations_without_deployments_are_compared_always():
    (period,) = compared_periods(station("one", 1), station("other", 2), ZONE, NOW)
    assert period.end is None
    assert period.start < datetime(2000, 1, 1, tzinfo=UTC)


def test_the_two_of_abidjan_stood_side_by_side_twice():
    network = load_network()
    assert dates(side_by_side(*network.stations, network.time_zone)) == [
        ("12-06", "01-21", (283164601, 283181971)),
        ("02-15", "03-28", (283164601, 283181971)),
    ]


def test_a_planned_move_changes_nothing_before_its_day():
    one = station("one", 1, at("2023-01-01", "street", "A"), at("2035-01-01", "street", "B"))
    other = station("other", 2)
    assert dates(compared_periods(one, other, ZONE, NOW)) == [("01-01", "01-01", (1, 2))]
    assert compared_periods(one, other, ZONE, NOW)[0].start.year == 2023


def test_the_present_place_is_none_that_is_planned():
    one = station("one", 1, at("2023-01-01", "street", "A"), at("2035-01-01", "street", "B"))
    assert present_place(one, ZONE, NOW).place == "A"
    assert present_place(one, ZONE, datetime(2036, 1, 1, tzinfo=UTC)).place == "B"
    assert present_place(one, ZONE, datetime(2022, 1, 1, tzinfo=UTC)) is None


def test_what_two_devices_measured_has_their_numbers_wherever_they_stood():
    one = station("one", 9, at("2023-01-01", "indoor", "A", airqino_id=1), at("2023-06-01", "street", "A"))
    other = station("other", 2)
    first, second = measured_periods(one, other, ZONE, NOW)
    assert (first.devices, second.devices) == ((1, 2), (9, 2))
    assert first.start < datetime(2000, 1, 1, tzinfo=UTC)
    assert first.end == second.start == datetime(2023, 6, 1, tzinfo=UTC)
    assert second.end == NOW
