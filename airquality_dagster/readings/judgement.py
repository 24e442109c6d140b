"""The version of a station's judgement: that of the rules, and of what the stations file says of the station."""

from airquality_dagster.network.siting import Siting
from airquality_dagster.readings.flags import RULES


def judgement_version(siting: Siting) -> str:
    """Return the code version of a station's flags, days and summaries.

    Documents that were judged by another version are judged again.
    """
    return f"{RULES}.{siting.digest}" if siting.digest else str(RULES)


def is_of_present_rules(version: str | None) -> bool:
    """Return whether a version is one of the present rules, of any siting."""
    return version is not None and version.partition(".")[0] == str(RULES)
