"""What drawn worlds have found: each as a short story of its own."""

from datetime import datetime, timedelta

import anyio
import pytest

from convokit import Bot, Settings, Turn, Unreachable
from convokit.desks import Local
from convokit.stores import Memory
from convokit.testing import Simulation

pytestmark = pytest.mark.anyio


class Asked(Memory):
    """Counts how often the engine asks when to look again."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def next_due(self) -> datetime | None:
        self.asked += 1
        return await super().next_due()


async def test_what_is_due_and_finds_no_free_hands_is_not_looked_for_without_a_pause() -> None:
    bot, store, gate, tries = Bot("busy", settings=Settings(turns_at_once=1)), Asked(), anyio.Event(), [1]

    @bot.text("wait")
    async def waits(turn: Turn) -> None:
        await gate.wait()

    @bot.text("stumble")
    async def stumbles(turn: Turn) -> None:
        if len(tries) == 1:
            tries.append(1)
            raise RuntimeError("the first try")
        turn.reply("Done.")

    async with Simulation(bot, store=store) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await bob.says("stumble")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ada.says, "wait")
            await anyio.wait_all_tasks_blocked()
            await world.clock.move_to(world.clock.now() + timedelta(seconds=3))
            before = store.asked
            for _ in range(300):
                await anyio.lowlevel.checkpoint()
            assert store.asked - before < 5
            assert bob.hears() == []
            gate.set()
        await world.settles()
        assert bob.hears() == ["Done."]


async def test_who_is_given_a_waiting_conversation_takes_it_before_the_bots_last_words_go_out() -> None:
    bot = Bot("shop", desk=Local())

    @bot.text("help")
    async def call(turn: Turn) -> None:
        turn.hand_off("wants a person", saying="One moment.")

    async with Simulation(bot) as world:
        ada, maya, lea = world.user("Ada"), world.operator("Maya"), world.operator("Lea")
        world.troubles(Unreachable("simulation", "the line is down"))
        assert await ada.says("help") == []
        await maya.transfers(ada, to=lea)
        await lea.says("Hello, Lea here.", to=ada)
        await world.passes(minutes=1)
        assert ada.hears() == ["Hello, Lea here."]
