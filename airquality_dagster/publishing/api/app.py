"""The API of open data: ``/v3``, in the form of OpenAQ's API v3, and its description at ``/docs``."""

import logging
from collections.abc import Callable
from typing import Any

import pymongo
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from pymongo.database import Database
from pymongo.errors import PyMongoError
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from airquality_dagster.network.stations import Network
from airquality_dagster.publishing.api.answers import PROBLEMS
from airquality_dagster.publishing.api.cache import Cache
from airquality_dagster.publishing.api.comparisons import comparisons_router
from airquality_dagster.publishing.api.days import days_router
from airquality_dagster.publishing.api.entities import entities_router
from airquality_dagster.publishing.api.extensions import extensions_router
from airquality_dagster.publishing.api.hours import hours_router
from airquality_dagster.publishing.api.ids import Catalogue, NotFound
from airquality_dagster.publishing.api.latest import latest_router
from airquality_dagster.publishing.api.limits import HEADERS, RateLimit
from airquality_dagster.publishing.api.locations import locations_router
from airquality_dagster.publishing.api.periods import periods_router
from airquality_dagster.publishing.api.quality import quality_router
from airquality_dagster.publishing.api.references import (
    countries_router,
    parameters_router,
    providers_router,
)
from airquality_dagster.publishing.api.sensors import sensors_router

_RETRY_SECONDS = "30"
# Less than OpenAQ's client waits.
_QUERY_SECONDS = 5.0
_DESCRIPTION = """Hourly readings of air-quality stations, in the form of OpenAQ's API v3: its published clients work
with another base URL. Values are valid by default; `values=published` gives all that the source published, with flags.
Additions are under `/v3/x`."""

RouterOf = Callable[[Catalogue, Database[dict[str, Any]]], APIRouter]
_ROUTERS: tuple[RouterOf, ...] = (
    locations_router,
    sensors_router,
    latest_router,
    hours_router,
    days_router,
    periods_router,
    quality_router,
    extensions_router,
    comparisons_router,
    parameters_router,
    countries_router,
    providers_router,
    entities_router,
)

_log = logging.getLogger(__name__)


def open_data_app(network: Network, database: Database[dict[str, Any]]) -> FastAPI:
    """Return the application that serves the API.

    Args:
        network: the network whose data it serves.
        database: where they are; it is only read.
    """
    app = FastAPIOffline(
        title=f"Air quality: {network.network.name}",
        version="3",
        description=_DESCRIPTION,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    catalogue = Catalogue(network)
    for router_of in _ROUTERS:
        app.include_router(router_of(catalogue, database), prefix="/v3", responses=PROBLEMS)
    app.add_middleware(QueryTimeout)
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(PyMongoError, _unavailable)
    return app


def for_everyone(app: ASGIApp) -> ASGIApp:
    """Return the application as the public gets it: cached for a minute, limited, readable by pages of other servers.

    Args:
        app: result of `open_data_app`.
    """
    return CORSMiddleware(
        RateLimit(Cache(app)),
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["X-API-Key", "If-None-Match"],  # the first is what clients of OpenAQ send
        expose_headers=["ETag", "Retry-After", *HEADERS],
        max_age=86400,
    )


class QueryTimeout:
    """ASGI middleware that bounds how long one request may ask MongoDB.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        # Threads of handlers inherit it.
        with pymongo.timeout(_QUERY_SECONDS):
            await self._app(scope, receive, send)


def _not_found(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 404)


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    # Without the values themselves, which may be long.
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": [{name: one[name] for name in ("loc", "msg", "type")} for one in errors]}, 422)


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    # The driver's messages may name servers: they are for the log.
    _log.warning("%s could not be answered: MongoDB: %s", request.url.path, type(error).__name__)
    return JSONResponse(
        {"detail": f"The database cannot be read now: ask again in {_RETRY_SECONDS} seconds."},
        503,
        headers={"Retry-After": _RETRY_SECONDS},
    )
