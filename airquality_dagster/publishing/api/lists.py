"""Short lists, which are in memory."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.answers import answer, page_of
from airquality_dagster.publishing.api.ids import HIGHEST_ID, NotFound
from airquality_dagster.publishing.api.models import Named
from airquality_dagster.publishing.api.queries import Paging, Sorting

Id = Annotated[int, Path(ge=1, le=HIGHEST_ID, description="Its id.")]


class ListQuery(Paging, Sorting):
    """Which entries of a list are answered."""


def listed(network: Network, entries: Sequence[Named], query: ListQuery, *, is_simulated: bool = False) -> Response:
    """Return a page of a list.

    Args:
        network: whose data they are.
        entries: the list, in order of the ids.
        query: the page.
        is_simulated: whether simulated hours are in what the entries say.
    """
    ordered = entries[::-1] if query.is_descending else entries
    return answer(network, page_of(ordered, query), query, len(entries), is_simulated=is_simulated and bool(entries))


def one_of(
    network: Network, entries: Sequence[Named], number: int, kind: str, kinds: str, *, is_simulated: bool = False
) -> Response:
    """Return the entry with an id.

    Args:
        network: whose data they are.
        entries: the list.
        number: the id.
        kind, kinds: name of an entry, and of the list.
        is_simulated: whether simulated hours are in what the entries say.

    Raises:
        NotFound: there is none.
    """
    asked = [entry for entry in entries if entry["id"] == number]
    if not asked:
        raise NotFound(f"No {kind} has the id {number}: /v3/{kinds} lists all {kinds}.")
    return answer(network, asked, ListQuery(), 1, is_simulated=is_simulated)
