"""What servers answer: which failures may pass, when to ask again, JSON in any charset, and what a refusal says."""

import codecs
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus

import requests

BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

# Statuses below 500 after which another attempt may succeed: timeout, wrong connection, locked, too early, too many.
_TRANSIENT = frozenset({408, 421, 423, 425, 429})

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_UNICODE = re.compile(r"utf|us-ascii$", re.IGNORECASE)
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_SAID = ("error_description", "message", "detail", "error", "title")
_SAID_IN_HEADER = re.compile(r'error(?:_description)?="([^"]*)"')
# Shorter secrets would also hide parts of ordinary words.
_MIN_SECRET_LENGTH = 4


def _decode(document: str | bytes) -> object:
    # Control characters in texts are read, as some servers send them.
    return json.loads(document, strict=False, parse_int=_number)


def _number(digits: str) -> int | float:
    # Python refuses to convert thousands of digits. No number of a token server has so many.
    return int(digits) if len(digits) < 1000 else math.copysign(math.inf, -1 if digits.startswith("-") else 1)


class TransientError(Exception):
    """A temporary failure. Another attempt may succeed, after ``retry_after`` seconds at the earliest."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Reply:
    """An answer of a server: status, reason in words, headers (the case of names does not count), and decoded body."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, response: requests.Response) -> "Reply":
        """Return the reply in a response of requests."""
        return cls(response.status_code, response.reason or "", response.headers, response.content)

    def check_status(self, secrets: Iterable[str] = ()) -> None:
        """Raise `TransientError` without secrets if the status says that another attempt may succeed."""
        is_transient = self.status >= 500 or self.status in _TRANSIENT
        if not is_transient and 400 <= self.status < 500 and self.status not in (401, 404, 410):
            is_transient = "Retry-After" in self.headers
        if is_transient:
            raise TransientError(one_line(f"HTTP {self.status} {self.reason}", secrets), self.retry_after())

    def retry_after(self) -> float:
        """Return the seconds of the ``Retry-After`` header (RFC 9110, 10.2.3); 0 without one, or if it is not valid."""
        text = self.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(text):
            return float(text)
        try:
            moment = parsedate_to_datetime(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return max(0.0, (moment - datetime.now(UTC)).total_seconds())
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return 0.0

    def json(self, decode: Callable[[str | bytes], object] = _decode) -> object:
        """Return the decoded JSON of the body.

        Args:
            decode: decodes it, and raises ValueError if it is not JSON.

        Raises:
            TransientError: the body broke off, and nothing but its JSON shows it.
            ValueError: the body is not JSON.
        """
        try:
            return decode(self._document())
        except (ValueError, RecursionError) as error:
            if self._may_have_broken_off():
                raise TransientError("the answer broke off") from error
            raise ValueError(one_line(str(error))) from error

    def says(self, secrets: Iterable[str] = ()) -> str:
        """Return the reason that a refusal gives, in one short line without secrets; empty if it gives none."""
        try:
            document = self.json()
        except (TransientError, ValueError):
            document = None
        if isinstance(document, dict):
            for key in _SAID:
                value: Any = document.get(key)
                if isinstance(value, dict):
                    value = value.get("message")
                if isinstance(value, str) and value.strip():
                    return one_line(value, secrets)
        challenges = _SAID_IN_HEADER.findall(self.headers.get("WWW-Authenticate", ""))
        return one_line(challenges[-1], secrets) if challenges else ""

    def excerpt(self, secrets: Iterable[str] = ()) -> str:
        """Return the beginning of the body in one line without secrets."""
        text = one_line(self.body[:4000].decode("utf-8", "replace"), secrets)
        return repr(text) if text else "an empty body"

    def _document(self) -> str | bytes:
        """Return the body, as text if its Content-Type names another charset than those that JSON recognizes itself."""
        charset = _CHARSET.search(self.headers.get("Content-Type", ""))
        if charset and not _UNICODE.match(charset[1]) and not self.body.startswith(_BYTE_ORDER_MARKS):
            try:
                return self.body.decode(charset[1])
            except (LookupError, ValueError):
                pass  # not a charset, or not that of the body
        return self.body

    def _may_have_broken_off(self) -> bool:
        """Return whether the body begins like JSON, and no length or last chunk says that it is complete.

        Servers also send half of a compressed body with the length of that half; nobody looks at its checksum.
        """
        has_end = "Content-Length" in self.headers or "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        if has_end and "Content-Encoding" not in self.headers:
            return False
        return self.body.lstrip(b"\xef\xbb\xbf\xfe\xff\0 \t\r\n")[:1] in (b"", b"{", b"[")


def one_line(text: str, secrets: Iterable[str] = (), limit: int = 160) -> str:
    r"""Return text of a server for a message: one line, printable, without secrets, shortened.

    >>> one_line("Account\n is disabled: hunter2", ["hunter2"])
    'Account is disabled: …'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _MIN_SECRET_LENGTH:
            for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret), quote_plus(secret)):
                text = text.replace(form, "…")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def wrong_environment(error: Exception) -> str | None:
    """Return what to correct if an error comes from a variable of the environment that requests reads."""
    text = one_line(str(error))
    if isinstance(error, requests.exceptions.InvalidProxyURL) or "SOCKS" in text:
        return f"the proxy of the environment cannot be used ({text}): correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return f"{text}: correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
    return None


def failure(error: requests.RequestException) -> str:
    """Describe a failed connection in words; the text of requests contains object representations."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"TLS failed ({error.args[0]})"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy gave no connection"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
        return "the answer broke off"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "connection refused" if "refused" in str(error) else "connection failed"
    return type(error).__name__
