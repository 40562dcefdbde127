"""How many whole turns a store takes: accept, claim, commit a reply, claim it, settle it; 64 conversations in flight.

`pytest tests/bench/test_store.py -s` prints them. CPU time is what can be compared: wall time is the machine's mood.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from attrs import define, evolve, field

from convokit.abc import Clock, Committed, Lane, Send, Settled, Store
from convokit.conversations import ConversationId, Entry
from convokit.events import MessageReceived
from convokit.messages import Message
from convokit.people import User
from convokit.stores import Memory, SQLite

TURNS = 3000
IN_FLIGHT = 64


class WallClock(Clock):
    """The time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        await anyio.sleep(max(0.0, (moment - self.now()).total_seconds()))


@define(eq=False)
class Mill:
    """Conversations that each say the next thing when the answer to the last one went out.

    One loop claims lanes and one claims sends, as the engine's do: what is ready meanwhile comes in one claim.
    """

    store: Store
    left: int = TURNS
    answered: dict[str, anyio.Event] = field(factory=dict)
    accepted: anyio.Event = field(factory=anyio.Event)
    committed: anyio.Event = field(factory=anyio.Event)

    async def customer(self, name: str) -> None:
        while self.left > 0:
            self.left -= 1
            answered = self.answered[name] = anyio.Event()
            now = datetime.now(UTC)
            place = ConversationId("bench", name)
            said = MessageReceived(id=f"m{self.left}", conversation=place, at=now, user=User(id=name), text="pizza")
            await self.store.accept([said])
            self.accepted.set()
            await answered.wait()

    async def handle(self, lane: Lane) -> None:
        place, seq = lane.conversation.id, lane.events[0].seq
        reply = Send(
            key=f"{place}:{seq}:0", conversation=place, message=Message("Small or large?"), expires_at=datetime.now(UTC)
        )
        state = evolve(lane.conversation, version=lane.conversation.version + 1)
        said = Entry(at=datetime.now(UTC), author="bot", message=reply.message, key=f"b:{seq}:0")
        turn = Committed(epoch=lane.epoch, seq=seq, conversation=state, sends=(reply,), entries=(said,))
        assert list(await self.store.commit([turn])) == [True]
        self.committed.set()

    async def deliver(self, send: Send) -> None:
        await self.store.settle([Settled(key=send.key, state="sent")])
        self.answered[send.conversation.id].set()

    async def run(self) -> None:
        async with anyio.create_task_group() as loops:
            loops.start_soon(self._claim)
            loops.start_soon(self._send)
            async with anyio.create_task_group() as customers:
                for k in range(IN_FLIGHT):
                    customers.start_soon(self.customer, f"customer{k}")
            loops.cancel_scope.cancel()

    async def _claim(self) -> None:
        async with anyio.create_task_group() as tasks:
            while True:
                await self.accepted.wait()
                self.accepted = anyio.Event()
                for lane in await self.store.claim("bench", IN_FLIGHT, 30):
                    tasks.start_soon(self.handle, lane)

    async def _send(self) -> None:
        async with anyio.create_task_group() as tasks:
            while True:
                await self.committed.wait()
                self.committed = anyio.Event()
                for send in await self.store.claim_sends("bench", IN_FLIGHT, 30):
                    tasks.start_soon(self.deliver, send)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "NORMAL", "FULL"])
async def test_whole_turns_a_second(kind: str, tmp_path: Path, anyio_backend: str) -> None:
    store: Store = Memory()
    if kind != "memory":
        store = SQLite(tmp_path / "bench.db", synchronous="FULL" if kind == "FULL" else "NORMAL")
    await store.open(WallClock())
    wall, cpu = time.perf_counter(), time.process_time()
    await Mill(store).run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    stats = await store.stats()
    await store.close()
    assert (stats.turns, stats.waiting, dict(stats.sends)) == (TURNS, 0, {"sent": TURNS})
    print(f"\n{kind:>7} {anyio_backend:>8}: {TURNS / wall:7,.0f} turns/s, {cpu / TURNS * 1e6:5.0f} µs of CPU a turn")
