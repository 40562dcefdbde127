"""Telegram holds what every transport holds."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from convokit.abc import Request, Transport
from convokit.testing.platform_double import HttpCall, Reply
from convokit.testing.transport_contract import TransportContract
from convokit.transports.telegram import Telegram
from convokit.transports.telegram.presses import press_key, sealed, secret_token
from convokit.wire.signing import Secret

TOKEN = "123456:canary-AAbbCCddEEffGGhhIIjjKKllMMnn"
ADA = {"id": 77, "is_bot": False, "first_name": "Ada", "language_code": "en"}
CHAT = {"id": 77, "type": "private"}


def update(number: int, **held: Any) -> bytes:
    return json.dumps({"update_id": number, **held}).encode()


def message(number: int, **held: Any) -> bytes:
    return update(number, message={"message_id": 5, "date": 1_790_000_000, "chat": CHAT, "from": ADA, **held})


DATA = sealed(press_key(TOKEN), 77, "pick:1")
KEYBOARD = {"inline_keyboard": [[{"text": "One", "callback_data": DATA}]]}


class TestTelegram(TransportContract):
    secrets = (TOKEN, TOKEN.partition(":")[2], secret_token(TOKEN))
    conversation = "77"
    signature_header = "x-telegram-bot-api-secret-token"
    signs_body = False
    sent = Reply.of({"ok": True, "result": {"message_id": 9}})
    genuine = (
        message(1, text="hi é"),
        message(2, text="/start ref"),
        message(3, photo=[{"file_id": "a"}], caption="look"),
        message(4, location={"latitude": 1.5, "longitude": 2.5}, venue={"title": "Shop"}),
        message(5, contact={"phone_number": "1", "first_name": "Ada", "user_id": 77}),
        update(
            6,
            callback_query={
                "id": "4",
                "from": ADA,
                "message": {"message_id": 6, "date": 0, "chat": CHAT, "reply_markup": KEYBOARD},
                "data": DATA,
            },
        ),
    )
    unknown = (update(7, poll={"id": "5"}), message(8, dice={"emoji": "x"}))

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Telegram(TOKEN, public_url="https://shop.example", api_url=api_url, timeout=timeout)

    def said(self, call: HttpCall) -> str:
        return str(call.json().get("text", ""))

    def sign(self, body: bytes) -> Request:
        headers = {self.signature_header: secret_token(TOKEN).encode()}
        return Request(method="POST", headers=headers, body=body, at=datetime(2026, 11, 22, tzinfo=UTC))

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        return [
            lambda: Telegram(""),
            lambda: Telegram(" \n"),
            lambda: Telegram(Secret.unset("TELEGRAM_TOKEN")),
            lambda: Telegram(Secret.unset("TELEGRAM_TOKEN"), public_url="https://shop.example"),
        ]

    def refusal(self, status: int) -> Reply:
        hints = {"parameters": {"retry_after": 7}} if status == 429 else {}
        return Reply.of({"ok": False, "error_code": status, "description": "no", **hints}, status=status)
