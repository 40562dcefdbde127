"""WhatsApp holds what every transport holds."""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from convokit.abc import Request, Transport
from convokit.testing.platform_double import HttpCall, Reply
from convokit.testing.transport_contract import TransportContract
from convokit.transports.whatsapp import WhatsApp
from convokit.wire.signing import Secret

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECRET = "canary-app-secret-0123456789"
NUMBER = "1122334455667"


def told(*, field: str = "messages", **value: Any) -> bytes:
    whole = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Ada", "username": "ada"}, "wa_id": "447911123456", "user_id": "GB.13491"}],
        **value,
    }
    change = {"field": field, "value": whole}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": [change]}]}).encode()


def said(*messages: dict[str, Any]) -> bytes:
    common = {"from": "447911123456", "id": "wamid.1", "timestamp": "1790000000"}
    return told(messages=[{**common, **one} for one in messages])


def status(**fields: Any) -> bytes:
    common = {"id": "wamid.OUT", "timestamp": "1790000000", "recipient_id": "447911123456"}
    return told(statuses=[{**common, **fields}])


EDIT = {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "x"}}}
AD = {"source_id": "77", "source_type": "ad", "ctwa_clid": "c"}


def _entries(body: bytes) -> list[Any]:
    """The entries of a body; of one that was spoilt, what stands in their place."""
    whole = json.loads(body)
    entries = whole.get("entry") if isinstance(whole, dict) else None
    return entries if isinstance(entries, list) else [entries]


class TestWhatsApp(TransportContract):
    secrets = ("canary-system-token", SECRET, "canary-verify-token")
    signature_header = "x-hub-signature-256"
    conversation = "GB.13491"
    sent = Reply.of({"messages": [{"id": "wamid.sent"}]})
    genuine = (
        said({"type": "text", "text": {"body": "Hello é"}, "context": {"from": "15550001", "id": "wamid.0"}}),
        said({"type": "text", "text": {"body": "Hello! [spring-sale]"}}),
        said({"type": "image", "image": {"mime_type": "image/jpeg", "sha256": "x", "id": "654", "caption": "Mine"}}),
        said({"type": "document", "document": {"mime_type": "application/pdf", "id": "655", "filename": "a.pdf"}}),
        said({"type": "location", "location": {"latitude": 12.25, "longitude": 43.9, "name": "HQ"}}),
        said({"type": "contacts", "contacts": [{"name": {"formatted_name": "Cy"}, "phones": [{"phone": "+1 555"}]}]}),
        said({"type": "button", "button": {"payload": "P", "text": "Yes"}}),
        said(
            {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "a", "title": "A"}}},
            {
                "id": "wamid.2",
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"id": "b", "title": "B", "description": "C"}},
            },
        ),
        said({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}}),
        said({"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "👍"}}),
        said({"type": "order", "order": {"catalog_id": "3", "product_items": [{"quantity": 3}]}}),
        said({"type": "system", "system": {"body": "changed", "type": "user_changed_number"}}),
        said(
            {
                "type": "edit",
                "edit": {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "x"}}},
            }
        ),
        said({"type": "revoke", "revoke": {"original_message_id": "wamid.0"}}),
        said(
            {
                "type": "text",
                "text": {"body": "Hi"},
                "referral": {"source_id": "77", "source_type": "ad", "ctwa_clid": "c"},
            }
        ),
        status(status="delivered"),
        status(status="read", biz_opaque_callback_data="whatsapp:GB.13491:1:0"),
        status(status="failed", errors=[{"code": 131047, "title": "Re-engagement message"}]),
        told(field="user_preferences", user_preferences=[{"wa_id": "447911123456", "value": "stop"}]),
    )
    unknown = (
        said({"type": "hologram", "hologram": {}}),
        said({"type": "unsupported", "errors": [{"code": 131051}]}),
        status(status="teleported"),
        told(field="message_template_status_update", event="APPROVED"),
        told(),
        json.dumps({"object": "instagram", "entry": [{"id": "88", "messaging": []}]}).encode(),
    )

    def transport(self, api_url: str, timeout: float) -> Transport:
        return WhatsApp(*self.secrets, NUMBER, api_url=api_url, timeout=timeout)

    def answers(self, call: HttpCall) -> Reply:
        return Reply.of({"id": "777"}) if call.path.endswith("/media") else self.sent

    def said(self, call: HttpCall) -> str:
        body = call.json()
        return str(body.get("text", {}).get("body", ""))

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        return json.dumps(
            {"object": "whatsapp_business_account", "entry": [one for body in bodies for one in _entries(body)]}
        ).encode()

    def sign(self, body: bytes) -> Request:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest().encode()
        return Request(method="POST", headers={self.signature_header: b"sha256=" + signature}, body=body, at=NOW)

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        good = Secret(SECRET)
        return (
            lambda: WhatsApp("token", "", "verify", NUMBER),
            lambda: WhatsApp("token", " \n", "verify", NUMBER),
            lambda: WhatsApp("token", Secret.unset("WHATSAPP_APP_SECRET"), "verify", NUMBER),
            lambda: WhatsApp("token", "short", "verify", NUMBER),
            lambda: WhatsApp("", good, "verify", NUMBER),
            lambda: WhatsApp("token", good, " ", NUMBER),
        )
