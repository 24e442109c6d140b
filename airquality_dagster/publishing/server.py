"""Serves the dashboard, the page about the data, metrics, and open data: files and API."""

from pathlib import Path

from markdown_it import MarkdownIt
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from airquality_dagster import settings
from airquality_dagster.publishing.dashboard.page import PAGE
from airquality_dagster.publishing.files.pages import file_routes

# There in a checkout; an installed package has no docs.
_DATA_PAGE = Path(__file__).parents[2] / "docs" / "data.md"
_NOT_YET = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<title>Air quality</title><p>There is no dashboard yet: the first run of the hourly job draws it. This page reloads
every ten seconds. · Pas encore de tableau de bord : la première exécution le dessine.</p></html>"""


def dashboard_app(path: Path, metrics: CollectorRegistry | None = None, api: ASGIApp | None = None) -> Starlette:
    """Return the application that serves dashboards, at ``/data`` the page about the data, at ``/files/`` open data.

    At ``/<key prefix>/`` it serves the dashboards of all networks that have a key prefix.

    Args:
        path: the file of the dashboard at ``/``, served as it is at the moment.
        metrics: served at ``/metrics``, if any.
        api: the API of open data with its description, if any; it answers all other paths.
    """

    def page(request: Request) -> Response:
        prefix = request.path_params.get("prefix")
        file = settings.dashboard_file(prefix) if prefix else path
        # Browsers ask for it each time; an unchanged page is not sent again.
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if prefix and not (prefix.isidentifier() and (file == path or file.is_file())):
            return HTMLResponse("No network has this key prefix, or its page is not drawn yet.", status_code=404)
        if not file.is_file():
            return HTMLResponse(_NOT_YET, status_code=503, headers={**headers, "Retry-After": "10"})
        return FileResponse(file, media_type="text/html; charset=utf-8", headers=headers)

    def data(request: Request) -> Response:
        if not _DATA_PAGE.is_file():
            return HTMLResponse("The page about the data is docs/data.md of the project.", status_code=404)
        return HTMLResponse(_as_html(_DATA_PAGE.read_text(encoding="utf-8")))

    routes: list[BaseRoute] = [
        Route("/", page),
        Route("/index.html", page),
        Route("/data", data),
        Route("/data/", data),
        *file_routes(settings.open_data_folder()),
    ]
    if metrics is not None:
        # Not a coroutine: Starlette runs it in a thread, and serves the page meanwhile.
        def scrape(request: Request) -> Response:
            return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

        routes.append(Route("/metrics", scrape))
    networks = [Route("/{prefix}/", page), Route("/{prefix}/index.html", page)]
    if api is None:
        return Starlette(routes=[*routes, *networks])
    return Starlette(routes=[*routes, Route("/docs/", _to_docs), *networks, Mount("/", api)])


def _to_docs(request: Request) -> Response:
    return RedirectResponse("/docs")


def _as_html(markdown: str) -> str:
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    body = MarkdownIt("commonmark").enable("table").render(markdown)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Air quality: the data</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style><main>{body}</main></html>"
    )
