"""What operators do: taking, noting, giving on, ending; what time ends; who is there; and the log of all of it."""

from datetime import timedelta
from typing import Any

import anyio
import pytest
from attrs import define

from convokit import (
    END,
    Bot,
    ConversationId,
    Event,
    HandoffClosed,
    HandoffTransferred,
    HandoffUnattended,
    Message,
    MessageReceived,
    NoteWritten,
    OperatorJoined,
    OperatorReplied,
    SignalReceived,
    Turn,
    User,
)
from convokit.abc import Hint
from convokit.conversations import Conversation, Logged
from convokit.desks import Local
from convokit.testing import Simulation
from convokit.testing.simulation import Person
from convokit.transports import WebChat

pytestmark = pytest.mark.anyio

GRACE = User(id="grace", name="Grace")


@define
class Order:
    size: str = ""


def shop(desk: Local | None = None) -> Bot:
    bot = Bot("shop", desk=desk)
    ordering = bot.dialog(Order)

    @ordering.state(ask="Small or large?", to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> None:
        turn.reply(f"One {answer} pizza.")

    @bot.text("pizza")
    async def pizza(turn: Turn) -> None:
        turn.begin(ordering)

    @bot.text("help", interrupts=True)
    async def call(turn: Turn) -> None:
        turn.hand_off("wants a person", to="front", saying="One moment.")

    return bot


async def log(world: Simulation, person: Person, *, public: bool = False) -> list[str]:
    """The conversation's log, a line an entry."""
    piece = await world.engine.store.log(person.conversation, public=public)
    return [line(one) for one in piece.entries]


def line(logged: Logged) -> str:
    one = logged.entry
    to = f" → {one.to}" if one.to else ""
    return f"{one.author} {one.name} {one.kind}: {one.message.text}{to}".replace("  ", " ")


async def state(world: Simulation, person: Person) -> Conversation:
    conversation = await world.engine.store.load(person.conversation)
    assert conversation is not None
    return conversation


# ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_who_asks_for_a_person_in_the_chats_menu_is_handed_over_where_no_handler_wants_it() -> None:
    async with Simulation(shop()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("pizza")
        await world.engine.signal("simulation.person", to=ada.conversation)
        await world.settles()
        kept = await world.engine.store.load(ada.conversation)
        assert kept is not None
        assert kept.handoff is not None
        assert kept.handoff.reason == "asked for a person"
        await grace.says("Hello.", to=ada)
        await grace.closes(ada)
        assert ada.hears()[-1] == "Small or large?"


async def test_a_handler_for_it_comes_first() -> None:
    bot, heard = shop(), []

    @bot.signal("simulation.person")
    async def person(turn: Turn) -> None:
        heard.append(turn.event.id)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await world.engine.signal("simulation.person", to=ada.conversation)
        await world.settles()
        kept = await world.engine.store.load(ada.conversation)
        assert kept is not None
        assert kept.handoff is None
        assert len(heard) == 1


async def test_without_a_desk_nobody_can_be_asked_for() -> None:
    where = ConversationId("web", "c_ada")
    bot = Bot("shop")
    bot.attach(WebChat())
    async with bot.serve("memory:") as engine:
        await engine.signal("web.person", to=where)
        await engine.quiet()
        kept = await engine.store.load(where)
        assert kept is not None
        assert kept.handoff is None
        assert (await engine.stats()).failed == 0


async def test_the_log_tells_what_was_said_and_who_spoke_in_order() -> None:
    async with Simulation(shop()) as world:
        ada, grace, linus = world.user("Ada"), world.operator("Grace"), world.operator("Linus")
        await ada.says("help")
        assert await grace.takes(ada)
        assert not await linus.takes(ada)
        await linus.says("Me too!", to=ada)
        await ada.says("hello?")
        await grace.says("I am here.", to=ada)
        await grace.notes("A nice one.", about=ada)
        await grace.transfers(ada, to=linus, note="knows pizza")
        await linus.transfers(ada, to="kitchen", note="hungry")
        await linus.says("Done.", to=ada)
        await linus.closes(ada, outcome="solved")
        everything = [
            "user Ada said: help",
            "bot said: One moment.",
            "bot waiting: wants a person → front",
            "operator Grace taken: → Grace",
            "user Ada said: hello?",
            "operator Grace said: I am here.",
            "operator Grace note: A nice one.",
            "operator Grace transferred: knows pizza → Linus",
            "operator Linus transferred: hungry → kitchen",
            "operator Linus taken: → Linus",
            "operator Linus said: Done.",
            "operator Linus returned: solved",
        ]
        assert await log(world, ada) == everything
        assert await log(world, ada, public=True) == [one for one in everything if "note" not in one]
        assert (await state(world, ada)).epoch == 6
        assert ada.hears() == ["I am here.", "Done."]


async def test_entries_have_keys_by_which_they_are_found_again() -> None:
    async with Simulation(shop()) as world:
        ada = world.user("Ada")
        await world.happens(MessageReceived, ada.conversation, ada.user, id="m-1", text="help")
        reply = {"id": "r-1", "operator": GRACE, "message": Message("Hello.")}
        await world.happens(OperatorReplied, ada.conversation, **reply)
        piece = await world.engine.store.log(ada.conversation)
        keys = ["u:m-1", "b:1:0", "w:1", "o:r-1:taken", "o:r-1"]
        assert [one.entry.key for one in piece.entries] == keys
        assert [one.number for one in piece.entries] == [1, 2, 3, 4, 5]
        assert [one.entry.by for one in piece.entries] == ["ada", "", "", "grace", "grace"]


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_what_is_said_while_a_turn_runs_is_in_the_log_at_once_and_not_in_the_turns_history() -> None:
    bot, seen = Bot("shop"), list[str]()
    arrived, goes_on = anyio.Event(), anyio.Event()

    @bot.fallback
    async def slow(turn: Turn) -> None:
        arrived.set()
        await goes_on.wait()
        seen.extend(one.message.text for one in await turn.history())
        turn.reply(f"re {turn.text}")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for number in ("one", "two"):
            event = MessageReceived(
                id=number, conversation=ada.conversation, at=world.clock.now(), user=ada.user, text=number
            )
            await world.engine.accept([event])
        await arrived.wait()
        assert await log(world, ada) == ["user Ada said: one", "user Ada said: two"]
        goes_on.set()
        await world.settles()
        assert seen == ["one", "re one"]
        history = await world.engine.history(ada.conversation)
        assert [one.message.text for one in history] == ["one", "re one", "two", "re two"]


async def test_what_was_flushed_is_in_the_log_once_and_what_on_error_says_beside_it() -> None:
    bot = Bot("shop")

    @bot.text("look")
    async def look(turn: Turn) -> None:
        turn.reply("One moment.")
        await turn.flush()
        raise LookupError

    @bot.on_error(LookupError)
    async def sorry(turn: Turn) -> None:
        turn.reply("Wait…")
        await turn.flush()
        turn.reply("Sorry.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("look") == ["One moment."]
        await world.passes(minutes=1)
        assert ada.hears() == ["Wait…", "Sorry."]
        piece = await world.engine.store.log(ada.conversation)
        assert [one.entry.key for one in piece.entries][1:] == ["b:1:0", "b:1:e0", "b:1:e1"]


async def test_what_on_error_flushes_is_said_once() -> None:
    bot = Bot("shop")

    @bot.text("pay")
    async def pay(turn: Turn) -> None:
        raise PermissionError

    @bot.on_error(PermissionError, tries=1)
    async def declined(turn: Turn) -> None:
        turn.reply("Wait…")
        await turn.flush()
        turn.reply("Declined.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("pay") == ["Wait…", "Declined."]
        assert await log(world, ada) == ["user Ada said: pay", "bot said: Wait…", "bot said: Declined."]


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_what_was_said_after_the_handoff_is_not_read_twice_by_the_operator() -> None:
    async with Simulation(shop()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        where, now = ada.conversation, world.clock.now()
        texts = ("help", "hello?")
        await world.engine.accept(
            [MessageReceived(id=text, conversation=where, at=now, user=ada.user, text=text) for text in texts]
        )
        await world.settles()
        assert [one.message.text for one in world.desk.cases[where].transcript] == ["help", "One moment."]
        assert grace.sees(ada) == ["hello?"]


# ── the epoch ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.faultless("counts hints and their outcomes: one may be lost where the store failed")
async def test_of_two_who_take_the_same_conversation_one_gets_it_and_the_other_is_told() -> None:
    outcomes = dict[str, str]()
    async with Simulation(shop()) as world:
        ada = world.user("Ada")
        await ada.says("help")
        world.engine.watch(lambda hint: outcomes.update({hint.event: hint.outcome}))
        epoch = (await state(world, ada)).epoch
        takes = [
            OperatorJoined(
                id=name, conversation=ada.conversation, at=world.clock.now(), operator=User(id=name), epoch=epoch
            )
            for name in ("grace", "linus")
        ]
        await world.engine.accept(takes)
        await world.settles()
        assert outcomes == {"grace": "operator", "linus": "refused"}
        assert await world.engine.store.find(ada.conversation, "o:linus") is None
        assert await world.engine.store.find(ada.conversation, "o:grace") is not None


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (OperatorJoined, {"operator": GRACE}),
        (OperatorReplied, {"operator": GRACE, "message": Message("late")}),
        (HandoffTransferred, {"operator": GRACE, "to": GRACE}),
        (HandoffClosed, {"operator": GRACE}),
        (HandoffClosed, {"operator": GRACE, "ended": True}),
    ],
    ids=["take", "reply", "transfer", "return", "end"],
)
async def test_a_command_of_an_older_epoch_changes_nothing(kind: type[Event], fields: dict[str, Any]) -> None:
    bot, ran = shop(), list[str]()

    @bot.on(kind)
    async def handled(turn: Turn) -> None:
        ran.append(type(turn.event).__name__)

    async with Simulation(bot) as world:
        ada, linus = world.user("Ada"), world.operator("Linus")
        await ada.says("help")
        await linus.takes(ada)
        ran.clear()
        before, lines = await state(world, ada), await log(world, ada)
        await world.happens(kind, ada.conversation, epoch=before.epoch - 1, **fields)
        after = await state(world, ada)
        assert (after.handoff, after.epoch, after.positions) == (before.handoff, before.epoch, before.positions)
        assert await log(world, ada) == lines
        assert ran == []
        assert ada.hears() == []


async def test_who_has_seen_that_the_bot_has_it_takes_it_by_speaking() -> None:
    async with Simulation(shop()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("pizza")
        await world.desk.reply(ada.conversation, grace.user, "I take your order myself.", epoch=0)
        await world.settles()
        assert ada.hears() == ["I take your order myself."]
        assert (await log(world, ada))[-2:] == [
            "operator Grace taken: → Grace",
            "operator Grace said: I take your order myself.",
        ]
        assert await ada.says("large") == []


# ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_an_ended_conversation_asks_nothing_and_opens_again_with_the_customers_next_word() -> None:
    async with Simulation(shop()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("pizza")
        await ada.says("help")
        await grace.takes(ada)
        await grace.closes(ada, outcome="sold by phone", ended=True)
        ended = await state(world, ada)
        assert (ended.closed, ended.positions, ended.handoff) == (True, (), None)
        assert ada.hears() == []
        assert (await log(world, ada))[-1] == "operator Grace closed: sold by phone"
        (where, lease), *more = await world.engine.store.closed_handoffs(world.clock.now() - timedelta(days=1))
        assert (where, lease.outcome, lease.closed_at, more) == (
            ada.conversation,
            "sold by phone",
            world.clock.now(),
            [],
        )
        assert await ada.says("pizza") == ["Small or large?"]
        assert not (await state(world, ada)).closed


async def test_a_conversation_that_the_bot_has_is_ended_only_by_who_has_seen_it() -> None:
    async with Simulation(shop()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("pizza")
        await grace.closes(ada, ended=True)
        assert not (await state(world, ada)).closed
        await world.desk.close(ada.conversation, grace.user, ended=True, epoch=0)
        await world.settles()
        assert ((await state(world, ada)).closed, (await state(world, ada)).positions) == (True, ())


async def test_a_note_lets_the_bot_say_and_begin_nothing() -> None:
    bot = shop()

    @bot.on(NoteWritten)
    async def noted(turn: Turn) -> None:
        turn.reply("I saw that.")
        turn.hand_off("a note")
        turn.memory["notes"] = turn.memory.get("notes", 0) + 1

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("hello")
        await grace.notes("Be kind.", about=ada)
        kept = await state(world, ada)
        assert (kept.memory, kept.handoff, kept.epoch) == ({"notes": 1}, None, 0)
        assert ada.hears() == []
        assert await log(world, ada, public=True) == ["user Ada said: hello"]


# ── what time ends ──────────────────────────────────────────────────────────────────────────────────────────────────

PATIENT = {"silence": timedelta(minutes=5), "patience": timedelta(minutes=30), "saying_expired": "Nobody is free."}


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_an_operator_who_falls_silent_gives_the_conversation_back_to_its_old_place_in_the_queue() -> None:
    async with Simulation(shop(Local(**PATIENT))) as world:  # type: ignore[arg-type]  # a table of keywords
        ada, grace, linus = world.user("Ada"), world.operator("Grace"), world.operator("Linus")
        began = world.clock.now()
        await ada.says("help")
        await world.passes(minutes=2)
        await grace.takes(ada)
        await world.passes(minutes=4)
        assert (await world.engine.stats()).timers == 1
        await grace.says("I am here.", to=ada)
        assert (await world.engine.stats()).timers == 0
        await world.passes(minutes=20)
        assert (await state(world, ada)).handoff is not None
        await ada.says("hello?")
        await world.passes(minutes=4)
        await ada.says("are you there?")
        await world.passes(seconds=59)
        waits = (await state(world, ada)).handoff
        assert waits is not None
        assert waits.operator == "grace"
        await world.passes(seconds=1)
        waits = (await state(world, ada)).handoff
        assert waits is not None
        assert (waits.operator, waits.opened_at) == ("", began)
        assert (await log(world, ada))[-1] == "system Grace expired: → front"
        await linus.says("Linus here.", to=ada)
        assert ada.hears() == ["I am here.", "Linus here."]


async def test_who_takes_and_says_nothing_loses_it_too_counted_from_the_taking() -> None:
    async with Simulation(shop(Local(**PATIENT))) as world:  # type: ignore[arg-type]  # a table of keywords
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("help")
        await world.passes(minutes=20)
        await grace.takes(ada)
        await world.passes(minutes=4)
        assert (await state(world, ada)).epoch == 2
        await world.passes(minutes=1)
        assert (await state(world, ada)).epoch == 3


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_a_wait_that_takes_too_long_goes_back_to_the_bot_which_says_so_and_asks_again() -> None:
    async with Simulation(shop(Local(**PATIENT))) as world:  # type: ignore[arg-type]  # a table of keywords
        ada = world.user("Ada")
        await ada.says("pizza")
        assert await ada.says("help") == ["One moment."]
        await world.passes(minutes=29)
        assert await ada.says("large") == []
        await world.passes(minutes=1)
        assert ada.hears() == ["Nobody is free.", "Small or large?"]
        assert "system expired: expired" in await log(world, ada)
        assert world.desk.cases == {}
        (_, lease) = (await world.engine.store.closed_handoffs(world.clock.now()))[0]
        assert (lease.outcome, lease.operator) == ("expired", "")
        assert await ada.says("large") == ["One large pizza."]
        await world.passes(hours=2)
        assert ada.hears() == []


async def test_the_bots_own_handler_learns_that_time_ended_it() -> None:
    bot = shop(Local(**PATIENT))  # type: ignore[arg-type]  # a table of keywords

    @bot.on(HandoffClosed)
    async def back(turn: Turn) -> None:
        assert isinstance(turn.event, HandoffClosed)
        turn.reply(f"Back: {turn.event.outcome}, {len(turn.event.transcript)} lines.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("help")
        ada.hears()
        await world.passes(minutes=30)
        assert ada.hears() == ["Back: expired, 2 lines."]


async def test_patience_begins_anew_when_a_conversation_returns_to_the_queue_and_ends_when_it_is_taken() -> None:
    async with Simulation(shop(Local(**PATIENT))) as world:  # type: ignore[arg-type]  # a table of keywords
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("help")
        await world.passes(minutes=29)
        await grace.says("I am here.", to=ada)
        await world.passes(minutes=60)
        await grace.transfers(ada, to="kitchen")
        await world.passes(minutes=29)
        assert ada.hears() == ["I am here."]
        await world.passes(minutes=1)
        assert ada.hears() == ["Nobody is free."]


async def test_the_clocks_of_a_handoff_outlive_a_restart() -> None:
    async with Simulation(shop(Local(**PATIENT))) as world:  # type: ignore[arg-type]  # a table of keywords
        ada = world.user("Ada")
        await ada.says("help")
        await world.passes(minutes=10)
        await world.restarts()
        await world.passes(minutes=20)
        assert ada.hears() == ["Nobody is free."]


async def test_without_patience_and_silence_nothing_ends_by_itself() -> None:
    async with Simulation(shop()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("help")
        await world.passes(days=9)
        await grace.takes(ada)
        await ada.says("hello?")
        await world.passes(days=9)
        lease = (await state(world, ada)).handoff
        assert lease is not None
        assert lease.operator == "grace"
        assert (await world.engine.stats()).timers == 0


# ── who is there ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_handler_sees_who_is_there_before_it_hands_over() -> None:
    bot = Bot("shop", desk=Local())

    @bot.fallback
    async def ask(turn: Turn) -> None:
        there = turn.attendance("front")
        turn.reply(f"{there.operators} there, {there.waiting} waiting, {there.staffed}")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("?") == ["None there, 0 waiting, True"]
        world.desk.operators = 0
        assert await ada.says("?") == ["0 there, 0 waiting, False"]


def callback_bot() -> Bot:
    bot = shop()

    @define
    class Callback:
        number: str = ""

    calling = bot.dialog(Callback)

    @calling.state(ask="Your number?", to=[END])
    async def number(turn: Turn, callback: Callback, answer: str) -> None:
        turn.reply(f"We call {answer}.")

    @bot.on(HandoffUnattended)
    async def nobody(turn: Turn) -> None:
        assert isinstance(turn.event, HandoffUnattended)
        if turn.take_back():
            turn.reply(f"Nobody of {turn.event.queue} is here before {turn.event.opens_at:%H:%M}.")
            turn.begin(calling)

    return bot


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_where_nobody_is_the_bot_takes_back_and_offers_something_else() -> None:
    async with Simulation(callback_bot()) as world:
        ada = world.user("Ada")
        world.desk.operators, world.desk.opens_at = 0, world.clock.now() + timedelta(hours=3)
        assert await ada.says("help") == ["One moment.", "Nobody of front is here before 12:00.", "Your number?"]
        (_, lease) = (await world.engine.store.closed_handoffs(world.clock.now()))[0]
        assert lease.outcome == "unattended"
        assert world.desk.cases == {}
        assert await ada.says("123") == ["We call 123."]
        assert "bot returned: unattended" in await log(world, ada)
        world.desk.operators = 1
        assert await ada.says("help") == ["One moment."]


async def test_what_was_postponed_comes_back_with_a_conversation_that_the_bot_took_back() -> None:
    bot = shop()

    @bot.signal("shipped")
    async def shipped(turn: Turn) -> None:
        turn.reply("It was shipped.")

    @bot.on(HandoffUnattended)
    async def nobody(turn: Turn) -> None:
        turn.reply("never said: it still waits")
        turn.memory["told"] = True

    @bot.on(NoteWritten)
    async def noted(turn: Turn) -> None:
        turn.take_back()

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        world.desk.operators = 0
        await ada.says("pizza")
        assert await ada.says("help") == ["One moment."]
        await world.signals("shipped", ada)
        assert (await state(world, ada)).memory == {"told": True}
        assert ada.hears() == []
        await grace.notes("nobody here today", about=ada)
        assert ada.hears() == ["It was shipped.", "Small or large?"]
        assert (await state(world, ada)).handoff is None


async def test_who_was_taken_before_the_bot_learnt_that_nobody_is_there_stays_with_the_operator() -> None:
    async with Simulation(callback_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        assert await ada.says("help") == ["One moment."]
        await grace.takes(ada)
        await world.happens(HandoffUnattended, ada.conversation, queue="front", opens_at=world.clock.now())
        assert ada.hears() == []


# ── in the middle of the bot's turn ─────────────────────────────────────────────────────────────────────────────────


class Slow:
    """A bot whose handler waits in the middle, and says what became of it."""

    def __init__(self) -> None:
        self.bot = Bot("slow")
        self.arrived, self.goes_on = anyio.Event(), anyio.Event()
        self.became = "nothing"

        @self.bot.fallback
        async def slow(turn: Turn) -> None:
            turn.reply("Let me look…")
            await turn.flush()
            turn.memory["looked"] = True
            self.arrived.set()
            try:
                await self.goes_on.wait()
            except anyio.get_cancelled_exc_class():
                self.became = "cancelled"
                raise
            self.became = "done"
            turn.reply("Found it.")

        @self.bot.signal("shipped")
        async def shipped(turn: Turn) -> None:
            self.arrived.set()
            await self.goes_on.wait()
            turn.reply("It was shipped.")


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (OperatorJoined, {}, []),
        (OperatorJoined, {"epoch": 0}, []),
        (OperatorReplied, {"epoch": 0, "message": Message("Grace here.")}, ["Grace here."]),
    ],
    ids=["take", "take of what was seen", "reply"],
)
async def test_who_takes_a_conversation_stops_the_bot_in_the_middle_of_its_turn(
    kind: type[Event], fields: dict[str, Any], said: list[str]
) -> None:
    slow, outcomes = Slow(), dict[str, str]()
    async with Simulation(slow.bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        world.engine.watch(lambda hint: outcomes.update({hint.event: hint.outcome}))
        message = MessageReceived(
            id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="where is it?"
        )
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await slow.arrived.wait()
        with anyio.fail_after(5):
            await world.happens(kind, ada.conversation, id="take", operator=grace.user, **fields)
        assert slow.became == "cancelled"
        assert ada.hears() == ["Let me look…", *said]
        kept = await state(world, ada)
        assert (kept.memory, kept.handoff is not None and kept.handoff.operator) == ({}, "grace")
        assert (outcomes["m"], outcomes["take"]) == ("silenced", "operator")
        assert (await log(world, ada))[:2] == ["user Ada said: where is it?", "bot said: Let me look…"]
        assert list(await world.engine.failed()) == []
        await grace.closes(ada)
        slow.goes_on.set()
        assert await ada.says("and now?") == ["Let me look…", "Found it."]


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_a_customer_whose_answer_was_cut_off_is_owed_one_by_the_operator() -> None:
    bot, arrived = Bot("shop", desk=Local(silence=timedelta(minutes=5))), anyio.Event()

    @bot.text("where is it?")
    async def search(turn: Turn) -> None:
        arrived.set()
        await anyio.sleep_forever()

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        message = MessageReceived(
            id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="where is it?"
        )
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await arrived.wait()
            assert await grace.takes(ada)
        await world.passes(minutes=5)
        lease = (await state(world, ada)).handoff
        assert lease is not None
        assert lease.operator == ""


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (OperatorReplied, {"operator": GRACE, "message": Message("late")}),
        (OperatorJoined, {"operator": GRACE, "epoch": 7}),
        (HandoffClosed, {"operator": GRACE}),
        (NoteWritten, {"operator": GRACE, "message": Message("hm")}),
    ],
    ids=["a late reply", "a take of an older epoch", "a close", "a note"],
)
async def test_what_would_be_refused_does_not_stop_the_bot(kind: type[Event], fields: dict[str, Any]) -> None:
    slow = Slow()
    async with Simulation(slow.bot) as world:
        ada = world.user("Ada")
        events: list[Event] = [
            MessageReceived(id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="?"),
            kind(id="o", conversation=ada.conversation, at=world.clock.now(), **fields),
        ]
        await world.engine.accept(events[:1])
        with anyio.fail_after(5):
            await slow.arrived.wait()
        await world.engine.accept(events[1:])
        await anyio.wait_all_tasks_blocked()
        assert slow.became == "nothing"
        slow.goes_on.set()
        await world.settles()
        assert ada.hears() == ["Let me look…", "Found it."]


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_what_was_due_when_the_bot_was_stopped_comes_when_it_has_the_conversation_again() -> None:
    slow = Slow()
    async with Simulation(slow.bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        event = SignalReceived(id="s", conversation=ada.conversation, at=world.clock.now(), name="shipped")
        await world.engine.accept([event])
        with anyio.fail_after(5):
            await slow.arrived.wait()
            await grace.takes(ada)
        slow.goes_on.set()
        assert ada.hears() == []
        await grace.closes(ada)
        assert ada.hears() == ["It was shipped."]


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
@pytest.mark.parametrize("how", ["raise", "swallow"])
async def test_a_handler_that_clings_to_its_turn_is_silenced_all_the_same(how: str) -> None:
    bot, arrived = Bot("stubborn"), anyio.Event()

    @bot.text("raise")
    async def raises(turn: Turn) -> None:
        arrived.set()
        try:
            await anyio.sleep_forever()
        finally:
            raise RuntimeError("cleaning up went wrong")

    @bot.text("swallow")
    async def swallows(turn: Turn) -> None:
        arrived.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            turn.reply("I say it anyway.")

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        message = MessageReceived(id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text=how)
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await arrived.wait()
            assert await grace.takes(ada)
        await world.passes(minutes=1)
        assert ada.hears() == []
        assert list(await world.engine.failed()) == []


async def test_what_the_bot_has_not_begun_when_a_person_takes_over_it_does_not_begin() -> None:
    bot, ran = Bot("echo"), list[str]()

    @bot.fallback
    async def echo(turn: Turn) -> None:
        ran.append(turn.text)
        turn.reply(turn.text)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        where, now = ada.conversation, world.clock.now()
        await world.engine.accept(
            [
                MessageReceived(id="1", conversation=where, at=now, user=ada.user, text="one"),
                MessageReceived(id="2", conversation=where, at=now, user=ada.user, text="two"),
                OperatorJoined(id="3", conversation=where, at=now, operator=GRACE),
                MessageReceived(id="4", conversation=where, at=now, user=ada.user, text="three"),
            ]
        )
        await world.settles()
        assert ran == []
        assert await log(world, ada) == [
            "user Ada said: one",
            "user Ada said: two",
            "user Ada said: three",
            "operator Grace taken: → Grace",
        ]


@pytest.mark.faultless("waits for a handler while no time passes: what a fault leaves lying is not looked for")
async def test_a_stop_of_the_engine_is_no_takeover() -> None:
    slow = Slow()
    async with Simulation(slow.bot) as world:
        ada = world.user("Ada")
        world._settings = type(world._settings)(poll=86_400, purge_every=86_400, drain=0)
        await world.restarts()
        message = MessageReceived(id="m", conversation=ada.conversation, at=world.clock.now(), user=ada.user, text="?")
        await world.engine.accept([message])
        with anyio.fail_after(5):
            await slow.arrived.wait()
        await world._stack.aclose()
        assert slow.became == "cancelled"
        slow.goes_on.set()
        await world._begin()
        assert (slow.became, ada.hears()[-1]) == ("done", "Found it.")
        assert (await state(world, ada)).version == 1


# ── hints ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.faultless("counts hints and their outcomes: one may be lost where the store failed")
async def test_who_watches_is_told_of_what_is_said_and_of_every_turn_until_they_stop() -> None:
    hints: list[Hint] = []
    async with Simulation(shop()) as world:
        ada = world.user("Ada")

        def broken(hint: Hint) -> None:
            raise LookupError("a page fell over")

        world.engine.watch(broken)
        stop = world.engine.watch(hints.append)
        await world.happens(MessageReceived, ada.conversation, ada.user, id="m", text="pizza")
        await world.happens(MessageReceived, ada.conversation, ada.user, id="m", text="pizza")
        assert [(one.topic, one.event, one.outcome) for one in hints] == [("log", "", ""), ("log", "m", "route")]
        assert {one.conversation for one in hints} == {ada.conversation}
        world.engine.publish(Hint(conversation=ada.conversation, topic="typing", data={"by": "user", "on": True}))
        assert hints[-1].topic == "typing"
        stop()
        stop()
        await ada.says("large")
        assert len(hints) == 3
