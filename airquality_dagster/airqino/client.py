"""A client of the AirQino API: HTTP, retries and tokens, without Dagster."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

import requests
import tenacity
from requests.auth import AuthBase

from airquality_dagster.airqino.decode import decode_answer
from airquality_dagster.airqino.oauth2 import TokenSource
from airquality_dagster.airqino.replies import BAD_URL, Reply, TransientError, failure, one_line, wrong_environment
from airquality_dagster.airqino.transport import Session, Transport, proxies_for, within
from airquality_dagster.errors import (
    AirQinoAnswerError,
    AirQinoCredentialsError,
    AirQinoError,
    AirQinoUnavailableError,
    UnknownStationError,
)

_log = logging.getLogger(__name__)

# For a station that is not known, or for a period without readings.
_NOTHING_THERE = (requests.codes.no_content, requests.codes.not_found, requests.codes.gone)
_QUERY_TIME = "%Y%m%d-%H%M"


class _TokenRefusedError(TransientError):
    """The API refused a token that it has never accepted. It may accept it later: clocks differ, keys spread slowly."""


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
            total_seconds: time limit of a request, with token, attempts and pauses; no server can exceed it.
            backoff_seconds: first pause between attempts; it doubles each time, with jitter.
            patience_seconds: time limit for failed attempts and pauses of all requests since the last one that was
                answered at once. After two thirds of it, a request gets one attempt; after all of it, none.
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
        self._last_failure = ""
        self._transport = Transport()
        self._session = Session(self._transport)
        self._session.headers.update({
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"airquality-dagster/{version('airquality-dagster')}",
        })  # fmt: skip
        self.bytes_received = 0

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()
        if self._token_source:
            self._token_source.close()

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
                f"no more requests to {self._base_url} in this run: failed attempts took {self._failed_seconds:.0f} s, "
                f"the last with: {self._last_failure}. A later run fetches what is missing"
            )
        attempts = self._attempts if self._failed_seconds < self._patience_seconds * 2 / 3 else 1
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(self._total_seconds),
            wait=self._pause,
            before_sleep=_log_retry,
            reraise=True,
        )
        attempt_began = begin

        def attempt() -> object:
            nonlocal attempt_began
            attempt_began = time.monotonic()
            seconds = begin + self._total_seconds - attempt_began
            try:
                return within(seconds, lambda: self._get_json_once(path, query), self._end_connections)
            except TimeoutError:
                raise TransientError(f"the answer was not complete after {self._total_seconds:g} s") from None

        try:
            answer = retrying(attempt)
        except TransientError as error:
            self._failed_seconds += time.monotonic() - begin
            self._last_failure = str(error)
            tries = retrying.statistics["attempt_number"]
            in_tries = f"in {tries} attempt{'s' if tries > 1 else ''}: {error}"
            if isinstance(error, _TokenRefusedError) and self._token_source:
                self._token_source.settle()
                raise AirQinoCredentialsError(
                    f"{self._base_url} refuses a new token {in_tries}. The credentials are not allowed to read the "
                    "API, or the server's clock is wrong: ask its operator"
                ) from error
            raise AirQinoUnavailableError(
                f"{self._base_url} gave no answer {in_tries}. A later run fetches what is missing; if this continues, "
                "check AIRQINO_BASE_URL and the network"
            ) from error
        except AirQinoError:
            self._note_answer(retrying, attempt_began - begin)
            raise
        self._note_answer(retrying, attempt_began - begin)
        return answer

    def _note_answer(self, retrying: tenacity.Retrying, failed_seconds: float) -> None:
        if retrying.statistics["attempt_number"] == 1:
            self._failed_seconds = 0.0  # the API is up, although it may have failed for other stations
        self._failed_seconds += failed_seconds

    def _get_json_once(self, path: str, query: Mapping[str, str]) -> object:
        reply = self._send(path, query)
        reply.check_status(self._secrets())
        if reply.status in _NOTHING_THERE:
            raise UnknownStationError(
                f"{self._base_url} does not know the station (HTTP {reply.status} for {path}): check airqino_id in the "
                "stations file"
            )
        if reply.status not in (requests.codes.ok, requests.codes.non_authoritative_info):
            said = reply.says(self._secrets()) or reply.excerpt(self._secrets())
            raise AirQinoError(f"{self._base_url} refused {path} with HTTP {reply.status}: {said}")
        try:
            return reply.json(decode_answer)
        except ValueError as error:
            kind = one_line(reply.headers.get("Content-Type", "no content type"), self._secrets())
            raise AirQinoAnswerError(
                f"the answer of {self._base_url} is not JSON ({error}; {kind}): {reply.excerpt(self._secrets())}"
            ) from error

    def _send(self, path: str, query: Mapping[str, str]) -> Reply:
        """Send a request, with a token if there is a token source. An accepted one that is refused is replaced once."""
        if self._token_source is None:
            reply = self._get(path, query, None)
            if reply.status == requests.codes.unauthorized:
                said = reply.says()
                raise AirQinoCredentialsError(
                    f"{self._base_url} requires credentials{f' ({said})' if said else ''}: set AIRQINO_CLIENT_ID with "
                    "AIRQINO_USERNAME and AIRQINO_PASSWORD, or with AIRQINO_REFRESH_TOKEN"
                )
            return reply
        token = self._token_source.access_token()
        reply = self._get(path, query, token)
        if reply.status == requests.codes.unauthorized and self._token_source.forget(token):
            token = self._token_source.access_token()
            reply = self._get(path, query, token)
        if reply.status == requests.codes.unauthorized:
            said = reply.says(self._secrets())
            raise _TokenRefusedError(f"HTTP 401{f', {said}' if said else ''}", reply.retry_after())
        self._token_source.settle()
        return reply

    def _get(self, path: str, query: Mapping[str, str], token: str | None) -> Reply:
        url = self._base_url + path
        auth = _Bearer(token) if token else None
        try:
            response = self._session.get(url, params=query, auth=auth, timeout=self._timeout, proxies=proxies_for(url))
        except BAD_URL as error:
            advice = (
                wrong_environment(error) or f"{self._base_url} is not a valid URL ({error}): correct AIRQINO_BASE_URL"
            )
            raise AirQinoError(advice) from error
        except requests.RequestException as error:
            raise TransientError(failure(error)) from error
        except OSError as error:
            raise AirQinoError(wrong_environment(error) or str(error)) from error
        except ValueError as error:  # of a redirect
            raise TransientError("the answer is not HTTP") from error
        self.bytes_received += response.raw.tell()
        return Reply.of(response)

    def _secrets(self) -> tuple[str, ...]:
        return self._token_source.secrets() if self._token_source else ()

    def _end_connections(self) -> None:
        self._transport.end_connections()
        if self._token_source:
            self._token_source.end_connections()

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        retry_after = error.retry_after if isinstance(error, TransientError) else 0.0
        return max(retry_after, self._backoff(state))


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._token}"
        return r


def _query_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_QUERY_TIME)


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    _log.warning("AirQino, attempt %d: %s; the next in %.1f s", state.attempt_number, error, pause)
