"""Draws the rooms of the package and the imports between them: `make rooms` writes docs/images/rooms.svg.

Rows are the layers of import-linter's contract in pyproject.toml, arrows the imports that grimp finds. An import that
follows from others is left out: where a room imports a second one and that one a third, no arrow leads to the third.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "rooms.svg"
PACKAGE, LIBRARY = "airquality_dagster", "dagster_mongodb"

# Where each room stands, from left to right, and what it holds.
ROOMS: Mapping[str, tuple[float, str]] = {
    "__main__": (1, "python -m airquality_dagster"),
    "io_managers": (4, "former import path"),
    "cli": (1, "the airquality command"),
    "definitions": (0, "Dagster's code location"),
    "local": (1, "embedded mongod, processes"),
    "component": (1, "AirQualityNetwork"),
    "watching": (3, "alerts, metrics"),
    "automation": (2, "jobs, schedules, due months"),
    "assets": (0, "one module per asset"),
    "checks": (1, "checks of what is stored"),
    "publishing": (0, "dashboard, server"),
    "readings": (1, "flags, indices, days: pure"),
    "storage": (3, "MongoDB, Postgres, files"),
    "airqino": (2, "the API, the sandbox"),
    "network": (1, "stations, pollutants, limits"),
    "settings": (2, "environment variables"),
    "errors": (1, "all exceptions"),
    LIBRARY: (3.8, "the IO manager, a library"),
}

_COLUMN, _ROW, _WIDTH, _HEIGHT, _MARGIN = 208, 70, 180, 42, 16
# A light card: it can be read on a dark page, too.
_BACKGROUND, _INK, _QUIET, _LINE = "#ffffff", "#1f2933", "#52606d", "#829ab1"
_ROOM, _OTHER = "#e6f0fa", "#f5ecd7"


@dataclass(frozen=True)
class _Place:
    """Centre of a box."""

    x: float
    y: float


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """Return the picture as SVG."""
    rows = [*layers(), [LIBRARY]]
    places = {
        room: _Place(_MARGIN + _WIDTH / 2 + ROOMS[room][0] * _COLUMN, _MARGIN + _HEIGHT / 2 + number * _ROW)
        for number, row in enumerate(rows)
        for room in row
    }
    width = _MARGIN * 2 + _WIDTH + max(column for column, _ in ROOMS.values()) * _COLUMN
    height = _MARGIN * 2 + _HEIGHT + (len(rows) - 1) * _ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" font-family="system-ui, sans-serif" text-anchor="middle">',
        "<title>The rooms of airquality_dagster and the imports between them</title>",
        "<!-- made by `make rooms` -->",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0.5 8 4 0 7.5z" fill="{_LINE}"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{_BACKGROUND}"/>',
        *_arrows(direct_imports(), places),
        *(line for room, place in places.items() for line in _box(room, place)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def layers() -> list[list[str]]:
    """Return the rooms of each layer of the contract, the highest first."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (one for one in linter["contracts"] if one["type"] == "layers")
    return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]


def direct_imports() -> list[tuple[str, str]]:
    """Return which room imports which, without those that follow from others."""
    graph = grimp.build_graph(PACKAGE, LIBRARY)
    imported: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            if _room(module) != _room(other):
                imported[_room(module)].add(_room(other))

    def reached(room: str) -> set[str]:
        return imported[room].union(*map(reached, tuple(imported[room])))

    return sorted(
        (room, other)
        for room in tuple(imported)
        for other in imported[room]
        if room in ROOMS and not any(other in reached(between) for between in imported[room])
    )


def _room(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] or package if package == PACKAGE else package


def _arrows(imports: Sequence[tuple[str, str]], places: Mapping[str, _Place]) -> list[str]:
    """Return a curve for each import, from the foot of a box to the head of another."""
    gap, tip = _ROW - _HEIGHT, 7
    lines = []
    for room, other in imports:
        begin, end = places[room], places[other]
        below = sorted((places[second].x, second) for first, second in imports if first == room)
        above = sorted(
            (end.x - 1 if _is_blocked(places[first], end, places) else places[first].x, first)
            for first, second in imports
            if second == other
        )
        start = begin.x + _port([name for _, name in below].index(other), len(below))
        stop = end.x + _port([name for _, name in above].index(room), len(above))
        top, bottom = begin.y + _HEIGHT / 2, end.y - _HEIGHT / 2
        # Across in the last gap between two rows, in the first one where a box of its own column is in the way.
        leave = top if _is_blocked(begin, end, places) else bottom - gap
        arrive = leave + gap - tip
        middle = (leave + arrive) / 2
        lines.append(
            f'<path d="M{start:g} {top:g}V{leave:g}C{start:g} {middle:g} {stop:g} {middle:g} {stop:g} {arrive:g}'
            f'V{bottom:g}" fill="none" stroke="{_LINE}" stroke-width="1.5" marker-end="url(#tip)"/>'
        )
    return lines


def _is_blocked(begin: _Place, end: _Place, places: Mapping[str, _Place]) -> bool:
    """Return whether a box stands in the column of the first place, between the rows of both."""
    return begin.x != end.x and any(place.x == begin.x and begin.y < place.y < end.y for place in places.values())


def _port(number: int, count: int) -> float:
    """Return where at a box one of several arrows begins or ends, from its centre."""
    return (number - (count - 1) / 2) * _WIDTH / 5


def _box(room: str, place: _Place) -> list[str]:
    fill = _OTHER if room == LIBRARY else _ROOM
    return [
        f'<rect x="{place.x - _WIDTH / 2:g}" y="{place.y - _HEIGHT / 2:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
        f'fill="{fill}" stroke="{_LINE}"/>',
        f'<text x="{place.x:g}" y="{place.y - 3:g}" font-size="14" font-weight="600" fill="{_INK}">{room}</text>',
        f'<text x="{place.x:g}" y="{place.y + 14:g}" font-size="11" fill="{_QUIET}">{escape(ROOMS[room][1])}</text>',
    ]


if __name__ == "__main__":
    main()
