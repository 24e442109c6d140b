"""What a materialization records of its months: a tick finds by it what MongoDB has lost."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg
import numpy as np
import pandas as pd

from airquality_dagster.network.partitions import DOCUMENTS_PER_MONTH, TIME_ZONE, month


def month_metadata(
    partition_keys: Sequence[str], starts: Sequence[datetime], times: pd.DatetimeIndex, time_zone: str
) -> dict[str, dg.MetadataValue]:
    """Return metadata with the number of documents of each month, and the time zone of the months.

    Args:
        partition_keys: consecutive months.
        starts: start of each month, tz-aware.
        times: hours or dates of the documents, tz-aware, none before the first month.
        time_zone: name of the network's time zone.
    """
    months = pd.DatetimeIndex(list(starts)).tz_convert("UTC").searchsorted(times, side="right") - 1
    counts = np.bincount(months, minlength=len(partition_keys))
    per_month = {month(key): int(count) for key, count in zip(partition_keys, counts, strict=True)}
    return {DOCUMENTS_PER_MONTH: dg.MetadataValue.json(per_month), TIME_ZONE: dg.MetadataValue.text(time_zone)}
