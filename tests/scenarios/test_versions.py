"""Dialogs that change while people stand in them, as chats: renamed states, migrations, old versions beside."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from convokit import END, Bot, DefinitionError, DialogsMigrated, Turn, call
from convokit.desks import Local
from convokit.dialogs import Call, Dialog
from convokit.expect import Integer, Text
from convokit.stores import SQLite
from convokit.testing import Person, Simulation

Build = Callable[[Bot], Dialog[Any]]


@define
class Order:
    size: str = ""
    crust: str = ""
    street: str = ""


@define
class NewOrder:
    size: str = ""
    address: str = ""
    guests: int = 0


def old(bot: Bot, **arguments: Any) -> Dialog[Any]:
    """Version 1: size, crust, street."""
    order = bot.dialog(Order, name="order", **arguments)
    old_states(order)
    return order


def old_states(order: Dialog[Any]) -> None:
    @order.state(ask="Which size?", choices=["Small", "Large"], to=["crust"])
    async def size(turn: Turn, memory: Order, answer: str) -> None:
        memory.size = answer

    @order.state(ask="Which crust?", choices=["Thin", "Thick"], to=["street"])
    async def crust(turn: Turn, memory: Order, answer: str) -> None:
        memory.crust = answer

    @order.state(ask="Which street?", to=[END])
    async def street(turn: Turn, memory: Order, answer: str) -> None:
        turn.reply(f"{memory.size}, {memory.crust}, to {answer}.")


def new(bot: Bot, **arguments: Any) -> Dialog[Any]:
    """Version 2: the crust is gone, the street is an address."""
    order = bot.dialog(NewOrder, name="order", version=2, **arguments)

    @order.state(ask="Which size?", choices=["Small", "Large"], to=["address"])
    async def size(turn: Turn, memory: NewOrder, answer: str) -> None:
        memory.size = answer

    @order.state(ask=lambda _, memory: f"{memory.size}. Where to?", expect=Text(), to=[END], aliases=["street"])
    async def address(turn: Turn, memory: NewOrder, answer: str) -> None:
        turn.reply(f"{memory.size}, to {answer}.")

    return order


def migrated(bot: Bot, **arguments: Any) -> Dialog[Any]:
    """Version 2 with what leads to it."""
    order = new(bot, **arguments)

    @order.migrate(1)
    def without_crust(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        memory["address"] = memory.pop("street")
        memory.pop("crust")
        return ("address" if state == "crust" else state), memory

    return order


def shop(build: Build, **arguments: Any) -> Bot:
    bot = Bot("shop", **arguments)
    order = build(bot)

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(order)

    return bot


async def they_say(world: Simulation, *said: str) -> list[Person]:
    """Let people order and answer, U0, U1 and so on; each text holds the answers of one, a word each."""
    people = [world.user(f"U{number}") for number in range(len(said))]
    for one, texts in zip(people, said, strict=True):
        for text in ("order", *texts.split()):
            await one.says(text)
    return people


async def test_a_deploy_that_removes_a_state_is_refused_with_the_people_in_it_then_goes_through(tmp_path: Path) -> None:
    async with Simulation(shop(old), store=SQLite(tmp_path / "shop.db")) as world:
        first, second, third, last = await they_say(world, "", "large", "small", "large thin")
        with pytest.raises(DefinitionError) as refused:
            await world.restarts(shop(new))
        assert "2 in order version 1, state crust; 1 in order version 1, state size; 1 in" in str(refused.value)
        assert "@dialog.migrate" in str(refused.value)
        await world.restarts(shop(migrated))
        assert await first.says("small") == ["Small. Where to?"]
        # The question about the crust is gone: what answers it is none of the new one.
        assert await second.says("thin") == ["Large. Where to?"]
        assert await second.says("12 Crane St") == ["Large, to 12 Crane St."]
        assert await third.says("back") == ["Which size?"]
        assert await third.says("large") == ["Large. Where to?"]
        # A renamed state is still the same question.
        assert await last.says("12 Crane St") == ["Large, to 12 Crane St."]
        assert await world.engine.store.positions() == {("order", 2, "address"): 2}


async def test_back_finds_the_memory_as_it_would_have_been() -> None:
    async with Simulation(shop(old)) as world:
        (ada,) = await they_say(world, "large thin")
        await world.restarts(shop(migrated))
        assert await ada.says("summary") == ["So far:\nsize: Large\nLarge. Where to?"]
        assert await ada.says("back") == ["Which size?"]
        (stands,) = await world.engine.store.standing(10)
        assert stands.positions[0].memory == {"size": "", "address": "", "guests": 0}


async def test_a_renamed_state_needs_no_new_version_and_its_old_buttons_still_count() -> None:
    def renamed(bot: Bot) -> Dialog[Any]:
        order = bot.dialog(Order, name="order")

        @order.state(ask="Which size?", choices=["Small", "Large"], to=["dough"], aliases=["size"])
        async def how_big(turn: Turn, memory: Order, answer: str) -> None:
            memory.size = answer

        @order.state(ask=lambda _, memory: f"{memory.size}: which dough?", to=[END], aliases=["crust", "street"])
        async def dough(turn: Turn, memory: Order, answer: str) -> None:
            turn.reply(f"{memory.size}, {answer}.")

        return order

    async with Simulation(shop(old)) as world:
        ada, bob = await they_say(world, "", "large")
        await world.restarts(shop(renamed))
        assert await ada.says("1") == ["Small: which dough?"]
        assert await world.engine.store.positions() == {("order", 1, "dough"): 1, ("order", 1, "crust"): 1}
        assert await bob.says("change how big") == ["Which size?"]
        assert await bob.says("small") == ["Small: which dough?"]
        assert await bob.says("rye") == ["Small, rye."]


@define
class Street:
    name: str = ""


@define
class Delivery:
    size: str = ""
    street: Street = field(factory=Street)


def calling(bot: Bot, version: int, last: str) -> Dialog[Any]:
    """An order that has the street asked by another dialog, and goes on in the state `last`."""
    asking = bot.dialog(Street)

    @asking.state(ask="Which street?", to=[END])
    async def name(turn: Turn, memory: Street, answer: str) -> None:
        memory.name = answer

    order = bot.dialog(Delivery, name="order", version=version)

    @order.state(ask="Which size?", to=[last], calls=[asking])
    async def size(turn: Turn, memory: Delivery, answer: str) -> Call:
        memory.size = answer
        return call(asking, then=last, into="street")

    async def sure(turn: Turn, memory: Delivery, answer: str) -> None:
        turn.reply("Sent.")

    sure.__name__ = last
    order.state(ask=lambda _, memory: f"{memory.size} to {memory.street.name}?", to=[END])(sure)
    return order


async def test_a_caller_is_migrated_with_what_it_has_called() -> None:
    def second(bot: Bot) -> Dialog[Any]:
        order = calling(bot, 2, "confirm")

        @order.migrate(1)
        def confirmed(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            return "confirm" if state == "done" else state, {**memory, "size": memory["size"].upper()}

        return order

    async with Simulation(shop(lambda bot: calling(bot, 1, "done"))) as world:
        (ada,) = await they_say(world, "large")
        await world.restarts(shop(second))
        assert await ada.says("Crane St") == ["LARGE to Crane St?"]
        assert await ada.says("yes") == ["Sent."]


async def test_a_caller_that_knows_no_longer_where_to_go_on_is_told_of() -> None:
    def second(bot: Bot) -> Dialog[Any]:
        order = calling(bot, 2, "confirm")

        @order.migrate(1)
        def same(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            return state, memory

        return order

    async with Simulation(shop(lambda bot: calling(bot, 1, "done"))) as world:
        (ada,) = await they_say(world, "large")
        await world.restarts(shop(second))
        await ada.says("Crane St")
        await world.passes(minutes=30)
        (failed,) = await world.engine.failed()
        assert "a dialog that it called goes on in done, which is gone" in failed.error


async def test_an_old_version_runs_to_its_end_beside_the_new_one() -> None:
    def both(bot: Bot) -> Dialog[Any]:
        before: Dialog[Any] = Dialog(Order, name="order")
        old_states(before)
        return new(bot, beside=before)

    async with Simulation(shop(old)) as world:
        (ada,) = await they_say(world, "large")
        await world.restarts(shop(both))
        bob = world.user("Bob")
        await bob.says("order")
        assert await bob.says("small") == ["Small. Where to?"]
        assert await ada.says("thin") == ["Which street?"]
        assert await world.engine.store.positions() == {("order", 1, "street"): 1, ("order", 2, "address"): 1}
        await world.happens(DialogsMigrated, ada.conversation)
        assert await ada.says("Crane St") == ["Large, Thin, to Crane St."]
        await ada.says("order")
        assert await ada.says("small") == ["Small. Where to?"]


async def test_an_old_version_cannot_be_begun() -> None:
    bot = Bot("shop")
    old_order = Dialog(Order, name="order", version=1)
    old_states(old_order)
    order = bot.dialog(NewOrder, name="order", version=2, beside=old_order)

    @order.state(ask="Which size?", choices=["Small", "Large"], to=[END])
    async def size(turn: Turn, memory: NewOrder, answer: str) -> None: ...

    @bot.text("order")
    async def begin(turn: Turn) -> None:
        turn.begin(old_order)

    @bot.on_error(DefinitionError, tries=1)
    async def failed(turn: Turn) -> None:
        turn.reply(str(turn.error))

    async with Simulation(bot) as world:
        (said,) = await world.user("Ada").says("order")
        assert "an older version" in said.text
        assert "begin version 2" in said.text


async def test_a_migration_that_fails_says_where_and_the_conversation_is_as_it_was() -> None:
    def wrong(bot: Bot) -> Dialog[Any]:
        order = new(bot)

        @order.migrate(1)
        def nowhere(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            return state, {"guests": "many"}

        return order

    async with Simulation(shop(old)) as world:
        (ada,) = await they_say(world, "")
        await world.restarts(shop(wrong))
        await ada.says("small")
        await world.passes(minutes=30)
        (failed,) = await world.engine.failed()
        assert f"{ada.conversation} stands in dialog order, version 1 to 2, state size" in failed.error
        assert "the migrated memory is no NewOrder of version 2" in failed.error
        assert await world.engine.store.positions() == {("order", 1, "size"): 1}
        await world.restarts(shop(migrated))
        assert await ada.says("small") == ["Small. Where to?"]


def patient(build: Callable[..., Dialog[Any]]) -> Build:
    return lambda bot: build(bot, timeout=timedelta(hours=2), reminders=[timedelta(hours=1)])


async def test_the_engines_own_event_moves_people_without_a_word_and_their_timers_stay() -> None:
    async with Simulation(shop(patient(old))) as world:
        ada, bob = await they_say(world, "", "large")
        await world.restarts(shop(patient(migrated)))
        before = {one.id: one for one in await world.engine.store.standing(10)}
        for one in (ada, bob):
            await world.happens(DialogsMigrated, one.conversation)
        assert (ada.hears(), bob.hears()) == ([], [])
        after = {one.id: one for one in await world.engine.store.standing(10)}
        assert await world.engine.store.positions() == {("order", 2, "size"): 1, ("order", 2, "address"): 1}
        for name, was in before.items():
            now = after[name]
            assert (now.offer, now.epoch, now.memory, now.user) == (was.offer, was.epoch, was.memory, was.user)
        await world.passes(minutes=61)
        assert ada.hears() == ["Are you still there?\nWhich size?"]
        assert bob.hears() == ["Are you still there?\nLarge. Where to?"]
        assert await bob.says("Crane St") == ["Large, to Crane St."]
        await world.passes(minutes=61)
        assert ada.hears() == ["I have stopped waiting for an answer. Write to me whenever you like."]


async def test_somebody_who_talks_with_a_person_is_moved_too() -> None:
    async with Simulation(shop(old, desk=Local())) as world:
        (ada,) = await they_say(world, "large")
        await ada.says("talk to a person")
        await world.restarts(shop(migrated, desk=Local()))
        grace = world.operator("Grace")
        await world.happens(DialogsMigrated, ada.conversation)
        assert await world.engine.store.positions() == {("order", 2, "address"): 1}
        (stands,) = await world.engine.store.standing(10)
        assert stands.handoff is not None
        await grace.joins(ada)
        await grace.closes(ada)
        assert ada.hears()[-1] == "Large. Where to?"
        assert await ada.says("Crane St") == ["Large, to Crane St."]


async def test_who_comes_back_from_a_person_is_moved_then() -> None:
    async with Simulation(shop(old, desk=Local())) as world:
        (ada,) = await they_say(world, "large")
        await ada.says("talk to a person")
        await world.restarts(shop(migrated, desk=Local()))
        grace = world.operator("Grace")
        await grace.joins(ada)
        await grace.closes(ada)
        assert ada.hears()[-1] == "Large. Where to?"
        assert await ada.says("Crane St") == ["Large, to Crane St."]


@pytest.mark.faultless("every warning, and every try, is looked at")
async def test_who_cannot_be_moved_stays_and_is_told_of_at_once() -> None:
    def wrong(bot: Bot) -> Dialog[Any]:
        order = new(bot)

        @order.migrate(1)
        def broken(state: str, memory: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            raise RuntimeError("no way")

        return order

    async with Simulation(shop(old)) as world:
        (ada,) = await they_say(world, "")
        await world.restarts(shop(wrong))
        await world.happens(DialogsMigrated, ada.conversation)
        (failed,) = await world.engine.failed()
        assert "RuntimeError: no way" in failed.error
        assert failed.attempts == 1
        assert await world.engine.store.positions() == {("order", 1, "size"): 1}


@pytest.mark.faultless("every warning, and every try, is looked at")
async def test_a_dialog_that_changed_under_its_version_is_told_with_what_changed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def changed(bot: Bot) -> Dialog[Any]:
        order = bot.dialog(NewOrder, name="order")

        @order.state(ask="Which size?", choices=["Small", "Large", "Huge"], to=["crust"])
        async def size(turn: Turn, memory: NewOrder, answer: str) -> None: ...

        @order.state(ask="Which crust?", expect=Integer(1, 3), to=[END, "size"])
        async def crust(turn: Turn, memory: NewOrder, answer: int) -> str:
            return END

        return order

    def said() -> list[str]:
        found = [one.getMessage() for one in caplog.records if "has changed" in one.getMessage()]
        caplog.clear()
        return found

    async with Simulation(shop(old)) as world:
        with caplog.at_level(logging.WARNING, "convokit"):
            await they_say(world, "", "large")
            await world.restarts(shop(old))
            assert said() == []
            await world.restarts(shop(changed))
            (told,) = said()
            await world.restarts(shop(changed))
            assert said() == []
    assert told.startswith("dialog order has changed, but not its version, 1, in which 2 people stand: ")
    for piece in (
        "memory.address is new (str)",
        "memory.crust is gone",
        "state street is gone",
        "Huge",
        "was street, and",
    ):
        assert piece in told


@pytest.mark.faultless("every warning, and every try, is looked at")
async def test_a_change_is_not_worth_a_word_where_nobody_stands(caplog: pytest.LogCaptureFixture) -> None:
    def shorter(bot: Bot) -> Dialog[Any]:
        order = bot.dialog(Order, name="order")

        @order.state(ask="Which size?", to=[END])
        async def size(turn: Turn, memory: Order, answer: str) -> None: ...

        return order

    async with Simulation(shop(old)) as world:
        await they_say(world, "large thin Crane")
        with caplog.at_level(logging.WARNING, "convokit"):
            await world.restarts(shop(shorter))
        assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
