"""``/v3/x/locations/…``: forecasts and deployments of a station."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pymongo.database import Database
from starlette.responses import Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from airquality_dagster.network.deployments import local_periods
from airquality_dagster.network.pollutants import SIMULATED
from airquality_dagster.publishing.api.answers import answer, coordinates_of, moment, page_of
from airquality_dagster.publishing.api.ids import Catalogue
from airquality_dagster.publishing.api.measurements import duration
from airquality_dagster.publishing.api.models import Answer, Coordinates, Moment, ParameterDocument, Period
from airquality_dagster.publishing.api.parameters import PARAMETER_BY_FIELD
from airquality_dagster.publishing.api.queries import LocationId, Paging
from airquality_dagster.readings.forecast import (
    LOSES_TO_PERSISTENCE,
    NO_MODEL,
    NOT_VALID,
    TOO_FEW_RECENT_HOURS,
    TOO_LITTLE_HISTORY,
)
from airquality_dagster.readings.forecast_model import FORECAST_FIELDS
from airquality_dagster.readings.forecast_score import QUANTILES
from airquality_dagster.storage.forecasts import newest_forecasts

REASONS = {
    NO_MODEL: "No model has been fitted yet.",
    TOO_LITTLE_HISTORY: "The station has too few days of valid hours.",
    TOO_FEW_RECENT_HOURS: "Fewer than two of the last three hours are valid.",
    NOT_VALID: "No hour of the last week is valid.",
    LOSES_TO_PERSISTENCE: "Over the last seven days, the model was worse than to say: as now.",
}
"""Why nothing is forecast → the same in words."""


class Forecast(TypedDict):
    """The forecast of one parameter for one hour: docs/forecast.md.

    ``origin`` is the start of the newest hour that was known. One reading in ten is lower than ``p10``, one in ten
    higher than ``p90``, half are higher than ``p50``. They are null where nothing is forecast: ``withheld`` says why,
    ``reason`` in words.
    """

    sensorsId: int
    parameter: ParameterDocument
    origin: Moment
    madeAt: Moment
    hoursAhead: int
    period: Period
    p10: float | None
    p50: float | None
    p90: float | None
    method: str | None
    withheld: str | None
    reason: str | None
    simulated: bool


class Placement(TypedDict):
    """Where a station stood, from, included, to, excluded; null: to this day.

    ``isOutdoor``: it measured the air of its place. Readings of other times have the flag ``off_site`` and are not
    valid. ``attributes`` are those that the operator noted.
    """

    datetimeFrom: Moment
    datetimeTo: Moment | None
    place: str
    kind: str | None
    surface: str
    isOutdoor: bool
    coordinates: Coordinates | None
    airqinoId: int
    attributes: dict[str, Any]


def extensions_router(catalogue: Catalogue, database: Database[dict[str, Any]]) -> APIRouter:
    """Return the routes of forecasts and deployments.

    Args:
        catalogue: the network's stations and sensors.
        database: of the network.
    """
    router = APIRouter(prefix="/x/locations/{locations_id}", tags=["additions"])
    network = catalogue.network
    zone = network.time_zone

    @router.get("/forecast", summary="Forecast of a location", response_model=Answer[Forecast])
    def forecast(locations_id: LocationId, query: Annotated[Paging, Query()]) -> Response:
        """The newest forecast, or why there is none, by parameter and hour ahead."""
        station = catalogue.station(locations_id)
        stored = newest_forecasts(database, station.forecast_asset)
        rows: list[Forecast] = []
        for field in FORECAST_FIELDS:
            for hours_ahead, document in sorted(stored.items()):
                target, withheld = document["target"], document.get(f"{field}_withheld")
                p10, p50, p90 = (document.get(f"{field}_{name}") for name in QUANTILES)
                row: Forecast = {
                    "sensorsId": catalogue.sensor_id(station, field),
                    "parameter": PARAMETER_BY_FIELD[field].document,
                    "origin": moment(document["_id"]["origin"], zone),
                    "madeAt": moment(document["made_at"], zone),
                    "hoursAhead": hours_ahead,
                    "period": {
                        "label": "1hour",
                        "interval": duration(1),
                        "datetimeFrom": moment(target, zone),
                        "datetimeTo": moment(target + timedelta(hours=1), zone),
                    },
                    "p10": p10,
                    "p50": p50,
                    "p90": p90,
                    "method": document.get(f"{field}_method"),
                    "withheld": withheld,
                    "reason": withheld and REASONS.get(withheld, withheld),
                    "simulated": document.get(SIMULATED) is True,
                }
                rows.append(row)
        page = page_of(rows, query)
        return answer(network, page, query, len(rows), is_simulated=any(row["simulated"] for row in page))

    @router.get("/deployments", summary="Where a location's station stood", response_model=Answer[Placement])
    def deployments(locations_id: LocationId, query: Annotated[Paging, Query()]) -> Response:
        """Where the station stood, in order of time; none: always at its location."""
        station = catalogue.station(locations_id)
        rows: list[Placement] = [
            {
                "datetimeFrom": moment(start, zone),
                "datetimeTo": None if end is None else moment(end, zone),
                "place": one.place,
                "kind": one.kind,
                "surface": one.surface,
                "isOutdoor": one.is_outdoor,
                "coordinates": coordinates_of(one.position),
                "airqinoId": one.airqino_id or station.airqino_id,
                "attributes": one.attributes,
            }
            for one, start, end in local_periods(station.deployments, zone)
        ]
        return answer(network, page_of(rows, query), query, len(rows))

    return router
