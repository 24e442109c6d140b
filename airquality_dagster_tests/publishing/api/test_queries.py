"""Parameters of requests: what is refused, and how."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

from airquality_dagster.publishing.api.queries import Countries, Dates, Datetimes, Paging, Places, Sorting, Values

ABIDJAN = (5.369298, -3.95893)


def message(model: type[BaseModel], **values: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        model(**values)
    (error,) = refused.value.errors()
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


@pytest.mark.parametrize(
    ("model", "values", "named"),
    [
        (Paging, {"page": 0}, "page"),
        (Paging, {"page": 10**9}, "page"),
        (Paging, {"limit": 1001}, "limit"),
        (Sorting, {"order_by": "$where"}, "order_by"),
        (Values, {"values": "all"}, "values"),
        (Datetimes, {"datetime_from": "yesterday"}, "datetime_from"),
        (Datetimes, {"datetime_from": "1672531200"}, "datetime_from"),
        (Datetimes, {"datetime_from": "2023-01-02", "datetime_to": "2023-01-01"}, "datetime_from"),
        (Dates, {"date_to": "20230101"}, "date_to"),
        (Dates, {"date_from": "2023-01-02", "date_to": "2023-01-01"}, "date_from"),
        (Countries, {"iso": "CIV"}, "iso"),
        (Countries, {"iso": "CI", "countries_id": ["61"]}, "countries_id"),
        (Countries, {"countries_id": ["61,0"]}, "countries_id"),
        (Places, {"bbox": "1,2,3"}, "bbox"),
        (Places, {"bbox": "nan,2,3,4"}, "bbox"),
        (Places, {"bbox": "1,2,3,91"}, "bbox"),
        (Places, {"bbox": "3,2,1,4"}, "bbox"),
        (Places, {"coordinates": "5.36;-3.96", "radius": 1000}, "coordinates"),
        (Places, {"coordinates": "5.36,-3.96"}, "radius"),
        (Places, {"coordinates": "5.36,-3.96", "radius": 25_001}, "radius"),
        (Places, {"radius": 1000}, "coordinates"),
        (Places, {"coordinates": "5.36,-3.96", "radius": 1000, "bbox": "1,2,3,4"}, "bbox"),
    ],
)
def test_an_impossible_value_is_refused_and_its_parameter_named(
    model: type[BaseModel], values: dict[str, Any], named: str
) -> None:
    assert named in message(model, **values)


def test_a_time_without_an_offset_is_local() -> None:
    times = Datetimes.model_validate({"datetime_from": "2023-01-01", "datetime_to": "2023-01-01T12:00:00Z"})
    assert times.period(ZoneInfo("Africa/Lagos")) == (
        datetime(2022, 12, 31, 23, tzinfo=UTC),
        datetime(2023, 1, 1, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "9999-12-31"])
def test_times_at_the_ends_of_the_calendar_are_times(time: str) -> None:
    first, _ = Datetimes.model_validate({"datetime_from": time}).period(ZoneInfo("Pacific/Kiritimati"))
    assert first is not None
    assert datetime(1899, 12, 31, tzinfo=UTC) <= first <= datetime(2200, 1, 2, tzinfo=UTC)


def test_a_single_date_is_a_period() -> None:
    day = date(2023, 1, 1)
    dates = Dates.model_validate({"date_from": "2023-01-01", "date_to": "2023-01-01"})
    assert (dates.date_from, dates.date_to) == (day, day)


def test_ids_are_comma_separated_or_repeated() -> None:
    assert Countries.model_validate({"countries_id": ["1,2", "3"]}).countries_id == [1, 2, 3]


@pytest.mark.parametrize(
    ("area", "is_inside"),
    [
        ({}, True),
        ({"bbox": "-4,5,-3.9,5.4"}, True),
        ({"bbox": "-3.95893,5.369298,-3.95893,5.369298"}, True),
        ({"bbox": "-3.95,5,-3.9,5.4"}, False),
        ({"coordinates": "5.369298,-3.95893", "radius": 1}, True),
        ({"coordinates": "5.3684,-3.95893", "radius": 101}, True),
        ({"coordinates": "5.3684,-3.95893", "radius": 99}, False),
    ],
)
def test_a_place_is_in_an_area_or_not(area: dict[str, Any], is_inside: bool) -> None:
    assert Places(**area).contains(ABIDJAN) is is_inside


def test_a_place_without_a_position_is_in_no_area() -> None:
    assert Places().contains(None)
    assert not Places(bbox="-180,-90,180,90").contains(None)
    assert not Places(coordinates="0,0", radius=25_000).contains(None)
