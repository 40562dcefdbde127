"""The lamp shop, tested as chats, with what a mail can show."""

from lamp_shop import bot

from convokit import Button, Image
from convokit.testing import Simulation
from convokit.transports import Email


# --8<-- [start:test]
async def test_a_lamp_is_kept_by_its_number() -> None:
    async with Simulation(bot, capabilities=Email.capabilities) as world:
        ada = world.user("Ada")
        [question] = await ada.says("I want a lamp")
        assert question.buttons == (Button("1) Desk lamp", "Desk lamp"), Button("2) Floor lamp", "Floor lamp"))
        assert await ada.says("2") == ["We keep one for you: floor lamp."]


# --8<-- [end:test]


async def test_a_stranger_gets_no_orders_told() -> None:
    async with Simulation(bot, capabilities=Email.capabilities) as world:
        assert await world.user("Eve").says("my orders") == ["Please answer a mail of ours, so that we know you."]


async def test_a_picture_goes_to_a_person_and_what_happens_is_noted() -> None:
    async with Simulation(bot, capabilities=Email.capabilities) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        picture = Image(data=b"picture", media_type="image/png")
        assert await ada.sends(picture) == ["Thank you. A colleague looks at it and writes to you."]
        await grace.closes(ada)
