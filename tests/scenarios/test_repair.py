"""What customers can say to any dialog, as chats: back, change, start over, cancel, and the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, field

from convokit import END, Bot, DefinitionError, Turn, call
from convokit.desks import Hours, Local
from convokit.dialogs import Dialog
from convokit.expect import Integer, YesNo
from convokit.testing import Simulation


@define
class Booking:
    guests: int = 0
    day: str = ""
    menu: str = ""
    note: str = ""


def booking_bot(**arguments: object) -> tuple[Bot, "Dialog[Booking]"]:
    bot = Bot("tables", **arguments)  # type: ignore[arg-type]  # what Bot takes, whatever it is
    booking = bot.dialog(Booking)

    @booking.state(ask="For how many?", expect=Integer(1, 8), tries=3, to=["day"], also=["people"])
    async def guests(turn: Turn, memory: Booking, answer: int) -> None:
        memory.guests = answer

    @booking.state(ask="Which day?", choices=["Friday", "Saturday"], to=["menu"])
    async def day(turn: Turn, memory: Booking, answer: str) -> None:
        memory.day = answer
        turn.reply(f"{answer} is fine.")

    @booking.state(ask=lambda _, memory: f"Menu for {memory.guests}?", choices=["Fish", "Meat"], to=["note"])
    async def menu(turn: Turn, memory: Booking, answer: str) -> None:
        memory.menu = answer

    @booking.state(ask="Anything else?", to=[END], skip=True)
    async def note(turn: Turn, memory: Booking, answer: str) -> None:
        memory.note = answer

    @booking.on_end
    async def booked(turn: Turn, memory: Booking) -> None:
        turn.reply(f"{memory.guests}, {memory.day}, {memory.menu}, {memory.note or 'nothing'}")

    @booking.on_cancel
    async def let_go(turn: Turn, memory: Booking) -> None:
        turn.reply(f"Let go: {memory.guests}.")

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    @bot.text("prices", interrupts=True)
    async def prices(turn: Turn) -> None:
        turn.reply("From 20 a head.")

    return bot, booking


async def test_back_undoes_the_last_answer_with_what_it_changed() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await ada.says("4")
        await ada.says("Friday")
        assert await ada.says("Go back!") == ["Which day?"]
        assert await ada.says("back") == ["For how many?"]
        assert await ada.says("undo") == ["That was the first question.\nFor how many?"]
        assert await ada.says("2") == ["Which day?"]
        assert await ada.says("saturday") == ["Saturday is fine.", "Menu for 2?"]


async def test_a_changed_answer_has_only_what_depends_on_it_asked_again() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book", "4", "friday", "fish"):
            await ada.says(said)
        assert await ada.says("change the day") == ["Which day?"]
        assert await ada.says("Saturday") == ["Saturday is fine.", "Anything else?"]
        assert await ada.says("change people") == ["For how many?"]
        assert await ada.says("6") == ["Menu for 6?"]
        assert await ada.says("meat") == ["Anything else?"]
        assert await ada.says("skip") == ["6, Saturday, Meat, nothing"]


async def test_change_alone_offers_what_was_answered() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        assert await ada.says("change") == ["You have not answered anything yet.\nFor how many?"]
        await ada.says("4")
        await ada.says("friday")
        (asked,) = await ada.says("change something")
        assert asked == "What would you like to change?"
        assert [one.label for one in asked.buttons] == ["guests", "day"]
        assert await ada.presses("guests") == ["For how many?"]
        await ada.says("5")
        (asked,) = await ada.says("change my shoes")
        assert asked == "I find no such answer."
        assert await ada.says("day") == ["Which day?"]
        assert await ada.says("friday") == ["Friday is fine.", "Menu for 5?"]


async def test_start_over_forgets_everything() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book", "4", "friday"):
            await ada.says(said)
        assert await ada.says("start over") == ["Let's start again.", "For how many?"]
        assert await ada.says("back") == ["That was the first question.\nFor how many?"]


async def test_cancel_ends_the_dialog_and_tells_its_hook() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await ada.says("4")
        assert await ada.says("never mind") == ["All right, that is cancelled.", "Let go: 4."]
        assert await ada.says("book") == ["For how many?"]


async def test_summary_help_and_repeat_ask_the_open_question_again() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await ada.says("4")
        await ada.says("friday")
        assert await ada.says("what did I say?") == ["So far:\nguests: 4\nday: Friday\nMenu for 4?"]
        assert await ada.says("say that again") == ["Menu for 4?"]
        (helped,) = await ada.says("help")
        assert helped == (
            "Please answer the question, or say: back, change, start over, cancel, repeat, summary.\nMenu for 4?"
        )
        assert await ada.says("skip") == ["I need this one to go on.\nMenu for 4?"]


async def test_a_verb_in_the_customers_own_language_is_heard_and_answered_in_it() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada", locale="tr")
        await ada.says("book")
        await ada.says("4")
        assert await ada.says("Geri dön") == ["For how many?"]
        assert await ada.says("geri") == ["Bu ilk soruydu.\nFor how many?"]
        assert await ada.says("cancel") == ["Tamam, iptal edildi.", "Let go: 0."]


async def test_a_states_own_answer_is_never_a_verb() -> None:
    bot = Bot("walks")
    walk = bot.dialog(Booking)

    @walk.state(ask="Which way?", choices=["Back", "On"], to=["note"])
    async def way(turn: Turn, memory: Booking, answer: str) -> None:
        memory.day = answer

    @walk.state(ask="A note?", to=[END], without=["cancel"])
    async def note(turn: Turn, memory: Booking, answer: str) -> None:
        turn.reply(f"{memory.day} {answer}")

    @bot.text("go")
    async def go(turn: Turn) -> None:
        turn.begin(walk)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("go")
        assert await ada.says("back") == ["A note?"]
        assert await ada.says("cancel") == ["Back cancel"]


async def test_a_person_joins_when_asked_for_and_the_question_comes_again_after() -> None:
    bot, _ = booking_bot(desk=Local())
    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("book")
        assert await ada.says("talk to a person") == ["One moment, a colleague will join us."]
        await grace.joins(ada)
        await grace.closes(ada)
        assert ada.hears()[-1] == "For how many?"


async def test_where_nobody_is_a_person_is_not_promised() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        assert await ada.says("a human") == ["Nobody can join right now.\nFor how many?"]


async def test_too_many_unclear_answers_fetch_a_person_or_end_the_dialog() -> None:
    bot, _ = booking_bot(desk=Local())
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await ada.says("lots")
        await ada.says("many")
        assert await ada.says("all of us") == ["I did not understand that. A colleague will join us."]
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book", "lots", "many"):
            await ada.says(said)
        assert (await ada.says("all of us"))[-1] == "Let go: 0."
        assert await ada.says("book") == ["For how many?"]


async def test_an_interruption_is_answered_and_the_question_asked_again() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        assert await ada.says("prices") == ["From 20 a head.", "For how many?"]
        assert await ada.says("3") == ["Which day?"]


@define
class Address:
    street: str = ""


@define
class Delivery:
    what: str = ""
    address: Address = field(factory=Address)
    sure: bool = False


def delivery_bot() -> Bot:
    bot = Bot("delivery")
    asking = bot.dialog(Address)
    delivery = bot.dialog(Delivery)
    hours = bot.dialog(Booking, name="hours")

    @asking.state(ask="Which street?", to=[END])
    async def street(turn: Turn, memory: Address, answer: str) -> None:
        memory.street = answer

    @delivery.state(ask="What?", to=["sure"], calls=[asking])
    async def what(turn: Turn, memory: Delivery, answer: str) -> object:
        memory.what = answer
        return call(asking, then="sure", into="address")

    @delivery.state(ask=lambda _, m: f"{m.what} to {m.address.street}?", expect=YesNo(), to=[END, "what"])
    async def sure(turn: Turn, memory: Delivery, answer: bool) -> str:
        return END if answer else "what"

    @delivery.on_end
    async def done(turn: Turn, memory: Delivery) -> None:
        turn.reply("Sent.")

    @hours.state(ask="Today or tomorrow?", choices=["today", "tomorrow"], to=[END])
    async def which(turn: Turn, memory: Booking, answer: str) -> None:
        turn.reply(f"{answer}: nine to five.")

    @bot.text("deliver")
    async def deliver(turn: Turn) -> None:
        turn.begin(delivery)

    @bot.text("hours", interrupts=True)
    async def ask_hours(turn: Turn) -> None:
        turn.begin(hours)

    return bot


async def test_a_dialog_calls_another_and_gets_its_memory() -> None:
    async with Simulation(delivery_bot()) as world:
        ada = world.user("Ada")
        await ada.says("deliver")
        assert await ada.says("a pizza") == ["Which street?"]
        await world.restarts()
        assert await ada.says("12 Crane St") == ["a pizza to 12 Crane St?"]
        assert await ada.says("yes") == ["Sent."]


async def test_back_leads_out_of_a_called_dialog_and_cancel_ends_its_caller_too() -> None:
    async with Simulation(delivery_bot()) as world:
        ada = world.user("Ada")
        await ada.says("deliver")
        await ada.says("a pizza")
        assert await ada.says("back") == ["What?"]
        assert await ada.says("a cake") == ["Which street?"]
        assert await ada.says("summary") == ["So far:\nwhat: a cake\nWhich street?"]
        assert await ada.says("cancel") == ["All right, that is cancelled."]
        assert await ada.says("deliver") == ["What?"]


async def test_a_dialog_begun_in_the_middle_pauses_the_first_which_goes_on_after_it() -> None:
    async with Simulation(delivery_bot()) as world:
        ada = world.user("Ada")
        await ada.says("deliver")
        assert await ada.says("hours") == ["Today or tomorrow?"]
        await world.restarts()
        assert await ada.says("today") == ["today: nine to five.", "Back to where we were:\nWhat?"]
        assert await ada.says("a pizza") == ["Which street?"]
        await ada.says("hours")
        assert await ada.says("cancel") == ["All right, that is cancelled.", "Back to where we were:\nWhich street?"]


async def test_an_answer_is_waited_for_with_reminders_and_not_for_ever() -> None:
    bot = Bot("patient")
    booking = bot.dialog(Booking, timeout=timedelta(hours=2), reminders=[timedelta(minutes=30), timedelta(hours=1)])

    @booking.state(ask="For how many?", expect=Integer(1, 8), to=["day"])
    async def guests(turn: Turn, memory: Booking, answer: int) -> None:
        memory.guests = answer

    @booking.state(ask="Which day?", to=[END], timeout=timedelta(days=1), reminders=[])
    async def day(turn: Turn, memory: Booking, answer: str) -> None: ...

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await world.passes(minutes=29)
        assert ada.hears() == []
        await world.passes(minutes=2)
        assert ada.hears() == ["Are you still there?\nFor how many?"]
        await world.passes(minutes=30)
        assert ada.hears() == ["Are you still there?\nFor how many?"]
        await world.restarts()
        assert await ada.says("4") == ["Which day?"]
        await world.passes(hours=20)
        assert ada.hears() == []
        await world.passes(hours=5)
        assert ada.hears() == ["I have stopped waiting for an answer. Write to me whenever you like."]
        assert await ada.says("book") == ["For how many?"]
        assert (await world.engine.stats()).timers == 1
        await ada.says("cancel")
        assert (await world.engine.stats()).timers == 0


async def test_choices_may_depend_on_what_is_known() -> None:
    bot = Bot("flights")
    rebooking = bot.dialog(Booking)

    @rebooking.state(ask="Which day?", choices=["Friday", "Saturday"], to=["menu"])
    async def day(turn: Turn, memory: Booking, answer: str) -> None:
        memory.day = answer

    @rebooking.state(
        ask="Which flight?",
        choices=lambda _, memory: ["TK1 08:00", "TK3 19:00"] if memory.day == "Friday" else ["TK5 12:00"],
        to=[END],
    )
    async def menu(turn: Turn, memory: Booking, answer: str) -> None:
        turn.reply(f"{memory.day} {answer}")

    @bot.text("rebook")
    async def rebook(turn: Turn) -> None:
        turn.begin(rebooking)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("rebook")
        (asked,) = await ada.says("Friday")
        assert [one.label for one in asked.buttons] == ["TK1 08:00", "TK3 19:00"]
        await world.restarts()
        await ada.says("change day")
        (asked,) = await ada.says("Saturday")
        assert [one.label for one in asked.buttons] == ["TK5 12:00"]
        await ada.says("change day")
        await ada.says("friday")
        assert await ada.presses("TK3 19:00") == ["Friday TK3 19:00"]
    with pytest.raises(DefinitionError, match="choices as a function takes"):

        @rebooking.state(ask="?", choices=lambda _: [], to=[END])  # type: ignore[misc, arg-type]  # what is refused
        async def wrong(turn: Turn, memory: Booking, answer: str) -> None: ...


async def test_what_is_kept_of_long_answers_is_bounded() -> None:
    bot = Bot("letters")
    letter = bot.dialog(Booking)

    @letter.state(ask="And then?", to=["note", END])
    async def note(turn: Turn, memory: Booking, answer: str) -> str:
        memory.note = answer
        return "note"

    @bot.text("write")
    async def write(turn: Turn) -> None:
        turn.begin(letter)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("write")
        for number in range(20):
            await ada.says(f"{number} " + "x" * 3900)
        kept = await world.engine.store.load(ada.conversation)
        assert kept is not None
        (position,) = kept.positions
        assert 2 <= len(position.steps) <= 8
        assert await ada.says("back") == ["And then?"]


async def test_time_with_a_person_is_no_silence_of_the_customers() -> None:
    bot = Bot("patient", desk=Local())
    booking = bot.dialog(Booking, timeout=timedelta(minutes=10))

    @booking.state(ask="For how many?", expect=Integer(1, 8), to=[END])
    async def guests(turn: Turn, memory: Booking, answer: int) -> None:
        turn.reply(f"{answer}.")

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("book")
        await ada.says("a person")
        await grace.joins(ada)
        await world.passes(minutes=30)
        await grace.closes(ada)
        assert ada.hears() == ["For how many?"]
        await world.passes(minutes=9)
        assert await ada.says("4") == ["4."]


async def test_where_any_text_is_an_answer_only_what_can_be_done_is_a_verb() -> None:
    bot, _ = booking_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book", "4", "friday", "fish"):
            await ada.says(said)
        assert await ada.says("change the music, please") == ["4, Friday, Fish, change the music, please"]
        for said in ("book", "4", "friday", "fish"):
            await ada.says(said)
        assert await ada.says("change the day") == ["Which day?"]


async def test_where_there_are_business_hours_only_they_count() -> None:
    bot = Bot("office")
    hours = Hours(zone="UTC", week={"mon-fri": "09:00-17:00"})
    booking = bot.dialog(Booking, timeout=timedelta(hours=10), reminders=[timedelta(hours=9)], hours=hours)

    @booking.state(ask="For how many?", expect=Integer(1, 8), to=[END])
    async def guests(turn: Turn, memory: Booking, answer: int) -> None: ...

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    async with Simulation(bot, start=datetime(2026, 1, 9, 9, tzinfo=UTC)) as world:  # a Friday morning
        ada = world.user("Ada")
        await ada.says("book")
        await world.passes(days=2, hours=23)
        assert ada.hears() == []
        await world.passes(hours=2)
        assert ada.hears() == ["Are you still there?\nFor how many?"]
        await world.passes(hours=1)
        assert ada.hears() == ["I have stopped waiting for an answer. Write to me whenever you like."]


async def test_on_timeout_may_go_on_elsewhere() -> None:
    bot, _ = booking_bot()
    slow = bot.dialog(Address, timeout=timedelta(minutes=5))

    @slow.state(ask="Which street?", to=["sure"])
    async def street(turn: Turn, memory: Address, answer: str) -> None:
        memory.street = answer

    @slow.state(ask="Are you sure?", expect=YesNo(), to=[END])
    async def sure(turn: Turn, memory: Address, answer: bool) -> None: ...

    @slow.on_timeout
    async def late(turn: Turn, memory: Address) -> str:
        turn.reply("You need not tell.")
        return "sure"

    @bot.text("street")
    async def begin(turn: Turn) -> None:
        turn.begin(slow)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("street")
        await world.passes(minutes=6)
        assert ada.hears() == ["You need not tell.", "Are you sure?"]
        assert await ada.says("yes") == []
        await world.passes(hours=1)
        assert ada.hears() == []


async def test_no_more_than_eight_dialogs_are_open() -> None:
    bot = Bot("deep")
    made = [bot.dialog(Address, name=f"d{n}") for n in range(9)]
    for number, dialog in enumerate(made):

        @dialog.state(ask=f"{number}?", to=[END])
        async def only(turn: Turn, memory: Address, answer: str) -> None: ...

    @bot.regex(r"begin (?P<n>\d)", interrupts=True)
    async def begin(turn: Turn) -> None:
        turn.begin(made[int(turn.params["n"])])

    @bot.on_error(Exception)
    async def failed(turn: Turn) -> None:
        turn.reply(str(turn.error))

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for number in range(8):
            assert await ada.says(f"begin {number}") == [f"{number}?"]
        await ada.says("begin 8")
        await world.passes(minutes=5)
        assert "8 dialogs are open already (d0 → d1" in ada.hears()[-1].text
        assert await ada.says("x") == ["Back to where we were:\n6?"]
        assert await ada.says("begin 3") == ["3?"]
        assert await ada.says("x") == ["Back to where we were:\n2?"]


async def test_words_of_ones_own_are_heard_and_said(tmp_path: Path) -> None:
    path = tmp_path / "it.toml"
    path.write_text('[verbs]\nback = ["indietro"]\n[say]\nat_the_start = "Era la prima domanda."\n', encoding="utf-8")
    bot, _ = booking_bot(words=path, locale="it")
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        assert await ada.says("Indietro") == ["Era la prima domanda.\nFor how many?"]


def test_verbs_that_there_are_not_are_refused_where_they_are_written() -> None:
    with pytest.raises(DefinitionError, match="names no verb"):
        Dialog(Booking, without=["bak"])
    with pytest.raises(DefinitionError, match="several ways out"):

        @Dialog(Booking).state(ask="?", to=[END, "other"], skip=True)
        async def only(turn: Turn, memory: Booking, answer: str) -> None: ...


async def test_giving_up_what_lies_above_something_paused_says_one_thing() -> None:
    bot, _ = booking_bot()
    asking = bot.dialog(Booking, name="asking")

    @asking.state(ask="How many hours?", expect=Integer(1, 8), tries=2, to=[END])
    async def hours(turn: Turn, memory: Booking, answer: int) -> None:
        memory.guests = answer

    @bot.text("hours", interrupts=True)
    async def ask_hours(turn: Turn) -> None:
        turn.begin(asking)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await ada.says("hours")
        await ada.says("mauve")
        said = await ada.says("mauve")
        assert said[0] == "I did not understand that, so let us leave it for now."
        assert said[-1].text.startswith("Back to where we were:")
        assert not [one for one in said if "Write to me" in one.text]
