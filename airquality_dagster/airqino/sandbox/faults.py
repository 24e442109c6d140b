"""Faults that the sandbox can simulate: faults that the real API, its tokens or the network have."""

import copy
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.responses import HTMLResponse, JSONResponse, Response

from airquality_dagster.airqino.sandbox.oddities import HEADERS, ODD_ROWS, key_twice
from airquality_dagster.airqino.sandbox.responses import (
    DrippingResponse,
    EarlyEndResponse,
    EarlyHintsResponse,
    ResetResponse,
    TruncatedResponse,
    slow_response,
    with_note,
)
from airquality_dagster.errors import SettingsError

Row = dict[str, Any]


def _repeat_first(rows: list[Row], **changes: Any) -> None:
    """Insert a changed copy of the first row after it."""
    rows[1:1] = [{**row, **changes} for row in rows[:1]]


def _text(rows: list[Row], value: float) -> None:
    for row in rows[:1]:
        row["CO"] = "n/a"


def _zoned_timestamp(rows: list[Row], value: float) -> None:
    for row in rows:
        # The same instant on a clock one hour east of UTC.
        moment = datetime.fromisoformat(row["timestamp"]) + timedelta(hours=1)
        row["timestamp"] = f"{moment:%Y-%m-%dT%H:%M:%S}+01:00"


def _new_sensor(rows: list[Row], value: float) -> None:
    for row in rows:
        row["VOC"] = value or 1.5


def _vanished_sensor(rows: list[Row], value: float) -> None:
    for row in rows:
        row.pop("RH", None)


def _lag(rows: list[Row], value: float) -> None:
    del rows[-(int(value) or 2) :]


def _restated(rows: list[Row], value: float) -> None:
    for row in rows:
        if row.get("CO") is not None:
            row["CO"] += value or 0.125


ANSWERS: Mapping[str, Callable[[list[Row], float], None]] = {
    "empty": lambda rows, value: rows.clear(),
    "text": _text,
    "twice_equal": lambda rows, value: _repeat_first(rows),
    "twice_different": lambda rows, value: _repeat_first(rows, CO=77.0),
    "impossible_timestamp": lambda rows, value: _repeat_first(rows, timestamp="2023-02-30 25:00:00"),
    "no_timestamp": lambda rows, value: _repeat_first(rows, timestamp=None),
    "zoned_timestamp": _zoned_timestamp,
    "new_sensor": _new_sensor,
    "vanished_sensor": _vanished_sensor,
    "lag": _lag,
    "restated": _restated,
    **ODD_ROWS,
}
"""Faults in the rows of an answer. The number is for `lag` the missing hours, for `restated` what is added to CO."""

RESPONSES: Mapping[str, Callable[[bytes, float], Response]] = {
    "status": lambda body, value: JSONResponse({"error": "on purpose"}, status_code=int(value) or 500),
    "status_without_body": lambda body, value: Response(status_code=int(value) or 500),
    "retry_after": lambda body, value: Response(status_code=429, headers={"Retry-After": f"{value:g}"}),
    "reset": lambda body, value: ResetResponse(),
    "truncated": lambda body, value: TruncatedResponse(body, media_type="application/json"),
    "html": lambda body, value: HTMLResponse("<html><h1>Under maintenance</h1></html>"),
    "not_json": lambda body, value: Response(b'{"data": [', media_type="application/json"),
    "no_data": lambda body, value: JSONResponse({"detail": "none"}),
    "key_twice": lambda body, value: Response(key_twice(body), media_type="application/json"),
    "slow": lambda body, value: slow_response(body, value or 5.0),
    "early_end": lambda body, value: EarlyEndResponse(body),
    "drip": lambda body, value: DrippingResponse(body, value or 20.0),
    "drip_headers": lambda body, value: DrippingResponse(body, value or 20.0, with_headers=True),
    "early_hints": lambda body, value: EarlyHintsResponse(body, media_type="application/json"),
    "latin_1": lambda body, value: with_note(body, "mesuré à Cocody", "iso-8859-1"),
    "control_character": lambda body, value: with_note(body, "a\tb\ac", "utf-8"),
}
"""Faults of the HTTP response. The number is for `status` the code, for `retry_after` and `slow` the seconds, for
`drip` and `drip_headers` the bytes a second."""

TOKENS = ("token_dies", "refresh_expires", "token_later", "refresh_rotates", "account_disabled")
"""Faults of tokens: the access token of a call, or the refresh token, is refused; an access token is refused in the
first seconds (the number, default 2); a refresh token may be used once; no token is granted."""

CLOCKS = ("clock_skew", "future_refused")
"""The server's clock is ahead by the number of hours (default 3): it answers hours of the future, whatever was asked
for. Or the server refuses an ``end_date`` in the future."""

KINDS = (*RESPONSES, *ANSWERS, *HEADERS, *TOKENS, *CLOCKS)


class Fault(BaseModel):
    """A fault to simulate.

    Args:
        kind: one of `KINDS`.
        value: its number, if the kind has one.
        station: AirQino id; None for every station.
        times: number of answers with the fault; None: until it is cleared.
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
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        return kind


def parse_fault(text: str) -> Fault:
    """Parse the ``--fault`` option of the command.

    >>> parse_fault("status=503x2@283164601")
    Fault(kind='status', value=503.0, station=283164601, times=2)

    Raises:
        SettingsError: the text is not a fault.
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


class FaultSwitch:
    """The active faults. Thread-safe."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        with self._lock:
            # A copy, because `times` counts down.
            self._faults.append(fault.model_copy())

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return the active faults."""
        with self._lock:
            return [fault.model_dump() for fault in self._faults]

    def take(self, kinds: Mapping[str, Any] | tuple[str, ...], station: int | None = None) -> Fault | None:
        """Return the first active fault of some kinds for a station, and count it; None if there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.station in (None, station):
                    if fault.times is not None:
                        fault.times -= 1
                        if not fault.times:
                            self._faults.remove(fault)
                    return fault
        return None

    def response(self, answer: dict[str, Any], station: int) -> Response:
        """Return the response with an answer, changed by the active faults."""
        if fault := self.take(ANSWERS, station):
            answer = copy.deepcopy(answer)
            ANSWERS[fault.kind](answer["data"], fault.value)
        if fault := self.take(HEADERS, station):
            answer = {**answer, "header": dict(answer["header"])}
            HEADERS[fault.kind](answer["header"], fault.value)
        # Not JSONResponse: it refuses NaN.
        body = json.dumps(answer).encode()
        if fault := self.take(RESPONSES, station):
            return RESPONSES[fault.kind](body, fault.value)
        return Response(body, media_type="application/json")
