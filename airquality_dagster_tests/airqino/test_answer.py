import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.airqino.decode import RepeatedKeys
from airquality_dagster.errors import AirQinoAnswerError
from airquality_dagster_tests.builders import answer, row, rows

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
NOW = datetime(2023, 6, 1, tzinfo=UTC)


def parse(*data, now=NOW, **header):
    return parse_hourly_answer(answer(*data, **header), start=START, end=END, now=now)


def frame_of(*parsed, now=NOW, absent=math.nan):
    return hourly_frame(parsed, station_id=283164601, now=now, absent=absent)


def test_values_are_exactly_those_of_the_answer_under_the_fields_of_the_table():
    frame = frame_of(parse(row("2023-01-05 11:00:00", **{"CO": -0.17, "PM2.5": 2.9333334, "T. int.": 407.9})))
    assert frame.iloc[0].to_dict() == {
        "timestamp": datetime(2023, 1, 5, 11, tzinfo=UTC),
        "station_id": 283164601,
        "co": -0.17,
        "no2": 19.5,
        "o3": 25.25,
        "pm10": 21.0,
        "pm2_5": 2.9333334,
        "temperature": 27.5,
        "internal_temperature": 407.9,
        "relative_humidity": 80.0,
    }


def test_a_sensor_nobody_foresaw_is_kept_under_its_normalised_name():
    frame = frame_of(parse(row(CO2=415.0, VOC=3.5)))
    assert (frame["co2"][0], frame["voc"][0]) == (415.0, 3.5)


def test_a_null_and_a_missing_field_stay_different():
    absent = object()
    without = row("2023-01-01 02:00:00")
    del without["RH"]
    frame = frame_of(parse(row(RH=None), row("2023-01-01 01:00:00"), without), absent=absent)
    assert frame["relative_humidity"].tolist() == [None, 80.0, absent]


def test_a_sensor_that_appears_in_a_later_month_is_absent_before():
    absent = object()
    early = parse_hourly_answer(answer(row()), start=START, end=END, now=NOW)
    late = parse_hourly_answer(
        answer(row("2023-02-01 00:00:00", VOC=1.0)), start=END, end=END + timedelta(days=28), now=NOW
    )
    assert frame_of(early, late, absent=absent)["voc"].tolist() == [absent, 1.0]


@pytest.mark.parametrize("end_row", [[], [row("2023-02-01 00:00:00")]])
def test_the_month_is_the_same_whether_or_not_the_api_includes_the_end(end_row):
    parsed = parse(row("2023-01-31 23:00:00"), *end_row)
    assert list(parsed.hours) == [datetime(2023, 1, 31, 23, tzinfo=UTC)]
    assert parsed.rows == 1 + len(end_row)
    assert parsed.rejected == ()


NESTED: list = []
for _ in range(3000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"CO": 1.0}, "no timestamp"),
        (row(None), "no timestamp"),
        (row("yesterday"), "not of the form"),
        (row("2023-02-30 00:00:00"), "day"),
        (row("20230101"), "not of the form"),
        (row("２０２３-01-01 00:00:00"), "not of the form"),
        (row(["2023-01-01 00:00:00"]), "not of the form"),
        (row({"a": "\ud800"}), "not of the form"),
        (row(10**400), "not of the form"),
        (row("2023-01-01 00:30:00"), "not the start of an hour"),
        (row("2099-01-01 00:00:00"), "future"),
        (row("1970-01-01 00:00:00"), "before there was any station"),
        (row("0001-01-01T00:00:00+01:00"), "out of range"),
        (row("9999-12-31T23:00:00-05:00"), "out of range"),
        (row("2023-01-01T00:00:00+24:00"), "timedelta"),
        (RepeatedKeys([("timestamp", "2023-01-01 00:00:00"), ("CO", 1), ("CO", 2)]), "the key CO is there twice"),
        (RepeatedKeys([("timestamp", "2023-01-01 00:00:00"), ("timestamp", None)]), "two timestamps"),
        ("text", "not an object"),
        (None, "not an object"),
        (10**400, "not an object"),
        (NESTED, "not an object"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_row_that_cannot_be_parsed_is_rejected_alone_with_its_reason(bad, reason):
    parsed = parse(row("2023-01-01 05:00:00"), bad, row("2023-01-01 06:00:00"))
    assert len(parsed.hours) == 2
    (rejected,) = parsed.rejected
    assert rejected.row is bad
    assert reason in rejected.reason
    assert len(rejected.reason) < 200
    rejected.reason.encode()


@pytest.mark.parametrize("sensor", ["CO", "VOC"])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("n/a", "'n/a'"),
        ("", "''"),
        ("0.3", "'0.3'"),
        (True, "True"),
        (False, "False"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        ([1], "[1]"),
        ({"value": 1}, "{'value': 1}"),
        (10**400, "1000"),
        (10**5000, "thousands of digits"),
        (NESTED, "[[[...]]]"),
        ("\ud800\x00", "'\\ud800\\x00'"),
    ],
    ids=lambda given: given if isinstance(given, str) and given.isprintable() else "",
)
def test_a_value_that_is_not_a_finite_number_is_set_aside_and_the_other_readings_of_its_hour_stay(sensor, value, shown):
    parsed = parse(row(**{"O3": None, sensor: value}))
    (readings,) = parsed.hours.values()
    (kept,) = parsed.set_aside
    # Absent: the API said neither a number nor null.
    assert kept.field not in readings
    assert (readings["o3"], readings["pm2_5"]) == (None, 11.5)
    assert (kept.sensor, kept.value, kept.hour) == (sensor, value, START)
    assert shown in kept.reason
    assert kept.reason.endswith("not a number")
    kept.reason.encode()
    assert parsed.rejected == ()


def test_numbers_of_any_size_that_a_double_can_hold_are_readings():
    parsed = parse(row(CO=10**300, NO2=-1.7976931348623157e308, VOC=5e-324, PM10=2**64))
    assert parsed.set_aside == ()
    readings = parsed.hours[START]
    assert (readings["co"], readings["no2"], readings["voc"]) == (1e300, -1.7976931348623157e308, 5e-324)


def test_a_column_of_text_takes_no_hour_away():
    parsed = parse(*rows(START, 744, status="ok"))
    assert len(parsed.hours) == 744
    assert len(parsed.set_aside) == 744
    assert "status" not in frame_of(parsed)


def test_rows_of_an_hour_that_differ_in_what_is_no_number_have_the_same_readings():
    parsed = parse(row(status="ok"), row(status="bad"))
    assert list(parsed.hours) == [START]
    assert [value.value for value in parsed.set_aside] == ["ok", "bad"]
    assert parse(row(CO=1.0), row(CO="n/a")).hours == {}


def test_sensors_whose_names_normalise_alike_have_a_field_each():
    parsed = parse(row(**{"VOC": 1.0, "voc": 2.0, "温度": 3.0, "湿度": 4.0, "PM2.5_valid": 5.0}))
    (readings,) = parsed.hours.values()
    others = {field: value for field, value in readings.items() if value in (1.0, 2.0, 3.0, 4.0, 5.0)}
    assert sorted(others.values()) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert set(parsed.renamed) == {"VOC", "voc", "温度", "湿度", "PM2.5_valid"}
    assert {parsed.renamed[name] for name in parsed.renamed} == set(others)


def test_two_equal_rows_of_an_hour_are_one_reading():
    parsed = parse(row(), row())
    assert (len(parsed.hours), parsed.rejected) == (1, ())


def test_of_two_different_rows_of_an_hour_none_is_chosen():
    parsed = parse(row(CO=0.1), row(CO=0.2), row("2023-01-01 01:00:00"))
    assert list(parsed.hours) == [datetime(2023, 1, 1, 1, tzinfo=UTC)]
    assert [rejected.row["CO"] for rejected in parsed.rejected] == [0.1, 0.2]
    assert {rejected.hour for rejected in parsed.rejected} == {datetime(2023, 1, 1, tzinfo=UTC)}
    assert all(
        "2 different answers for the hour 2023-01-01 00:00 UTC" in rejected.reason for rejected in parsed.rejected
    )


def test_a_timestamp_with_an_offset_means_what_it_says():
    parsed = parse(row("2023-01-01T02:00:00+01:00"), row("2023-01-01T02:00:00Z"))
    assert list(parsed.hours) == [datetime(2023, 1, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, 2, tzinfo=UTC)]


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        5,
        {},
        {"data": None},
        {"data": {}},
        {"error": "boom"},
        RepeatedKeys([("data", []), ("data", [])]),
    ],
)
def test_a_body_that_is_not_what_the_api_promises_is_an_error_and_no_empty_month(body):
    with pytest.raises(AirQinoAnswerError):
        parse_hourly_answer(body, start=START, end=END, now=NOW)


def test_an_empty_answer_is_an_empty_month():
    assert len(frame_of(parse())) == 0


def test_an_hour_is_provisional_until_three_hours_after_its_start():
    now = datetime(2023, 1, 10, 12, 5, tzinfo=UTC)
    frame = frame_of(parse(*rows(datetime(2023, 1, 10, 8, tzinfo=UTC), 5), now=now), now=now, absent=None)
    assert frame["provisional"].tolist() == [None, None, True, True, True]
    assert "provisional" not in frame_of(parse(*rows(START, 5)))


def test_simulated_readings_carry_their_label():
    assert frame_of(parse(row(), simulated=True))["simulated"].tolist() == [True]
    assert "simulated" not in frame_of(parse(row()))


def test_numbers_survive_from_json_to_frame_to_the_last_digit():
    text = '{"header": {}, "data": [{"timestamp": "2023-01-01 00:00:00", "CO": 0.28331247, "T": 0.1, "RH": 1e-17}]}'
    frame = frame_of(parse_hourly_answer(json.loads(text), start=START, end=END, now=NOW))
    assert (frame["co"][0], frame["temperature"][0], frame["relative_humidity"][0]) == (
        0.28331247,
        0.1,
        1e-17,
    )
