"""Never two speakers: while a person has the conversation the bot is silent."""

from datetime import timedelta

import pytest
from attrs import define

from convokit import (
    END,
    Bot,
    Event,
    HandoffClosed,
    MessageRead,
    MessageReceived,
    OperatorJoined,
    OperatorReplied,
    Rejected,
    Turn,
    Unreachable,
)
from convokit.testing import Simulation

pytestmark = pytest.mark.anyio


@define
class Booking:
    day: str = ""


def booking_bot() -> Bot:
    bot = Bot("booking")
    booking = bot.dialog(Booking)

    @booking.state(ask="Which day?", to=[END])
    async def day(turn: Turn, booking: Booking, answer: str) -> None:
        turn.reply(f"See you on {answer}.")

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    @bot.text("person", interrupts=True)
    async def person(turn: Turn) -> None:
        turn.remind(timedelta(minutes=10), "soon")
        turn.hand_off("asked for one", to="front-desk", saying="One moment, please.")

    @bot.text("chatter")
    async def chatter(turn: Turn) -> None:
        for number in range(3):
            turn.reply(f"line {number}")

    @bot.timer("soon")
    async def soon(turn: Turn) -> None:
        turn.reply("Ten minutes are over.")

    @bot.signal("shipped")
    async def shipped(turn: Turn) -> None:
        turn.reply("It was shipped.")

    return bot


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_the_operator_reads_what_was_said_before_and_since() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("book")
        assert await ada.says("person") == ["One moment, please."]
        (case,) = world.desk.cases.values()
        assert [(one.author, one.message.text) for one in case.transcript] == [
            ("user", "book"),
            ("bot", "Which day?"),
            ("user", "person"),
            ("bot", "One moment, please."),
        ]
        assert (case.handoff.reason, case.handoff.queue) == ("asked for one", "front-desk")
        assert await ada.says("are you there?") == []
        assert grace.sees(ada) == ["are you there?"]


async def test_a_paused_dialog_asks_its_question_again_on_return() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("book")
        await ada.says("person")
        await grace.says("I am here.", to=ada)
        await grace.closes(ada)
        assert ada.hears() == ["I am here.", "Which day?"]
        assert world.desk.cases == {}
        assert await ada.says("Friday") == ["See you on Friday."]


async def test_what_falls_due_meanwhile_waits_for_the_return() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("person")
        ada.hears()
        await world.passes(minutes=11)
        await world.signals("shipped", ada)
        await world.engine.send(ada.conversation, "From the business.")
        await world.settles()
        assert ada.hears() == []
        await grace.closes(ada)
        assert ada.hears() == ["Ten minutes are over.", "It was shipped.", "From the business."]


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_what_the_bot_had_not_sent_yet_is_withdrawn_at_the_takeover() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        world.troubles(None, Unreachable("simulation", "no line"))
        assert await ada.says("chatter") == ["line 0"]
        await grace.joins(ada)
        await grace.says("I am Grace.", to=ada)
        await world.passes(minutes=5)
        assert ada.hears() == ["I am Grace."]


async def test_a_second_operator_and_one_whose_lease_ended_are_not_heard() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace, alan = world.user("Ada"), world.operator("Grace"), world.operator("Alan")
        await ada.says("person")
        ada.hears()
        await grace.joins(ada)
        await alan.joins(ada)
        await alan.says("Me too!", to=ada)
        assert ada.hears() == []
        await grace.says("Only me.", to=ada)
        await grace.closes(ada)
        await grace.says("One more thing", to=ada)
        assert ada.hears() == ["Only me."]


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_the_bot_learns_what_was_said_when_it_gets_the_conversation_back() -> None:
    bot, learnt = booking_bot(), []

    @bot.on(HandoffClosed)
    async def back(turn: Turn) -> None:
        event: Event = turn.event
        assert isinstance(event, HandoffClosed)
        learnt.append([(one.author, one.message.text) for one in event.transcript])
        turn.reply(f"I am back ({event.outcome}).")

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("person")
        await world.passes(seconds=1)
        await ada.says("hello?")
        await grace.says("Solved.", to=ada)
        ada.hears()
        await grace.closes(ada, outcome="solved")
        assert ada.hears() == ["I am back (solved)."]
        assert learnt == [
            [("user", "person"), ("bot", "One moment, please."), ("user", "hello?"), ("operator", "Solved.")]
        ]


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_what_was_said_is_known_whatever_the_platforms_clock_says() -> None:
    bot, learnt = booking_bot(), []

    @bot.on(HandoffClosed)
    async def back(turn: Turn) -> None:
        assert isinstance(turn.event, HandoffClosed)
        learnt.append([one.message.text for one in turn.event.transcript])

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")

        async def says_by_a_slow_clock(text: str) -> None:
            at = world.clock.now() - timedelta(seconds=20)
            event = MessageReceived(id=text, conversation=ada.conversation, at=at, user=ada.user, text=text)
            await world.engine.accept([event])
            await world.settles()

        await ada.says("book")
        await world.passes(minutes=1)
        await says_by_a_slow_clock("person")
        await says_by_a_slow_clock("My order is late.")
        await grace.says("It is on its way.", to=ada)
        await says_by_a_slow_clock("Thanks!")
        await grace.closes(ada)
        assert learnt == [["person", "One moment, please.", "My order is late.", "It is on its way.", "Thanks!"]]


@pytest.mark.faultless("counts how often a handler ran: at least once, where the store failed")
async def test_handlers_that_see_operators_and_receipts_act_and_are_silent_meanwhile() -> None:
    bot, seen = booking_bot(), []

    async def watching(turn: Turn) -> None:
        seen.append(type(turn.event).__name__)
        turn.reply("The bot chimes in.")

    for kind in (OperatorJoined, OperatorReplied, MessageRead):
        bot.on(kind)(watching)

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("person")
        ada.hears()
        await grace.joins(ada)
        await grace.says("I am Grace.", to=ada)
        await world.happens(MessageRead, ada.conversation)
        assert ada.hears() == ["I am Grace."]
        assert seen == ["OperatorJoined", "OperatorReplied", "MessageRead"]


async def test_a_handoff_outlives_a_restart() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("person")
        ada.hears()
        await world.restarts()
        assert await ada.says("book") == []
        await grace.closes(ada)
        assert await ada.says("book") == ["Which day?"]


async def test_whatever_number_waits_for_the_return_all_of_it_comes_in_order() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("person")
        await grace.takes(ada)
        for number in range(120):
            await world.engine.send(ada.conversation, f"news {number}")
        await world.settles()
        assert ada.hears() == []
        failed = await world.engine.failed()
        assert len(failed) == 20
        assert "waits for the end of the handoff" in failed[0].error
        await world.restarts()
        await grace.closes(ada)
        await world.settles()
        assert [one.text for one in ada.hears()] == [f"news {number}" for number in range(120)]
        assert await world.engine.failed() == []


async def test_what_was_set_aside_and_put_back_by_hand_during_the_handoff_waits_again() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("person")
        for number in range(102):
            await world.engine.send(ada.conversation, f"news {number}")
        await world.settles()
        assert await world.engine.replay([one.key for one in await world.engine.failed()]) == 2
        await world.settles()
        assert len(await world.engine.failed()) == 2
        await grace.closes(ada)
        await world.settles()
        assert len(ada.hears()) == 102


async def test_a_message_of_the_bots_that_failed_is_not_put_back_while_a_person_has_the_conversation() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        world.troubles(Rejected("simulation", "no"))
        await ada.says("book")
        (failed,) = await world.engine.failed()
        await grace.takes(ada)
        assert await world.engine.replay([failed.key]) == 0
        await world.settles()
        assert ada.hears() == []
        assert [one.key for one in await world.engine.failed()] == [failed.key]
        await grace.closes(ada)
        assert await world.engine.replay([failed.key]) == 1
        await world.settles()
        assert ada.hears() == ["Which day?", "Which day?"]


async def test_an_operator_does_not_end_what_another_has_without_having_seen_it() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace, linus = world.user("Ada"), world.operator("Grace"), world.operator("Linus")
        await ada.says("person")
        await grace.takes(ada)
        await linus.closes(ada)
        await linus.closes(ada, ended=True)
        conversation = await world.engine.store.load(ada.conversation)
        assert conversation is not None
        assert conversation.handoff is not None
        assert conversation.handoff.operator == "grace"
        await world.desk.close(ada.conversation, linus.user, epoch=conversation.epoch)
        await world.settles()
        assert await ada.says("book") == ["Which day?"]


async def test_the_desk_itself_ends_what_anybody_has_and_anybody_what_waits() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace, linus = world.user("Ada"), world.operator("Grace"), world.operator("Linus")
        await ada.says("person")
        await linus.closes(ada)
        assert await ada.says("person") == ["One moment, please."]
        await grace.takes(ada)
        await world.desk.close(ada.conversation)
        await world.settles()
        assert await ada.says("book") == ["Which day?"]


async def test_a_dialog_that_begins_with_the_handoff_asks_its_question_on_return() -> None:
    bot = booking_bot()
    trial = bot.dialog(Booking, name="trial")

    @trial.state(ask="For how many?", to=["when"])
    async def many(turn: Turn, booking: Booking, answer: str) -> None:
        turn.reply("Let us see.")
        if answer == "100":
            turn.hand_off("a large party", saying="A colleague will help.")

    @trial.state(ask="And when?", to=[END])
    async def when(turn: Turn, booking: Booking, answer: str) -> None:
        turn.reply(f"On {answer}.")

    @bot.text("trial")
    async def begin(turn: Turn) -> None:
        turn.hand_off("a trial", saying="One moment.")
        turn.begin(trial)

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        assert await ada.says("trial") == ["One moment."]
        assert await ada.says("4") == []
        await grace.closes(ada)
        assert ada.hears() == ["For how many?"]
        assert await ada.says("100") == ["Let us see.", "A colleague will help."]
        await grace.closes(ada)
        assert ada.hears() == ["And when?"]
        assert await ada.says("Monday") == ["On Monday."]


@pytest.mark.faultless("counts seconds: some pass by themselves until a fault is healed")
async def test_what_ended_is_remembered_for_four_hundred_days() -> None:
    async with Simulation(booking_bot()) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        start = world.clock.now()
        await ada.says("person")
        await grace.closes(ada, "solved")
        await world.passes(days=399)
        assert [one.outcome for _, one in await world.engine.store.closed_handoffs(start)] == ["solved"]
        await world.passes(days=32)
        assert list(await world.engine.store.closed_handoffs(start)) == []
