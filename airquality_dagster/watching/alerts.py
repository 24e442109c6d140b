"""Pure functions that decide which alerts are due."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel

# An alert is repeated one hour after the first message, six hours later, and then once a day.
_PAUSES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))

# If more messages are due at once, they are sent as one: the first in full, the others by their titles.
_MAX_SINGLE = 5
_MAX_FULL = 3
_MAX_TITLES = 40


@dataclass(frozen=True)
class Problem:
    """A present problem.

    Args:
        key: identifies the problem while it lasts.
        title: station and problem, in a few words.
        text: one sentence: station, month, what happened, what to do.
        run_id: id of the run that revealed it, None if there is none.
        count: how often it happened so far, 0 if it is not counted.
    """

    key: str
    title: str
    text: str
    run_id: str | None = None
    count: int = 0


class OpenAlert(BaseModel):
    """A problem whose alerts are tracked. The sensor's cursor stores it as JSON.

    Args:
        title, text, run_id, count: of the problem when it was last seen.
        since: when it was first seen.
        sent: number of messages that were sent.
        last_sent: time of the last message, None if none was sent.
    """

    title: str
    text: str
    run_id: str | None = None
    count: int = 0
    since: datetime
    sent: int = 0
    last_sent: datetime | None = None


@dataclass(frozen=True)
class Message:
    """A message to send.

    Args:
        key: key of the problem.
        title, body: plain text.
        is_recovery: whether the problem is over.
    """

    key: str
    title: str
    body: str
    is_recovery: bool = False


def due_messages(
    problems: Sequence[Problem], former: Mapping[str, OpenAlert], now: datetime, ui_url: str
) -> tuple[list[Message], dict[str, OpenAlert]]:
    """Return the due messages and the open alerts.

    A message is due at once for a new problem and for a problem with a new reason, again after 1, 6, 24, 24 … hours
    while it lasts, and once when it is over if an alert was sent before. Only `mark_sent` counts a message as sent: a
    message that could not be sent is due again.

    Args:
        problems: present problems.
        former: key → alert that was open before.
        now: the present moment, tz-aware.
        ui_url: URL of the Dagster UI, for links.
    """
    messages, open_alerts = [], {}
    for problem in problems:
        known = former.get(problem.key)
        is_same = known is not None and _reason(known.text) == _reason(problem.text)
        alert = OpenAlert(
            **vars(problem),
            since=known.since if known else now,
            sent=known.sent if known and is_same else 0,
            last_sent=known.last_sent if known and is_same else None,
        )
        open_alerts[problem.key] = alert
        if alert.last_sent is None or now - alert.last_sent >= _PAUSES[min(alert.sent, len(_PAUSES)) - 1]:
            messages.append(Message(problem.key, problem.title, _body(alert, ui_url)))
    for key, alert in former.items():
        if key not in open_alerts and alert.sent:
            open_alerts[key] = alert
            body = f"It lasted from {_utc(alert.since)} to {_utc(now)}. It was: {alert.text}"
            messages.append(Message(key, f"over: {alert.title}", body, is_recovery=True))
    return messages, open_alerts


@dataclass(frozen=True)
class Bundle:
    """One message, or many messages that are sent as one."""

    title: str
    body: str
    messages: tuple[Message, ...]


def bundles(messages: Sequence[Message]) -> list[Bundle]:
    """Return one bundle per message, or a single bundle if there are many: nobody can read a thousand alerts."""
    if len(messages) <= _MAX_SINGLE:
        return [Bundle(message.title, message.body, (message,)) for message in messages]
    over = sum(message.is_recovery for message in messages)
    parts = [f"{len(messages) - over} failures"] * (over < len(messages)) + [f"{over} are over"] * (over > 0)
    full = [f"{message.title}\n{message.body}" for message in messages[:_MAX_FULL]]
    titles = [message.title for message in messages[_MAX_FULL:]]
    rest = f"\n… and {len(titles) - _MAX_TITLES} more" if len(titles) > _MAX_TITLES else ""
    also = "Also: " + "; ".join(titles[:_MAX_TITLES]) + rest
    return [Bundle(", ".join(parts), "\n\n".join([*full, also]), tuple(messages))]


def mark_sent(open_alerts: dict[str, OpenAlert], message: Message, now: datetime) -> None:
    """Record in the open alerts that a message was sent."""
    if message.is_recovery:
        del open_alerts[message.key]
        return
    alert = open_alerts[message.key]
    open_alerts[message.key] = alert.model_copy(update={"sent": alert.sent + 1, "last_sent": now})


def _body(alert: OpenAlert, ui_url: str) -> str:
    times = f", {alert.count} times so far" if alert.count > 1 else ""
    lines = [alert.text, f"Since {_utc(alert.since)}{times}."]
    if alert.run_id:
        lines.append(f"{ui_url}/runs/{alert.run_id}")
    return "\n".join(lines)


def _reason(text: str) -> str:
    """Return a text without its numbers and ids, which change while the reason stays the same."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", text)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
