"""How old data may be: each limit stands here once; checks, policies, alerts and the page derive from it."""

from datetime import datetime, timedelta

# The newest hour is an average over the minutes so far, and answers were seen to lag by up to two hours (shared notes
# on the API): an hour is final three hours after its start.
PROVISIONAL_FOR = timedelta(hours=3)
# An hour is published within two hours after its end: four hours after its start, the next ones should be there.
LATE_AFTER = timedelta(hours=4)
# The hourly job ran, and the page was drawn, an hour ago at most; a missed tick may be chance, two are not.
OVERDUE_AFTER, STALLED_AFTER = timedelta(hours=2), timedelta(hours=3)


def is_late(newest_hour: datetime, now: datetime) -> bool:
    """Return whether the newest hour of a station is so old that later ones should be there.

    Args:
        newest_hour: its start, tz-aware.
        now: the present moment, tz-aware.

    >>> is_late(datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 12))
    False
    >>> is_late(datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 12, 5))
    True
    """
    return now - newest_hour > LATE_AFTER
