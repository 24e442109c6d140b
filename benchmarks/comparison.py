"""How often the intervals of a comparison hold what they should: simulated pairs whose difference is known.

python -m benchmarks.comparison --pairs 200
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import click
import numpy as np
import pandas as pd

from airquality_dagster.readings.comparison import FieldHours, comparison_rows
from airquality_dagster.readings.comparison_differences import is_told
from airquality_dagster.readings.comparison_relation import Window, relation_of

FIELD = "pm2_5"
DIFFERENCES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Second minus first, on the scale of the second, µg/m³."""
_WEEKS_DAYS, _WEEKS_SPREAD = 28, 1.0  # memory in days; µg/m³
_BEGIN = pd.Timestamp("2023-02-01", tz="UTC")


@dataclass(frozen=True)
class SimulatedPair:
    """Two stations side by side, and then at two places.

    Args:
        difference: of the air, on the scale of the second (µg/m³).
        data: hours at the two places.
        window: of the side-by-side weeks.
        first, second: all readings by hour.
    """

    difference: float
    data: FieldHours
    window: Window
    first: pd.Series
    second: pd.Series


def simulated_pair(
    seed: int, difference: float, *, days: int = 200, side_by_side: int = 28, weeks: bool = False
) -> SimulatedPair:
    """Return a pair: common dust, local sources that last for hours and days, noise, a gain, an offset and gaps.

    Args:
        seed: of the random numbers.
        difference: of the air at the two places, on the scale of the second.
        days: at the two places.
        side_by_side: days before that.
        weeks: local sources that last for weeks, too. The autocorrelation of the daily difference is then about that
            of Abidjan's PM2.5: 0.5 after a day, 0.25 after a week, 0.2 after two.
    """
    rng = np.random.default_rng([seed, int(difference * 1000)])
    count = 24 * (side_by_side + days)
    hour = np.arange(count)
    together = hour < 24 * side_by_side
    slope, intercept = rng.uniform(0.85, 1.2), rng.uniform(-1, 3)

    common = 12 * np.exp(_order_one(rng, count, 0.98, 0.4) + 0.25 * np.sin(2 * np.pi * hour / 24))
    # What differs between the places: hours of traffic and cooking, and days of wind and rain.
    memory = 0.9 if weeks else rng.uniform(0.95, 0.985)
    local = _order_one(rng, count, 0.8, 1.5) + _order_one(rng, count, memory, 1.5)
    if weeks:
        local += _order_one(rng, count, np.exp(-1 / (24 * _WEEKS_DAYS)), _WEEKS_SPREAD)
    local += difference * 0.5 * np.sin(2 * np.pi * hour / 24)
    first = common + rng.normal(0, 0.6, count)
    second = intercept + slope * common + np.where(together, 0.0, difference + local) + rng.normal(0, 0.6, count)
    for readings in (first, second):
        for _ in range(6):
            begin = int(rng.integers(0, count))
            readings[begin : begin + int(rng.integers(3, 120))] = np.nan
        readings[rng.random(count) < 0.03] = np.nan
    hours = pd.date_range(_BEGIN, periods=count, freq="h")
    window = Window(hours[0], hours[24 * side_by_side])
    at_places = ~together
    paired = at_places & ~np.isnan(first) & ~np.isnan(second)
    return SimulatedPair(
        difference,
        FieldHours(
            FIELD, hours[at_places], first[at_places], second[at_places], np.full(int(at_places.sum()), 70.0),
            valid_first=int(paired.sum()), valid_second=int(paired.sum()),
        ),
        window,
        pd.Series(first, index=hours),
        pd.Series(second, index=hours),
    )  # fmt: skip


def _order_one(rng: np.random.Generator, count: int, memory: float, spread: float) -> np.ndarray:
    """Return a series of order one with a memory from hour to hour, and a standard deviation."""
    steps = rng.normal(0, spread * np.sqrt(1 - memory**2), count) / (1 - memory)
    steps[0] = rng.normal(0, spread)
    return pd.Series(steps).ewm(alpha=1 - memory, adjust=False).mean().to_numpy()


@dataclass(frozen=True)
class Coverage:
    """What the intervals of pairs with one difference hold.

    Args:
        difference: of the air (µg/m³).
        pairs: simulated, without those whose gaps left too few hours side by side.
        covered: of these, with the difference in the 95 % interval.
        told: of these, told from zero.
        half_width: of the interval, mean (µg/m³).
    """

    difference: float
    pairs: int
    covered: int
    told: int
    half_width: float


def coverage(
    difference: float, seeds: Sequence[int], *, days: int = 200, side_by_side: int = 28, weeks: bool = False
) -> Coverage:
    """Return what the intervals of simulated pairs hold."""
    pairs = (simulated_pair(seed, difference, days=days, side_by_side=side_by_side, weeks=weeks) for seed in seeds)
    found = list(_intervals(pairs))
    covered = sum(low <= difference <= high for low, high, _ in found)
    told = sum(one for _, _, one in found)
    width = float(np.mean([(high - low) / 2 for low, high, _ in found]))
    return Coverage(difference, len(found), covered, told, width)


def _intervals(pairs: Iterable[SimulatedPair]) -> Iterator[tuple[float, float, bool]]:
    for pair in pairs:
        relations = [relation_of(pair.window, pair.first, pair.second)]
        whole = comparison_rows(pair.data, relations, ZoneInfo("UTC"), with_parts=False)[0]
        scaled = whole["difference_one_scale"]
        if scaled["low"] is None or scaled["high"] is None:
            continue  # gaps left too few hours side by side
        yield scaled["low"], scaled["high"], is_told(scaled) and whole["withheld"] is None


@click.command()
@click.option("--pairs", default=200, show_default=True, help="Pairs a difference.")
@click.option("--days", default=200, show_default=True, help="Days at the two places.")
@click.option("--side-by-side", default=28, show_default=True, help="Days side by side.")
@click.option("--weeks", is_flag=True, help="Differences that last for weeks, as in Abidjan.")
def main(pairs: int, days: int, side_by_side: int, weeks: bool) -> None:
    """Print how often the 95 % interval covers the known difference, and how often a difference is told."""
    click.echo(f"{days} days at two places, {side_by_side} side by side{', memory of weeks' if weeks else ''}")
    click.echo("difference  pairs  covered  told  half-width")
    for difference in DIFFERENCES:
        one = coverage(difference, range(pairs), days=days, side_by_side=side_by_side, weeks=weeks)
        click.echo(
            f"{difference:10.1f}  {one.pairs:5d}  {100 * one.covered / one.pairs:6.1f} %  "
            f"{100 * one.told / one.pairs:4.1f} %  {one.half_width:.2f}"
        )


if __name__ == "__main__":
    main()
