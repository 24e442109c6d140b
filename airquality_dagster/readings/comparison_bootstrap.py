"""Block bootstrap of days: how far the mean of an autocorrelated series may be from what it estimates.

Hours of a day resemble each other, and so do days of a week. To draw single hours at random would promise an interval
that is several times too narrow. Blocks of whole days are drawn instead (Künsch 1989, doi 10.1214/aos/1176347265), in a
circle, so that no day is drawn less often than others (Politis & Romano 1992).
"""

import hashlib
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

DRAWS = 2000
CONFIDENCE = 0.95
POWER = 0.8
LEAST_BLOCKS = 4
"""Blocks that a series has at least: fewer say nothing of how blocks differ."""

_MOST_MEMORY = 0.9
"""Highest autocorrelation that is put back from one day to the next: beyond, a few months say nothing."""

_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)
DETECTABLE = (_Z + _NORMAL.inv_cdf(POWER)) / _Z
"""Smallest difference that would be told from zero four times out of five, in half-widths of the interval."""


@dataclass(frozen=True)
class Draws:
    """Resamples of days.

    Args:
        weights: how often each resample has each day: one row a resample, one column a day.
        block: days of a block.
        stretch: by how much deviations of a resample are too small.
    """

    weights: np.ndarray
    block: int
    stretch: float

    def of(self, sums: np.ndarray) -> np.ndarray:
        """Return the sums of each resample.

        Args:
            sums: of each day: one row a day.
        """
        return self.weights @ sums

    def stretched(self, values: np.ndarray, estimate: np.ndarray | float) -> np.ndarray:
        """Return the estimates of resamples with deviations as large as they should be.

        Args:
            values: an estimate of each resample.
            estimate: that of all days.
        """
        return estimate + self.stretch * (values - estimate)


def draw_days(daily: np.ndarray, seed: int, draws: int = DRAWS, *, least: int = 1) -> Draws:
    """Draw days in blocks whose length suits a series.

    Args:
        daily: one value a day, without NaN, of at least `LEAST_BLOCKS` days.
        seed: of the random numbers.
        draws: number of resamples.
        least: days that a block has at least.
    """
    days = len(daily)
    block = min(max(block_length(daily), least), days // LEAST_BLOCKS)
    count = -(-days // block)
    starts = np.random.default_rng(seed).integers(0, days, (draws, count))
    # A block adds one day to the weights from its start on, and takes it away behind its end, in a circle.
    steps = np.zeros(draws * (days + 1))
    row = np.arange(draws)[:, np.newaxis] * (days + 1)
    ends = starts + block
    is_across = ends > days
    steps += np.bincount((row + starts).ravel(), minlength=steps.size)
    steps -= np.bincount((row + np.where(is_across, ends - days, ends)).ravel(), minlength=steps.size)
    steps = steps.reshape(draws, days + 1)
    steps[:, 0] += is_across.sum(axis=1)
    weights = np.cumsum(steps[:, :days], axis=1)
    # The spread of the blocks is that of a sample (n / (n - 1), Student's t); the last block is drawn whole.
    blocks = days / block
    stretch = np.sqrt(blocks / (blocks - 1) * count / blocks * _beyond_blocks(daily, block))
    return Draws(weights, block, float(stretch * student_t(blocks - 1) / _Z))


def _beyond_blocks(daily: np.ndarray, block: int) -> float:
    """Return by how much the variance of a mean is larger than that of independent blocks.

    What the last day of a block and the first of the next one have in common is lost where blocks are cut. It is put
    back as for a series of order one, whose autocorrelation is freed of its bias (Kendall 1954, doi
    10.1093/biomet/41.3-4.403) and taken one standard error higher: it is known from these few days only.
    """
    deviations = daily - daily.mean()
    variance = deviations @ deviations
    if not variance > 0:
        return 1.0
    days = len(daily)
    found = float(deviations[1:] @ deviations[:-1] / variance)
    error = np.sqrt(max(1 - found**2, 0.0) / days)
    memory = float(np.clip(found + (1 + 3 * found) / days + error, 0.0, _MOST_MEMORY))
    lag = np.arange(1, block)
    inside = 1 + 2 * float(((1 - lag / block) * memory**lag).sum())
    return (1 + memory) / (1 - memory) / inside


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the estimates of resamples."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def block_length(daily: np.ndarray) -> int:
    """Return the days of a block that suit a series, at least one.

    The rule of Politis & White (2004, doi 10.1081/ETC-120028836), as corrected by Patton, Politis & White (2009, doi
    10.1080/07474930802459016), for blocks in a circle: the longer days resemble each other, the longer the blocks.

    Args:
        daily: one value a day, without NaN.
    """
    days = len(daily)
    deviations = daily - daily.mean() if days else daily
    if days < 2 * LEAST_BLOCKS or not np.ptp(daily) > 0:
        return 1
    longest = int(np.ceil(np.sqrt(days)))
    lags = min(max(5, int(np.sqrt(np.log10(days)))) + longest, days - 1)
    covariances = np.array([deviations[lag:] @ deviations[: days - lag] for lag in range(lags + 1)]) / days
    is_small = np.abs(covariances[1:] / covariances[0]) < 2 * np.sqrt(np.log10(days) / days)
    run = max(5, int(np.sqrt(np.log10(days))))
    quiet = [lag for lag in range(len(is_small) - run + 1) if is_small[lag : lag + run].all()]
    significant = quiet[0] if quiet else int(np.flatnonzero(~is_small).max(initial=0)) + 1
    width = min(2 * max(significant, 1), longest + run, lags)
    lag = np.arange(1, width + 1)
    # A flat-top window: lags up to half of its width count in full.
    weight = np.clip(2 * (1 - lag / width), 0, 1) * covariances[1 : width + 1]
    spectrum = covariances[0] + 2 * weight.sum()
    if spectrum <= 0:
        return 1
    bend = 2 * (lag * weight).sum()
    length = np.cbrt(2 * bend**2 / (4 / 3 * spectrum**2) * days)
    return int(max(1, np.ceil(min(length, days / LEAST_BLOCKS))))


def student_t(freedom: float, probability: float = (1 + CONFIDENCE) / 2) -> float:
    """Return the quantile of Student's t (Abramowitz & Stegun, 26.7.5; within 1 % from three degrees of freedom on).

    >>> round(student_t(3), 1), round(student_t(10), 2), round(student_t(1000), 2)
    (3.2, 2.23, 1.96)
    """
    x = _NORMAL.inv_cdf(probability)
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return x + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))


def seed_of(*values: np.ndarray) -> int:
    """Return a number that the values alone decide: two runs draw the same days."""
    digest = hashlib.sha256()
    for array in values:
        digest.update(np.ascontiguousarray(array).tobytes())
    return int.from_bytes(digest.digest()[:8], "big")
