"""What whoever is called for a caller hears before they are connected."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import define

from convokit import Bot, ConversationId, Settings, Turn
from convokit._engine.engine import Engine
from convokit.abc import Desk, Run, Site
from convokit.conversations import Conversation, Entry
from convokit.desks import Local
from convokit.stores import Memory
from convokit.testing import VirtualClock
from convokit.testing.phone_caller import PhoneCaller
from convokit.testing.platform_double import PlatformDouble, Reply
from convokit.transports.twilio import Account, sign
from convokit.transports.voice import PhoneDesk, Voice
from convokit.transports.voice.whisper import TAKE, WHISPER

pytestmark = pytest.mark.anyio

SID = "AC" + 32 * "a"
TOKEN = "an auth token of 32 characters.."
PUBLIC = "https://bots.example.com"
ADA = ConversationId("voice", "+447700900123")


@define
class Handed:
    """A call that rings at the desk's phone."""

    bot: Bot
    engine: Engine
    desk: PhoneDesk
    ada: PhoneCaller


@asynccontextmanager
async def handed_over(number: str = ADA.id, **settings: Any) -> AsyncIterator[Handed]:
    clock = VirtualClock()
    async with PlatformDouble(lambda _: Reply()) as twilio:
        voice = Voice(Account(sid=SID, token=TOKEN, public_url=PUBLIC, api_url=twilio.url))
        desk = PhoneDesk(voice, {"": "+442079460001", "cakes": "+442079460002"}, **settings)
        bot = Bot("bakery", desk=desk)
        bot.attach(voice)

        @bot.fallback
        async def person(turn: Turn) -> None:
            turn.memory["wants"] = "a cake for twelve"
            turn.hand_off("it is about a cake", to="cakes")

        async with bot.serve(Memory(), clock=clock, settings=Settings(poll=86_400, purge_every=86_400)) as engine:
            ada = PhoneCaller.of(bot, engine, voice, number=number)
            twilio.script = ada.api
            await ada.rings()
            await ada.says("Can I have it on Sunday?")
            for _ in range(10):
                await engine.quiet()
                await clock.move_to(clock.now() + timedelta(seconds=1))
            await ada.is_told()
            yield Handed(bot, engine, desk, ada)


async def test_the_queues_own_number_is_called_and_hears_who_why_and_what_was_said() -> None:
    async with handed_over() as call:
        assert call.ada.dialled == "+442079460002"
        (told, _) = await call.ada.operator_answers()
        assert told == (
            "You have a call from 4 4 7 7 0 0 9 0 0 1 2 3. The reason: it is about a cake. "
            "The caller said: Can I have it on Sunday?"
        )


async def test_a_withheld_number_is_told_as_one() -> None:
    async with handed_over("anonymous") as call:
        # Such a call cannot be looked up by a number: its conversation is named after it.
        (told, _) = await call.ada.operator_answers()
        assert told.startswith("You have a call from a withheld number.")


async def test_a_summary_of_ones_own_is_made_of_memory_and_transcript() -> None:
    def summary(conversation: Conversation, transcript: Sequence[Entry]) -> str:
        return f"They want {conversation.memory['wants']} and said {transcript[-1].message.text}"

    async with handed_over(summary=summary) as call:
        assert (await call.ada.operator_answers())[0] == (
            "They want a cake for twelve and said Can I have it on Sunday?"
        )


async def test_a_summary_that_fails_leaves_the_usual_one(caplog: pytest.LogCaptureFixture) -> None:
    def broken(conversation: Conversation, transcript: Sequence[Entry]) -> str:
        raise KeyError("wants")

    async with handed_over(summary=broken) as call:
        assert (await call.ada.operator_answers())[0].startswith("You have a call from")
    assert "the summary for the operator failed" in caplog.text


async def test_without_a_key_they_are_connected_when_it_is_told() -> None:
    async with handed_over(confirm=False) as call:
        assert len(await call.ada.operator_answers()) == 1
        assert call.ada.listening is None
        await call.engine.quiet()
        conversation = await call.engine.store.load(ADA)
        assert conversation is not None
        assert conversation.handoff is not None
        assert conversation.handoff.operator == "phone"


async def test_whoever_answers_after_it_was_taken_back_hears_nothing_and_is_not_connected() -> None:
    async with handed_over() as call:
        await call.desk._back(ADA, (await handoff(call)), "expired")
        await call.engine.quiet()
        assert await call.ada.operator_answers() == []


async def handoff(call: Handed) -> Any:
    conversation = await call.engine.store.load(ADA)
    assert conversation is not None
    return conversation.handoff


# ── its pages ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def page(site: Site, path: str, body: bytes = b"", method: str = "POST", query: str = "") -> tuple[int, bytes]:
    told: list[Any] = []
    url = f"{PUBLIC}/phone-desk{path}" + (f"?{query}" if query else "")
    scope = {
        "type": "http",
        "method": method,
        "path": f"/phone-desk{path}",
        "root_path": "/phone-desk",
        "query_string": query.encode(),
        "headers": [(b"x-twilio-signature", sign(TOKEN.encode(), url))],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    await site(scope, receive, send)
    return told[0]["status"], told[1]["body"]


@pytest.mark.parametrize(
    ("path", "body", "method", "status"),
    [
        (WHISPER, b"", "POST", 200),
        (TAKE, b"", "POST", 200),
        (WHISPER, b"", "GET", 405),
        (WHISPER, b"x" * 70_000, "POST", 413),
        (WHISPER, urlencode({"CallSid": "forged"}).encode(), "POST", 403),
        ("/elsewhere", b"", "POST", 404),
        (WHISPER + "/", b"", "POST", 404),
    ],
)
async def test_only_the_platform_is_answered_and_only_there(path: str, body: bytes, method: str, status: int) -> None:
    async with handed_over() as call:
        found, said = await page(call.engine.sites["phone-desk"], path, body, method)
        assert found == status
        if status == 200:
            assert b"<Hangup" in said, "no handoff was named, so nothing of anybody's is told"


async def test_another_desks_pages_are_served_as_ever() -> None:
    class Shown(Local):
        name = "board"

        def site(self, run: Run) -> Site:
            async def shows(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
                await send({"type": "http.response.start", "status": 203, "headers": []})
                await send({"type": "http.response.body", "body": b"the board"})

            return shows

    voice = Voice(Account(sid=SID, token=TOKEN, public_url=PUBLIC))
    desk: Desk = PhoneDesk(voice, {"": "+442079460001"}, others=Shown())
    bot = Bot("bakery", desk=desk)
    bot.attach(voice)
    async with bot.serve(Memory(), clock=VirtualClock()) as engine:
        assert await page(engine.sites["board"], "/", method="GET") == (203, b"the board")
