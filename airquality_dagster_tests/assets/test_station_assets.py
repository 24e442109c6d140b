"""The assets of a station from the HTTP answer to the stored document."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from airquality_dagster.airqino.sandbox.server import TOKEN_PATH, create_app
from airquality_dagster.airqino.sandbox.sources import SimulatedSource
from airquality_dagster.airqino.sandbox.tokens import Realm
from airquality_dagster.automation.due import StationRun
from airquality_dagster.checks import sensors
from airquality_dagster.cli.execution import execute
from airquality_dagster.local.services import Services
from airquality_dagster.local.serving import running
from airquality_dagster.network.stations import load_network
from airquality_dagster_tests.builders import answer, row, rows
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.platform import checks_of, failures, metadata
from airquality_dagster_tests.scripted_server import Reply, scripted_server

JANUARY = datetime(2023, 1, 1, tzinfo=UTC)
STATION1 = ["raw_station1", "station1_quality", "station1_aggregates"]
STATION1_DERIVED, STATION2_DERIVED = (
    [f"{station}_{kind}" for kind in ("quality", "aggregates", "summaries")] for station in ("station1", "station2")
)


def test_an_hour_is_a_document_with_its_time_as_id_and_exactly_the_values_of_the_answer(platform, serve, database):
    serve(answer(row("2023-01-05 11:00:00", **{"PM2.5": 2.9333334})))
    assert platform.run("2023-01", assets=STATION1).success
    assert list(database["raw_station1"].find()) == [
        {
            "_id": datetime(2023, 1, 5, 11, tzinfo=UTC),
            "station_id": 283164601,
            "co": 0.3,
            "no2": 19.5,
            "o3": 25.25,
            "pm10": 21.0,
            "pm2_5": 2.9333334,
            "temperature": 27.5,
            "internal_temperature": 390.0,
            "relative_humidity": 80.0,
        }
    ]


def test_nulls_are_null_missing_fields_are_absent_and_both_are_missing_to_the_aggregates(platform, serve, database):
    without = row("2023-01-01 01:00:00")
    del without["RH"]
    serve(answer(row(RH=None), without, row("2023-01-01 02:00:00", RH=50)))
    assert platform.run("2023-01", assets=STATION1).success
    null, absent, present = database["raw_station1"].find()
    assert null["relative_humidity"] is None
    assert "relative_humidity" not in absent
    assert present["relative_humidity"] == 50.0
    day = database["station1_aggregates"].find_one()
    assert (day["hours"], day["relative_humidity_hours"], day["relative_humidity_mean"]) == (3, 1, 50.0)


def test_a_day_is_a_document_with_its_date_as_id(platform, serve, database):
    serve(answer(*(entry | {"PM2.5": 11 + number / 23} for number, entry in enumerate(rows(JANUARY, 24, CO=-0.5)))))
    assert platform.run("2023-01", assets=STATION1).success
    (day,) = database["station1_aggregates"].find()
    assert day["_id"] == JANUARY
    assert list(day)[:8] == [
        "_id",
        "hours",
        "co_mean",
        "co_min",
        "co_max",
        "co_hours",
        "co_valid_mean",
        "co_valid_hours",
    ]
    assert (day["co_mean"], day["co_hours"], day["co_valid_hours"]) == (-0.5, 24, 0)
    assert day["co_valid_mean"] is None
    assert (day["pm2_5_valid_mean"], day["pm2_5_valid_hours"]) == (pytest.approx(11.5), 24)
    assert day["co_invalid"] == {"out_of_range": 24, "stuck": 24, "drift": 24}
    assert day["rules"] == 2


def test_two_passes_over_the_same_hours_change_no_byte(platform, serve, database):
    serve(answer(*rows(JANUARY, 48), row("2023-01-20 00:00:00", CO="bad"), row("2023-01-21 00:00:00", VOC=None)))
    first = platform.run("2023-01")
    before = stored_bytes(database)
    second = platform.run("2023-01")
    assert first.success
    assert second.success
    assert stored_bytes(database) == before
    counts = {
        name: metadata(second, "raw_station1")[f"mongodb/{name}"]
        for name in ("inserted", "revised", "unchanged", "deleted")
    }
    assert counts == {"inserted": 0, "revised": 0, "unchanged": 50, "deleted": 0}
    assert "raw_station1_revisions" not in database.list_collection_names()


def test_a_corrected_hour_is_stored_and_its_former_version_kept_and_its_day_follows(platform, serve, database):
    serve(answer(*rows(JANUARY, 24)))
    platform.run("2023-01", assets=STATION1)
    serve(answer(*rows(JANUARY, 23), row("2023-01-01 23:00:00", CO=5.1)))
    result = platform.run("2023-01", assets=STATION1)
    assert metadata(result, "raw_station1")["mongodb/revised"] == 1
    (revision,) = database["raw_station1_revisions"].find()
    assert (revision["document"]["_id"], revision["document"]["co"]) == (datetime(2023, 1, 1, 23, tzinfo=UTC), 0.3)
    assert (revision["run_id"], revision["kind"]) == (result.run_id, "revised")
    assert database["station1_aggregates"].find_one()["co_max"] == 5.1


@pytest.mark.parametrize("vanished", [[], long(rows(JANUARY, 10))])
def test_hours_that_the_source_does_not_answer_any_more_stay(platform, serve, database, vanished):
    serve(answer(*rows(JANUARY, 24)))
    platform.run("2023-01", assets=STATION1)
    serve(answer(*vanished))
    assert platform.run("2023-01", assets=STATION1).success
    assert database["raw_station1"].count_documents({}) == 24
    assert database["station1_aggregates"].find_one()["hours"] == 24


def test_the_newest_hours_are_provisional_and_their_changes_no_revisions(platform, serve, database):
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    month = f"{now:%Y-%m}"
    hours = [now - timedelta(hours=age) for age in (5, 1) if (now - timedelta(hours=age)).month == now.month]
    serve(answer(*(row(f"{hour:%Y-%m-%d %H:%M:%S}", CO=0.1) for hour in hours)))
    platform.run(month, assets=STATION1)
    documents = {document["_id"]: document for document in database["raw_station1"].find()}
    for hour in hours:
        assert documents[hour].get("provisional") is (True if now - hour < timedelta(hours=3) else None)
    serve(answer(*(row(f"{hour:%Y-%m-%d %H:%M:%S}", CO=0.2) for hour in hours)))
    platform.run(month, assets=STATION1)
    final = [hour for hour in hours if now - hour >= timedelta(hours=3)]
    assert [revision["document"]["_id"] for revision in database["raw_station1_revisions"].find()] == final


def test_a_station_that_fails_leaves_the_other_stored_and_says_station_month_and_what_to_do(platform, database):
    def one_fails(request, number):
        if "283164601" in request.path:
            return Reply(status=404, body={})
        return Reply(body=answer(*rows(JANUARY, 3)))

    with scripted_server(one_fails) as server:
        platform.use(server.url)
        result = platform.run("2023-01")
    assert not result.success
    message = failures(result)["raw_station1"]
    assert "station1 (AirQino SMART188 283164601), 2023-01" in message
    assert "check airqino_id in the stations file" in message
    assert database["raw_station2"].count_documents({}) == 3
    assert database["station2_aggregates"].count_documents({}) == 1
    assert "raw_station1" not in database.list_collection_names()


@pytest.mark.parametrize("body", [{}, long([]), b"<html>", long({"data": "none"})])
def test_a_body_that_is_not_an_answer_fails_the_asset_and_leaves_what_is_stored(platform, serve, database, body):
    serve(answer(*rows(JANUARY, 3)))
    platform.run("2023-01", assets=STATION1)
    serve(body)
    result = platform.run("2023-01", assets=STATION1)
    assert "2023-01" in failures(result)["raw_station1"]
    assert database["raw_station1"].count_documents({}) == 3


def test_mongodb_that_does_not_answer_fails_the_run_with_one_line(platform, serve, monkeypatch):
    serve(answer(*rows(JANUARY, 3)))
    monkeypatch.setenv("MONGODB_URI", "mongodb://user:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=100")
    message = failures(platform.run("2023-01", assets=STATION1))["raw_station1"]
    assert "MongoDB at 127.0.0.1:9 does not answer" in message
    assert "hunter2" not in message


def test_credentials_that_contradict_each_other_fail_the_run_with_what_is_missing(platform, serve, monkeypatch):
    serve(answer())
    monkeypatch.setenv("AIRQINO_USERNAME", "somebody")
    message = failures(platform.run("2023-01", assets=STATION1))["raw_station1"]
    assert "AIRQINO_CLIENT_ID" in message
    assert "AIRQINO_PASSWORD" in message


def test_simulated_readings_are_labelled_everywhere_and_never_replace_measured_ones(platform, serve, database):
    with running(create_app(SimulatedSource())) as url:
        platform.use(url)
        result = platform.run("2023-01", assets=STATION1)
        assert result.success
        assert metadata(result, "raw_station1")["simulated"] is True
        assert "Simulated" in metadata(result, "raw_station1")["preview"]
        assert "Simulated" in metadata(result, "station1_quality_and_aggregates", "station1_aggregates")["preview"]
        assert database["raw_station1"].count_documents({"simulated": {"$ne": True}}) == 0
        assert database["station1_aggregates"].count_documents({"simulated": {"$ne": True}}) == 0

        platform.use(serve(answer(*rows(datetime(2023, 2, 1, tzinfo=UTC), 24))).url)
        assert failures(platform.run("2023-02", assets=STATION1)) == {}
        before = stored_bytes(database)
        platform.use(url)
        assert "would replace measured ones" in failures(platform.run("2023-02", assets=STATION1))["raw_station1"]
        assert stored_bytes(database) == before


def test_the_ui_gets_counts_newest_hour_and_a_preview_with_units(platform, serve):
    serve(answer(*rows(JANUARY, 30)))
    result = platform.run("2023-01", assets=STATION1)
    raw = metadata(result, "raw_station1")
    assert raw["hours_fetched"] == raw["mongodb/inserted"] == raw["dagster/row_count"] == 30
    assert (raw["mongodb/revised"], raw["mongodb/unchanged"], raw["hours_rejected"]) == (0, 0, 0)
    assert raw["newest_hour"] == datetime(2023, 1, 2, 5, tzinfo=UTC).timestamp()
    assert "| hour (UTC) | CO (mg/m³) |" in raw["preview"]
    assert "| 2023-01-02 05:00 | 0.3 |" in raw["preview"]
    daily = metadata(result, "station1_quality_and_aggregates", "station1_aggregates")
    assert "| 2023-01-02 | 6 of 24 | 0.3 (not valid) |" in daily["preview"]
    assert (daily["days"], daily["newest_day"]) == (2, "2023-01-02")


def test_a_question_goes_out_for_each_month_of_a_range_and_no_other(platform, serve):
    server = serve(answer())
    platform.run("2023-01", "2023-03", assets=["raw_station1"])
    assert [(request.query["start_date"], request.query["end_date"]) for request in server.received] == [
        ("20230101-0000", "20230201-0000"),
        ("20230201-0000", "20230301-0000"),
        ("20230301-0000", "20230401-0000"),
    ]


def test_one_token_serves_all_stations_and_months_of_a_run(platform, monkeypatch):
    realm = Realm(client_id="client", username="user", password="password")
    grants = []
    issue = realm.issue
    monkeypatch.setattr(realm, "issue", lambda: grants.append(1) or issue())
    with running(create_app(SimulatedSource(), realm)) as url:
        platform.use(url)
        monkeypatch.setenv("AIRQINO_TOKEN_URL", url + TOKEN_PATH)
        for name, value in (("CLIENT_ID", "client"), ("USERNAME", "user"), ("PASSWORD", "password")):
            monkeypatch.setenv(f"AIRQINO_{name}", value)
        assert platform.run("2023-01", "2023-03").success
    assert len(grants) == 1


def test_what_fails_after_the_fetch_is_reported_and_the_rest_is_stored(
    platform, instance, serve, mongodb_uri, database
):
    database.create_collection("station1_quality", capped=True, size=4096)
    serve(answer(*rows(JANUARY, 24)))
    network = load_network(None)
    services = Services({}, mongodb_uri, database.name, "", Path())
    report = execute(services, instance, network, [StationRun(("station1", "station2"), "2023-01-01", "2023-01-01")])
    (fault,) = report.faults
    assert "station1_quality" in fault
    assert "capped" in fault
    assert report.stations["station2"].faults == []
    assert database["raw_station1"].count_documents({}) == 24
    assert database["station2_aggregates"].count_documents({}) == 1


def test_a_check_says_what_its_own_run_has_stored(platform, serve):
    serve(answer(*rows(JANUARY, 24)))
    platform.run("2023-01", assets=STATION1)
    serve(answer(*rows(JANUARY, 14), *rows(JANUARY + timedelta(hours=14), 10, CO=5.0)))
    found = checks_of(platform.run("2023-01", assets=STATION1))["source_consistent"]
    assert not found.passed
    assert "the source changed 10 final hours" in found.description
    assert found.metadata["restated_versions"].value == 10


def test_hours_that_were_stored_before_count_as_complete_though_the_source_has_lost_them(platform, serve):
    serve(answer(*rows(JANUARY, 744)))
    platform.run("2023-01", assets=STATION1)
    serve(answer(*rows(JANUARY, 10)))
    found = checks_of(platform.run("2023-01", assets=STATION1))["hours_complete_and_fresh"]
    assert found.metadata["percent_complete"].value == 100


def test_a_check_that_breaks_is_red_and_what_is_stored_stays(platform, serve, database, monkeypatch):
    def broken(facts):
        """Break."""
        raise ZeroDivisionError("on purpose")

    monkeypatch.setitem(sensors.CHECKS, "sensors_sound", broken)
    serve(answer(*rows(JANUARY, 24)))
    result = platform.run("2023-01", assets=STATION1)
    assert result.success
    found = checks_of(result)["sensors_sound"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "ZeroDivisionError: on purpose" in found.description
    assert database["station1_aggregates"].count_documents({}) == 1


def test_a_check_that_cannot_read_what_is_stored_is_red_and_fails_nothing(platform, serve, database, monkeypatch):
    def unreadable(*_, **__):
        raise ConnectionError("on purpose")

    monkeypatch.setattr("airquality_dagster.assets.raw.find_revisions", unreadable)
    serve(answer(*rows(JANUARY, 24)))
    result = platform.run("2023-01", assets=STATION1)
    assert result.success
    assert "ConnectionError: on purpose" in checks_of(result)["source_consistent"].description
    assert database["station1_aggregates"].count_documents({}) == 1


@pytest.mark.parametrize("asset", ["station1_quality", "station1_aggregates"])
def test_flags_and_days_can_be_made_apart(platform, serve, database, asset):
    serve(answer(*rows(JANUARY, 24)))
    platform.run("2023-01", assets=["raw_station1"])
    result = platform.run("2023-01", assets=[asset])
    assert result.success
    assert set(database.list_collection_names()) & {"station1_quality", "station1_aggregates"} == {asset}
    assert set(checks_of(result)) == {"sensors_sound" if asset == "station1_quality" else "data_capture"}


def test_a_station_s_tick_stores_at_most_40_events(platform, serve, instance):
    serve(answer(*rows(JANUARY, 24)))
    first, second = (["raw_station1", *STATION1_DERIVED], ["raw_station2", *STATION2_DERIVED])
    one, both = (platform.run("2023-01", assets=assets).run_id for assets in (first, [*first, *second]))
    assert len(instance.all_logs(both)) - len(instance.all_logs(one)) <= 40


def test_summaries_are_made_of_the_days_of_the_run_s_years_and_keep_the_others(platform, serve, database):
    serve(answer(*rows(datetime(2022, 12, 1, tzinfo=UTC), 48), *rows(JANUARY, 48)))
    platform.run("2022-12", "2023-01", assets=["raw_station1", *STATION1_DERIVED])
    database["station1_aggregates"].delete_many({"_id": {"$lt": JANUARY}})
    result = platform.run("2023-01", assets=["raw_station1", *STATION1_DERIVED])
    assert result.success
    assert [
        (entry["_id"]["period"], entry["_id"]["start"].year) for entry in database["station1_summaries"].find()
    ] == [
        ("month", 2022),
        ("month", 2023),
        ("year", 2022),
        ("year", 2023),
    ]


@pytest.mark.parametrize("status", [404, 204, long(410)])
def test_months_before_a_station_was_put_up_are_empty_if_the_api_knows_the_station(platform, database, status):
    def reply(request, number):
        is_before = request.query["start_date"] < "20230301"
        return Reply(status=status) if is_before else Reply(body=answer(row("2023-03-01 00:00:00")))

    with scripted_server(reply) as server:
        platform.use(server.url)
        result = platform.run("2023-01", "2023-03", STATION1)
        assert result.success
        assert metadata(result, "raw_station1")["documents_per_month"] == {"2023-01": 0, "2023-02": 0, "2023-03": 1}
        # Nothing but such months in a run: the station is known by its present hours.
        assert platform.run("2023-01", "2023-02", STATION1).success
    assert database["raw_station1"].count_documents({}) == 1


@pytest.mark.parametrize("status", [404, 204])
def test_a_station_of_which_the_api_answers_no_month_is_an_error(platform, serve, status):
    serve({}, status=status)
    (failure,) = failures(platform.run("2023-01", "2023-03", ["raw_station1"])).values()
    assert "2023-01" in failure
    assert "does not know the station" in failure
    assert "check airqino_id" in failure


def test_a_station_that_fell_silent_is_known_by_its_stored_hours(platform, database):
    def reply(request, number):
        has_readings = request.query["start_date"] < "20230201"
        return Reply(body=answer(row("2023-01-31 22:00:00"))) if has_readings else Reply(status=404)

    with scripted_server(reply) as server:
        platform.use(server.url)
        assert platform.run("2023-01", assets=STATION1).success
        assert platform.run("2023-02", assets=STATION1).success
    assert database["raw_station1"].count_documents({}) == 1


def test_a_404_that_asks_for_patience_is_not_asked_again(platform):
    with scripted_server(lambda request, number: Reply(status=404, headers={"Retry-After": "1"})) as server:
        platform.use(server.url)
        assert not platform.run("2023-01", assets=["raw_station1"]).success
    assert len(server.received) == 2  # the month, and the last day
