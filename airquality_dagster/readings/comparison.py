"""What the air at one of two stations has more of than at the other, and how sure that is.

Two low-cost sensors do not read the same air alike. The difference of their readings is the air's and the
instruments'. Weeks in which both stood side by side tell the instruments' part: on one scale, what is left is the
air's. docs/comparison.md has the method, its sources and a worked example.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_bootstrap import DRAWS
from airquality_dagster.readings.comparison_differences import differences, is_told
from airquality_dagster.readings.comparison_documents import (
    Difference,
    PartRow,
    RelationDocument,
    WholeRow,
    WindowDocument,
)
from airquality_dagster.readings.comparison_left_out import LeftOut
from airquality_dagster.readings.comparison_paired import EXPIRED_DAYS, PairedHours
from airquality_dagster.readings.comparison_parts import Parts, all_hours, background_of, parts_of
from airquality_dagster.readings.comparison_relation import Relation, known, pooled
from airquality_dagster.readings.comparison_trust import trust_of
from airquality_dagster.readings.comparison_withheld import RELATION_EXPIRED, withheld
from airquality_dagster.readings.windows import true_runs

VERSION = 3
"""Of the method; documents hold it."""

_HOUR = timedelta(hours=1)
_LEAST_CHANGES = 24


@dataclass(frozen=True)
class FieldHours:
    """Hours of one reading of two stations at the places that are compared.

    Args:
        field: the reading.
        hours: starts of all such hours (UTC), in order.
        first, second: valid readings, NaN where there is none.
        humidity: relative humidity, mean of the two, %.
        is_asked: which of the hours are asked for; None: all. The others tell how the two related before.
        valid_first, valid_second: how many hours of each are valid, paired or not, among those asked for.
        cross_sensitive: share of these hours at which one of the two responds to another gas.
        left_out: times without readings for the sake of faults.
        hours_left_out: paired hours in these.
    """

    field: str
    hours: pd.DatetimeIndex
    first: np.ndarray
    second: np.ndarray
    humidity: np.ndarray
    is_asked: np.ndarray | None = None
    valid_first: int = 0
    valid_second: int = 0
    cross_sensitive: float = 0.0
    left_out: Sequence[LeftOut] = ()
    hours_left_out: int = 0


def comparison_rows(
    data: FieldHours, relations: Sequence[Relation], zone: ZoneInfo, *, with_parts: bool = True
) -> tuple[WholeRow, list[PartRow]]:
    """Compare one reading of two stations.

    Args:
        data: the hours.
        relations: of the windows in which the two devices stood side by side, in order of time.
        zone: of local hours, days and months.
        with_parts: also by season, month, hour of day and so on.

    Returns:
        the row of all hours, and those of the parts; none of a difference that is withheld: parts of what may not be
        said would be said.
    """
    usable = [relation for relation in relations if relation.withheld is None]
    ever = PairedHours.of(data.hours, data.first, data.second, data.humidity, zone).by(usable)
    asked = ever if data.is_asked is None else ever.where(data.is_asked[data.hours.isin(ever.hours)])
    # Without a scale for any hour, the readings can still be compared as they are.
    is_expired = ~asked.is_on_scale & asked.is_on_scale.any()
    paired = asked.where(~is_expired)
    background = _background(data.field, paired)
    (row,) = _rows(data.field, paired, background, all_hours(len(paired.hours)))
    only_one = usable[0] if len(usable) == 1 else None
    windows = [
        _window(relation, row["difference_one_scale"] if relation is only_one else _by_itself(paired, relation))
        for relation in relations
    ]
    not_expired = [one for one, window in zip(relations, windows, strict=True) if _is_used(window)]
    together = pooled(not_expired) if len(not_expired) > 1 else None
    whole: WholeRow = {
        **row,
        "left_out": [time.document for time in (*data.left_out, *_expired_times(asked.hours, is_expired))],
        "hours_left_out": data.hours_left_out + int(is_expired.sum()),
        "valid_hours_first": data.valid_first,
        "valid_hours_second": data.valid_second,
        "cross_sensitive": known(data.cross_sensitive),
        "colocation": _main(paired, usable or relations),
        "colocations": windows,
        # How much depends on the choice of a window: what all of them together would say.
        "colocations_pooled": _window(together, _by_itself(paired, together)) if together else None,
        "trust": trust_of(ever, paired),
        "withheld": None,
    }
    whole["withheld"] = withheld(
        whole, equal=_equal(paired), hours_of_faults=data.hours_left_out, hours_expired=int(is_expired.sum())
    )
    if whole["withheld"] or not with_parts:
        return whole, []
    return whole, [
        part
        for parts in parts_of(paired, background)
        for part in _rows(data.field, paired, background, parts, DRAWS // 4)
    ]


def _rows(
    field: str, paired: PairedHours, background: np.ndarray, parts: Parts, draws: int = DRAWS
) -> Iterator[PartRow]:
    """Yield the rows of some parts of the time."""
    rows = zip(parts.parts, parts.chosen.T, parts.days(paired.day), *differences(paired, parts, draws), strict=True)
    for part, is_in, days, of_raw, of_scaled in rows:
        place = np.flatnonzero(is_in)
        yield {
            "pollutant": field,
            "period": part.period,
            "part": part.name,
            "from": paired.hours[place[0]] if len(place) else None,
            "to": paired.hours[place[-1]] + _HOUR if len(place) else None,
            "hours": len(place),
            "days": int(days),
            "mean_first": _mean(paired.first[is_in]),
            "mean_second": _mean(paired.second[is_in]),
            "mean_first_one_scale": _mean(paired.on_scale[is_in]),
            "background": _mean(background[is_in]),
            "difference_raw": of_raw,
            "difference_one_scale": of_scaled,
            "instruments_share": _share(of_raw, of_scaled),
            "version": VERSION,
        }


def _background(field: str, paired: PairedHours) -> np.ndarray:
    first = np.where(paired.is_on_scale, paired.on_scale, paired.first)
    return background_of(field, paired.hours, np.minimum(first, paired.second))


def _main(paired: PairedHours, candidates: Sequence[Relation]) -> RelationDocument | None:
    """Return the relation that most hours are put on one scale by; without a usable one, the nearest."""
    if not candidates:
        return None
    window = paired.by(candidates).window
    counts = np.bincount(window, minlength=len(candidates))
    # The newest if there is no hour.
    main = candidates[int(counts.argmax())] if len(window) else candidates[-1]
    share = known(counts.max() / max(len(window), 1)) or 0.0
    return {**main.document(), "share_of_hours": share, "points": main.points()}


def _window(relation: Relation, by_itself: Difference | None) -> WindowDocument:
    """Return a relation with the difference by it alone."""
    return {
        **relation.document(),
        "difference_one_scale": by_itself and by_itself["mean"],
        "difference_low": by_itself and by_itself["low"],
        "difference_high": by_itself and by_itself["high"],
    }


def _by_itself(paired: PairedHours, relation: Relation) -> Difference | None:
    """Return what the difference would be by one relation alone, None if it is not used or expired for most hours."""
    if relation.withheld is not None or not len(paired.hours):
        return None
    by_it = paired.by([relation])
    if np.median(by_it.age_days) > EXPIRED_DAYS:
        return None
    by_it = by_it.where(by_it.is_on_scale)
    _, (difference,) = differences(by_it, all_hours(len(by_it.hours)))
    return difference


def _is_used(window: WindowDocument) -> bool:
    return window["difference_one_scale"] is not None


def _expired_times(hours: pd.DatetimeIndex, is_expired: np.ndarray) -> Iterator[LeftOut]:
    """Yield the times that are left out because the weeks side by side are too far away."""
    for begin, until in true_runs(is_expired):
        start, end = hours[begin].to_pydatetime(), (hours[until - 1] + _HOUR).to_pydatetime()
        yield LeftOut(start=start, end=end, reason=RELATION_EXPIRED)


def _equal(paired: PairedHours) -> float:
    """Return at which share of the hours with another reading than the hour before both stations read the same."""
    is_change = np.diff(paired.first) != 0
    if is_change.sum() < _LEAST_CHANGES:
        return 0.0
    return float((paired.first == paired.second)[1:][is_change].mean())


def _share(raw: Difference, scaled: Difference) -> float | None:
    """Return which share of the raw difference is the instruments'; None if that difference may be zero."""
    if raw["mean"] is None or scaled["mean"] is None or not is_told(raw):
        return None
    return known((raw["mean"] - scaled["mean"]) / raw["mean"])


def _mean(values: np.ndarray) -> float | None:
    return known(float(values.mean())) if len(values) else None
