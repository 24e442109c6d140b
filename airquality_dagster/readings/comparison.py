"""What the air at one of two stations has more of than at the other, and how sure that is.

Two low-cost sensors do not read the same air alike. The difference of their readings is the air's and the
instruments'. Weeks in which both stood side by side tell the instruments' part: on one scale, what is left is the
air's. docs/comparison.md has the method, its sources and a worked example.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_bootstrap import DETECTABLE, DRAWS, draw_days, interval, seed_of
from airquality_dagster.readings.comparison_left_out import LeftOut
from airquality_dagster.readings.comparison_parts import Parts, background_of, parts_of
from airquality_dagster.readings.comparison_relation import Relation, known, nearest, pooled
from airquality_dagster.readings.days import HOURS_FOR_A_VALID_DAY

VERSION = 1
"""Of the method; documents hold it."""

LEAST_DAYS = 14
"""Days of a difference that gets an interval. Judgement of this project: fewer are one spell of weather."""
TRUSTED_DAYS = 366
"""How long a relation is trusted as it is: a fortnight side by side each year."""
EXPIRED_DAYS = 731
"""From when on it says nothing. Both are judgements of this project: optical sensors of this kind lose a part of their
signal within one to two years (docs/comparison.md)."""
_RATIO_DAYS = timedelta(days=28)
_OFFSET = 0.5  # added before logarithms, µg/m³; as in `readings.neighbours`
_MOST_CROSS_SENSITIVE = 0.5

NO_HOURS, TOO_FEW_DAYS, LEFT_OUT = "no_hours", "too_few_days", "left_out"
CROSS_SENSITIVE = "cross_sensitive"
NO_SIDE_BY_SIDE, TOO_SHORT, DISAGREE = "no_side_by_side", "side_by_side_too_short", "side_by_side_disagree"
EXPIRED, DRIFTED, WINDOWS_DIFFER = "relation_expired", "relation_drifted", "side_by_side_differ"


@dataclass(frozen=True)
class FieldHours:
    """Hours of one reading of two stations at the places that are compared.

    Args:
        field: the reading.
        hours: starts of hours (UTC), in order.
        first, second: valid readings, NaN where there is none.
        valid_first, valid_second: how many hours of each are valid, paired or not.
        humidity: relative humidity, mean of the two, %.
        cross_sensitive: share of the hours at which one of the two responds to another gas.
        left_out: times without readings for the sake of faults.
        hours_left_out: paired hours in these.
    """

    field: str
    hours: pd.DatetimeIndex
    first: np.ndarray
    second: np.ndarray
    humidity: np.ndarray
    valid_first: int = 0
    valid_second: int = 0
    cross_sensitive: float = 0.0
    left_out: Sequence[LeftOut] = ()
    hours_left_out: int = 0


def comparison_rows(
    data: FieldHours, relations: Sequence[Relation], zone: ZoneInfo, *, with_parts: bool = True
) -> list[dict[str, Any]]:
    """Compare one reading of two stations.

    Args:
        data: the hours.
        relations: of the windows in which the two devices stood side by side, in order of time.
        zone: of local hours, days and months.
        with_parts: also by season, month, hour of day and so on, if the two have one scale; else over all hours only.

    Returns:
        the row of all hours, then those of the parts.
    """
    usable = [relation for relation in relations if relation.withheld is None]
    paired = _Paired.of(data, usable, zone)
    rows = []
    # Parts of a difference that may be the instruments' alone would be taken for the air's.
    with_parts = with_parts and bool(usable) and data.cross_sensitive <= _MOST_CROSS_SENSITIVE
    for parts in parts_of(paired.local, data.humidity[paired.place], paired.background, with_parts=with_parts):
        rows += paired.rows(data.field, parts)
    whole = rows[0]
    whole["left_out"] = [time.document for time in data.left_out]
    whole["hours_left_out"] = data.hours_left_out
    whole["valid_hours_first"], whole["valid_hours_second"] = data.valid_first, data.valid_second
    whole["cross_sensitive"] = known(data.cross_sensitive)
    whole["colocations"] = [paired.with_difference(relation) for relation in relations]
    # How much depends on the choice of a window: what all of them together would say.
    whole["colocations_pooled"] = paired.with_difference(pooled(usable)) if len(usable) > 1 else None
    whole["colocation"] = paired.main(relations)
    whole["trust"] = paired.trust()
    whole["withheld"] = _withheld(whole)
    # Parts of what may not be said would be said.
    return rows[:1] if whole["withheld"] else rows


@dataclass(frozen=True)
class _Paired:
    """Paired hours, on the scale of the second as far as that is known.

    Args:
        place: of the hours among all.
        hours: starts of the hours (UTC).
        local: the same in the time of the network.
        day: number of the local day of each hour, without gaps.
        first, second: readings.
        relations: usable ones.
        window: the number of the one that is nearest in time to each hour.
        away: how many hours away it is.
        on_scale: readings of the first as the second would have them; NaN without a relation.
        background: of both, NaN for a reading that has none.
    """

    place: np.ndarray
    hours: pd.DatetimeIndex
    local: pd.DatetimeIndex
    day: np.ndarray
    first: np.ndarray
    second: np.ndarray
    relations: Sequence[Relation]
    window: np.ndarray
    away: np.ndarray
    on_scale: np.ndarray
    background: np.ndarray

    @classmethod
    def of(cls, data: FieldHours, relations: Sequence[Relation], zone: ZoneInfo) -> "_Paired":
        place = np.flatnonzero(~np.isnan(data.first) & ~np.isnan(data.second))
        hours, first, second = data.hours[place], data.first[place], data.second[place]
        local = hours.tz_convert(zone)
        _, day = np.unique(local.tz_localize(None).to_numpy().astype("datetime64[D]"), return_inverse=True)
        window, away, on_scale = np.zeros(len(hours), dtype=int), np.zeros(len(hours)), np.full(len(hours), np.nan)
        if relations:
            window, away = nearest(hours, [relation.window for relation in relations])
            slopes, intercepts = np.array([relation.line for relation in relations]).T
            on_scale = intercepts[window] + slopes[window] * first
        common = on_scale if relations else first
        background = background_of(data.field, hours, np.minimum(common, second))
        return cls(place, hours, local, day, first, second, relations, window, away, on_scale, background)

    def rows(self, field: str, parts: Parts) -> Iterator[dict[str, Any]]:
        """Yield the rows of some parts of the time. One draw of days serves all of them."""
        chosen = parts.chosen
        raw = self._differences(self.second - self.first, chosen, ())
        scaled = self._differences(self.second - self.on_scale, chosen, self.relations)
        for number, part in enumerate(parts.parts):
            is_in = chosen[:, number]
            counts = np.bincount(self.day[is_in]) if is_in.any() else np.zeros(1)
            of_part = {
                "pollutant": field,
                "period": part.period,
                "part": part.name,
                "from": self.hours[is_in][0] if is_in.any() else None,
                "to": self.hours[is_in][-1] + timedelta(hours=1) if is_in.any() else None,
                "hours": int(is_in.sum()),
                "days": int((counts >= min(HOURS_FOR_A_VALID_DAY, part.hours_of_a_day * 0.75)).sum()),
                "mean_first": _mean(self.first[is_in]),
                "mean_second": _mean(self.second[is_in]),
                "mean_first_one_scale": _mean(self.on_scale[is_in]),
                "background": _mean(self.background[is_in]),
                "difference_raw": raw[number],
                "difference_one_scale": scaled[number],
                "version": VERSION,
            }
            if of_part["days"] < LEAST_DAYS:
                # A day is one with three quarters of its hours.
                for name in ("difference_raw", "difference_one_scale"):
                    of_part[name] = of_part[name] | dict.fromkeys(("low", "high", "detectable", "block_days"))
            of_part["instruments_share"] = _share(of_part["difference_raw"], of_part["difference_one_scale"])
            yield of_part

    def _differences(
        self, difference: np.ndarray, chosen: np.ndarray, relations: Sequence[Relation]
    ) -> list[dict[str, Any]]:
        """Return mean, median and interval of each part.

        Args:
            difference: of each hour; NaN if there is none.
            chosen: which hours are in which part.
            relations: that it rests on.
        """
        is_any = chosen.any(axis=1) & ~np.isnan(difference)
        chosen = chosen & is_any[:, np.newaxis]
        days, day = np.unique(self.day[is_any], return_inverse=True)
        found = [_difference(difference[is_in]) for is_in in chosen.T]
        if len(days) < LEAST_DAYS:
            return found
        daily = np.bincount(day, difference[is_any]) / np.bincount(day)
        seed = seed_of(self.hours[is_any].as_unit("ns").asi8, self.first[is_any], self.second[is_any])
        draws = draw_days(daily, seed, DRAWS if len(found) == 1 else DRAWS // 2)
        hours = _by_day(chosen[is_any], day)
        count = draws.of(hours)
        total = draws.of(_by_day(chosen[is_any] * difference[is_any, np.newaxis], day))
        for number in np.flatnonzero((hours > 0).sum(axis=0) >= LEAST_DAYS):
            mean = float(difference[chosen[:, number]].mean())
            is_drawn = count[:, number] > 0
            if np.mean(is_drawn) < _LEAST_DRAWN:
                continue
            means = draws.stretched(total[:, number] / np.maximum(count[:, number], 1), mean)
            means = means - self._errors_of_lines(chosen[:, number], relations, len(means))
            low, high = interval(means[is_drawn])
            found[number] |= {
                "low": known(low),
                "high": known(high),
                "detectable": known((high - low) / 2 * DETECTABLE),
                "block_days": draws.block,
            }
        return found

    def _errors_of_lines(self, is_in: np.ndarray, relations: Sequence[Relation], draws: int) -> np.ndarray | float:
        """Return by how much resamples of the side-by-side days move the mean of the first station on one scale."""
        errors: np.ndarray | float = 0.0
        for number, relation in enumerate(relations):
            first = self.first[is_in & (self.window == number)]
            if len(first):
                (slopes, intercepts), (slope, intercept) = relation.lines, relation.line
                share = len(first) / is_in.sum()
                errors = errors + share * (intercepts - intercept + (slopes - slope) * first.mean())[:draws]
        return errors

    def main(self, relations: Sequence[Relation]) -> dict[str, Any] | None:
        """Return the relation that most hours are put on one scale by; without a usable one, the nearest."""
        if not relations:
            return None
        candidates = self.relations or relations
        if not len(self.hours):
            return candidates[-1].document()
        window, _ = nearest(self.hours, [relation.window for relation in candidates])
        return candidates[int(np.bincount(window).argmax())].document()

    def with_difference(self, relation: Relation) -> dict[str, Any]:
        """Return a relation, and what the difference would be by it alone."""
        document = relation.document()
        alone = None
        if relation.withheld is None and len(self.hours):
            alone = known(float((self.second - relation.on_scale_of_second(self.first)).mean()))
        del document["points"]
        return {**document, "difference_one_scale": alone}

    def trust(self) -> dict[str, Any] | None:
        """Return how old the relation is, and how far the ratio of the two has changed since both are at their places.

        The change may be the air's or the instruments': so much of the difference may be no difference.
        """
        if not self.relations or not len(self.hours):
            return None
        logarithm = np.log(np.maximum(self.second, 0) + _OFFSET) - np.log(np.maximum(self.on_scale, 0) + _OFFSET)
        at_first, at_last = self.hours < self.hours[0] + _RATIO_DAYS, self.hours >= self.hours[-1] - _RATIO_DAYS
        change = float(np.exp(np.median(logarithm[at_last]) - np.median(logarithm[at_first])) - 1)
        age = float(np.median(self.away)) / 24
        return {
            "age_days": round(age),
            "ratio_change": known(change),
            "may_be_drift": known(abs(change) * float(self.on_scale.mean())),
            "state": "trusted" if age <= TRUSTED_DAYS else "aged" if age <= EXPIRED_DAYS else "expired",
        }


# A part of the time that many resamples do not have, as one rainy week, has no interval.
_LEAST_DRAWN = 0.975
_NO_DIFFERENCE: Mapping[str, Any] = dict.fromkeys(("mean", "low", "high", "median", "detectable", "block_days"))


def _difference(values: np.ndarray) -> dict[str, Any]:
    """Return mean and median of differences, without an interval."""
    if not len(values):
        return dict(_NO_DIFFERENCE)
    return {**_NO_DIFFERENCE, "mean": known(float(values.mean())), "median": known(float(np.median(values)))}


def _by_day(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the sums of each day.

    Args:
        values: one row an hour.
        day: number of the day of each hour, in order, without gaps.
    """
    return np.add.reduceat(values.astype("float64"), np.flatnonzero(np.diff(day, prepend=-1)), axis=0)


def _withheld(whole: Mapping[str, Any]) -> str | None:
    """Return why nothing can be said of the air, None if something can."""
    scaled, relations = whole["difference_one_scale"], whole["colocations"]
    if whole["hours"] == 0:
        return LEFT_OUT if whole["hours_left_out"] else NO_HOURS
    if (whole["cross_sensitive"] or 0) > _MOST_CROSS_SENSITIVE:
        return CROSS_SENSITIVE
    if whole["difference_raw"]["low"] is None:
        return LEFT_OUT if whole["hours_left_out"] > whole["hours"] else TOO_FEW_DAYS
    if not relations:
        return NO_SIDE_BY_SIDE
    if scaled["low"] is None:
        return DISAGREE if any(one["withheld"] == "disagree" for one in relations) else TOO_SHORT
    trust = whole["trust"]
    if trust["state"] == "expired":
        return EXPIRED
    if not is_told(scaled):
        return None
    others = [one["difference_one_scale"] for one in relations if one["difference_one_scale"] is not None]
    if any(other * scaled["mean"] <= 0 for other in others):
        return WINDOWS_DIFFER
    nearest_to_zero = min(abs(scaled["low"]), abs(scaled["high"]))
    return DRIFTED if trust["state"] == "aged" and trust["may_be_drift"] > nearest_to_zero else None


def is_told(difference: Mapping[str, Any]) -> bool:
    """Return whether zero is outside the interval of a difference."""
    return difference["low"] is not None and (difference["low"] > 0 or difference["high"] < 0)


def _share(raw: Mapping[str, Any], scaled: Mapping[str, Any]) -> float | None:
    """Return which share of the raw difference is the instruments'; None if that difference may be zero."""
    if raw["low"] is None or scaled["mean"] is None or raw["low"] <= 0 <= raw["high"]:
        return None
    return known((raw["mean"] - scaled["mean"]) / raw["mean"])


def _mean(values: np.ndarray) -> float | None:
    return known(float(values.mean())) if len(values) else None
