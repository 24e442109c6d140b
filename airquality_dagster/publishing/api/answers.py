"""Answers in OpenAQ's form: what the answer is, and the results."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic_core import to_json
from starlette.responses import Response

from airquality_dagster.network.licences import NO_LICENCE
from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.models import Coordinates, InvalidRequest, Meta, Moment, Problem
from airquality_dagster.publishing.api.queries import Paging

SIMULATED_NAME = "SIMULATED DATA"
"""How the name in ``meta`` begins where a result is simulated."""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is nothing with this id."},
    422: {"model": InvalidRequest, "description": "A parameter has an impossible value."},
    429: {"model": Problem, "description": "Too many requests: Retry-After says when to ask again."},
    503: {"model": Problem, "description": "The database cannot be read now: Retry-After says when to ask again."},
}
"""``responses`` of every router: the errors, for OpenAPI."""

T = TypeVar("T")


def answer(
    network: Network, results: Sequence[Any], paging: Paging, found: int | None, *, is_simulated: bool = False
) -> Response:
    """Return results as bytes of JSON.

    Args:
        network: whose data they are.
        results: those of the page: dictionaries of what JSON can hold. NaN becomes null.
        paging: the page that was asked for.
        found: all results there are; None if they were not counted.
        is_simulated: whether any result is, or is made of, simulated readings.
    """
    facts = network.network
    licence = facts.licence_terms
    meta: Meta = {
        "name": f"{SIMULATED_NAME}: {facts.name}" if is_simulated else facts.name,
        "website": "/",
        "page": paging.page,
        "limit": paging.limit,
        "found": _found(paging, len(results)) if found is None else found,
        "simulated": is_simulated,
        "license": licence.name if licence else NO_LICENCE,
        "attribution": facts.credit,
        "contact": facts.contact or None,
    }
    return Response(to_json({"meta": meta, "results": results}, inf_nan_mode="null"), media_type="application/json")


def page_of(items: Sequence[T], paging: Paging) -> Sequence[T]:
    """Return the items of a page."""
    return items[paging.offset : paging.offset + paging.limit]


def moment(instant: datetime, zone: ZoneInfo) -> Moment:
    """Return an instant (tz-aware) in UTC and local time.

    >>> from datetime import UTC
    >>> moment(datetime(2023, 1, 1, tzinfo=UTC), ZoneInfo("Africa/Lagos"))
    {'utc': '2023-01-01T00:00:00Z', 'local': '2023-01-01T01:00:00+01:00'}
    """
    return {
        "utc": f"{instant.astimezone(_UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z",
        "local": instant.astimezone(zone).isoformat(timespec="seconds"),
    }


def coordinates_of(position: tuple[float, float] | None) -> Coordinates | None:
    """Return latitude and longitude as results have them, None if unknown."""
    return None if position is None else {"latitude": position[0], "longitude": position[1]}


_UTC = ZoneInfo("UTC")


def _found(paging: Paging, on_page: int) -> int | str:
    """Return the number of results, as far as one page tells it; OpenAQ writes ``>100`` after a full page of 100."""
    if on_page == paging.limit:
        return f">{paging.offset + on_page}"
    return paging.offset + on_page if on_page else 0
