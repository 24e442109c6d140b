"""How many requests an address may send."""

from collections.abc import Iterator

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from airquality_dagster.local.serving import running
from airquality_dagster.publishing.api.limits import RateLimit

STRANGER = {"X-Forwarded-For": "203.0.113.5"}  # as a proxy of this machine hands it on


@pytest.fixture
def url() -> Iterator[str]:
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("fine"))])
    app.add_middleware(RateLimit, requests=3)
    with running(app) as url:
        yield url


def statuses(url: str, headers: dict[str, str], count: int = 4) -> list[int]:
    return [requests.get(url, headers=headers, timeout=10).status_code for _ in range(count)]


def test_an_address_that_asks_too_often_is_refused_and_told_when_to_come_back(url: str) -> None:
    assert statuses(url, STRANGER) == [200, 200, 200, 429]
    refusal = requests.get(url, headers=STRANGER, timeout=10)
    assert refusal.headers["Retry-After"] == refusal.headers["X-RateLimit-Reset"]
    assert "more than 3 requests in this minute" in refusal.json()["detail"]
    assert refusal.headers["X-RateLimit-Remaining"] == "0"


def test_each_answer_says_what_is_left(url: str) -> None:
    answer = requests.get(url, headers=STRANGER, timeout=10)
    limits = {name: answer.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Used", "Remaining")}
    assert limits == {"Limit": "3", "Used": "1", "Remaining": "2"}
    assert 0 < int(answer.headers["X-RateLimit-Reset"]) <= 60


def test_another_address_has_its_own_count_and_loopback_none(url: str) -> None:
    assert statuses(url, STRANGER)[-1] == 429
    assert statuses(url, {"X-Forwarded-For": "203.0.113.6"}, 1) == [200]
    assert statuses(url, {}, 8) == [200] * 8


def test_an_ipv6_network_of_64_bits_is_one_address(url: str) -> None:
    hosts = [{"X-Forwarded-For": f"2001:db8::{number}"} for number in range(1, 5)]
    assert [statuses(url, host, 1)[0] for host in hosts] == [200, 200, 200, 429]


def test_counts_of_former_minutes_are_forgotten(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(url, STRANGER)[-1] == 429
    monkeypatch.setattr("airquality_dagster.publishing.api.limits.WINDOW_SECONDS", 1e-9)
    assert statuses(url, STRANGER, 1) == [200]
