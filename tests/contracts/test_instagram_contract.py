"""Instagram holds what every transport holds."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from convokit.abc import Request, Transport
from convokit.testing.platform_double import HttpCall, Reply
from convokit.testing.transport_contract import TransportContract
from convokit.transports.instagram import Instagram
from convokit.wire.signing import Secret

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECRET = "canary-app-secret-0123456789"


def account(*events: Any, name: str = "messaging", **entry: Any) -> bytes:
    told = {"id": "77", "time": 1790000000000, name: events, **entry}
    return json.dumps({"object": "instagram", "entry": [told]}).encode()


def event(**parts: Any) -> dict[str, Any]:
    return {"sender": {"id": "4242"}, "recipient": {"id": "77"}, "timestamp": 1790000000123, **parts}


def entries(body: bytes) -> list[Any]:
    """The entries of a body; of one that was spoilt, what stands in their place."""
    whole = json.loads(body)
    found = whole.get("entry") if isinstance(whole, dict) else None
    return found if isinstance(found, list) else [found]


class TestInstagram(TransportContract):
    secrets = ("canary-access-token", SECRET, "canary-verify-token")
    signature_header = "x-hub-signature-256"
    conversation = "4242"
    sent = Reply.of({"recipient_id": "4242", "message_id": "aWdf_sent"})
    genuine = (
        account(
            event(message={"mid": "m1", "text": "Hello é", "reply_to": {"story": {"id": "1", "url": "https://s"}}})
        ),
        account(
            event(message={"mid": "m1", "text": "Red", "quick_reply": {"payload": "C_RED"}}), event(read={"mid": "m0"})
        ),
        account({"field": "messages", "value": event(message={"mid": "m2", "text": "Hello"})}, name="changes"),
        account(event(message={"mid": "m3", "attachments": [{"type": "image", "payload": {"url": "https://cdn/x"}}]})),
        account(event(postback={"mid": "m4", "title": "Open?", "payload": "hours"})),
        account(event(referral={"ref": "promo7", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"})),
        account(field="comments", value={"id": "c1", "text": "How much?", "from": {"id": "4242", "username": "ada"}}),
    )
    unknown = (
        account(event(game_play={"score": 3})),
        account(event(message={"mid": "m5", "attachments": [{"type": "hologram", "payload": {}}]})),
        account({"field": "story_insights", "value": {}}, name="changes"),
        json.dumps({"object": "page", "entry": [{"id": "88", "messaging": []}]}).encode(),
    )

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Instagram(*self.secrets, api_url=api_url, timeout=timeout)

    def said(self, call: HttpCall) -> str:
        said = call.json().get("message", {})
        return str(said.get("text", ""))

    def sign(self, body: bytes) -> Request:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode()
        return Request(method="POST", headers={self.signature_header: b"sha256=" + signature}, body=body, at=NOW)

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        return json.dumps({"object": "instagram", "entry": [one for body in bodies for one in entries(body)]}).encode()

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        good = Secret(SECRET)
        return (
            lambda: Instagram("token", "", "verify"),
            lambda: Instagram("token", " \n", "verify"),
            lambda: Instagram("token", Secret.unset("INSTAGRAM_APP_SECRET"), "verify"),
            lambda: Instagram("token", "short", "verify"),
            lambda: Instagram("", good, "verify"),
            lambda: Instagram("token", good, " "),
        )
