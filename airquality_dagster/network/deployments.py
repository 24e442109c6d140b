"""Deployments of a station: where it stood since when, and which device measured."""

import difflib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from airquality_dagster.network.siting import Period, whole_hours

Kind = Literal["street", "background", "industrial", "rural", "colocation", "indoor", "unknown"]
_NOT_THE_AIR_OF_THE_PLACE = frozenset({"colocation", "indoor", "unknown"})

# A free attribute may have any other name: these are taken for misspelt ones.
_OTHER_WORDS = {
    "lat": "latitude",
    "lon": "longitude",
    "lng": "longitude",
    "since": "from",
    "start": "from",
    "start_date": "from",
    "until": "to",
    "till": "to",
    "end": "to",
    "end_date": "to",
    "removed": "to",
    "type": "kind",
    "site_kind": "kind",
    "kind_of_place": "kind",
    "indoor": "kind",
    "outdoor": "kind",
}
_NOT_MISSPELT = frozenset({"altitude"})
_LEAST_LIKENESS = 0.8
FIRST_YEAR, LAST_YEAR = 1970, 2261
"""Before AirQino and after pandas' nanoseconds: a date out of this is a slip of the pen."""


class Deployment(BaseModel):
    """A period in which one device measured at one place.

    Further attributes are free: single values, as ``height_m: 2.5`` or ``road_class: residential``.

    Args:
        start: ``from`` in the stations file: local date, or date and time.
        end: ``to`` in the stations file, excluded; None: until the next deployment.
        airqino_id: the device's number in the AirQino API; None: that of the station.
        place: where it stood, for people.
        kind: of the place. Street, background, industrial and rural are the outdoor air of that place; colocation
            (beside another instrument, or at the maker's), indoor and unknown are not. None: outdoor, of no known kind.
        surface: of the ground or road, as ``paved``.
        latitude, longitude: degrees, WGS 84; None if unknown.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    start: datetime = Field(alias="from")
    end: datetime | None = Field(default=None, alias="to")
    airqino_id: int | None = Field(default=None, gt=0)
    place: str = ""
    kind: Kind | None = None
    surface: str = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)

    @model_validator(mode="before")
    @classmethod
    def _free_attributes_are_not_misspelt(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, value in values.items():
                _check_attribute(name, value)
        return values

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
            raise ValueError("is a local date or time, as 2023-05-06 or 2023-05-06 14:00: without an offset")
        if value is not None and not FIRST_YEAR < value.year < LAST_YEAR:
            raise ValueError(f"the year {value.year} cannot be: leave 'to' out while a deployment goes on")
        return value

    @model_validator(mode="after")
    def _is_a_period_at_a_position(self) -> "Deployment":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"deployment from {self.start:%Y-%m-%d}: 'to' must be later than 'from'")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError(f"deployment from {self.start:%Y-%m-%d}: give both latitude and longitude, or neither")
        return self

    @property
    def is_outdoor(self) -> bool:
        """Whether it measured the outdoor air of its place."""
        return self.kind not in _NOT_THE_AIR_OF_THE_PLACE

    @property
    def position(self) -> tuple[float, float] | None:
        """Latitude and longitude, None if unknown."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)

    @property
    def attributes(self) -> dict[str, Any]:
        """The free attributes."""
        return dict(self.model_extra or {})


def _check_attribute(name: object, value: object) -> None:
    """Raise if a free attribute of a deployment is a misspelt one that means something, or not a single value."""
    known = {field.alias or own: own for own, field in Deployment.model_fields.items()}
    if name in known or name in known.values():
        return
    if not isinstance(name, str) or isinstance(value, dict | list | set):
        raise ValueError(f"deployment: {name} must be a text with a single value")
    plain = name.lower().replace("-", "_")
    alike = (
        [_OTHER_WORDS[plain]] if plain in _OTHER_WORDS else difflib.get_close_matches(plain, known, 1, _LEAST_LIKENESS)
    )
    if alike and plain not in _NOT_MISSPELT:
        raise ValueError(f"deployment: did you mean {alike[0]!r} by {name!r}?")


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


def local_periods(
    deployments: Sequence[Deployment], zone: ZoneInfo
) -> list[tuple[Deployment, datetime, datetime | None]]:
    """Return each deployment with its start and end (UTC; excluded, None while it goes on).

    Args:
        deployments: deployments of a station, in order of time.
        zone: the network's time zone.
    """
    periods = []
    for number, deployment in enumerate(deployments):
        following = deployments[number + 1].start if number + 1 < len(deployments) else None
        end = deployment.end or following
        periods.append((deployment, _utc(deployment.start, zone), None if end is None else _utc(end, zone)))
    return periods


def outdoor_periods(deployments: Sequence[Deployment], zone: ZoneInfo) -> tuple[Period, ...]:
    """Return the whole hours (UTC) in which a station measured the outdoor air of its place.

    Args:
        deployments: deployments of a station, in order of time.
        zone: the network's time zone.
    """
    return whole_hours((start, end) for one, start, end in local_periods(deployments, zone) if one.is_outdoor)


def deployment_at(deployments: Sequence[Deployment], moment: datetime, zone: ZoneInfo) -> Deployment | None:
    """Return the deployment of a moment, None if the station was not deployed.

    Args:
        deployments: deployments of a station, in order of time.
        moment: tz-aware.
        zone: the network's time zone.
    """
    for deployment, start, end in local_periods(deployments, zone):
        if start <= moment and (end is None or moment < end):
            return deployment
    return None


def device_periods(
    deployments: Sequence[Deployment], airqino_id: int, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[int, datetime, datetime]]:
    """Yield the devices of a period, each with its part of the period, in order of time.

    A device measures until its deployment ends. Then it is that of the next deployment; after the last one that has an
    end, it is the station's. Deployments of one device in a row are one part: the API is asked once.

    Args:
        deployments: deployments of a station, in order of time.
        airqino_id: the station's device.
        start, end: the period, tz-aware.
        zone: the network's time zone.
    """
    ends = [(one.airqino_id or airqino_id, until) for one, _, until in local_periods(deployments, zone)]
    begin = start
    for device, parts in groupby([*ends, (airqino_id, None)], key=itemgetter(0)):
        *_, (_, last) = parts
        until = end if last is None else min(end, last)
        if begin < until:
            yield device, begin, until
            begin = until


def _utc(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone).astimezone(UTC)
