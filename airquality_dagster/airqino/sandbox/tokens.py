"""Tokens of the sandbox: a Keycloak realm with one client and one user."""

import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Realm:
    """Grants and checks tokens.

    Args:
        client_id, client_secret, username, password: accepted credentials; a public client has no secret.
        token_seconds, refresh_seconds: lifetime of access tokens and refresh tokens.
    """

    client_id: str
    username: str
    password: str
    client_secret: str | None = None
    token_seconds: int = 300
    refresh_seconds: int = 1800
    _access: dict[str, float] = field(default_factory=dict)
    _refresh: dict[str, float] = field(default_factory=dict)

    def grant(self, form: dict[str, str], *, rotates: bool = False) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and body with which Keycloak answers a form.

        Args:
            form: the form.
            rotates: whether a refresh token may be used only once ("Revoke Refresh Token" of a Keycloak realm).
        """
        is_client = form.get("client_id") == self.client_id and (
            self.client_secret is None or _equal(form.get("client_secret"), self.client_secret)
        )
        if not is_client:
            return _error(401, "invalid_client", "Invalid client or Invalid client credentials")
        kind = form.get("grant_type")
        if kind == "password":
            if not (_equal(form.get("username"), self.username) and _equal(form.get("password"), self.password)):
                return _error(401, "invalid_grant", "Invalid user credentials")
        elif kind == "refresh_token":
            # Keycloak returns a new refresh token each time; without `rotates`, the former stays valid.
            if self._refresh.get(form.get("refresh_token", ""), 0) < time.monotonic():
                return _error(400, "invalid_grant", "Token is not active")
            if rotates:
                del self._refresh[form["refresh_token"]]
        else:
            return _error(400, "unsupported_grant_type", "Unsupported grant_type")
        return 200, self.issue()

    def issue(self) -> dict[str, Any]:
        """Return the body of an answer with new tokens."""
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._access[access] = time.monotonic() + self.token_seconds
        self._refresh[refresh] = time.monotonic() + self.refresh_seconds
        return {
            "access_token": access,
            "expires_in": self.token_seconds,
            "refresh_expires_in": self.refresh_seconds,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": "openid",
        }

    def accepts(self, authorization: str, from_age: float = 0.0) -> bool:
        """Return whether an Authorization header carries a token that is valid now.

        Args:
            authorization: the header.
            from_age: seconds after which a new token becomes valid.
        """
        kind, _, token = authorization.partition(" ")
        seconds_left = self._access.get(token, 0) - time.monotonic()
        return kind.lower() == "bearer" and 0 <= seconds_left <= self.token_seconds - from_age


def _error(status: int, error: str, description: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": error, "error_description": description}


def _equal(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())
