"""What servers answer: when to ask again, JSON in any charset, what a refusal says, and nothing that crashes."""

import codecs
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from airquality_dagster.airqino.replies import Reply, TransientError, one_line

DOCUMENT = {"header": {"station_name": "Cité é"}, "data": []}


def reply(body: bytes = b"{}", status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, "", CaseInsensitiveDict({"Content-Length": str(len(body)), **named}), body)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 12 ", 12),
        ("1.5", 1.5),
        ("0", 0),
        ("-5", 0),
        ("", 0),
        ("soon", 0),
        ("nan", 0),
        ("inf", 0),
        ("1e3", 0),
        ("²", 0),
        ("٣", 0),
        ("1２", 0),
        ("12, 12", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00", 0),
        ("Wed, 32 Oct 2015 27:28:00 GMT", 0),
        ("Wed, 21 Oct 99999 07:28:00 +9999", 0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_and_everything_else_is_none(text, seconds):
    assert reply(Retry_After=text).retry_after() == seconds


def test_a_retry_after_of_hundreds_of_digits_is_longer_than_any_limit():
    assert reply(Retry_After="9" * 400).retry_after() > 1e9


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S", "%A, %d-%b-%y %H:%M:%S GMT"])
def test_a_retry_after_may_be_a_date_of_utc_with_or_without_zone(form):
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert 115 < reply(Retry_After=later.strftime(form)).retry_after() <= 120
    assert 115 < reply(Retry_After=format_datetime(later)).retry_after() <= 120


@given(st.text() | st.from_regex(r"[A-Za-z]{3}, [0-9]{1,3} [A-Za-z]{3} [0-9]{1,5} [0-9:.]{1,9} [-+A-Z0-9]{0,6}"))
def test_no_retry_after_breaks_anything(text):
    assert reply(Retry_After=text).retry_after() >= 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("latin-1"), "application/json; charset=ISO-8859-1"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("cp1252"), 'application/json;charset="Windows-1252"; x=y'),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("utf-16"), "application/json; charset=utf-16"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("utf-16-le"), "application/json; charset=UTF-16LE"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("utf-16-be"), "application/json; charset=utf-16"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("utf-32"), "application/json"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("utf-8-sig"), "application/json"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode("utf-8-sig"), "application/json; charset=iso-8859-1"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode(), "text/plain; charset=no-such-thing"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode(), "application/json; charset=rot13"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode(), "application/json; charset=ascii"),
        (json.dumps(DOCUMENT, ensure_ascii=False).encode(), ""),
    ],
)
def test_json_is_read_in_the_charset_that_is_named_or_that_its_bytes_show(body, kind):
    assert reply(body, Content_Type=kind).json() == DOCUMENT


def test_control_characters_in_names_are_read():
    assert reply(b'{"PM2.5\x01": 1, "a\tb\nc": "\x7f\x00"}').json() == {"PM2.5\x01": 1, "a\tb\nc": "\x7f\x00"}


def test_a_number_of_thousands_of_digits_does_not_take_the_others_with_it():
    read = reply(b'{"data": [{"CO": %b, "T": 1}, {"CO": -%b}]}' % (b"9" * 9000, b"9" * 9000)).json()
    assert read == {"data": [{"CO": float("inf"), "T": 1}, {"CO": float("-inf")}]}


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"data": [', b"\xff\xfe", b"[" * 100_000, b'"\xe9"'])
def test_a_body_of_known_length_that_is_no_json_is_an_error(body):
    with pytest.raises(ValueError, match="."):
        reply(body).json()


@pytest.mark.parametrize("body", [b"", b'{"data": [', codecs.BOM_UTF8 + b"[1,", '{"a'.encode("utf-16")])
def test_json_that_breaks_off_where_the_end_is_not_known_is_a_passing_failure(body):
    with pytest.raises(TransientError, match="broke off"):
        Reply(200, "", CaseInsensitiveDict(), body).json()


def test_a_page_without_a_length_is_no_answer_that_broke_off():
    with pytest.raises(ValueError, match="Expecting value"):
        Reply(200, "", CaseInsensitiveDict(), b"<html>").json()


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        ({"error": "invalid_grant", "error_description": "Account disabled"}, {}, "Account disabled"),
        ({"message": "No API key\nfound"}, {}, "No API key found"),
        ({"error": {"code": 7, "message": "quota"}}, {}, "quota"),
        ({"detail": "\x1b[31mred\x07"}, {}, "[31mred"),
        ({"error": None, "detail": ["a"], "title": 7}, {}, ""),
        ({}, {"WWW_Authenticate": 'Bearer realm="x", error="invalid_token", error_description="expired"'}, "expired"),
        ({}, {"WWW_Authenticate": 'Bearer error="invalid_token"'}, "invalid_token"),
        ({}, {"WWW_Authenticate": "Bearer"}, ""),
        ([1], {}, ""),
        ({"error_description": "word " * 100}, {}, ("word " * 100)[:159] + "…"),
    ],
)
def test_what_a_refusal_says_is_one_short_line(body, headers, said):
    assert reply(json.dumps(body).encode(), 403, **headers).says() == said


@pytest.mark.parametrize("secret", ['p@ss wörd & "more"\\', "hunter2", "a+b/c="])
def test_what_a_refusal_says_has_no_secret_in_any_form(secret):
    from urllib.parse import quote, quote_plus

    forms = [secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]]
    text = " ".join(f"<{form}>" for form in forms)
    assert one_line(text, [secret], limit=1000) == " ".join(["<…>"] * len(forms))
    assert secret not in reply(text.encode()).excerpt([secret])
    long = "x" * 155 + secret
    assert secret[:4] not in one_line(long, [secret])
