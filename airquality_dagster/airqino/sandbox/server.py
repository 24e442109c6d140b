"""A local AirQino server with the endpoints that the platform uses."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from airquality_dagster.airqino.sandbox.faults import CLOCKS, Fault, FaultSwitch
from airquality_dagster.airqino.sandbox.sources import Source
from airquality_dagster.airqino.sandbox.tokens import Realm

TOKEN_PATH = "/realms/airqino/protocol/openid-connect/token"
FAULTS_PATH = "/sandbox/faults"
_QUERY_TIME = "%Y%m%d-%H%M"


def create_app(
    source: Source, realm: Realm | None = None, *, end_included: bool = True, faults: FaultSwitch | None = None
) -> Starlette:
    """Return the server's application.

    Args:
        source: source of the answers.
        realm: grants the tokens that calls need; None: calls need no token.
        end_included: whether ``end_date`` belongs to the period (not known of the real API).
        faults: faults to simulate; ``POST`` and ``DELETE`` of ``/sandbox/faults`` switch them, too.
    """
    switch = faults if faults is not None else FaultSwitch()

    def hourly_averages(request: Request) -> Response:
        if realm is not None:
            later = switch.take(("token_later",))
            from_age = (later.value or 2.0) if later else 0.0
            authorization = request.headers.get("authorization", "")
            if not realm.accepts(authorization, from_age) or switch.take(("token_dies",)):
                return JSONResponse({}, status_code=401)
        try:
            start, end = (_moment(request.query_params.get(name)) for name in ("start_date", "end_date"))
        except ValueError:
            return JSONResponse({"error": "start_date and end_date have the form YYYYmmdd-HHMM"}, status_code=400)
        if end is not None and not end_included:
            end -= timedelta(seconds=1)
        station = request.path_params["station_id"]
        now = datetime.now(UTC)
        if end is not None and end > now and switch.take(("future_refused",), station):
            return JSONResponse({"error": "end_date is in the future"}, status_code=400)
        if fault := switch.take(CLOCKS, station):
            now += timedelta(hours=fault.value or 3)
            end = None  # no hour of the future was asked for
        answer = source.answer(station, start, end, now)
        if answer is None:
            return JSONResponse({"error": "station not found"}, status_code=404)
        return switch.response(answer, station)

    async def token(request: Request) -> Response:
        if realm is None:
            return JSONResponse({"error": "this sandbox needs no token"}, status_code=404)
        form = dict(parse_qsl((await request.body()).decode()))
        if switch.take(("account_disabled",)):
            return JSONResponse({"error": "invalid_grant", "error_description": "Account disabled"}, status_code=400)
        if form.get("grant_type") == "refresh_token" and switch.take(("refresh_expires",)):
            return JSONResponse({"error": "invalid_grant", "error_description": "Token is not active"}, status_code=400)
        status, body = realm.grant(form, rotates=switch.take(("refresh_rotates",)) is not None)
        return JSONResponse(body, status_code=status)

    async def switch_faults(request: Request) -> Response:
        if request.method == "DELETE":
            switch.clear()
        elif request.method == "POST":
            try:
                switch.add(Fault.model_validate_json(await request.body()))
            except ValidationError as error:
                return JSONResponse({"error": error.errors(include_url=False, include_context=False)}, status_code=422)
        return JSONResponse(switch.listed())

    def about(request: Request) -> Response:
        return HTMLResponse(
            f"<!doctype html><title>AirQino sandbox</title><h1>AirQino sandbox</h1><p>{source.description}</p>"
            "<p><code>GET /v3/getStationHourlyAvg/{station_id}?start_date=YYYYmmdd-HHMM&amp;end_date=…</code></p>"
        )

    return Starlette(
        routes=[
            Route("/", about),
            Route("/v3/getStationHourlyAvg/{station_id:int}", hourly_averages),
            Route(TOKEN_PATH, token, methods=["POST"]),
            Route(FAULTS_PATH, switch_faults, methods=["GET", "POST", "DELETE"]),
        ],
        # Compared with the default level, this takes a fifth of the time for a tenth more bytes.
        middleware=[Middleware(GZipMiddleware, compresslevel=4)],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text, _QUERY_TIME).replace(tzinfo=UTC)
