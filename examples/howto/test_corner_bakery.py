"""The bakery, tested as chats."""

from corner_bakery import bot

from convokit import Button, Capabilities
from convokit.testing import Simulation


# --8<-- [start:verbs]
async def test_bread_is_kept_and_remembered() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.opens(ref="spring-sale") == ["Welcome! Rye is half price this week."]
        [question] = await ada.says("bread")
        assert question.buttons == (Button("Rye"), Button("Spelt"))
        assert await ada.presses("Rye") == ["We keep one for you: rye."]
        await world.restarts()
        await world.passes(hours=2)
        assert ada.hears() == ["Your bread is still here."]


# --8<-- [end:verbs]


# --8<-- [start:capabilities]
async def test_buttons_become_numbers_where_there_are_none() -> None:
    async with Simulation(bot, capabilities=Capabilities()) as world:
        ada = world.user("Ada")
        assert await ada.says("bread") == ["Which one?\n1) Rye\n2) Spelt"]
        assert await ada.says("the second") == ["We keep one for you: spelt."]


# --8<-- [end:capabilities]


async def test_the_bot_says_hello_again_when_a_colleague_is_done() -> None:
    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        assert await ada.says("help") == ["One moment, a colleague will join us."]
        assert await ada.says("bread") == []
        await grace.closes(ada)
        assert "It is the bot again. Can I do anything else?" in ada.hears()
