"""Block bootstrap of days: how far the mean of an autocorrelated series may be from what it estimates.

Hours of a day resemble each other, and so do days of a week. To draw single hours at random would promise an interval
that is several times too narrow. Blocks of a week are drawn instead (Künsch 1989, doi 10.1214/aos/1176347265), in a
circle, so that no day is drawn less often than others (Politis & Romano 1992). What lasts longer than a block, as the
wind of a season, blocks cut apart: deviations are stretched to the spread that the slowest waves of the series show.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
LEAST_BLOCKS = 4
"""Blocks that a series has at least: fewer say nothing of how blocks differ."""
WAVES = 4
"""Slowest waves that the spread of a mean is taken from: for 200 days, those of 400 to 100 days. Fewer see a longer
memory and give wider intervals."""

_BLOCK_DAYS = 7
_NORMAL = 1.960  # quantile of 97.5 %
_STUDENT = 2.776, 0.941  # quantiles of 97.5 and 80 % with `WAVES` degrees of freedom
DETECTABLE = sum(_STUDENT) / _STUDENT[0]
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


def draw_days(daily: np.ndarray, seed: int, draws: int = DRAWS) -> Draws:
    """Draw days in blocks of a week, or of a fourth of the series if that is less.

    Args:
        daily: one value a day, without NaN, of at least `LEAST_BLOCKS` days.
        seed: of the random numbers.
        draws: number of resamples.
    """
    days = len(daily)
    block = min(_BLOCK_DAYS, days // LEAST_BLOCKS)
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
    spread = float(np.std(weights @ (daily - daily.mean()))) / (count * block)
    stretch = standard_error(daily) / spread * _STUDENT[0] / _NORMAL if spread > 0 else 1.0
    return Draws(weights, block, stretch)


def with_error(values: np.ndarray, estimate: float, error: float) -> np.ndarray:
    """Return the estimates of resamples with the spread of a mean whose standard error is known.

    Args:
        values: an estimate of each resample.
        estimate: that of all days.
        error: its standard error (`standard_error`).
    """
    spread = float(np.std(values))
    return estimate + (values - estimate) * (error / spread * _STUDENT[0] / _NORMAL) if spread > 0 else values


def standard_error(daily: np.ndarray) -> float:
    """Return the standard error of the mean of an autocorrelated series.

    Its long-run variance is the mean square of its `WAVES` slowest cosines, each of which is an independent estimate of
    it, whatever lasts for less than half of their period; so the mean has Student's t with as many degrees of freedom
    (Müller 2007, doi 10.1016/j.jeconom.2007.01.019; Lazarus, Lewis, Stock & Watson 2018, doi
    10.1080/07350015.2018.1506926).

    Args:
        daily: one value a day, without NaN, more than `WAVES`.
    """
    days = len(daily)
    middle = np.arange(days) + 0.5
    waves = np.cos(np.pi / days * np.arange(1, WAVES + 1)[:, np.newaxis] * middle) @ daily
    return float(np.sqrt(2 * np.mean(waves**2)) / days)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the estimates of resamples."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def seed_of(*values: np.ndarray) -> int:
    """Return a number that the values alone decide: two runs draw the same days."""
    digest = hashlib.sha256()
    for array in values:
        digest.update(np.ascontiguousarray(array).tobytes())
    return int.from_bytes(digest.digest()[:8], "big")
