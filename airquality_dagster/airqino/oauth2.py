"""Bearer tokens of a Keycloak realm, which the AirQino API requires."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session

from airquality_dagster.airqino.replies import BAD_URL, Reply, TransientError, failure, one_line, wrong_environment
from airquality_dagster.airqino.transport import Transport, mount, proxies_for
from airquality_dagster.errors import AirQinoCredentialsError

# A token is renewed this long before it expires, so that it does not expire during a request.
_LEEWAY_SECONDS = 30
# What a header can carry.
_TOKEN = re.compile(r"[\x21-\x7e]+")
# Some servers answer these with a status that says something else.
_TRANSIENT_ERRORS = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


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


@dataclass(frozen=True)
class Token:
    """Tokens of a realm.

    Args:
        access: access token.
        refresh: the refresh token to use next; None if the answer has none.
        expires_at: when it expires, on the clock of `time.monotonic`; None if the answer does not say it.
    """

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    def is_expired(self) -> bool:
        """Return whether the token expires soon."""
        return self.expires_at is not None and self.expires_at - _LEEWAY_SECONDS < time.monotonic()


class GrantRefusedError(Exception):
    """The token endpoint refused a grant; the message is its OAuth2 error, with the description if there is one."""


class NoTokenError(Exception):
    """The token endpoint answered neither a token nor an OAuth2 error."""


def parse_token(reply: Reply, secrets: tuple[str, ...] = ()) -> Token:
    """Return the tokens in an answer of a token endpoint (RFC 6749, 5.1 and 5.2).

    Args:
        reply: the answer.
        secrets: what no message may show.

    Raises:
        TransientError: another attempt may succeed.
        GrantRefusedError: the answer is an OAuth2 error.
        NoTokenError: the answer is something else.
    """
    reply.check_status(secrets)
    try:
        body = reply.json()
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise NoTokenError(f"HTTP {reply.status} with neither a token nor an OAuth2 error")
    if reply.status == requests.codes.not_found:
        # Keycloak: "Realm does not exist".
        raise NoTokenError(f"HTTP 404, {reply.says(secrets) or 'no token endpoint'}")
    # Some servers send "error": null beside a token.
    if error := body.get("error"):
        code = one_line(str(error), secrets)
        if code in _TRANSIENT_ERRORS:
            raise TransientError(code, reply.retry_after())
        # Both may be the same, or without a printable letter.
        raise GrantRefusedError(
            ": ".join(filter(None, dict.fromkeys([code, reply.says(secrets)]))) or "no reason given"
        )
    access = _text(body.get("access_token"))
    if not 200 <= reply.status < 300 or not _TOKEN.fullmatch(access):
        raise NoTokenError(f"HTTP {reply.status} with neither a token nor an OAuth2 error")
    seconds = _seconds(body.get("expires_in"))
    return Token(
        access,
        _text(body.get("refresh_token")) or None,
        None if seconds is None else time.monotonic() + seconds,
    )


class TokenSource:
    """Returns a valid access token. It does not retry: the caller handles errors of requests."""

    def __init__(self, credentials: Credentials, timeout: tuple[float, float]) -> None:
        """Configure the OAuth2 client; this sends nothing."""
        self._credentials = credentials
        self._timeout = timeout
        self._session = _TokenSession(
            credentials.client_id,
            credentials.client_secret,
            # Keycloak takes the secret in the form; a public client has none.
            token_endpoint_auth_method="client_secret_post" if credentials.client_secret else "none",
        )
        self._transport = Transport()
        mount(self._session, self._transport)
        self._token: Token | None = None
        self._settled_token: str | None = None
        self._refresh_token = credentials.refresh_token

    def access_token(self) -> str:
        """Return a token, renewed if it expires soon.

        Raises:
            AirQinoCredentialsError: the endpoint refused the credentials.
            TransientError: it could not be reached, or failed; another attempt may succeed.
        """
        if self._token is None or self._token.is_expired():
            self._token = self._renewed()
            # Keycloak returns a new refresh token with each answer, and may revoke the former.
            self._refresh_token = self._token.refresh or self._refresh_token
        return self._token.access

    def settle(self) -> None:
        """Note that the API has accepted the token, or refused it long enough: it does not become valid later."""
        self._settled_token = self._token.access if self._token else None

    def forget(self, access_token: str) -> bool:
        """Drop a settled token that the API refuses, so that the next token is new. Return whether it was settled."""
        if access_token != self._settled_token:
            return False
        self._token = None
        return True

    def secrets(self) -> tuple[str, ...]:
        """Return all that no message may show."""
        credentials = self._credentials
        secrets = (credentials.client_secret, credentials.password, credentials.refresh_token, self._refresh_token)
        return tuple(filter(None, (*secrets, self._token and self._token.access)))

    def end_connections(self) -> None:
        """End all connections, from another thread."""
        self._transport.end_connections()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def _renewed(self) -> Token:
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
        url = self._credentials.token_url
        for grant in grants:
            try:
                return parse_token(self._session.grant(url, grant, self._timeout), self.secrets())
            except GrantRefusedError as refusal:
                refusals.append(f"{grant['grant_type']} grant: {refusal}")
            except NoTokenError as error:
                raise AirQinoCredentialsError(f"{url} answered {error}: check AIRQINO_TOKEN_URL") from error
            except BAD_URL as error:
                advice = wrong_environment(error) or f"{url} is not a valid URL ({error}): correct AIRQINO_TOKEN_URL"
                raise AirQinoCredentialsError(advice) from error
            except requests.RequestException as error:
                raise TransientError(f"token endpoint: {failure(error)}") from error
            except OSError as error:
                raise AirQinoCredentialsError(wrong_environment(error) or str(error)) from error
            except ValueError as error:  # of a redirect
                raise TransientError("token endpoint: the answer is not HTTP") from error
            except TransientError as error:
                raise TransientError(f"token endpoint: {error}", error.retry_after) from error
        advice = (
            "check AIRQINO_CLIENT_ID, AIRQINO_CLIENT_SECRET, AIRQINO_USERNAME and AIRQINO_PASSWORD"
            if self._credentials.username
            else "AIRQINO_REFRESH_TOKEN has expired, was revoked, or may be used only once. As each run uses it again, "
            "get an offline token that may be reused (docs/configuration.md), or set AIRQINO_USERNAME and "
            "AIRQINO_PASSWORD"
        )
        raise AirQinoCredentialsError(f"{url} refuses the credentials ({'; '.join(refusals)}): {advice}")


class _TokenSession(OAuth2Session, requests.Session):  # type: ignore[misc]  # the stubs of Authlib omit this base
    """The part of Authlib that makes the request; the answer is parsed here, because it may hold anything."""

    def grant(self, url: str, form: Mapping[str, Any], timeout: tuple[float, float]) -> Reply:
        """Send a grant. A redirect is an answer: following it would hand the secrets to another server."""
        return self.fetch_token(url, timeout=timeout, proxies=proxies_for(url), allow_redirects=False, **form)

    def parse_response_token(self, resp: requests.Response) -> Reply:
        """Return the answer as it is."""
        return Reply.of(resp)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _seconds(value: object) -> float | None:
    """Return a number of seconds, which some servers send as text; None if it is something else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(seconds) else max(0.0, seconds)
