import json
import math

import pytest

from airquality_dagster.airqino.decode import RepeatedKeys, decode_answer
from airquality_dagster_tests.builders import answer, row


def rows_of(*texts: str) -> list:
    """Return the decoded rows of an answer with these texts as rows."""
    body = f'{{"header": {{"station_name": "SMART188"}}, "data": [{", ".join(texts)}]}}'
    decoded = decode_answer(body.encode())
    assert isinstance(decoded, dict)
    assert decoded["header"] == {"station_name": "SMART188"}
    return decoded["data"]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_an_ordinary_answer_is_what_json_says(indent, mark):
    given = answer(row(), row("2023-01-01 01:00:00", CO=None, name='a [b] {c} \\"', **{"°C": 1}))
    assert decode_answer(mark + json.dumps(given, indent=indent).encode()) == given


def test_a_key_twice_in_a_row_is_told_and_no_value_is_lost():
    twice, once = rows_of('{"timestamp": "x", "CO": 1, "NO2": 2, "CO": 3}', '{"CO": 1}')
    assert isinstance(twice, RepeatedKeys)
    assert twice == [("timestamp", "x"), ("CO", 1), ("NO2", 2), ("CO", 3)]
    assert twice.repeated == "CO"
    assert once == {"CO": 1}


def test_numbers_that_json_does_not_have_and_whole_numbers_of_any_length_are_decoded():
    (found,) = rows_of(f'{{"a": NaN, "b": -Infinity, "c": {"7" * 400}, "d": {"7" * 9000}, "e": 1e999, "f": -12}}')
    assert math.isnan(found["a"])
    assert (found["b"], found["e"], found["f"]) == (-math.inf, math.inf, -12)
    # Python converts no more than 4300 digits: they stay text.
    assert (found["c"], found["d"]) == ("7" * 400, "7" * 9000)


@pytest.mark.parametrize("levels", [1, 2, 300, 1000, 100_000])
def test_what_is_nested_in_a_row_stays_its_text_at_any_depth(levels):
    lists, objects = "[" * levels + "]" * levels, '{"a": ' * levels + "1" + "}" * levels
    first, second, third = rows_of(f'{{"x": {lists}, "CO": 1}}', f'{{"y": {objects}}}', '{"text": "]}[{"}')
    assert first == {"x": lists, "CO": 1}
    assert second == {"y": objects}
    assert third == {"text": "]}[{"}


def test_a_row_that_is_a_deep_list_takes_no_other_with_it():
    deep, plain = rows_of("[" * 5000 + "]" * 5000, '{"CO": 1}')
    assert deep == ["[" * 4999 + "]" * 4999]
    assert plain == {"CO": 1}


def test_lone_surrogates_are_decoded():
    assert rows_of('{"\\ud800": "\\udfff"}') == [{"\ud800": "\udfff"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"data": [',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"nan",
        b'{"data": [1,]}',
        b'"\\"' * 9,
    ],
    ids=range(9),
)
def test_a_body_that_is_not_json_is_a_value_error(body):
    with pytest.raises(ValueError, match=r"."):
        decode_answer(body)
