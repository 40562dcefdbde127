"""Handlers that always raise, hang, block the loop or flood: each harms its own turn, and is told."""

import logging
import re
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

import anyio
import pytest

from convokit import (
    Bot,
    Capabilities,
    ConversationId,
    Limit,
    Message,
    MessageReceived,
    OperatorJoined,
    Settings,
    Turn,
    TurnTooLarge,
    TurnTooLong,
    User,
)
from convokit._engine.watchdog import Watchdog
from convokit.abc import Lane, Transport
from convokit.stores import Memory
from convokit.testing import Simulation

pytestmark = pytest.mark.anyio

QUICK = Settings(tries=1, turn_limit=0.1)


def poisoned_bot(**settings: Any) -> Bot:
    """A bot that answers; "poison" makes it raise."""
    bot = Bot("poisoned", settings=Settings(**settings))

    @bot.text("poison")
    async def poison(turn: Turn) -> None:
        turn.reply("half said")
        turn.memory["half"] = True
        raise RuntimeError("the till is jammed")

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(f"{turn.text} {turn.memory.get('half', False)}")

    return bot


# ── always raising ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_always_raises_is_set_aside_after_its_tries_told_and_the_conversation_goes_on() -> None:
    bot, told = poisoned_bot(), list[str]()

    @bot.on_error(RuntimeError)
    async def sorry(turn: Turn) -> None:
        told.append(str(turn.error))
        turn.reply("sorry")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("poison") == []
        assert await ada.says("hello") == []
        await world.passes(minutes=1)
        assert told == ["the till is jammed"]
        assert ada.hears() == ["sorry", "hello False"]
        (failed,) = await world.engine.failed()
        assert (failed.attempts, failed.error) == (3, "RuntimeError: the till is jammed")


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_many_poisoned_conversations_hold_no_worker_while_they_wait_for_their_next_try() -> None:
    bot = poisoned_bot(turns_at_once=2)
    async with Simulation(bot) as world:
        for number in range(50):
            await world.user(f"p{number}").says("poison")
        healthy = world.user("Ada")
        assert await healthy.says("hello") == ["hello False"]
        stats = await world.engine.stats()
        assert (stats.waiting, stats.claimed, stats.failed) == (50, 0, 0)
        await world.passes(minutes=1)
        assert (await world.engine.stats()).failed == 50


# ── hanging ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Hangs = Callable[[], Awaitable[None]]


async def for_ever() -> None:
    await anyio.sleep_forever()


async def and_swallows() -> None:
    with suppress(BaseException):  # what a handler should not do
        await anyio.sleep_forever()


async def and_raises_its_own() -> None:
    try:
        await anyio.sleep_forever()
    except BaseException:  # noqa: BLE001  what a client library may do
        raise ConnectionError("the line is gone") from None


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
@pytest.mark.parametrize("hangs", [for_ever, and_swallows, and_raises_its_own])
async def test_a_handler_that_hangs_is_cancelled_and_counts_as_one_that_raises(hangs: Hangs) -> None:
    bot, told = poisoned_bot(tries=2, turn_limit=0.1, retry_pause=1), list[Exception | None]()

    @bot.text("hang")
    async def hang(turn: Turn) -> None:
        turn.reply("half said")
        turn.memory["half"] = True
        await hangs()

    @bot.on_error(TurnTooLong)
    async def sorry(turn: Turn) -> None:
        told.append(turn.error)
        turn.reply("that took too long")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("hang") == []
        await world.passes(seconds=1)
        assert ada.hears() == ["that took too long"]
        assert await ada.says("hello") == ["hello False"]
        (failed,) = await world.engine.failed()
        assert failed.attempts == 2
        assert "hang took longer than 0.1 s" in failed.error
        assert "Settings.turn_limit" in failed.error
        (error,) = told
        assert isinstance(error, TurnTooLong)
        assert isinstance(error.__cause__, ConnectionError if hangs is and_raises_its_own else type(None))


async def test_a_middleware_that_hangs_is_part_of_the_turn() -> None:
    bot = Bot("slow", settings=QUICK)

    @bot.use
    async def patient(turn: Turn, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        await anyio.sleep_forever()

    @bot.fallback
    async def echo(turn: Turn) -> None:
        turn.reply(turn.text)

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("hello") == []
        (failed,) = await world.engine.failed()
        assert failed.error.startswith("TurnTooLong: ")


async def test_an_error_handler_that_hangs_is_cancelled_too_and_the_event_is_set_aside() -> None:
    bot = poisoned_bot(tries=1, turn_limit=0.1)

    @bot.on_error(RuntimeError)
    async def hang(turn: Turn) -> None:
        await anyio.sleep_forever()

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("poison") == []
        assert await ada.says("hello") == ["hello False"]
        (failed,) = await world.engine.failed()
        assert failed.error == "RuntimeError: the till is jammed"


async def test_a_turn_within_its_time_is_left_alone() -> None:
    bot = Bot("patient", settings=Settings(tries=1, turn_limit=60))

    @bot.fallback
    async def echo(turn: Turn) -> None:
        await anyio.lowlevel.checkpoint()
        turn.reply(turn.text)

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("hello") == ["hello"]


def lingering_bot(*, swallows: bool) -> tuple[Bot, anyio.Event]:
    """A bot whose handler takes longer than a turn may to end when it is cancelled."""
    bot, begun = Bot("lingering", settings=QUICK), anyio.Event()

    @bot.fallback
    async def linger(turn: Turn) -> None:
        try:
            begun.set()
            await anyio.sleep_forever()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.15)
            if not swallows:
                raise
            turn.reply("too late")

    return bot, begun


def said(text: str, number: int = 1) -> MessageReceived:
    where = ConversationId("simulation", "ada")
    return MessageReceived(
        id=f"{text}-{number}", conversation=where, at=Simulation(Bot("x")).clock.now(), user=User(id="ada"), text=text
    )


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
@pytest.mark.parametrize("swallows", [False, True])
async def test_a_turn_that_a_person_has_ended_is_silenced_and_not_failed_though_its_time_was_up(
    swallows: bool,
) -> None:
    bot, begun = lingering_bot(swallows=swallows)
    async with Simulation(bot) as world:
        await world.engine.accept([said("hello")])
        with anyio.fail_after(5):
            await begun.wait()
        where = ConversationId("simulation", "ada")
        joined = OperatorJoined(id="j", conversation=where, at=world.clock.now(), operator=User(id="grace"))
        await world.engine.accept([joined])
        await world.settles()
        assert not await world.engine.failed()
        kept = await world.engine.store.load(where)
        assert kept is not None
        assert kept.handoff is not None


class Thief(Memory):
    """A store from which another worker takes the lanes."""

    stolen = False

    async def renew(self, lanes: Sequence[Lane], lease: float) -> AbstractSet[ConversationId]:
        return set() if self.stolen else await super().renew(lanes, lease)


@pytest.mark.parametrize("swallows", [False, True])
async def test_a_turn_whose_lane_was_lost_counts_no_try_though_its_time_was_up(
    swallows: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bot, begun = lingering_bot(swallows=swallows)
    store = Thief()
    async with Simulation(bot, store=store, settings=QUICK) as world:
        await world.engine.accept([said("hello")])
        with anyio.fail_after(5):
            await begun.wait()
        (held,) = world.engine._lanes._held.values()
        held.lost.cancel()  # what `renew` does when the store says that the lane is another's
        store._free(store._lanes[held.lane.conversation.id], 0)
        await world.settles()
        # It was handled by the next claim, whose time was up; the lost one has counted no try of it.
        (failed,) = await world.engine.failed()
        assert failed.attempts == 1
    assert sum("is kept: convokit failed" in one.getMessage() for one in caplog.records) == 1


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
@pytest.mark.slow
async def test_the_log_says_once_of_a_handler_that_does_not_end_at_all(caplog: pytest.LogCaptureFixture) -> None:
    bot, ends = Bot("endless", settings=Settings(tries=1, lease=1, turn_limit=0.1)), anyio.Event()

    @bot.fallback
    async def endless(turn: Turn) -> None:
        with anyio.CancelScope(shield=True):
            await ends.wait()

    async with Simulation(bot) as world:
        await world.engine.accept([said("hello")])
        await anyio.sleep(2.5)
        ends.set()
        await world.settles()
        (failed,) = await world.engine.failed()
        assert failed.error.startswith("TurnTooLong: ")
    (line,) = [one.getMessage() for one in caplog.records if "goes on: let it pass" in one.getMessage()]
    assert line.startswith("conversation=simulation:ada event=MessageReceived its handler was cancelled after 0.1 s")


# ── blocking the loop ───────────────────────────────────────────────────────────────────────────────────────────────


class Ear(logging.Handler):
    """Hears what the watchdog logs, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.heard = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.heard.set()


@pytest.fixture
def ear() -> Any:
    one, log = Ear(), logging.getLogger("convokit._engine.watchdog")
    log.addHandler(one)
    yield one
    log.removeHandler(one)


def watchdogs() -> int:
    return sum(one.name == "convokit watchdog" for one in threading.enumerate())


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_a_handler_that_blocks_the_loop_is_told_once_with_its_place_and_again_when_it_is_over(ear: Ear) -> None:
    bot = Bot("blocking", settings=Settings(loop_limit=0.1))

    @bot.fallback
    async def block(turn: Turn) -> None:
        ear.heard.wait(5)  # without await: the loop stands still until the watchdog has spoken
        time.sleep(0.2)  # noqa: ASYNC251  it is told once, however long it takes

    async with Simulation(bot) as world:
        await world.user("Ada").says("hello")
        with anyio.fail_after(5):
            while len(ear.records) < 2:
                await anyio.sleep(0.01)
        ear.heard.clear()
        await world.user("Bob").says("hello")
        with anyio.fail_after(5):
            while len(ear.records) < 4:
                await anyio.sleep(0.01)
    first, over, second, _ = ear.records
    assert (first.levelname, over.levelname, second.levelname) == ("ERROR", "WARNING", "ERROR")
    text = first.getMessage()
    assert re.search(r"in conversation=simulation:ada event=MessageReceived handler=\S*block: nobody", text)
    assert f'File "{__file__}"' in text
    assert "ear.heard.wait(5)" in text
    assert "anyio.to_thread.run_sync" in text
    assert "turns.py" not in text
    took = re.search(r"goes on; it stood still for ([\d.]+) s", over.getMessage())
    assert took is not None
    assert float(took[1]) >= 0.3  # until it was told, and what it slept after that
    assert "simulation:bob" in second.getMessage()


async def test_a_loop_that_runs_is_not_told_of_and_the_watch_ends_with_the_engine(ear: Ear) -> None:
    before = watchdogs()
    async with Simulation(poisoned_bot(loop_limit=0.05)) as world:
        assert watchdogs() == before + 1
        for _ in range(20):
            await world.user("Ada").says("hello")
            await anyio.sleep(0.01)
    assert watchdogs() == before
    assert ear.records == []


async def test_a_process_that_stood_still_itself_is_told_from_a_loop_that_does(ear: Ear) -> None:
    async with Simulation(poisoned_bot(loop_limit=0.1)):
        watchdog = Watchdog(0.1, Turn.reply.__code__)
        watchdog._sign.set()  # the loop answers at once when the process goes on
        watchdog._stands_still(time.monotonic() - 40)
        watchdog._stands_still(time.monotonic() - 0.1)  # a moment late: nothing worth a line
        watchdog.end()
    (line,) = [one.getMessage() for one in ear.records]
    assert line.startswith("the event loop stood still for 40.0 s, and so did this thread: the process was stopped, or")


async def test_without_a_limit_nobody_watches() -> None:
    before = watchdogs()
    async with Simulation(poisoned_bot(loop_limit=0)):
        assert watchdogs() == before


# ── flooding ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("count", "fine"), [(1, True), (3, True), (4, False), (1000, False)])
async def test_a_turn_gives_as_many_replies_as_it_may_or_none(count: int, fine: bool) -> None:
    bot = Bot("flooding", settings=Settings(tries=1, replies_a_turn=3))

    @bot.text("flood")
    async def flood(turn: Turn) -> None:
        for number in range(count):
            turn.reply(str(number))

    async with Simulation(bot) as world:
        heard = await world.user("Ada").says("flood")
        failed = await world.engine.failed()
        assert heard == ([str(number) for number in range(count)] if fine else [])
        if not fine:
            assert failed[0].error.startswith("TurnTooLarge: one turn has at most 3 replies: ")
            assert "Settings.replies_a_turn" in failed[0].error


@pytest.mark.parametrize(("pieces", "fine"), [(10, True), (11, False)])
async def test_a_text_that_a_channel_cuts_into_too_many_messages_fails_its_turn(pieces: int, fine: bool) -> None:
    bot = Bot("flooding", settings=Settings(tries=1, replies_a_turn=1))

    @bot.text("flood")
    async def flood(turn: Turn) -> None:
        turn.reply(" ".join(["x" * 20] * pieces))

    async with Simulation(bot, capabilities=Capabilities(text_limit=Limit(20))) as world:
        heard = await world.user("Ada").says("flood")
        failed = await world.engine.failed()
    assert len(heard) == (pieces if fine else 0)
    assert len(failed) == (not fine)


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_what_was_flushed_counts_and_is_not_flushed_beyond_the_bound() -> None:
    bot, raised = Bot("flooding", settings=Settings(tries=1, replies_a_turn=2)), list[Exception]()

    @bot.text("flood")
    async def flood(turn: Turn) -> None:
        try:
            for number in range(5):
                turn.reply(str(number))
                await turn.flush()
        except TurnTooLarge as problem:
            raised.append(problem)

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("flood") == ["0", "1"]
    assert len(raised) == 1


class Shy(Transport):
    """A platform that takes for ever to show that somebody types."""

    channel = "simulation"
    capabilities = Capabilities(typing=True)

    def __init__(self) -> None:
        self.shown = 0
        self.release = anyio.Event()

    async def show_typing(self, to: ConversationId) -> None:
        self.shown += 1
        await self.release.wait()

    async def send(self, to: ConversationId, message: Message) -> str | None:
        del to, message
        return None


async def test_a_flood_of_typing_makes_one_call_at_a_time() -> None:
    bot, shy, done = Bot("typing"), Shy(), anyio.Event()

    @bot.fallback
    async def types(turn: Turn) -> None:
        for _ in range(100):
            turn.typing()
            await anyio.lowlevel.checkpoint()
        done.set()

    async with bot.serve(Memory(), transports={"simulation": shy}) as engine:
        await engine.accept([said("hello")])
        with anyio.fail_after(5):
            await done.wait()
        assert shy.shown == 1
        shy.release.set()
        await anyio.wait_all_tasks_blocked()
        engine.show_typing(ConversationId("simulation", "ada"))
        await anyio.wait_all_tasks_blocked()
        assert shy.shown == 2
