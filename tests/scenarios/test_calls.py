"""Dialogs that call others: what the callee gave, its answers among the caller's, and the time that passes in it."""

from datetime import timedelta

from attrs import define, field

from convokit import END, Bot, Turn, ask, call
from convokit.desks import Local
from convokit.dialogs import Call, Dialog
from convokit.expect import Integer, YesNo
from convokit.testing import Simulation


@define
class Address:
    street: str = ""
    house: int = 0


@define
class Order:
    guests: int = 0
    what: str = ""
    address: Address = field(factory=Address)
    note: str = ""


def asking_for_address(bot: Bot) -> Dialog[Address]:
    asking = bot.dialog(Address)

    @asking.state(ask="Which street?", to=["house"])
    async def street(turn: Turn, memory: Address, answer: str) -> None:
        memory.street = answer

    @asking.state(ask=lambda _, memory: f"Which house in {memory.street}?", expect=Integer(1, 999), to=[END])
    async def house(turn: Turn, memory: Address, answer: int) -> None:
        memory.house = answer

    @asking.on_end
    async def noted(turn: Turn, memory: Address) -> None:
        turn.reply(f"Noted: {memory.house} {memory.street}.")

    return asking


def order_bot(**arguments: object) -> tuple[Bot, Dialog[Order], Dialog[Address]]:
    bot = Bot("orders", **arguments)  # type: ignore[arg-type]  # what Bot takes, whatever it is
    order, asking = bot.dialog(Order), asking_for_address(bot)

    @order.state(ask="For how many?", expect=Integer(1, 8), to=["what"])
    async def guests(turn: Turn, memory: Order, answer: int) -> None:
        memory.guests = answer

    @order.state(ask="What?", to=["sure"], calls=[asking])
    async def what(turn: Turn, memory: Order, answer: str) -> Call:
        memory.what = answer
        return call(asking, then="sure", into="address")

    @order.state(
        ask=lambda turn, memory: f"{memory.guests} {memory.what} to {turn.result.house} {turn.result.street}?",
        expect=YesNo(),
        to=["note", "sure"],
    )
    async def sure(turn: Turn, memory: Order, answer: bool) -> str:
        turn.reply(f"{'Yes' if answer else 'No'}, {turn.result.street}.")
        return "note" if answer else "sure"

    @order.state(ask=lambda turn, _: f"A note? {turn.result}", to=[END])
    async def note(turn: Turn, memory: Order, answer: str) -> None:
        memory.note = answer

    @order.on_end
    async def ordered(turn: Turn, memory: Order) -> None:
        turn.reply(f"{memory.guests} {memory.what} to {memory.address.house} {memory.address.street}: {memory.note}")

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    @bot.text("prices", interrupts=True)
    async def prices(turn: Turn) -> None:
        turn.reply("From 5.")

    return bot, order, asking


ASKED = "2 pizzas to 7 Elm St?"


async def test_what_a_called_dialog_gave_is_there_whenever_the_question_is_asked_and_when_it_is_answered() -> None:
    bot, order, _ = order_bot(desk=Local())
    order.reminders, order.timeout = (timedelta(minutes=10),), timedelta(hours=1)
    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        for said in ("order", "2", "pizzas", "Elm St"):
            await ada.says(said)
        assert await ada.says("7") == ["Noted: 7 Elm St.", ASKED]
        assert await ada.says("repeat") == [ASKED]
        assert (await ada.says("summary"))[-1].text.endswith(ASKED)
        assert (await ada.says("hm"))[-1].text.endswith(ASKED)
        assert await ada.says("prices") == ["From 5.", ASKED]
        await world.restarts()
        await world.passes(minutes=11)
        assert ada.hears() == [f"Are you still there?\n{ASKED}"]
        await ada.says("a person")
        await grace.joins(ada)
        await grace.closes(ada)
        assert ada.hears()[-1] == ASKED
        assert await ada.says("no") == ["No, Elm St.", ASKED]
        assert await ada.says("yes") == ["Yes, Elm St.", "A note? None"]
        assert await ada.says("back") == [ASKED]
        assert await ada.says("yes") == ["Yes, Elm St.", "A note? None"]
        assert await ada.says("quick") == ["2 pizzas to 7 Elm St: quick"]


async def test_a_callers_answer_is_changed_from_within_a_called_dialog_whose_answers_are_kept() -> None:
    bot, _, _ = order_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas"):
            await ada.says(said)
        assert await ada.says("change guests") == ["For how many?"]  # from a question that takes any text
        assert await ada.says("3") == ["Which street?"]
        await ada.says("Elm St")
        assert await ada.says("change the guests") == ["For how many?"]
        assert await ada.says("4") == ["Which house in Elm St?"]
        assert await ada.says("change what") == ["What?"]
        assert await ada.says("cakes") == ["Which house in Elm St?"]
        assert await ada.says("7") == ["Noted: 7 Elm St.", "4 cakes to 7 Elm St?"]


async def test_after_a_call_a_change_asks_only_what_reads_otherwise() -> None:
    bot, _, _ = order_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas", "Elm St", "7"):
            await ada.says(said)
        assert (await ada.says("summary"))[0].text.splitlines()[:5] == [
            "So far:",
            "guests: 2",
            "what: pizzas",
            "street: Elm St",
            "house: 7",
        ]
        assert await ada.says("change guests") == ["For how many?"]
        assert await ada.says("5") == ["5 pizzas to 7 Elm St?"]
        await ada.says("change what")
        assert await ada.says("cakes") == ["5 cakes to 7 Elm St?"]
        await world.restarts()
        assert await ada.says("change the house") == ["Which house in Elm St?"]
        assert await ada.says("9") == ["Noted: 9 Elm St.", "5 cakes to 9 Elm St?"]
        await ada.says("yes")
        assert await ada.says("change street") == ["Which street?"]
        assert await ada.says("Oak St") == ["Which house in Oak St?"]
        assert await ada.says("1") == ["Noted: 1 Oak St.", "5 cakes to 1 Oak St?"]
        await ada.says("yes")
        await ada.says("change guests")
        assert await ada.says("1") == ["1 cakes to 1 Oak St?"]
        await ada.says("yes")
        assert await ada.says("x") == ["1 cakes to 1 Oak St: x"]


async def test_back_goes_through_a_called_dialog_answer_by_answer() -> None:
    bot, _, _ = order_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas", "Elm St", "7"):
            await ada.says(said)
        assert await ada.says("back") == ["Which house in Elm St?"]
        assert await ada.says("back") == ["Which street?"]
        assert await ada.says("back") == ["What?"]
        assert await ada.says("back") == ["For how many?"]
        stands = await world.engine.store.load(ada.conversation)
        assert stands is not None
        assert stands.positions[0].memory["address"] == {"street": "", "house": 0}
        assert stands.positions[0].under is None


async def test_a_button_changes_an_answer_of_a_dialog_that_was_called() -> None:
    bot, _, _ = order_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas", "Elm St", "7"):
            await ada.says(said)
        (offered,) = await ada.says("change")
        assert [getattr(one, "label", "") for one in offered.buttons] == ["guests", "what", "street", "house"]
        assert await ada.presses("house") == ["Which house in Elm St?"]
        assert await ada.says("8") == ["Noted: 8 Elm St.", "2 pizzas to 8 Elm St?"]


async def test_what_is_kept_of_called_dialogs_is_bounded() -> None:
    bot = Bot("letters")
    outer, inner = bot.dialog(Order, name="outer"), bot.dialog(Address, name="inner")

    @inner.state(ask="And then?", to=["street", END])
    async def street(turn: Turn, memory: Address, answer: str) -> str:
        memory.street = answer
        return END if answer.startswith("9") else "street"

    @outer.state(ask="More?", to=["more"])
    async def more(turn: Turn, memory: Order, answer: str) -> Call:
        return call(inner, then="more")

    @bot.text("write")
    async def write(turn: Turn) -> None:
        turn.begin(outer)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("write")
        for _ in range(4):
            assert await ada.says("more") == ["And then?"]
            for number in range(10):
                await ada.says(f"{number} " + "x" * 3900)
        kept = await world.engine.store.load(ada.conversation)
        assert kept is not None
        (position,) = kept.positions
        assert position.result is not None
        assert str(position.result.memory["street"]).startswith("9 ")
        assert 1 <= len(position.steps) <= 2
        assert sum(len(one.event) for step in position.steps if step.called for one in step.called.steps) < 40_000


@define
class Table:
    seats: int = ask("How many seats?", Integer(1, 8))
    hour: int = ask("At what hour?", Integer(1, 24))


async def test_a_form_may_be_called_and_is_not_completed_twice_when_nothing_in_it_changes() -> None:
    bot = Bot("tables")
    table, order = bot.form(Table), bot.dialog(Order)

    @table.on_complete
    async def noted(turn: Turn, filled: Table) -> None:
        turn.reply(f"{filled.seats} at {filled.hour}.")

    @order.state(ask="What?", to=["guests"])
    async def what(turn: Turn, memory: Order, answer: str) -> None:
        memory.what = answer

    @order.state(ask="For how many?", expect=Integer(1, 8), to=["sure"])
    async def guests(turn: Turn, memory: Order, answer: int) -> Call:
        memory.guests = answer
        return call(table, then="sure", memory=table.draft(seats=answer))

    @order.state(ask=lambda turn, memory: f"{memory.what} at {turn.result.hour}?", expect=YesNo(), to=[END])
    async def sure(turn: Turn, memory: Order, answer: bool) -> None: ...

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "pizza", "2", "18"):
            await ada.says(said)
        assert await ada.says("yes") == ["2 at 18.", "pizza at 18?"]
        await ada.says("change what")
        assert await ada.says("cake") == ["cake at 18?"]
        await ada.says("change guests")
        assert await ada.says("3") == ["seats: 3\nhour: 18\nIs that right?"]
        assert await ada.says("yes") == ["3 at 18.", "cake at 18?"]
        assert await ada.says("change hour") == ["At what hour?"]
        assert await ada.says("19") == ["seats: 3\nhour: 19\nIs that right?"]


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

STOPPED = "I have stopped waiting for an answer. Write to me whenever you like."


async def test_a_called_dialog_without_times_of_its_own_is_waited_for_as_its_caller_says() -> None:
    bot, order, _ = order_bot()
    order.timeout, order.reminders = timedelta(hours=1), (timedelta(minutes=10),)
    heard: list[str] = []

    @order.on_cancel
    async def cancelled(turn: Turn, memory: Order) -> None:
        heard.append(memory.what)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas"):
            await ada.says(said)
        await world.passes(minutes=11)
        assert ada.hears() == ["Are you still there?\nWhich street?"]
        await world.passes(minutes=50)
        assert ada.hears() == [STOPPED]
        assert heard == ["pizzas"]
        assert await ada.says("order") == ["For how many?"]


async def test_each_dialog_of_a_chain_hears_that_time_is_up() -> None:
    bot, order, asking = order_bot()
    asking.timeout = timedelta(minutes=5)
    heard: list[str] = []

    @asking.on_cancel
    async def left_out(turn: Turn, memory: Address) -> None:
        heard.append(f"address {memory.street}")

    @order.on_timeout
    async def late(turn: Turn, memory: Order) -> None:
        heard.append(f"order {memory.what}")
        turn.reply("Your order is put aside.")

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas", "Elm St"):
            await ada.says(said)
        await world.passes(minutes=6)
        assert heard == ["address Elm St", "order pizzas"]
        assert ada.hears() == ["Your order is put aside."]
        assert await ada.says("order") == ["For how many?"]


async def test_a_caller_may_go_on_elsewhere_when_the_called_dialog_has_timed_out() -> None:
    bot, order, asking = order_bot()
    order.timeout = asking.timeout = timedelta(minutes=5)

    @order.on_timeout
    async def late(turn: Turn, memory: Order) -> str:
        turn.reply("Then without an address.")
        return "note"

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas", "Elm St"):
            await ada.says(said)
        await world.passes(minutes=6)
        assert ada.hears() == ["Then without an address.", "A note? None"]
        await world.passes(minutes=6)
        assert ada.hears() == [STOPPED]
        await world.passes(days=1)
        assert ada.hears() == []


def polite_bot() -> tuple[Bot, list[str]]:
    bot = Bot("polite")
    heard: list[str] = []
    order = bot.dialog(Order, timeout=timedelta(minutes=5))

    @order.state(ask="What?", to=["note"])
    async def what(turn: Turn, memory: Order, answer: str) -> None:
        memory.what = answer

    @order.state(ask="A note?", to=[END])
    async def note(turn: Turn, memory: Order, answer: str) -> None: ...

    @order.on_timeout
    async def late(turn: Turn, memory: Order) -> str:
        turn.reply("Never mind.")
        return "note"

    @order.on_cancel
    async def cancelled(turn: Turn, memory: Order) -> None:
        heard.append("cancelled")

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    return bot, heard


async def test_who_is_silent_is_not_asked_for_ever() -> None:
    bot, heard = polite_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("order")
        await world.passes(minutes=6)
        assert ada.hears() == ["Never mind.", "A note?"]
        await world.restarts()
        await world.passes(minutes=6)
        assert ada.hears() == [STOPPED]
        assert heard == ["cancelled"]
        await world.passes(days=3)
        assert ada.hears() == []
        assert (await world.engine.stats()).timers == 0


async def test_who_says_something_is_waited_for_anew() -> None:
    bot, heard = polite_bot()
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("order")
        await world.passes(minutes=6)
        assert ada.hears() == ["Never mind.", "A note?"]
        assert await ada.says("back") == ["That was the first question.\nA note?"]
        await world.passes(minutes=6)
        assert ada.hears() == ["Never mind.", "A note?"]
        assert heard == []


async def test_a_dialog_that_on_timeout_begins_is_no_way_around_it() -> None:
    bot = Bot("pushy")
    order = bot.dialog(Order, timeout=timedelta(minutes=5))

    @order.state(ask="What?", to=[END])
    async def what(turn: Turn, memory: Order, answer: str) -> None: ...

    @order.on_timeout
    async def late(turn: Turn, memory: Order) -> None:
        turn.begin(order)

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("order")
        await world.passes(minutes=6)
        assert ada.hears() == ["What?"]
        await world.passes(minutes=6)
        assert ada.hears() == [STOPPED]
        await world.passes(days=3)
        assert ada.hears() == []


async def test_when_a_dialog_in_the_middle_times_out_only_the_way_back_is_told() -> None:
    bot, _, _ = order_bot()
    digression = bot.dialog(Address, name="digression", timeout=timedelta(minutes=5))

    @digression.state(ask="Which house?", to=[END])
    async def which(turn: Turn, memory: Address, answer: str) -> None: ...

    @bot.text("houses", interrupts=True)
    async def houses(turn: Turn) -> None:
        turn.begin(digression)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("order")
        assert await ada.says("houses") == ["Which house?"]
        await world.passes(minutes=6)
        assert ada.hears() == ["Back to where we were:\nFor how many?"]


# ── what was skipped ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_skipped_is_skipped_again_when_an_earlier_answer_is_changed() -> None:
    bot = Bot("skips")
    order = bot.dialog(Order)

    @order.state(ask="For how many?", expect=Integer(1, 8), to=["what"])
    async def guests(turn: Turn, memory: Order, answer: int) -> None:
        memory.guests = answer

    @order.state(ask="A dessert?", to=["note"], skip=True)
    async def what(turn: Turn, memory: Order, answer: str) -> None:
        memory.what = answer

    @order.state(ask=lambda _, memory: f"A note for {memory.guests}?", to=["sure"], skip=True)
    async def note(turn: Turn, memory: Order, answer: str) -> None:
        memory.note = answer

    @order.state(ask="Sure?", expect=YesNo(), to=[END])
    async def sure(turn: Turn, memory: Order, answer: bool) -> None: ...

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "skip"):
            await ada.says(said)
        assert await ada.says("skip") == ["Sure?"]
        assert await ada.says("change guests") == ["For how many?"]
        assert await ada.says("2") == ["Sure?"]
        await ada.says("change guests")
        assert await ada.says("3") == ["A note for 3?"]  # it reads otherwise: asked
        assert await ada.says("back") == ["A dessert?"]


async def test_secrets_of_a_called_dialog_are_not_told_or_changed_from_its_caller() -> None:
    bot, _, asking = order_bot()
    asking.without = frozenset({"summary", "change"})
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "2", "pizzas", "Elm St", "7"):
            await ada.says(said)
        assert await ada.says("summary") == [f"So far:\nguests: 2\nwhat: pizzas\n{ASKED}"]
        (offered,) = await ada.says("change street")
        assert [getattr(one, "label", "") for one in offered.buttons] == ["guests", "what"]
