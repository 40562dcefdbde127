"""The phone line holds what every transport holds, and the desk of phones what every desk does for other channels."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest

from convokit import ConversationId, User
from convokit.abc import Desk, Request, Transport
from convokit.desks import Local
from convokit.testing.desk_contract import DeskContract
from convokit.testing.platform_double import Reply
from convokit.testing.transport_contract import TransportContract
from convokit.transports.twilio import Account, sign
from convokit.transports.voice import PhoneDesk, Voice
from convokit.wire.signing import Secret

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SID = "AC" + 32 * "a"
TOKEN = "canary-auth-token-0123456789abcdef"
CALL = "CA" + 32 * "b"
PUBLIC = "https://bots.example.com"


def form(**fields: str) -> bytes:
    told = {
        "AccountSid": SID,
        "CallSid": CALL,
        "CallStatus": "in-progress",
        "Direction": "inbound",
        "From": "+447700900123",
        "To": "+442079460000",
        **fields,
    }
    return urlencode(told).encode()


class TestVoice(TransportContract):
    secrets = (TOKEN,)
    signature_header = "x-twilio-signature"
    conversation = f"call:{CALL}"
    sent = Reply.of({"sid": CALL, "status": "in-progress"})
    genuine = (
        # Without escapes: "%2B" and "%2b" are the same form, and the platform signs the form.
        form(CallStatus="ringing", From="447700900123", To="442079460000"),
        form(CallStatus="ringing", FromCity="LONDON", FromCountry="GB"),
        form(SpeechResult="A large one, please é", Confidence="0.91"),
        form(Digits="2"),
        form(CallStatus="completed", CallDuration="61"),
        form(DialCallStatus="no-answer"),
    )
    unknown = (form(CallStatus="teleported"),)

    def transport(self, api_url: str, timeout: float) -> Transport:
        return Voice(Account(sid=SID, token=TOKEN, public_url=PUBLIC, api_url=api_url), timeout=timeout)

    def sign(self, body: bytes) -> Request:
        """A call to the path that the platform posts such a body to."""
        path, query = "", ""
        fields = dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True))
        if fields.get("CallStatus") in {"completed", "teleported"}:
            path = "/status"
        elif "SpeechResult" in fields or "Digits" in fields:
            path, query = "/heard", "step=0-1&options=3"
        elif "DialCallStatus" in fields:
            path, query = "/connected", "step=ab-0"
        url = f"{PUBLIC}/voice{path}" + (f"?{query}" if query else "")
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=500)
        except ValueError:
            pairs = []
        signature = sign(TOKEN.encode(), url, pairs)
        headers = {self.signature_header: signature, "content-type": b"application/x-www-form-urlencoded"}
        return Request(method="POST", path=path, query=query, headers=headers, body=body, at=NOW)

    async def test_no_label_and_no_address_is_lost(self) -> None:
        pytest.skip("what is spoken has no addresses in it")

    def without_secrets(self) -> Sequence[Callable[[], Transport]]:
        return (
            lambda: Voice(Account(sid=SID, token="", public_url=PUBLIC)),
            lambda: Voice(Account(sid=SID, token=" \n", public_url=PUBLIC)),
            lambda: Voice(Account(sid=SID, token=Secret.unset("TWILIO_AUTH_TOKEN"), public_url=PUBLIC)),
            lambda: Voice(Account(sid=SID, token="short", public_url=PUBLIC)),
        )


class TestPhoneDeskBesideAnother(DeskContract):
    """For channels other than the phone it is the desk beside it."""

    def make(self) -> Desk:
        voice = Voice(Account(sid=SID, token=TOKEN, public_url=PUBLIC))
        return PhoneDesk(voice, {"": "+442079460001"}, others=Local())

    @staticmethod
    def _other(desk: Desk) -> Local:
        assert isinstance(desk, PhoneDesk)
        assert isinstance(desk.others, Local)
        return desk.others

    async def joins(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        await self._other(desk).join(conversation, operator)

    async def says(self, desk: Desk, conversation: ConversationId, operator: User, text: str) -> None:
        await self._other(desk).reply(conversation, operator, text)

    async def closes(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        await self._other(desk).close(conversation, operator)

    async def sees(self, desk: Desk, conversation: ConversationId) -> Sequence[str] | None:
        case = self._other(desk).cases.get(conversation)
        return None if case is None else [*(one.message.text for one in case.transcript), *(m.text for m in case.heard)]
