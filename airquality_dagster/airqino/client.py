"""A client of the AirQino API: HTTP, retries and tokens, without Dagster."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import requests
import tenacity

from airquality_dagster.airqino.decode import decode_answer
from airquality_dagster.airqino.oauth2 import BAD_URL, TRANSIENT, TokenSource
from airquality_dagster.errors import (
    AirQinoAnswerError,
    AirQinoCredentialsError,
    AirQinoError,
    AirQinoUnavailableError,
    UnknownStationError,
)

_log = logging.getLogger(__name__)

_QUERY_TIME = "%Y%m%d-%H%M"
_CHUNK_BYTES = 1 << 16


class _TransientError(Exception):
    """A temporary failure. Another attempt may succeed, after ``retry_after`` seconds at the earliest."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class AirQinoClient:
    """Sends requests to the AirQino API, with a bounded number and time of retries."""

    def __init__(
        self,
        base_url: str,
        token_source: TokenSource | None = None,
        *,
        timeout: tuple[float, float] = (10.0, 60.0),
        attempts: int = 5,
        total_seconds: float = 180.0,
        backoff_seconds: float = 1.0,
        patience_seconds: float = 900.0,
    ) -> None:
        """Create a connection pool; this sends nothing.

        Args:
            base_url: URL of the API, without a path.
            token_source: source of bearer tokens; None sends no token.
            timeout: seconds to wait for a connection, and for the next bytes of an answer.
            attempts: maximum number of attempts per request.
            total_seconds: time limit of a request. After it, no attempt begins and reading of an answer stops.
            backoff_seconds: first pause between attempts; it doubles each time, with jitter.
            patience_seconds: time limit for failed attempts and pauses of all requests together. After two thirds of
                it, a request gets one attempt; after all of it, none.
        """
        self._base_url = base_url.rstrip("/")
        self._token_source = token_source
        self._timeout = timeout
        self._attempts = attempts
        self._total_seconds = total_seconds
        self._backoff = tenacity.wait_exponential(multiplier=backoff_seconds, max=60) + tenacity.wait_random(
            0, backoff_seconds
        )
        self._patience_seconds = patience_seconds
        self._failed_seconds = 0.0
        self._session = requests.Session()
        self._session.headers.update({
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"airquality-dagster/{version('airquality-dagster')}",
        })  # fmt: skip
        self.bytes_received = 0

    def close(self) -> None:
        """Close the connection pool."""
        self._session.close()

    def hourly_averages(self, station_id: int, start: datetime, end: datetime) -> object:
        """Return the decoded JSON of a station's hourly averages.

        Args:
            station_id: the station's AirQino id.
            start, end: the period, tz-aware. It is not known whether the API includes the end: filter the answer.

        Raises:
            AirQinoUnavailableError: all attempts failed.
            AirQinoCredentialsError: the API refused a new token.
            UnknownStationError: the API does not know the station.
            AirQinoAnswerError: the answer is not JSON.
            AirQinoError: the API refused the request (another 4xx).
        """
        period = {"start_date": _query_time(start), "end_date": _query_time(end)}
        return self._get_json(f"/v3/getStationHourlyAvg/{station_id}", period)

    def _get_json(self, path: str, query: Mapping[str, str]) -> object:
        begin = time.monotonic()
        if self._failed_seconds >= self._patience_seconds:
            raise AirQinoUnavailableError(
                f"no more requests to {self._base_url} in this run: failed attempts took {self._failed_seconds:.0f} s. "
                "A later run fetches what is missing"
            )
        attempts = self._attempts if self._failed_seconds < self._patience_seconds * 2 / 3 else 1
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientError),
            stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(self._total_seconds),
            wait=self._pause,
            before_sleep=_log_retry,
            reraise=True,
        )
        attempt_began = begin

        def attempt() -> object:
            nonlocal attempt_began
            attempt_began = time.monotonic()
            return self._get_json_once(path, query, begin + self._total_seconds)

        try:
            answer = retrying(attempt)
        except _TransientError as error:
            self._failed_seconds += time.monotonic() - begin
            tries = retrying.statistics["attempt_number"]
            raise AirQinoUnavailableError(
                f"{self._base_url} gave no answer in {tries} attempt{'s' if tries > 1 else ''}: {error}. A later run "
                "fetches what is missing; if this continues, check AIRQINO_BASE_URL and the network"
            ) from error
        self._failed_seconds += attempt_began - begin
        return answer

    def _get_json_once(self, path: str, query: Mapping[str, str], deadline: float) -> object:
        response, body = self._send(path, query, deadline, is_second_token=False)
        status = response.status_code
        if status in TRANSIENT:
            raise _TransientError(f"HTTP {status} {response.reason}".rstrip(), _retry_after(response))
        if status in (204, 404):
            raise UnknownStationError(
                f"{self._base_url} does not know the station (HTTP {status} for {path}): check airqino_id in the "
                "stations file"
            )
        if status != 200:
            raise AirQinoError(f"{self._base_url} refused {path} with HTTP {status}: {_excerpt(body)}")
        try:
            return decode_answer(body)
        except ValueError as error:
            kind = response.headers.get("Content-Type", "no content type")
            raise AirQinoAnswerError(
                f"the answer of {self._base_url} is not JSON ({error}; {kind}): {_excerpt(body)}"
            ) from error

    def _send(
        self, path: str, query: Mapping[str, str], deadline: float, *, is_second_token: bool
    ) -> tuple[requests.Response, bytes]:
        """Send one request, with a token if there is a token source. If the token is refused, try a new token once."""
        try:
            token = self._token_source.access_token() if self._token_source else None
            headers = {"Authorization": f"Bearer {token}"} if token else None
            response = self._session.get(
                self._base_url + path, params=query, headers=headers, timeout=self._timeout, stream=True
            )
            with response:
                body = self._read(response, deadline)
        except BAD_URL as error:
            raise AirQinoError(f"{self._base_url} is not a valid URL ({error}): correct AIRQINO_BASE_URL") from error
        except requests.exceptions.HTTPError as error:  # from the token endpoint: its client checks the status
            raise _TransientError(f"token endpoint: {error}", _retry_after(error.response)) from error
        except requests.exceptions.RequestException as error:
            raise _TransientError(_reason(error)) from error
        if response.status_code != 401:
            return response, body
        if self._token_source is None or token is None:
            raise AirQinoCredentialsError(
                f"{self._base_url} requires credentials: set AIRQINO_CLIENT_ID with AIRQINO_USERNAME and "
                "AIRQINO_PASSWORD, or with AIRQINO_REFRESH_TOKEN"
            )
        if is_second_token:
            raise AirQinoCredentialsError(
                f"{self._base_url} refuses a new token: the credentials are not allowed to read the API; ask its "
                "operator"
            )
        self._token_source.forget(token)
        return self._send(path, query, deadline, is_second_token=True)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        chunks = []
        for chunk in response.iter_content(_CHUNK_BYTES):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise _TransientError(f"the answer was not complete after {self._total_seconds:g} s")
        self.bytes_received += response.raw.tell()
        return b"".join(chunks)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        retry_after = error.retry_after if isinstance(error, _TransientError) else 0.0
        return max(retry_after, self._backoff(state))


def _query_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_QUERY_TIME)


def _retry_after(response: requests.Response | None) -> float:
    """Return the seconds of a ``Retry-After`` header (RFC 9110, 10.2.3), 0 without the header."""
    text = response.headers.get("Retry-After", "").strip() if response is not None else ""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    _log.warning("AirQino, attempt %d: %s; the next in %.1f s", state.attempt_number, error, pause)


def _reason(error: requests.exceptions.RequestException) -> str:
    """Describe a failed connection; the text of requests contains object representations."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"TLS failed ({error.args[0]})"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer broke off"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "connection refused" if "refused" in str(error) else "connection failed"
    return type(error).__name__


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return f"{text[:160]!r}" if text else "an empty body"
