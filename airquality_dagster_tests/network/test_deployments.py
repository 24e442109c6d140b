"""Places and devices of a station over time."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from airquality_dagster.assets.sites import deployments_metadata
from airquality_dagster.errors import StationsFileError
from airquality_dagster.network.deployments import deployment_at, device_periods
from airquality_dagster.network.stations import Station, load_network

ABIDJAN = ZoneInfo("Africa/Abidjan")
OLD, NEW = 111, 222


def station(*deployments) -> Station:
    return Station.model_validate({"name": "here", "airqino_id": NEW, "deployments": list(deployments)})


def periods(station: Station, start: str, end: str, zone=ABIDJAN) -> list[tuple[int, str, str]]:
    moments = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, end))
    return [
        (device, f"{begin.astimezone(UTC):%m-%d %H}", f"{until.astimezone(UTC):%m-%d %H}")
        for device, begin, until in device_periods(station.deployments, station.airqino_id, *moments, zone)
    ]


def test_without_deployments_the_station_has_one_device():
    assert periods(station(), "2026-02-01", "2026-04-01") == [(NEW, "02-01 00", "04-01 00")]


@pytest.mark.parametrize(
    "deployments",
    [
        [{"from": "2023-05-06", "to": "2026-03-01T10:00", "airqino_id": OLD}],
        [{"from": "2023-05-06", "airqino_id": OLD}, {"from": "2026-03-01T10:00"}],
        [
            {"from": "2023-05-06", "to": "2026-02-20", "airqino_id": OLD},
            {"from": "2026-02-20", "to": "2026-03-01T10:00", "airqino_id": OLD},
        ],
    ],
)
def test_each_device_is_asked_for_its_own_hours(deployments):
    both = periods(station(*deployments), "2026-02-01", "2026-04-01")
    assert {device for device, *_ in both} == {OLD, NEW}
    assert [entry for entry in both if entry[0] == NEW] == [(NEW, "03-01 10", "04-01 00")]
    assert periods(station(*deployments), "2020-01-01", "2020-02-01") == [(OLD, "01-01 00", "02-01 00")]
    assert periods(station(*deployments), "2026-04-01", "2026-05-01") == [(NEW, "04-01 00", "05-01 00")]


def test_the_times_of_deployments_are_local():
    moved = station({"from": "2023-05-06", "to": "2026-03-01", "airqino_id": OLD})
    assert periods(moved, "2026-02-01", "2026-04-01", ZoneInfo("Asia/Kolkata"))[0][2] == "02-28 18"


@pytest.mark.parametrize(
    ("deployments", "message"),
    [
        ("[{from: 2024-01-01}, {from: 2023-01-01}]", "2023-01-01"),
        ("[{from: 2023-01-01, to: 2024-01-01}, {from: 2023-06-01}]", "2023-06-01"),
        ("[{from: 2023-01-01, to: 2022-01-01}]", "'to' must be later than 'from'"),
        ("[{to: 2022-01-01}]", "from"),
        ('[{from: "2022-01-01T00:00:00+01:00"}]', "without an offset"),
    ],
)
def test_deployments_that_contradict_each_other_are_refused_with_the_station_and_the_date(
    tmp_path, deployments, message
):
    file = tmp_path / "stations.yaml"
    file.write_text(
        'network: {name: A, time_zone: Africa/Abidjan, first_month: "2025-01"}\n'
        f"stations: [{{name: here, airqino_id: 1, deployments: {deployments}}}]\n"
    )
    with pytest.raises(StationsFileError, match="station here") as error:
        load_network(file)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("latitud: 5.3, longitude: -3.9", "did you mean 'latitude' by 'latitud'?"),
        ("Place: Roof", "did you mean 'place' by 'Place'?"),
        ("airqinoid: 7", "did you mean 'airqino_id' by 'airqinoid'?"),
        ("until: 2024-01-01", "did you mean 'to' by 'until'?"),
        ("lat: 5.3", "did you mean 'latitude' by 'lat'?"),
        ("kind: stret", "it is 'stret'"),
        ("latitude: 95, longitude: 0", "latitude"),
        ("latitude: 5.3", "both latitude and longitude"),
        ("inlets: [1, 2]", "inlets"),
        ("1: 2", "1"),
        ("to: 9999-12-31", "leave 'to' out"),
    ],
)
def test_a_misspelt_attribute_is_refused_with_a_suggestion(tmp_path, attributes, message):
    file = tmp_path / "stations.yaml"
    file.write_text(
        'network: {name: A, time_zone: Africa/Abidjan, first_month: "2025-01"}\n'
        f"stations: [{{name: here, airqino_id: 1, deployments: [{{from: 2023-05-06, {attributes}}}]}}]\n"
    )
    with pytest.raises(StationsFileError, match="station here") as error:
        load_network(file)
    assert message in str(error.value)


def test_a_misspelt_from_is_refused_with_a_suggestion():
    with pytest.raises(ValidationError, match="did you mean 'from' by 'frm'"):
        station({"frm": "2023-05-06"})


def test_further_attributes_are_free():
    free = {"height_m": 2.5, "altitude": 12, "road_class": "residential", "photo": "a.jpg", "checked": date(2024, 1, 1)}
    free |= {"note": "beside a school", "evidence": "found", "is_shaded": True, "lanes": None}
    assert station({"from": "2023-05-06", **free}).deployments[0].attributes == free


def test_the_position_is_that_of_the_station_or_of_its_newest_outdoor_deployment_that_has_one():
    first = {"from": "2023-05-06", "latitude": 5.1, "longitude": -4.1}
    second = {"from": "2024-01-01", "latitude": 5.2, "longitude": -4.2}
    assert station(first, second).position == (5.2, -4.2)
    assert station(first, second | {"kind": "indoor"}).position == (5.1, -4.1)
    assert station(first, {"from": "2024-01-01"}).position == (5.1, -4.1)
    own = station(first).model_copy(update={"latitude": 5.3, "longitude": -4.3})
    assert own.position == (5.3, -4.3)
    assert station().position is None


def test_the_deployment_of_a_moment_is_known():
    moved = station(
        {"from": "2023-05-06", "to": "2024-01-01", "place": "Street"}, {"from": "2024-02-01", "place": "Roof"}
    )

    def place(moment: str, zone=ABIDJAN) -> str | None:
        there = deployment_at(moved.deployments, datetime.fromisoformat(moment).replace(tzinfo=UTC), zone)
        return there.place if there else None

    assert (place("2023-05-05T23"), place("2023-05-06"), place("2023-12-31T23")) == (None, "Street", "Street")
    assert (place("2024-01-01"), place("2024-02-01"), place("2030-01-01")) == (None, "Roof", "Roof")
    assert place("2023-05-05T18:30", ZoneInfo("Asia/Kolkata")) == "Street"


def test_places_of_one_device_are_asked_for_at_once():
    moved = [{"from": f"2026-02-{day:02}", "to": f"2026-02-{day + 2:02}", "place": f"{day}"} for day in (1, 5, 9)]
    assert periods(station(*moved), "2026-02-01", "2026-03-01") == [(NEW, "02-01 00", "03-01 00")]
    replaced = station({"from": "2026-02-01", "airqino_id": OLD}, {"from": "2026-02-03", "airqino_id": OLD}, *moved[1:])
    assert periods(replaced, "2026-02-01", "2026-03-01") == [
        (OLD, "02-01 00", "02-05 00"),
        (NEW, "02-05 00", "03-01 00"),
    ]


def test_the_table_of_deployments_shows_the_newest_first_and_all_that_is_said():
    moved = station(
        {"from": "2023-05-06", "to": "2023-06-01T10:30", "place": "A | B", "kind": "indoor", "note": "in\ntwo lines"},
        {
            "from": "2023-07-01",
            "place": "Street",
            "surface": "paved",
            "latitude": 5.1,
            "longitude": -4.1,
            "height_m": 2,
        },
    )
    _, _, newest, former = deployments_metadata(moved)["deployments"].value.splitlines()
    assert newest == "| 2023-07-01 |  | Street |  | yes | paved | 5.1, -4.1 | 222 | height_m: 2 |"
    assert former == (
        "| 2023-05-06 | 2023-06-01 10:30 | A \\| B | indoor | no: `off_site` |  |  | 222 | note: in two lines |"
    )
    assert deployments_metadata(station()) == {}


def test_all_devices_are_known_and_shown():
    replaced = station({"from": "2023-05-06", "to": "2026-03-01", "airqino_id": OLD, "place": "Roof"})
    assert replaced.airqino_ids == (NEW, OLD)
    assert replaced.devices == "222; deployments: 111 from 2023-05-06 to 2026-03-01 (Roof)"
    assert station({"from": "2023-05-06", "place": "Roof"}).devices == "222"
