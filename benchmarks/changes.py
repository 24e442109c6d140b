"""What faults and sound events do to readings.

All take the readings of a span and those of the whole history (one column per field, one row an hour), draw sizes, and
return the readings of the span.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from airquality_dagster.readings.flags import PARTICLES

Change = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]


def stuck(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One value."""
    return (span * 0.0).add(span.bfill().iloc[0], axis="columns")


def spike_of_sigmas(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Up by eight standard deviations of the channel."""
    return span + 8 * whole.std()


def spike_of_maxima(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Up by once to five times the highest reading."""
    return span + whole.max() * rng.uniform(1, 5)


def zero(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Exactly zero."""
    return span.where(span.isna(), 0.0)


def drift(signs: tuple[float, float]) -> Change:
    """Add a multiple of the mean, drawn between two, by a line of 28 to 56 days; then stay."""

    def change(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return span + np.outer(_ramp(len(span), rng), rng.uniform(*signs) * height(whole))

    return change


def lost_gain(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose 50 to 80 % of the reading by a line of 28 to 56 days."""
    return span.mul(1 - rng.uniform(0.5, 0.8) * _ramp(len(span), rng), axis="index")


def _ramp(hours: int, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.arange(1, hours + 1) / (24 * rng.uniform(28, 56)), 0, 1)


def step_up(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Up by 50 to 150 % of the mean."""
    return span + rng.uniform(0.5, 1.5) * height(whole)


def step_down(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Down by 40 to 70 % of the mean; what would pass a tenth of the reading stays there."""
    return (span - rng.uniform(0.4, 0.7) * height(whole)).clip(lower=0.1 * span.abs())


def height(whole: pd.DataFrame) -> pd.Series:
    """Return the mean of each channel, or twice its deviation where an offset has taken the mean away."""
    return whole.mean().abs().clip(lower=2 * whole.std())


def times(factor: float) -> Change:
    """Return the change to another gain or unit."""
    return lambda span, _, rng: span * factor


def noise(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Noise from hour to hour that makes the usual one three times as large."""
    rest = whole - whole.rolling(5, center=True, min_periods=3).median()
    usual = 1.4826 * rest.abs().replace(0.0, np.nan).median()
    noisy = span + rng.normal(0, np.sqrt(3**2 - 1), span.shape) * usual.to_numpy()
    for field in set(PARTICLES) & set(span):
        noisy[field] = noisy[field].clip(lower=0.0)
    return noisy


def clipped_above(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """No more than what 50 to 90 % of the readings stay below."""
    return span.clip(upper=whole.quantile(rng.uniform(0.5, 0.9)), axis="columns")


def clipped_to_zero(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """An offset below zero for 40 to 90 % of the hours of each 60 days, of which the source makes 0.0."""
    part, hours = rng.uniform(0.4, 0.9), 60 * 24
    offset = span.rolling(hours, min_periods=1).quantile(part)
    offset.iloc[:hours] = span.iloc[:hours].quantile(part)
    return (span - offset).clip(lower=0.0)


def clipped_at_floor(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """No less than what 30 to 70 % of the readings stay below."""
    return span.clip(lower=whole.quantile(rng.uniform(0.3, 0.7)), axis="columns")


def swapped(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Two channels in each other's place."""
    return span[span.columns[::-1]].set_axis(span.columns, axis="columns")


def hour_late(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Each reading an hour late."""
    return span.shift(1)


def repeated_day(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The day before the span again and again."""
    day = np.arange(len(span)) % 24
    return pd.DataFrame(span.to_numpy()[day], index=span.index, columns=span.columns)


def indoors(span: pd.DataFrame, _: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
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


def harmattan(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Dust that comes within days and goes within days: three to eight times the usual reading."""
    hours, size = np.arange(len(span)), rng.uniform(3, 8) - 1
    rising, falling = rng.uniform(36, 72), rng.uniform(48, 120)
    dust = np.minimum(np.minimum(hours / rising, (len(span) - hours) / falling), 1)
    return span + np.outer(size * dust, whole.median()) * _own(span)


def front(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A wall of dust or smoke: PM2.5 to some 120 and PM10 to some 500 µg/m³ within an hour, for hours, then less."""
    hours, lasting = np.arange(len(span)), rng.integers(4, 13)
    shape = np.where(hours < lasting, 1.0, np.exp(-(hours - lasting + 1) / rng.uniform(2, 6)))
    shape[0] *= rng.uniform(0.7, 1)
    heights = pd.Series({"pm2_5": rng.uniform(90, 140), "pm10": rng.uniform(400, 600)})
    return span + np.outer(shape, heights[list(map(str, span))]) * _own(span)


def event(span: pd.DataFrame, whole: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One to three hours of smoke beside the station."""
    height = rng.uniform(40, 100)
    heights = pd.Series({"pm2_5": height, "pm10": height * rng.uniform(1.5, 3)})
    return span + np.outer(rng.uniform(0.8, 1, len(span)), heights[list(map(str, span))])


def _own(span: pd.DataFrame) -> pd.DataFrame:
    """Return how a station's readings differ from its own hours before: what an event does not take away."""
    usual = span.rolling(24, min_periods=1).median()
    return ((span / usual).clip(0.3, 3) ** 0.3).where(usual > 0, 1.0)
