"""The bot under test: it does what its customers write, and its memory tells what it did.

A message is a list of words: `say`, `flush`, `once:a`, `wait:1.5`, `remind:tea:4`, `forget:tea`, `fail:2` (the first
two runs), `fail:99` and `fail:98` (every run), `stall:40` (blocks the loop), `to:key:ada`, `handoff`, `history`,
`count`. What is said bears the event's id, its number within the turn and the version of the conversation, so that no
two messages are the same and the rules can tell what must have been said from the words alone.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
from chance_weather import Killed

from convokit.bot import Bot
from convokit.conversations import ConversationId
from convokit.events import HandoffClosed, MessageFailed, OperatorReplied
from convokit.turn import Turn

if TYPE_CHECKING:
    from world import Life


class Stubborn(Exception):
    """A handler's own fault."""


class Doomed(Stubborn):
    """A fault that stays."""


def says(event_id: str, number: int, version: int, replays: int) -> str:
    """What the bot says: the `number`-th message of a turn. What is put back in line says what it flushed again."""
    return f"{event_id}/{number}@{version}" + "r" * replays


def tells(place: ConversationId, event_id: str, number: int) -> str:
    """What the bot says elsewhere: the `number`-th such message of a turn."""
    return f"from {place} {event_id}+{number}"


async def obey(turn: Turn, life: "Life", words: str) -> None:  # noqa: C901, PLR0912  a verb a case
    """Do what the words say."""
    event, memory, world = turn.event, turn.memory, life.world
    run = world.market.runs[event.conversation, event.id] = world.market.runs[event.conversation, event.id] + 1
    memory.setdefault("seen", []).append(event.id)
    if turn.user.id:
        turn.profile["turns"] = turn.profile.get("turns", 0) + 1
        memory["facts"] = memory.get("facts", 0) + 1
    said = sent = 0
    replays = world.ledger.replayed[event.conversation, event.id]
    for word in words.split():
        verb, _, rest = word.partition(":")
        match verb:
            case "say":
                turn.reply(says(event.id, said, turn.conversation.version, replays))
                said += 1
            case "flush":
                await turn.flush()
            case "once":
                memory.setdefault("once", {})[f"{event.id} {rest}"] = await turn.once(rest, charge, life, turn, rest)
            case "wait":
                await anyio.sleep(float(rest))
            case "remind":
                name, _, seconds = rest.partition(":")
                turn.remind(timedelta(seconds=float(seconds)), name, {"by": event.id})
            case "forget":
                turn.forget(rest)
            case "fail":
                if run <= int(rest):
                    raise Doomed(event.id) if rest == "99" else Stubborn(event.id)
            case "stall":
                world.stall(float(rest))
            case "to":
                turn.send(ConversationId.parse(rest), tells(event.conversation, event.id, sent))
                sent += 1
            case "handoff":
                turn.hand_off("wants a person", saying=says(event.id, said, turn.conversation.version, replays))
                said += 1
            case "history":
                await turn.history(5)
    if life.dead:
        raise Killed


async def charge(life: "Life", turn: Turn, name: str) -> str:
    """The business's own system, which counts."""
    await anyio.sleep(life.world.weather.latency())
    if life.dead:
        raise Killed
    world, event = life.world, turn.event
    count = world.ledger.charged(event.conversation, event.id, name, alone=world.weather.even)
    return f"{event.id} {name} {count}"


def obeying(life: "Life") -> Bot:
    """The bot of one life."""

    @asynccontextmanager
    async def lifespan() -> AsyncIterator["Life"]:
        yield life

    bot = Bot("chance", desk=None, lifespan=lifespan)

    @bot.fallback
    async def talk(turn: Turn) -> None:
        await obey(turn, life, turn.text)

    @bot.timer("*")
    async def reminded(turn: Turn) -> None:
        event = turn.event
        turn.memory.setdefault("timers", []).append(f"{event.name}:{event.data['by']}")  # type: ignore[attr-defined]  # the route says which kind it is
        await obey(turn, life, "say")

    @bot.signal("*")
    async def signalled(turn: Turn) -> None:
        await obey(turn, life, turn.event.data["words"])  # type: ignore[attr-defined]  # the route says which kind it is

    @bot.on(MessageFailed)
    async def undelivered(turn: Turn) -> None:
        turn.memory.setdefault("undelivered", []).append(turn.event.id)

    @bot.on(HandoffClosed)
    async def back(turn: Turn) -> None:
        await obey(turn, life, "say")

    @bot.on(OperatorReplied)
    async def replied(turn: Turn) -> None:
        turn.memory["operator"] = turn.event.id

    @bot.on_error(Doomed)
    async def sorry(turn: Turn) -> None:
        turn.reply(f"sorry {turn.event.id}@{turn.conversation.version}")

    return bot
