"""``/v3/x/locations/…/quality``: what quality control says of the hours of a station, and their indices."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.pollutants import RULES_VERSION, SIMULATED
from airquality_dagster.publishing.api.answers import answer
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.measurements import duration, moments
from airquality_dagster.publishing.api.models import Answer, Moment, Period
from airquality_dagster.publishing.api.parameters import PARAMETER_BY_FIELD, ApiParameter
from airquality_dagster.publishing.api.queries import Datetimes, LocationId, Paging
from airquality_dagster.publishing.api.spans import starts_of_hours
from airquality_dagster.publishing.api.stored import Document, collection_of, page_of_documents
from airquality_dagster.readings.flags import HIGHEST_VALID_LEVEL
from airquality_dagster.readings.hours import NOWCAST_POLLUTANTS

_HOUR, _ONE_HOUR = np.timedelta64(1, "h"), duration(1)
_INDICES = ("eaqi", "eaqi_pollutant", "eaqi_withheld", "aqi_nowcast", "aqi_nowcast_pollutant")


class SensorQuality(TypedDict):
    """Level and flags of a reading: docs/data.md."""

    sensorsId: int
    parameter: str
    level: int
    valid: bool
    flags: list[str]


class HourQuality(TypedDict):
    """What quality control says of an hour, and its indices: docs/data.md. Parameters are told by their names.

    ``eaqi`` is the European index, 1 to 6, ``eaqiWithheld`` why there is none; ``aqiNowcast`` the US EPA's AQI of the
    NowCast; ``nowcast`` has parameter → concentration (µg/m³). ``rules`` is the version of the rules.
    """

    period: Period
    sensors: list[SensorQuality]
    eaqi: int | None
    eaqiParameter: str | None
    eaqiWithheld: str | None
    aqiNowcast: int | None
    aqiNowcastParameter: str | None
    nowcast: dict[str, float | None]
    rules: int | None
    simulated: bool


class QualityQuery(Paging, Datetimes):
    """Parameters of a request for hours of a station."""


def quality_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the route of flags and indices.

    Args:
        catalogue: the network's stations and sensors.
        database: of the network.
    """
    router = APIRouter(prefix="/x/locations/{locations_id}", tags=["additions"])
    network = catalogue.network

    @router.get("/quality", summary="Flags and indices of a location's hours", response_model=Answer[HourQuality])
    def quality(locations_id: LocationId, query: Annotated[QualityQuery, Query()]) -> Response:
        """Levels and flags of all readings, and indices, in order of time."""
        station = catalogue.station(locations_id)
        sensors = catalogue.sensors(station)
        levels = [f"{one.field}_{name}" for one in sensors.values() for name in ("qc", "flags")]
        nowcasts = [f"{field}_nowcast" for field in NOWCAST_POLLUTANTS]
        documents, found = page_of_documents(
            collection_of(database, station.quality_asset),
            {"_id": starts_of_hours(query, network.time_zone)},
            [*levels, *_INDICES, *nowcasts, RULES_VERSION, SIMULATED],
            query,
        )
        starts = np.array([one["_id"] for one in documents], "datetime64[s]")
        begins, ends = (moments(edge, network.time_zone) for edge in (starts, starts + _HOUR))
        hours = zip(documents, begins, ends, strict=True)
        rows = [_hour(document, begin, end, sensors) for document, begin, end in hours]
        return answer(network, rows, query, found, is_simulated=any(row["simulated"] for row in rows))

    return router


def _hour(document: Document, begin: Moment, end: Moment, sensors: dict[int, ApiParameter]) -> HourQuality:
    judged = [
        (sensor_id, one.name, document[f"{one.field}_qc"], document.get(f"{one.field}_flags") or [])
        for sensor_id, one in sensors.items()
        if document.get(f"{one.field}_qc") is not None
    ]
    return {
        "period": {"label": "1hour", "interval": _ONE_HOUR, "datetimeFrom": begin, "datetimeTo": end},
        "sensors": [
            {
                "sensorsId": sensor_id,
                "parameter": name,
                "level": level,
                "valid": level <= HIGHEST_VALID_LEVEL,
                "flags": flags,
            }
            for sensor_id, name, level, flags in judged
        ],
        "eaqi": document.get("eaqi"),
        "eaqiParameter": _name(document.get("eaqi_pollutant")),
        "eaqiWithheld": document.get("eaqi_withheld"),
        "aqiNowcast": document.get("aqi_nowcast"),
        "aqiNowcastParameter": _name(document.get("aqi_nowcast_pollutant")),
        "nowcast": {PARAMETER_BY_FIELD[field].name: document.get(f"{field}_nowcast") for field in NOWCAST_POLLUTANTS},
        "rules": document.get(RULES_VERSION),
        "simulated": document.get(SIMULATED) is True,
    }


def _name(field: str | None) -> str | None:
    return None if field is None else PARAMETER_BY_FIELD[field].name
