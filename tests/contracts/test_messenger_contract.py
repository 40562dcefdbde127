"""Messenger holds what every transport holds."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from convokit.abc import Request, Transport
from convokit.testing.platform_double import HttpCall, Reply
from convokit.testing.transport_contract import TransportContract
from convokit.transports.messenger import Messenger
from convokit.wire.signing import Secret

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECRET = "canary-app-secret-0123456789"


def page(*events: dict[str, Any], name: str = "messaging") -> bytes:
    where = {"sender": {"id": "4242"}, "recipient": {"id": "77"}, "timestamp": 1790000000123}
    told = [{**where, **event} for event in events]
    return json.dumps({"object": "page", "entry": [{"id": "77", "time": 1790000000000, name: told}]}).encode()


def entries(body: bytes) -> list[Any]:
    """The entries of a body; of one that was spoilt, what stands in their place."""
    whole = json.loads(body)
    found = whole.get("entry") if isinstance(whole, dict) else None
    return found if isinstance(found, list) else [found]


class TestMessenger(TransportContract):
    secrets = ("canary-page-token", SECRET, "canary-verify-token")
    signature_header = "x-hub-signature-256"
    conversation = "4242"
    sent = Reply.of({"recipient_id": "4242", "message_id": "m_sent"})
    genuine = (
        page({"message": {"mid": "m1", "text": "Hello é", "reply_to": {"mid": "m0"}}}),
        page(
            {"message": {"mid": "m1", "text": "Red", "quick_reply": {"payload": "C_RED"}}}, {"read": {"watermark": 1}}
        ),
        page(
            {"message": {"mid": "m2", "attachments": [{"type": "image", "payload": {"url": "https://cdn.example/x"}}]}}
        ),
        page({"postback": {"mid": "m3", "title": "Start", "payload": "GET_STARTED", "referral": {"ref": "promo"}}}),
        page({"referral": {"ref": "promo7", "source": "SHORTLINK"}}, {"delivery": {"mids": ["m"], "watermark": "1"}}),
        page({"pass_thread_control": {"new_owner_app_id": 123, "metadata": None}}),
        page({"message": {"mid": "m4", "text": "Hello"}}, name="standby"),
    )
    unknown = (
        page({"game_play": {"score": 3}}),
        page({"message": {"mid": "m5", "attachments": [{"type": "hologram", "payload": {}}]}}),
        json.dumps({"object": "page", "entry": [{"id": "77", "changes": [{"field": "feed", "value": {}}]}]}).encode(),
        json.dumps({"object": "instagram", "entry": [{"id": "88", "messaging": []}]}).encode(),
    )

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Messenger(*self.secrets, api_url=api_url, timeout=timeout)

    def said(self, call: HttpCall) -> str:
        said = call.json().get("message", {})
        return str(said.get("text", ""))

    def sign(self, body: bytes) -> Request:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode()
        return Request(method="POST", headers={self.signature_header: b"sha256=" + signature}, body=body, at=NOW)

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        return json.dumps({"object": "page", "entry": [one for body in bodies for one in entries(body)]}).encode()

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        good = Secret(SECRET)
        return (
            lambda: Messenger("token", "", "verify"),
            lambda: Messenger("token", " \n", "verify"),
            lambda: Messenger("token", Secret.unset("MESSENGER_APP_SECRET"), "verify"),
            lambda: Messenger("token", "short", "verify"),
            lambda: Messenger("", good, "verify"),
            lambda: Messenger("token", good, " "),
        )
