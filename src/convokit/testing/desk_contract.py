"""The proof of a desk: subclass `DeskContract`, say how yours is made and how its operators act, run it with pytest.

```python
class TestMyDesk(DeskContract):
    def make(self) -> Desk:
        return MyDesk(api_url=self.double.url)

    async def joins(self, desk, conversation, operator): ...
    async def says(self, desk, conversation, operator, text): ...
    async def closes(self, desk, conversation, operator): ...
    async def sees(self, desk, conversation): ...
```

Each test is a sentence of `convokit.abc.Desk`. A real engine runs the desk, whether it is told what customers say or
reads the log (`reads_log`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from convokit._engine.engine import Engine
from convokit.abc import Desk, Store, Transport
from convokit.bot import Bot
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.events import MessageReceived
from convokit.messages import Capabilities, Message
from convokit.people import User
from convokit.stores import Memory
from convokit.turn import Turn

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
GRACE = User(id="grace", name="Grace")
QUEUE = "front-desk"
"""The queue to which the suite's bot hands over."""


def waiting(name: str = "ada") -> tuple[Conversation, Handoff]:
    """A conversation that was handed off."""
    where = ConversationId("test", name)
    handoff = Handoff(id=f"{where}:1", queue=QUEUE, reason="wants a person", opened_at=NOON)
    return Conversation(id=where, user=User(id=name, name=name.title()), handoff=handoff), handoff


def line(author: Any, text: str) -> Entry:
    """A line of what was said before."""
    return Entry(at=NOON, author=author, message=Message(text))


class Customers(Transport):
    """The channel of the suite's customers."""

    channel = "test"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Keep who heard what."""
        self.heard.append((to.id, message.text))
        return None


class World:
    """A run of the suite's bot with the desk under test.

    Attributes:
        desk: The desk.
        engine: The run.
        customers: The channel.
    """

    def __init__(self, desk: Desk, engine: Engine, customers: Customers) -> None:
        self.desk = desk
        self.engine = engine
        self.customers = customers
        self._number = 0

    async def says(self, name: str, text: str) -> ConversationId:
        """Let a customer say something; "a person, please" hands over. Returns where."""
        self._number += 1
        where = ConversationId("test", name)
        event = MessageReceived(
            id=f"{name}-{self._number}-{text}",
            conversation=where,
            at=self.engine.clock.now(),
            user=User(id=name, name=name.title()),
            text=text,
        )
        await self.engine.accept([event])
        await self.engine.quiet()
        return where

    async def did(self, where: ConversationId) -> list[tuple[str, str, str]]:
        """What operators did so far: kind, by whom, text."""
        await self.engine.quiet()
        log = await self.engine.store.log(where)
        entries = [one.entry for one in log.entries]
        return [(one.kind, one.by, one.message.text) for one in entries if one.author == "operator"]


def _bot(desk: Desk) -> tuple[Bot, Customers]:
    bot, customers = Bot("contract", desk=desk), Customers()
    bot.attach(customers)

    @bot.text("a person, please")
    async def hand_over(turn: Turn) -> None:
        turn.hand_off("wants a person", to=QUEUE)

    @bot.text("pizza")
    async def pizza(turn: Turn) -> None:
        turn.reply("Small or large?")

    return bot, customers


class DeskContract:
    """What every desk keeps to; async tests run on asyncio and trio."""

    # ── what a desk's author says ───────────────────────────────────────────────────────────────────────────────────

    def make(self) -> Desk:
        """A fresh desk."""
        raise NotImplementedError("make() must return the desk under test")

    async def joins(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        """Let the operator take the conversation, as a human would at this desk."""
        raise NotImplementedError("joins() must let an operator take the conversation")

    async def says(self, desk: Desk, conversation: ConversationId, operator: User, text: str) -> None:
        """Let the operator answer."""
        raise NotImplementedError("says() must let an operator answer")

    async def closes(self, desk: Desk, conversation: ConversationId, operator: User) -> None:
        """Let the operator give the conversation back."""
        raise NotImplementedError("closes() must let an operator give the conversation back")

    async def sees(self, desk: Desk, conversation: ConversationId) -> Sequence[str] | None:
        """All texts that operators read in a conversation, oldest first; None when it is not on their screens."""
        raise NotImplementedError("sees() must tell what operators read")

    # ── the promises ────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(self, request: pytest.FixtureRequest) -> str:
        """Both back ends."""
        backend: str = request.param
        return backend

    @asynccontextmanager
    async def running(self, desk: Desk | None = None, store: Store | None = None) -> AsyncIterator[World]:
        """A run of a bot with the desk; a fresh one when left out."""
        desk = desk or self.make()
        bot, customers = _bot(desk)
        async with bot.serve(store or Memory()) as engine:
            yield World(desk, engine, customers)

    @pytest.mark.anyio
    async def test_what_operators_do_happens_in_the_customers_conversation_under_one_name(self) -> None:
        async with self.running() as world:
            where = await world.says("ada", "a person, please")
            await self.joins(world.desk, where, GRACE)
            await world.engine.quiet()
            await self.says(world.desk, where, GRACE, "Hello, Ada.")
            await world.engine.quiet()
            await self.closes(world.desk, where, GRACE)
            did = await world.did(where)
            kept = await world.engine.store.load(where)
        assert [kind for kind, _, _ in did] == ["taken", "said", "returned"], f"what happened was {did}"
        assert len({by for _, by, _ in did}) == 1, f"the same operator goes by several ids: {did}"
        assert did[1][2] == "Hello, Ada."
        assert world.customers.heard == [("ada", "Hello, Ada.")]
        assert kept is not None
        assert kept.handoff is None

    @pytest.mark.anyio
    async def test_who_has_a_conversation_speaks_in_it_without_taking_it_again(self) -> None:
        async with self.running() as world:
            where = await world.says("ada", "a person, please")
            await self.joins(world.desk, where, GRACE)
            await self.says(world.desk, where, GRACE, "Hello.")
            assert [kind for kind, _, _ in await world.did(where)] == ["taken", "said"]

    @pytest.mark.anyio
    async def test_the_same_words_twice_are_two_events(self) -> None:
        async with self.running() as world:
            where = await world.says("ada", "a person, please")
            await self.joins(world.desk, where, GRACE)
            for _ in range(2):
                await self.says(world.desk, where, GRACE, "One moment.")
            said = [text for kind, _, text in await world.did(where) if kind == "said"]
        assert said == ["One moment."] * 2, "the second was lost"

    @pytest.mark.anyio
    async def test_operators_read_what_was_said_before_and_since_in_order(self) -> None:
        async with self.running() as world:
            for text in ("pizza", "a person, please", "hello?", "anyone there?"):
                where = await world.says("ada", text)
            read = await self.sees(world.desk, where)
        assert read is not None, "a conversation that waits is not on the operators' screens"
        expected = ["pizza", "Small or large?", "a person, please", "hello?", "anyone there?"]
        assert [one for one in read if one in expected] == expected

    @pytest.mark.anyio
    async def test_a_call_that_is_repeated_after_a_crash_changes_nothing(self) -> None:
        conversation, handoff = waiting()
        async with self.running() as world:
            if world.desk.reads_log:
                pytest.skip("this desk is not called: it reads the log")
            for _ in range(2):
                await world.desk.offer(conversation, handoff, (line("user", "pizza"),))
            read = await self.sees(world.desk, conversation.id)
            assert read is not None
            assert list(read).count("pizza") == 1
            for _ in range(2):
                await world.desk.withdraw(conversation.id, handoff)
            assert await self.sees(world.desk, conversation.id) is None

    @pytest.mark.anyio
    async def test_conversations_are_kept_apart(self) -> None:
        async with self.running() as world:
            for name in ("ada", "bob"):
                await world.says(name, "a person, please")
                await world.says(name, f"I am {name}")
            for name, other in (("ada", "I am bob"), ("bob", "I am ada")):
                read = await self.sees(world.desk, ConversationId("test", name))
                assert read is not None
                assert f"I am {name}" in read
                assert other not in read

    @pytest.mark.anyio
    async def test_a_conversation_that_was_given_back_leaves_the_screens(self) -> None:
        async with self.running() as world:
            where = await world.says("ada", "a person, please")
            await self.joins(world.desk, where, GRACE)
            await world.engine.quiet()
            await self.closes(world.desk, where, GRACE)
            await world.engine.quiet()
            assert await self.sees(world.desk, where) is None

    @pytest.mark.anyio
    async def test_a_desk_can_be_run_again_after_it_was_stopped(self) -> None:
        desk, store = self.make(), Memory()
        for word in ("Hello.", "Hello again."):
            async with self.running(desk, store) as world:
                where = await world.says("ada", "a person, please")
                await self.joins(desk, where, GRACE)
                await self.says(desk, where, GRACE, word)
                assert (await world.did(where))[-1][2] == word
