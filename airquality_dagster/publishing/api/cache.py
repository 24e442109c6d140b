"""Answers that are kept for a minute: the data change once an hour."""

import asyncio
import gzip
import hashlib
import time
from dataclasses import dataclass
from operator import itemgetter
from urllib.parse import parse_qsl, urlencode

from cachetools import TTLCache
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 60
MOST_BYTES = 64 * 2**20
_COMPRESSION = 5
_WORTH_COMPRESSING = 500
_OVERHEAD_BYTES = 2000  # of an answer beside its body, generously
_NOT_MODIFIED = 304
_OK = 200


@dataclass(frozen=True)
class _Answer:
    """An answer as it is sent, plain and compressed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    compressed: bytes | None
    tag: str
    made: float  # seconds of time.monotonic()

    @property
    def size(self) -> int:
        return _OVERHEAD_BYTES + len(self.body) + len(self.compressed or b"")


class Cache:
    """ASGI middleware that keeps answers to GET for a minute, compressed, with an ETag.

    Requests for the same answer at the same time wait for one computation. What is kept is bounded in bytes.

    Args:
        app: the application; each of its answers fits in memory.
        seconds: how long an answer is kept, and how long others may keep it.
        most_bytes: the most bytes that are kept.
    """

    def __init__(self, app: ASGIApp, seconds: float = SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._seconds = seconds
        self._kept: TTLCache[bytes, _Answer] = TTLCache(most_bytes, seconds, getsizeof=lambda answer: answer.size)
        self._computed: dict[bytes, asyncio.Task[_Answer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        key = _key(scope)
        answer = self._kept.get(key)
        if answer is None:
            task = self._computed.get(key)
            if task is None:
                task = self._computed[key] = asyncio.create_task(self._compute(key, scope, receive))
            # Shielded: a client that goes away does not take the answer from the others.
            answer = await asyncio.shield(task)
        await self._send(answer, scope, send)

    async def _compute(self, key: bytes, scope: Scope, receive: Receive) -> _Answer:
        try:
            answer = await self._ask({**scope, "method": "GET"}, receive)
            if answer.status == _OK and answer.size < self._kept.maxsize:
                self._kept[key] = answer
            return answer
        finally:
            del self._computed[key]

    async def _ask(self, scope: Scope, receive: Receive) -> _Answer:
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(scope, receive, collect)
        body = b"".join(parts)
        compressed = None
        if len(body) >= _WORTH_COMPRESSING:
            compressed = await run_in_threadpool(gzip.compress, body, _COMPRESSION, mtime=0)
        # Weak: the compressed answer has other bytes.
        tag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        return _Answer(start["status"], list(start.get("headers", [])), body, compressed, tag, time.monotonic())

    async def _send(self, answer: _Answer, scope: Scope, send: Send) -> None:
        asked = Headers(scope=scope)
        start: Message = {"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)}
        headers = MutableHeaders(scope=start)
        headers.add_vary_header("Accept-Encoding")
        body = answer.body
        if answer.status == _OK:
            left = max(0, int(self._seconds - (time.monotonic() - answer.made)))
            headers["Cache-Control"] = f"public, max-age={left}"
            headers["ETag"] = answer.tag
            if answer.tag in {tag.strip() for tag in asked.get("If-None-Match", "").split(",")}:
                start["status"], body = _NOT_MODIFIED, b""
                del headers["Content-Length"]
        else:
            headers["Cache-Control"] = "no-store"
        if body and answer.compressed is not None and _accepts_gzip(asked.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(answer.compressed))
            body = answer.compressed
        await send(start)
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _key(scope: Scope) -> bytes:
    """Return what tells answers apart: path and query, whose parameters may come in any order."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    # Values of one parameter keep their order: the last one counts.
    return f"{scope['path']}?{urlencode(sorted(query, key=itemgetter(0)))}".encode()


def _accepts_gzip(header: str) -> bool:
    """Return whether an ``Accept-Encoding`` header allows gzip.

    >>> _accepts_gzip("gzip, deflate"), _accepts_gzip("br, gzip;q=0"), _accepts_gzip("")
    (True, False, False)
    """
    for part in header.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
