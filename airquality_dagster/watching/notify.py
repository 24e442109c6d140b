"""Sends a message to the services of ``AIRQUALITY_ALERT_URLS``."""

import logging
from collections.abc import Sequence


def send(urls: Sequence[str], title: str, body: str) -> list[str]:
    """Send a message, and return what could not be done, a line each, without the secrets of a URL.

    Args:
        urls: of services, as apprise knows them: ``mailto://``, ``slack://``, ``ntfy://``, ``json://`` …
        title, body: plain text.
    """
    import apprise  # here, because few of the processes that load the code location send anything

    # Its messages name URLs, and with them tokens.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    faults = []
    for number, url in enumerate(urls, 1):
        service = f"alert service {number} ({url.partition(':')[0]})"
        notifier = apprise.Apprise()
        if not notifier.add(url):
            faults.append(f"{service} is no URL that apprise knows: correct AIRQUALITY_ALERT_URLS")
        elif not notifier.notify(body, title=title, body_format=apprise.NotifyFormat.TEXT):
            faults.append(f"{service} did not take the message: see whether it can be reached and the URL is right")
    return faults
