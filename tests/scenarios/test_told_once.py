"""What became of a try is told to the store once, and it never strikes the try that comes after it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import anyio
import pytest
from test_engine import Proving

from convokit import Bot, ConversationId, Settings, StoreUnavailable, Unreachable
from convokit.abc import Proof, Settled
from convokit.stores import Memory
from convokit.testing import VirtualClock

pytestmark = [pytest.mark.anyio, pytest.mark.faultless("its store has faults of its own")]

SETTINGS = Settings(poll=86_400, purge_every=86_400, retry_pause=1)
ADA, BOB = ConversationId("proving", "ada"), ConversationId("proving", "bob")


class Settling(Memory):
    """Notes what it is told, and does meanwhile what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []
        self.before: Callable[[], Awaitable[None]] | None = None
        self.after: Callable[[], Awaitable[None]] | None = None

    async def settle(self, outcomes: Sequence[Settled]) -> None:
        self.told += [(one.key.split(":")[1], one.state) for one in outcomes]
        before, self.before = self.before, None
        after, self.after = self.after, None
        if before is not None:
            await before()
        await super().settle(outcomes)
        if after is not None:
            await after()


def never_arrived() -> Unreachable:
    return Unreachable("proving", "connection refused", maybe_sent=False)


async def fails() -> None:
    raise StoreUnavailable("the line broke")


async def until_blocked() -> None:
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


async def test_while_the_store_is_told_of_a_try_nobody_tells_it_again() -> None:
    bot, platform, clock, store, gate = Bot("echo"), Proving(Proof.KEY), VirtualClock(), Settling(), anyio.Event()
    bot.attach(platform)
    platform.troubles = [never_arrived()]
    store.before = gate.wait
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        await engine.send(ADA, "hi")
        await until_blocked()
        await engine.send(BOB, "hi")
        await until_blocked()
        told = list(store.told)
        gate.set()
        assert told == [("ada", "retry"), ("bob", "sent")]
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(seconds=2))
        await engine.quiet()
        assert store.told == [("ada", "retry"), ("bob", "sent"), ("ada", "sent")]


async def test_what_the_store_could_not_be_told_is_told_before_anything_else_is_sent() -> None:
    bot, platform, clock, store = Bot("echo"), Proving(Proof.NONE), VirtualClock(), Settling()
    bot.attach(platform)
    store.before = fails
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        await engine.send(ADA, "hi")
        await engine.quiet()
        await engine.send(BOB, "hi")
        await engine.quiet()
        assert store.told == [("ada", "sent"), ("ada", "sent"), ("bob", "sent")]
        assert len(platform.keys) == 2
        assert (await engine.stats()).sends == {"sent": 2}


async def test_a_try_that_the_store_knew_of_is_not_told_again_into_the_next_one() -> None:
    bot, platform, clock, store = Bot("echo"), Proving(Proof.NONE), VirtualClock(), Settling()
    bot.attach(platform)
    platform.troubles = [never_arrived()]
    answer_lost, answered = anyio.Event(), anyio.Event()

    async def loses_its_answer() -> None:
        await answer_lost.wait()
        await fails()

    store.after = loses_its_answer
    async with bot.serve(store, clock=clock, settings=SETTINGS) as engine:
        await engine.send(ADA, "hi")
        await until_blocked()
        platform.takes_its_time = answered.wait
        await clock.move_to(clock.now() + timedelta(seconds=2))
        engine.look()
        await until_blocked()
        assert (await store.stats()).sends == {"in flight": 1}
        answer_lost.set()  # of the first try, while the second is under way
        await until_blocked()
        await engine.send(BOB, "hi")
        engine.look()
        await until_blocked()
        told, sends = list(store.told), (await store.stats()).sends
        answered.set()
        assert told == [("ada", "retry")]
        assert sends == {"in flight": 2}
        await engine.quiet()
        assert len(platform.keys) == 3
        assert (await engine.stats()).sends == {"sent": 2}
