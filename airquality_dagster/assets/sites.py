"""Where a station stood, for the metadata of its asset."""

from datetime import datetime

import dagster as dg

from airquality_dagster.checks.outcome import table_metadata
from airquality_dagster.network.stations import Station

_HEADER = ["from (local)", "to", "place", "kind", "air of the place", "surface", "position", "device", "more"]


def deployments_metadata(station: Station) -> dict[str, dg.MetadataValue]:
    """Return a table of the deployments of a station, newest first; nothing if it has none."""
    rows = [
        (
            _moment(one.start),
            _moment(one.end),
            one.place,
            one.kind or "",
            "yes" if one.is_outdoor else "no: `off_site`",
            one.surface,
            ", ".join(map(str, one.position or ())),
            one.airqino_id or station.airqino_id,
            "; ".join(f"{name}: {value}" for name, value in one.attributes.items()),
        )
        for one in reversed(station.deployments)
    ]
    return table_metadata("deployments", _HEADER, [[_cell(value) for value in row] for row in rows])


def _moment(local: datetime | None) -> str:
    return f"{local:%Y-%m-%d %H:%M}".removesuffix(" 00:00") if local else ""


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
