"""The stored days of a station."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pymongo.database import Database

from airquality_dagster.network.pollutants import DATE


def stored_days(
    database: Database[dict[str, Any]], collection: str, fields: Sequence[str], *, since: datetime | None = None
) -> pd.DataFrame:
    """Read daily aggregates.

    Args:
        database: database of the aggregates.
        collection: aggregates of a station.
        fields: columns to read; ``date`` is the key.
        since: the first date, as midnight UTC; None reads all days.

    Returns:
        one row per day, in order; a field that a day does not have is None.
    """
    columns = [field for field in fields if field != DATE]
    period = {} if since is None else {"_id": {"$gte": since}}
    documents = list(database[collection].find(period, dict.fromkeys(columns, True), sort=[("_id", 1)]))
    days: dict[str, Any] = {DATE: pd.to_datetime([document["_id"] for document in documents], utc=True)}
    for field in columns:
        days[field] = np.empty(len(documents), dtype=object)
        days[field][:] = [document.get(field) for document in documents]
    return pd.DataFrame(days)


def summarised_months(database: Database[dict[str, Any]], collection: str) -> set[datetime]:
    """Return the first date (midnight UTC) of each month that has a summary.

    Args:
        database: database of the summaries.
        collection: summaries of a station.
    """
    return {document["_id"]["start"] for document in database[collection].find({"_id.period": "month"}, {"_id": True})}
