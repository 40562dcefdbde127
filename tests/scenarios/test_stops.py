"""Who has forbidden further messages gets the one confirmation, and then nothing until they allow it again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from convokit import (
    Bot,
    ConversationClosed,
    ConversationId,
    Message,
    MessageFailed,
    OperatorReplied,
    Rejected,
    Settings,
    Turn,
    User,
)
from convokit.abc import Accept, Desk, Request
from convokit.conversations import Conversation, Entry, Handoff
from convokit.stores import Memory
from convokit.testing import VirtualClock
from convokit.transports.sms import Sms, Twilio
from convokit.transports.twilio import sign

pytestmark = pytest.mark.anyio

SETTINGS = Settings(poll=86_400, purge_every=864_000, tries=2)
SID, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"
US, ADA = "+15550001111", "+15552223333"
HERE = ConversationId("sms", ADA)
SETTINGS_PAUSE = timedelta(minutes=2)


class Quiet(Desk):
    """A desk where nobody looks."""

    async def run(self, accept: Accept) -> None:
        """Nobody does anything."""

    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """Let it wait."""

    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """Let it lie."""

    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """Nothing hangs there."""


class Carrier:
    """A shop over Twilio, whose API is in memory, and a customer."""

    def __init__(self, **settings: Any) -> None:
        self.sent: list[str] = []
        self.clock = VirtualClock()
        self.bot = Bot("shop", desk=Quiet())
        self.failures: list[str] = []
        self.count = 0
        provider = Twilio(SID, TOKEN, public_url="https://shop.example", sender=US, keywords=False)
        self.sms = Sms(provider, http_transport=httpx.MockTransport(self.took), **settings)
        self.bot.attach(self.sms)

        @self.bot.text("hello")
        async def greet(turn: Turn) -> None:
            turn.reply("Hi.")

        @self.bot.signal("shipped")
        async def shipped(turn: Turn) -> None:
            turn.reply("It is on its way.")

        @self.bot.on(MessageFailed)
        async def failed(turn: Turn) -> None:
            assert isinstance(turn.event, MessageFailed)
            self.failures.append(turn.event.reason)

    def took(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(parse_qs(request.content.decode())["Body"][0])
        return httpx.Response(201, json={"sid": f"SM9{len(self.sent)}"})

    async def writes(self, engine: Any, text: str, **more: str) -> None:
        self.count += 1
        fields = {"AccountSid": SID, "MessageSid": f"SM{self.count}", "From": ADA, "To": US, "Body": text, **more}
        proof = sign(TOKEN.encode(), "https://shop.example/sms", fields.items())
        headers = {"x-twilio-signature": proof}
        body = urlencode(fields).encode()
        request = Request(method="POST", headers=headers, body=body, at=self.clock.now())
        await engine.take(self.sms, request)
        await engine.quiet()


async def test_after_stop_nothing_but_the_confirmation_is_sent_until_start() -> None:
    shop = Carrier()
    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "hello")
        await shop.writes(engine, " Stop. ")
        assert shop.sent == ["Hi.", "You get no more messages from us. Reply START to get them again."]
        with pytest.raises(Rejected, match=r"forbidden further messages here \(stop\)"):
            await engine.send(HERE, "Buy now!")
        await shop.writes(engine, "hello")
        await engine.signal("shipped", to=HERE)
        await engine.quiet()
        assert len(shop.sent) == 2
        assert len(shop.failures) == 2
        assert all("forbidden further messages" in one for one in shop.failures)
        await shop.writes(engine, "START")
        await engine.send(HERE, "Welcome back.")
        await engine.quiet()
    assert shop.sent[2:] == ["You get our messages again. Reply STOP to end them.", "Welcome back."]


async def test_a_yes_is_an_answer_that_allows_messages_again() -> None:
    shop = Carrier()

    @shop.bot.text("yes")
    async def agreed(turn: Turn) -> None:
        turn.reply("Good.")

    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "yes")
        await shop.writes(engine, "arrêt")
        await shop.writes(engine, "yes")
    assert shop.sent == ["Good.", "You get no more messages from us. Reply START to get them again.", "Good."]


async def test_a_handler_for_the_stop_says_the_confirmation_itself_and_only_one() -> None:
    shop = Carrier()

    @shop.bot.on(ConversationClosed)
    async def goodbye(turn: Turn) -> None:
        turn.reply("You are out. START brings you back.")
        turn.reply("But look at these offers!")

    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "STOPALL")
    assert shop.sent == ["You are out. START brings you back."]
    assert len(shop.failures) == 1


async def test_a_handler_that_fails_undoes_nothing_of_the_stop() -> None:
    shop, store = Carrier(), Memory()

    @shop.bot.on(ConversationClosed)
    async def goodbye(turn: Turn) -> None:
        raise RuntimeError("a bug")

    async with shop.bot.serve(store, clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "STOP")
        with pytest.raises(Rejected):
            await engine.send(HERE, "Buy now!")
    # And in the next run.
    async with shop.bot.serve(store, clock=shop.clock, settings=SETTINGS) as engine:
        with pytest.raises(Rejected):
            await engine.send(HERE, "Buy now!")
    assert shop.sent == []


async def test_what_waits_when_the_stop_comes_is_not_sent() -> None:
    shop = Carrier()
    tried: list[int] = []

    def slow(request: httpx.Request) -> httpx.Response:
        tried.append(1)
        return httpx.Response(429, json={"code": 20429}, headers={"retry-after": "60"})

    shop.sms._http_transport = httpx.MockTransport(slow)
    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        await engine.send(HERE, "An offer.")
        await engine.quiet()
        assert len(tried) == 1
        await shop.writes(engine, "STOP")
        await shop.clock.move_to(shop.clock.now() + SETTINGS_PAUSE)
        await engine.quiet()
        assert "forbidden further messages" in shop.failures[0]


async def test_an_operator_cannot_write_to_who_has_stopped_either() -> None:
    shop = Carrier()
    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "STOP")
        joined = OperatorReplied(
            id="o1",
            conversation=HERE,
            at=shop.clock.now(),
            operator=User(id="max"),
            message=Message("A quick word."),
            epoch=0,
        )
        await engine.accept([joined])
        await engine.quiet()
    assert len(shop.sent) == 1
    assert len(shop.failures) == 1


async def test_the_confirmation_goes_out_while_a_person_has_the_conversation_too() -> None:
    shop = Carrier()

    @shop.bot.text("person")
    async def person(turn: Turn) -> None:
        turn.hand_off("asked")

    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "person")
        await shop.writes(engine, "STOP")
    assert shop.sent == ["You get no more messages from us. Reply START to get them again."]


async def test_an_erasure_leaves_the_stop() -> None:
    shop, store = Carrier(), Memory()
    async with shop.bot.serve(store, clock=shop.clock, settings=SETTINGS) as engine:
        await shop.writes(engine, "STOP")
        await store.erase(f"sms:{ADA}")
        with pytest.raises(Rejected):
            await engine.send(HERE, "Buy now!")


async def test_what_the_provider_answers_is_not_answered_twice() -> None:
    shop = Carrier(saying_help="The Corner Shop, help@shop.example.")
    shop.sms.provider.keywords = True  # type: ignore[attr-defined]  it is Twilio's
    async with shop.bot.serve(Memory(), clock=shop.clock, settings=SETTINGS) as engine:
        for word in ("HELP", "STOP", "START"):
            await shop.writes(engine, word)
        # Not one of Twilio's words, but one that Advanced Opt-Out was taught.
        await shop.writes(engine, "Adiós", OptOutType="STOP")
        assert shop.sent == []
        with pytest.raises(Rejected):
            await engine.send(HERE, "Buy now!")
