"""Faults that the sandbox makes on purpose: those that the API, its tokens or the network really have."""

import asyncio
import copy
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from airquality_dagster.errors import SettingsError

Answer = dict[str, Any]


class ResetResponse(Response):
    """Closes the connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close it."""
        # ASGI has no word for it: uvicorn's `receive` is a method of what holds the connection.
        receive.__self__.transport.abort()  # type: ignore[attr-defined]


class TruncatedResponse(Response):
    """Announces its whole body and sends half of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        receive.__self__.transport.close()  # type: ignore[attr-defined]


class SlowResponse(Response):
    """Begins to answer after some seconds."""

    def __init__(self, content: bytes, seconds: float) -> None:
        super().__init__(content, media_type="application/json")
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then send."""
        await asyncio.sleep(self._seconds)
        await super().__call__(scope, receive, send)


def _first(answer: Answer) -> Answer:
    return answer["data"][0] if answer["data"] else {}


def _insert(answer: Answer, **changes: Any) -> None:
    if answer["data"]:
        answer["data"].insert(1, {**_first(answer), **changes})


def _text(answer: Answer, value: float) -> None:
    _first(answer).update({"CO": "n/a"})


def _twice_equal(answer: Answer, value: float) -> None:
    _insert(answer)


def _twice_different(answer: Answer, value: float) -> None:
    _insert(answer, CO=77.0)


def _impossible_timestamp(answer: Answer, value: float) -> None:
    _insert(answer, timestamp="2023-02-30 25:00:00")


def _no_timestamp(answer: Answer, value: float) -> None:
    _insert(answer, timestamp=None)


def _zoned_timestamp(answer: Answer, value: float) -> None:
    for row in answer["data"]:
        # The same instants, as a clock an hour east of UTC shows them.
        moment = datetime.fromisoformat(row["timestamp"]) + timedelta(hours=1)
        row["timestamp"] = f"{moment:%Y-%m-%dT%H:%M:%S}+01:00"


def _new_sensor(answer: Answer, value: float) -> None:
    for row in answer["data"]:
        row["VOC"] = value or 1.5


def _vanished_sensor(answer: Answer, value: float) -> None:
    for row in answer["data"]:
        row.pop("RH", None)


def _empty(answer: Answer, value: float) -> None:
    answer["data"].clear()


def _lag(answer: Answer, value: float) -> None:
    hours = int(value) or 2
    del answer["data"][-hours:]


def _restated(answer: Answer, value: float) -> None:
    for row in answer["data"]:
        if row.get("CO") is not None:
            row["CO"] += value or 0.125


ANSWERS: Mapping[str, Callable[[Answer, float], None]] = {
    "empty": _empty,
    "text": _text,
    "twice_equal": _twice_equal,
    "twice_different": _twice_different,
    "impossible_timestamp": _impossible_timestamp,
    "no_timestamp": _no_timestamp,
    "zoned_timestamp": _zoned_timestamp,
    "new_sensor": _new_sensor,
    "vanished_sensor": _vanished_sensor,
    "lag": _lag,
    "restated": _restated,
}
"""Faults of what is answered; the number of `lag` is its hours, of `restated` what is added to CO."""

RESPONSES: Mapping[str, Callable[[bytes, float], Response]] = {
    "status": lambda body, value: JSONResponse({"error": "on purpose"}, status_code=int(value) or 500),
    "status_without_body": lambda body, value: Response(status_code=int(value) or 500),
    "retry_after": lambda body, value: Response(status_code=429, headers={"Retry-After": f"{value:g}"}),
    "reset": lambda body, value: ResetResponse(),
    "truncated": lambda body, value: TruncatedResponse(body, media_type="application/json"),
    "html": lambda body, value: HTMLResponse("<html><h1>Under maintenance</h1></html>"),
    "not_json": lambda body, value: Response(b'{"data": [', media_type="application/json"),
    "no_data": lambda body, value: JSONResponse({"detail": "none"}),
    "slow": lambda body, value: SlowResponse(body, value or 5.0),
}
"""Faults of how it is answered; the number of `status` is its code, of `retry_after` and `slow` seconds."""

TOKENS = ("token_dies", "refresh_expires")
"""Faults of tokens: the one that a call carries is refused; refresh tokens are."""

CLOCKS = ("clock_skew",)
"""The server's clock is ahead, by the number of hours (default 3): it answers hours that are still to come."""

KINDS = (*RESPONSES, *ANSWERS, *TOKENS, *CLOCKS)


class Fault(BaseModel):
    """A fault that is made.

    Args:
        kind: one of `KINDS`.
        value: its number, where it has one.
        station: AirQino id; None for every station.
        times: how often it is made; None until it is cleared.
    """

    model_config = ConfigDict(extra="forbid")

    kind: str
    value: float = 0.0
    station: int | None = None
    times: int | None = Field(default=None, ge=1)

    @field_validator("kind")
    @classmethod
    def _kind_is_known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}")
        return kind


def parse_fault(text: str) -> Fault:
    """Return the fault that a command's option names.

    >>> parse_fault("status=503x2@283164601")
    Fault(kind='status', value=503.0, station=283164601, times=2)

    Raises:
        SettingsError: it is none.
    """
    rest, _, station = text.partition("@")
    kind, _, number = rest.partition("=")
    value, _, times = number.partition("x")
    try:
        return Fault(
            kind=kind,
            value=float(value or 0),
            station=int(station) if station else None,
            times=int(times) if times else None,
        )
    except ValueError as error:
        raise SettingsError(
            f"--fault {text!r} is not KIND[=NUMBER[xTIMES]][@STATION_ID], where KIND is one of {', '.join(KINDS)}"
        ) from error


@dataclass
class FaultSwitch:
    """The faults that are on. Safe in several threads."""

    def __post_init__(self) -> None:
        """Begin without any."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        with self._lock:
            # A copy: how often it is still to be made is counted in it.
            self._faults.append(fault.model_copy())

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults that are on."""
        with self._lock:
            return [fault.model_dump() for fault in self._faults]

    def take(self, kinds: Mapping[str, Any] | tuple[str, ...], station: int | None = None) -> Fault | None:
        """Return the first fault of some kinds that concerns a station, and count it as made."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.station in (None, station):
                    if fault.times is not None:
                        fault.times -= 1
                        if not fault.times:
                            self._faults.remove(fault)
                    return fault
        return None

    def answered(self, answer: Answer, station: int) -> Response:
        """Return the response to an answer, with the faults that are on."""
        if fault := self.take(ANSWERS, station):
            answer = copy.deepcopy(answer)
            ANSWERS[fault.kind](answer, fault.value)
        if fault := self.take(RESPONSES, station):
            return RESPONSES[fault.kind](json.dumps(answer).encode(), fault.value)
        return JSONResponse(answer)
