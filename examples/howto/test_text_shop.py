"""The shop's texts: numbered options, a way in by keyword, and an end to it."""

import os
from unittest import mock

from text_shop import bot, others

from convokit import ConversationClosed, ConversationId, ConversationOpened, User
from convokit.testing import Simulation
from convokit.transports.sms import segments

ADA = "+15552223333"
HERE = ConversationId("sms", ADA)


async def test_the_keyword_opens_and_a_number_presses() -> None:
    async with Simulation(bot) as world:
        ada = world.user(ADA, channel="sms")
        at = world.clock.now()
        opened = ConversationOpened(id="SM1", conversation=HERE, at=at, user=User(id=ADA), ref="spring-sale")
        await world.engine.accept([opened])
        await world.settles()
        assert ada.hears()[-1].text == ("Two for one until Sunday. Which shall we put aside?\n1) Bread\n2) Cake")
        (answer,) = await ada.says("1")
        assert answer.text == "A loaf it is.\n1) Two, please"


async def test_who_stops_gets_one_word_more() -> None:
    async with Simulation(bot) as world:
        ada = world.user(ADA, channel="sms")
        at = world.clock.now()
        await world.engine.accept(
            [ConversationClosed(id="SM2", conversation=HERE, at=at, user=User(id=ADA), reason="stop")]
        )
        await world.settles()
        assert [one.text for one in ada.hears()] == ["No more texts from the Corner Shop. START brings you back."]


def test_the_ways_to_make_it_are_sound() -> None:
    secrets = {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "0" * 32,
        "VONAGE_API_KEY": "abcd1234",
        "VONAGE_API_SECRET": "0" * 16,
        "VONAGE_SIGNATURE_SECRET": "0" * 32,
        "VONAGE_FROM": "+4915112345678",
    }
    with mock.patch.dict(os.environ, secrets):
        for one in others():
            one.check()


def test_what_it_costs() -> None:
    # --8<-- [start:parts]
    assert segments("Your parcel is on its way.").parts == 1
    dear = segments("It’s on its way!" + " Thank you." * 6)
    assert (dear.parts, dear.encoding, dear.forcing) == (2, "UCS-2", ("’",))
    # --8<-- [end:parts]
