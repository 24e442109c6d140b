"""Pydantic models, dataclasses and TypedDicts as outputs and inputs."""

import dataclasses
import datetime
import decimal
import enum
import ipaddress
import uuid
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import pandas as pd
import pydantic
import pytest
from dagster_mongodb import UnreadableError, UnstorableError
from typing_extensions import NotRequired, TypedDict

from dagster_mongodb_tests.tables import materialize, read_directly, write_directly

MOMENT = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone.utc)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(pydantic.BaseModel):
    city: str
    at: tuple[float, float] | None = None


class Reading(pydantic.BaseModel):
    id: int
    when: datetime.datetime
    day: datetime.date
    at: datetime.time
    lasted: datetime.timedelta
    color: Color
    price: decimal.Decimal
    unique: uuid.UUID
    place: Place
    path: Path
    address: ipaddress.IPv4Address
    page: pydantic.HttpUrl
    tags: set[str]
    raw: bytes
    note: str | None = None
    counts: dict[str, int] = {}
    camel_case: int = pydantic.Field(default=0, alias="camelCase")

    @pydantic.computed_field
    @property
    def doubled(self) -> int:
        return self.id * 2


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    color: Color = Color.RED
    inner: Place | None = None


@dataclasses.dataclass
class Line:
    id: int
    points: list[Point]
    until: datetime.date | None = None


class Address(TypedDict):
    city: str
    zip: NotRequired[Annotated[int, pydantic.Field(gt=0)]]


class Person(TypedDict, total=False):
    name: str
    address: Address | None


READING = Reading(
    id=1,
    when=MOMENT,
    day=datetime.date(2024, 2, 29),
    at=datetime.time(12, 30),
    lasted=datetime.timedelta(milliseconds=1, microseconds=5),
    color=Color.BLUE,
    price=decimal.Decimal("1.10"),
    unique=uuid.UUID(int=5),
    place=Place(city="Oslo", at=(1.5, 2.5)),
    path=Path("a/b"),
    address=ipaddress.IPv4Address("10.0.0.1"),
    page=pydantic.HttpUrl("https://example.org/"),
    tags={"b", "a"},
    raw=b"\0x",
    counts={"a.b": 1},
    camelCase=7,
)
LINE = Line(2, [Point(1.5), Point(2.5, Color.BLUE, Place(city="Rome"))], datetime.date(2024, 1, 1))


@pytest.mark.parametrize(
    ("content", "annotation"),
    [
        (READING, Reading),
        ([READING, READING.model_copy(update={"id": 2})], list[Reading]),
        (LINE, Line),
        ([LINE], list[Line]),
        ({"name": "a", "address": {"city": "Oslo", "zip": 5}}, Person),
        ([{"name": "a"}, {"address": {"city": "Oslo"}}, {"address": None}], list[Person]),
    ],
)
def test_models_come_back_as_they_were(io_manager, content, annotation):
    write_directly(io_manager, content)
    assert read_directly(io_manager, annotation) == content


def test_a_model_is_a_document_of_its_fields(io_manager, database):
    write_directly(io_manager, [READING], primary_key="id")
    stored = database["table"].find_one({"_id": 1})
    assert stored is not None
    assert {name: stored[name] for name in ("color", "day", "lasted", "tags", "camel_case", "place", "note")} == {
        "color": "blue",
        "day": datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
        "lasted": "PT0.001005S",
        "tags": ["a", "b"],
        "camel_case": 7,
        "place": {"city": "Oslo", "at": [1.5, 2.5]},
        "note": None,
    }
    assert "doubled" not in stored
    assert read_directly(io_manager, pd.DataFrame, primary_key="id")["camel_case"].tolist() == [7]


def test_documents_of_another_program_may_use_aliases(io_manager, database):
    write_directly(io_manager, [READING], primary_key="id")
    database["table"].update_one({}, {"$rename": {"camel_case": "camelCase"}})
    assert read_directly(io_manager, list[Reading], primary_key="id") == [READING]


def test_a_document_that_does_not_fit_its_model_is_named_by_key_and_field(io_manager, database):
    write_directly(io_manager, [READING], primary_key="id")
    database["table"].update_one({}, {"$set": {"place.city": 5, "secret": "hidden"}})
    with pytest.raises(UnreadableError, match=r"document id=1 is not a Reading: place.city: .* valid string") as raised:
        read_directly(io_manager, list[Reading], primary_key="id")
    assert "hidden" not in str(raised.value)
    database["table"].update_one({}, {"$set": {"address": 5}})
    with pytest.raises(UnreadableError, match="document id=1 is not a Person"):
        read_directly(io_manager, list[Person], primary_key="id")


def test_fields_of_a_subclass_are_kept(io_manager, database):
    class House(Place):
        floors: int

    class Street(pydantic.BaseModel):
        houses: list[Place]

    write_directly(io_manager, Street(houses=[House(city="Oslo", floors=3)]))
    assert database["table"].find_one()["houses"] == [{"city": "Oslo", "at": None, "floors": 3}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([Place.model_construct(city=5)], "row 0 could not be read back as Place: city: .* valid string"),
        (Point("far"), "row 0 could not be read back as Point: x: .* valid number"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_model_that_could_not_be_read_back_is_refused(io_manager, database, content, message):
    with pytest.raises(UnstorableError, match=message):
        write_directly(io_manager, content)
    assert database.list_collection_names() == []


@pytest.mark.parametrize("secret", [pydantic.SecretStr("word"), object()])
def test_what_could_not_be_read_back_is_refused(io_manager, secret):
    @dataclasses.dataclass
    class Login:
        password: Any

    with pytest.raises(UnstorableError, match="row 0: BSON has no type for"):
        write_directly(io_manager, Login(secret))


def test_models_flow_through_dagster(io_manager):
    received: list[Any] = []

    @dg.asset(metadata={"primary_key": "id"})
    def readings() -> list[Reading]:
        return [READING]

    @dg.asset
    def line() -> Line:
        return LINE

    @dg.asset
    def reader(readings: list[Reading], line: Line) -> None:
        received.extend([readings, line])

    materialize(io_manager, [readings, line, reader])
    assert received == [[READING], LINE]


def test_typed_dicts_flow_through_dagster_once_it_knows_how_to_check_them(io_manager):
    dg.make_python_type_usable_as_dagster_type(
        Person, dg.DagsterType(lambda _, value: isinstance(value, dict), "Person", typing_type=Person)
    )
    received: list[Any] = []

    @dg.asset
    def people() -> list[Person]:
        return [{"name": "a"}]

    @dg.asset
    def reader(people: list[Person]) -> None:
        received.extend(people)

    materialize(io_manager, [people, reader])
    assert received == [{"name": "a"}]
