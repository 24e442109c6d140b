"""Answers that are kept for a minute."""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airquality_dagster.local.serving import running
from airquality_dagster.publishing.api.cache import Cache


@dataclass
class Counted:
    """An application that counts what it computes, and waits until it may answer."""

    computed: list[str] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    seconds: float = 60
    most_bytes: int = 2**20

    def answer(self, request: Request) -> Response:
        self.computed.append(str(request.query_params))
        assert self.may_answer.wait(10)
        if "fail" in request.query_params:
            return JSONResponse({"detail": "no"}, 404)
        return JSONResponse({"number": len(self.computed), "long": "x" * int(request.query_params.get("size", 0))})

    def app(self) -> Starlette:
        app = Starlette(routes=[Route("/", self.answer)])
        app.add_middleware(Cache, seconds=self.seconds, most_bytes=self.most_bytes)
        return app


@pytest.fixture
def counted() -> Counted:
    counted = Counted()
    counted.may_answer.set()
    return counted


@pytest.fixture
def url(counted: Counted) -> Iterator[str]:
    with running(counted.app()) as url:
        yield url


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=10)


def test_an_answer_is_computed_once_in_its_time_whatever_the_order_of_its_parameters(
    url: str, counted: Counted
) -> None:
    bodies = {get(f"{url}/?{query}").text for query in ("a=1&b=2", "b=2&a=1", "a=1&b=2")}
    assert len(bodies) == len(counted.computed) == 1
    assert get(f"{url}/?a=1&b=3").text not in bodies


def test_other_values_of_a_repeated_parameter_are_another_answer(url: str, counted: Counted) -> None:
    for query in ("?a=1&a=2", "?a=2&a=1", "?a=1", "?a=", ""):
        get(f"{url}/{query}")
    assert len(counted.computed) == 5


def test_a_client_that_has_the_answer_already_gets_304_without_a_body(url: str) -> None:
    first = get(url)
    second = get(url, If_None_Match=f'"other", {first.headers["ETag"]}')
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert get(url, If_None_Match='W/"other"').status_code == 200


def test_others_may_keep_an_answer_as_long_as_this_server(url: str) -> None:
    name, _, seconds = get(url).headers["Cache-Control"].partition("=")
    assert name == "public, max-age"
    assert 0 < int(seconds) <= 60


def test_an_answer_is_compressed_for_whoever_accepts_it(url: str) -> None:
    plain = get(f"{url}/?size=5000", Accept_Encoding="identity")
    packed = requests.get(f"{url}/?size=5000", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10)
    raw = packed.raw.read(decode_content=False)
    assert len(raw) < 500
    assert gzip.decompress(raw) == plain.content
    assert (packed.headers["Vary"], packed.headers["Content-Length"]) == ("Accept-Encoding", str(len(raw)))
    assert "Content-Encoding" not in plain.headers


def test_errors_are_not_kept(url: str, counted: Counted) -> None:
    answers = [get(f"{url}/?fail") for _ in range(2)]
    assert [(answer.status_code, answer.headers["Cache-Control"]) for answer in answers] == [(404, "no-store")] * 2
    assert len(counted.computed) == 2


def test_requests_for_the_same_answer_at_once_wait_for_one_computation(url: str, counted: Counted) -> None:
    counted.may_answer.clear()
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(get, url) for _ in range(8)]
        counted.may_answer.set()
        assert len({answer.result().text for answer in answers}) == 1
    assert len(counted.computed) == 1


def test_head_has_the_headers_of_get_and_no_body(url: str) -> None:
    head, whole = requests.head(url, timeout=10), get(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_an_answer_is_computed_anew_after_its_time() -> None:
    counted = Counted(seconds=1e-6)
    counted.may_answer.set()
    with running(counted.app()) as url:
        assert get(url).json()["number"] == 1
        assert get(url).json()["number"] == 2


def test_what_is_kept_is_bounded() -> None:
    counted = Counted(most_bytes=20_000)
    counted.may_answer.set()
    with running(counted.app()) as url:
        for number in [*range(10), 0]:
            get(f"{url}/?size=5000&number={number}", Accept_Encoding="identity")
        assert len(counted.computed) == 11  # the first was forgotten
        get(f"{url}/?size=5000&number=9"), get(f"{url}/?size=50000"), get(f"{url}/?size=50000")
    assert len(counted.computed) == 13  # the newest was kept, what is larger than all is never kept
