"""HTTP responses as broken servers, slow servers and proxies send them."""

import asyncio
import time

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


def _connection(receive: Receive) -> asyncio.Transport:
    # ASGI cannot express what follows: uvicorn's `receive` is a method of the object that holds the connection.
    return receive.__self__.transport  # type: ignore[attr-defined]


class ResetResponse(Response):
    """Closes the connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection."""
        _connection(receive).abort()


class TruncatedResponse(Response):
    """Announces the whole body and sends half of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half of the body and close the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _connection(receive).close()


class EarlyEndResponse(Response):
    """Sends half of the body and announces no length, like a server of HTTP/1.0: only the JSON shows the loss."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half of the body and close the connection."""
        connection = _connection(receive)
        connection.write(_OK.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + bytes(self.body)[: len(self.body) // 2])
        connection.close()
        await _end(receive)


class DrippingResponse(Response):
    """Sends some bytes each second: the body, or everything."""

    def __init__(self, body: bytes, bytes_per_second: float, *, with_headers: bool = False) -> None:
        super().__init__(body)
        self._piece = max(1, round(bytes_per_second / 10))
        self._pause = self._piece / bytes_per_second
        self._with_headers = with_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until nobody listens any more."""
        connection = _connection(receive)
        head = _OK + f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n".encode()
        dripping = head + bytes(self.body) if self._with_headers else bytes(self.body)
        if not self._with_headers:
            connection.write(head)
        for begin in range(0, len(dripping), self._piece):
            if connection.is_closing():
                return
            connection.write(dripping[begin : begin + self._piece])
            await asyncio.sleep(self._pause)
        connection.close()
        await _end(receive)


class EarlyHintsResponse(Response):
    """Sends an informational answer (103) before the final one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send both answers."""
        _connection(receive).write(_EARLY_HINTS)
        await super().__call__(scope, receive, send)


def slow_response(body: bytes, seconds: float) -> Response:
    """Return the response after a while."""
    time.sleep(seconds)  # the sandbox answers in threads
    return Response(body, media_type="application/json")


def with_note(body: bytes, note: str, charset: str) -> Response:
    """Return the response with a text in its header, as it is, in a charset that its Content-Type names."""
    text = body.decode().replace('"header": {', f'"header": {{"{note}": "{note}", ', 1)
    return Response(text.encode(charset), headers={"Content-Type": f"application/json; charset={charset}"})


async def _end(receive: Receive) -> None:
    """Wait until the connection is closed, so that uvicorn does not miss an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
