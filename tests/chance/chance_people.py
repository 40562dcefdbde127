"""Who is outside: customers, the business, operators, and the platforms' webhooks, which come until answered."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio
from attrs import define, field

from convokit._engine.engine import Engine
from convokit.abc import Request
from convokit.conversations import ConversationId, Handoff
from convokit.errors import StoreUnavailable
from convokit.events import (
    Event,
    HandoffClosed,
    HandoffTransferred,
    MessageReceived,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
    SignalReceived,
)
from convokit.messages import Message
from convokit.people import User

if TYPE_CHECKING:
    from world import World

NAMES = ("ada", "bob")
OPERATORS = (User(id="grace", name="Grace"), User(id="linus", name="Linus"))
PATIENCE = 10.0
"""Seconds within which whatever could begin has begun, in a world where everything must be woken."""


@define(eq=False)
class Market:
    """Everybody who wants something of the bot."""

    world: "World"
    over: trio.Event = field(factory=trio.Event)
    """Everything that was to be said is said, and was answered with 200."""
    runs: Counter[tuple[ConversationId, str]] = field(factory=Counter)
    promised: list[tuple[ConversationId, str]] = field(factory=list)
    """What `engine.send` has taken."""
    pending: int = 0
    cases: set[str] = field(factory=set)
    idle: dict[Any, float] = field(factory=dict)
    mended: bool = False
    ids: int = 0

    def new_id(self, kind: str) -> str:
        """The next id of a kind."""
        self.ids += 1
        return f"{kind}{self.ids}"

    def conversations(self) -> list[ConversationId]:
        """Where customers are."""
        weather = self.world.weather
        return [ConversationId(channel, name) for channel in weather.channels for name in NAMES[: weather.customers]]

    async def opens(self) -> None:
        """Let everybody do what they came for."""
        weather = self.world.weather
        horizon = weather.between(5, 10 + 12 * len(weather.ends))
        async with trio.open_nursery() as nursery:
            for to in self.conversations():
                nursery.start_soon(self.customer, to, horizon)
            nursery.start_soon(self.business, horizon)
            if weather.operators:
                nursery.start_soon(self.intruders, horizon)
            if weather.jumps:
                nursery.start_soon(self.time_jumps, horizon)
        while self.pending:
            await trio.sleep(1)
        self.over.set()

    # ── customers ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def customer(self, to: ConversationId, horizon: float) -> None:
        """Write some messages."""
        weather = self.world.weather
        count = 40 if weather.flood and to.id == NAMES[0] else weather.messages
        number = 0
        while number < count:
            await trio.sleep(weather.between(0, 2 * horizon / count) if weather.happens(0.7) else 0)
            batch = []
            for _ in range(weather.pick([1, 1, 1, 2, 3])):
                number += 1
                at = self.world.clock.now().isoformat()
                batch.append({"id": f"m{number}", "from": to.id, "at": at, "text": self.words()})
            self.comes(to.channel, {"messages": batch})
            if weather.happens(0.1):
                self.comes(to.channel, {"messages": batch})

    def words(self) -> str:
        """A message."""
        weather = self.world.weather
        verbs = [
            *("say", "say", "say", "say say", "say flush say", "count", "count", "once:a", "once:a say once:b"),
            *("wait:0.5", "wait:3", "fail:1", "fail:2", "history", "remind:tea:2", "remind:cake:9", "forget:tea"),
            *("flush", "say flush fail:1 say", "once:a fail:1", "fail:99", "fail:98", "wait:0.1 say flush wait:2 say"),
            *(["stall:2", "stall:40"] if weather.stalls else []),
            *(["handoff", "wait:6 say", "say flush wait:5 say"] if weather.operators else []),
            *([f"to:{weather.pick(self.conversations())}"] if weather.happens(0.5) else []),
        ]
        return " ".join(weather.pick(verbs) for _ in range(weather.pick([1, 1, 2, 3])))

    # ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def comes(self, channel: str, body: dict[str, Any]) -> None:
        """Let a webhook come until it is answered with 200."""
        self.pending += 1
        self.world.nursery.start_soon(self._comes, channel, body)

    def proves(self, channel: str, key: str) -> None:
        """Let the platform tell that it has a message."""
        self.comes(channel, {"proofs": [key]})

    async def _comes(self, channel: str, body: dict[str, Any]) -> None:
        world, weather = self.world, self.world.weather
        label = ",".join([one["id"] for one in body.get("messages", ())] or body.get("proofs", ()))
        await trio.sleep(weather.between(0, 3))
        again, pause = True, 4.0

        async def take(engine: Engine) -> bool:
            request = Request(method="POST", body=json.dumps(body).encode(), at=world.clock.now())
            await engine.take(engine.transports[channel], request)
            return True

        while again:
            again = not await self._asked(take)
            if not again:
                world.note("200 for {} on {}", label, channel)
                for one in body.get("messages", ()):
                    self._answered(ConversationId(channel, one["from"]), one["id"])
                again = weather.happens(0.1)  # the answer is lost on its way
            if again:
                await trio.sleep(weather.between(0.1, pause))
                # Proofs come fast, or they would come too late; messages as platforms do it.
                pause = min(pause * 1.5, 60.0) if "messages" in body else pause
        self.pending -= 1

    async def _asked(self, work: Callable[[Engine], Awaitable[Any]]) -> bool:
        life = await self.world.alive()
        return bool(await life.call(work))

    def _answered(self, to: ConversationId, event_id: str) -> None:
        known = (to, event_id) in self.world.ledger.accepted
        self.world.ledger.check(known, f"{to}: {event_id} was answered with 200 and is not in the store")
        self.world.ledger.answered.add((to, event_id))

    async def hands_in(self, *events: Event) -> None:
        """Hand events in until they are taken, as a desk's page does."""

        async def accept(engine: Engine) -> bool:
            await engine.accept(events)
            return True

        self.pending += 1
        while not await self._asked(accept):
            await trio.sleep(self.world.weather.between(0.1, 3))
        for event in events:
            self._answered(event.conversation, event.id)
        self.pending -= 1

    # ── the business ────────────────────────────────────────────────────────────────────────────────────────────────

    async def business(self, horizon: float) -> None:
        """Send signals and messages of its own."""
        weather = self.world.weather
        for _ in range(weather.pick([0, 1, 3])):
            await trio.sleep(weather.between(0, horizon / 2))
            to = weather.pick(self.conversations())
            if weather.elsewhere and weather.happens(0.7):
                # Another process wrote it into the store, and nobody here was told.
                name = self.new_id("signal:e")
                now = self.world.clock.now()
                event = SignalReceived(id=name, conversation=to, at=now, name="go", data={"words": "say"})
                with suppress(StoreUnavailable):  # a full lane, or a store that nobody has open
                    self.world.ledger.took([event], await self.world.memory.accept([event]))
            elif weather.happens(0.5):
                await self.signals(to)
            else:
                await self.sends(to)

    async def signals(self, to: ConversationId) -> None:
        """A signal with an id, until it is taken."""
        name, words = self.new_id("s"), self.words()

        async def signal(engine: Engine) -> bool:
            await engine.signal("go", to=to, data={"words": words}, id=name)
            return True

        while not await self._asked(signal):
            await trio.sleep(1)
        self._answered(to, f"signal:{name}")

    async def sends(self, to: ConversationId) -> None:
        """A message of the business's own; when it is not taken, it is given up."""
        text = self.new_id("news ")

        async def send(engine: Engine) -> bool:
            await engine.send(to, text)
            return True

        if await self._asked(send):
            self.promised.append((to, text))

    async def time_jumps(self, horizon: float) -> None:
        """Set the clock now and then."""
        for _ in range(2):
            await trio.sleep(self.world.weather.between(0, horizon / 2))
            self.world.set_clock(self.world.weather.pick([-3600, 3600, -2, 45]))

    # ── operators ───────────────────────────────────────────────────────────────────────────────────────────────────

    def offered(self, to: ConversationId, handoff: Handoff) -> None:
        """A case is on the operators' screens."""
        if handoff.id not in self.cases and self.world.weather.storms:
            self.cases.add(handoff.id)
            self.world.nursery.start_soon(self.operator, to, self.world.weather.pick(OPERATORS))

    async def operator(self, to: ConversationId, who: User) -> None:
        """Take a conversation, say something, give it on or back."""
        weather = self.world.weather
        await trio.sleep(weather.between(0, 8))
        if weather.happens(0.7):
            await self.hands_in(OperatorJoined(**self._new(to), operator=who))
        for _ in range(weather.pick([0, 1, 2, 3])):
            await trio.sleep(weather.between(0, 3))
            event = self._new(to)
            await self.hands_in(OperatorReplied(**event, operator=who, message=Message(f"{event['id']} {who.name}")))
        if weather.happens(0.2):
            await self.hands_in(NoteWritten(**self._new(to), operator=who, message=Message("psst")))
        if weather.happens(0.2):
            other = OPERATORS[who is OPERATORS[0]]
            await self.hands_in(HandoffTransferred(**self._new(to), operator=who, to=other))
        await trio.sleep(weather.between(0, 6))
        if weather.happens(0.8):
            await self.hands_in(HandoffClosed(**self._new(to), operator=who, ended=weather.happens(0.2)))

    async def intruders(self, horizon: float) -> None:
        """Operators who step in where nobody asked for them."""
        weather = self.world.weather
        for _ in range(weather.pick([0, 1, 3])):
            await trio.sleep(weather.between(0, horizon / 2))
            to, who = weather.pick(self.conversations()), weather.pick(OPERATORS)
            if weather.happens(0.3):
                state = self.world.ledger.states.get(to)
                event = self._new(to)
                words = Message(f"{event['id']} {who.name}")
                epoch = state.epoch if state else 0
                await self.hands_in(OperatorReplied(**event, operator=who, message=words, epoch=epoch))
            self.world.nursery.start_soon(self.operator, to, who)

    def _new(self, to: ConversationId) -> dict[str, Any]:
        return {"id": self.new_id("op"), "conversation": to, "at": self.world.clock.now()}

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def nothing_left(self) -> bool:
        """Whether everything is done; gives back what a person still has, and puts back once what has failed."""
        world = self.world
        stats = await world.memory.stats()
        waits = stats.waiting or stats.claimed or stats.timers or self.pending
        if waits or any(stats.sends.get(state) for state in ("waiting", "in flight")):
            return False
        if handed := await world.memory.handed_over():
            await self.hands_in(*(HandoffClosed(**self._new(one.id)) for one in handed))
            return False
        failed = [one.key for one in await world.memory.failed(1000)]
        if world.weather.replays and not self.mended and failed:
            self.mended = True
            return not await self._asked(lambda engine: self._put_back(engine, failed))
        return True

    async def _put_back(self, engine: Engine, keys: Sequence[str]) -> bool:
        count = await engine.replay(keys)
        self.world.ledger.check(count == len(keys), f"{count} of {len(keys)} failed ones were put back")
        return True

    async def watches(self) -> None:
        """Look for work that nobody does, where nobody would find it by looking again."""
        world = self.world
        if not world.weather.wakes:
            return
        while True:
            await trio.sleep(1)
            life = world.life
            mark = (world.jumps, life.number if life is not None and life.serving is not None else 0)
            ready = set() if life is None or life.serving is None or life.dead else self._ready()
            now = trio.current_time()
            self.idle = {one: self.idle.get(one, now) for one in ((*mark, *each) for each in sorted(ready))}
            for one, since in self.idle.items():
                if now - since > PATIENCE:
                    world.ledger.wrong(f"{one[2:]} could begin since {since:.1f} and nobody was woken ({now:.1f})")
                    self.idle = {}
                    break

    def _ready(self) -> set[tuple[str, str, int]]:
        """Lanes, rows and timers that could begin now, for which there are hands."""
        memory, settings = self.world.memory, self.world.weather.settings
        now = round((self.world.clock.now().timestamp()) * 1e6)
        ready: set[tuple[str, str, int]] = set()
        if len(memory._held) < settings.turns_at_once:
            ready |= {
                ("lane", str(one.id), one.tick)
                for one in memory._lanes.values()
                if one.inbox and one.epoch is None and (not one.retrying or one.ready_at <= now)
            }
        flying = sum(row.state == "in flight" for row in memory._outbox.values())
        if flying < settings.sends_at_once:
            heads = [queue[0] for queue in memory._queues.values()]
            ready |= {("row", one.key, one.attempts) for one in heads if one.state == "waiting" and one.ready_at <= now}
        return ready | {
            ("timer", f"{place} {name}", at) for (place, name), (at, _) in memory._timers.items() if at <= now
        }


def said(event: Event) -> str:
    """The words that the bot was to obey."""
    if isinstance(event, MessageReceived):
        return event.text
    return str(event.data["words"]) if isinstance(event, SignalReceived) else "say"
