"""``/v3/sensors/…/hours`` and ``/measurements``: hourly values of a sensor."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pymongo.database import Database
from starlette.responses import Response

from airquality_dagster.network.pollutants import PROVISIONAL, SIMULATED
from airquality_dagster.network.stations import Station
from airquality_dagster.publishing.api.answers import answer
from airquality_dagster.publishing.api.ids import Catalogue, NotFound
from airquality_dagster.publishing.api.measurements import Hour, duration, moments
from airquality_dagster.publishing.api.models import Answer, Moment, ParameterDocument
from airquality_dagster.publishing.api.queries import Datetimes, Paging, SensorId, Values
from airquality_dagster.publishing.api.spans import Condition, starts_of_hours
from airquality_dagster.publishing.api.stored import Document, are_simulated, collection_of, page_of_documents
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL

_HOUR, _ONE_HOUR = np.timedelta64(1, "h"), duration(1)
# Of OpenAQ; they have no rule yet for how many valid hours they need.
_PROFILES = ("/hours/hourofday", "/hours/dayofweek", "/hours/monthofyear", "/days/dayofweek", "/days/monthofyear")


class HoursQuery(Paging, Datetimes, Values):
    """Parameters of a request for hours."""


def hours_router(catalogue: Catalogue, database: Database[Document]) -> APIRouter:
    """Return the routes of hourly values.

    Args:
        catalogue: the network's stations and sensors.
        database: of the network.
    """
    router = APIRouter(prefix="/sensors/{sensors_id}", tags=["values"])
    network = catalogue.network

    @router.get("/measurements", summary="Hourly values of a sensor, as /hours", response_model=Answer[Hour])
    @router.get("/measurements/hourly", summary="Hourly values of a sensor, as /hours", response_model=Answer[Hour])
    @router.get("/hours", summary="Hourly values of a sensor", response_model=Answer[Hour])
    def hours(sensors_id: SensorId, query: Annotated[HoursQuery, Query()]) -> Response:
        """Hourly values, in order of time. The source publishes means of hours: there are no shorter ones."""
        station, parameter = catalogue.sensor(sensors_id)
        asked = starts_of_hours(query, network.time_zone)
        stored, found = _stored_hours(database, station, parameter.field, asked, query, only_valid=query.only_valid)
        starts = np.array([one["_id"] for one in stored], "datetime64[s]")
        edges = zip(moments(starts, network.time_zone), moments(starts + _HOUR, network.time_zone), strict=True)
        rows = [
            hour(one, parameter.field, parameter.document, begin, end)
            for one, (begin, end) in zip(stored, edges, strict=True)
        ]
        return answer(network, rows, query, found, is_simulated=are_simulated(database, station, rows))

    def profile(sensors_id: SensorId) -> Response:
        raise NotFound(
            "Profiles by hour of the day, weekday and month of the year are not served: make them of the hours at "
            f"/v3/sensors/{sensors_id}/hours, which have their local times."
        )

    for path in _PROFILES:
        router.add_api_route(path, profile, include_in_schema=False)
    return router


def hour(document: Document, field: str, parameter: ParameterDocument, begin: Moment, end: Moment) -> Hour:
    """Return the value of an hour.

    Args:
        document: the hour's readings, and its levels and flags if it was judged.
        field: the reading.
        parameter: what it measures.
        begin, end: of the hour.
    """
    value, level, flags = document.get(field), document.get(f"{field}_qc"), document.get(f"{field}_flags") or []
    is_valid = value is not None and level is not None and level <= HIGHEST_VALID_LEVEL
    return {
        "value": value,
        "flagInfo": {"hasFlags": bool(flags)},
        "parameter": parameter,
        "period": {"label": "1hour", "interval": _ONE_HOUR, "datetimeFrom": begin, "datetimeTo": end},
        "coordinates": None,
        "summary": None,
        "coverage": {
            "expectedCount": 1,
            "expectedInterval": _ONE_HOUR,
            "observedCount": int(is_valid),
            "observedInterval": duration(int(is_valid)),
            "percentComplete": 100 * is_valid,
            "percentCoverage": 100 * is_valid,
            "datetimeFrom": begin,
            "datetimeTo": end,
        },
        "x": {
            "valid": is_valid,
            "level": level,
            "flags": flags,
            "provisional": document.get(PROVISIONAL) is True,
            "simulated": document.get(SIMULATED) is True,
        },
    }


def _stored_hours(
    database: Database[Document],
    station: Station,
    field: str,
    asked: Condition,
    paging: Paging,
    *,
    only_valid: bool,
) -> tuple[list[Document], int | None]:
    """Return the hours of a page with what quality control says of them, and how many there are, if known."""
    raw, quality = collection_of(database, station.raw_asset), collection_of(database, station.quality_asset)
    fields = (field, f"{field}_qc", f"{field}_flags", PROVISIONAL, SIMULATED)
    # The first decides which hours are on the page. What was not judged yet is published, but not valid.
    if only_valid:
        first, second, wanted = quality, raw, {f"{field}_qc": {"$lte": int(HIGHEST_VALID_LEVEL)}}
    else:
        first, second, wanted = raw, quality, {field: {"$type": "number"}}
    page, found = page_of_documents(first, {"_id": asked, **wanted}, fields, paging)
    others = second.find({"_id": {"$in": [one["_id"] for one in page]}}, dict.fromkeys(fields, True))
    other = {one["_id"]: one for one in others}
    return [{**other.get(one["_id"], {}), **one} for one in page], found
