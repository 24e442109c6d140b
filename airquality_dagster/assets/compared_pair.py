"""A pair of stations, read from the database and compared."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from pymongo.database import Database

from airquality_dagster.checks.comparison import Compared
from airquality_dagster.network.colocation import (
    Together,
    compared_periods,
    measured_periods,
    present_place,
    side_by_side,
)
from airquality_dagster.network.neighbours import Neighbours
from airquality_dagster.network.pairs import Pair
from airquality_dagster.network.pollutants import BY_FIELD, POLLUTANTS, SIMULATED
from airquality_dagster.network.stations import Network, Station
from airquality_dagster.readings.comparison import VERSION, comparison_rows
from airquality_dagster.readings.comparison_days import Day, pair_days, reversed_days
from airquality_dagster.readings.comparison_hours import PairHours, StationHours
from airquality_dagster.readings.comparison_left_out import LeftOut, joined, left_out
from airquality_dagster.readings.comparison_paired import PairedHours
from airquality_dagster.readings.comparison_statements import Names, stated
from airquality_dagster.readings.comparison_steps import lasting_changes
from airquality_dagster.readings.disagreements import Kind
from airquality_dagster.readings.flags import FAULTY, PARTICLES, RULES, Flag, flag_names
from airquality_dagster.storage.judged_hours import has_simulated_hours, judged_hours
from airquality_dagster.storage.neighbours import neighbour_documents

INPUTS = "inputs"
"""Field of the rows of all hours: digest of what the comparison was made of."""
_FIELDS = [field for field in BY_FIELD if field != "internal_temperature"]


@dataclass(frozen=True)
class PairInputs:
    """What a comparison is made of.

    Args:
        pair: the pair.
        names: of its stations, for people.
        zone: of the network.
        hours: of both stations.
        left_out: times that are left out, by pollutant.
        planned: side-by-side windows of the stations file, those to come, too.
        is_simulated: whether a station has hours of the sandbox.
        now: the present moment, tz-aware.
    """

    pair: Pair
    names: Names
    zone: ZoneInfo
    hours: PairHours
    left_out: Mapping[str, Sequence[LeftOut]]
    planned: Sequence[Together]
    is_simulated: bool
    now: datetime

    @cached_property
    def digest(self) -> str:
        """Sixteen digits that differ where the comparison of all hours may differ."""
        times = {field: [time.document for time in of_field] for field, of_field in self.left_out.items()}
        words = [VERSION, RULES, self.names, self.zone, self.hours.windows, self.hours.compared, times]
        digest = hashlib.sha256(json.dumps([*words, self.is_simulated], default=str).encode())
        for station in (self.hours.first, self.hours.second):
            digest.update(pd.DatetimeIndex(station.sound.index).as_unit("ns").asi8.tobytes())
            for table in (station.sound, station.off_site, station.cross_sensitive):
                digest.update(table.to_numpy().tobytes())
        return digest.hexdigest()[:16]

    def compared(
        self, start: datetime | None = None, end: datetime | None = None, *, with_parts: bool = True
    ) -> Compared:
        """Return the comparison.

        Args:
            start, end: ``start <= hour < end``, tz-aware; None: from the first, to the last hour that is compared.
            with_parts: also by season, month, hour of day and so on.
        """
        bounds = [None if moment is None else pd.Timestamp(moment).tz_convert("UTC") for moment in (start, end)]
        rows: list[Mapping[str, Any]] = []
        changes = self._lasting_changes()
        for parameter in POLLUTANTS:
            times = joined([*self.left_out[parameter.field], *(changes if parameter.field in PARTICLES else [])])
            data = self.hours.of_field(parameter.field, bounds[0], bounds[1], times)
            relations = self.hours.relations(parameter.field)
            whole, parts = comparison_rows(data, relations, self.zone, with_parts=with_parts)
            rows += [{**stated(whole, self.names, self.zone), INPUTS: self.digest}, *parts]
        return self.with_rows([{**row, SIMULATED: True} for row in rows] if self.is_simulated else rows)

    def _lasting_changes(self) -> list[LeftOut]:
        """Return the times of particles that are left out because their level has changed for good.

        All hours that can be compared count, whichever are asked for; of faults, those in which the level is right.
        """
        fractions = []
        for field in PARTICLES:
            times = [time for time in self.left_out[field] if time.reason != Kind.LEVEL]
            data = self.hours.of_field(field, None, None, times)
            usable = [one for one in self.hours.relations(field) if one.withheld is None]
            fractions.append(PairedHours.of(data.hours, data.first, data.second, data.humidity, self.zone).by(usable))
        return list(lasting_changes(fractions))

    def with_rows(self, rows: Sequence[Mapping[str, Any]]) -> Compared:
        """Return the comparison of rows that were computed, or are stored."""
        count = int(self.hours.is_compared.sum())
        return Compared(self.pair.name, self.names, rows, self.planned, count, self.zone, self.now)


def read_pair(database: Database[dict[str, Any]], network: Network, pair: Pair, now: datetime) -> PairInputs:
    """Read what the comparison of a pair is made of.

    Args:
        database: database of the network.
        network: the network.
        pair: the pair.
        now: the present moment, tz-aware.
    """
    first, second = stations = network.station(pair.first), network.station(pair.second)
    zone = network.time_zone
    windows = side_by_side(first, second, zone)
    hours = PairHours.of(
        *(_hours(database, station) for station in stations),
        side_by_side=windows,
        compared=compared_periods(first, second, zone, now),
        measured=measured_periods(first, second, zone, now),
    )
    days = _days(database, network, first, second, hours)
    return PairInputs(
        pair,
        Names(*(_called(station, zone, now) for station in stations)),
        zone,
        hours,
        {parameter.field: left_out(days, parameter.field) for parameter in POLLUTANTS},
        windows,
        any(has_simulated_hours(database, station.raw_asset) for station in stations),
        now,
    )


def _hours(database: Database[dict[str, Any]], station: Station) -> StationHours:
    return StationHours(
        *judged_hours(
            database,
            station.raw_asset,
            station.quality_asset,
            _FIELDS,
            faulty=flag_names(FAULTY),
            off_site=flag_names(Flag.OFF_SITE)[0],
            cross_sensitive=flag_names(Flag.CROSS_SENSITIVE)[0],
        )
    )


def _days(
    database: Database[dict[str, Any]], network: Network, first: Station, second: Station, hours: PairHours
) -> list[Day]:
    """Return the days of the two. They are stored in the order of the stations file."""
    order = [station.name for station in network.stations]
    is_reversed = order.index(first.name) > order.index(second.name)
    names = (second.name, first.name) if is_reversed else (first.name, second.name)
    stored = neighbour_documents(database, network.neighbours_asset, *names, RULES)
    moves = Neighbours(first, second).moves(network.time_zone)
    return pair_days(hours, reversed_days(stored) if is_reversed else stored, moves)


def _called(station: Station, zone: ZoneInfo, now: datetime) -> str:
    """Return the name of a station with that of its present place."""
    present = present_place(station, zone, now)
    return f"{station.name} ({present.place})" if present and present.place else station.name
