"""The AirQino API as a Dagster resource."""

from collections.abc import Mapping
from datetime import datetime

import dagster as dg
from pydantic import Field, PrivateAttr

from airquality_dagster.airqino.answer import HourlyAnswer, parse_hourly_answer
from airquality_dagster.airqino.client import AirQinoClient
from airquality_dagster.airqino.oauth2 import Credentials, TokenSource
from airquality_dagster.errors import SettingsError
from airquality_dagster.settings import CREDENTIALS, PUBLIC_API, PUBLIC_TOKEN_URL


class AirQinoResource(dg.ConfigurableResource):
    """Hourly averages of AirQino stations.

    Without credentials, calls have no token. All assets of a run share one connection pool and one token.

    Example:
        .. code-block:: python

            AirQinoResource(
                client_id=dg.EnvVar("AIRQINO_CLIENT_ID"),
                username=dg.EnvVar("AIRQINO_USERNAME"),
                password=dg.EnvVar("AIRQINO_PASSWORD"),
            )
    """

    base_url: str = Field(default=PUBLIC_API, description="URL of the API, without a path.")
    token_url: str = Field(default=PUBLIC_TOKEN_URL, description="Token endpoint of the Keycloak realm.")
    client_id: str | None = Field(default=None, description="OAuth2 client.")
    client_secret: str | None = Field(default=None, repr=False, description="Its secret; a public client has none.")
    username: str | None = Field(default=None, description="For the password grant.")
    password: str | None = Field(default=None, repr=False, description="For the password grant.")
    refresh_token: str | None = Field(default=None, repr=False, description="For the refresh-token grant, tried first.")
    connect_timeout: float = Field(default=10.0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(default=60.0, description="Seconds to wait for the next bytes of an answer.")
    attempts: int = Field(default=5, description="Maximum number of attempts per request.")
    total_seconds: float = Field(default=180.0, description="Time limit of a request with token and all attempts.")
    backoff_seconds: float = Field(default=1.0, description="First pause between attempts; doubles each time.")
    patience_seconds: float = Field(
        default=900.0,
        description="Seconds for failed attempts since the last prompt answer: after two thirds no request is "
        "retried, then none is sent.",
    )

    _client: AirQinoClient | None = PrivateAttr(default=None)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the connections of the run."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def client(self) -> AirQinoClient:
        """The client, created on first use.

        Raises:
            SettingsError: the credentials contradict each other.
        """
        if self._client is None:
            timeout = (self.connect_timeout, self.read_timeout)
            credentials = self.credentials()
            check_url("AIRQINO_BASE_URL", self.base_url)
            self._client = AirQinoClient(
                self.base_url.strip(),
                TokenSource(credentials, timeout) if credentials else None,
                timeout=timeout,
                attempts=self.attempts,
                total_seconds=self.total_seconds,
                backoff_seconds=self.backoff_seconds,
                patience_seconds=self.patience_seconds,
            )
        return self._client

    def credentials(self) -> Credentials | None:
        """Return the credentials; None if none are set.

        Raises:
            SettingsError: the credentials are not enough for a grant; the message names what is missing.
        """
        fields = (self.client_id, self.client_secret, self.username, self.password, self.refresh_token)
        return credentials_of(dict(zip(CREDENTIALS, fields, strict=True)), self.token_url)

    def hourly_answer(self, station_id: int, start: datetime, end: datetime, now: datetime) -> HourlyAnswer:
        """Fetch and parse the hours of a period.

        Args:
            station_id: the station's AirQino id.
            start, end: tz-aware; ``start <= hour < end``.
            now: the present moment, tz-aware.

        Raises:
            AirQinoError: see `AirQinoClient.hourly_averages` and `parse_hourly_answer`.
        """
        # Some APIs refuse an end in the future.
        answer = self.client.hourly_averages(station_id, start, max(start, min(end, now)))
        return parse_hourly_answer(answer, start=start, end=end, now=now)


def check_url(name: str, url: str) -> None:
    """Raise if a URL holds a login, which errors and pages would show.

    Raises:
        SettingsError: names the variable, not the login.
    """
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise SettingsError(
            f"{name} holds a user name or password: leave them out, and set AIRQINO_USERNAME and AIRQINO_PASSWORD"
        )


def credentials_of(variables: Mapping[str, str | None], token_url: str = PUBLIC_TOKEN_URL) -> Credentials | None:
    """Return the credentials in environment variables, without blanks and line ends around them; None if none are set.

    Raises:
        SettingsError: the credentials are not enough for a grant; the message names what is missing.
    """
    values = [(variables.get(name) or "").strip() or None for name in CREDENTIALS]
    client_id, client_secret, username, password, refresh_token = values
    if not any(values):
        return None
    check_url("AIRQINO_TOKEN_URL", token_url)
    missing = []
    if not client_id:
        missing.append("AIRQINO_CLIENT_ID")
    if username and not password:
        missing.append("AIRQINO_PASSWORD (for AIRQINO_USERNAME)")
    if password and not username:
        missing.append("AIRQINO_USERNAME (for AIRQINO_PASSWORD)")
    if not (username or password or refresh_token):
        missing.append("AIRQINO_USERNAME with AIRQINO_PASSWORD, or AIRQINO_REFRESH_TOKEN")
    if missing:
        raise SettingsError(
            f"the AirQino credentials are incomplete: set {' and '.join(missing)}, or none of them for calls "
            "without a token"
        )
    return Credentials(token_url.strip(), str(client_id), client_secret, username, password, refresh_token)
