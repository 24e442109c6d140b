"""Sending of messages to alert services, with apprise."""

import logging
from collections.abc import Sequence


def send(urls: Sequence[str], title: str, body: str) -> list[str]:
    """Send a message to each service. Return one line per service that failed, without the secrets of its URL.

    Args:
        urls: URLs of services in the form of apprise: ``mailto://``, ``slack://``, ``ntfy://``, ``json://`` …
        title, body: plain text.
    """
    import apprise  # imported here: few of the processes that load the code location send messages

    # Log lines of apprise contain URLs with secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    faults = []
    for number, url in enumerate(urls, 1):
        service = f"alert service {number} ({url.partition(':')[0]})"
        notifier = apprise.Apprise()
        if not notifier.add(url):
            faults.append(f"the URL of {service} is not valid for apprise: correct AIRQUALITY_ALERT_URLS")
        elif not notifier.notify(body, title=title, body_format=apprise.NotifyFormat.TEXT):
            faults.append(f"{service} did not accept the message: check its URL and whether it is reachable")
    return faults
