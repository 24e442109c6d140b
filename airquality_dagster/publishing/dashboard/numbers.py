"""Numbers as the page's JSON has them."""

import math

import numpy as np

# Of the values that the page draws and shows; it says so.
SIGNIFICANT_DIGITS = 4
# No sensor can tell a smaller value from zero.
_SMALLEST = 1e-9


def rounded(numbers: np.ndarray) -> list[float | None]:
    """Return numbers rounded to `SIGNIFICANT_DIGITS`, None where there is none.

    >>> rounded(np.array([0.123456, 1234.56, -0.00098765, 0, np.nan]))
    [0.1235, 1235.0, -0.0009876, 0.0, None]
    >>> rounded(np.array([1.7976931348623157e308]))
    [1.7976931348623157e+308]
    """
    sizes = np.maximum(np.nan_to_num(np.abs(numbers)), _SMALLEST)
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(sizes)))
    largest = np.finfo("float64").max
    with np.errstate(over="ignore"):
        values = np.clip(np.round(numbers * scale) / scale, -largest, largest)
    return [None if math.isnan(number) else number for number in values.tolist()]


def whole(numbers: np.ndarray) -> list[int | None]:
    """Return whole numbers, None where there is none."""
    return [None if math.isnan(number) else int(number) for number in numbers.tolist()]
