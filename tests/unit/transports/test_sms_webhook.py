"""Twilio's signature: over the configured address and what is carried, and over nothing that a stranger chooses."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from sms_calls import ADA, NOW, PUBLIC, SENDER, SID, TOKEN, call, raw, sms

from convokit.abc import Request
from convokit.errors import Forged
from convokit.events import MessageReceived, UnknownReceived
from convokit.transports.sms import Sms, Vonage
from convokit.transports.sms.vonage import signature
from convokit.transports.twilio import Account, Form, sign
from convokit.transports.twilio.signature import MOST_FIELDS, read_form

ADDRESS = f"{PUBLIC}/sms"


def test_headers_of_proxies_and_the_host_change_nothing() -> None:
    request = call(Body="hi")
    lies = {"host": b"evil.example", "x-forwarded-host": b"evil.example", "x-forwarded-proto": b"http"}
    assert sms().receive(evolve(request, headers={**request.headers, **lies})).events
    elsewhere = sign(TOKEN.encode(), "https://evil.example/bot/sms", [("Body", "hi")])
    forged = Request(method="POST", headers={**lies, "x-twilio-signature": elsewhere}, body=b"Body=hi", at=NOW)
    with pytest.raises(Forged):
        sms().receive(forged)


@pytest.mark.parametrize("configured", ["https://shop.example/bot", "https://shop.example:443/bot"])
@pytest.mark.parametrize("called", ["https://shop.example/bot/sms", "https://shop.example:443/bot/sms"])
def test_the_platform_may_sign_with_or_without_the_port(configured: str, called: str) -> None:
    fields = [("AccountSid", SID), ("MessageSid", "SM1"), ("From", ADA), ("To", SENDER), ("Body", "hi")]
    headers = {"x-twilio-signature": sign(TOKEN.encode(), called, fields)}
    request = Request(method="POST", headers=headers, body=urlencode(fields).encode(), at=NOW)
    assert sms(public_url=configured).receive(request).events


def test_the_path_and_the_query_are_signed() -> None:
    good = call(path="/status", query="key=1%3A0", From=SENDER, To=ADA, MessageStatus="sent")
    assert sms().receive(good).evidence
    for wrong in (
        evolve(good, query="key=2%3A0"),
        evolve(good, query="key=1:0"),
        evolve(good, path=""),
        evolve(good, path="/status/"),
        evolve(good, path="/sta tus"),
        evolve(good, path="/stätus"),
    ):
        with pytest.raises(Forged):
            sms().receive(wrong)


def test_a_get_is_signed_by_its_address_alone_and_read_from_it() -> None:
    query = urlencode({"AccountSid": SID, "MessageSid": "SM1", "From": ADA, "To": SENDER, "Body": "hi"})
    headers = {"x-twilio-signature": sign(TOKEN.encode(), f"{ADDRESS}?{query}")}
    request = Request(method="GET", query=query, headers=headers, at=NOW)
    (event,) = sms().receive(request).events
    assert isinstance(event, MessageReceived)
    # What such a signature was caught from says nothing as a POST: nothing of the query is read there.
    with pytest.raises(Forged):
        sms().receive(evolve(request, method="POST", body=b"Body=other&From=%2B15552223333&MessageSid=SM2"))


def test_a_body_that_is_no_form_is_signed_by_its_hash() -> None:
    body = json.dumps({"a": 1}).encode()
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"x-twilio-signature": sign(TOKEN.encode(), f"{ADDRESS}?{query}")}
    request = Request(method="POST", query=query, headers=headers, body=body, at=NOW)
    form = read_form(request, ADDRESS, TOKEN.encode())
    assert form is not None
    assert len(form) == 0
    assert read_form(evolve(request, body=body + b" "), ADDRESS, TOKEN.encode()) is None
    assert read_form(evolve(request, query=query[:-1]), ADDRESS, TOKEN.encode()) is None


def test_repeated_names_are_signed_in_order_and_once_and_the_first_is_read() -> None:
    assert sign(b"12345", "https://h.example/x", [("a", "2"), ("b", ""), ("a", "1"), ("a", "2")]) == (
        sign(b"12345", "https://h.example/x", [("a", "1"), ("a", "2"), ("b", "")])
    )
    form = Form((("a", "2"), ("a", "1"), ("b", "")))
    assert form.get("a") == "2"
    assert "b" in form
    assert list(form) == ["a", "b"]


def test_more_fields_than_any_call_has_are_refused_unread() -> None:
    many = [(f"f{number}", "x") for number in range(MOST_FIELDS + 1)]
    with pytest.raises(Forged):
        sms().receive(raw(many))


def test_without_a_token_or_an_address_every_call_is_refused() -> None:
    account = Account(sid=SID, token=TOKEN, public_url="")
    with pytest.raises(Forged):
        account.read("sms", call(Body="hi"))
    assert read_form(call(Body="hi"), ADDRESS, b"") is None


def test_a_credential_shows_nowhere() -> None:
    account = Account(sid=SID, token=TOKEN, api_key="SK" + "0" * 32, api_secret="s" * 20, public_url=PUBLIC)
    assert TOKEN not in repr(account)
    assert "s" * 20 not in repr(account)
    assert TOKEN not in repr(sms())


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=6))
def test_what_is_signed_is_what_is_read(pairs: list[tuple[str, str]]) -> None:
    request = raw([(name.encode("utf-8", "replace").decode(), value) for name, value in pairs])
    form = read_form(request, ADDRESS, TOKEN.encode())
    assert form is not None
    assert [(name.encode("utf-8", "replace").decode(), v.encode("utf-8", "replace").decode()) for name, v in pairs] == (
        list(form.pairs)
    )


# ── Vonage ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET = "0123456789abcdef0123456789abcdef"


def vonage(**settings: str) -> Sms:
    return Sms(Vonage("abcd", "s" * 16, SECRET, sender=SENDER, **settings))  # type: ignore[arg-type]  str stands for the literal


def at_vonage(method: str = "POST", algorithm: str = "sha256", **fields: str) -> Request:
    at = str(int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()))
    told = {"msisdn": "15552223333", "to": "15550001111", "messageId": "0B1", "timestamp": at, "nonce": "x", **fields}
    told["sig"] = signature(SECRET.encode(), told, algorithm).upper()
    query = urlencode(told)
    if method == "GET":
        return Request(method="GET", query=query, at=NOW)
    body = json.dumps(told).encode() if method == "JSON" else query.encode()
    return Request(method="POST", body=body, at=NOW)


@pytest.mark.parametrize("method", ["GET", "POST", "JSON"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_vonage_calls_in_three_forms_and_signs_when(method: str, algorithm: str) -> None:
    told = vonage(algorithm=algorithm).receive(at_vonage(method, algorithm, text="a&b=c", type="text"))
    (event,) = told.events
    assert isinstance(event, MessageReceived)
    assert event.text == "a&b=c"
    assert event.conversation.id == ADA
    assert event.at == NOW - timedelta(hours=12)


def test_another_algorithm_another_number_and_a_name_twice_are_refused() -> None:
    with pytest.raises(Forged):
        vonage().receive(at_vonage(algorithm="sha512", text="x", type="text"))
    good = at_vonage(text="x", type="text")
    with pytest.raises(Forged):
        vonage().receive(evolve(good, body=good.body + b"&text=x"))
    assert vonage().receive(at_vonage(to="15559999999", text="x", type="text")).events == ()


def test_the_parts_of_a_long_message_say_which_they_are() -> None:
    concat = {"concat": "true", "concat-ref": "1", "concat-part": "2", "concat-total": "3"}
    (event,) = vonage().receive(at_vonage(text="x", type="text", **concat)).events
    assert event.context == {"concat-ref": "1", "concat-part": "2", "concat-total": "3"}


def test_what_vonage_does_not_know_of_a_message_is_unknown() -> None:
    (event,) = vonage().receive(at_vonage(status="deleted")).events
    assert isinstance(event, UnknownReceived)
    assert "sig" not in event.raw


def test_what_a_provider_is_carries_over_to_the_channel() -> None:
    assert vonage().signs_time
    assert not sms().signs_time
    assert vonage().methods == {"GET", "POST"}
    assert vonage().capabilities.attachments == frozenset()
    assert "image" in sms().capabilities.attachments
    assert sms(sender="+4915112345678").capabilities.attachments == frozenset()
