"""Which answers look as if the API limited their rows."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from airquality_dagster.checks.cut_off import AskedPeriod, cut_off

JANUARY, FEBRUARY, MARCH, APRIL = (datetime(2023, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4))
NOW = datetime(2023, 6, 1, 0, 5, tzinfo=UTC)


def hours(start: datetime, end: datetime) -> list[datetime]:
    return [start + timedelta(hours=number) for number in range((end - start) // timedelta(hours=1))]


def asked(start: datetime, end: datetime, answered: list[datetime]) -> AskedPeriod:
    return AskedPeriod(start, end, len(answered), set(answered))


def texts(*periods: AskedPeriod, stored=(), now=NOW) -> list[str]:
    return [finding.text for finding in cut_off(periods, set(stored), now)]


def test_complete_months_and_months_with_gaps_inside_are_not_suspect():
    january, february = hours(JANUARY, FEBRUARY), hours(FEBRUARY, MARCH)
    assert texts(asked(JANUARY, FEBRUARY, january), asked(FEBRUARY, MARCH, february[:100] + february[400:])) == []
    assert texts(asked(JANUARY, FEBRUARY, [])) == []


@pytest.mark.parametrize("side", ["first", "last"])
def test_several_answers_with_the_same_number_of_rows_that_stop_short_are_suspect(side):
    def capped(start, end):
        given = hours(start, end)
        del given[200:217]
        return asked(start, end, given[-613:] if side == "first" else given[:613])

    (text,) = texts(capped(JANUARY, FEBRUARY), capped(FEBRUARY, MARCH), capped(MARCH, APRIL))
    assert f"3 periods lack the {side} hours: 2023-01 (613 rows, 114 h absent), 2023-02 (613 rows, 42 h absent)" in text
    assert "ask its operator" in text


def test_a_month_that_stops_short_of_a_stored_hour_is_suspect():
    alone = asked(JANUARY, FEBRUARY, hours(JANUARY, FEBRUARY)[:733])
    (text,) = texts(alone, stored=[FEBRUARY])
    assert "1 period lack the last hours: 2023-01 (733 rows, 11 h absent)" in text
    assert texts(alone) == []
    begins_late = asked(FEBRUARY, MARCH, hours(FEBRUARY, MARCH)[20:])
    assert (
        "first hours: 2023-02 (652 rows, 20 h absent)" in texts(begins_late, stored=[FEBRUARY - timedelta(hours=1)])[0]
    )
    # An outage that ends with the month by chance is short more often than long.
    assert texts(asked(FEBRUARY, MARCH, hours(FEBRUARY, MARCH)[3:]), stored=[FEBRUARY - timedelta(hours=1)]) == []


@pytest.mark.parametrize(
    ("rows", "is_suspect"), [(500, True), (512, True), (720, False), (700, True), (501, False), (50, False)]
)
def test_one_block_of_a_round_number_of_rows_is_suspect(rows, is_suspect):
    assert bool(texts(asked(JANUARY, FEBRUARY, hours(JANUARY, FEBRUARY)[:rows]))) is is_suspect


def test_a_station_that_was_put_up_or_fell_silent_in_the_month_is_not_suspect():
    january = hours(JANUARY, FEBRUARY)
    assert texts(asked(JANUARY, FEBRUARY, january[301:]), asked(FEBRUARY, MARCH, hours(FEBRUARY, MARCH))) == []
    assert texts(asked(JANUARY, FEBRUARY, january), asked(FEBRUARY, MARCH, hours(FEBRUARY, MARCH)[:301])) == []


def test_hours_that_cannot_have_been_published_yet_are_not_absent():
    now = datetime(2023, 1, 20, 12, 5, tzinfo=UTC)
    assert texts(asked(JANUARY, FEBRUARY, hours(JANUARY, now)[:-4]), now=now) == []
    assert "lack the last" in texts(asked(JANUARY, FEBRUARY, hours(JANUARY, now)[:300]), now=now)[0]


def test_a_month_that_begins_at_half_past_is_complete_from_its_first_full_hour_on():
    start, end = (datetime(2023, month, 1, tzinfo=ZoneInfo("Asia/Kolkata")) for month in (1, 2))
    full = hours(datetime(2022, 12, 31, 19, tzinfo=UTC), datetime(2023, 1, 31, 19, tzinfo=UTC))
    around = [full[0] - timedelta(hours=1), full[-1] + timedelta(hours=1)]
    assert texts(asked(start, end, full), stored=around) == []
    assert "7 h absent" in texts(asked(start, end, full[:-7]), stored=around)[0]
