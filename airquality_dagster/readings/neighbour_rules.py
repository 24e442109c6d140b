"""Rules that find what two neighbouring stations disagree on.

The limits are judgements of this project, tuned on the seven months of year 1 in which both stations of Abidjan stood
at their streets. docs/neighbours.md says what they find.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from airquality_dagster.readings.disagreements import FIRST, SECOND, Disagreement, Kind
from airquality_dagster.readings.neighbours import (
    CORRELATION_DAYS,
    LAGS,
    LEVELS,
    NO2,
    O3,
    PM2_5,
    PM10,
    REFERENCE_DAYS,
    SHARE,
    TEMPERATURE,
    WINDOWS,
    Pair,
)
from airquality_dagster.readings.windows import HOURS, change_point, median


@dataclass(frozen=True)
class _Limits:
    """From which change of a logarithm on a level is another one.

    Args:
        by_days: for each of `WINDOWS`.
        per_common: more by this share of what both stations changed together. Two sensors do not answer to dust alike:
            in the Harmattan both rise by several times, and the ratio of the two changes without a fault.
    """

    by_days: Mapping[int, float]
    per_common: float


# exp(0.24) = 1.27, exp(0.36) = 1.43, exp(0.16) = 1.17. The highest of the tuning period: share 0.18, 0.17, 0.14; PM2.5
# 0.28, 0.25, 0.25; PM10 0.44, 0.23, 0.21; NO2 0.04; O3 0.17, 0.16, 0.13.
_LIMITS: Mapping[str, _Limits] = {
    SHARE: _Limits(dict(zip(WINDOWS, (0.30, 0.27, 0.24), strict=True)), 0.15),
    PM2_5: _Limits(dict(zip(WINDOWS, (0.45, 0.40, 0.36), strict=True)), 0.3),
    PM10: _Limits(dict(zip(WINDOWS, (0.55, 0.34, 0.30), strict=True)), 0.2),
    NO2: _Limits(dict.fromkeys(WINDOWS, 0.16), 0.1),
    O3: _Limits(dict(zip(WINDOWS, (0.30, 0.25, 0.22), strict=True)), 0.1),
}
_LEAST_CORRELATION_OF_TEMPERATURE = 0.8  # lowest of the tuning period: 0.92
_LEAST_GAIN_OF_A_LAG = 0.2  # correlation; without a shift, no lag was better than none by more than -0.24
_LEAST_SCORE_OF_A_LAG = 0.5  # of the weather moved by the lag; without a shift, 0.65 or more
_LEAST_REPEATED_HOURS = HOURS // 2
_LEAST_CORRELATION_OF_SWAPPED = 0.5
_NOISE_DAYS = 14
_NOISE_FACTOR = 0.8  # a logarithm
# A station has left its past if its own level, as a logarithm, has changed by more than the first of these, and that of
# the other by less than this share of it: weather changes both.
_DAYS_OF_THE_PAST = max(WINDOWS)
_LEAST_OWN_CHANGE, _MOST_OTHER_CHANGE = 0.15, 0.5
# The level of particles, unlike their share, is that of the weather, too: in the first days it says nothing of a
# station, and later only if the other one has hardly changed.
_DAYS_OF_WEATHER = 10
_MOST_CHANGE_OF_WEATHER = 0.2


def disagreements(pair: Pair) -> list[list[Disagreement]]:
    """Return what the stations of a pair disagree on, for each of its days since `Pair.since`."""
    found: list[list[Disagreement]] = [[] for _ in range(len(pair.dates))]
    for find in (_repeated_days, _time_shifts, _uncorrelated, _swapped, _levels, _noise):
        for day, disagreement in find(pair, found):
            found[day].append(disagreement)
    return found[pair.since :]


_Found = Iterator[tuple[int, Disagreement]]


def _levels(pair: Pair, found: list[list[Disagreement]]) -> _Found:
    """Levels whose ratio has changed."""
    excess, changes = {}, {}
    for name, limits in _LIMITS.items():
        # The changes in common are those of PM2.5: its share in PM10 depends on how much dust there is.
        level = PM2_5 if name == SHARE else name
        for days, limit in limits.by_days.items():
            common = _in_common(*(pair.changed(own[level], days) for own in pair.log_levels))
            changes[name, days] = pair.changed(pair.log_ratios[name], days)
            excess[name, days] = np.abs(changes[name, days]) / (limit + limits.per_common * common)
    for name in _LIMITS:
        is_other = np.max([np.nan_to_num(excess[name, days]) for days in WINDOWS], axis=0) > 1
        for day in np.flatnonzero(is_other).tolist():
            days = max(WINDOWS, key=lambda days: np.nan_to_num(excess[name, days][day]))
            field, size = name, float(changes[name, days][day])
            if name == SHARE:
                # Of two channels, the one whose ratio has changed more in the same direction.
                pm2_5, pm10 = (np.sign(size) * np.nan_to_num(changes[field, days][day]) for field in (PM2_5, PM10))
                field, size = (PM2_5, size) if pm2_5 >= -pm10 else (PM10, -size)
            if _is_explained(found[day], field):
                continue
            since = _since(pair.log_ratios[name], day)
            own = [of_station[name] for of_station in pair.log_levels]
            whose = _whose(own, since, day)
            if name in (PM2_5, PM10) and (day < since + _DAYS_OF_WEATHER or not _is_alone(own, since, day)):
                whose = None
            yield day, Disagreement(Kind.LEVEL, field, _date(pair, since), whose, float(np.exp(size)))


def _is_explained(found: list[Disagreement], field: str) -> bool:
    """Return whether what was found of a day changes the level and the noise of a reading, too.

    The share of PM2.5 in PM10 comes first, and says more exactly which of the two has changed.
    """
    if any(one.kind == Kind.UNCORRELATED for one in found):
        return True  # the air of another place
    fields = {one.field for one in found}
    if any(one.kind == Kind.SWAPPED for one in found):
        fields |= {NO2, O3}
    return field in fields


def _in_common(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far both changed in one direction."""
    common = np.where(np.sign(first) == np.sign(second), np.minimum(np.abs(first), np.abs(second)), 0.0)
    return np.nan_to_num(common)


def _time_shifts(pair: Pair, found: list[list[Disagreement]]) -> _Found:
    """The weather of one station comes hours later."""
    scores = pair.lag_scores
    gains = np.nan_to_num(scores - scores[:, [LAGS.index(0)]])
    best = gains.argmax(axis=1)
    scores_of_best = np.nan_to_num(np.take_along_axis(scores, best[:, np.newaxis], axis=1)[:, 0])
    is_shifted = (gains.max(axis=1) >= _LEAST_GAIN_OF_A_LAG) & (scores_of_best >= _LEAST_SCORE_OF_A_LAG)
    daily = pair.lag_scores_of(days=1) if is_shifted.any() else scores
    for day in np.flatnonzero(is_shifted).tolist():
        gain = daily[:, best[day]] - daily[:, LAGS.index(0)]
        since = _date(pair, _since(gain, day))
        yield day, Disagreement(Kind.TIME_SHIFT, None, since, None, float(LAGS[best[day]]))


def _uncorrelated(pair: Pair, found: list[list[Disagreement]]) -> _Found:
    """The temperatures do not go together: one station is indoors or elsewhere."""
    correlations = pair.correlation(TEMPERATURE)
    daily = pair.correlation(TEMPERATURE, days=1)
    for day in np.flatnonzero(correlations < _LEAST_CORRELATION_OF_TEMPERATURE).tolist():
        week = found[max(0, day + 1 - CORRELATION_DAYS) : day + 1]
        if any(one.kind == Kind.REPEATED_DAY for of_day in week for one in of_day):
            continue
        if any(one.kind == Kind.TIME_SHIFT for one in found[day]):
            continue
        since = _since(daily, day)
        whose = _whose(pair.log_swings, since, day)
        if not median(daily[max(0, since - _DAYS_OF_THE_PAST) : since]) >= _LEAST_CORRELATION_OF_TEMPERATURE:
            # It has been so for all of the past. Rooms have a flat temperature, and two streets of a town the same.
            whose = _flatter(*(float(median(swings[since : day + 1])) for swings in pair.log_swings))
        yield day, Disagreement(Kind.UNCORRELATED, TEMPERATURE, _date(pair, since), whose, float(correlations[day]))


def _swapped(pair: Pair, found: list[list[Disagreement]]) -> _Found:
    """NO2 of one station goes with O3 of the other."""
    alike = np.fmax(pair.correlation(NO2), pair.correlation(O3))
    crossed = np.fmin(pair.correlation(NO2, O3), pair.correlation(O3, NO2))
    daily = pair.correlation(NO2, O3, days=1)
    for day in np.flatnonzero((alike < 0) & (crossed > _LEAST_CORRELATION_OF_SWAPPED)).tolist():
        since = _since(daily, day)
        whose = _whose([levels[NO2] - levels[O3] for levels in pair.log_levels], since, day)
        yield day, Disagreement(Kind.SWAPPED, NO2, _date(pair, since), whose, float(crossed[day]))


def _noise(pair: Pair, found: list[list[Disagreement]]) -> _Found:
    """One station changes from hour to hour more, or less, than it did."""
    for field in LEVELS:
        first, second = (steps[field] for steps in pair.log_steps)
        changes = pair.changed(second - first, _NOISE_DAYS)
        for day in np.flatnonzero(np.abs(changes) > _NOISE_FACTOR).tolist():
            if _is_explained(found[day], field):
                continue
            since = _since(second - first, day)
            whose = _whose((first, second), since, day)
            yield day, Disagreement(Kind.NOISE, field, _date(pair, since), whose, float(np.exp(changes[day])))


def _repeated_days(pair: Pair, found: list[list[Disagreement]]) -> _Found:
    """One station sends the hours of the day before again."""
    for station, hours in zip((FIRST, SECOND), pair.repeated_hours, strict=True):
        is_repeated = hours >= _LEAST_REPEATED_HOURS
        for day in np.flatnonzero(is_repeated).tolist():
            before = np.flatnonzero(~is_repeated[max(0, day - REFERENCE_DAYS) : day + 1])
            begin = max(0, day - REFERENCE_DAYS) + (int(before[-1]) + 1 if len(before) else 0)
            yield day, Disagreement(Kind.REPEATED_DAY, None, _date(pair, begin), station, float(hours[day]))


def _flatter(first: float, second: float) -> str | None:
    """Return the station whose temperature swings less than half as far as that of the other."""
    if not abs(first - second) > np.log(2):
        return None
    return FIRST if first < second else SECOND


def _date(pair: Pair, day: int) -> datetime:
    return pair.dates[day].to_pydatetime()


def _since(daily: np.ndarray, day: int) -> int:
    """Return the estimated day since when a daily value is another one."""
    begin = max(0, day + 1 - REFERENCE_DAYS)
    return begin + change_point(daily[begin : day + 1])


def _whose(of_stations: Sequence[np.ndarray], since: int, day: int) -> str | None:
    """Return which station has left its own past, None if both have or neither has.

    Args:
        of_stations: daily logarithms of the first and of the second.
        since: day of the change.
        day: the present day.
    """
    of_first, of_second = _own_changes(of_stations, since, day)
    small, large = sorted((of_first, of_second))
    if not large >= _LEAST_OWN_CHANGE or small > _MOST_OTHER_CHANGE * large:
        return None
    return FIRST if of_first > of_second else SECOND


def _is_alone(of_stations: Sequence[np.ndarray], since: int, day: int) -> bool:
    """Return whether one station has hardly changed."""
    changes = _own_changes(of_stations, since, day)
    return min(changes) <= _MOST_CHANGE_OF_WEATHER * max(changes)


def _own_changes(of_stations: Sequence[np.ndarray], since: int, day: int) -> tuple[float, float]:
    """Return how far each station is from its own past."""
    begin = max(0, since - _DAYS_OF_THE_PAST)
    first, second = (abs(float(median(own[since : day + 1]) - median(own[begin:since]))) for own in of_stations)
    return first, second
