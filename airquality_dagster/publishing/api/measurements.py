"""Values of a sensor as OpenAQ's clients read them: of an hour, or of a longer period."""

from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.publishing.api.models import (
    Coordinates,
    Coverage,
    Moment,
    ParameterDocument,
    Period,
    Summary,
)

X = TypeVar("X")


class FlagInfo(TypedDict):
    """Whether quality control says anything of the value: it may be valid all the same."""

    hasFlags: bool


class Measurement(TypedDict, Generic[X]):
    """A value of a sensor. Additions to OpenAQ's fields are in ``x``."""

    value: float | None
    flagInfo: FlagInfo
    parameter: ParameterDocument
    period: Period
    coordinates: Coordinates | None
    summary: Summary | None
    coverage: Coverage
    x: X


class HourExtras(TypedDict):
    """What is known of an hour: docs/data.md has levels and flags.

    ``level`` is null, and the hour not valid, until quality control has judged it.
    """

    valid: bool
    level: int | None
    flags: list[str]
    provisional: bool
    simulated: bool


class PeriodExtras(TypedDict):
    """What is known of a day, month or year: docs/data.md.

    ``valid`` says whether ``value`` is the valid mean; ``invalid`` has flag → hours that it made invalid where there is
    none; ``crossSensitive`` says whether the channel mirrors another gas.
    """

    valid: bool
    validMean: float | None
    publishedMean: float | None
    validHours: int
    invalid: dict[str, int] | None
    crossSensitive: bool
    simulated: bool


Hour = Measurement[HourExtras]
Aggregate = Measurement[PeriodExtras]
"""A value of a day, month or year."""


def moments(instants: np.ndarray, zone: ZoneInfo) -> list[Moment]:
    """Return moments in UTC and local time: a thousand at once take a tenth of the time of one after the other.

    Args:
        instants: datetime64, UTC.
        zone: the network's time zone.

    >>> moments(np.array(["2023-01-01"], "datetime64[s]"), ZoneInfo("Africa/Lagos"))
    [{'utc': '2023-01-01T00:00:00Z', 'local': '2023-01-01T01:00:00+01:00'}]
    """
    utc = instants.astype("datetime64[s]")
    local = pd.DatetimeIndex(utc, tz="UTC").tz_convert(zone).tz_localize(None).to_numpy("datetime64[s]")
    offsets = (local - utc).astype("int64")
    texts = {seconds: _offset(seconds) for seconds in set(offsets.tolist())}
    return [
        {"utc": f"{one}Z", "local": f"{there}{texts[seconds]}"}
        for one, there, seconds in zip(
            np.datetime_as_string(utc).tolist(), np.datetime_as_string(local).tolist(), offsets.tolist(), strict=True
        )
    ]


def _offset(seconds: int) -> str:
    sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def duration(hours: int) -> str:
    """Return hours as OpenAQ writes durations.

    >>> duration(744)
    '744:00:00'
    """
    return f"{hours:02d}:00:00"
