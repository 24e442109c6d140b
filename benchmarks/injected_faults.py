"""Faults and sound events, put into real readings at random: what is wrong, or only looks wrong, is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD, TIMESTAMP
from airquality_dagster.readings.flags import PARTICLES
from benchmarks.changes import (
    Change,
    clipped_above,
    clipped_at_floor,
    clipped_to_zero,
    drift,
    event,
    front,
    harmattan,
    height,
    hour_late,
    indoors,
    lost_gain,
    noise,
    repeated_day,
    spike_of_maxima,
    spike_of_sigmas,
    step_down,
    step_up,
    stuck,
    swapped,
    times,
    zero,
)

GASES = ("co", "no2", "o3")
_WEATHER = ("temperature", "relative_humidity")
# Four weeks: what rules and pairs need to know a station.
SETTLED = timedelta(days=28)


@dataclass(frozen=True)
class Injected:
    """A station's hours with one fault or one sound event.

    Args:
        hourly: the hours in the layout of `hourly_frame`; same rows as before.
        kind: one of `KINDS`.
        fields: readings that were changed.
        begin, end: of the fault or event; the end is excluded.
        is_faulty: one row an hour, one column per changed field: whether it is wrong. Nowhere for a sound event.
    """

    hourly: pd.DataFrame
    kind: str
    fields: tuple[str, ...]
    begin: pd.Timestamp
    end: pd.Timestamp
    is_faulty: pd.DataFrame


@dataclass(frozen=True)
class Kind:
    """A kind of fault or event.

    Args:
        change: (readings of the span by field, readings of the whole period by field, rng) → changed readings.
        fields: the sets of fields of which one is drawn.
        hours: shortest and longest span; a span is cut where the frame ends.
        stays: whether it never ends by itself: the span goes on to the end of the frame.
        is_sound: whether it is air.
        least_change: an hour is faulty if it changes by more than this share of the channel's height; None: all hours.
        hours_before: hours before the span that `change` gets too, and may not change.
    """

    change: Change
    fields: tuple[tuple[str, ...], ...]
    hours: tuple[int, int]
    is_sound: bool = False
    stays: bool = False
    least_change: float | None = None
    hours_before: int = 0


def inject(
    kind: str,
    hourly: pd.DataFrame,
    rng: np.random.Generator,
    *,
    fields: tuple[str, ...] | None = None,
    settled: timedelta = SETTLED,
) -> Injected:
    """Put one fault or event into a station's hours.

    Begin and length are drawn first, from the span of the frame: with equal seeds two stations with equal spans have
    the same event at the same hours.

    Args:
        kind: one of `KINDS`.
        hourly: one row an hour, ordered by time, in the layout of `hourly_frame`; it is not changed.
        rng: draws begin, length, fields and size.
        fields: changed instead of fields drawn at random.
        settled: time at the begin of the frame that stays as it is.
    """
    rules = KINDS[kind]
    hours = pd.DatetimeIndex(hourly[TIMESTAMP])
    grid = hourly.set_index(hours).reindex(columns=list(BY_FIELD)).astype("float64").asfreq("h")
    first, room = int(settled // timedelta(hours=1)), len(grid) - rules.hours[0]
    begin = int(rng.integers(first, room))
    least, most = rules.hours
    length = round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))
    length = len(grid) - begin if rules.stays else min(length, len(grid) - begin)
    changed = fields or rules.fields[int(rng.integers(len(rules.fields)))]

    span = grid.iloc[begin - rules.hours_before : begin + length]
    after = grid.copy()
    new = rules.change(span[list(changed)].copy(), grid[list(changed)], rng).iloc[rules.hours_before :]
    after.loc[new.index, list(changed)] = new
    before, after = grid[list(changed)], after[list(changed)]
    is_faulty = after.notna() & False if rules.is_sound else after.notna()
    is_faulty &= np.isin(grid.index, new.index)[:, np.newaxis]
    if rules.least_change is not None:
        is_faulty &= (after - before).abs() > rules.least_change * height(before)
    result = hourly.assign(**{field: after[field].reindex(hours).to_numpy() for field in changed})
    return Injected(
        result,
        kind,
        changed,
        grid.index[begin],
        grid.index[begin + length - 1] + timedelta(hours=1),
        is_faulty.reindex(hours).reset_index(drop=True).set_axis(hourly.index),
    )


def rng_of(kind: str, seed: int) -> np.random.Generator:
    """Return the random numbers of a fault: the same for all stations."""
    return np.random.default_rng([seed, list(KINDS).index(kind)])


_CHANNELS = (*((gas,) for gas in GASES), *((fraction,) for fraction in PARTICLES))
_ALL = (tuple(BY_FIELD),)
_SHORT, _LASTING = (6, 10 * 24), (40 * 24, 90 * 24)

KINDS: Mapping[str, Kind] = {
    "stuck": Kind(stuck, (*_CHANNELS, PARTICLES, ("temperature",)), (8, 10 * 24)),
    "spike of 8 sigma": Kind(spike_of_sigmas, _CHANNELS, (1, 2)),
    "spike of 1 to 5 x max": Kind(spike_of_maxima, _CHANNELS, (1, 2)),
    "drop to 0": Kind(zero, (*_CHANNELS, PARTICLES), (1, 10 * 24)),
    "drift up": Kind(drift((1, 3)), (*_CHANNELS, PARTICLES), _LASTING, stays=True, least_change=0.25),
    "drift down": Kind(lost_gain, (*_CHANNELS, PARTICLES), _LASTING, stays=True, least_change=0.25),
    "drift below zero": Kind(drift((-3, -1)), (("co",), ("o3",)), _LASTING, stays=True, least_change=1.0),
    "step up": Kind(step_up, (*_CHANNELS, PARTICLES), _LASTING),
    "step down": Kind(step_down, (*_CHANNELS, PARTICLES), _LASTING),
    "gain x 0.5": Kind(times(0.5), (*_CHANNELS, PARTICLES), _LASTING),
    "gain x 1.5": Kind(times(1.5), (*_CHANNELS, PARTICLES), _LASTING),
    "gain x 2": Kind(times(2), (*_CHANNELS, PARTICLES), _LASTING),
    "unit x 1000": Kind(times(1000), (*_CHANNELS, PARTICLES), _LASTING),
    "unit / 1000": Kind(times(1 / 1000), (*_CHANNELS, PARTICLES), _LASTING),
    "unit x 1.88": Kind(times(1.88), (("no2",), ("o3",)), _LASTING),
    "noise x 3": Kind(noise, (*_CHANNELS, PARTICLES), _LASTING),
    "clipped above": Kind(clipped_above, (*_CHANNELS, PARTICLES), _LASTING, least_change=0.0),
    "clipped to 0": Kind(clipped_to_zero, (("co",), ("o3",)), _LASTING, stays=True),
    "clipped at a floor": Kind(clipped_at_floor, (*_CHANNELS, PARTICLES), _LASTING, least_change=0.0),
    "swap of NO2 and O3": Kind(swapped, (("no2", "o3"),), _LASTING),
    "swap of PM2.5 and PM10": Kind(swapped, (PARTICLES,), _LASTING),
    "1 h shift": Kind(hour_late, _ALL, _LASTING, hours_before=1),
    "repeated day": Kind(repeated_day, _ALL, (24, 5 * 24), hours_before=24),
    "indoors": Kind(indoors, ((*_WEATHER, *PARTICLES),), _LASTING),
    "sound: Harmattan": Kind(harmattan, (PARTICLES,), (8 * 24, 14 * 24), is_sound=True),
    "sound: front": Kind(front, (PARTICLES,), (16, 48), is_sound=True),
    "sound: short event": Kind(event, (PARTICLES,), (1, 3), is_sound=True),
}
SOUND = tuple(name for name, kind in KINDS.items() if kind.is_sound)
FAULTS = tuple(name for name in KINDS if name not in SOUND)
