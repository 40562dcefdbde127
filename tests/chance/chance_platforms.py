"""Three platforms, and an operators' desk, that lose answers: one takes a key, one gives proof, one offers nothing."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio
import trio
from attrs import define, field
from chance_ledger import Row, Try

from convokit.abc import Accept, Desk, Evidence, Proof, Received, Request, Transport
from convokit.conversations import Conversation, ConversationId, Entry, Handoff
from convokit.errors import RateLimited, Rejected, TransportError, Unreachable
from convokit.events import MessageReceived
from convokit.messages import Message
from convokit.people import User

if TYPE_CHECKING:
    from world import Life, World

PROOFS = {"key": Proof.KEY, "proof": Proof.EVIDENCE, "plain": Proof.NONE}


@define(eq=False)
class Platforms:
    """What stands outside and outlives the process."""

    world: "World"
    screens: dict[ConversationId, list[str]] = field(factory=lambda: defaultdict(list))
    """What each customer sees."""
    keys: set[str] = field(factory=set)
    """The keys that the platform with keys has seen."""
    refused: Counter[str] = field(factory=Counter)
    desk: dict[ConversationId, list[tuple[str, str, str]]] = field(factory=lambda: defaultdict(list))
    """What the desk was told: the call, the handoff, the words."""

    @property
    def channels(self) -> Sequence[str]:
        return self.world.weather.channels

    async def asked(self, life: "Life", row: Row, act: Any) -> None:
        """One call to the outside: what becomes of it, and what the caller learns.

        Raises:
            TransportError: As drawn.
        """
        world, weather = self.world, self.world.weather
        this = Try(life.number, trio.current_time(), world.jumps)
        row.tries.append(this)
        channel, fate = row.send.conversation.channel, weather.fate()
        world.note("try of {}: {}", row.send.key, fate)
        if fate == "refused":
            await anyio.sleep(weather.between(0, 1))
            raise Unreachable(channel, "no connection")
        if fate == "limited":
            await anyio.sleep(weather.between(0, 1))
            raise RateLimited(channel, retry_after=weather.pick([None, 0.5, 5.0]))
        if fate == "rejected":
            self.refused[row.send.key] += 1
            await anyio.sleep(weather.between(0, 1))
            raise Rejected(channel, "it does not want this message")
        arrived = trio.Event()
        if fate != "lost":
            wire = life.died if weather.happens(0.5) else None  # what is on its way may die with the process, or not
            travel = weather.between(0, 1) + (8 if fate == "done late" else 0)
            world.nursery.start_soon(self._arrives, row, this, act, travel, wire, arrived)
        with anyio.move_on_after(weather.between(1, 6) if weather.storms else 10):
            await arrived.wait()
            await anyio.sleep(weather.between(0, 1))
            if fate == "fault":
                this.excused = True
                raise RuntimeError("the transport's own fault")
            if fate != "done and lost":
                this.answered = True
                return
            await anyio.sleep(weather.between(0, 5))
        this.excused = True
        raise Unreachable(channel, "no answer", maybe_sent=True)

    async def _arrives(self, row: Row, this: Try, act: Any, travel: float, wire: Any, arrived: trio.Event) -> None:
        if wire is None:
            await trio.sleep(travel)
        else:
            with trio.move_on_after(travel):
                await wire.wait()
                self.world.note("{} is lost with the process", row.send.key)
                return
        if act():
            this.acted += 1
        self.world.note("{} has arrived", row.send.key)
        arrived.set()

    def shows(self, to: ConversationId, text: str, key: str | None) -> bool:
        """Put a message on the customer's screen. False: the platform knew it by its key."""
        if to.channel == "key":
            assert key is not None
            if key in self.keys:
                return False
            self.keys.add(key)
        self.screens[to].append(text)
        if to.channel == "proof":
            assert key is not None
            self.world.market.proves(to.channel, key)
        return True


class Line(Transport):
    """A platform's transport in one life."""

    def __init__(self, life: "Life", channel: str) -> None:
        self.channel = channel
        self.life = life
        self.proof = PROOFS[channel]  # type: ignore[misc]  # a class variable, by choice of the seed

    def receive(self, request: Request) -> Received:
        """Read what `Market` wrote."""
        body = json.loads(request.body)
        return Received(
            events=tuple(
                MessageReceived(
                    id=one["id"],
                    conversation=ConversationId(self.channel, one["from"]),
                    at=datetime.fromisoformat(one["at"]),
                    user=User(id=one["from"], name=one["from"].title()),
                    text=one["text"],
                )
                for one in body.get("messages", ())
            ),
            evidence=tuple(Evidence(key=one) for one in body.get("proofs", ())),
        )

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Say it, without a key."""
        return await self.send_keyed(to, message, "")

    async def send_keyed(self, to: ConversationId, message: Message, key: str) -> str | None:
        """Say it."""
        platforms = self.life.world.platforms
        row = self.life.world.ledger.words[to, message.text]
        if key and row.send.key != key:
            self.life.world.ledger.wrong(f"{row.send.key} was sent under the key {key}")
        await platforms.asked(self.life, row, lambda: platforms.shows(to, message.text, key))
        return None


class ChanceDesk(Desk):
    """The operators' desk in one life; what it is told stays outside."""

    def __init__(self, life: "Life") -> None:
        self.life = life

    async def run(self, accept: Accept) -> None:
        """Operators come by themselves."""
        await anyio.sleep_forever()

    async def offer(self, conversation: Conversation, handoff: Handoff, transcript: Sequence[Entry]) -> None:
        """Show a case."""
        await self._told("offer", conversation.id, handoff, "")

    async def forward(self, conversation: ConversationId, handoff: Handoff, message: Message) -> None:
        """Show what the customer said."""
        await self._told("forward", conversation, handoff, message.text)

    async def withdraw(self, conversation: ConversationId, handoff: Handoff) -> None:
        """Take the case away."""
        await self._told("withdraw", conversation, handoff, "")

    async def _told(self, call: str, to: ConversationId, handoff: Handoff, text: str) -> None:
        world = self.life.world
        fate = world.weather.fate()
        world.note("desk: {} {} {}: {}", call, to, handoff.id, fate)
        await anyio.sleep(world.weather.between(0, 1))
        if fate in {"refused", "lost", "limited", "rejected"}:
            raise Unreachable("desk", "nobody home") if fate != "rejected" else _closed()
        if self.life.dead:
            return
        world.platforms.desk[to].append((call, handoff.id, text))
        if call == "offer":
            world.market.offered(to, handoff)
        if fate != "done":
            raise Unreachable("desk", "no answer", maybe_sent=True)


def _closed() -> TransportError:
    return Rejected("desk", "it is closed")
