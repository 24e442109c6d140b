"""Which times of a comparison are left out, since when, and which station is blamed."""

from datetime import UTC, datetime, timedelta

import pytest

from airquality_dagster.readings.comparison_left_out import left_out

DAY = datetime(2023, 6, 10, tzinfo=UTC)


def finding(kind: str, station: str | None, *, since: datetime = DAY - timedelta(days=2)) -> dict:
    return {"kind": kind, "field": None, "station": station, "since": since, "size": 3.0}


def day(number: int, *findings: dict) -> dict:
    return {"date": DAY + timedelta(days=number), "findings": list(findings)}


def test_a_repeated_day_is_left_out_alone_and_a_shifted_clock_since_it_is_shifted():
    repeated, shifted = (left_out([day(0, finding(kind, None))], "pm2_5") for kind in ("repeated_day", "time_shift"))
    assert [(time.start, time.end) for time in repeated] == [(DAY, DAY + timedelta(days=1))]
    assert [(time.start, time.end) for time in shifted] == [(DAY - timedelta(days=2), DAY + timedelta(days=1))]


@pytest.mark.parametrize(
    ("blamed", "station"),
    [
        (("second", "second"), "second"),
        (("first", "second"), None),
        ((None, None), None),
    ],
)
def test_a_station_is_blamed_only_where_all_days_blame_it(blamed, station):
    days = [day(number, finding("uncorrelated", one)) for number, one in enumerate(blamed)]
    assert [time.station for time in left_out(days, "pm2_5")] == [station]
