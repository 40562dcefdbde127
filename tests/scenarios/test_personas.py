"""Simulated customers find what is wrong, and show it by the shortest chat."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

import anyio
import pytest
from attrs import define
from sniffio import current_async_library
from ticket_machine import bot as tickets

from convokit import END, Bot, Capabilities, DefinitionError, Message, Turn
from convokit.desks import Local
from convokit.expect import Integer, Text
from convokit.messages import Limit
from convokit.testing import Simulation
from convokit.testing.personas import (
    EVERYBODY,
    Act,
    CustomersFailed,
    Persona,
    Sight,
    check_with_customers,
    sensible,
    wander,
)
from convokit.testing.personas.playing import Plan, Play
from convokit.testing.simulation import MONDAY_MORNING

pytestmark = pytest.mark.faultless("what is planted is to be found, and nothing beside it")

DEAD_END = """\
Zephyrine: ticket
    tickets: Heard('Within the country or abroad?', buttons=['Within the country', 'Abroad'])
Zephyrine: Abroad
    tickets: Heard('Which passport do you have?', buttons=['Turkish', 'German', 'Another'])
Zephyrine: Another
    tickets: 'The number of your visa, please.'"""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The engine logs each handler that fails, and in these bots they are meant to."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@define
class Note:
    text: str = ""
    number: int = 0


def notes(desk: Local | None = None) -> tuple[Bot, object]:
    """A bot that asks for a text and a number, and answers everything."""
    bot = Bot("notes", desk=desk)
    note = bot.dialog(Note)

    @note.state(ask="What shall I note?", expect=Text(longest=20000), to=["number"])
    async def text(turn: Turn, memory: Note, answer: str) -> None:
        memory.text = answer

    @note.state(ask="How often?", expect=Integer(1, 9), to=[END])
    async def number(turn: Turn, memory: Note, answer: int) -> None:
        turn.reply("Noted.")

    @bot.text("note")
    async def begin(turn: Turn) -> None:
        turn.begin(note)

    @bot.fallback
    async def welcome(turn: Turn) -> None:
        turn.reply("Say “note”.")

    return bot, note


async def test_a_dead_end_is_found_and_shown_by_the_shortest_chat() -> None:
    with pytest.raises(CustomersFailed) as failed:
        await wander(tickets, runs=200)
    assert failed.value.kind == "dead end"
    assert failed.value.transcript == DEAD_END
    assert "cannot get out of ticket.visa" in str(failed.value)
    assert f"runs=1, seed={failed.value.seed}" in str(failed.value)
    with pytest.raises(CustomersFailed) as again:
        await wander(tickets, runs=1, seed=failed.value.seed)
    assert again.value.acts == failed.value.acts


async def test_a_bot_that_is_sound_is_left_alone_and_it_is_told_where_they_were() -> None:
    bot, _ = notes(desk=Local())
    found = await wander(bot, runs=12, acts=10)
    assert found.runs == 12
    assert found.acts >= 120
    assert found.states == {"note.text", "note.number"}


async def test_whoever_gets_no_answer_is_found() -> None:
    bot = Bot("curt")

    @bot.text("hello")
    async def hello(turn: Turn) -> None:
        turn.reply("Hello.")

    with pytest.raises(CustomersFailed, match="gets no answer") as failed:
        await wander(bot, runs=50)
    assert len(failed.value.acts) == 1


async def test_a_handler_that_fails_is_found_with_its_error() -> None:
    bot, _ = notes()

    @bot.text("divide")
    async def divide(turn: Turn) -> None:
        turn.reply(str(1 / len(turn.memory)))

    with pytest.raises(CustomersFailed, match="division by zero") as failed:
        await wander(bot, runs=50)
    assert failed.value.kind == "error"
    assert [act.text for act in failed.value.acts] == ["divide"]


async def test_words_of_another_customer_are_found() -> None:
    bot, _ = notes()
    last = ["nobody"]

    @bot.text("who was here")
    async def who_was_here(turn: Turn) -> None:
        turn.reply(f"Before you, {last[-1]} was here.")
        last.append(turn.user.name)

    with pytest.raises(CustomersFailed, match="has said") as failed:
        await wander(bot, runs=50)
    assert failed.value.kind == "foreign"


async def test_what_goes_otherwise_after_a_restart_is_found() -> None:
    def forgetful() -> Bot:
        @asynccontextmanager
        async def lifespan() -> AsyncIterator[list[str]]:
            yield []

        bot = Bot("forgetful", lifespan=lifespan)

        @bot.fallback
        async def count(turn: Turn) -> None:
            turn.app.append(turn.text)
            turn.reply(f"You have said {len(turn.app)} things.")

        return bot

    with pytest.raises(CustomersFailed, match="without the restart") as failed:
        await wander(forgetful, runs=100, customers=1)
    assert failed.value.kind == "restart"
    assert [act.kind for act in failed.value.acts].count("restarts") == 1
    assert len(failed.value.acts) == 3


async def test_what_is_kept_without_bound_is_found() -> None:
    bot, _ = notes()

    @bot.text("hoard")
    async def hoard(turn: Turn) -> None:
        turn.memory["hoard"] = turn.memory.get("hoard", "") + "x" * 4000
        turn.reply("Kept.")

    with pytest.raises(CustomersFailed, match="bytes are kept") as failed:
        await wander(bot, runs=20, openings=["hoard"], most_kept=9000)
    assert [act.text for act in failed.value.acts] == ["hoard"] * 3


def plan_of(bot: Bot) -> Plan:
    return Plan(
        bot=lambda: bot,
        customers=2,
        answers=(),
        openings=("note",),
        signals={},
        capabilities=Capabilities(text_limit=Limit(500)),
        settings=None,
        most_kept=100_000,
    )


async def test_a_bot_that_speaks_while_a_person_has_the_conversation_is_found() -> None:
    bot, _ = notes(desk=Local())

    @bot.text("person")
    async def person(turn: Turn) -> None:
        turn.hand_off("wants a person", saying="One moment.")

    async with Simulation(bot) as world:
        play = Play(plan_of(bot), world)
        assert await play.does(Act(kind="says", text="person"))
        assert await play.does(Act(kind="takes"))
        assert await play.does(Act(kind="answers", text="Hello."))
        # No bot can: the engine holds it back. So it is put before the customer here.
        world.heard(play.cast.people[0].conversation, Message("It is me again."))
        assert not await play.does(Act(kind="says", text="thank you"))
        assert play.trouble is not None
        assert play.trouble.kind == "two speakers"


async def test_a_message_that_the_channel_cannot_show_is_found() -> None:
    bot, _ = notes()
    async with Simulation(bot) as world:
        play = Play(plan_of(bot), world)
        world.heard(play.cast.people[1].conversation, Message("x" * 501))
        assert not await play.does(Act(kind="says", text="note"))
        assert play.trouble is not None
        assert play.trouble.kind == "too long"


async def test_a_button_that_is_not_there_is_not_pressed() -> None:
    bot, _ = notes()
    async with Simulation(bot) as world:
        play = Play(plan_of(bot), world)
        assert await play.does(Act(kind="presses", text="Nowhere"))
        assert await play.does(Act(kind="answers", text="Hello."))
        assert play.done == []


@pytest.mark.parametrize("persona", EVERYBODY, ids=lambda one: one.name)
def test_what_a_persona_does_follows_from_what_they_see_and_the_chance(persona: Persona) -> None:
    sees = Sight(
        who=0,
        name="Kestrin",
        now=MONDAY_MORNING,
        text="For how many?",
        buttons=("One", "Two"),
        old=("Small",),
        due=Integer(1, 8),
        openings=("book",),
    )
    drawn = [persona.acts(sees, Random(seed)) for seed in range(100)]
    assert drawn == [persona.acts(sees, Random(seed)) for seed in range(100)]
    assert all(one.who == 0 or one.kind == "waits" for acts in drawn for one in acts)
    assert {one.text for seed in range(100) if (one := sensible(sees, Random(seed)))} <= set("12345678")


def test_the_runs_are_shared_among_the_event_loops() -> None:
    seen: list[str] = []

    def made() -> Bot:
        seen.append(current_async_library())
        return notes()[0]

    check_with_customers(made, runs=6, acts=4)
    assert {"asyncio", "trio"} <= set(seen)
    with pytest.raises(CustomersFailed):
        check_with_customers(tickets, runs=100)


async def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(DefinitionError, match="1 to 8 customers"):
        await wander(tickets, customers=9)
    await anyio.lowlevel.checkpoint()


# --8<-- [start:persona]
def shouts(sees: Sight, chance: Random) -> list[Act]:
    """Says what is sensible, loudly."""
    return [sees.says(f"{sensible(sees, chance).text.upper()}{'!' * chance.randint(1, 3)}")]


async def test_the_bot_understands_those_who_shout() -> None:
    bot, _ = notes(desk=Local())
    await wander(bot, runs=5, personas=[*EVERYBODY, Persona(name="shouts", habit=shouts)])


# --8<-- [end:persona]
