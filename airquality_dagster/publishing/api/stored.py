"""Pages of stored documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import CodecOptions
from pymongo.collection import Collection
from pymongo.database import Database

from airquality_dagster.network.pollutants import SIMULATED
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.api.queries import Paging

Document = dict[str, Any]


def collection_of(database: Database[Document], name: str) -> Collection[Document]:
    """Return a collection whose dates are read without a time zone, in UTC: that takes half the time.

    Args:
        database: of the network.
        name: of the collection.
    """
    return database.get_collection(name, CodecOptions())


def page_of_documents(
    collection: Collection[Document], query: Mapping[str, Any], fields: Sequence[str], paging: Paging
) -> tuple[list[Document], int | None]:
    """Read the documents of a page, in the order of their keys.

    In ascending order of time, what is stored meanwhile comes after the pages that were read before.

    Args:
        collection: to read.
        query: a filter that the documents satisfy.
        fields: to read, beside ``_id``.
        paging: the page.

    Returns:
        the documents, and how many there are on all pages; None where that would have to be counted.
    """
    # One more tells whether this is the last page.
    found = list(
        collection.find(
            query, dict.fromkeys(fields, True), sort=[("_id", 1)], skip=paging.offset, limit=paging.limit + 1
        )
    )
    if not found and paging.page > 1:
        return [], collection.count_documents(query)
    is_last = 0 < len(found) <= paging.limit
    return found[: paging.limit], paging.offset + len(found) if is_last else None


def are_simulated(database: Database[Document], station: Station, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether values of a sensor are simulated; of an empty page, whether the station's newest hour is.

    Args:
        database: of the network.
        station: whose values they are.
        rows: the values of the page.
    """
    if rows:
        return any(row["x"]["simulated"] for row in rows)
    newest = collection_of(database, station.raw_asset).find_one({}, {SIMULATED: True}, sort=[("_id", -1)])
    return newest is not None and newest.get(SIMULATED) is True
