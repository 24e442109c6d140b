"""How many requests an address may send."""

import time
from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WINDOW_SECONDS = 60
REQUESTS_PER_WINDOW = 600
"""As many as a script sends that loads a network of a hundred stations, and no more than one core answers."""
HEADERS = [f"X-RateLimit-{name}" for name in ("Limit", "Used", "Remaining", "Reset")]
"""Of each answer: the limit, what is used and left of it, and the seconds until it begins anew."""


class RateLimit:
    """ASGI middleware that answers 429 to an address that has sent too many requests in this minute.

    Each answer says what is left, in the headers of OpenAQ's API, which its clients obey. Loopback addresses are not
    limited: that is the operator, or a proxy that does not say for whom it asks.

    Args:
        app: the application.
        requests: the most requests of one address in a minute. An IPv6 network of 64 bits is one address.
    """

    def __init__(self, app: ASGIApp, requests: int = REQUESTS_PER_WINDOW) -> None:
        self._app = app
        self._requests = requests
        self._window = -1
        self._used: Counter[str] = Counter()  # of this minute only, so that it stays small

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        window, passed = divmod(time.monotonic(), WINDOW_SECONDS)
        if window != self._window:
            self._window = int(window)
            self._used.clear()
        reset = WINDOW_SECONDS - int(passed)
        address = _address(scope)
        used = 0
        if address is not None:
            self._used[address] += 1
            used = self._used[address]
        counts = (self._requests, min(used, self._requests), max(self._requests - used, 0), reset)
        headers = dict(zip(HEADERS, map(str, counts), strict=True))

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        if used > self._requests:
            detail = f"more than {self._requests} requests in this minute: wait {reset} s, or load /files/"
            refusal = JSONResponse({"detail": detail}, 429, {"Retry-After": str(reset)})
            await refusal(scope, receive, send_with_limits)
        else:
            await self._app(scope, receive, send_with_limits)


def _address(scope: Scope) -> str | None:
    """Return the address that is counted; None for one that is not limited."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return "none" if host else None  # no address: not worth one count each; a socket file has none at all
    if address.is_loopback:
        return None
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else host
