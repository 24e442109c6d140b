"""How old a station's assets may be."""

from datetime import timedelta

import dagster as dg

# They are materialized each hour; the hours themselves are the check newest_hour_fresh's business.
FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=2), fail_window=timedelta(hours=4))
