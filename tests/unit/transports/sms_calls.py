"""A number at Twilio, and calls that Twilio makes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from convokit.abc import Request
from convokit.transports.sms import Sms, Twilio
from convokit.transports.twilio import sign

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SID = "AC" + "0" * 32
TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC = "https://shop.example/bot"
SENDER = "+15550001111"
ADA = "+15552223333"


def sms(**settings: Any) -> Sms:
    """A channel over Twilio; `settings` are the provider's."""
    return Sms(Twilio(SID, TOKEN, **{"public_url": PUBLIC, "sender": SENDER, **settings}))


def call(path: str = "", query: str = "", **fields: str) -> Request:
    """A call of Twilio's with these fields, signed."""
    return raw({"AccountSid": SID, "MessageSid": "SM1", "From": ADA, "To": SENDER, **fields}.items(), path, query)


def raw(fields: Iterable[tuple[str, str]], path: str = "", query: str = "") -> Request:
    """A call of Twilio's with exactly these fields, signed."""
    pairs = [(name, _readable(value)) for name, value in fields]
    url = f"{PUBLIC}/sms{path}" + (f"?{query}" if query else "")
    headers = {"x-twilio-signature": sign(TOKEN.encode(), url, pairs)}
    body = urlencode(pairs).encode()
    return Request(method="POST", path=path, query=query, headers=headers, body=body, at=NOW)


def _readable(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
