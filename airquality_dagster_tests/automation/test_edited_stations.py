"""A stations file that is edited after hours were stored: what is stored stays, and follows."""

from datetime import UTC, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest
import yaml

from airquality_dagster.airqino.sandbox.server import create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.automation.instance import network_months
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.builders import answer
from airquality_dagster_tests.command import airquality
from airquality_dagster_tests.scripted_server import Reply, scripted_server

MONTHS = [one.key[:7] for one in network_months(load_network(), datetime.now(UTC))][-4:]


@pytest.fixture
def stations(tmp_path):
    """Write the stations file: ``stations(first_month=…, time_zone=…, **fields of the station)``."""

    def write(first_month=MONTHS[0], time_zone="Africa/Abidjan", airqino_id=283164601, **fields):
        network = {"name": "Abidjan", "time_zone": time_zone, "first_month": first_month}
        station = {"name": "here", "airqino_id": airqino_id, **fields}
        (tmp_path / "stations.yaml").write_text(yaml.safe_dump({"network": network, "stations": [station]}))

    return write


@pytest.fixture
def command(mongodb_uri, database, home, tmp_path, stations):
    stations()
    with running(create_app(SimulatedSource())) as url:
        variables = {
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": database.name,
            "AIRQINO_BASE_URL": url,
            "AIRQUALITY_STATIONS": str(tmp_path / "stations.yaml"),
        }
        yield lambda *arguments, **others: airquality(*arguments, home=home, **{**variables, **others})


@pytest.mark.long
def test_a_corrected_time_zone_gives_all_days_anew_fetches_the_first_hours_and_is_said(command, stations, database):
    assert command("run").returncode == 0
    stations(time_zone="Asia/Tokyo")
    before = command("verify")
    assert before.returncode == 1
    assert "are not of Asia/Tokyo" in before.stdout
    assert command("run").returncode == 0
    after = command("verify")
    assert after.returncode == 0, after.stdout
    first = datetime.fromisoformat(f"{MONTHS[0]}-01").replace(tzinfo=UTC)
    assert database["raw_here"].find_one(sort=[("_id", 1)])["_id"] < first
    # A day in Tokyo begins at 15:00 UTC of the day before.
    day = database["here_aggregates"].find_one({"hours": 24}, sort=[("_id", 1)])
    start = day["_id"] - timedelta(hours=9)
    hours = database["raw_here"].find({"_id": {"$gte": start, "$lt": start + timedelta(days=1)}, "pm10": {"$ne": None}})
    assert day["pm10_mean"] == pytest.approx(fmean(hour["pm10"] for hour in hours))


@pytest.mark.long
def test_a_corrected_deployment_takes_hours_and_days_out_of_the_air_of_a_place_and_gives_them_back(
    command, stations, database
):
    assert command("run").returncode == 0
    put_up = datetime.fromisoformat(f"{MONTHS[1]}-10").replace(tzinfo=UTC)
    raw = list(database["raw_here"].find({"_id": {"$lt": put_up}}))
    days = list(database["here_aggregates"].find({"_id": {"$lt": put_up}}))
    assert any(day["pm10_valid_mean"] is not None for day in days)
    street = {"from": f"{MONTHS[1]}-10", "place": "A street", "kind": "street"}
    stations(deployments=[street])
    before = command("verify")
    assert before.returncode == 1
    assert "when the stations file said otherwise of its place or its channels" in before.stdout

    assert command("run").returncode == 0
    verified = command("verify")
    assert verified.returncode == 0, verified.stdout
    is_before, since = {"_id": {"$lt": put_up}}, {"_id": {"$gte": put_up}}
    quality, aggregates = database["here_quality"], database["here_aggregates"]
    assert all("off_site" in hour["pm10_flags"] and hour["pm10_qc"] in (4, 9) for hour in quality.find(is_before))
    assert quality.count_documents({**since, "pm10_flags": "off_site"}) == 0
    assert quality.count_documents({**is_before, "aqi_nowcast": {"$ne": None}}) == 0
    for day in aggregates.find(is_before):
        assert (day["pm10_valid_mean"], day["aqi"], day["pm10_valid_hours"]) == (None, None, 0)
    assert [day["pm10_mean"] for day in aggregates.find(is_before)] == [day["pm10_mean"] for day in days]
    month = datetime.fromisoformat(f"{MONTHS[0]}-01").replace(tzinfo=UTC)
    assert database["here_summaries"].find_one({"_id": {"period": "month", "start": month}})["pm10_valid_mean"] is None
    # Nothing that was published is lost.
    assert list(database["raw_here"].find(is_before)) == raw
    # The same place in other words is no reason to judge again.
    stations(deployments=[street | {"place": "Rue A", "surface": "paved", "latitude": 5.3, "longitude": -3.9}])
    assert "judged" not in command("verify").stdout

    stations()
    assert command("run").returncode == 0
    assert list(aggregates.find(is_before)) == days


@pytest.mark.long
def test_a_later_first_month_takes_nothing_from_summaries(command, stations, database):
    assert command("run").returncode == 0
    before = list(database["here_summaries"].find({"_id.period": "month"}, {"days": True}))
    year = database["here_summaries"].find_one({"_id.period": "year"}, sort=[("_id.start", 1)])
    stations(first_month=MONTHS[2])
    assert command("run").returncode == 0
    assert list(database["here_summaries"].find({"_id.period": "month"}, {"days": True})) == before
    assert database["here_summaries"].find_one({"_id": year["_id"]})["days"] == year["days"]
    verified = command("verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.long
def test_hours_of_a_former_device_are_accepted_once_a_deployment_names_it(command, stations, database):
    assert command("run").returncode == 0
    stations(airqino_id=283181971)
    verified = command("verify")
    assert verified.returncode == 1
    assert "name the former airqino_id in its deployments" in verified.stdout

    stations(
        airqino_id=283181971,
        deployments=[{"from": f"{MONTHS[0]}-01", "to": f"{MONTHS[-1]}-02", "airqino_id": 283164601}],
    )
    verified = command("verify", "--source")
    assert verified.returncode == (1 if datetime.now(UTC).day > 1 else 0)  # the new device's hours are not fetched yet
    assert command("run").returncode == 0
    verified = command("verify", "--source")
    assert verified.returncode == 0, verified.stdout
    assert set(database["raw_here"].distinct("station_id")) == {283164601, 283181971}


@pytest.mark.long
def test_the_device_of_the_first_months_is_asked_for_them(command, stations, database):
    stations(
        airqino_id=283181971,
        deployments=[{"from": f"{MONTHS[0]}-01", "to": f"{MONTHS[2]}-10", "airqino_id": 283164601}],
    )
    assert command("run").returncode == 0
    change = datetime.fromisoformat(f"{MONTHS[2]}-10").replace(tzinfo=UTC)
    assert database["raw_here"].distinct("station_id", {"_id": {"$lt": change}}) == [283164601]
    assert database["raw_here"].distinct("station_id", {"_id": {"$gte": change}}) == [283181971]
    assert command("verify", "--source").returncode == 0


def test_a_former_device_that_the_api_does_not_know_is_an_error_and_no_empty_months(command, stations):
    def reply(request, number):
        is_known = "283164601" in request.path
        return Reply(body=answer()) if is_known else Reply(status=404)

    deployments = [{"from": f"{MONTHS[0]}-01", "to": f"{MONTHS[1]}-10", "airqino_id": 999}]
    stations(deployments=deployments)
    with scripted_server(reply) as server:
        done = command("run", AIRQINO_BASE_URL=server.url)
    assert done.returncode == 1
    assert f"{MONTHS[0]}: " in done.stdout + done.stderr
    assert "getStationHourlyAvg/999" in done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_a_database_that_was_lost_after_its_time_zone_was_corrected_is_whole_after_the_next_pass(
    command, stations, database, zone
):
    assert command("run").returncode == 0
    stations(time_zone=zone)
    assert command("run").returncode == 0
    assert command("verify").returncode == 0
    first = datetime.fromisoformat(f"{MONTHS[0]}-01").replace(tzinfo=ZoneInfo(zone))
    of_the_network = {"_id": {"$gte": first}}
    hours = database["raw_here"].count_documents(of_the_network)
    lost = datetime.fromisoformat(f"{MONTHS[1]}-10").replace(tzinfo=UTC)
    for name in ("raw_here", "here_quality", "here_aggregates"):
        database[name].delete_many({"_id": {"$gt": lost}})
    assert command("run").returncode == 0
    assert database["raw_here"].count_documents(of_the_network) >= hours
    database.client.drop_database(database.name)
    assert command("run").returncode == 0
    assert database["raw_here"].count_documents(of_the_network) >= hours
    verified = command("verify")
    assert verified.returncode == 0, verified.stdout
