"""The pizzeria, tested as chats."""

# --8<-- [start:tests]
from pizza import bot

from convokit.testing import Simulation


async def test_the_size_is_asked_until_it_is_known() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("pizza") == ["Small or large?"]
        assert await ada.says("huge") == ["Small or large?"]
        assert await ada.says("large") == ["Where shall we bring it?"]
        assert await ada.says("12 Crane St") == ["One large pizza is on its way to 12 Crane St."]


async def test_the_bot_is_silent_while_an_operator_has_the_conversation() -> None:
    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await ada.says("help")
        assert await ada.says("pizza") == []
        await grace.says("Yours is in the oven.", to=ada)
        assert ada.hears() == ["Yours is in the oven."]
        await grace.closes(ada)
        assert await ada.says("pizza") == ["Small or large?"]


# --8<-- [end:tests]
