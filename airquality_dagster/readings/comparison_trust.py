"""How far the relation of two instruments may be trusted, months after they stood side by side."""

from collections.abc import Iterator

import numpy as np

from airquality_dagster.readings.comparison_documents import Trust
from airquality_dagster.readings.comparison_paired import EXPIRED_DAYS, TRUSTED_DAYS, PairedHours
from airquality_dagster.readings.comparison_relation import LEAST_HOURS_SIDE_BY_SIDE, known

TRUSTED, AGED, EXPIRED = "trusted", "aged", "expired"
_MOST_HOURS_OLDER = 0.05
_FOUR_WEEKS = 28 * 24


def trust_of(ever: PairedHours, compared: PairedHours) -> Trust | None:
    """Return how old the relation is, and how far the ratio of the two has changed since both are at their places.

    The change may be the air's or the instruments': so much of the difference may be no difference.

    Args:
        ever: all hours that can be compared, whichever are asked for: the ratio was right in the first weeks of these.
        compared: the hours that are compared.

    Returns:
        None without a relation, or without an hour.
    """
    if not compared.relations or not len(compared.hours):
        return None
    age_days = float(np.quantile(compared.age_days, 1 - _MOST_HOURS_OLDER))
    change = max(_ratio_changes(ever, compared), key=lambda one: (np.isnan(one), abs(one)), default=np.nan)
    return {
        "age_days": round(age_days),
        "ratio_change": known(change),
        "may_be_drift": known(abs(change * float(compared.on_scale.mean()))),
        "state": TRUSTED if age_days <= TRUSTED_DAYS else AGED if age_days <= EXPIRED_DAYS else EXPIRED,
    }


def _ratio_changes(ever: PairedHours, compared: PairedHours) -> Iterator[float]:
    """Yield the change from the four weeks next to each side-by-side window to the four weeks farthest from it.

    NaN where no four weeks next to it tell what the ratio was, and aged hours are compared.
    """
    for window in range(len(compared.relations)):
        for is_after in (False, True):
            near, far = (one.where((one.window == window) & (one.is_after == is_after)) for one in (ever, compared))
            near = near.where(near.age_days <= TRUSTED_DAYS)
            near = near.where(np.argsort(near.age_days, kind="stable")[:_FOUR_WEEKS])
            far = far.where(np.argsort(-far.age_days, kind="stable")[:_FOUR_WEEKS])
            if len(near.hours) >= LEAST_HOURS_SIDE_BY_SIDE and len(far.hours) >= LEAST_HOURS_SIDE_BY_SIDE:
                yield _ratio(far) / _ratio(near) - 1
            elif far.age_days.max(initial=0.0) > TRUSTED_DAYS:
                yield np.nan


def _ratio(paired: PairedHours) -> float:
    """Return second divided by first, on one scale; NaN if there is nothing to divide by."""
    first, second = np.median(paired.on_scale), np.median(paired.second)
    return float(second / first) if first > 0 and second > 0 else np.nan
