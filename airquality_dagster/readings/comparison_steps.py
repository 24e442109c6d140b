"""Lasting changes of the level of two stations at their places.

An instrument lost or gained sensitivity, or one of the two stands elsewhere, or the air at one place has changed:
the readings alone do not tell which. So only the side of the change is compared that the weeks side by side are near.
`neighbours` finds large changes within days; this looks at all of the time, and finds those from about 1.3 times on.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison_left_out import LeftOut
from airquality_dagster.readings.comparison_paired import PairedHours
from airquality_dagster.readings.disagreements import Kind

LEAST_CHANGE = 0.20
"""Of the logarithm of second divided by first, on one scale (1.22 times). Tuned on May to December 2023 in Abidjan: the
largest change without a fault is 0.09 of PM2.5 and 0.13 of PM10. Of 100 simulated pairs without a fault, one has more
than 0.20. Readings × 1.4 from some day on give 0.22 and more in one of the two fractions."""
LEAST_DAYS_OF_A_LEVEL = 28
"""On either side of a change: a level of fewer days is weather."""
_LEAST = 0.5  # µg/m³: below, a ratio says nothing


def lasting_changes(fractions: Sequence[PairedHours]) -> Iterator[LeftOut]:
    """Yield the times that are left out because the level has changed for good.

    Args:
        fractions: paired hours of PM2.5 and of PM10, on one scale. One sensor reads both: what one shows holds for the
            other.
    """
    remaining = [one for one in fractions if one.is_on_scale.any()]
    while True:
        found = [change for change in map(_largest_change, remaining) if change is not None]
        if not found:
            return
        _, moment, is_before_near = max(found, key=lambda one: one[0])
        start, end = (moment, None) if is_before_near else (min(one.hours[0] for one in remaining), moment)
        yield LeftOut(start.to_pydatetime(), end and end.to_pydatetime(), str(Kind.LEVEL))
        remaining = [one.where(np.asarray(one.hours < moment) == is_before_near) for one in remaining]


def _largest_change(paired: PairedHours) -> tuple[float, pd.Timestamp, bool] | None:
    """Return size, moment, and whether the hours before are nearer to the weeks side by side; None without a change."""
    paired = paired.where(paired.is_on_scale)
    first, second, age = (
        np.bincount(paired.day, values) for values in (paired.on_scale, paired.second, paired.age_days)
    )
    count = np.bincount(paired.day)
    days = len(count)
    if days < 2 * LEAST_DAYS_OF_A_LEVEL:
        return None
    logarithms = np.log(np.maximum(second / count, _LEAST) / np.maximum(first / count, _LEAST))
    places = range(LEAST_DAYS_OF_A_LEVEL, days - LEAST_DAYS_OF_A_LEVEL + 1)
    changes = [abs(np.median(logarithms[place:]) - np.median(logarithms[:place])) for place in places]
    place = LEAST_DAYS_OF_A_LEVEL + int(np.argmax(changes))
    if max(changes) < LEAST_CHANGE:
        return None
    moment = paired.hours[int(np.searchsorted(paired.day, place))]
    is_before_near = bool(age[:place].sum() / count[:place].sum() <= age[place:].sum() / count[place:].sum())
    return max(changes), moment, is_before_near
