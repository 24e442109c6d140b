"""Numbers of stored documents per period."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from airquality_dagster.storage.counts import count_per_period


@pytest.mark.parametrize("zone", ["America/Havana", "America/Asuncion", "Asia/Amman", "Asia/Kathmandu", "UTC"])
def test_months_are_counted_though_their_first_midnight_is_skipped_or_repeated(database, zone):
    # Havana's clocks repeat the first hour of 2015-11, those of Asuncion skip that of 2017-10, of Amman that of 2016-04.
    months = [datetime(2015 + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone)) for month in range(36)]
    hours = [datetime(2015, 1, 1, tzinfo=UTC) + timedelta(hours=6 * number) for number in range(4 * 365 * 3)]
    database["hours"].insert_many({"_id": hour} for hour in hours)
    expected = [
        sum(first.timestamp() <= hour.timestamp() < end.timestamp() for hour in hours)
        for first, end in pairwise(months)
    ]
    assert count_per_period(database, "hours", months) == expected
    assert min(expected) > 100


def test_a_collection_that_is_not_there_has_no_documents(database):
    moments = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
    assert count_per_period(database, "nothing", moments) == [0, 0]
