"""A lease that ran out while its turn ran: the lane comes back to the same process, and the late turn does no harm."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta

import anyio
import pytest

from convokit import Bot, ConversationId, MessageReceived, Settings, Turn, User
from convokit.abc import Lane
from convokit.stores import Memory
from convokit.testing import Simulation

pytestmark = pytest.mark.anyio


class Late(Memory):
    """A store to which no renewal gets through, as when a disk stalls or a line is cut."""

    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        await anyio.sleep_forever()
        return set()


@pytest.mark.parametrize("cancellable", [True, False], ids=["cancellable", "in a thread"])
async def test_a_turn_that_outlives_its_lease_is_cancelled_or_fenced_and_the_engine_goes_on(cancellable: bool) -> None:
    bot = Bot("late", settings=Settings(lease=1))
    began, again, cancelled, let_go = (anyio.Event() for _ in range(4))
    runs: list[str] = []

    @bot.fallback
    async def handle(turn: Turn) -> None:
        runs.append(turn.text)
        turn.memory["heard"] = [*turn.memory.get("heard", ()), turn.text]
        turn.reply(turn.text)
        if runs == ["one", "one"]:
            again.set()
        if runs == ["one"]:
            began.set()
            try:
                with anyio.CancelScope(shield=not cancellable):
                    await let_go.wait()
            except anyio.get_cancelled_exc_class():
                cancelled.set()
                raise

    store = Late()
    async with Simulation(bot, store=store, settings=Settings(lease=1)) as world:
        ada = world.user("Ada")
        where = ConversationId("simulation", "ada")

        async def says(text: str) -> None:
            said = MessageReceived(id=text, conversation=where, at=world.clock.now(), user=User(id="ada"), text=text)
            await world.engine.accept([said])

        await says("one")
        await began.wait()
        await world.clock.move_to(world.clock.now() + timedelta(seconds=2))
        await says("two")
        with anyio.fail_after(5):
            await again.wait()
            if cancellable:
                await cancelled.wait()
        let_go.set()
        await world.settles()
        await says("three")
        await world.settles()
        kept = await store.load(where)
        assert kept is not None
        assert kept.memory["heard"] == ["one", "two", "three"]
        assert ada.hears() == ["one", "two", "three"]
        assert runs == ["one", "one", "two", "three"]
