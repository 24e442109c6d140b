"""``airquality alert-test``: does a message arrive?"""

import platform

from airquality_dagster import settings
from airquality_dagster.cli.terminal import err, out
from airquality_dagster.errors import SettingsError
from airquality_dagster.watching.notify import send


def send_test() -> bool:
    """Send a test message. Return whether every service took it.

    Raises:
        SettingsError: there is no service.
    """
    urls = settings.alert_urls()
    if not urls:
        raise SettingsError(
            f"{settings.AIRQUALITY_ALERT_URLS} is not set: set it to one or more URLs of apprise, separated by blanks, "
            "like ntfy://ntfy.sh/my-topic or mailto://user:password@example.org"
        )
    body = f"This is a test by the air-quality platform on {platform.node()}. Nothing is wrong."
    faults = send(urls, "air quality: a test", body)
    for fault in faults:
        err.print(fault)
    out.print(f"{len(urls) - len(faults)} of {len(urls)} alert services took the test message.")
    return not faults
