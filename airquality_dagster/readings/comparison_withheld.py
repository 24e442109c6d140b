"""Why nothing can be said about the air at two stations, although both were measured."""

from airquality_dagster.readings.comparison_differences import is_told
from airquality_dagster.readings.comparison_documents import Difference, WholeRow
from airquality_dagster.readings.comparison_relation import WINDOW_DISAGREES
from airquality_dagster.readings.comparison_trust import AGED, EXPIRED

NO_HOURS, TOO_FEW_DAYS, LEFT_OUT, COPY = "no_hours", "too_few_days", "left_out", "copy"
CROSS_SENSITIVE = "cross_sensitive"
NO_SIDE_BY_SIDE, TOO_SHORT, DISAGREE = "no_side_by_side", "side_by_side_too_short", "side_by_side_disagree"
RELATION_EXPIRED, RELATION_AGED, RELATION_DRIFTED = "relation_expired", "relation_aged", "relation_drifted"
WINDOWS_DIFFER = "side_by_side_differ"

_MOST_CROSS_SENSITIVE = 0.5
_MOST_EQUAL = 0.95


def withheld(row: WholeRow, *, equal: float, hours_of_faults: int, hours_expired: int) -> str | None:
    """Return why nothing can be said about the air, None if something can.

    Args:
        row: of all hours; its ``withheld`` is not read.
        equal: share of the hours at which the readings of both are the same.
        hours_of_faults: paired hours that are left out for the sake of faults and moves.
        hours_expired: those that are left out because their weeks side by side are too far away.
    """
    if row["hours"] == 0:
        return LEFT_OUT if hours_of_faults else NO_HOURS
    if (row["cross_sensitive"] or 0) > _MOST_CROSS_SENSITIVE:
        return CROSS_SENSITIVE
    if equal >= _MOST_EQUAL:
        return COPY
    if row["difference_raw"]["low"] is None:
        if hours_expired > row["hours"]:
            return RELATION_EXPIRED
        return LEFT_OUT if hours_of_faults > row["hours"] else TOO_FEW_DAYS
    if not row["colocations"]:
        return NO_SIDE_BY_SIDE
    if row["trust"] is None:
        return DISAGREE if any(one["withheld"] == WINDOW_DISAGREES for one in row["colocations"]) else TOO_SHORT
    return _withheld_by_trust(row, row["trust"]["state"], row["trust"]["may_be_drift"])


def _withheld_by_trust(row: WholeRow, state: str, may_be_drift: float | None) -> str | None:
    scaled = row["difference_one_scale"]
    if state == EXPIRED:
        return RELATION_EXPIRED
    if state == AGED:
        if may_be_drift is None:
            return RELATION_AGED
        if may_be_drift > _least_drift_that_matters(scaled):
            return RELATION_DRIFTED
    if is_told(scaled) and any(
        _is_opposite(scaled, one["difference_low"], one["difference_high"]) for one in row["colocations"]
    ):
        return WINDOWS_DIFFER
    return None


def _least_drift_that_matters(scaled: Difference) -> float:
    """Return the drift that would bring a difference that is told to zero, or hide one that would be told."""
    if not is_told(scaled):
        return scaled["detectable"] or 0.0
    return min(abs(scaled["low"] or 0.0), abs(scaled["high"] or 0.0))


def _is_opposite(scaled: Difference, low: float | None, high: float | None) -> bool:
    """Return whether an interval is on the other side of zero."""
    if low is None or high is None:
        return False
    return high < 0 if (scaled["mean"] or 0.0) > 0 else low > 0
