"""Faults and sound events, put into real readings at random: what is wrong, or only looks wrong, is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD, TIMESTAMP
from airquality_dagster.readings.flags import PARTICLES

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

    change: Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]
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
        is_faulty &= (after - before).abs() > rules.least_change * _height(before)
    result = hourly.assign(**{field: after[field].reindex(hours).to_numpy() for field in changed})
    return Injected(
        result,
        kind,
        changed,
        grid.index[begin],
        grid.index[begin + length - 1] + timedelta(hours=1),
        is_faulty.reindex(hours).reset_index(drop=True).set_axis(hourly.index),
    )


def _stuck(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One value."""
    return (span * 0.0).add(span.bfill().iloc[0], axis="columns")


def _spike_of_sigmas(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Up by eight standard deviations of the channel."""
    return span + 8 * whole.std()


def _spike_of_maxima(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Up by once to five times the highest reading."""
    return span + whole.max() * rng.uniform(1, 5)


def _zero(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return span.where(span.isna(), 0.0)


def _drift(signs: tuple[float, float]) -> Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]:
    """Add a multiple of the mean, drawn between two, by a line of 28 to 56 days; then stay."""

    def change(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return span + np.outer(_ramp(len(span), rng), rng.uniform(*signs) * _height(whole))

    return change


def _lost_gain(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose 50 to 80 % of the reading by a line of 28 to 56 days."""
    return span.mul(1 - rng.uniform(0.5, 0.8) * _ramp(len(span), rng), axis="index")


def _ramp(hours: int, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.arange(1, hours + 1) / (24 * rng.uniform(28, 56)), 0, 1)


def _step_up(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return span + rng.uniform(0.5, 1.5) * _height(whole)


def _step_down(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Down by 40 to 70 % of the mean; what would pass a tenth of the reading stays there."""
    return (span - rng.uniform(0.4, 0.7) * _height(whole)).clip(lower=0.1 * span.abs())


def _height(whole: pd.DataFrame) -> pd.Series:
    """Return the mean of each channel, or twice its deviation where an offset has taken the mean away."""
    return whole.mean().abs().clip(lower=2 * whole.std())


def _factor(factor: float) -> Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]:
    return lambda span, _, rng: span * factor


def _noise(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Noise from hour to hour that makes the usual one three times as large."""
    rest = whole - whole.rolling(5, center=True, min_periods=3).median()
    usual = 1.4826 * rest.abs().replace(0.0, np.nan).median()
    noisy = span + rng.normal(0, np.sqrt(3**2 - 1), span.shape) * usual.to_numpy()
    for field in set(PARTICLES) & set(span):
        noisy[field] = noisy[field].clip(lower=0.0)
    return noisy


def _clipped_above(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return span.clip(upper=whole.quantile(rng.uniform(0.5, 0.9)), axis="columns")


def _clipped_to_zero(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """An offset below zero for 40 to 90 % of the hours of the first 60 days, of which the source makes 0.0."""
    return (span - span.iloc[: 60 * 24].quantile(rng.uniform(0.4, 0.9))).clip(lower=0.0)


def _clipped_at_floor(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return span.clip(lower=whole.quantile(rng.uniform(0.3, 0.7)), axis="columns")


def _swapped(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return span[span.columns[::-1]].set_axis(span.columns, axis="columns")


def _hour_late(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return span.shift(1)


def _repeated_day(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The day before the span again and again."""
    day = np.arange(len(span)) % 24
    return pd.DataFrame(span.to_numpy()[day], index=span.index, columns=span.columns)


def _indoors(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Air-conditioned rooms: a flat temperature and humidity, particles that come in late and few, and events."""
    count, room = len(span), rng.uniform(24, 28)
    indoors = span.copy()
    of_day = pd.DatetimeIndex(span.index).hour.to_numpy()
    indoors["temperature"] = room + 0.5 * np.sin((of_day - rng.uniform(0, 24)) / 24 * 2 * np.pi)
    indoors["temperature"] += _slow(rng, count, 0.3)
    indoors["relative_humidity"] = rng.uniform(50, 65) + _slow(rng, count, 1.0)
    share, events = rng.uniform(0.3, 0.6), np.where(rng.random(count) < 0.02, rng.uniform(5, 25, count), 0.0)
    for field in PARTICLES:
        smooth = span[field].ewm(halflife=6, ignore_na=True).mean()
        indoors[field] = share * smooth * np.exp(_slow(rng, count, 0.2)) + pd.Series(events, span.index).ewm(2).mean()
    return indoors.where(span.notna())


def _slow(rng: np.random.Generator, count: int, size: float) -> np.ndarray:
    """Return noise that lasts for hours."""
    return size * np.asarray(pd.Series(rng.normal(0, 1, count)).ewm(halflife=6).mean()) * 4


def _harmattan(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Dust that comes within days and goes within days: three to eight times the usual reading."""
    hours, size = np.arange(len(span)), rng.uniform(3, 8) - 1
    rising, falling = rng.uniform(36, 72), rng.uniform(48, 120)
    dust = np.minimum(np.minimum(hours / rising, (len(span) - hours) / falling), 1)
    return span + np.outer(size * dust, whole.median()) * _own(span)


def _front(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A wall of dust or smoke: PM2.5 to some 120 and PM10 to some 500 µg/m³ within an hour, for hours, then less."""
    hours, lasting = np.arange(len(span)), rng.integers(4, 13)
    shape = np.where(hours < lasting, 1.0, np.exp(-(hours - lasting + 1) / rng.uniform(2, 6)))
    shape[0] *= rng.uniform(0.7, 1)
    heights = pd.Series({"pm2_5": rng.uniform(90, 140), "pm10": rng.uniform(400, 600)})
    return span + np.outer(shape, heights[list(map(str, span))]) * _own(span)


def _event(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One to three hours of smoke beside the station."""
    height = rng.uniform(40, 100)
    heights = pd.Series({"pm2_5": height, "pm10": height * rng.uniform(1.5, 3)})
    return span + np.outer(rng.uniform(0.8, 1, len(span)), heights[list(map(str, span))])


def _own(span: pd.DataFrame) -> pd.DataFrame:
    """Return how a station's readings differ from its own hours before: what an event does not take away."""
    usual = span.rolling(24, min_periods=1).median()
    return ((span / usual).clip(0.3, 3) ** 0.3).where(usual > 0, 1.0)


_CHANNELS = (*((gas,) for gas in GASES), *((fraction,) for fraction in PARTICLES))
_ALL = (tuple(BY_FIELD),)
_SHORT, _LASTING = (6, 10 * 24), (40 * 24, 90 * 24)

KINDS: Mapping[str, Kind] = {
    "stuck": Kind(_stuck, (*_CHANNELS, PARTICLES, ("temperature",)), (8, 10 * 24)),
    "spike of 8 sigma": Kind(_spike_of_sigmas, _CHANNELS, (1, 2)),
    "spike of 1 to 5 x max": Kind(_spike_of_maxima, _CHANNELS, (1, 2)),
    "drop to 0": Kind(_zero, (*_CHANNELS, PARTICLES), (1, 10 * 24)),
    "drift up": Kind(_drift((1, 3)), (*_CHANNELS, PARTICLES), _LASTING, stays=True, least_change=0.25),
    "drift down": Kind(_lost_gain, (*_CHANNELS, PARTICLES), _LASTING, stays=True, least_change=0.25),
    "drift below zero": Kind(_drift((-3, -1)), (("co",), ("o3",)), _LASTING, stays=True, least_change=1.0),
    "step up": Kind(_step_up, (*_CHANNELS, PARTICLES), _LASTING),
    "step down": Kind(_step_down, (*_CHANNELS, PARTICLES), _LASTING),
    "gain x 0.5": Kind(_factor(0.5), (*_CHANNELS, PARTICLES), _LASTING),
    "gain x 1.5": Kind(_factor(1.5), (*_CHANNELS, PARTICLES), _LASTING),
    "gain x 2": Kind(_factor(2), (*_CHANNELS, PARTICLES), _LASTING),
    "unit x 1000": Kind(_factor(1000), (*_CHANNELS, PARTICLES), _LASTING),
    "unit / 1000": Kind(_factor(1 / 1000), (*_CHANNELS, PARTICLES), _LASTING),
    "unit x 1.88": Kind(_factor(1.88), (("no2",), ("o3",)), _LASTING),
    "noise x 3": Kind(_noise, (*_CHANNELS, PARTICLES), _LASTING),
    "clipped above": Kind(_clipped_above, (*_CHANNELS, PARTICLES), _LASTING, least_change=0.0),
    "clipped to 0": Kind(_clipped_to_zero, (("co",), ("o3",)), _LASTING, stays=True),
    "clipped at a floor": Kind(_clipped_at_floor, (*_CHANNELS, PARTICLES), _LASTING, least_change=0.0),
    "swap of NO2 and O3": Kind(_swapped, (("no2", "o3"),), _LASTING),
    "swap of PM2.5 and PM10": Kind(_swapped, (PARTICLES,), _LASTING),
    "1 h shift": Kind(_hour_late, _ALL, _LASTING, hours_before=1),
    "repeated day": Kind(_repeated_day, _ALL, (24, 5 * 24), hours_before=24),
    "indoors": Kind(_indoors, ((*_WEATHER, *PARTICLES),), _LASTING),
    "sound: Harmattan": Kind(_harmattan, (PARTICLES,), (8 * 24, 14 * 24), is_sound=True),
    "sound: front": Kind(_front, (PARTICLES,), (16, 48), is_sound=True),
    "sound: short event": Kind(_event, (PARTICLES,), (1, 3), is_sound=True),
}
SOUND = tuple(name for name, kind in KINDS.items() if kind.is_sound)
FAULTS = tuple(name for name in KINDS if name not in SOUND)
