"""Forms that are called, what is found besides an answer, and a chain of dialogs in which nobody is heard."""

import re
from datetime import timedelta
from typing import Any

from attrs import define

from convokit import END, Bot, Turn, ask, call
from convokit.dialogs import Call
from convokit.expect import Choice, Integer, Text, YesNo
from convokit.testing import Simulation

STOPPED = "I have stopped waiting for an answer. Write to me whenever you like."


@define
class Address:
    street: str = ask("Which street?", Text())
    kind: str = ask("Which kind?", Choice(["Flat", "House"]))
    floor: int = ask("Which floor?", Integer(0, 99), default=0, when=lambda form: form.kind == "Flat")


@define
class Order:
    what: str = ""


@define
class Table:
    guests: int = 0
    day: str = ""


def order_bot() -> Bot:
    bot = Bot("orders")
    address, order = bot.form(Address), bot.dialog(Order)

    @order.state(ask="What?", expect=Text(), to=["sure"])
    async def what(turn: Turn, memory: Order, answer: str) -> Call:
        memory.what = answer
        return call(address, then="sure")

    @order.state(ask=lambda turn, _: f"{turn.result.kind} {turn.result.floor}?", expect=YesNo(), to=[END])
    async def sure(turn: Turn, memory: Order, answer: bool) -> None: ...

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    return bot


async def test_the_review_of_a_called_form_is_summed_up_once() -> None:
    async with Simulation(order_bot()) as world:
        ada = world.user("Ada")
        for said in ("order", "pizza", "Elm", "house"):
            await ada.says(said)
        assert await ada.says("summary") == ["So far:\nwhat: pizza\nstreet: Elm\nkind: House\nIs that right?"]


async def test_what_a_called_form_does_not_ask_any_more_is_no_answer_of_it() -> None:
    async with Simulation(order_bot()) as world:
        ada = world.user("Ada")
        for said in ("order", "pizza", "Elm", "flat", "3"):
            await ada.says(said)
        await ada.presses("Change something")
        await ada.presses("kind")
        await ada.presses("House")
        assert await ada.says("yes") == ["House None?"]
        assert await ada.says("summary") == ["So far:\nwhat: pizza\nstreet: Elm\nkind: House\nHouse None?"]
        assert await ada.says("change the floor") == ["I find no such answer."]


async def test_who_has_nothing_to_change_after_all_goes_back_to_the_review() -> None:
    async with Simulation(order_bot()) as world:
        ada = world.user("Ada")
        for said in ("order", "pizza", "Elm", "house"):
            await ada.says(said)
        assert await ada.says("no") == ["What would you like to change?"]
        assert await ada.says("back") == ["street: Elm\nkind: House\nIs that right?"]
        assert await ada.says("yes") == ["House None?"]


async def test_a_question_that_was_left_open_is_no_answer_though_something_else_was_found() -> None:
    bot = Bot("tables")
    table = bot.dialog(Table)

    @table.extract
    async def found(turn: Turn, memory: Table) -> dict[str, Any]:
        said = re.search(r"on (\w+)", turn.text)
        return {"day": said[1]} if said else {}

    @table.state(ask="For how many?", expect=Integer(1, 8), to=["day"])
    async def guests(turn: Turn, memory: Table, answer: int) -> None:
        memory.guests = answer

    @table.state(ask="Which day?", expect=Text(), to=[END])
    async def day(turn: Turn, memory: Table, answer: str) -> None:
        memory.day = answer

    @table.on_end
    async def booked(turn: Turn, memory: Table) -> None:
        turn.reply(f"{memory.guests} on {memory.day}.")

    @bot.text("table")
    async def begin(turn: Turn) -> None:
        turn.begin(table)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("table")
        await ada.says("on Monday")
        assert await ada.says("summary") == ["You have not answered anything yet.\nFor how many?"]
        assert await ada.says("2") == ["2 on Monday."]


async def test_a_chain_of_dialogs_leads_a_silent_person_on_once() -> None:
    bot = Bot("patient")
    inner, outer = bot.dialog(Table), bot.dialog(Order, timeout=timedelta(minutes=5))

    @inner.state(ask="For how many?", expect=Integer(1, 8), to=["day"])
    async def guests(turn: Turn, memory: Table, answer: int) -> None: ...

    @inner.state(ask="Which day?", expect=Text(), to=[END])
    async def day(turn: Turn, memory: Table, answer: str) -> None: ...

    @outer.state(ask="What?", expect=Text(), to=["note"])
    async def what(turn: Turn, memory: Order, answer: str) -> Call:
        return call(inner, then="note")

    @outer.state(ask="A note?", expect=Text(), to=[END])
    async def note(turn: Turn, memory: Order, answer: str) -> None: ...

    @inner.on_timeout
    async def inner_late(turn: Turn, memory: Table) -> str:
        return "day"

    @outer.on_timeout
    async def outer_late(turn: Turn, memory: Order) -> str:
        turn.reply("Never mind.")
        return "note"

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(outer)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("order")
        await ada.says("pizza")
        await world.passes(minutes=6)
        assert ada.hears() == ["Which day?"]
        await world.passes(minutes=6)
        assert ada.hears() == [STOPPED]
        await world.passes(days=1)
        assert ada.hears() == []
        # Whoever is heard in between is waited for anew, in all of them.
        for said in ("order", "pizza"):
            await ada.says(said)
        await world.passes(minutes=6)
        await ada.says("repeat")
        ada.hears()
        await world.passes(minutes=6)
        assert ada.hears() == ["Which day?"]


async def test_a_called_form_gives_its_caller_the_filled_instance_whatever_was_skipped() -> None:
    @define
    class Address:
        street: str = ask("Which street?", Text())
        floor: int = ask("Which floor?", Integer(0, 90), default=0, skip=True)

    @define
    class Order:
        size: str = ""
        address: Address | None = None

    bot = Bot("pizza")
    address = bot.form(Address, review=False)
    ordering = bot.dialog(Order)
    got: list[object] = []

    @ordering.state(ask="Small or large?", choices=["small", "large"], to=["confirm"], calls=[address])
    async def size(turn: Turn, order: Order, answer: str) -> Call:
        order.size = answer
        return call(address, then="confirm", into="address")

    @ordering.state(ask="All right?", to=[END])
    async def confirm(turn: Turn, order: Order, answer: str) -> None:
        got.append(order.address)
        turn.reply("Thanks.")

    @bot.text("order")
    async def order(turn: Turn) -> None:
        turn.begin(ordering)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("order", "large", "12 Crane St"):
            await ada.says(said)
        assert await ada.says("skip") == ["All right?"]
        await world.restarts()
        assert await ada.says("yes") == ["Thanks."]
    assert {repr(one) for one in got} == {repr(Address(street="12 Crane St", floor=0))}
