"""Limits for the age of data. Checks, freshness policies, alerts and the dashboard use these.

A check has the state of the last run that could fetch. While the API does not answer, the run fails instead, and the
dashboard shows the present age of the newest hour.
"""

from datetime import datetime, timedelta

# The newest hour is an average over the minutes so far, and answers lag by up to two hours: an hour is final three
# hours after its start.
PROVISIONAL_FOR = timedelta(hours=3)
# The API publishes an hour within two hours after its end: four hours after its start, later hours are expected.
LATE_AFTER = timedelta(hours=4)
# The hourly job runs and draws the page every hour. One missed tick is a warning, two are a failure.
OVERDUE_AFTER, STALLED_AFTER = timedelta(hours=2), timedelta(hours=3)


def is_late(newest_hour: datetime, now: datetime) -> bool:
    """Return whether the newest hour of a station is so old that later hours are overdue.

    Args:
        newest_hour: start of the hour, tz-aware.
        now: the present moment, tz-aware.

    >>> is_late(datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 12))
    False
    >>> is_late(datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 12, 5))
    True
    """
    return now - newest_hour > LATE_AFTER
