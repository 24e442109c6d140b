"""Why nothing can be said about a pair: one line for each way to a reason."""

from typing import Any

import pytest

from airquality_dagster.readings.comparison_withheld import withheld

TOLD = {"mean": 3.0, "low": 1.6, "high": 4.4, "detectable": 1.9}
UNTOLD = {"mean": 0.2, "low": -1.2, "high": 1.6, "detectable": 1.9}
NO_INTERVAL = {"mean": 3.0, "low": None, "high": None, "detectable": None}
USED = {"withheld": None, "difference_low": 1.6, "difference_high": 4.4}
AT_ODDS, SHORT = (
    {"withheld": reason, "difference_low": None, "difference_high": None} for reason in ("disagree", "too_few_hours")
)


def trust(state: str, drift: float | None = 0.0) -> dict[str, Any]:
    return {"trust": {"state": state, "may_be_drift": drift}}


@pytest.mark.parametrize(
    ("row", "counts", "reason"),
    [
        ({}, {}, None),
        ({"hours": 0}, {}, "no_hours"),
        ({"hours": 0}, {"hours_of_faults": 1}, "left_out"),
        ({"cross_sensitive": 0.51}, {}, "cross_sensitive"),
        ({"cross_sensitive": 0.5}, {}, None),
        ({}, {"equal": 0.95}, "copy"),
        ({"difference_raw": NO_INTERVAL}, {}, "too_few_days"),
        ({"difference_raw": NO_INTERVAL}, {"hours_of_faults": 101}, "left_out"),
        ({"difference_raw": NO_INTERVAL}, {"hours_of_faults": 100}, "too_few_days"),
        ({"difference_raw": NO_INTERVAL}, {"hours_expired": 101}, "relation_expired"),
        ({"difference_raw": NO_INTERVAL}, {"hours_expired": 100}, "too_few_days"),
        ({"colocations": []}, {}, "no_side_by_side"),
        ({"colocations": [SHORT], "trust": None}, {}, "side_by_side_too_short"),
        ({"colocations": [AT_ODDS, SHORT], "trust": None}, {}, "side_by_side_disagree"),
        (trust("expired"), {}, "relation_expired"),
        (trust("aged", None), {}, "relation_aged"),
        # A drift that brings a difference to zero.
        (trust("aged", 1.5), {}, None),
        (trust("aged", 1.7), {}, "relation_drifted"),
        # A drift that hides one.
        ({"difference_one_scale": UNTOLD, **trust("aged", 1.8)}, {}, None),
        ({"difference_one_scale": UNTOLD, **trust("aged", 2.0)}, {}, "relation_drifted"),
        ({"colocations": [USED, {**USED, "difference_low": -3.0, "difference_high": -0.1}]}, {}, "side_by_side_differ"),
        ({"colocations": [USED, {**USED, "difference_low": -3.0, "difference_high": 0.1}]}, {}, None),
    ],
)
def test_each_reason_is_given_where_it_holds(row, counts, reason):
    whole: Any = {
        "hours": 100,
        "cross_sensitive": 0.0,
        "difference_raw": TOLD,
        "difference_one_scale": TOLD,
        "colocations": [USED],
        **trust("trusted"),
        **row,
    }
    assert withheld(whole, **{"equal": 0.0, "hours_of_faults": 0, "hours_expired": 0, **counts}) == reason
