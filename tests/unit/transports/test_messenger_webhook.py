"""Messenger's door: the handshake, the signature, the settings."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convokit.abc import Received, Request
from convokit.errors import DefinitionError, Forged
from convokit.transports.messenger import Messenger

SECRET = "0123456789abcdef"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = '{"object":"page","entry":[{"id":"1","note":"é \\u00e9 @\r\n"}]}'.encode()


def page(**settings: Any) -> Messenger:
    return Messenger("token", SECRET, "verify me", **settings)


def signature(body: bytes, secret: str = SECRET) -> bytes:
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def post(body: bytes, headers: Mapping[str, bytes]) -> Received:
    return page().receive(Request(method="POST", headers=headers, body=body, at=NOW))


def ask(**given_: str) -> Received:
    query = {"mode": "subscribe", "verify_token": "verify me", "challenge": "1158201444"} | given_
    return page().receive(
        Request(method="GET", query=urlencode({f"hub.{name}": value for name, value in query.items()}), at=NOW)
    )


def test_the_handshake_answers_the_challenge_as_plain_text() -> None:
    received = ask()
    assert (received.status, received.body, received.events) == (200, b"1158201444", ())
    assert received.media_type.startswith("text/plain")


@pytest.mark.parametrize(
    "wrong",
    [
        {"verify_token": "verify m"},
        {"verify_token": ""},
        {"verify_token": "vérify me"},
        {"verify_token": "\ud800"},
        {"mode": "unsubscribe"},
        {"challenge": "<script>alert(1)</script>"},
        {"challenge": ""},
        {"challenge": "a" * 257},
        {"challenge": "１２"},
        {"challenge": "12\n"},
    ],
)
def test_any_other_question_is_refused(wrong: dict[str, str]) -> None:
    if "\ud800" in wrong.values():
        with pytest.raises(Forged):
            page().receive(Request(method="GET", query="hub.verify_token=%ED%A0%80", at=NOW))
        return
    with pytest.raises(Forged):
        ask(**wrong)


@pytest.mark.parametrize("query", ["", "&" * 100, "=".join("a" * 100), "hub.mode", "\ud800=\ud800", "%ff=%ff"])
def test_an_odd_query_is_refused(query: str) -> None:
    with pytest.raises(Forged):
        page().receive(Request(method="GET", query=query, at=NOW))


def test_a_signed_body_passes_byte_for_byte() -> None:
    assert post(BODY, {"x-hub-signature-256": signature(BODY)}).status == 200


@settings(deadline=None)
@given(st.integers(0, len(BODY) * 8 - 1))
def test_every_flipped_bit_of_the_body_is_a_forgery(bit: int) -> None:
    flipped = bytearray(BODY)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Forged):
        post(bytes(flipped), {"x-hub-signature-256": signature(BODY)})


@settings(deadline=None)
@given(st.integers(0, 71 * 8 - 1))
def test_every_flipped_bit_of_the_signature_is_a_forgery(bit: int) -> None:
    flipped = bytearray(signature(BODY))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Forged):
        post(BODY, {"x-hub-signature-256": bytes(flipped)})


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_a_header_may_be_any_bytes_and_is_a_forgery(header: bytes) -> None:
    with pytest.raises(Forged):
        post(BODY, {"x-hub-signature-256": header})


def test_the_older_weaker_signature_is_not_read() -> None:
    weak = b"sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest().encode()
    unsigned: list[Mapping[str, bytes]] = [{}, {"x-hub-signature": weak}, {"x-hub-signature-256": weak}]
    for headers in unsigned:
        with pytest.raises(Forged):
            post(BODY, headers)


@pytest.mark.parametrize("made", [lambda one: one.upper(), lambda one: one[7:], lambda one: one + b" "])
def test_the_signature_is_written_in_one_way_only(made: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Forged):
        post(BODY, {"x-hub-signature-256": made(signature(BODY))})


def test_verification_comes_before_reading() -> None:
    with pytest.raises(Forged):
        post(b"not json", {})


def test_without_a_secret_everything_is_a_forgery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESSENGER_APP_SECRET", raising=False)
    monkeypatch.delenv("MESSENGER_VERIFY_TOKEN", raising=False)
    transport = Messenger.from_env()
    empty_key = b"sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest().encode()
    for request in (
        Request(method="POST", headers={"x-hub-signature-256": empty_key}, body=BODY, at=NOW),
        Request(method="GET", query="hub.mode=subscribe&hub.verify_token=&hub.challenge=1", at=NOW),
    ):
        with pytest.raises(Forged):
            transport.receive(request)


@pytest.mark.parametrize("name", ["MESSENGER_PAGE_TOKEN", "MESSENGER_APP_SECRET", "MESSENGER_VERIFY_TOKEN"])
def test_a_missing_variable_is_named_when_the_bot_starts_and_not_before(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in ("MESSENGER_PAGE_TOKEN", "MESSENGER_APP_SECRET", "MESSENGER_VERIFY_TOKEN"):
        monkeypatch.setenv(one, SECRET)
    monkeypatch.setenv("MESSENGER_PAGE_ID", " 77 ")
    transport = Messenger.from_env()
    transport.check()
    assert repr(transport) == "Messenger(channel='messenger', page_id='77')"
    monkeypatch.setenv(name, " ")
    with pytest.raises(DefinitionError, match=name):
        Messenger.from_env().check()


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_secret_is_refused_where_it_is_given(empty: str) -> None:
    for place in range(3):
        given_ = ["token", SECRET, "verify me"]
        given_[place] = empty
        with pytest.raises(DefinitionError):
            Messenger(*given_)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"page_id": "my/page"}, "page_id"),
        ({"api_version": ""}, "api_version"),
        ({"api_version": "25.0"}, "api_version"),
        ({"tag": "human agent"}, "tag"),
        ({"tag": "ACCOUNT_UPDATE"}, "withdrew"),
        ({"api_url": "http://graph.facebook.com"}, "https"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], told: str) -> None:
    page(tag="HUMAN_AGENT", page_id="77").check()
    with pytest.raises(DefinitionError, match=told):
        page(**settings).check()


def test_a_short_app_secret_is_refused() -> None:
    with pytest.raises(DefinitionError, match="16 bytes"):
        Messenger("token", "short", "verify me").check()


def test_no_secret_shows() -> None:
    transport = Messenger("canary-token", "canary-secret-0123456789", "canary-verify")
    assert "canary" not in repr(transport) + repr(vars(transport))
