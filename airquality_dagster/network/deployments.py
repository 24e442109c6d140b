"""Deployments of a station: which device measured, since when."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Deployment(BaseModel):
    """A period in which one device measured at one place.

    Args:
        start: ``from`` in the stations file: local date, or date and time.
        end: ``to`` in the stations file, excluded; None: until the next deployment.
        airqino_id: the device's number in the AirQino API; None: that of the station.
        place: where it stood, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    start: datetime = Field(alias="from")
    end: datetime | None = Field(default=None, alias="to")
    airqino_id: int | None = Field(default=None, gt=0)
    place: str = ""

    @field_validator("start", "end", mode="before")
    @classmethod
    def _date_is_its_midnight(cls, value: Any) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime.combine(value, time())
        return value

    @field_validator("start", "end")
    @classmethod
    def _time_is_local(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is not None:
            raise ValueError("is in the network's time zone: leave the offset out")
        return value

    @model_validator(mode="after")
    def _has_duration(self) -> "Deployment":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"deployment from {self.start:%Y-%m-%d}: 'to' must be later than 'from'")
        return self


def check_order(deployments: Sequence[Deployment]) -> None:
    """Raise if deployments are not in order of time, or overlap.

    Raises:
        ValueError: names the deployment.
    """
    for former, later in pairwise(deployments):
        if later.start <= former.start or (former.end is not None and later.start < former.end):
            raise ValueError(
                f"deployment from {later.start:%Y-%m-%d} begins before the one above it has ended: put them in order "
                "of time"
            )


def device_periods(
    deployments: Sequence[Deployment], airqino_id: int, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[int, datetime, datetime]]:
    """Yield the devices of a period, each with its part of the period, in order of time.

    A device measures until its deployment ends. Then it is that of the next deployment; after the last one that has an
    end, it is the station's.

    Args:
        deployments: deployments of a station, in order of time.
        airqino_id: the station's device.
        start, end: the period, tz-aware.
        zone: the network's time zone.
    """
    begin = start
    for number, deployment in enumerate(deployments):
        following = deployments[number + 1].start if number + 1 < len(deployments) else None
        last = deployment.end or following
        until = end if last is None else min(end, last.replace(tzinfo=zone))
        if begin < until:
            yield deployment.airqino_id or airqino_id, begin, until
            begin = until
    if begin < end:
        yield airqino_id, begin, end
