"""Whom to tell what, and when: pure decisions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel

# The first message at once; the same again after an hour, after six more, and then once a day.
_PAUSES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))

# More messages than this that are due at once go in one piece: the first in full, the others by their titles.
_MOST_AT_ONCE = 5
_SHOWN = 3
_TITLES = 40


@dataclass(frozen=True)
class Problem:
    """Something that is wrong now.

    Args:
        key: what it is, the same as long as it lasts.
        title: station and what happened, in a few words.
        text: one sentence: station, month, what happened, what to do.
        run_id: of the run that showed it, None without one.
        count: how often it happened so far, 0 where nobody counts.
    """

    key: str
    title: str
    text: str
    run_id: str | None = None
    count: int = 0


class OpenAlert(BaseModel):
    """A problem that somebody is told of.

    Args:
        title, text, run_id, count: of the problem as it was last seen.
        since: when it was first seen.
        sent: how often it was told.
        last_sent: when it was last told, None if it never was.
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
    """What is to be sent.

    Args:
        key: of the problem.
        title, body: the text.
        is_recovery: the problem is over.
    """

    key: str
    title: str
    body: str
    is_recovery: bool = False


def due_messages(
    problems: Sequence[Problem], former: Mapping[str, OpenAlert], now: datetime, ui_url: str
) -> tuple[list[Message], dict[str, OpenAlert]]:
    """Return the messages that are due, and what is open now.

    A new problem is told at once, and so is one that changes its reason; one that stays is told again after
    1, 6, 24, 24 … hours; one that is over is told once, if it was told. A message counts as sent only when
    `mark_sent` says so: one that could not be sent is due again.

    Args:
        problems: what is wrong now.
        former: key → what was open before.
        now: the present moment.
        ui_url: of the Dagster UI, for links.
    """
    messages, open_alerts = [], {}
    for problem in problems:
        known = former.get(problem.key)
        is_same = known is not None and _reason(known.text) == _reason(problem.text)
        alert = OpenAlert(
            title=problem.title,
            text=problem.text,
            run_id=problem.run_id,
            count=problem.count,
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
    """What is sent in one piece: a message, or many that are due at once."""

    title: str
    body: str
    messages: tuple[Message, ...]


def bundles(messages: Sequence[Message]) -> list[Bundle]:
    """Return messages one by one, or, if they are many, in one piece: whoever is paged needs no thousand pages."""
    if len(messages) <= _MOST_AT_ONCE:
        return [Bundle(message.title, message.body, (message,)) for message in messages]
    over = sum(message.is_recovery for message in messages)
    parts = [f"{len(messages) - over} failures"] * (over < len(messages)) + [f"{over} are over"] * (over > 0)
    shown = [f"{message.title}\n{message.body}" for message in messages[:_SHOWN]]
    titles = [message.title for message in messages[_SHOWN:]]
    left = f"\n… and {len(titles) - _TITLES} more" if len(titles) > _TITLES else ""
    more = ["Also: " + "; ".join(titles[:_TITLES]) + left] if titles else []
    return [Bundle(", ".join(parts), "\n\n".join([*shown, *more]), tuple(messages))]


def mark_sent(open_alerts: dict[str, OpenAlert], message: Message, now: datetime) -> None:
    """Note that a message was sent."""
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
    """Return what stays of a text while its numbers go on."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", text)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
