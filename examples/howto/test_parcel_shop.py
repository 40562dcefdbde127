"""The parcel shop's chats, and what it may say when."""

from datetime import timedelta

from parcel_shop import bot, shipped, tell

from convokit import Button, OutsideWindow
from convokit.testing import Simulation
from convokit.transports import WhatsApp
from convokit.transports.whatsapp import ASK_LOCATION


async def test_a_place_is_asked_for_and_orders_are_thanked_for() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada", channel="whatsapp")
        (asked,) = await ada.says("deliver")
        assert asked.buttons == (Button("Send my location", ASK_LOCATION),)
        await world.signals("whatsapp.order", ada, product_items=[{"quantity": 1}, {"quantity": 2}])
        assert ada.hears() == ["Thank you! 2 things are being packed."]


async def test_within_the_day_it_is_a_text_and_after_it_a_template() -> None:
    async with Simulation(bot, window=timedelta(hours=24)) as world:
        ada = world.user("Ada", channel="whatsapp")
        await ada.says("deliver")
        await tell(world.engine, ada.conversation, "Ada", "42", 12)
        await world.settles()
        assert ada.hears() == ["Parcel 42 is on its way, Ada."]
        await world.passes(hours=25)
        refused = False
        try:
            await tell(world.engine, ada.conversation, "Ada", "43", 12)
        except OutsideWindow:
            refused = True  # the simulated channel has no templates: the real one takes it
        assert refused
    whatsapp = bot.transports["whatsapp"]
    assert isinstance(whatsapp, WhatsApp)
    assert whatsapp.takes_outside(shipped("Ada", "43", 12))
