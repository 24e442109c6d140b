"""``/v3/x/comparisons``: stations that are compared in pairs."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_type_hints

from fastapi import APIRouter, Path, Query
from pydantic import Field
from pydantic.alias_generators import to_camel
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.pairs import NAME_PATTERN, Pair
from airquality_dagster.network.pollutants import SIMULATED
from airquality_dagster.publishing.api.answers import answer, moment, page_of
from airquality_dagster.publishing.api.ids import Catalogue, NotFound
from airquality_dagster.publishing.api.models import Answer, Moment, Named, ParameterDocument
from airquality_dagster.publishing.api.parameters import PARAMETER_BY_FIELD
from airquality_dagster.publishing.api.queries import Paging
from airquality_dagster.publishing.api.stored import Document, page_of_documents
from airquality_dagster.readings.comparison import VERSION
from airquality_dagster.readings.comparison_documents import StatedRow

# What is stored besides is for the platform; points of a relation are for a chart.
_DETAILS = sorted(get_type_hints(StatedRow).keys() - {"pollutant", "period", "part", "from", "to", "version"})
_POINTS = "points"

PairName = Annotated[str, Path(pattern=NAME_PATTERN, max_length=60, description="Name of a pair.")]


class ComparedPair(TypedDict):
    """Two stations that are compared, and the question that is to be answered. A difference is second minus first."""

    name: str
    question: str
    questionFr: str
    first: Named
    second: Named


class ComparedPart(TypedDict):
    """The comparison of a parameter in a part of the time.

    ``details`` has the fields of docs/comparison.md: of all hours also what may be said (``validStatement``), or why
    nothing (``withheld``).
    """

    parameter: ParameterDocument
    period: str
    part: str
    datetimeFrom: Moment | None
    datetimeTo: Moment | None
    details: dict[str, Any]
    simulated: bool


class PartsQuery(Paging):
    """Which parts of the time are answered."""

    period: Literal["all", "hour", "day_kind", "humidity", "dust", "season", "month"] = Field(
        default="all", description="`all`: all hours together. Others: its parts, where something can be said."
    )


def comparisons_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of comparisons.

    Args:
        catalogue: the network's stations.
        database: of the network.
    """
    router = APIRouter(prefix="/x/comparisons", tags=["additions"])
    network = catalogue.network

    @router.get("", summary="Pairs of stations that are compared", response_model=Answer[ComparedPair])
    def comparisons(query: Annotated[Paging, Query()]) -> Response:
        """Pairs of stations, in the order of the stations file."""
        rows = [_pair(catalogue, pair) for pair in page_of(network.pairs, query)]
        return answer(network, rows, query, len(network.pairs))

    @router.get("/{pair}", summary="How two stations differ", response_model=Answer[ComparedPart])
    def comparison(pair: PairName, query: Annotated[PartsQuery, Query()]) -> Response:
        """How the stations of a pair differ, by parameter and part of the time."""
        compared = next((one for one in network.pairs if one.name == pair), None)
        if compared is None:
            raise NotFound(f"No pair has the name {pair}: /v3/x/comparisons lists all pairs.")
        # Rows of another version have other fields; the next night replaces them.
        wanted = {"_id.period": query.period, "version": VERSION}
        collection = database[network.comparison_asset(compared)]
        documents, found = page_of_documents(collection, wanted, [*_DETAILS, "from", "to", SIMULATED], query)
        rows = [_part(catalogue, document) for document in documents]
        return answer(network, rows, query, found, is_simulated=any(row["simulated"] for row in rows))

    return router


def _pair(catalogue: Catalogue, pair: Pair) -> ComparedPair:
    first, second = map(catalogue.network.station, (pair.first, pair.second))
    return {
        "name": pair.name,
        "question": pair.question,
        "questionFr": pair.question_fr,
        "first": {"id": catalogue.location_id(first), "name": first.name},
        "second": {"id": catalogue.location_id(second), "name": second.name},
    }


def _part(catalogue: Catalogue, document: Document) -> ComparedPart:
    zone = catalogue.network.time_zone

    def shown(value: Any) -> Any:
        if isinstance(value, datetime):
            return moment(value, zone)
        if isinstance(value, list):
            return [shown(one) for one in value]
        if isinstance(value, dict):
            return {to_camel(name): shown(one) for name, one in value.items() if name != _POINTS}
        return value

    key = document["_id"]
    return {
        "parameter": PARAMETER_BY_FIELD[key["pollutant"]].document,
        "period": key["period"],
        "part": key["part"],
        "datetimeFrom": shown(document.get("from")),
        "datetimeTo": shown(document.get("to")),
        "details": shown({name: document[name] for name in _DETAILS if name in document}),
        "simulated": document.get(SIMULATED) is True,
    }
