"""``airquality alert-test``: a test message to the alert services."""

import platform

from airquality_dagster import settings
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.errors import SettingsError
from airquality_dagster.watching.notify import send


def send_test() -> bool:
    """Send a test message. Return whether every service accepted it.

    Raises:
        SettingsError: no service is set.
    """
    urls = settings.alert_urls()
    if not urls:
        raise SettingsError(
            f"{settings.AIRQUALITY_ALERT_URLS} is not set: set it to URLs of apprise, separated by spaces, "
            "like ntfy://ntfy.sh/my-topic or mailto://user:password@example.org"
        )
    body = f"This is a test by the air-quality platform on {platform.node()}. Nothing is wrong."
    faults = send(urls, "air quality: a test", body)
    for fault in faults:
        err.print(fault)
    out.print(f"{len(urls) - len(faults)} of {len(urls)} alert services accepted the test message.")
    return not faults
