"""Numbers as the page's JSON has them."""

import numpy as np
import pandas as pd

# What is drawn and shown; the page says so.
SIGNIFICANT_DIGITS = 4
# No sensor tells less from zero.
_SMALLEST = 1e-9


def rounded(values: pd.Series) -> list[float | None]:
    """Return values cut to `SIGNIFICANT_DIGITS`, None where there is none.

    >>> rounded(pd.Series([0.123456, 1234.56, -0.00098765, 0, None]))
    [0.1235, 1235.0, -0.0009876, 0.0, None]
    """
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    sizes = np.maximum(np.nan_to_num(np.abs(numbers)), _SMALLEST)
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(sizes)))
    return [None if np.isnan(number) else number for number in (np.round(numbers * scale) / scale).tolist()]


def whole(values: pd.Series) -> list[int | None]:
    """Return whole numbers, None where there is none."""
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    return [None if np.isnan(number) else int(number) for number in numbers.tolist()]
