"""The platforms' other half: it delivers what customers say until it gets a 200, and then some of it again.

Some lines deliver one webhook after another, so that their order is the order of acceptance; others deliver several at
once, in any order. Webhooks hold several events of several conversations; some hold one that was delivered before; some
are delivered again after the 200, soon or much later; from some the platform hangs up before it reads the answer; some
are forged.
"""

import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import Any

import anyio
from attrs import define, field

from convokit.conversations import ConversationId
from convokit.testing.torture import script
from convokit.testing.torture.channels import SIGNATURE, signature
from convokit.testing.torture.script import Said
from convokit.testing.torture.wires import post

OK, FORBIDDEN = 200, 403
AGAIN_AFTER = 0.03
"""Seconds until the platform delivers again what got no 200."""
LOOSE = 3
"""How many webhooks a loose line delivers at once."""
RECENT = 200

_HANGS_UP, _AT_ONCE, _LATER, _OLD_ONE, _FORGED, _PROVEN_TWICE = 0.05, 0.08, 0.06, 0.10, 0.01, 0.25
"""How likely it is that the platform hangs up before the answer, delivers again at once, or much later, puts an old
event among new ones, that somebody forges a webhook, and that a proof comes twice."""

Posted = tuple[ConversationId, Said]


@define
class Deliveries:
    """Everything that is on its way to the victim.

    Args:
        seed: What is drawn from.
        port: Where the victim listens.
        secret: What webhooks are signed with.
        up: Returns as soon as the victim listens, as far as known.
        pace: Seconds between two webhooks of a line, at most.
        chats: How many conversations there are.
        much_later: Whether some webhooks are delivered again much later.
        once: Whether everything is delivered once only, so that nothing but a first delivery wakes the victim.

    Attributes:
        sent: What got a 200, by conversation, each once; on strict lines in the order in which it was delivered.
        counts: Of webhooks by what became of them: "calls", "accepted", "again", "hung up", "no answer", "refused".
        statuses: How often the victim answered what, other than 200, while nobody had asked it to stop.
        stopping: Whether it was asked to stop: then it may refuse.
        forged_taken: How many forged webhooks were not answered 403.
    """

    seed: int
    port: int
    secret: str
    up: Callable[[], Awaitable[None]]
    pace: float
    chats: int
    much_later: bool = True
    once: bool = False
    sent: dict[ConversationId, list[Said]] = field(factory=dict)
    counts: Counter[str] = field(factory=Counter)
    statuses: Counter[int] = field(factory=Counter)
    stopping: bool = False
    forged_taken: int = 0
    _later: list[Sequence[Posted]] = field(factory=list)
    _known: set[tuple[ConversationId, int]] = field(factory=set)

    @property
    def accepted(self) -> int:
        """How many different events got a 200."""
        return sum(len(said) for said in self.sent.values())

    async def deliver(self, posted: Sequence[Posted], chance: random.Random) -> None:
        """Deliver events until they get a 200, some of them again after it."""
        body = _body(events=[_event(*one) for one in posted])
        await self._until_taken(posted[0][0].channel, body, chance)
        for conversation, said in posted:
            if (conversation, said.number) not in self._known:
                self._known.add((conversation, said.number))
                self.sent.setdefault(conversation, []).append(said)
        self.counts["accepted"] += 1
        if self.once:
            return
        if chance.random() < _AT_ONCE:
            self.counts["again"] += 1
            await self._until_taken(posted[0][0].channel, body, chance)
        if self.much_later and chance.random() < _LATER:
            self._later.append(posted)
            chance.shuffle(self._later)

    async def deliver_late(self, chance: random.Random, *, all_of_them: bool = False) -> None:
        """Deliver again what was put aside for that: one, or all."""
        while self._later:
            posted = self._later.pop()
            self.counts["again"] += 1
            await self._until_taken(posted[0][0].channel, _body(events=[_event(*one) for one in posted]), chance)
            if not all_of_them:
                return

    async def prove(self, conversation: ConversationId, key: str, platform_id: str) -> None:
        """Deliver a platform's proof, after a moment, until it gets a 200; one of four twice."""
        chance = random.Random(f"{self.seed}:proof:{key}")
        await anyio.sleep(chance.uniform(0, 0.3))
        body = _body(proofs=[{"key": key, "id": platform_id}])
        for _ in range(1 if chance.random() > _PROVEN_TWICE else 2):
            await self._until_taken(conversation.channel, body, chance)

    async def forge(self, conversation: ConversationId, chance: random.Random) -> None:
        """Deliver what somebody has made up, with a signature of theirs; once."""
        said = Said(script.SPARE + chance.randrange(1000), "say")
        body = _body(events=[_event(conversation, said)])
        await self.up()
        headers = {SIGNATURE: signature(b"a guess", body).decode()}
        status = await post(self.port, f"/{conversation.channel}", headers, body)
        self.forged_taken += status is not None and status != FORBIDDEN

    async def _until_taken(self, channel: str, body: bytes, chance: random.Random) -> None:
        headers = {"content-type": "application/json", SIGNATURE: signature(self.secret.encode(), body).decode()}
        while True:
            await self.up()
            self.counts["calls"] += 1
            hang_up = not self.once and chance.random() < _HANGS_UP
            status = await post(self.port, f"/{channel}", headers, body, hang_up=hang_up)
            if status == OK:
                return
            if status is None:
                self.counts["hung up" if hang_up else "no answer"] += 1
            else:
                self.counts["refused"] += 1
                self.statuses[status] += not self.stopping
            await anyio.sleep(AGAIN_AFTER)


@define
class Line:
    """The webhooks of a few conversations of one channel.

    Args:
        deliveries: What delivers.
        indexes: The conversations' indexes.
        strict: Whether one webhook is delivered after another.
    """

    deliveries: Deliveries
    indexes: tuple[int, ...]
    strict: bool
    _numbers: dict[int, int] = field(factory=dict)

    async def run(self, going: Callable[[], bool]) -> None:
        """Deliver while it is `going`."""
        async with anyio.create_task_group() as tasks:
            for number in range(1 if self.strict else LOOSE):
                chance = random.Random(f"{self.deliveries.seed}:line:{self.indexes[0]}:{number}")
                tasks.start_soon(self._one_after_another, chance, going)

    async def say(self, count: int) -> None:
        """Deliver `count` webhooks, one after another."""
        chance = random.Random(f"{self.deliveries.seed}:calm:{self.indexes[0]}")
        for _ in range(count):
            await self.deliveries.deliver(self._drawn(chance), chance)

    async def _one_after_another(self, chance: random.Random, going: Callable[[], bool]) -> None:
        while going():
            await self.deliveries.deliver(self._drawn(chance), chance)
            if chance.random() < _FORGED:
                await self.deliveries.forge(script.chat(self.indexes[0]), chance)
            if chance.random() < _LATER:
                await self.deliveries.deliver_late(chance)
            await anyio.sleep(chance.uniform(0, self.deliveries.pace))

    def _drawn(self, chance: random.Random) -> list[Posted]:
        """The next webhook's events."""
        posted = []
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            index = chance.choice(self.indexes)
            number = self._numbers[index] = self._numbers.get(index, 0) + 1
            posted.append(
                (script.chat(index), script.drawn(self.deliveries.seed, index, number, self.deliveries.chats))
            )
        index = chance.choice(self.indexes)
        before = self.deliveries.sent.get(script.chat(index))
        if before and chance.random() < _OLD_ONE:
            posted.insert(chance.randrange(len(posted) + 1), (script.chat(index), chance.choice(before[-RECENT:])))
        return posted


def lines(deliveries: Deliveries, count: int) -> list[Line]:
    """The lines for `count` conversations: two of a channel share one; every other line is strict."""
    made = []
    for place in range(len(script.CHANNELS)):
        indexes = list(range(place, count, len(script.CHANNELS)))
        made += [tuple(indexes[at : at + 2]) for at in range(0, len(indexes), 2)]
    return [Line(deliveries, indexes, number % 2 == 0) for number, indexes in enumerate(sorted(made))]


def _event(conversation: ConversationId, said: Said) -> dict[str, Any]:
    kind = said.kind if said.kind in script.SILENT_IN_LOG else "said"
    return {"chat": conversation.id, "id": str(said.number), "kind": kind, "text": said.text, "at": time()}


def _body(*, events: Sequence[dict[str, Any]] = (), proofs: Sequence[dict[str, Any]] = ()) -> bytes:
    return json.dumps({"events": events, "proofs": proofs}).encode()
