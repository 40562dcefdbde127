"""The simulation's own parts: a clock that tests move, messages as heard, people who press what they see."""

from datetime import timedelta

import anyio
import pytest

from convokit import Bot, Button, Card, ConversationId, Image, Link, Location, Message, Turn
from convokit.desks import Local
from convokit.testing import Simulation
from convokit.testing.simulation import MONDAY_MORNING, Heard, VirtualClock

pytestmark = pytest.mark.anyio


def _after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


async def test_the_clock_wakes_sleepers_when_their_time_has_come_and_not_before() -> None:
    clock, woken = VirtualClock(), list[str]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep_until(MONDAY_MORNING + _after(seconds))
        woken.append(name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for name, seconds in (("late", 30), ("tie", 10), ("tie", 10), ("early", 5), ("past", -1)):
                tasks.start_soon(sleeper, name, seconds)
            await anyio.wait_all_tasks_blocked()
            assert woken == ["past"]
            for seconds, names in ((4.9, []), (5, ["early"]), (29, ["tie", "tie"]), (30, ["late"])):
                woken.clear()
                await clock.move_to(MONDAY_MORNING + _after(seconds))
                assert woken == names
                assert clock.now() == MONDAY_MORNING + _after(seconds)
    assert clock.next_sleeper() is None


async def test_the_clock_never_goes_back() -> None:
    clock = VirtualClock()
    await clock.move_to(MONDAY_MORNING - _after(60))
    assert clock.now() == MONDAY_MORNING


async def test_who_gave_up_sleeping_is_not_waited_for() -> None:
    clock = VirtualClock()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clock.sleep_until, MONDAY_MORNING + _after(10))
            await anyio.wait_all_tasks_blocked()
            assert clock.next_sleeper() == MONDAY_MORNING + _after(10)
            tasks.cancel_scope.cancel()
        assert clock.next_sleeper() is None
        await clock.move_to(MONDAY_MORNING + _after(20))


def test_what_was_heard_equals_its_text_and_the_whole_message() -> None:
    heard = Heard("Size?", buttons=["small"])
    assert heard == "Size?"
    assert heard == "Size?"
    assert heard != "size?"
    assert heard == Message("Size?", buttons=["small"])
    assert Message("Size?", buttons=["small"]) == heard
    assert heard != Message("Size?")
    assert Message("Size?") != heard
    assert heard == Heard("Size?", buttons=["small"])
    assert heard != Heard("Size?")
    assert heard != 7
    assert hash(heard) == hash("Size?")
    assert [heard] == ["Size?"]


@pytest.mark.parametrize(
    ("heard", "shown"),
    [
        (Heard("Hi"), "'Hi'"),
        (Heard("Hi", buttons=["a", Link("b", "https://example.org")]), "Heard('Hi', buttons=['a', 'b'])"),
        (Heard("Hi", attachments=[Image(ref="r")]), "Heard('Hi', 1 attachments)"),
        (Heard("", cards=[Card(title="a"), Card(title="b")]), "Heard('', 2 cards)"),
        (Heard("", location=Location(1, 2)), "Heard('', Location(latitude=1.0, longitude=2.0, title=''))"),
    ],
)
def test_what_was_heard_shows_what_a_failing_test_needs(heard: Heard, shown: str) -> None:
    assert repr(heard) == shown


async def test_people_press_the_newest_button_of_a_label_on_messages_and_cards() -> None:
    bot, pressed = Bot("shop"), list[str]()

    @bot.text("old")
    async def old(turn: Turn) -> None:
        turn.reply("Old", buttons=[Button("Buy", "buy:old"), Link("Site", "https://example.org")])

    @bot.text("new")
    async def new(turn: Turn) -> None:
        turn.reply(cards=[Card(title="New", buttons=[Button("Buy", "buy:new")])])

    @bot.button("buy:{what}")
    async def buy(turn: Turn) -> None:
        pressed.append(turn.params["what"])

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        with pytest.raises(AssertionError, match="Ada sees no button 'Buy'"):
            await ada.presses("Buy")
        await ada.says("old")
        assert await ada.presses("Buy") == []
        await ada.says("new")
        await ada.presses("Buy")
        assert pressed == ["old", "new"]
        for label in ("Site", "buy", "Sell"):
            with pytest.raises(AssertionError, match="no button") as missing:
                await ada.presses(label)
            assert "Ada: old" in str(missing.value)


async def test_a_channel_that_is_not_there_is_told_with_those_that_are() -> None:
    async with Simulation(Bot("shop")) as world:
        with pytest.raises(ValueError, match="no channel 'fax' here; there are simulation"):
            world.user("Ada", channel="fax")
        assert world.user("Ada", room="lobby").conversation == ConversationId("simulation", "lobby")


async def test_operators_take_note_give_on_and_end_as_at_a_desk() -> None:
    bot = Bot("shop", desk=Local(patience=_after(60), silence=_after(30), saying_expired="Nobody is here."))

    @bot.text("help")
    async def call(turn: Turn) -> None:
        turn.hand_off("asked")

    async with Simulation(bot) as world:
        assert world.desk is not bot.desk
        assert (world.desk.patience, world.desk.silence) == (_after(60), _after(30))
        ada, grace, linus = world.user("Ada"), world.operator("Grace"), world.operator("Linus")
        await ada.says("help")
        assert await grace.takes(ada)
        assert not await linus.takes(ada)
        await grace.notes("careful", about=ada)
        await grace.transfers(ada, to=linus, note="yours")
        assert await linus.takes(ada)
        await linus.transfers(ada, to="kitchen")
        assert await grace.takes(ada)
        await grace.closes(ada, outcome="sold", ended=True, note="nice")
        kept = await world.engine.store.load(ada.conversation)
        assert kept is not None
        assert kept.closed
        assert "(Grace gives Ada to Linus)" in world.lines
        assert "(Linus gives Ada to kitchen)" in world.lines
        await ada.says("help")
        await world.passes(seconds=60)
        assert ada.hears() == ["Nobody is here."]


async def test_a_failing_test_shows_the_conversation() -> None:
    async def wrong() -> None:
        async with Simulation(Bot("shop")) as world:
            assert await world.user("Ada").says("hello") == ["hi"]

    with pytest.raises(AssertionError) as failed:
        await wrong()
    assert "Ada: hello" in "".join(failed.value.__notes__)


@pytest.mark.parametrize("poison", ["reply", "memory", "profile", "error"])
async def test_nothing_a_handler_records_can_stop_the_engine(poison: str) -> None:
    bot, lone = Bot("shop"), "\ud800"

    @bot.text("poison")
    async def poisoned(turn: Turn) -> None:
        turn.memory["list"].append("changed")
        if poison == "error":
            raise RuntimeError(lone)
        if poison == "reply":
            turn.reply(lone)
        elif poison == "memory":
            turn.memory["bad"] = lone
        else:
            turn.profile["bad"] = lone

    @bot.text("list")
    async def begin(turn: Turn) -> None:
        turn.memory.setdefault("list", [])
        turn.reply(repr(turn.memory))

    @bot.on_error(Exception)
    async def sorry(turn: Turn) -> None:
        turn.reply(f"Sorry {turn.memory}")

    async with Simulation(bot) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        await ada.says("list")
        await ada.says("poison")
        assert await bob.says("list") == ["{'list': []}"]
        await world.passes(seconds=8)
        assert ada.hears() == ["Sorry {'list': []}"]
        assert len(await world.engine.failed()) == 1
        assert await ada.says("list") == ["{'list': []}"]


async def test_a_change_from_one_to_true_is_a_change() -> None:
    bot = Bot("shop")

    @bot.text("go")
    async def go(turn: Turn) -> None:
        turn.memory["seen"] = True if turn.memory.get("seen") == 1 else 1
        turn.reply(repr(turn.conversation.memory.get("seen")))

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert [await ada.says("go") for _ in range(3)] == [["None"], ["1"], ["True"]]
