"""Devices of a station over time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from airquality_dagster.errors import StationsFileError
from airquality_dagster.network.deployments import device_periods
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
        ('[{from: "2022-01-01T00:00:00+01:00"}]', "leave the offset out"),
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


def test_all_devices_are_known_and_shown():
    replaced = station({"from": "2023-05-06", "to": "2026-03-01", "airqino_id": OLD, "place": "Roof"})
    assert replaced.airqino_ids == (NEW, OLD)
    assert replaced.devices == "222; deployments: 111 from 2023-05-06 to 2026-03-01 (Roof)"
