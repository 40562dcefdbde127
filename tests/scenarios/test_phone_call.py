"""Phone calls, played through by posting what Twilio posts to a bot that is really served."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import define

from convokit import (
    Bot,
    Button,
    ConversationClosed,
    ConversationId,
    HandoffClosed,
    Message,
    MessageFailed,
    OperatorJoined,
    RateLimited,
    Settings,
    Turn,
    User,
)
from convokit._engine.engine import Engine
from convokit.abc import Store
from convokit.desks import Local
from convokit.messages import Audio, Image, Link
from convokit.stores import Memory, SQLite
from convokit.testing import VirtualClock
from convokit.testing.phone_caller import PhoneCaller
from convokit.testing.platform_double import PlatformDouble, Reply
from convokit.transports.twilio import Account
from convokit.transports.voice import PhoneDesk, Voice

pytestmark = pytest.mark.anyio

SETTINGS = Settings(poll=86_400, purge_every=86_400)
ADA = ConversationId("voice", "+447700900123")
SID = "AC" + 32 * "a"
TOKEN = "an auth token of 32 characters.."
DESK = "+442079460001"
EXAMPLE = Path(__file__).parents[2] / "examples" / "phone"


@define
class World:
    """A served bot, the platform, and Ada at her phone."""

    bot: Bot
    engine: Engine
    voice: Voice
    clock: VirtualClock
    ada: PhoneCaller
    twilio: PlatformDouble

    async def passes(self, seconds: int) -> None:
        await self.engine.quiet()
        for _ in range(seconds):
            await self.clock.move_to(self.clock.now() + timedelta(seconds=1))
            await self.engine.quiet()

    @property
    def updates(self) -> int:
        return sum(call.method == "POST" for call in self.twilio.calls)


def a_bot(voice: Voice, **settings: Any) -> Bot:
    bot = Bot("switchboard", **settings)
    bot.attach(voice)

    @bot.opened()
    async def ring(turn: Turn) -> None:
        turn.reply("Hello.", buttons=["Small", "Large"])

    @bot.button("Small", "Large")
    async def size(turn: Turn) -> None:
        turn.reply(f"A {turn.text.lower()} one.")

    @bot.text("a person")
    async def person(turn: Turn) -> None:
        turn.hand_off("wants a person", saying="One moment.")

    @bot.text("nothing")
    async def nothing(turn: Turn) -> None:
        del turn

    return bot


def account(url: str) -> Account:
    return Account(sid=SID, token=TOKEN, public_url="https://bots.example.com/hooks", api_url=url)


@asynccontextmanager
async def world(
    make: Callable[..., Bot] = a_bot,
    *,
    desk: bool = False,
    store: Store | None = None,
    ada: PhoneCaller | None = None,
    settings: Settings = SETTINGS,
) -> AsyncIterator[World]:
    clock = VirtualClock()
    async with PlatformDouble(lambda _: Reply()) as twilio:
        voice = Voice(account(twilio.url), number="+442079460000", within=14)
        bot = make(voice, desk=PhoneDesk(voice, {"": DESK}) if desk else None)
        async with bot.serve(store or Memory(), clock=clock, settings=settings) as engine:
            caller = ada or PhoneCaller.of(bot, engine, voice)
            twilio.script = caller.api
            yield World(bot, engine, voice, clock, caller, twilio)


# ── speech and keys ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_ring_is_answered_and_a_choice_is_made_with_a_key() -> None:
    async with world() as phone:
        assert await phone.ada.rings() == [
            "Hello.",
            "For Small, press 1, or say Small. For Large, press 2, or say Large.",
        ]
        assert await phone.ada.presses("2") == ["A large one."]
        assert phone.updates == 0


async def test_a_choice_is_made_with_a_word() -> None:
    async with world() as phone:
        await phone.ada.rings()
        assert await phone.ada.says("The large one, please.") == ["A large one."]


async def test_a_bot_that_says_nothing_to_a_ring_is_no_dead_line() -> None:
    def silent(voice: Voice, **settings: Any) -> Bot:
        bot = Bot("silent")
        bot.attach(voice)
        return bot

    async with world(silent) as phone:
        assert await phone.ada.rings() == ["Hello. How can I help you?"]


async def test_links_are_not_spelled_out_pictures_are_described_and_sounds_are_played() -> None:
    def shows(voice: Voice, **settings: Any) -> Bot:
        bot = Bot("shows")
        bot.attach(voice)

        @bot.opened()
        async def ring(turn: Turn) -> None:
            turn.reply(
                "See https://www.shop.example/menu?week=12&x=1.",
                buttons=[Link("Our menu", "https://shop.example/m/39f8"), Button("Order")],
                attachments=[
                    Audio("https://shop.example/jingle.mp3"),
                    Image("https://shop.example/a.png", alt="A loaf of rye"),
                ],
            )

        return bot

    async with world(shows) as phone:
        heard = await phone.ada.rings()
        assert not [line for line in heard if "/m/" in line or "week" in line]
        assert heard == [
            "See shop.example.",
            "♪ https://shop.example/jingle.mp3",
            "A loaf of rye, which I cannot show on the phone.",
            "Our menu: that is a page on the web, at shop.example.",
            "For Order, press 1, or say Order.",
        ]


# ── silence, hanging up, calling again ──────────────────────────────────────────────────────────────────────────────


async def test_who_says_nothing_is_asked_again_twice_and_then_let_go() -> None:
    reasons: list[str] = []

    def counts(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.on(ConversationClosed)
        async def closed(turn: Turn) -> None:
            assert isinstance(turn.event, ConversationClosed)
            reasons.append(turn.event.reason)

        return bot

    async with world(counts) as phone:
        asked = await phone.ada.rings()
        for _ in range(2):
            assert await phone.ada.stays_silent() == ["I did not hear anything.", *asked]
        assert await phone.ada.stays_silent() == ["Goodbye."]
        assert phone.ada.over
        await phone.engine.quiet()
        assert reasons == ["silence"]


async def test_after_a_plain_statement_a_silent_caller_is_asked_whether_there_is_more() -> None:
    async with world() as phone:
        await phone.ada.rings()
        await phone.ada.presses("1")
        assert await phone.ada.stays_silent() == ["Is there anything else I can do for you?"]


async def test_a_hang_up_is_an_event_and_what_is_said_after_it_is_refused() -> None:
    seen: list[object] = []

    def watches(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.on(ConversationClosed)
        @bot.on(MessageFailed)
        async def happened(turn: Turn) -> None:
            seen.append(turn.event)

        return bot

    async with world(watches) as phone:
        await phone.ada.rings()
        await phone.ada.hangs_up()
        await phone.engine.send(ADA, "One more thing.")
        await phone.passes(seconds=60)
        assert [type(one) for one in seen] == [ConversationClosed, MessageFailed]
        assert "Call is not in-progress" in str(seen[1])


async def test_the_same_caller_comes_back_into_the_same_conversation() -> None:
    async with world() as phone:
        for _ in range(2):
            await phone.ada.rings()
            await phone.ada.hangs_up()
        await phone.engine.quiet()
        found = await phone.engine.store.recent(10)
        assert [one.id for _, one in found] == [ADA]


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_slow_turn_is_bridged_and_its_words_come_in_order_with_nothing_cut_off() -> None:
    goes_on = anyio.Event()

    def slow(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.fallback
        async def look(turn: Turn) -> None:
            await goes_on.wait()
            turn.reply("It took a while.")
            turn.reply("Your order is ready.")

        return bot

    async with world(slow) as phone:
        await phone.ada.rings()
        phone.voice._within = 0.05
        heard: list[str] = []
        async with anyio.create_task_group() as tasks:

            async def asks() -> None:
                heard.extend(await phone.ada.says("Where is my order?"))

            tasks.start_soon(asks)
            while "One moment, please." not in phone.ada.heard:
                await anyio.sleep(0.01)
            goes_on.set()
        assert heard == ["One moment, please.", "It took a while.", "Your order is ready."]
        assert phone.updates == 0


async def test_who_waits_too_long_may_say_something_else_and_hears_the_answer_all_the_same() -> None:
    goes_on = anyio.Event()

    def slow(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.fallback
        async def look(turn: Turn) -> None:
            await goes_on.wait()
            turn.reply("Here it is.")

        return bot

    async with world(slow) as phone:
        await phone.ada.rings()
        phone.voice._within = 0.02
        heard = await phone.ada.says("Where is my order?")
        assert heard[0] == "One moment, please."
        assert heard[-1].startswith("This takes a little longer.")
        goes_on.set()
        await phone.passes(seconds=30)
        with anyio.fail_after(10):
            assert await phone.ada.is_told() == ["Here it is."]
        lines = phone.engine._lines
        assert (lines._open, lines._owed, lines._taken) == ({}, {}, {})


async def test_what_the_bot_says_of_its_own_accord_waits_for_the_voice_and_goes_into_the_call() -> None:
    async with world() as phone:
        await phone.ada.rings()
        for said in ("Your table is ready.", "It is the one by the window."):
            await phone.engine.send(ADA, said)
        await phone.engine.quiet()
        assert phone.updates == 0
        while not phone.updates:
            await phone.passes(seconds=1)
        assert await phone.ada.is_told() == ["Your table is ready."]
        assert phone.updates == 1
        await phone.passes(seconds=15)
        assert await phone.ada.is_told() == ["It is the one by the window."]
        assert await phone.ada.says("large") == ["A large one."]


async def test_a_process_that_has_not_answered_the_call_finds_it_by_the_number() -> None:
    async with world() as phone:
        await phone.ada.rings()
        phone.voice._live.clear()
        phone.voice._speaking.clear()
        await phone.engine.send(ADA, "Your table is ready.")
        await phone.engine.quiet()
        assert await phone.ada.is_told() == ["Your table is ready."]


# ── handing over ────────────────────────────────────────────────────────────────────────────────────────────────────


async def handed_over(phone: World) -> None:
    await phone.ada.rings()
    assert await phone.ada.says("a person") == ["One moment."]
    await phone.engine.quiet()
    assert phone.updates == 0, "the voice would be cut off"
    await phone.passes(seconds=15)
    await phone.ada.is_told()
    assert phone.ada.dialled == DESK


async def test_a_call_from_ring_to_handoff_and_back_to_the_bot() -> None:
    seen: list[object] = []

    def returns(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice, **settings)

        @bot.on(OperatorJoined)
        @bot.on(HandoffClosed)
        async def happened(turn: Turn) -> None:
            seen.append(turn.event)
            if isinstance(turn.event, HandoffClosed):
                turn.reply("Here is the bot again.", buttons=["Small", "Large"])

        return bot

    async with world(returns, desk=True) as phone:
        await handed_over(phone)
        assert await phone.ada.operator_answers() == [
            "You have a call from 4 4 7 7 0 0 9 0 0 1 2 3. The reason: wants a person. The caller said: a person.",
            "Press any key to take the call.",
        ]
        assert await phone.ada.operator_presses("5") == []
        await phone.engine.quiet()
        conversation = await phone.engine.store.load(ADA)
        assert conversation is not None
        assert conversation.handoff is not None
        assert (conversation.handoff.operator, conversation.handoff.operator_name) == ("phone", DESK)

        assert (await phone.ada.operator_hangs_up())[0] == "Here is the bot again."
        assert await phone.ada.presses("1") == ["A small one."]
        assert [type(one) for one in seen] == [OperatorJoined, HandoffClosed]
        assert "outcome='completed'" in repr(seen[1])
        await phone.ada.hangs_up()
        await phone.engine.quiet()
        assert await phone.engine.failed() == []


async def test_after_a_talk_with_an_operator_a_bot_that_says_nothing_ends_the_call() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        await phone.ada.operator_answers()
        await phone.ada.operator_presses()
        assert await phone.ada.operator_hangs_up() == []
        assert phone.ada.over


@pytest.mark.parametrize("outcome", ["no-answer", "busy", "failed"])
async def test_a_caller_whom_nobody_answers_is_told_so_and_goes_on_with_the_bot(outcome: str) -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        (told,) = await phone.ada.operator_hangs_up(outcome)
        assert told.startswith("I am sorry, nobody can take your call right now.")
        assert await phone.ada.says("large") != []


async def test_voice_mail_takes_no_call() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        await phone.ada.operator_answers()  # and nothing is pressed
        conversation = await phone.engine.store.load(ADA)
        assert conversation is not None
        assert conversation.handoff is not None
        assert not conversation.handoff.operator


async def test_a_caller_who_hangs_up_while_it_rings_leaves_nothing_open() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        await phone.ada.hangs_up()
        await phone.engine.quiet()
        assert await phone.engine.store.handed_over() == []
        assert await phone.ada.operator_answers() == []


async def test_a_call_that_was_lost_during_a_handoff_is_answered_by_the_bot_when_they_call_again() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        phone.ada.loses_the_line()
        assert (await phone.ada.rings())[0] == "Hello."
        assert await phone.ada.presses("1") == ["A small one."]


async def test_a_handoff_that_is_offered_again_after_a_crash_does_not_ring_twice() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        conversation = await phone.engine.store.load(ADA)
        assert conversation is not None
        assert conversation.handoff is not None
        before = phone.updates
        assert phone.voice.desk is not None
        await phone.voice.desk.offer(conversation, conversation.handoff, ())
        assert phone.updates == before


async def test_a_slow_turn_that_hands_over_is_heard_before_the_desk_is_called() -> None:
    goes_on = anyio.Event()

    def slow(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice, **settings)

        @bot.fallback
        async def look(turn: Turn) -> None:
            await goes_on.wait()
            turn.hand_off("nothing was found", saying="I cannot find it. I will call somebody.")

        return bot

    async with world(slow, desk=True) as phone:
        await phone.ada.rings()
        phone.voice._within = 0.05
        heard: list[str] = []

        async def asks() -> None:
            heard.extend(await phone.ada.says("Where is my order?"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(asks)
            while "One moment, please." not in phone.ada.heard:
                await anyio.sleep(0.005)
            phone.voice._within = 5
            goes_on.set()
            # Rows wait for the voice: time goes on.
            while not heard:
                await anyio.sleep(0.005)
                await phone.clock.move_to(phone.clock.now() + timedelta(seconds=0.5))
        assert heard == ["One moment, please.", "I cannot find it. I will call somebody."]
        assert phone.updates == 0
        await phone.passes(seconds=10)
        await phone.passes(seconds=10)
        await phone.ada.is_told()
        assert phone.ada.dialled == DESK


async def test_what_the_bot_still_has_to_say_does_not_cut_off_the_call_to_the_desk() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        with pytest.raises(RateLimited, match="called to a desk"):
            await phone.voice.send(ADA, Message("Your table is ready."))
        assert phone.updates == 1


async def test_a_forged_call_to_what_is_whispered_is_refused() -> None:
    async with world(desk=True) as phone:
        await handed_over(phone)
        phone.ada._account = Account(
            sid=SID, token="another token of 32 characters..", public_url="https://bots.example.com/hooks"
        )
        with pytest.raises(AssertionError, match="403"):
            await phone.ada.operator_answers()


async def test_another_desk_stands_beside_the_phone_for_other_channels() -> None:
    voice = Voice(account("https://api.twilio.com"))
    others = Local()
    desk = PhoneDesk(voice, {"": DESK}, others=others)
    bot = a_bot(voice, desk=desk)
    async with bot.serve(Memory(), clock=VirtualClock(), settings=SETTINGS):
        assert desk.attendance("").staffed
        others.operators = 0
        assert not desk.attendance("").staffed


async def test_an_operator_who_writes_is_spoken_and_a_caller_who_waits_for_them_is_not_let_go() -> None:
    desk = Local()

    def written(voice: Voice, **settings: Any) -> Bot:
        return a_bot(voice, desk=desk)

    async with world(written) as phone:
        phone.voice._within = 0.02
        await phone.ada.rings()
        await phone.ada.says("a person")
        assert await phone.ada.says("Is somebody there?") == []
        for _ in range(5):
            assert await phone.ada.stays_silent() == []
        assert [one.text for one in desk.cases[ADA].heard] == ["Is somebody there?"]
        await desk.reply(ADA, User(id="maya", name="Maya"), "Maya here. What can I do?")
        await phone.passes(seconds=30)
        assert await phone.ada.is_told() == ["Maya here. What can I do?"]
        assert not phone.ada.over


async def test_who_waits_for_nothing_for_minutes_is_asked_and_let_go_in_the_end() -> None:
    async with world() as phone:
        phone.voice._within = 0.001
        await phone.ada.rings()
        assert await phone.ada.says("nothing") == []
        heard: list[str] = []
        while not phone.ada.over:
            heard += await phone.ada.stays_silent()
        assert heard == ["I did not hear anything.", "I did not hear anything.", "Goodbye."]


async def test_who_waits_silently_for_a_slow_answer_is_not_let_go_before_it_comes() -> None:
    goes_on = anyio.Event()

    def slow(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.fallback
        async def look(turn: Turn) -> None:
            await goes_on.wait()
            turn.reply("Here it is.")

        return bot

    async with world(slow) as phone:
        await phone.ada.rings()
        phone.voice._within = 0.005
        await phone.ada.says("Where is my order?")
        for _ in range(10):
            assert await phone.ada.stays_silent() == []
        phone.voice._within = 5
        goes_on.set()
        assert await phone.ada.stays_silent() == ["Here it is."]


# ── stops and kills ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_goes_on_after_a_restart_of_the_bot(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    async with world(store=SQLite(path)) as phone:
        await phone.ada.rings()
        ada = phone.ada
    async with world(store=SQLite(path)) as phone:
        ada._post = PhoneCaller.of(phone.bot, phone.engine, phone.voice)._post
        assert await ada.presses("2") == ["A large one."]


async def test_words_that_were_taken_before_a_stop_are_answered_after_it_in_the_same_call(tmp_path: Path) -> None:
    path, begun = tmp_path / "calls.db", anyio.Event()

    def stuck(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.fallback
        async def look(turn: Turn) -> None:
            begun.set()
            await anyio.sleep_forever()

        return bot

    def quick(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice)

        @bot.fallback
        async def look(turn: Turn) -> None:
            turn.reply(f"You asked: {turn.text}")

        return bot

    async with world(stuck, store=SQLite(path), settings=Settings(poll=86_400, drain=0.05)) as phone:
        ada = phone.ada
        await ada.rings()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ada.says, "Where is my order?")
            await begun.wait()
            tasks.cancel_scope.cancel()
    async with world(quick, store=SQLite(path), ada=ada) as phone:
        ada._post = PhoneCaller.of(phone.bot, phone.engine, phone.voice)._post
        with anyio.fail_after(10):
            assert await ada.is_told() == ["You asked: Where is my order?"]


async def test_a_handoff_outlives_a_restart_before_and_during_the_call_to_the_desk(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    async with world(desk=True, store=SQLite(path)) as phone:
        ada = phone.ada
        await ada.rings()
        await ada.says("a person")
        assert phone.updates == 0
    async with world(desk=True, store=SQLite(path), ada=ada) as phone:
        ada._post = PhoneCaller.of(phone.bot, phone.engine, phone.voice)._post
        await phone.passes(seconds=60)
        await ada.is_told()
        assert ada.dialled == DESK
    async with world(desk=True, store=SQLite(path), ada=ada) as phone:
        ada._post = PhoneCaller.of(phone.bot, phone.engine, phone.voice)._post
        await phone.passes(seconds=60)
        assert phone.updates == 0, "it rings already"
        (told, _) = await ada.operator_answers()
        assert told.endswith("The caller said: a person.")
        assert await ada.operator_presses() == []
        assert (await ada.operator_hangs_up()) == []
        await phone.engine.quiet()
        assert await phone.engine.store.handed_over() == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_call_outlives_a_kill_of_the_process_in_the_middle(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]

    async def post(target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            answer = await client.post(f"http://127.0.0.1:{port}{target}", content=body, headers=headers)
            return answer.status_code, answer.content

    whom = Account(sid=SID, token=TOKEN, public_url="https://bots.example.com")
    ada = PhoneCaller(whom, post)
    async with PlatformDouble(ada.api) as twilio:
        process = await serving(tmp_path, port, twilio.url)
        try:
            assert (await ada.rings())[0] == "Corner Bakery. What can we do for you?"
            assert (await ada.presses("1"))[0] == "Which bread would you like?"
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            process = await serving(tmp_path, port, twilio.url)
            assert await ada.says("Spelt.") == ["How many loaves?"]
            assert (await ada.presses("3"))[0] == "bread: Spelt. loaves: 3. Is that right?"
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            process = await serving(tmp_path, port, twilio.url)
            assert (await ada.presses("1"))[0].startswith("3 of spelt")
        finally:
            process.kill()
            process.wait(10)


async def serving(folder: Path, port: int, api: str) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_PUBLIC_URL": "https://bots.example.com",
        "TWILIO_API_URL": api,
    }
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "convokit", "run", "bakery_line:bot"),
                *("--store", f"sqlite:///{folder / 'line.db'}", "--port", str(port)),
            ],
            cwd=EXAMPLE,
            env=environment,
            stdout=log,
            stderr=log,
        )
    with anyio.fail_after(30):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return process
            except OSError:
                assert process.poll() is None, (folder / "log.txt").read_text()
                await anyio.sleep(0.02)


async def test_a_caller_whose_words_met_a_bot_that_was_down_is_asked_to_say_them_again() -> None:
    async with world() as phone:
        phone.voice._within = 0.05
        await phone.ada.rings()
        gather = phone.ada.listening
        assert gather is not None
        failed = {"ErrorCode": "11200", "ErrorUrl": gather.attrib["action"]}
        address = phone.voice.account.address("voice")
        assert await phone.ada._asks(address, failed) == ["Excuse me, please say that again."]
        assert await phone.ada.says("large") == ["A large one."]


async def test_words_that_an_operator_took_back_are_waited_for_no_more() -> None:
    goes_on, desk = anyio.Event(), Local()

    def slow(voice: Voice, **settings: Any) -> Bot:
        bot = a_bot(voice, desk=desk)

        @bot.text("look it up")
        async def look(turn: Turn) -> None:
            await goes_on.wait()
            turn.reply("Here it is.")

        return bot

    async with world(slow) as phone:
        await phone.ada.rings()
        phone.voice._within = 0.02
        await phone.ada.says("Look it up.")
        goes_on.set()
        await phone.engine.quiet()  # it waits until the voice has ended
        await desk.join(ADA, User(id="maya", name="Maya"))
        await phone.engine.quiet()
        phone.voice._within = 3.0
        with anyio.fail_after(1.0):
            assert await phone.ada.says("Are you there?") == []
