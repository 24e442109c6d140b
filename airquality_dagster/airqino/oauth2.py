"""Bearer tokens of a Keycloak realm, which the AirQino API requires."""

from dataclasses import dataclass

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from airquality_dagster.errors import AirQinoCredentialsError

# HTTP statuses after which another attempt may succeed.
TRANSIENT = frozenset({429, 500, 502, 503, 504})

BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

# A token is renewed this long before it expires, so that it does not expire during a request.
_LEEWAY_SECONDS = 30


@dataclass(frozen=True)
class Credentials:
    """Credentials for the token endpoint.

    Args:
        token_url: URL of the token endpoint.
        client_id: of the OAuth2 client.
        client_secret: None for a public client.
        username, password: for the password grant.
        refresh_token: for the refresh-token grant, which is tried first; if the token has expired, the
            password grant follows if there is a password.
    """

    token_url: str
    client_id: str
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(token_url={self.token_url!r}, client_id={self.client_id!r}, …)"


class TokenSource:
    """Returns a valid access token. It does not retry: the caller handles errors of requests."""

    def __init__(self, credentials: Credentials, timeout: tuple[float, float]) -> None:
        """Configure the OAuth2 client; this sends nothing."""
        self._credentials = credentials
        self._timeout = timeout
        self._session = OAuth2Session(
            credentials.client_id,
            credentials.client_secret,
            # Keycloak takes the secret in the form; a public client has none.
            token_endpoint_auth_method="client_secret_post" if credentials.client_secret else "none",
            leeway=_LEEWAY_SECONDS,
        )
        self._session.register_compliance_hook("access_token_response", self._check_answer)
        self._session.register_compliance_hook("refresh_token_response", self._check_answer)
        self._refresh_token = credentials.refresh_token

    def access_token(self) -> str:
        """Return a token, renewed if it expires within `_LEEWAY_SECONDS`.

        Raises:
            AirQinoCredentialsError: the endpoint refused the credentials.
            requests.RequestException: it could not be reached or failed.
        """
        token = self._session.token
        if not token or token.is_expired(_LEEWAY_SECONDS):
            self._renew()
            token = self._session.token
        return str(token["access_token"])

    def forget(self, access_token: str) -> None:
        """Drop a token that the API refused, so that the next token is new."""
        if self._session.token and self._session.token.get("access_token") == access_token:
            self._session.token = None

    def _renew(self) -> None:
        grants = []
        if self._refresh_token:
            grants.append({"grant_type": "refresh_token", "refresh_token": self._refresh_token})
        if self._credentials.username:
            grants.append({
                "grant_type": "password",
                "username": self._credentials.username,
                "password": self._credentials.password,
                "scope": "openid",
            })  # fmt: skip
        refusals = []
        for grant in grants:
            try:
                token = self._session.fetch_token(self._credentials.token_url, timeout=self._timeout, **grant)
            except AuthlibBaseError as error:
                refusals.append(f"{grant['grant_type']} grant: {error.error}")
                continue
            except BAD_URL as error:
                raise AirQinoCredentialsError(
                    f"{self._credentials.token_url} is not a valid URL ({error}): correct AIRQINO_TOKEN_URL"
                ) from error
            # Keycloak returns a new refresh token with each answer, and may revoke the former.
            self._refresh_token = token.get("refresh_token") or self._refresh_token
            return
        raise AirQinoCredentialsError(
            f"{self._credentials.token_url} refuses the credentials ({'; '.join(refusals)}): check AIRQINO_CLIENT_ID, "
            "AIRQINO_CLIENT_SECRET, AIRQINO_USERNAME and AIRQINO_PASSWORD, or AIRQINO_REFRESH_TOKEN"
        )

    def _check_answer(self, response: requests.Response) -> requests.Response:
        """Raise if an answer is a temporary failure, or neither a token nor an OAuth2 error; Authlib handles these."""
        if response.status_code in TRANSIENT:
            response.raise_for_status()
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not {"access_token", "error"} & body.keys():
            raise AirQinoCredentialsError(
                f"{self._credentials.token_url} answered HTTP {response.status_code} with neither a token nor an "
                "OAuth2 error: check AIRQINO_TOKEN_URL"
            )
        return response
