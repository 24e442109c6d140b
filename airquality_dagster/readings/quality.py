"""Which readings can be trusted."""

import pandas as pd

from airquality_dagster.pollutants import BY_FIELD


def within_plausible_range(values: pd.Series, field: str) -> pd.Series:
    """Return which values of a sensor lie in its plausible range, both ends included.

    Args:
        values: readings in the unit of the pollutant table.
        field: the sensor's field; one that is not in the table, or without a range, passes whatever
            it measured.

    Returns:
        a boolean series; False where there is no reading.
    """
    parameter = BY_FIELD.get(field)
    if parameter is None or parameter.plausible is None:
        return values.notna()
    return values.between(*parameter.plausible)
