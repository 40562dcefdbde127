"""Callback data that only we can have made.

A client can send any callback data it likes (Bot API, CallbackQuery, "bad clients", version 10.1), so a payload goes
out behind 8 characters of a MAC over it and the chat, keyed from the bot's token.
"""

from base64 import urlsafe_b64encode

from convokit.wire.signing import hmac_sha256, same

MARK = 8
"""Characters in front of a payload: 48 bits, each guess one call through Telegram."""
CALLBACK_DATA_BYTES = 64
"""What Telegram takes as callback data (Bot API 10.1)."""


def press_key(token: str) -> bytes:
    """The key for the marks, derived from the bot's token."""
    return hmac_sha256(token.encode(), b"convokit telegram callback data")


def secret_token(token: str) -> str:
    """What Telegram is told to send with each webhook call: 43 of `A-Za-z0-9_-`, derived, so that none is forgotten."""
    return urlsafe_b64encode(hmac_sha256(token.encode(), b"convokit telegram webhook secret")).rstrip(b"=").decode()


def sealed(key: bytes, chat: int, payload: str) -> str:
    """The callback data for a button with `payload` in `chat`."""
    return _mark(key, chat, payload) + payload


def opened(key: bytes, chat: int, data: str) -> str | None:
    """The payload in callback data that we sent to this chat; None when it is not ours."""
    mark, payload = data[:MARK], data[MARK:]
    if not payload:
        return None
    genuine = same(mark.encode("utf-8", "surrogatepass"), _mark(key, chat, payload).encode())
    return payload if genuine else None


def _mark(key: bytes, chat: int, payload: str) -> str:
    mac = hmac_sha256(key, b"%d\0" % chat, payload.encode("utf-8", "surrogatepass"))
    return urlsafe_b64encode(mac)[:MARK].decode()
