"""The phone line's settings, its calls to the API, and what its own calls are answered."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import httpx
import pytest

from convokit.abc import Received, Request
from convokit.conversations import ConversationId
from convokit.errors import DefinitionError, Forged, RateLimited, Rejected
from convokit.messages import Message
from convokit.transports.twilio import Account, sign
from convokit.transports.voice import PhoneDesk, Voice

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SID = "AC" + 32 * "a"
CALL = "CA" + 32 * "b"
OTHER = "CA" + 32 * "c"
TOKEN = "an auth token of 32 characters.."
PUBLIC = "https://bots.example.com/hooks"
ADA = ConversationId("voice", "+447700900123")
THIS_CALL = ConversationId("voice", f"call:{CALL}")

Answering = Callable[[httpx.Request], httpx.Response]


class Api:
    """A fake of the API: keeps what it was asked; has one call that goes on."""

    def __init__(self, answer: Answering | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer or self.usual

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer(request)

    @staticmethod
    def usual(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            asked = dict(request.url.params)
            legs = [{"sid": OTHER, "parent_call_sid": CALL}, {"sid": CALL, "parent_call_sid": None}]
            return httpx.Response(200, json={"calls": legs if asked.get("From") == ADA.id else []})
        return httpx.Response(200, json={"sid": CALL})

    def voice(self, **settings: Any) -> Voice:
        account = Account(sid=SID, token=TOKEN, public_url=PUBLIC)
        return Voice(account, http_transport=httpx.MockTransport(self), **{"number": "+442079460000", **settings})


def call(voice: Voice, path: str = "", query: str = "", **fields: str) -> Received:
    told = {
        "AccountSid": SID,
        "CallSid": CALL,
        "CallStatus": "in-progress",
        "From": ADA.id,
        "To": "+442079460000",
        **fields,
    }
    url = f"{PUBLIC}/voice{path}" + (f"?{query}" if query else "")
    headers = {"x-twilio-signature": sign(TOKEN.encode(), url, told.items())}
    body = urlencode(told).encode()
    return voice.receive(Request(method="POST", path=path, query=query, headers=headers, body=body, at=NOW))


def answered(received: Received, *said: str, whole: bool = True) -> str:
    assert received.answer is not None
    return received.answer([Message(one) for one in said], whole).decode()


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"number": "020 7946 0000"}, "TWILIO_VOICE_NUMBER"),
        ({"language": "English"}, "language"),
        ({"hears": "en_GB"}, "hears"),
        ({"voice": 'Polly"/><Dial>'}, "voice is a name"),
        ({"pause": 0}, "pause"),
        ({"reprompts": 11}, "reprompts"),
        ({"reprompts": True}, "reprompts"),
        ({"within": 15.0}, "within"),
        ({"conversation": "number"}, "conversation"),
        ({"patience": 4.0}, "patience"),
    ],
)
def test_a_wrong_setting_is_told_at_the_start(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        Api().voice(**settings).check()


def test_good_settings_pass() -> None:
    Api().voice(language="tr-TR", voice="Google.tr-TR-Standard-A", hears="tr-TR", hints=["lahmacun"]).check()


def test_the_environment_gives_the_account_and_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_PUBLIC_URL": PUBLIC,
        "TWILIO_VOICE_NUMBER": " +442079460000 ",
    }.items():
        monkeypatch.setenv(name, value)
    voice = Voice.from_env(language="en-GB")
    voice.check()
    assert (voice.number, voice.account.sid, voice.manner.language) == ("+442079460000", SID, "en-GB")
    assert TOKEN not in repr(voice) + repr(voice.account)
    assert voice.link("") == "tel:+442079460000"
    assert voice.link("spring-sale") == ""


def test_without_an_environment_the_bot_can_be_imported_and_says_at_the_start_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PUBLIC_URL", "TWILIO_VOICE_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DefinitionError, match="TWILIO_ACCOUNT_SID"):
        Voice.from_env().check()


@pytest.mark.parametrize(
    ("numbers", "settings", "told"),
    [
        ({"orders": "+442079460001"}, {}, "for everybody"),
        ({"": "0800 SHOP"}, {}, "needs a number"),
        ({"": "+442079460001", "x": "sip:x@y"}, {}, "needs a number"),
        ({"": "+442079460001"}, {"ring": 4}, "ring is from 5"),
        ({"": "+442079460001"}, {"caller_id": "me"}, "needs a number"),
        ({"": "+442079460001"}, {"ring": 300}, "patience"),
    ],
)
def test_a_desk_that_nobody_could_call_is_refused(numbers: dict[str, str], settings: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        PhoneDesk(Api().voice(), numbers, **settings)


def test_a_line_has_one_desk() -> None:
    voice = Api().voice()
    PhoneDesk(voice, {"": "+442079460001"})
    with pytest.raises(DefinitionError, match="has one already"):
        PhoneDesk(voice, {"": "+442079460001"})


def test_a_preview_tells_how_it_is_spoken() -> None:
    told = Api().voice().remarks(Message("See https://shop.example/a?b", buttons=["Order"]))
    assert told == (
        "says: See shop.example",
        "says: For Order, press 1, or say Order.",
        "takes about 4 s to say",
    )


# ── the platform's calls ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_another_address_was_signed_for_is_forged() -> None:
    voice = Api().voice()
    told = urlencode({"CallSid": CALL}).encode()
    headers = {
        "x-twilio-signature": sign(TOKEN.encode(), "https://evil.example/voice", [("CallSid", CALL)]),
        "host": b"evil.example",
        "x-forwarded-host": b"evil.example",
    }
    with pytest.raises(Forged):
        voice.receive(Request(method="POST", headers=headers, body=told, at=NOW))


def test_a_step_that_was_altered_on_the_way_is_forged() -> None:
    voice = Api().voice()
    url = f"{PUBLIC}/voice/heard?step=0-1"
    headers = {"x-twilio-signature": sign(TOKEN.encode(), url, [("CallSid", CALL)])}
    body = urlencode({"CallSid": CALL}).encode()
    with pytest.raises(Forged):
        voice.receive(Request(method="POST", path="/heard", query="step=0-2", headers=headers, body=body, at=NOW))


def test_a_call_of_another_account_is_not_taken() -> None:
    received = call(Api().voice(), AccountSid="AC" + 32 * "f")
    assert (received.events, received.status) == ((), 200)
    assert b"<Reject" in received.body


def test_the_next_answer_has_the_next_step_and_tells_how_many_options_there_are() -> None:
    voice = Api().voice()
    document = answered(call(voice, "/heard", "step=0-4", SpeechResult="hi"), "Fine.")
    assert f'action="{PUBLIC}/voice/heard?step=0-5"' in document
    received = call(voice, "", CallStatus="ringing")
    assert received.answer is not None
    document = received.answer([Message("Size?", buttons=["Small", "Large"])], True).decode()
    assert "step=0-1&amp;options=2" in document
    assert 'numDigits="1"' in document
    assert 'hints="Small,Large"' in document


def test_keys_may_be_left_to_a_pause() -> None:
    received = call(Api().voice(one_key=False), "", CallStatus="ringing")
    assert received.answer is not None
    assert "numDigits" not in received.answer([Message("Size?", buttons=["Small", "Large"])], True).decode()


def test_barge_in_voice_language_and_hints_stand_in_the_document() -> None:
    voice = Api().voice(language="de-DE", voice="Polly.Vicki", hears="de-AT", hints=["Semmel, frisch"], barge_in=False)
    document = answered(call(voice, "", CallStatus="ringing"), "Grüß Gott.")
    assert 'bargeIn="false"' in document
    assert 'language="de-AT"' in document
    assert '<Say language="de-DE" voice="Polly.Vicki">Grüß Gott.</Say>' in document
    assert 'hints="Semmel frisch"' in document


def test_what_is_said_cannot_break_out_of_the_document() -> None:
    said = '</Say></Gather><Dial>+15550000</Dial> & "quotes" \0\x0b\x85\ud800\ufffe'
    document = answered(call(Api().voice(), "", CallStatus="ringing"), said)
    assert "<Dial>" not in document
    assert "&lt;Dial&gt;+15550000&lt;/Dial&gt; &amp;" in document
    assert "\0" not in document
    assert "\ufffe" not in document


def test_a_turn_that_takes_its_time_is_bridged_until_patience_ends() -> None:
    voice = Api().voice(patience=11.0)
    first = answered(call(voice, "/heard", "step=0-1", SpeechResult="hi"), whole=False)
    assert "One moment, please." in first
    assert "<Pause" in first
    assert "/voice/listen?step=0-2&amp;waits=1" in first
    second = answered(call(voice, "/listen", "step=0-2&waits=1"), "So far.", whole=False)
    assert "One moment" not in second
    assert "So far." in second
    last = answered(call(voice, "/listen", "step=0-3&waits=2"), whole=False)
    assert "This takes a little longer." in last
    assert "<Gather" in last


# ── calls to the platform ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_is_an_update_of_the_call_with_the_token_in_a_header_only() -> None:
    api = Api()
    async with api.voice() as voice:
        assert await voice.send(THIS_CALL, Message("Your table is ready.")) is None
    (asked,) = api.asked
    assert asked.url.path == f"/2010-04-01/Accounts/{SID}/Calls/{CALL}.json"
    (field,) = parse_qsl(asked.content.decode())
    assert field[0] == "Twiml"
    assert "Your table is ready." in field[1]
    assert TOKEN not in str(asked.url) + asked.content.decode()
    assert asked.headers["authorization"].startswith("Basic ")


async def test_the_call_is_found_by_the_number_and_no_dialled_leg_is_taken_for_it() -> None:
    api = Api()
    async with api.voice() as voice:
        await voice.send(ADA, Message("Hello."))
        looked, updated = api.asked
        assert parse_qs(looked.url.query.decode()) == {
            "From": [ADA.id],
            "To": ["+442079460000"],
            "Status": ["in-progress"],
            "PageSize": ["5"],
        }
        assert updated.url.path.endswith(f"/Calls/{CALL}.json")


async def test_without_a_call_a_message_is_refused() -> None:
    async with Api().voice() as voice:
        with pytest.raises(Rejected, match="there is no call"):
            await voice.send(ConversationId("voice", "+15005550006"), Message("Hello."))


async def test_a_call_that_is_over_is_forgotten() -> None:
    over = httpx.Response(400, json={"code": 21220, "message": "Call is not in-progress. Cannot redirect."})
    api = Api(lambda request: over if request.method == "POST" else Api.usual(request))
    async with api.voice() as voice:
        answered(call(voice, "", CallStatus="ringing"))
        voice._speaking.clear()
        with pytest.raises(Rejected, match="21220"):
            await voice.send(ADA, Message("Hello."))
        assert [one.method for one in api.asked] == ["POST"]
        with pytest.raises(Rejected):
            await voice.send(ADA, Message("Hello."))
        assert [one.method for one in api.asked] == ["POST", "GET", "POST"]


async def test_while_a_voice_speaks_there_a_message_waits() -> None:
    api = Api()
    async with api.voice() as voice:
        answered(call(voice, "", CallStatus="ringing"), "A long welcome, which takes a few seconds to be said.")
        pauses: list[float] = []
        while not api.asked:
            try:
                await voice.send(ADA, Message("Hello."))
            except RateLimited as told:
                pauses.append(told.retry_after or 0.0)
                anywhere = told.everywhere
        assert not anywhere
        assert max(pauses) <= 2
        assert 2 < sum(pauses) < 8
        assert [one.method for one in api.asked] == ["POST"]


async def test_a_voice_that_has_ended_long_ago_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    async with api.voice() as voice:
        answered(call(voice, "", CallStatus="ringing"), "A long welcome, which takes a few seconds to be said.")
        later = monotonic() + 60
        monkeypatch.setattr("convokit.transports.voice.speaking.monotonic", lambda: later)
        await voice.send(ADA, Message("Hello."))
        assert [one.method for one in api.asked] == ["POST"]


async def test_what_is_too_long_for_an_update_loses_its_reprompts_first_and_is_refused_last() -> None:
    api = Api()
    async with api.voice() as voice:
        await voice.send(THIS_CALL, Message("long " * 190 + "?"))
        (asked,) = api.asked
        document = dict(parse_qsl(asked.content.decode()))["Twiml"]
        assert len(document) <= 4000
        with pytest.raises(Rejected, match="4000 characters"):
            await voice.send(ConversationId("voice", f"call:{OTHER}"), Message("?", buttons=["x" * 59] * 99))


async def test_doctor_tells_what_the_number_does_not_call() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(f"/Accounts/{SID}.json"):
            return httpx.Response(200, json={"friendly_name": "Bakery", "status": "active"})
        number = {
            "voice_url": f"{PUBLIC}/voice",
            "voice_method": "POST",
            "status_callback": "",
            "status_callback_method": "POST",
        }
        return httpx.Response(200, json={"incoming_phone_numbers": [number]})

    async with Api(answer).voice() as voice:
        account, calls, status = await voice.examine()
    assert (account.ok, calls.ok, status.ok) == (True, True, False)
    assert f"{PUBLIC}/voice/status" in status.advice


async def test_doctor_tells_a_number_that_is_not_the_accounts() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"friendly_name": "B", "status": "active", "incoming_phone_numbers": []})

    async with Api(answer).voice() as voice:
        _, number = await voice.examine()
    assert not number.ok
    assert "no such number" in number.advice
