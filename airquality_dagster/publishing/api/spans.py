"""Which hours, days, months and years a request asks for, as conditions of MongoDB.

A period is in the answer if it ends after ``datetime_from`` and by ``datetime_to``, as in OpenAQ's API: of spans that
follow each other, each period is in one. Days, months and years are also asked for by the local date on which they
begin, both dates included.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from airquality_dagster.publishing.api.queries import Dates, Datetimes

Condition = Mapping[str, Any]
Unit = Literal["day", "month", "year"]

_HOUR = timedelta(hours=1)


def starts_of_hours(asked: Datetimes, zone: ZoneInfo) -> Condition:
    """Return the condition for the starts of hours.

    Args:
        asked: from when to when.
        zone: the network's time zone.
    """
    since, until = asked.period(zone)
    return _condition({"$gt": since and since - _HOUR, "$lte": until and until - _HOUR})


def first_dates(asked: Dates | Datetimes, zone: ZoneInfo, unit: Unit) -> Condition:
    """Return the condition for the first dates (as midnight UTC) of days, months or years.

    Args:
        asked: from when to when.
        zone: the network's time zone.
        unit: of the periods.
    """
    if isinstance(asked, Dates):
        return _condition({"$gte": _midnight(asked.date_from), "$lte": _midnight(asked.date_to)})
    since, until = (moment and _first(moment.astimezone(zone).date(), unit) for moment in asked.period(zone))
    return _condition({"$gte": _midnight(since), "$lt": _midnight(until)})


def _first(day: date, unit: Unit) -> date:
    """Return the first date of the period in which a day is."""
    return day.replace(day=day.day if unit == "day" else 1, month=1 if unit == "year" else day.month)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _condition(bounds: Mapping[str, datetime | None]) -> Condition:
    given = {operator: bound for operator, bound in bounds.items() if bound is not None}
    # Without a bound, any date: a field of another type is none.
    return given or {"$type": "date"}
