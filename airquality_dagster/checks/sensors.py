"""The check of a station's sensors, from the flags of their readings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from airquality_dagster.checks.outcome import CheckOutcome, Checks, Finding, moment, period_of, table_metadata
from airquality_dagster.network.pollutants import PARAMETERS, TIMESTAMP, Parameter
from airquality_dagster.network.stations import Station
from airquality_dagster.readings.flags import Flag, FlaggedHours

# Judgement of this project: a monthly median does not change by a factor of five from one month to the next.
_JUMP, _LEAST_HOURS_OF_A_MEDIAN = 5.0, 7 * 24
# A sensor that is stuck for so long does not recover without help.
_PERMANENTLY_STUCK = timedelta(days=3)
# Judgement of this project: readings have more digits than that one value comes back in so many hours of the period,
# often in a row, with next to nothing beyond it. Particles are counted in whole numbers in clean air.
_LEAST_CLIPPED, _LEAST_IN_A_ROW, _MOST_BEYOND = 48, 0.5, 0.25


@dataclass(frozen=True)
class StationFlags:
    """Input of the check.

    Args:
        station: the station.
        start, end: the flagged period, tz-aware.
        flagged: hours of the period and around it, with their flags.
    """

    station: Station
    start: datetime
    end: datetime
    flagged: FlaggedHours

    @property
    def title(self) -> str:
        """Station and period, the start of messages."""
        return f"{self.station.name}, {period_of(self.start, self.end)}"

    @property
    def hours(self) -> pd.Series:
        """Starts of the hours of the period and around it."""
        return self.flagged.hours[TIMESTAMP]

    def has_in_window(self, flag: Flag, parameter: Parameter) -> np.ndarray:
        """Return which hours of the period and around it have a flag."""
        return (self.flagged.flags[parameter.field].to_numpy() & int(flag)) != 0

    def has_in_period(self, flag: Flag, parameter: Parameter) -> np.ndarray:
        """Return which hours of the period have a flag."""
        return self.has_in_window(flag, parameter) & self.flagged.in_period


@dataclass(frozen=True)
class _Fault:
    """A row of the table of faults, and its text in the description."""

    parameter: Parameter
    what: str
    hours: int
    since: str
    text: str
    must_act: bool = False


def sensors_sound(flags: StationFlags) -> CheckOutcome:
    """List sensors that are out of range, offset below zero, stuck or cut off, or with a jump in the monthly median."""
    faults = [
        fault
        for parameter in PARAMETERS
        for find in (_out_of_range, _stuck, _clipped, _jumps)
        for fault in find(flags, parameter)
    ]
    findings = [Finding(fault.text, fault.must_act) for fault in faults]
    if faults:
        findings.append(Finding("calibrate, restart or replace the sensor; valid means exclude failed hours"))
    rows = [(fault.parameter.label, fault.what, fault.hours or "", fault.since) for fault in faults]
    return CheckOutcome(
        flags.title,
        findings,
        "every sensor in its plausible range, none stuck, no median jumped",
        metadata={
            **{
                f"hours_{kind}": sum(int(flags.has_in_period(flag, parameter).sum()) for parameter in PARAMETERS)
                for kind, flag in (
                    ("out_of_range", Flag.OUT_OF_RANGE),
                    ("drifting", Flag.DRIFT),
                    ("stuck", Flag.STUCK),
                    ("warming_up", Flag.WARM_UP),
                    ("off_site", Flag.OFF_SITE),
                    ("cross_sensitive", Flag.CROSS_SENSITIVE),
                    ("unconfirmed", Flag.UNCONFIRMED),
                )
            },
            **table_metadata("faults", ["reading", "fault", "hours", "since (UTC)"], rows),
        },
    )


def _out_of_range(flags: StationFlags, parameter: Parameter) -> Iterator[_Fault]:
    limits = parameter.quality
    if limits is None:
        return
    for flag, what in (
        (Flag.OUT_OF_RANGE, f"outside {limits.lowest.value:g} to {limits.highest.value:g} {parameter.unit}"),
        (Flag.DRIFT, "offset below zero"),
    ):
        is_faulty = flags.has_in_period(flag, parameter)
        if is_faulty.any():
            first = np.flatnonzero(is_faulty)[0]
            since = moment(flags.hours.iloc[first])
            if flags.has_in_window(flag, parameter)[:first].any():
                since += " or before"
            text = f"{parameter.label} {is_faulty.sum()} h {what} since {since}"
            yield _Fault(parameter, what, int(is_faulty.sum()), since, text)


def _stuck(flags: StationFlags, parameter: Parameter) -> Iterator[_Fault]:
    is_stuck = flags.has_in_period(Flag.STUCK, parameter)
    if not is_stuck.any():
        return
    hours, values = flags.hours, flags.flagged.readings[parameter.field].to_numpy()
    last = np.flatnonzero(is_stuck)[-1]
    # The last run begins after the last different value.
    others = np.flatnonzero((values[:last] != values[last]) & ~np.isnan(values[:last]))
    first = others[-1] + 1 if len(others) else 0
    since = moment(hours.iloc[first]) + ("" if len(others) else " or before")
    goes_on = np.isnan(values[last + 1 :]).all()
    what = f"stuck at {values[last]:g} {parameter.unit}"
    yield _Fault(
        parameter,
        what,
        int(is_stuck.sum()),
        since,
        f"{parameter.label} {what} from {since} to {moment(hours.iloc[last])} ({is_stuck.sum()} h of the period)",
        must_act=bool(goes_on and hours.iloc[last] - hours.iloc[first] >= _PERMANENTLY_STUCK),
    )


def _clipped(flags: StationFlags, parameter: Parameter) -> Iterator[_Fault]:
    """Find a limit above zero at which the readings of the period are cut off."""
    if parameter.guideline is None:
        return
    readings = flags.flagged.readings[parameter.field].to_numpy()[flags.flagged.in_period]
    values, counts = np.unique(readings[(readings > 0) & (readings != np.round(readings))], return_counts=True)
    for value, count in zip(values[counts >= _LEAST_CLIPPED], counts[counts >= _LEAST_CLIPPED], strict=True):
        below, above = int((readings < value).sum()), int((readings > value).sum())
        side, beyond = ("below", below) if below <= above else ("above", above)
        is_there = readings == value
        in_a_row = int((is_there[1:] & is_there[:-1]).sum())
        if beyond <= _MOST_BEYOND * count and in_a_row >= _LEAST_IN_A_ROW * count:
            what = f"cut off {side} {value:g} {parameter.unit}"
            since = moment(flags.hours[flags.flagged.in_period].iloc[int(np.flatnonzero(is_there)[0])])
            text = f"{parameter.label} {what}: {count} h are exactly that since {since}; ask the API's operator"
            yield _Fault(parameter, what, int(count), since, text)


def _jumps(flags: StationFlags, parameter: Parameter) -> Iterator[_Fault]:
    """Compare the median of each month with that of the month before; a move is no jump."""
    hours = pd.DatetimeIndex(flags.hours)
    month_of = hours.tz_convert(flags.start.tzinfo).tz_localize(None).to_numpy().astype("datetime64[M]")
    months = np.unique(month_of)
    is_off_site = flags.has_in_window(Flag.OFF_SITE, parameter)
    readings = np.where(is_off_site, np.nan, flags.flagged.readings[parameter.field].to_numpy())
    medians = [_median(readings[month_of == month]) for month in months]
    for month, former, present in zip(months[1:], medians[:-1], medians[1:], strict=True):
        if min(former, present) > 0 and max(former, present) > _JUMP * min(former, present):
            what = f"median from {former:.3g} to {present:.3g} {parameter.unit}"
            text = f"{parameter.label} {what} in {month}: ask the API's operator whether unit or sensor changed"
            yield _Fault(parameter, what, 0, str(month), text)


def _median(readings: np.ndarray) -> float:
    """Return the median of the present readings; NaN if there are too few."""
    present = readings[~np.isnan(readings)]
    with np.errstate(over="ignore"):
        return float(np.median(present)) if len(present) >= _LEAST_HOURS_OF_A_MEDIAN else np.nan


CHECKS: Checks[StationFlags] = {sensors_sound.__name__: sensors_sound}
