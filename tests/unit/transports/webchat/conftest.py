"""A shop with a chat, served in process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from browsers import Browser

from convokit import Bot, Button, Message, Settings, Turn
from convokit._engine.door import enter
from convokit._engine.engine import Engine
from convokit.abc import Store
from convokit.conversations import ConversationId
from convokit.desks import Local
from convokit.events import Event, HandoffClosed, OperatorJoined, OperatorReplied
from convokit.people import User
from convokit.stores import Memory
from convokit.testing import VirtualClock
from convokit.transports import WebChat

GRACE = User(id="o_grace", name="Grace")


def shop_bot() -> tuple[Bot, list[Event]]:
    """A bot that answers, offers, and hands over; and what it was told."""
    bot, heard = Bot("shop", desk=Local()), []

    @bot.text("person please")
    async def call(turn: Turn) -> None:
        turn.hand_off("secret reason", saying="One moment.")

    @bot.text("menu")
    async def menu(turn: Turn) -> None:
        turn.reply("What size?", buttons=[Button("Small", "size:s"), Button("Large", "size:l")])

    @bot.button("size:{size}")
    async def sized(turn: Turn) -> None:
        turn.reply(f"size {turn.params['size']}")

    @bot.opened("spring-*")
    async def spring(turn: Turn) -> None:
        turn.reply("Spring greetings")

    @bot.signal("*")
    async def signalled(turn: Turn) -> None:
        turn.memory["last"] = turn.event.name  # type: ignore[attr-defined]  a signal has one

    @bot.fallback
    async def echo(turn: Turn) -> None:
        if turn.text:
            turn.reply(Message(f"You said: {turn.text}"))

    async def listen(turn: Turn, proceed: Any) -> None:
        heard.append(turn.event)
        await proceed()

    bot.use(listen)
    return bot, heard


@define
class Shop:
    """A running bot with a chat, its clock, and what its handlers heard."""

    engine: Engine
    clock: VirtualClock
    store: Store
    chat: WebChat
    heard: list[Event]
    browsers: list[Browser] = field(factory=list)

    def browser(self, **settings: Any) -> Browser:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await enter(self.engine, scope, receive, send)

        return Browser(app, **settings)

    async def passes(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
        await self.engine.quiet()

    async def takes(self, conversation: ConversationId) -> None:
        await self._event(OperatorJoined, conversation, operator=GRACE)

    async def answers(self, conversation: ConversationId, text: str) -> None:
        await self._event(OperatorReplied, conversation, operator=GRACE, message=Message(text))

    async def closes(self, conversation: ConversationId) -> None:
        await self._event(HandoffClosed, conversation, operator=GRACE, outcome="secret outcome", ended=True)

    async def _event(self, kind: Any, conversation: ConversationId, **fields: Any) -> None:
        number = (await self.store.stats()).turns
        event = kind(id=f"o_grace:{number}", conversation=conversation, at=self.clock.now(), **fields)
        await self.engine.accept([event])
        await self.engine.quiet()

    def conversation(self, id: str) -> ConversationId:  # noqa: A002  the wire's word
        return ConversationId("web", id)


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def open_shop(tmp_path: Path) -> OpenShop:
    """What opens a shop, given its store or its chat's settings, for the time of an `async with`."""

    @asynccontextmanager
    async def opened(
        store: Store | None = None, clock: VirtualClock | None = None, bot: Bot | None = None, **settings: Any
    ) -> AsyncIterator[Shop]:
        kept, time = store or Memory(), clock or VirtualClock()
        made, heard = (bot, []) if bot is not None else shop_bot()
        chat = WebChat(**settings)
        async with made.serve(
            kept,
            clock=time,
            transports={chat.channel: chat},
            settings=Settings(
                files=str(tmp_path / "files"), poll=86_400.0, purge_every=86_400.0 * 30, answers_a_minute=1_000_000
            ),
        ) as engine:
            yield Shop(engine, time, kept, chat, heard)

    return opened
