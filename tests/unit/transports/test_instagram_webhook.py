"""Instagram's door: the handshake, either signature, the settings."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from convokit.abc import Received, Request
from convokit.errors import DefinitionError, Forged
from convokit.messages import Button, Link
from convokit.transports.instagram import Instagram

SECRET = "instagram-secret-0123456789"
OTHER = "the-apps-secret-0123456789"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = '{"object":"instagram","entry":[{"id":"1","note":"é \\u00e9 @\r\n"}]}'.encode()
NAMES = ("INSTAGRAM_TOKEN", "INSTAGRAM_APP_SECRET", "INSTAGRAM_VERIFY_TOKEN")


def account(**settings: Any) -> Instagram:
    return Instagram("token", SECRET, "verify me", **settings)


def post(transport: Instagram, secret: str, body: bytes = BODY) -> Received:
    signed = b"sha256=" + hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest().encode()
    return transport.receive(Request(method="POST", headers={"x-hub-signature-256": signed}, body=body, at=NOW))


def test_the_handshake_answers_the_challenge() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify me", "hub.challenge": "1158201444"}
    received = account().receive(Request(method="GET", query=urlencode(query), at=NOW))
    assert (received.status, received.body, received.events) == (200, b"1158201444", ())
    wrong = urlencode(query | {"hub.verify_token": "other"})
    with pytest.raises(Forged):
        account().receive(Request(method="GET", query=wrong, at=NOW))


def test_either_of_the_apps_secrets_signs_and_no_other_does() -> None:
    both = account(meta_app_secret=OTHER)
    assert post(both, SECRET).status == post(both, OTHER).status == post(account(), SECRET).status == 200
    for transport, secret in ((both, "another-secret-0123456789"), (account(), OTHER)):
        with pytest.raises(Forged):
            post(transport, secret)


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_an_altered_body_is_a_forgery_with_either_secret(secret: str) -> None:
    with pytest.raises(Forged):
        post(account(meta_app_secret=OTHER), secret, BODY + b" ")


def test_without_a_secret_everything_is_a_forgery(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "INSTAGRAM_META_APP_SECRET"):
        monkeypatch.delenv(name, raising=False)
    transport = Instagram.from_env()
    empty = b"sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest().encode()
    for request in (
        Request(method="POST", headers={"x-hub-signature-256": empty}, body=BODY, at=NOW),
        Request(method="POST", body=BODY, at=NOW),
        Request(method="GET", query="hub.mode=subscribe&hub.verify_token=&hub.challenge=1", at=NOW),
    ):
        with pytest.raises(Forged):
            transport.receive(request)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_variable_is_named_when_the_bot_starts_and_not_before(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in NAMES:
        monkeypatch.setenv(one, SECRET)
    monkeypatch.setenv("INSTAGRAM_ACCOUNT_ID", " 77 ")
    monkeypatch.setenv("INSTAGRAM_LOGIN", "facebook")
    monkeypatch.setenv("INSTAGRAM_USERNAME", "cornerbakery")
    transport = Instagram.from_env()
    transport.check()
    assert repr(transport) == "Instagram(channel='instagram', login='facebook', account_id='77')"
    assert transport.link("table-7") == "https://ig.me/m/cornerbakery?ref=table-7"
    monkeypatch.setenv(name, " ")
    with pytest.raises(DefinitionError, match=name):
        Instagram.from_env().check()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"account_id": "my/account"}, "account_id"),
        ({"username": "@cornerbakery"}, "username"),
        ({"api_version": "25"}, "api_version"),
        ({"login": "google"}, "login"),
        ({"api_url": "http://graph.instagram.com"}, "https"),
        ({"meta_app_secret": "short"}, "16 bytes"),
        ({"ice_breakers": ["a", "b", "c", "d", "e"]}, "4 at most"),
        ({"ice_breakers": [Link("Menu", "https://x.example")]}, "question"),
        ({"menu": [Link("Write", "mailto:a@b.example")]}, "http or https"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], told: str) -> None:
    account(account_id="77", username="corner.bakery_1", ice_breakers=["a", Button("b", "B")], menu=["x"]).check()
    with pytest.raises(DefinitionError, match=told):
        account(**settings).check()


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_secret_is_refused_where_it_is_given(empty: str) -> None:
    for place in range(3):
        given = ["token", SECRET, "verify me"]
        given[place] = empty
        with pytest.raises(DefinitionError):
            Instagram(*given)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(DefinitionError, match="16 bytes"):
        Instagram("token", "short", "verify me").check()


def test_no_secret_shows() -> None:
    transport = Instagram("canary-t", "canary-0123456789abc", "canary-v", meta_app_secret="canary-9876543210abc")
    shown = repr(transport) + repr(vars(transport)) + repr(vars(transport._graph))
    assert "canary" not in shown


@pytest.mark.parametrize("ref", ["", "a b", "é", "a&b", "x" * 251, "a\n"])
def test_a_ref_that_no_link_carries_is_named(ref: str) -> None:
    with pytest.raises(DefinitionError, match="ref"):
        account(username="cornerbakery").link(ref)


def test_a_link_needs_the_accounts_name() -> None:
    with pytest.raises(DefinitionError, match="INSTAGRAM_USERNAME"):
        account().link("x")
