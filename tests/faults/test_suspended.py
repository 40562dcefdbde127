"""A machine that is suspended: time stands still for the process and goes on for everybody else."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from processes import Heard, Program

from convokit import Bot, MessageReceived, Settings, Turn
from convokit.testing import Simulation
from convokit.testing.platform_double import PlatformDouble

MESSAGES = 12


@pytest.fixture
def one_backend(anyio_backend: str) -> None:
    """What is judged is a process of its own: one back end is enough for the judge."""
    if anyio_backend != "asyncio":
        pytest.skip("the process is the same for every back end of the judge")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are suspended by POSIX's signals")
@pytest.mark.usefixtures("one_backend")
@pytest.mark.anyio
async def test_a_process_that_was_suspended_past_its_leases_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    heard = Heard()
    async with PlatformDouble(heard) as api:
        program = Program(tmp_path, api.url, COUNTING_PAUSE="0.15")
        try:
            await program.start()
            for number in range(MESSAGES):
                for who in ("ada", "bob", "eve"):
                    assert await program.call(who, number) == 200
            for _ in range(2):
                program.running.send_signal(signal.SIGSTOP)
                await anyio.sleep(2.5)  # its leases last one second
                program.running.send_signal(signal.SIGCONT)
                await anyio.sleep(0.3)
            with anyio.fail_after(30):
                while len(heard.said) < 3 * MESSAGES:
                    await anyio.sleep(0.05)
            await anyio.sleep(0.5)  # what would come twice comes now
            assert program.running.poll() is None, program.errors.read_text()[-3000:]
        finally:
            program.running.send_signal(signal.SIGCONT)
            program.end()
    for who in ("ada", "bob", "eve"):
        assert heard.to(who) == [f"{number + 1} m{number}" for number in range(MESSAGES)]


@pytest.mark.anyio
async def test_a_turn_during_which_the_machine_slept_for_hours_is_committed_once() -> None:
    bot, arrived, wakes, runs = Bot("shop", settings=Settings(lease=30)), anyio.Event(), anyio.Event(), list[str]()

    @bot.text("order")
    async def order(turn: Turn) -> None:
        runs.append(turn.text)
        turn.memory["orders"] = turn.memory.get("orders", 0) + 1
        turn.remind(timedelta(minutes=10), "ask")
        arrived.set()
        await wakes.wait()
        turn.reply(f"Order {turn.memory['orders']}.")

    @bot.timer("ask")
    async def ask(turn: Turn) -> None:
        turn.reply("Was it good?")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        message = MessageReceived(
            id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="order"
        )
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await arrived.wait()
        # The lid closes and opens: hours are gone at once, and the lease with them.
        await world.clock.move_to(world.clock.now() + timedelta(hours=8))
        world.engine.look()
        await anyio.wait_all_tasks_blocked()
        wakes.set()
        with anyio.fail_after(5):
            await world.settles()
        assert ada.hears() == ["Order 1."]
        await world.passes(hours=24)
        assert ada.hears() == ["Was it good?"]
        kept = await world.engine.store.load(ada.conversation)
        assert kept is not None
        assert kept.memory == {"orders": 1}
