"""Whatever the API sends: no row is lost, and no exception but the named ones."""

import json
import math
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airquality_dagster.airqino.answer import hourly_frame, parse_hourly_answer
from airquality_dagster.airqino.decode import decode_answer
from airquality_dagster.errors import AirQinoAnswerError
from airquality_dagster_tests.builders import VALUES, row

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
NOW = datetime(2023, 6, 1, tzinfo=UTC)

texts = st.text(max_size=8) | st.sampled_from(["n/a", "", "NaN", "\ud800", "\0", "]", "{", '"', "\\"])
numbers = (
    st.floats()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 2**63, -0.0])
)
scalars = st.none() | st.booleans() | numbers | texts
values = scalars | st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
names = texts | st.sampled_from(
    [*VALUES, "voc", "VOC", "温度", "湿度", "PM2.5_valid", "EAQI", "_id", "station_id", "$x", "a.b"]
)
stamps = st.sampled_from(
    ["2023-01-01 00:00:00", "2023-01-01 01:00:00", "2023-01-31T23:00:00Z", "2023-03-01 00:00:00", "0001-01-01T00:00:00+01:00",
     "9999-12-31T23:00:00-05:00", "2023-01-01T05:30:00+05:30", "2023-01-01 00:30:00", "2024-01-01 00:00:00"]
)  # fmt: skip
members = st.tuples(names, values.map(json.dumps)) | st.tuples(
    names,
    st.sampled_from(
        ["[" * 2000 + "]" * 2000, '{"a":' * 300 + "1" + "}" * 300, "9" * 5000, "1e999", "NaN", "-Infinity"]
    ),
)


@st.composite
def row_texts(draw: st.DrawFn) -> str:
    """JSON of an ordinary row with odd members, some of them there twice; or of anything."""
    if draw(st.integers(0, 9)) == 0:
        return json.dumps(draw(values))
    ordinary = [(name, json.dumps(value)) for name, value in row(draw(stamps)).items() if draw(st.integers(0, 9))]
    pairs = draw(st.permutations([*ordinary, *draw(st.lists(members, max_size=3))]))
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in pairs) + "}"


headers = st.dictionaries(
    st.sampled_from(["station_name", "station_lat", "station_lon", "simulated"]) | texts, values, max_size=4
)


def nothing_is_lost(header: dict, rows: list[str]) -> None:
    body = f'{{"header": {json.dumps(header)}, "data": [{", ".join(rows)}]}}'
    decoded = decode_answer(body.encode())
    assert isinstance(decoded, dict)
    data = decoded["data"]
    assert len(data) == len(rows)
    parsed = parse_hourly_answer(decoded, start=START, end=END, now=NOW)
    assert parsed.rows == len(rows)
    rejected = [entry.row for entry in parsed.rejected]
    for given_row in data:
        if any(given_row is entry for entry in rejected):
            continue
        # It is an object with a usable timestamp, of the period or of another one.
        stamp = datetime.fromisoformat(dict(given_row)["timestamp"].replace("Z", "+00:00"))
        hour = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
        assert (hour in parsed.hours) == (START <= hour < END)
        if hour in parsed.hours:
            kept = [entry.value for entry in parsed.set_aside if entry.hour == hour]
            stored = list(parsed.hours[hour].values())
            for name, value in given_row.items():
                if name == "timestamp":
                    continue
                is_number = type(value) in (int, float) and abs(value) <= 1.7976931348623157e308
                assert (float(value) in stored) if is_number else (value is None or any(value is one for one in kept))
            # Each member has a place of its own.
            assert len(stored) + sum(entry.hour == hour for entry in parsed.set_aside) >= len(given_row) - 1
    for hour, readings in parsed.hours.items():
        assert START <= hour < END
        assert all(value is None or (type(value) is float and math.isfinite(value)) for value in readings.values())
    for entry in (*parsed.rejected, *parsed.set_aside):
        entry.reason.encode()
    assert len(hourly_frame([parsed], station_id=1, now=NOW)) == len(parsed.hours)


def no_other_exception(body: bytes) -> None:
    try:
        decoded = decode_answer(body)
    except ValueError:
        return
    try:
        parse_hourly_answer(decoded, start=START, end=END, now=NOW)
    except AirQinoAnswerError:
        return


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The bytes of an answer with some of them replaced, removed or repeated; or any bytes."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=60))
    body = bytearray(
        f'{{"header": {{"station_name": "S"}}, "data": [{", ".join(draw(st.lists(row_texts(), max_size=2)))}]}}'.encode()
    )
    for _ in range(draw(st.integers(1, 4))):
        place, length = draw(st.integers(0, len(body))), draw(st.integers(0, 8))
        body[place : place + length] = draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"[", b"}", b",", b"{", b"]"])
        )
    return bytes(body)


_ALL_ODD = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


@given(headers, st.lists(row_texts(), max_size=4))
@settings(max_examples=200, suppress_health_check=_ALL_ODD)
def test_each_row_is_stored_or_rejected_or_of_another_period_and_each_value_kept(header, rows):
    nothing_is_lost(header, rows)


@given(damaged())
@settings(max_examples=200, suppress_health_check=_ALL_ODD)
def test_damaged_answers_raise_nothing_but_the_named_exceptions(body):
    no_other_exception(body)


# The long tests draw from these by a seed: a hundred times as many cases in the time.
NAMES = [
    "CO",
    "RH",
    "VOC",
    "voc",
    "温度",
    "湿度",
    "",
    "\ud800",
    "$x",
    "a.b",
    "\0",
    "EAQI",
    "PM2.5_valid",
    "timestamp",
    "_id",
]
VALUE_TEXTS = [
    "0.5", "-1", "0", "null", "true", '"n/a"', '""', '"12.5"', "NaN", "Infinity", "-Infinity", "1e999", "5e-324",
    "1.7976931348623157e308", "9" * 400, "9" * 5000, "[1, [2]]", '{"a": {"b": []}}', "[" * 2000 + "]" * 2000,
    '"\\ud800"', '"]}"', '"\\""', "[]", "{}", '"2023-01-01 00:00:00"',
]  # fmt: skip
STAMP_TEXTS = [
    *(json.dumps(f"2023-01-{day:02} {hour:02}:00:00") for day in (1, 31) for hour in (0, 23)),
    *map(json.dumps, ["0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-05:00", "2023-01-01T05:30:00+05:30",
                      "2023-01-01 00:30:00", "2023-03-01 00:00:00", "2024-01-01 00:00:00", "\ud800", "2023-02-30 00:00:00"]),
    "null", "5", "[]", "9" * 400,
]  # fmt: skip


def seeded_row(random: Random) -> str:
    """Return the JSON of an ordinary row with odd members, some of them there twice; or of anything."""
    if random.random() < 0.1:
        return random.choice(VALUE_TEXTS)
    pairs = [("timestamp", random.choice(STAMP_TEXTS))] * (random.random() < 0.97)
    pairs += [(name, json.dumps(value)) for name, value in VALUES.items() if random.random() < 0.9]
    pairs += [(random.choice(NAMES), random.choice(VALUE_TEXTS)) for _ in range(random.choice((0, 1, 1, 2, 5)))]
    random.shuffle(pairs)
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in pairs) + "}"


@pytest.mark.long
@given(st.integers(0, 2**63))
@settings(max_examples=60_000, database=None)
def test_no_row_and_no_value_of_60_000_odd_answers_is_lost(seed):
    random = Random(seed)
    header = {
        name: json.loads(random.choice(VALUE_TEXTS[:14]))
        for name in ("station_name", "station_lat", "station_lon", "simulated")
        if random.random() < 0.7
    }
    nothing_is_lost(header, [seeded_row(random) for _ in range(random.randrange(5))])


@pytest.mark.long
@given(st.integers(0, 2**63))
@settings(max_examples=60_000, database=None)
def test_60_000_damaged_answers_raise_nothing_but_the_named_exceptions(seed):
    random = Random(seed)
    rows = ", ".join(seeded_row(random) for _ in range(random.randrange(4)))
    body = bytearray(f'{{"header": {{"station_name": "S"}}, "data": [{rows}]}}'.encode())
    for _ in range(random.randrange(1, 6)):
        place = random.randrange(len(body) + 1)
        wrong = random.choice([random.randbytes(3), *(bytes([byte]) for byte in b'"[]{},:\\0')])
        body[place : place + random.randrange(6)] = wrong
    no_other_exception(bytes(body))
