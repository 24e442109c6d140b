"""``/files/``: serves the files of open data, and pages that list them."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from airquality_dagster.network.licences import NO_LICENCE, NO_LICENCE_FR
from airquality_dagster.publishing.dashboard.page import PAGE
from airquality_dagster.publishing.files.package import NO_LONGER_UPDATED, PACKAGE, SIMULATED_TITLE, read_package

_MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    "": "text/plain; charset=utf-8",
}
_WORDS = {
    PACKAGE: "all columns with types, units and descriptions · toutes les colonnes : type, unité, description",
    "README.md": "read this first · à lire d’abord",
    "SHA256SUMS": "checksums · sommes de contrôle",
    "schemas": "the columns of each kind of file · les colonnes de chaque type de fichier",
    "comparisons": "comparisons of pairs of stations · comparaisons de stations",
}
_NOT_DESCRIBED = (
    "These files are being written: whether they are simulated, and under which licence, is not known yet. · Ces "
    "fichiers sont en cours d’écriture : on ne sait pas encore s’ils sont simulés, ni sous quelle licence."
)
# No dot comes first: no file is hidden, and none is above.
_NAME = re.compile(r"[\w-][\w.-]*")
_HEADERS = {
    # Clients ask each time whether a file has changed; what has not is not sent again.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # Pages of others may read the files.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
}
_CONDITIONAL = StaticFiles()


def file_routes(folder: Path) -> list[Route]:
    """Return the routes of ``/files/``.

    Args:
        folder: of the files of all networks; it need not be there yet.
    """

    def serve(request: Request) -> Response:
        path = request.path_params.get("path", "")
        found = _found(folder, path)
        if found is None:
            words = (
                "There is no such file."
                if path
                else "There are no files yet: they are written once a night, and by airquality export --all."
            )
            return HTMLResponse(words, status_code=404, headers=_HEADERS)
        if found.is_dir():
            if not request.url.path.endswith("/"):
                folders = f"{quote(path)}/" if path else ""
                return RedirectResponse(f"{request.scope['root_path']}/files/{folders}", headers=_HEADERS)
            return HTMLResponse(_index(folder, found), headers=_HEADERS)
        media_type = _MEDIA_TYPES.get(found.suffix, "application/octet-stream")
        response = FileResponse(found, media_type=media_type, headers=_HEADERS, stat_result=found.stat())
        if _CONDITIONAL.is_not_modified(response.headers, request.headers):
            return NotModifiedResponse(response.headers)
        return response

    return [Route("/files", serve), Route("/files/{path:path}", serve)]


def _found(folder: Path, path: str) -> Path | None:
    """Return the file or folder of a path below a folder, None if there is none or if it is not for everybody."""
    names = path.removesuffix("/").split("/") if path else []
    if not all(map(_NAME.fullmatch, names)):
        return None
    try:
        found = folder.joinpath(*names).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a link to itself
        return None
    # A link must not lead out; a pipe would never end.
    is_served = found.is_relative_to(folder.resolve()) and (found.is_file() or found.is_dir())
    return found if is_served else None


def _index(top: Path, folder: Path) -> str:
    """Return the page of a folder."""
    home = next((one for one in (folder, *folder.parents) if (one / PACKAGE).is_file()), None)
    if home is not None and not home.is_relative_to(top.resolve()):
        home = None
    package: dict[str, Any] = read_package(home) if home else {"resources": []}
    prefix = f"{folder.relative_to(home).as_posix()}/" if home not in (None, folder) else ""
    described = {
        one["path"].removeprefix(prefix): one for one in package["resources"] if one["path"].startswith(prefix)
    }
    entries = [entry for entry in sorted(folder.iterdir(), key=_order) if _NAME.fullmatch(entry.name)]
    rows = [_row(entry, described) for entry in entries if entry.is_dir() or entry.is_file()]
    is_described = home is not None or all(entry.is_dir() for entry in entries)
    notices = _notices(package) if is_described else f'<p role="alert"><strong>{_NOT_DESCRIBED}</strong></p>'
    up = '<p><a href="../">↑</a></p>' if folder != top.resolve() else ""
    title = package.get("title", "Open data")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{(PAGE / 'page.css').read_text(encoding='utf-8')}</style><main>"
        f"<h1>{escape(title)}</h1>{notices}{up}"
        "<table><thead><tr><th>file · fichier</th><th>size · taille</th><th></th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></main></html>"
    )


def _order(entry: Path) -> tuple[bool, str]:
    return (not entry.is_dir(), entry.name)


def _row(entry: Path, described: Mapping[str, Mapping[str, Any]]) -> str:
    one = described.get(entry.name, {})
    is_folder = entry.is_dir()
    words = _WORDS.get(entry.name, "")
    if one:
        words = f'{escape(one["title"])}<br><span lang="fr">{escape(one["title_fr"])}</span>'
        if one.get(NO_LONGER_UPDATED):
            words += "<br>no longer updated · n’est plus mis à jour"
    elif is_folder and not words:
        own = read_package(entry)["resources"]
        inside = own or [file for path, file in described.items() if path.startswith(f"{entry.name}/")]
        is_simulated = any(file["simulated"] for file in inside)
        words = f"{f'{SIMULATED_TITLE}: ' if is_simulated else ''}{len(inside)} files"
    name = f"{entry.name}/" if is_folder else entry.name
    size = "" if is_folder else _size(entry.stat().st_size)
    return f'<tr><td><a href="{quote(name)}">{escape(name)}</a></td><td>{size}</td><td>{words}</td></tr>'


def _size(count: int) -> str:
    """Return a size for people.

    >>> _size(900), _size(2_500_000)
    ('900 B', '2.4 MiB')
    """
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.1f} {unit}"
    return f"{count} B"


def _notices(package: Mapping[str, Any]) -> str:
    """Return what everybody must know: whether data are simulated, and the licence."""
    if "licence" not in package:
        return ""
    parts = []
    if package["simulated"]:
        parts.append(
            f'<p role="alert" style="border:3px solid #b00020;padding:.5em"><strong>{SIMULATED_TITLE}. '
            '<span lang="fr">DONNÉES SIMULÉES, NON MESURÉES.</span></strong></p>'
        )
    parts.append(f"<p>{escape(package['description'])}</p>")
    licences = [f'<a href="{escape(one["path"])}">{escape(one["title"])}</a>' for one in package.get("licenses", [])]
    words = ", ".join(licences) or f'{NO_LICENCE} · <span lang="fr">{NO_LICENCE_FR}</span>'
    parts.append(f"<p>Licence: {words}. Source: {escape(package['attribution'])}.</p>")
    return "".join(parts)
