"""The bakery's line, tested as phone calls."""

# --8<-- [start:call]
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from bakery_line import bot, voice

from convokit.stores import Memory
from convokit.testing import VirtualClock
from convokit.testing.phone_caller import PhoneCaller
from convokit.testing.platform_double import PlatformDouble, Reply

pytestmark = pytest.mark.anyio


async def test_bread_is_ordered_with_words_and_keys() -> None:
    async with bot.serve(Memory()) as engine:
        ada = PhoneCaller.of(bot, engine, voice)
        assert await ada.rings() == [
            "Corner Bakery. What can we do for you?",
            (
                "For Order bread, press 1, or say Order bread. For Opening hours, press 2, or say Opening hours. "
                "For Somebody else, press 3, or say Somebody else."
            ),
        ]
        assert (await ada.presses("1"))[0] == "Which bread would you like?"
        assert await ada.says("Rye, please.") == ["How many loaves?"]
        assert (await ada.presses("2"))[0] == "bread: Rye. loaves: 2. Is that right?"
        assert await ada.says("yes") == ["2 of rye, ready from eight tomorrow. See you then!"]
        assert await ada.stays_silent() == ["Is there anything else I can do for you?"]
        await ada.hangs_up()


# --8<-- [end:call]


async def test_who_was_cut_off_goes_on_where_they_were() -> None:
    async with bot.serve(Memory()) as engine:
        ada = PhoneCaller.of(bot, engine, voice)
        await ada.rings()
        await ada.says("order bread")
        await ada.says("spelt")
        await ada.hangs_up()
        assert await ada.rings() == ["Corner Bakery. We were cut off in the middle of your order.", "How many loaves?"]
        assert (await ada.says("three"))[0] == "bread: Spelt. loaves: 3. Is that right?"


async def test_the_opening_hours_are_told() -> None:
    async with bot.serve(Memory()) as engine:
        ada = PhoneCaller.of(bot, engine, voice)
        await ada.rings()
        assert await ada.says("When are you open?") == ["We are open from seven to six, on Sundays from eight to noon."]


# --8<-- [start:handoff]
async def ends(engine: Any, clock: VirtualClock) -> None:
    """The voice ends: nobody is called, and nothing is said, while it speaks."""
    for _ in range(10):
        await engine.quiet()
        await clock.move_to(clock.now() + timedelta(seconds=1))


async def test_somebody_is_called_and_hears_first_what_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    async with PlatformDouble(lambda _: Reply()) as twilio:
        monkeypatch.setattr(voice, "account", evolve(voice.account, api_url=twilio.url))
        async with bot.serve(Memory(), clock=clock) as engine:
            ada = PhoneCaller.of(bot, engine, voice)
            twilio.script = ada.api
            await ada.rings()
            assert await ada.says("Talk to somebody.") == ["One moment, I will call somebody."]
            await ends(engine, clock)
            assert await ada.is_told() == []
            assert ada.dialled == "+442079460001"

            whispered = await ada.operator_answers()
            assert whispered[0].startswith("You have a call from 4 4 7 7 0 0")
            assert whispered[0].endswith("The caller said: Talk to somebody.")
            assert whispered[1] == "Press any key to take the call."
            assert await ada.operator_presses("1") == []  # they are connected now

            await ada.operator_hangs_up()
            assert ada.over


# --8<-- [end:handoff]


async def test_where_nobody_comes_to_the_phone_the_bot_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    async with PlatformDouble(lambda _: Reply()) as twilio:
        monkeypatch.setattr(voice, "account", evolve(voice.account, api_url=twilio.url))
        async with bot.serve(Memory(), clock=clock) as engine:
            ada = PhoneCaller.of(bot, engine, voice)
            twilio.script = ada.api
            await ada.rings()
            await ada.presses("3")
            await ends(engine, clock)
            await ada.is_told()
            assert await ada.operator_hangs_up("no-answer") == [
                "Nobody can come to the phone. Shall I take your order?",
                "For Order bread, press 1, or say Order bread.",
            ]
            assert (await ada.says("order bread"))[0] == "Which bread would you like?"
