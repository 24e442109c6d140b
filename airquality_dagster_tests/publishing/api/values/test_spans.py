"""Which hours, days, months and years a request asks for."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from operator import ge, gt, le, lt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality_dagster.publishing.api.queries import Dates, Datetimes
from airquality_dagster.publishing.api.spans import Unit, first_dates, starts_of_hours

ROME = ZoneInfo("Europe/Rome")
OPERATORS = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
HOURS = [datetime(2023, 3, 25, tzinfo=UTC) + timedelta(hours=hour) for hour in range(72)]
FIRST_DATES: Mapping[Unit, list[date]] = {
    "day": [date(2023, 3, 24) + timedelta(days=day) for day in range(7)],
    "month": [date(2023, month, 1) for month in range(1, 7)],
    "year": [date(year, 1, 1) for year in (2022, 2023, 2024)],
}
MOMENTS = st.datetimes(datetime(2023, 3, 25), datetime(2023, 3, 28), timezones=st.sampled_from([UTC, ROME]))


def fulfils(condition: Mapping[str, Any], moment: datetime) -> bool:
    return all(name == "$type" or OPERATORS[name](moment, bound) for name, bound in condition.items())


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@given(st.lists(MOMENTS, min_size=1, max_size=4, unique_by=lambda moment: moment.astimezone(UTC)))
def test_spans_that_follow_each_other_have_each_period_once(cuts: list[datetime]) -> None:
    cuts.sort(key=lambda moment: moment.astimezone(UTC))
    edges = [None, *cuts, None]
    spans = [Datetimes(datetime_from=first, datetime_to=last) for first, last in pairwise(edges)]
    for hour in HOURS:
        assert sum(fulfils(starts_of_hours(span, ROME), hour) for span in spans) == 1
    for unit, dates in FIRST_DATES.items():
        for first in dates:
            assert sum(fulfils(first_dates(span, ROME, unit), midnight(first)) for span in spans) == 1, unit


@given(MOMENTS)
def test_a_period_is_in_a_span_if_it_ends_after_its_begin_and_by_its_end(cut: datetime) -> None:
    since, until = Datetimes(datetime_from=cut), Datetimes(datetime_to=cut)
    for hour in HOURS:
        is_over = hour + timedelta(hours=1) <= cut
        assert fulfils(starts_of_hours(until, ROME), hour) is is_over
        assert fulfils(starts_of_hours(since, ROME), hour) is not is_over
    for unit, dates in FIRST_DATES.items():
        for first, following in pairwise(dates):
            is_over = datetime.combine(following, time(), ROME) <= cut
            assert fulfils(first_dates(until, ROME, unit), midnight(first)) is is_over
            assert fulfils(first_dates(since, ROME, unit), midnight(first)) is not is_over


def test_a_time_without_an_offset_is_local() -> None:
    span = Datetimes(datetime_from=datetime(2023, 3, 26), datetime_to=datetime(2023, 3, 27))
    hours = [hour for hour in HOURS if fulfils(starts_of_hours(span, ROME), hour)]
    # Clocks go forward on this day.
    assert (hours[0], hours[-1], len(hours)) == (
        datetime(2023, 3, 25, 23, tzinfo=UTC),
        datetime(2023, 3, 26, 21, tzinfo=UTC),
        23,
    )


@pytest.mark.parametrize(
    ("unit", "dates", "expected"),
    [
        ("day", {"date_from": "2023-03-25", "date_to": "2023-03-26"}, [date(2023, 3, 25), date(2023, 3, 26)]),
        ("month", {"date_from": "2023-03-02", "date_to": "2023-05-01"}, [date(2023, 4, 1), date(2023, 5, 1)]),
        ("year", {"date_to": "2022-01-01"}, [date(2022, 1, 1)]),
        ("year", {}, FIRST_DATES["year"]),
    ],
)
def test_by_dates_periods_are_asked_for_by_the_day_on_which_they_begin_both_included(
    unit: Unit, dates: dict[str, str], expected: list[date]
) -> None:
    condition = first_dates(Dates.model_validate(dates), ROME, unit)
    assert [first for first in FIRST_DATES[unit] if fulfils(condition, midnight(first))] == expected
