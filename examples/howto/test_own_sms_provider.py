# --8<-- [start:test]
"""Pigeon holds what every transport holds."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from own_sms_provider import Pigeon

from convokit.abc import Request, Transport
from convokit.testing.platform_double import Reply
from convokit.testing.transport_contract import TransportContract
from convokit.transports import Sms
from convokit.wire.signing import Secret, hmac_sha256

KEY = "canary-pigeon-key"


def posted(kind: str, **more: str) -> bytes:
    return json.dumps({"kind": kind, "id": "p1", "number": "+15552223333", **more}).encode()


class TestPigeon(TransportContract):
    secrets = (KEY,)
    signature_header = "x-pigeon"
    conversation = "+15552223333"
    sent = Reply.of({"id": "p9"})
    genuine = (posted("message", text="Hello"), posted("message", text="STOP"), posted("failed", why="off"))
    unknown = (posted("seen"),)

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Sms(Pigeon(Secret(KEY), sender="+15550001111", api_url=api_url), timeout=timeout)

    def sign(self, body: bytes) -> Request:
        proof = hmac_sha256(KEY.encode(), body).hex().encode()
        return Request(method="POST", headers={"x-pigeon": proof}, body=body, at=datetime(2026, 11, 22, tzinfo=UTC))

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        return (lambda: Sms(Pigeon(Secret.unset("PIGEON_KEY"), sender="+15550001111")),)


# --8<-- [end:test]
