"""A bot that talks with a program stops by itself: no echo, auto-reply or other bot keeps it talking."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from attrs import define

from convokit import (
    END,
    Bot,
    ButtonPressed,
    Location,
    Message,
    MessageReceived,
    OperatorReplied,
    ReplyLoop,
    Settings,
    Turn,
    User,
)
from convokit.messages import Capabilities, Limit
from convokit.testing import Simulation
from convokit.testing.simulation import Person

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.faultless("counts answers within a minute: time passes by itself until a fault is healed"),
]

GRACE = User(id="grace", name="Grace")
FEW = Settings(answers_a_minute=3)


def polite(name: str, **settings: Any) -> Bot:
    """A bot that has an answer to everything."""
    bot = Bot(name, settings=Settings(**settings))

    @bot.fallback
    async def answer(turn: Turn) -> None:
        turn.reply(f"{name} thanks you for: {turn.text[-20:]}")

    return bot


async def answers(person: Person, count: int) -> int:
    """How many of so many texts are answered."""
    return sum([bool(await person.says(f"text {number}")) for number in range(count)])


async def test_two_bots_fall_silent_and_do_not_begin_again_by_themselves() -> None:
    async with (
        Simulation(polite("one", answers_a_minute=19)) as here,
        Simulation(polite("two", answers_a_minute=19)) as there,
    ):
        said, spoken = "hello", 0
        customer, mirror = here.user("Two"), there.user("One")
        for _ in range(3600):
            await here.passes(seconds=1)
            await there.passes(seconds=1)
            heard = await customer.says(said) if said else []
            back = await mirror.says(heard[0].text) if heard else []
            said = back[0].text if back else ""
            spoken += len(heard)
        assert spoken == 19
        (kept,) = await here.engine.failed()
        assert "19 answers within a minute" in kept.error


async def test_by_itself_the_bot_gives_twenty_answers_a_minute() -> None:
    settings = Settings()
    assert (settings.answers_a_minute, settings.loop_rest) == (20, 600)


async def test_what_the_bot_is_silent_about_is_kept_told_and_can_be_put_back(caplog: pytest.LogCaptureFixture) -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada = world.user("Ada")
        with caplog.at_level(logging.INFO, "convokit"):
            assert await answers(ada, 5) == 3
        told = [one for one in caplog.records if "answers within a minute" in one.getMessage()]
        assert [one.levelname for one in told if one.levelname == "ERROR"] == ["ERROR"]
        failed = await world.engine.failed()
        assert [one.what.text for one in failed if isinstance(one.what, MessageReceived)] == ["text 4", "text 3"]
        assert all(one.error.startswith("ReplyLoop: simulation:ada: the bot gave 3 answers") for one in failed)
        history = await world.engine.history(ada.conversation)
        assert [one.message.text for one in history if one.author == "user"][-2:] == ["text 3", "text 4"]
        await world.passes(minutes=11)
        assert await world.engine.replay([failed[1].key]) == 1
        await world.settles()
        assert ada.hears() == ["shop thanks you for: text 3"]


async def test_who_writes_at_leisure_is_answered_for_ever() -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada = world.user("Ada")
        for number in range(20):
            assert await ada.says(f"text {number}")
            await world.passes(seconds=21)


async def test_what_is_said_without_a_rest_prolongs_the_silence_and_a_rest_ends_it() -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada = world.user("Ada")
        assert await answers(ada, 4) == 3
        for _ in range(5):
            await world.passes(minutes=9)
            assert await ada.says("still there?") == []
        await world.restarts()
        assert await ada.says("still there?") == []
        await world.passes(minutes=10)
        assert await answers(ada, 4) == 3


async def test_others_are_answered_meanwhile() -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada, bob = world.user("Ada"), world.user("Bob")
        assert await answers(ada, 4) == 3
        assert await answers(bob, 1) == 1


@pytest.mark.parametrize("how", ["press", "place"])
async def test_who_presses_or_shares_a_place_is_a_human_being(how: str) -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada = world.user("Ada")
        for _ in range(3):
            assert await answers(ada, 3) == 3
            if how == "press":
                await world.happens(ButtonPressed, ada.conversation, ada.user, payload="more")
                assert ada.hears()
            else:
                assert await ada.sends(Location(1, 2))
        assert await answers(ada, 4) == 3


async def test_a_number_that_is_typed_proves_no_human_being() -> None:
    bot = Bot("menu")

    @bot.button("again")
    async def again(turn: Turn) -> None:
        turn.reply("Once more?", buttons=["again"])

    @bot.fallback
    async def begin(turn: Turn) -> None:
        turn.reply("Once more?", buttons=["again"])

    async with Simulation(bot, settings=FEW, capabilities=Capabilities(text_limit=Limit(4000))) as world:
        ada = world.user("Ada")
        assert await ada.says("hi")
        assert [bool(await ada.says("1")) for _ in range(4)] == [True, True, False, False]


async def test_an_operator_who_steps_in_ends_the_silence() -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        assert await answers(ada, 4) == 3
        await grace.takes(ada)
        await ada.says("help")
        assert grace.sees(ada) == ["help"]
        await grace.closes(ada)
        ada.hears()
        assert await answers(ada, 4) == 3


async def test_a_refused_operators_word_does_not_end_the_silence() -> None:
    async with Simulation(polite("shop"), settings=FEW) as world:
        ada = world.user("Ada")
        assert await answers(ada, 4) == 3
        await world.happens(OperatorReplied, ada.conversation, operator=GRACE, message=Message("late"))
        assert await answers(ada, 1) == 0


async def test_on_error_is_told_says_nothing_and_may_hand_the_conversation_off() -> None:
    bot, told = polite("shop"), list[Exception | None]()

    @define
    class Order:
        size: str = ""

    ordering = bot.dialog(Order)

    @ordering.state(ask="Which size?", to=[END])
    async def size(turn: Turn, order: Order, answer: str) -> None:
        turn.reply(answer)

    @bot.on_error(ReplyLoop)
    async def looping(turn: Turn) -> None:
        told.append(turn.error)
        turn.reply("Are you a bot?")
        await turn.flush()
        turn.begin(ordering)
        turn.hand_off("talks with a program?", saying="One moment.")

    async with Simulation(bot, settings=FEW) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        assert await answers(ada, 3) == 3
        assert await ada.says("more") == []
        (problem,) = told
        assert isinstance(problem, ReplyLoop)
        assert problem.conversation == "simulation:ada"
        assert await ada.says("hello?") == []
        assert grace.sees(ada) == ["hello?"]
        assert len(await world.engine.failed()) == 1
        history = await world.engine.history(ada.conversation)
        assert [one.message.text for one in history if one.author == "bot"][3:] == []


async def test_what_the_business_wants_said_is_said_all_the_same_and_is_no_answer() -> None:
    bot = polite("shop")

    @bot.text("later")
    async def later(turn: Turn) -> None:
        turn.remind(timedelta(seconds=1), "soon")

    @bot.timer("soon")
    async def soon(turn: Turn) -> None:
        turn.reply("It is time.")

    async with Simulation(bot, settings=FEW) as world:
        ada = world.user("Ada")
        for number in range(5):
            await world.engine.send(ada.conversation, f"news {number}")
        await world.settles()
        assert len(ada.hears()) == 5
        await ada.says("later")
        assert await answers(ada, 4) == 3
        await world.engine.send(ada.conversation, "Your pizza left.")
        await world.passes(seconds=1)
        assert ada.hears() == ["Your pizza left.", "It is time."]
