"""Checks of a station's readings, made of their flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from airquality_dagster.checks.outcome import CheckOutcome, Checks, period_of, table
from airquality_dagster.network.pollutants import PARAMETERS, TIMESTAMP, Parameter
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import Flag, FlaggedHours

# Judgement of this project: the median of a month is not five times that of the month before.
_JUMP, _LEAST_HOURS_OF_A_MEDIAN = 5.0, 7 * 24
# A sensor that has been stuck for so long does not come back by itself.
_STUCK_FOR_GOOD = timedelta(days=3)


@dataclass(frozen=True)
class StationFlags:
    """What the checks look at.

    Args:
        station: whose hours.
        start, end: the period that was flagged, tz-aware.
        hours: its hours, with those around them.
    """

    station: Station
    start: datetime
    end: datetime
    hours: FlaggedHours

    @property
    def title(self) -> str:
        """Station and period, as messages begin."""
        return f"{self.station.name}, {period_of(self.start, self.end)}"

    def has(self, flag: Flag, parameter: Parameter) -> np.ndarray:
        """Return which hours of the period have a flag."""
        return self.had(flag, parameter) & self.hours.is_asked

    def had(self, flag: Flag, parameter: Parameter) -> np.ndarray:
        """Return which hours, also of those around the period, have a flag."""
        return (self.hours.quality.flags[parameter.field].to_numpy() & int(flag)) != 0


def values_in_range(flagged: StationFlags) -> CheckOutcome:
    """Count readings outside the plausible range, and name sensors with an offset below zero."""
    rows: list[tuple[str, int, int, str]] = []
    told = []
    for parameter in PARAMETERS:
        outside, drifting = (flagged.has(flag, parameter) for flag in (Flag.OUT_OF_RANGE, Flag.DRIFT))
        limits = parameter.quality
        if limits is None or not (outside | drifting).any():
            continue
        first = np.flatnonzero(outside | drifting)[0]
        since = _moment(flagged.hours.around[TIMESTAMP].iloc[first]) + " UTC"
        if flagged.had(Flag.OUT_OF_RANGE | Flag.DRIFT, parameter)[:first].any():
            since += " and before"
        rows.append((parameter.label, int(outside.sum()), int(drifting.sum()), since))
        counts = [f"{outside.sum()} h outside {limits.lowest.value:g} to {limits.highest.value:g} {parameter.unit}"]
        if drifting.any():
            counts.append(f"{drifting.sum()} h with an offset below zero")
        told.append(f"{parameter.label} {', '.join(counts)}, first {since}")
    return CheckOutcome(
        passed=not rows,
        description=f"{flagged.title}: {'; '.join(told)}: have the sensor calibrated or replaced; these hours are in "
        "no valid mean"
        if rows
        else f"{flagged.title}: every reading in its plausible range",
        metadata={
            "hours_outside": sum(outside for _, outside, _, _ in rows),
            "hours_with_offset": sum(drifting for _, _, drifting, _ in rows),
            **_tables("out_of_range", ["reading", "hours outside", "hours with offset", "first"], rows),
        },
    )


def sensors_not_stuck(flagged: StationFlags) -> CheckOutcome:
    """Find sensors that show one value hour after hour."""
    rows: list[tuple[str, str, str, str, int]] = []
    told, is_for_good = [], False
    hours = flagged.hours.around[TIMESTAMP]
    for parameter in PARAMETERS:
        is_stuck = flagged.has(Flag.STUCK, parameter)
        if not is_stuck.any():
            continue
        values = flagged.hours.around[parameter.field].to_numpy(dtype="float64")
        last = np.flatnonzero(is_stuck)[-1]
        # The last run: back to where the sensor showed another value.
        others = np.flatnonzero((values[:last] != values[last]) & ~np.isnan(values[:last]))
        first = others[-1] + 1 if len(others) else 0
        since = _moment(hours.iloc[first]) + " UTC" + ("" if len(others) else " or before")
        until = _moment(hours.iloc[last])
        goes_on = not flagged.hours.around[parameter.field].iloc[last + 1 :].notna().any()
        is_for_good |= goes_on and hours.iloc[last] - hours.iloc[first] >= _STUCK_FOR_GOOD
        value = f"{values[last]:g} {parameter.unit}"
        rows.append((parameter.label, value, since, until, int(is_stuck.sum())))
        told.append(f"{parameter.label} at {value} from {since} to {until} ({is_stuck.sum()} h of the period in all)")
    return CheckOutcome(
        passed=not rows,
        must_act=is_for_good,
        description=f"{flagged.title}: {'; '.join(told)}: restart or replace the sensor; these hours are in no valid "
        "mean"
        if rows
        else f"{flagged.title}: no sensor is stuck",
        metadata={
            "hours_stuck": sum(hours for *_, hours in rows),
            **_tables("stuck", ["reading", "last value", "since", "until (UTC)", "hours stuck"], rows),
        },
    )


def no_unit_jump(flagged: StationFlags) -> CheckOutcome:
    """Compare the median of each reading with that of the month before."""
    hours = pd.DatetimeIndex(flagged.hours.around[TIMESTAMP])
    month_of = hours.tz_convert(flagged.start.tzinfo).tz_localize(None).to_numpy().astype("datetime64[M]")
    months = np.unique(month_of)
    rows = []
    for parameter in PARAMETERS if len(months) > 1 else ():
        readings = flagged.hours.readings[parameter.field].to_numpy()
        medians = [_median(readings[month_of == month]) for month in months]
        for month, former, present in zip(months[1:], medians[:-1], medians[1:], strict=True):
            if min(former, present) > 0 and max(former, present) > _JUMP * min(former, present):
                rows.append((parameter.label, str(month), former, present, parameter.unit))
    told = "; ".join(
        f"{label} from {former:.3g} to {present:.3g} {unit} in {month}" for label, month, former, present, unit in rows
    )
    return CheckOutcome(
        passed=not rows,
        description=f"{flagged.title}: the median jumped of {told}: ask who runs the API for a change of unit or sensor"
        if rows
        else f"{flagged.title}: no median jumped against the month before",
        metadata={
            "jumps": len(rows),
            **_tables("medians", ["reading", "month", "median before", "median", "unit"], rows),
        },
    )


CHECKS: Checks[StationFlags] = {check.__name__: check for check in (values_in_range, sensors_not_stuck, no_unit_jump)}


def _median(readings: np.ndarray) -> float:
    """Return the median of those that are there; NaN where they are too few."""
    present = readings[~np.isnan(readings)]
    return float(np.median(present)) if len(present) >= _LEAST_HOURS_OF_A_MEDIAN else np.nan


def _moment(hour: pd.Timestamp) -> str:
    return f"{hour:%Y-%m-%d %H:%M}"


def _tables(name: str, header: list[str], rows: Sequence[tuple[object, ...]]) -> Mapping[str, object]:
    return {name: table(header, rows)} if rows else {}
