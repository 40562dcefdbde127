"""E-mail holds what every transport holds that calls no HTTP API: its mails are handed over to a double by SMTP."""

from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from smtp_double import SmtpDouble

from convokit.abc import Transport
from convokit.conversations import ConversationId
from convokit.fitting import fit
from convokit.messages import Message
from convokit.testing.transport_contract import TransportContract
from convokit.transports import Email
from convokit.wire.signing import Secret


class TestEmail(TransportContract):
    secrets = ("canary-mail-password",)
    conversation = "ada@x.example"
    calls_http = False

    def transport(self, api_url: str, timeout: float) -> Transport:
        del api_url
        return self._mailbox("127.0.0.1:1", timeout)

    def _mailbox(self, host: str, timeout: float = 5.0) -> Email:
        return Email("support@shop.example", self.secrets[0], smtp_host=host, timeout=timeout)

    async def delivered(self, message: Message) -> Sequence[Any]:
        with SmtpDouble(extensions=("AUTH PLAIN",)) as double:
            async with Email("support@shop.example", smtp_host=double.host, timeout=5.0) as transport:
                to = ConversationId(transport.channel, self.conversation)
                for number, one in enumerate(fit(message, transport.capabilities).messages):
                    await transport.send_keyed(to, one, f"{to}:1:{number}")
            return [message_from_bytes(one, policy=default) for one in double.mails]

    def said(self, call: Any) -> str:
        plain = cast("EmailMessage", call).get_body(("plain",))
        return "" if plain is None else str(plain.get_content()).removesuffix("\n").removesuffix("\r")

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        hosts = {"imap_host": "mail.shop.example", "smtp_host": "mail.shop.example"}
        return (
            lambda: Email("support@shop.example", Secret.unset("MAIL_PASSWORD"), **hosts),
            lambda: Email("support@shop.example", " ", **hosts),
        )
