"""What flags find of faults put into a station's readings, and what they fail of sound events."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import TIMESTAMP
from airquality_dagster.readings.flags import PARTICLES, flag_hours, flags_as_of
from airquality_dagster.readings.indices import NOWCAST_HOURS, aqi_of_pollutants, highest, nowcast
from benchmarks.histories import Histories
from benchmarks.injected_faults import Injected, inject, rng_of


@dataclass
class Recall:
    """What flags make of many faults of a kind.

    Args:
        faults: of which at least one faulty reading passed without them.
        found: of these, how many have at least half of their faulty hours failed.
        faulty: readings that are wrong, and passed without the fault.
        failed: of these, how many fail.
        accused: readings that fail because of the fault.
        wrongly: of these, how many are as published, in a channel or at an hour that has no fault.
    """

    faults: int = 0
    found: int = 0
    faulty: int = 0
    failed: int = 0
    accused: int = 0
    wrongly: int = 0

    def add(self, before: pd.DataFrame, hourly: pd.DataFrame, injected: Injected, passed: pd.DataFrame) -> None:
        """Count one fault.

        Args:
            before: which readings passed without it.
            hourly: the hours without it.
            injected: with it.
            passed: which readings pass with it.
        """
        columns = list(injected.fields)
        is_faulty = injected.is_faulty & before[columns]
        failed = int((is_faulty & ~passed[columns]).to_numpy().sum())
        faulty = int(is_faulty.to_numpy().sum())
        if faulty:
            self.faults += 1
            self.found += 2 * failed >= faulty
        self.faulty += faulty
        self.failed += failed
        accused = before & ~passed & injected.hourly[before.columns].notna()
        is_other = hourly[before.columns].eq(injected.hourly[before.columns])
        is_other[columns] &= ~injected.is_faulty
        self.accused += int(accused.to_numpy().sum())
        self.wrongly += int((accused & is_other).to_numpy().sum())


def recall(kind: str, histories: Histories, seeds: range) -> Recall:
    """Return what flags find of faults of a kind, of which each station gets one a seed."""
    result = Recall()
    for hourly in histories.values():
        before = flag_hours(hourly).is_valid
        for seed in seeds:
            injected = inject(kind, hourly, rng_of(kind, seed))
            result.add(before, hourly, injected, flag_hours(injected.hourly).is_valid)
    return result


@dataclass
class Passed:
    """What flags make of many sound events of a kind.

    Args:
        events: with a reading of particles.
        readings: of particles in the events, that pass without them.
        failed: of these, how many fail in the end.
        failed_newest: how many fail when their hour is the newest.
        failed_once: how many fail as of any hour whose NowCast uses them.
        hours: of the events, with a NowCast of all readings.
        other_nowcast: of these, at how many the AQI of the NowCast, as of the hour, is null or differs by more than 1.
    """

    events: int = 0
    readings: int = 0
    failed: int = 0
    failed_newest: int = 0
    failed_once: int = 0
    hours: int = 0
    other_nowcast: int = 0


def passed_events(kind: str, histories: Histories, seeds: range) -> Passed:
    """Return what flags fail of sound events of a kind, in the end and as of each hour.

    Args:
        kind: one of `SOUND`.
        histories: of the stations, each of which gets all events.
        seeds: one an event.
    """
    result = Passed()
    for hourly in histories.values():
        before = flag_hours(hourly).is_valid[list(PARTICLES)]
        for seed in seeds:
            injected = inject(kind, hourly, rng_of(kind, seed))
            hours = injected.hourly[TIMESTAMP]
            is_in_event = ((hours >= injected.begin) & (hours < injected.end)).to_numpy()
            is_sound = before.to_numpy() & is_in_event[:, np.newaxis]
            if not is_sound.any():
                continue
            result.events += 1
            result.readings += int(is_sound.sum())
            final = flag_hours(injected.hourly).is_valid[list(PARTICLES)]
            result.failed += int((is_sound & ~final.to_numpy()).sum())
            seen = seen_as_of(injected.hourly, injected.begin, injected.end)
            result.failed_newest += int((seen.failed_newest[list(PARTICLES)].to_numpy() & is_sound).sum())
            result.failed_once += int((seen.failed_once[list(PARTICLES)].to_numpy() & is_sound).sum())
            has_true = is_in_event & seen.true_nowcast.notna().to_numpy()
            is_same = (seen.nowcast - seen.true_nowcast).abs().to_numpy() <= 1
            result.hours += int(has_true.sum())
            result.other_nowcast += int((has_true & ~is_same).sum())
    return result


@dataclass(frozen=True)
class SeenAsOf:
    """How hours were seen when they were new.

    Args:
        failed_newest: one row an hour, one column a field: whether it failed when its hour was the newest.
        failed_once: whether it failed as of its hour or one of the eleven after it: those whose NowCast uses it.
        nowcast: AQI of the NowCast as of each hour; NaN where there was none, or where it was not looked at.
        true_nowcast: the same of all readings.
    """

    failed_newest: pd.DataFrame
    failed_once: pd.DataFrame
    nowcast: pd.Series
    true_nowcast: pd.Series


def seen_as_of(hourly: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp) -> SeenAsOf:
    """Judge a history as of each hour from one hour on, and eleven hours longer than to an excluded end.

    Args:
        hourly: in the layout of `hourly_frame`, ordered by time, its index counted from 0.
        begin, end: hours.
    """
    hours = pd.DatetimeIndex(hourly[TIMESTAMP])
    columns = flag_hours(hourly.iloc[:1]).fields
    newest, once = (np.zeros((len(hours), len(columns)), dtype=bool) for _ in range(2))
    seen = np.full(len(hours), np.nan)
    last = end + timedelta(hours=NOWCAST_HOURS - 1)
    for row in map(int, np.flatnonzero((hours >= begin) & (hours < last))):
        as_of = flags_as_of(hourly, hours[row].to_pydatetime())
        failed = (as_of.readings.notna() & ~as_of.is_valid)[columns].to_numpy()
        newest[row] = failed[-1]
        recent = hours[row - NOWCAST_HOURS + 1 : row + 1] if row >= NOWCAST_HOURS else hours[: row + 1]
        is_recent = (as_of.hours[TIMESTAMP] >= recent.min()).to_numpy()
        once[row + 1 - is_recent.sum() : row + 1] |= failed[is_recent]
        readings = as_of.valid_readings[is_recent].set_axis(recent[-is_recent.sum() :])
        seen[row] = nowcast_index(readings).iloc[-1]
    return SeenAsOf(
        pd.DataFrame(newest, index=hourly.index, columns=columns),
        pd.DataFrame(once, index=hourly.index, columns=columns),
        pd.Series(seen),
        nowcast_index(hourly.set_index(hours)).reset_index(drop=True),
    )


def nowcast_index(readings: pd.DataFrame) -> pd.Series:
    """Return the AQI of the NowCast of each hour.

    Args:
        readings: of particles (µg/m³), by hour.
    """
    grid = readings[list(PARTICLES)].asfreq("h")
    return highest(aqi_of_pollutants(grid.apply(nowcast))).reindex(readings.index)
