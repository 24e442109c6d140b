"""What the judgement of real histories depends on that it should not: clipping, the sign of readings, and the hour."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import BY_FIELD, DATE, PARAMETERS, TIMESTAMP
from airquality_dagster.network.siting import ALWAYS_ON_SITE, Siting
from airquality_dagster.readings.days import daily_aggregates
from airquality_dagster.readings.flags import Flag, flag_hours
from benchmarks.fault_recall import seen_as_of
from benchmarks.tables import print_head, print_row

GASES = ("co", "no2", "o3")


def print_clipped(name: str, hourly: pd.DataFrame, zone: ZoneInfo) -> None:
    """Print on how many days validity differs if the source puts zero in the place of negative readings."""
    whole = daily_aggregates(flag_hours(hourly), zone)
    for field in GASES:
        negative = int((hourly[field] < 0).sum())
        clipped = daily_aggregates(flag_hours(hourly.assign(**{field: hourly[field].clip(lower=0)})), zone)
        is_valid, is_valid_clipped = (days[f"{field}_valid_mean"].notna() for days in (whole, clipped))
        differing = whole[DATE][is_valid != is_valid_clipped]
        print_row(
            *(name, BY_FIELD[field].label, negative, len(whole), is_valid.sum(), is_valid_clipped.sum()),
            f"{len(differing)} ({100 * len(differing) / len(whole):.2f} %)",
        )


def print_bias(name: str, hourly: pd.DataFrame, zone: ZoneInfo) -> None:
    """Print how far valid means are from those of all readings, on days with a valid mean."""
    days = daily_aggregates(flag_hours(hourly), zone)
    for field in GASES:
        valid, whole = days[f"{field}_valid_mean"], days[f"{field}_mean"]
        has_valid = valid.notna()
        if not has_valid.any():
            print_row(name, BY_FIELD[field].label, 0, "", "", "", "")
            continue
        true, shown = whole[has_valid].mean(), valid[has_valid].mean()
        differences = np.asarray(valid - whole)
        worst = int(np.nanargmax(np.abs(differences)))
        print_row(
            *(name, BY_FIELD[field].label, has_valid.sum(), f"{true:.3f}", f"{shown:.3f}"),
            *(f"{100 * (shown / true - 1):+.2f} %", f"{differences[worst]:+.3f} ({days[DATE].iloc[worst]:%Y-%m-%d})"),
        )


def print_in_time(name: str, hourly: pd.DataFrame) -> None:
    """Print how many readings failed when they were new, and are valid in the end."""
    final = flag_hours(hourly).is_valid
    seen = seen_as_of(hourly, hourly[TIMESTAMP].min(), hourly[TIMESTAMP].max() + pd.Timedelta(hours=1))
    for field in map(str, final):
        is_valid = final[field].to_numpy()
        count = max(int(is_valid.sum()), 1)
        newest, once = (
            int((failed[field].to_numpy() & is_valid).sum()) for failed in (seen.failed_newest, seen.failed_once)
        )
        first = hourly[TIMESTAMP][seen.failed_once[field].to_numpy() & is_valid].head(3)
        print_row(
            *(name, BY_FIELD[field].label if field in BY_FIELD else field, count),
            *(f"{newest} ({100 * newest / count:.3f} %)", f"{once} ({100 * once / count:.3f} %)"),
            ", ".join(f"{hour:%Y-%m-%d %H:%M}" for hour in first) or "–",
        )
    has_true = seen.true_nowcast.notna()
    same = int(((seen.nowcast - seen.true_nowcast).abs() <= 1).sum())
    print_row(name, "AQI of the NowCast off by more than 1", has_true.sum(), has_true.sum() - same, "", "")


def print_flagged(name: str, hourly: pd.DataFrame, zone: ZoneInfo, siting: Siting = ALWAYS_ON_SITE) -> None:
    """Print which share of the hours has which flag, per reading."""
    flags = [flag for flag in Flag if flag not in (Flag.PROVISIONAL, Flag.RESTATED)]
    names = [flag.name.lower().replace("_", " ") for flag in flags if flag.name]
    flagged = flag_hours(hourly, siting=siting)
    daily = daily_aggregates(flagged, zone)
    begin, end = hourly[TIMESTAMP].min(), hourly[TIMESTAMP].max()
    print(
        f"\n{name}: {len(hourly)} hours on {len(daily)} days, {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC; "
        "% of the hours\n"
    )
    columns = ["reading", *names, "valid", "in indices", "valid days", "first valid day", "last"]
    print_head(*columns)
    for parameter in PARAMETERS:
        of_reading = flagged.flags[parameter.field]
        shares = [100 * float(((of_reading & int(flag)) != 0).mean()) for flag in flags]
        valid = 100 * float(flagged.is_valid[parameter.field].mean())
        in_indices = 100 * float(flagged.index_readings[parameter.field].notna().mean())
        days = daily[DATE][daily[f"{parameter.field}_valid_mean"].notna()]
        span = [f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}"] if len(days) else ["–", "–"]
        print_row(parameter.label, *map(_percent, [*shares, valid, in_indices]), len(days), *span)


def _percent(share: float) -> str:
    """Return a share of which neither nothing nor all is made by rounding."""
    if share in (0.0, 100.0):
        return f"{share:g}"
    return f"{np.clip(share, 0.01, 99.99):.2f}"
