"""What an engine makes of a store that fails at a bad moment: nothing is lost, and little is done twice."""

from collections.abc import Sequence

import anyio
import pytest

from convokit import (
    Bot,
    ConversationId,
    MessageFailed,
    MessageReceived,
    Rejected,
    Settings,
    StoreUnavailable,
    Turn,
    User,
)
from convokit.abc import Hint
from convokit.errors import LaneFull
from convokit.stores import Memory
from convokit.testing import FaultyStore, Simulation

pytestmark = pytest.mark.anyio


class Scripted(FaultyStore):
    """A store whose calls fail as a test says: {"commit": ["after", ""]} fails the first one after it happened."""

    def __init__(self, **script: Sequence[str]) -> None:
        super().__init__(Memory(), 0, before=0, after=0, slow=0, half=0)
        self.script = {name: list(each) for name, each in script.items()}
        self._name = ""

    async def _called(self, name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        self._name = name
        return await super()._called(name, args, kwargs)

    def _drawn(self, *, several: bool) -> str:
        del several
        waiting = self.script.get(self._name)
        return waiting.pop(0) if waiting else ""


def echo_bot(name: str = "echo") -> Bot:
    bot = Bot(name)

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    return bot


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize(
    "call", ["accept", "claim", "commit", "claim_sends", "settle", "fire_due", "next_due", "positions"]
)
async def test_one_failing_call_loses_nothing_and_says_nothing_twice(call: str, fault: str) -> None:
    store = Scripted(**{call: [fault]})
    async with Simulation(echo_bot(), store=store) as world:
        assert await world.user("Ada").says("hi") == ["hi"]
        assert not store.script[call], f"{call} was never called"
        stats = await store.stats()
        assert (stats.waiting, stats.claimed, stats.sends) == (0, 0, {"sent": 1})


async def test_what_was_sent_is_not_sent_again_because_the_store_could_not_note_it() -> None:
    store = Scripted(settle=["before"] * 5)
    async with Simulation(echo_bot(), store=store) as world:
        ada = world.user("Ada")
        assert await ada.says("hi") == ["hi"]
        await world.passes(hours=1)
        assert ada.hears() == []
        assert not store.script["settle"]
        assert (await store.stats()).sends == {"sent": 1}


async def test_what_was_sent_is_noted_at_the_stop_at_the_latest() -> None:
    store = Scripted(settle=["before"])
    async with Simulation(echo_bot(), store=store) as world:
        event = MessageReceived(
            id="1",
            conversation=ConversationId("simulation", "ada"),
            at=world.clock.now(),
            user=User(id="ada"),
            text="hi",
        )
        ada = world.user("Ada")
        await world.engine.accept([event])
        while not ada.hears():
            await anyio.lowlevel.checkpoint()
    assert not store.script["settle"]
    assert store.store._outbox["simulation:ada:1:0"].state == "sent"


async def test_a_failure_is_told_though_the_store_failed_when_it_was_to_be_told() -> None:
    bot, told = Bot("shop"), list[str]()

    @bot.text("buy")
    async def buy(turn: Turn) -> None:
        turn.reply("Bought.")

    @bot.on(MessageFailed)
    async def failed(turn: Turn) -> None:
        told.append(turn.event.reason)

    store = Scripted(accept=["", "before", "before"])
    async with Simulation(bot, store=store) as world:
        world.troubles(Rejected("simulation", "blocked"))
        await world.user("Ada").says("buy")
        assert told == ["blocked"]


async def test_what_a_handler_asks_of_a_failing_store_is_no_failure_of_its_event() -> None:
    bot, runs = Bot("shop", settings=Settings(tries=2)), [0]

    @bot.fallback
    async def recalls(turn: Turn) -> None:
        runs[0] += 1
        turn.reply(f"{len(await turn.history())} before this")

    store = Scripted(history=["before"] * 6)
    async with Simulation(bot, store=store) as world:
        assert await world.user("Ada").says("hi") == ["0 before this"]
        assert runs == [7]
        assert await world.engine.failed() == []


async def test_a_handler_that_finds_another_conversation_full_has_failed_its_event() -> None:
    bot = Bot("shop", settings=Settings(tries=1))

    @bot.fallback
    async def fails(turn: Turn) -> None:
        raise LaneFull(["test:bob"], 16)

    async with Simulation(bot) as world:
        await world.user("Ada").says("hi")
        (failed,) = await world.engine.failed()
        assert "16 events wait in test:bob" in failed.error


async def test_who_watches_is_told_to_look_where_a_turn_may_have_been_written() -> None:
    store = Scripted(commit=["after"])
    async with Simulation(echo_bot(), store=store) as world:
        hints: list[Hint] = []
        world.engine.watch(hints.append)
        await world.user("Ada").says("hi")
        assert [one for one in hints if one.topic == "log" and not one.event][1:], (
            "only what was accepted was hinted at"
        )


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_who_takes_a_conversation_stops_the_bot_though_the_store_failed_then(fault: str) -> None:
    bot, arrived = Bot("shop"), anyio.Event()

    @bot.fallback
    async def searches(turn: Turn) -> None:
        arrived.set()
        await anyio.sleep_forever()

    store = Scripted(accept=[fault])
    async with Simulation(bot, store=store) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        message = MessageReceived(id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="hi")
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await arrived.wait()
            assert await grace.takes(ada)
        assert not store.script["accept"]
        assert not world.engine._doubted


async def test_a_transcript_that_cannot_be_read_is_offered_a_moment_later(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot("shop")

    @bot.fallback
    async def help_(turn: Turn) -> None:
        turn.hand_off("asked")

    store = Scripted(load=["before"])
    async with Simulation(bot, store=store) as world:
        ada = world.user("Ada")
        await ada.says("help")
        await world.passes(seconds=3)
        assert ada.conversation in world.desk.cases
    assert "Traceback" not in caplog.text


async def test_a_store_that_stays_away_is_told_to_the_test() -> None:
    store = Scripted()
    async with Simulation(echo_bot(), store=store) as world:
        store.script["accept"] = ["before"] * 1000
        with pytest.raises(StoreUnavailable, match="accept: a fault"):
            await world.user("Ada").says("hi")


async def test_a_failing_test_shows_the_faults() -> None:
    async def wrong() -> None:
        async with Simulation(echo_bot(), store=FaultyStore(Memory(), 5, before=0.5)) as world:
            assert await world.user("Ada").says("hello") == ["hi"]

    with pytest.raises(AssertionError) as failed:
        await wrong()
    assert "faults of seed 5: " in "".join(failed.value.__notes__)


@pytest.mark.parametrize("seed", range(20))
async def test_a_long_chat_over_many_faults_is_the_chat_without_them(seed: int) -> None:
    bot = Bot("counting")

    @bot.fallback
    async def count(turn: Turn) -> None:
        turn.memory["number"] = turn.memory.get("number", 0) + 1
        turn.reply(f"{turn.memory['number']} {turn.text}")

    store = FaultyStore(Memory(), seed, before=0.2, after=0.2, slow=0.3)
    async with Simulation(bot, store=store) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        for number in range(1, 11):
            assert await ada.says(f"a{number}") == [f"{number} a{number}"]
            assert await bob.says(f"b{number}") == [f"{number} b{number}"]
        await world.restarts()
        await world.passes(hours=1)
        assert ada.hears() == bob.hears() == []
        stats = await store.stats()
        assert (stats.waiting, stats.failed, stats.turns, stats.sends) == (0, 0, 20, {"sent": 20})
    assert len(store.did) > 30
