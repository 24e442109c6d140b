"""Odd values, rows, names and headers in an answer, from HTTP to what is stored and what the checks say."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster_tests.builders import answer, row, rows
from airquality_dagster_tests.conftest import stored_bytes
from airquality_dagster_tests.marks import long
from airquality_dagster_tests.platform import checks_of, failures, metadata
from airquality_dagster_tests.scripted_server import Reply, scripted_server

JANUARY, FEBRUARY = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
STATION1 = ["raw_station1", "station1_quality", "station1_aggregates"]


def body_of(*texts: str) -> bytes:
    """Return an answer with these texts as rows."""
    return f'{{"header": {{"station_name": "SMART188"}}, "data": [{", ".join(texts)}]}}'.encode()


def test_a_column_of_text_takes_nothing_away_and_is_kept_in_one_document_for_each_value(platform, serve, database):
    given = rows(JANUARY, 744, status="ok")
    given[5]["status"] = "maintenance"
    serve(answer(*given))
    for _ in range(2):
        result = platform.run("2023-01", assets=STATION1)
        assert result.success
        assert metadata(result, "raw_station1")["hours_rejected"] == 0
        assert metadata(result, "raw_station1")["values_set_aside"] == 744
    assert database["raw_station1"].count_documents({"status": {"$exists": False}}) == 744
    kept = {document["value"]: document for document in database["raw_station1_rejected"].find()}
    assert set(kept) == {"ok", "maintenance"}
    assert len(kept["ok"]["hours"]) == 743
    assert kept["maintenance"]["hours"] == [JANUARY + timedelta(hours=5)]
    assert kept["ok"]["reason"] == "status is 'ok', not a number"
    assert (kept["ok"]["sensor"], kept["ok"]["field"], kept["ok"]["month"]) == ("status", "status", "2023-01")
    assert kept["ok"]["run_id"]
    # A column that never holds a number is no fault of a sensor.
    found = checks_of(result)["source_consistent"]
    assert "not numbers" not in found.description
    assert "| status | 744 |" in found.metadata["values_set_aside"].value


@pytest.mark.parametrize(
    "dead", ["NaN", '"n/a"', *map(long, ['""', "true", "Infinity", "[1, 2]"]), "1" * 400, long("1e999")]
)
def test_a_dead_sensor_takes_no_other_reading_of_its_hours_away(platform, serve, database, dead):
    texts = [json.dumps(entry).replace('"CO": 0.3', f'"CO": {dead}') for entry in rows(JANUARY, 30)]
    serve(body_of(*texts))
    result = platform.run("2023-01", assets=STATION1)
    assert result.success
    assert database["raw_station1"].count_documents({"pm2_5": 11.5, "co": {"$exists": False}}) == 30
    (kept,) = database["raw_station1_rejected"].find()
    assert (kept["field"], len(kept["hours"])) == ("co", 30)
    day = database["station1_aggregates"].find_one()
    assert (day["co_hours"], day["pm2_5_hours"], day["co_invalid"]) == (0, 24, {"missing": 24})
    found = checks_of(result)["source_consistent"]
    assert not found.passed
    assert "30 values of CO are not numbers" in found.description
    assert "raw_station1_rejected" in found.description


def test_values_that_differ_with_each_answer_do_not_fill_the_disk(platform, serve, database, monkeypatch):
    monkeypatch.setattr("airquality_dagster.storage.rejected._MOST_VALUES", 50)
    for tick in range(3):
        serve(answer(*(row(f"2023-01-01 {hour:02}:00:00", made=f"{tick} {hour}") for hour in range(24))))
        assert platform.run("2023-01", assets=["raw_station1"]).success
    kept = list(database["raw_station1_rejected"].find())
    assert len(kept) == 51
    (rest,) = (document for document in kept if "value" not in document)
    assert rest["reason"].startswith("more than 50 different values; made is '2 ")
    assert len(rest["hours"]) == 22


def test_one_odd_row_is_rejected_alone_and_kept_as_it_came(platform, serve, database):
    good = [json.dumps(entry) for entry in rows(JANUARY + timedelta(days=5), 5)]
    odd = {
        '{"timestamp": "0001-01-01T00:00:00+01:00", "CO": 1}': {"timestamp": "0001-01-01T00:00:00+01:00", "CO": 1},
        '{"timestamp": "9999-12-31T23:00:00-05:00", "a.b": 1}': {"timestamp": "9999-12-31T23:00:00-05:00", "a.b": 1},
        '{"timestamp": "2023-13-01 00:00:00", "$set": {"x": 1}}': '{"$set": "{\\"x\\": 1}", "timestamp": "2023-13-01 00:00:00"}',
        '{"timestamp": "2023-01-01 00:00:00", "CO": 1, "CO": 2}': [
            ["timestamp", "2023-01-01 00:00:00"],
            ["CO", 1],
            ["CO", 2],
        ],
        '{"CO": 1, "\\ud800": "\\u0000"}': '{"CO": 1, "\\ud800": "\\u0000"}',
        "1" * 300: "1" * 300,
        "[" * 4000 + "]" * 4000: ["[" * 3999 + "]" * 3999],
        "null": None,
        '"text"': "text",
        '{"": {}}': {"": "{}"},
    }
    serve(body_of(*good, *odd))
    for _ in range(2):
        result = platform.run("2023-01", assets=STATION1)
        assert result.success
        assert metadata(result, "raw_station1")["hours_rejected"] == len(odd)
    assert database["raw_station1"].count_documents({}) == 5
    kept = list(database["raw_station1_rejected"].find())
    assert len(kept) == len(odd)
    for expected in odd.values():
        assert expected in [document["row"] for document in kept]
    assert {"the key CO is there twice", "no timestamp"} <= {document["reason"] for document in kept}
    assert all(document["run_id"] for document in kept)
    assert f"{len(odd)} rows could not be stored" in checks_of(result)["source_consistent"].description


def test_a_row_that_is_longer_than_a_document_of_mongodb_is_kept_in_part(platform, serve, database):
    serve(body_of(json.dumps({"timestamp": "x", "CO": "y" * 20_000_000}), json.dumps(row())))
    assert platform.run("2023-01", assets=["raw_station1"]).success
    (kept,) = database["raw_station1_rejected"].find()
    assert kept["row"].startswith('{"CO": "yyy')
    assert database["raw_station1"].count_documents({}) == 1


def test_two_passes_over_odd_answers_change_no_byte(platform, serve, database):
    serve(answer(*rows(JANUARY, 48, status="ok"), row("2023-01-20 00:00:00", CO="bad"), "text", row("x")))
    assert platform.run("2023-01", assets=STATION1).success
    before = stored_bytes(database)
    assert platform.run("2023-01", assets=STATION1).success
    assert stored_bytes(database) == before


def test_sensors_with_the_names_of_computed_fields_reach_none_of_them(platform, serve, database):
    odd = {
        "PM2.5_valid": 999.0, "EAQI": 6.0, "CO_qc": 9.0, "flags": 1.0, "pm2.5 mean": 998.0, "hours": 99.0,
        "expected": 97.0, "rules": 96.0, "AQI": 95.0, "simulated": 94.0, "温度": 1.5, "湿度": 2.5, "VOC": 3.5, "voc": 4.5,
    }  # fmt: skip
    serve(answer(*rows(JANUARY, 24, **odd)))
    result = platform.run("2023-01", assets=STATION1)
    assert result.success
    assert metadata(result, "raw_station1")["hours_rejected"] == 0
    hour, day = database["raw_station1"].find_one(), database["station1_aggregates"].find_one()
    assert set(odd.values()) <= set(hour.values())
    assert hour["pm2_5"] == 11.5
    assert "voc" not in hour
    assert (day["pm2_5_valid_hours"], day["hours"], day["expected_hours"], day["rules"]) == (0, 24, 24, 2)
    assert (day["pm2_5_mean"], day["pm2_5_valid_mean"]) == (11.5, None)
    assert "simulated" not in hour
    quality = database["station1_quality"].find_one()
    assert not (set(hour) & set(quality)) - {"_id"}


@pytest.mark.parametrize("name", [long("SMART189"), "Somewhere else"])
def test_an_answer_of_another_station_is_refused_before_anything_is_stored(platform, serve, database, name):
    serve(answer(*rows(JANUARY, 24), station_name="smart188 "))
    assert platform.run("2023-01", assets=STATION1).success
    before = stored_bytes(database)
    serve(answer(*rows(JANUARY, 24, CO=5.0), "odd", station_name=name))
    message = failures(platform.run("2023-01", assets=STATION1))["raw_station1"]
    assert "station1 (AirQino SMART188 283164601), 2023-01" in message
    assert repr(name) in message
    assert "'SMART188'" in message
    assert stored_bytes(database) == before


def test_a_header_that_names_nothing_is_a_warning(platform, serve):
    serve(answer(*rows(JANUARY, 24)))
    found = checks_of(platform.run("2023-01", assets=["raw_station1"]))["source_consistent"]
    assert "do not name their station" in found.description
    serve(answer(*rows(JANUARY, 24), station_name="SMART188"))
    found = checks_of(platform.run("2023-01", assets=["raw_station1"]))["source_consistent"]
    assert "name their station" not in found.description


@pytest.mark.parametrize("coordinate", ["Infinity", *map(long, ["NaN", "1" + "0" * 400, '"5.36"', "95.5"]), "[5.36]"])
def test_odd_coordinates_break_no_check_and_no_asset(platform, serve, database, coordinate):
    header = f'{{"station_name": "SMART188", "station_lat": {coordinate}, "station_lon": 0.05}}'
    data = ", ".join(json.dumps(entry) for entry in rows(JANUARY, 24))
    serve(f'{{"header": {header}, "data": [{data}]}}'.encode())
    result = platform.run("2023-01", assets=STATION1)
    assert result.success
    found = checks_of(result)
    assert set(found) == {"hours_complete_and_fresh", "source_consistent", "sensors_sound", "data_capture"}
    assert not any("raised" in one.description for one in found.values())
    assert "cannot be" in found["source_consistent"].description
    assert database["station1_aggregates"].count_documents({}) == 1


@pytest.mark.parametrize("sign", [1, long(-1)])
def test_the_largest_numbers_overflow_no_sum_and_break_no_check(platform, serve, database, sign):
    largest = 1.7976931348623157e308
    given = [
        entry | dict.fromkeys(("CO", "T", "T. int.", "PM2.5", "VOC"), sign * largest if number % 2 else largest)
        for number, entry in enumerate(rows(JANUARY, 744))
    ]
    serve(answer(*given))
    result = platform.run("2023-01", assets=[*STATION1, "station1_summaries", "air_quality_dashboard"])
    assert result.success
    assert not any("raised" in one.description for one in checks_of(result).values())
    day, month = database["station1_aggregates"].find_one(), database["station1_summaries"].find_one()
    expected = largest if sign == 1 else 0.0
    for field in ("co", "pm2_5", "internal_temperature", "voc"):
        assert day[f"{field}_mean"] == expected
    assert day["internal_temperature_valid_mean"] == day["voc_valid_mean"] == expected
    assert month["co_mean"] == month["internal_temperature_valid_mean"] == expected


def test_restated_hours_of_a_settled_month_stay_red_in_the_ticks_of_other_months(platform, serve):
    serve(answer(*rows(JANUARY, 24), *rows(FEBRUARY, 24)))
    platform.run("2023-01", "2023-02", assets=["raw_station1"])
    serve(answer(*rows(JANUARY, 24, CO=5.0), *rows(FEBRUARY, 24)))
    at_once = checks_of(platform.run("2023-01", assets=["raw_station1"]))["source_consistent"]
    assert "the source changed 24 final hours since" in at_once.description
    later = checks_of(platform.run("2023-02", assets=["raw_station1"]))["source_consistent"]
    assert "the source changed 24 final hours since" in later.description
    assert "24 of them outside this period" in later.description
    assert later.metadata["restated_recently"].value == 24


@pytest.mark.parametrize("keeps_newest", [False, long(True)])
def test_a_limit_of_rows_is_noticed_though_each_month_looks_complete(platform, keeps_newest):
    def answer_at_most_650_rows(request, number):
        start, end = (datetime.fromisoformat(request.query[name][:8]) for name in ("start_date", "end_date"))
        given = rows(start, 24 * (end - start).days)
        return Reply(body=answer(*(given[-650:] if keeps_newest else given[:650]), station_name="SMART188"))

    with scripted_server(answer_at_most_650_rows) as server:
        platform.use(server.url)
        found = checks_of(platform.run("2023-01", "2023-03", assets=["raw_station1"]))["hours_complete_and_fresh"]
    side = "first" if keeps_newest else "last"
    assert not found.passed
    assert f"answers for 3 periods lack the {side} hours: 2023-01 (650 rows, 94 h absent), 2023-02" in found.description
    assert "may limit the rows" in found.description
