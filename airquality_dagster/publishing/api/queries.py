"""Parameters of requests. A request with an impossible value is refused, and the answer names the parameter.

Each class is a group of parameters; a request's parameters are a class that inherits the groups it has.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from airquality_dagster.network.distance import kilometres
from airquality_dagster.publishing.api.ids import HIGHEST_ID

LAST_PAGE = 1_000_000
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST_RADIUS = 25_000

LocationId = Annotated[int, Path(ge=1, le=HIGHEST_ID, description="Id of a location.")]
SensorId = Annotated[int, Path(ge=1, le=HIGHEST_ID, description="Id of a sensor.")]
ParameterId = Annotated[int, Path(ge=1, le=HIGHEST_ID, description="Id of a parameter.")]


class Paging(BaseModel):
    """Which results of a list are answered."""

    model_config = ConfigDict(frozen=True)

    page: int = Field(default=1, ge=1, le=LAST_PAGE, description="Number of the page; the first is 1.")
    limit: int = Field(default=100, ge=1, le=1000, description="Most results of a page.")

    @property
    def offset(self) -> int:
        """Results on the pages before."""
        return (self.page - 1) * self.limit


class Sorting(BaseModel):
    """In which order results are."""

    order_by: Literal["id"] = Field(default="id", description="What results are ordered by.")
    sort_order: Literal["asc", "desc", "ASC", "DESC"] = Field(default="asc", description="Ascending or descending.")

    @property
    def is_descending(self) -> bool:
        """Whether the highest is first."""
        return self.sort_order.lower() == "desc"


class Values(BaseModel):
    """Which values are answered."""

    values: Literal["valid", "published"] = Field(
        default="valid",
        description="`valid`: those that passed quality control. `published`: all that the source published, each "
        "with its flags.",
    )

    @property
    def only_valid(self) -> bool:
        """Whether only valid values are answered."""
        return self.values == "valid"


def _no_number(value: object) -> object:
    # pydantic takes a number for seconds since 1970.
    if isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise PydanticCustomError("iso_8601", "Input should be a date or time in ISO 8601, as 2023-05-06T14:00:00Z")
    return value


def _bounded_datetime(value: datetime) -> datetime:
    """Return the moment, or the nearest one of which one can compute the local time."""
    return min(max(value, _EARLIEST.replace(tzinfo=value.tzinfo)), _LATEST.replace(tzinfo=value.tzinfo))


def _bounded_date(value: date) -> date:
    return min(max(value, _EARLIEST.date()), _LATEST.date())


def _utc(value: datetime | None, zone: ZoneInfo) -> datetime | None:
    if value is None:
        return None
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


_Moment = Annotated[datetime, BeforeValidator(_no_number), AfterValidator(_bounded_datetime)]
_Date = Annotated[date, BeforeValidator(_no_number), AfterValidator(_bounded_date)]


class Datetimes(BaseModel):
    """From when to when. A time without an offset is local time of the network."""

    datetime_from: _Moment | None = Field(
        default=None, description="ISO 8601; without an offset it is local time. Periods that end after it."
    )
    datetime_to: _Moment | None = Field(
        default=None, description="ISO 8601; without an offset it is local time. Periods that end by then."
    )

    @model_validator(mode="after")
    def _are_in_order(self) -> "Datetimes":
        first, last = self.datetime_from, self.datetime_to
        if first and last and (first.tzinfo is None) == (last.tzinfo is None) and last < first:
            raise PydanticCustomError("order", "datetime_to must not be before datetime_from")
        return self

    def period(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Return both in UTC, None if not given.

        Args:
            zone: the network's time zone.
        """
        return _utc(self.datetime_from, zone), _utc(self.datetime_to, zone)


class DatetimeMin(BaseModel):
    """Since when."""

    datetime_min: _Moment | None = Field(
        default=None, description="ISO 8601; without an offset it is local time. Hours that end after it."
    )

    def since(self, zone: ZoneInfo) -> datetime | None:
        """Return it in UTC, None if not given.

        Args:
            zone: the network's time zone.
        """
        return _utc(self.datetime_min, zone)


class Dates(BaseModel):
    """From which local date to which, both included."""

    date_from: _Date | None = Field(default=None, description="First local date, ISO 8601.")
    date_to: _Date | None = Field(default=None, description="Last local date, ISO 8601, included.")

    @model_validator(mode="after")
    def _are_in_order(self) -> "Dates":
        if self.date_from and self.date_to and self.date_to < self.date_from:
            raise PydanticCustomError("order", "date_to must not be before date_from")
        return self


def _comma_separated(values: Any) -> Any:
    # OpenAQ's clients send 1,2; other programs repeat the parameter.
    if isinstance(values, list):
        return [part.strip() for value in values for part in str(value).split(",")]
    return values


IdList = Annotated[list[Annotated[int, Field(ge=1, le=HIGHEST_ID)]], BeforeValidator(_comma_separated)]
"""Ids, comma-separated or repeated; empty: all."""


class Countries(BaseModel):
    """In which country."""

    iso: str | None = Field(
        default=None,
        pattern="^[A-Za-z]{2}$",
        description="ISO 3166-1 alpha-2 code; not with countries_id.",
    )
    countries_id: IdList = Field(default=[], description="Ids of countries.")

    @model_validator(mode="after")
    def _either_code_or_id(self) -> "Countries":
        if self.iso is not None and self.countries_id:
            raise PydanticCustomError("both", "Give either iso or countries_id, not both")
        return self


_NUMBER = r"-?[0-9]{1,3}(\.[0-9]{1,15})?(e-[0-9]{1,2})?"
_X, _Y = ("longitude", 180.0), ("latitude", 90.0)


def _pattern(numbers: int) -> str:
    return f"^{','.join([_NUMBER] * numbers)}$"


def _degrees(text: str, *axes: tuple[str, float]) -> tuple[float, ...]:
    """Return comma-separated degrees.

    Raises:
        PydanticCustomError: the text is something else, or a number is out of range.
    """
    if not re.fullmatch(_pattern(len(axes)), text):
        names = ",".join(name for name, _ in axes)
        raise PydanticCustomError("degrees", "Input should be degrees: {names}", {"names": names})
    numbers = tuple(map(float, text.split(",")))
    for number, (name, highest) in zip(numbers, axes, strict=True):
        if not -highest <= number <= highest:
            raise PydanticCustomError(
                "degrees", "A {name} is between -{highest} and {highest}", {"name": name, "highest": int(highest)}
            )
    return numbers


class Places(BaseModel):
    """In which area: a box, or a circle."""

    bbox: str | None = Field(
        default=None,
        description="West, south, east and north edge of a box, in degrees (WGS 84); not with coordinates.",
        examples=["-4.1,5.2,-3.9,5.5"],
        json_schema_extra={"pattern": _pattern(4)},
    )
    coordinates: str | None = Field(
        default=None,
        description="Latitude and longitude of the centre of a circle, in degrees (WGS 84); with radius.",
        json_schema_extra={"pattern": _pattern(2)},
    )
    radius: int | None = Field(
        default=None, ge=1, le=_LONGEST_RADIUS, description="Radius of the circle in metres; with coordinates."
    )

    @field_validator("bbox")
    @classmethod
    def _is_a_box(cls, text: str | None) -> str | None:
        if text is not None:
            west, south, east, north = _degrees(text, _X, _Y, _X, _Y)
            if west > east or south > north:
                raise PydanticCustomError("box", "The order is west, south, east, north")
        return text

    @field_validator("coordinates")
    @classmethod
    def _is_a_point(cls, text: str | None) -> str | None:
        if text is not None:
            _degrees(text, _Y, _X)
        return text

    @model_validator(mode="after")
    def _is_one_area(self) -> "Places":
        if (self.coordinates is None) != (self.radius is None):
            raise PydanticCustomError("circle", "Give coordinates and radius together")
        if self.bbox is not None and self.coordinates is not None:
            raise PydanticCustomError("both", "Give either bbox or coordinates and radius, not both")
        return self

    def distance(self, position: tuple[float, float] | None) -> float | None:
        """Return the distance (m) of a place from the centre of the circle; None without a circle or a position.

        Args:
            position: latitude and longitude.
        """
        if self.coordinates is None or position is None:
            return None
        latitude, longitude = _degrees(self.coordinates, _Y, _X)
        return kilometres((latitude, longitude), position) * 1000

    def contains(self, position: tuple[float, float] | None) -> bool:
        """Return whether a place is in the area; a place without a position is in no area.

        Args:
            position: latitude and longitude.
        """
        if self.radius is not None:
            distance = self.distance(position)
            return distance is not None and distance <= self.radius
        if self.bbox is not None:
            west, south, east, north = _degrees(self.bbox, _X, _Y, _X, _Y)
            return position is not None and south <= position[0] <= north and west <= position[1] <= east
        return True
