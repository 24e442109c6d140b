"""The index of the newest hour, and what quality control says of the hours that it is made of."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from airquality_dagster.network.pollutants import POLLUTANTS, TIMESTAMP
from airquality_dagster.readings.flags import is_valid_level
from airquality_dagster.readings.indices import NOWCAST_HOURS, aqi_category

UNCONFIRMED, OFF_SITE, CROSS_SENSITIVE = "unconfirmed", "off_site", "cross_sensitive"
"""Names of flags that the page and `airquality status` have sentences for."""
# A former reading tells how much has changed if it is not older than this before the first of the unconfirmed hours.
_JUST_BEFORE = timedelta(hours=3)


def index_now(quality: pd.DataFrame) -> dict[str, Any]:
    """Return the indices of the newest of some hours.

    Args:
        quality: documents of ``<station>_quality``, ordered by time; may be empty.

    Returns:
        ``aqi`` (NowCast), its ``pollutant``, ``is_unconfirmed``: whether the NowCast rests on a reading that the hours
        to come may still refute; ``since``, the hour since which its category has been the same; ``eaqi``, or why there
        is none, ``eaqi_withheld``; ``is_off_site``, whether the hour is not the air of the station's place. None where
        there is no value.
    """
    newest = quality.iloc[-1] if len(quality) else pd.Series(dtype=object)
    aqi, withheld = newest.get("aqi_nowcast"), newest.get("eaqi_withheld")
    pollutant = None if pd.isna(aqi) else newest["aqi_nowcast_pollutant"]
    return {
        "aqi": whole_or_none(aqi),
        "pollutant": pollutant,
        "is_unconfirmed": pollutant is not None
        and bool(_valid_with(last_hours(quality, NOWCAST_HOURS), pollutant, UNCONFIRMED).any()),
        "since": _category_since(quality),
        "eaqi": whole_or_none(newest.get("eaqi")),
        "eaqi_withheld": withheld if isinstance(withheld, str) else None,
        "is_off_site": any(OFF_SITE in flag_list(newest.get(f"{pollutant.field}_flags")) for pollutant in POLLUTANTS),
    }


def changing(hours: pd.DataFrame, quality: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the pollutants whose newest reading is not confirmed yet.

    Args:
        hours: readings, ordered by time.
        quality: documents of ``<station>_quality`` up to the same hour.

    Returns:
        of each its ``field``, ``since``: the first of the unconfirmed hours in a row; ``value``, the newest reading;
        ``before``, the last one before them, None if there is none within three hours.
    """
    found = []
    for field in (pollutant.field for pollutant in POLLUTANTS):
        is_unconfirmed = _valid_with(quality, field, UNCONFIRMED)
        if not is_unconfirmed.any() or not is_unconfirmed[-1]:
            continue
        others = np.flatnonzero(~is_unconfirmed)
        since = quality[TIMESTAMP].iloc[others[-1] + 1 if len(others) else 0]
        readings = hours.set_index(TIMESTAMP)[field].dropna()
        former = readings[(readings.index < since) & (readings.index >= since - _JUST_BEFORE)]
        found.append({
            "field": field,
            "since": since.isoformat(),
            "value": float(readings.iloc[-1]),
            "before": None if former.empty else float(former.iloc[-1]),
        })  # fmt: skip
    return found


def left_out(quality: pd.DataFrame) -> list[str]:
    """Return the fields whose readings of the last 24 hours are in no index, since they have no signal of their own."""
    recent = last_hours(quality, 24)
    fields = (pollutant.field for pollutant in POLLUTANTS)
    return [field for field in fields if _valid_with(recent, field, CROSS_SENSITIVE).any()]


def has_flag(quality: pd.DataFrame, field: str, flag: str) -> np.ndarray:
    """Return which hours have a flag."""
    return np.array([flag in flag_list(flags) for flags in quality[f"{field}_flags"]], dtype=bool)


def last_hours(frame: pd.DataFrame, hours: int) -> pd.DataFrame:
    """Return the rows of so many hours up to the newest."""
    return frame[frame[TIMESTAMP] > frame[TIMESTAMP].max() - timedelta(hours=hours)]


def flag_list(flags: Any) -> list[str]:
    """Return the names of an hour's flags; a reading without flags has no list."""
    return flags if isinstance(flags, list) else []


def whole_or_none(index: Any) -> int | None:
    """Return an index as a whole number."""
    return None if pd.isna(index) else int(index)


def _valid_with(quality: pd.DataFrame, field: str, flag: str) -> np.ndarray:
    """Return which hours have a valid reading with a flag."""
    return has_flag(quality, field, flag) & is_valid_level(quality[f"{field}_qc"].to_numpy(dtype="float64"))


def _category_since(quality: pd.DataFrame) -> str | None:
    """Return the hour since which the category of the newest hour has been the same."""
    if quality.empty:
        return None
    categories = aqi_category(quality["aqi_nowcast"].astype("Float64"))
    if categories.iloc[-1] is None:
        return None
    is_other = (categories != categories.iloc[-1]).to_numpy()
    first = np.flatnonzero(is_other)[-1] + 1 if is_other.any() else 0
    return quality[TIMESTAMP].iloc[first].isoformat()
