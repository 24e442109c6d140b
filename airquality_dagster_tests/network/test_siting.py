"""When a station stood in the air of its place, and what its judgement depends on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.network.deployments import Deployment, local_periods
from airquality_dagster.network.siting import Siting
from airquality_dagster.network.stations import Station, load_network
from airquality_dagster.readings.flags import RULES
from airquality_dagster.readings.judgement import is_of_present_rules, judgement_version

ABIDJAN, PUNE, BERLIN = map(ZoneInfo, ("Africa/Abidjan", "Asia/Kolkata", "Europe/Berlin"))
STREET = {"from": "2023-05-06", "place": "Pharmacie du Bonheur", "kind": "street"}


def siting(*deployments, zone=ABIDJAN, **fields) -> Siting:
    station = {"name": "here", "airqino_id": 1, "deployments": list(deployments), **fields}
    return Station.model_validate(station).siting(zone)


def hours(start: str, end: str) -> pd.DatetimeIndex:
    return pd.date_range(start, end, freq="h", tz="UTC", inclusive="left")


def on_site(siting: Siting, start: str, end: str) -> list[str]:
    all_hours = hours(start, end)
    return [f"{hour:%m-%d %H}" for hour in all_hours[~siting.is_off_site(all_hours)]]


def test_without_deployments_a_station_is_always_on_site():
    assert not siting().is_off_site(hours("2022-01-01", "2022-01-02")).any()
    assert siting() == Siting()


def test_outside_all_deployments_a_station_is_off_site():
    moved = siting(STREET | {"to": "2023-05-08T06:00"}, STREET | {"from": "2023-05-08T09:00"})
    assert on_site(moved, "2023-05-05 22:00", "2023-05-06 02:00") == ["05-06 00", "05-06 01"]
    assert on_site(moved, "2023-05-08 04:00", "2023-05-08 11:00") == ["05-08 04", "05-08 05", "05-08 09", "05-08 10"]
    assert moved.is_off_site(hours("2022-01-01", "2022-02-01")).all()


@pytest.mark.parametrize("kind", ["street", "background", "industrial", "rural", None])
def test_outdoor_air_of_its_place_counts(kind):
    assert not siting(STREET | {"kind": kind}).is_off_site(hours("2024-01-01", "2024-01-02")).any()


@pytest.mark.parametrize("kind", ["colocation", "indoor", "unknown"])
def test_other_air_does_not_count(kind):
    assert siting(STREET | {"kind": kind}).is_off_site(hours("2024-01-01", "2024-01-02")).all()


def test_a_list_of_former_devices_alone_stays_valid():
    assert siting({"from": "2023-05-06", "airqino_id": 7}).on_site == ((datetime(2023, 5, 6, tzinfo=UTC), None),)


def test_times_are_local_and_an_hour_in_which_a_station_is_moved_counts_for_neither_place():
    # Midnight in Pune is 18:30 UTC.
    moved = siting(STREET | {"from": "2023-05-06"}, STREET | {"from": "2023-05-07", "place": "Roof"}, zone=PUNE)
    assert on_site(moved, "2023-05-05 17:00", "2023-05-05 21:00") == ["05-05 19", "05-05 20"]
    assert on_site(moved, "2023-05-06 17:00", "2023-05-06 21:00") == ["05-06 17", "05-06 19", "05-06 20"]
    assert siting(STREET | {"from": "2023-07-01"}, zone=BERLIN).on_site == (
        (datetime(2023, 6, 30, 22, tzinfo=UTC), None),
    )


def test_an_hour_that_a_period_holds_in_part_is_off_site():
    siting = Siting(on_site=((datetime(2023, 5, 6, 10, 30, tzinfo=UTC), datetime(2023, 5, 6, 12, 30, tzinfo=UTC)),))
    assert on_site(siting, "2023-05-06", "2023-05-07") == ["05-06 11"]


starts = st.integers(0, 400).map(lambda quarters: datetime(2023, 3, 25) + timedelta(minutes=15 * quarters))
periods = st.lists(starts, min_size=2, max_size=8, unique=True).map(sorted)


@given(periods, st.sampled_from([ABIDJAN, PUNE, BERLIN]), st.data())
def test_an_hour_is_on_site_if_one_outdoor_deployment_holds_all_of_it(bounds, zone, data):
    kinds = st.sampled_from(["street", "indoor", None])
    deployments = tuple(
        Deployment(start=start, end=end, kind=data.draw(kinds))
        for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    )
    station = Station(name="here", airqino_id=1, deployments=deployments)
    all_hours = hours("2023-03-24", "2023-03-31")
    held = [
        any(
            one.is_outdoor and start <= hour and hour + timedelta(hours=1) <= end
            for one, start, end in local_periods(deployments, zone)
        )
        for hour in all_hours
    ]
    # Two deployments without a pause between them, at the start of an hour, hold no hour together.
    assert (~station.siting(zone).is_off_site(all_hours)).tolist() == held


def test_stations_files_that_judge_alike_have_the_same_version():
    plain = siting(STREET)
    described = STREET | {
        "place": "Elsewhere",
        "kind": "rural",
        "latitude": 5.0,
        "longitude": -4.0,
        "note": "new inlet",
    }
    in_parts = siting(described | {"to": "2023-06-01"}, STREET | {"from": "2023-06-01", "photo": "june.jpg"})
    for same in (siting(described), in_parts, siting({"from": "2023-01-01", "kind": "indoor"}, STREET)):
        assert judgement_version(same) == judgement_version(plain)
    # 05:30 local is 00:00 UTC.
    assert siting(STREET | {"from": "2023-05-06T05:30"}, zone=PUNE).digest == plain.digest


def test_stations_files_that_judge_otherwise_have_other_versions():
    different = [
        siting(),
        siting(STREET),
        siting(STREET | {"from": "2023-05-06T01:00"}),
        siting(STREET | {"to": "2024-01-01"}),
        siting(STREET | {"kind": "indoor"}),
        siting(STREET, cross_sensitive={"no2": True}),
        siting(STREET, cross_sensitive={"no2": False}),
        siting(cross_sensitive={"o3": True}),
    ]
    versions = [judgement_version(one) for one in different]
    assert len(set(versions)) == len(different)
    assert versions[0] == str(RULES)
    assert all(is_of_present_rules(version) for version in versions)
    assert not any(map(is_of_present_rules, (None, "", f"{RULES}1", f"{RULES + 1}", f"{RULES + 1}.0a1b2c3d")))


def test_channels_may_be_declared_in_any_order():
    both = ({"no2": True, "o3": False}, {"o3": False, "no2": True})
    assert len({siting(cross_sensitive=fields).digest for fields in both}) == 1


def test_abidjan_s_stations_are_off_site_until_they_stood_at_their_streets():
    network = load_network()
    for station in network.stations:
        assert on_site(station.siting(network.time_zone), "2022-12-01", "2023-05-06 02:00") == ["05-06 00", "05-06 01"]
        assert station.siting(network.time_zone).cross_sensitive == {"no2": True}
