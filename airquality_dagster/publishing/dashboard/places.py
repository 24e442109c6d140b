"""Where a station stood, and since when, as its deployments say it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from airquality_dagster.network.deployments import Deployment, local_periods
from airquality_dagster.network.stations import Station


@dataclass(frozen=True)
class Stay:
    """A period that a station spent at one place, or nowhere.

    Args:
        start: of the period, UTC.
        end: excluded, None while it lasts.
        place: for people, empty if unknown.
        kind: of the place, as in `Deployment`; None if the stations file does not say it.
        surface: of the ground or road, empty if unknown.
        is_deployed: False between two deployments.
        is_on_site: whether the readings are the outdoor air of the place.
    """

    start: datetime
    end: datetime | None = None
    place: str = ""
    kind: str | None = None
    surface: str = ""
    is_deployed: bool = True
    is_on_site: bool = True

    @property
    def description(self) -> str:
        """Place, kind and surface, for an operator."""
        if not self.is_deployed:
            return "not deployed"
        return ", ".join(filter(None, (self.place, self.kind, self.surface))) or "place not named"


def stays(station: Station, now: datetime, zone: ZoneInfo) -> list[Stay]:
    """Return where a station stood up to now, in order of time; the last one is where it is.

    A former device at the same place is the same stay. Empty if the stations file says nothing of places.

    Args:
        station: with its deployments.
        now: the present moment, tz-aware.
        zone: of the deployments' local times.
    """
    joined: list[Stay] = []
    for stay in _with_gaps(station.deployments, zone):
        if stay.start > now:
            break
        end = stay.end if stay.end is not None and stay.end <= now else None
        if joined and joined[-1] == replace(stay, start=joined[-1].start, end=joined[-1].end):
            joined[-1] = replace(joined[-1], end=end)
        else:
            joined.append(replace(stay, end=end))
    says_nothing = all(stay.is_on_site and not stay.place and stay.kind is None for stay in joined)
    return [] if says_nothing else joined


def home_of(station: Station) -> str:
    """Return the place of which a station shows the air: its newest outdoor one, else its city."""
    outdoor = [deployment.place for deployment in station.deployments if deployment.is_outdoor and deployment.place]
    return outdoor[-1] if outdoor else station.city or station.label or station.name


def stay_content(stay: Stay, zone: ZoneInfo) -> dict[str, Any]:
    """Return a stay as the page has it: local midnights as dates, other moments with their offset."""
    return {
        "start": _moment(stay.start, zone),
        "end": None if stay.end is None else _moment(stay.end, zone),
        "place": stay.place,
        "kind": stay.kind if stay.is_deployed else "none",
        "surface": stay.surface,
        "is_on_site": stay.is_on_site,
    }


def _with_gaps(deployments: Sequence[Deployment], zone: ZoneInfo) -> Iterator[Stay]:
    """Yield a stay for each deployment, and for the time between two and after the last one that has ended."""
    periods = local_periods(deployments, zone)
    for number, (deployment, start, end) in enumerate(periods):
        until = periods[number + 1][1] if number + 1 < len(periods) else None
        yield Stay(start, end, deployment.place, deployment.kind, deployment.surface, is_on_site=deployment.is_outdoor)
        if end is not None and end != until:
            yield Stay(end, until, is_deployed=False, is_on_site=False)


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d}" if local.time() == time() else local.isoformat()
