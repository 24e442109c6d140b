"""The documents of the API, under OpenAQ's names and with its meanings; fields of ours are in ``x``.

They are dictionaries, which are written as they are; the types make the descriptions in ``/openapi.json``.
"""

from typing import Generic, TypeVar

from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

T = TypeVar("T")


class Meta(TypedDict):
    """What an answer says of itself. ``found`` is a text like ``>100`` where more results were not counted."""

    name: str
    website: str
    page: int
    limit: int
    found: int | str
    simulated: bool
    license: str
    attribution: str
    contact: str | None


class Answer(TypedDict, Generic[T]):
    """Every answer but errors."""

    meta: Meta
    results: list[T]


class Problem(TypedDict):
    """An error: what is wrong, and what to do."""

    detail: str


class InvalidValue(TypedDict):
    """A parameter whose value is not possible."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidRequest(TypedDict):
    """The parameters whose values are not possible."""

    detail: list[InvalidValue]


class Moment(TypedDict):
    """A moment, ISO 8601, in UTC and in the network's time zone."""

    utc: str
    local: str


class Coordinates(TypedDict):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


class Named(TypedDict):
    """A thing with an id and a name."""

    id: int
    name: str


class CountryName(Named):
    """A country; ``code`` is ISO 3166-1 alpha-2."""

    code: str


class ParameterDocument(Named):
    """What is measured, and in which unit."""

    units: str
    displayName: str


class FullParameterDocument(ParameterDocument):
    """The same with a description."""

    description: str


class SensorName(Named):
    """What a location measures."""

    parameter: ParameterDocument


class Period(TypedDict):
    """A period: from, included, to, excluded."""

    label: str
    interval: str
    datetimeFrom: Moment
    datetimeTo: Moment


class Coverage(TypedDict):
    """How many values a period should have, and has."""

    expectedCount: int
    expectedInterval: str
    observedCount: int
    observedInterval: str
    percentComplete: float
    percentCoverage: float
    datetimeFrom: Moment | None
    datetimeTo: Moment | None


class Summary(TypedDict):
    """Distribution of the values of a period, in the parameter's unit."""

    min: float | None
    q02: float | None
    q25: float | None
    median: float | None
    q75: float | None
    q98: float | None
    max: float | None
    avg: float | None
    sd: float | None
