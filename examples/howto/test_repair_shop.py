"""Operators who are there, who are not, and who do not answer in time."""

from repair_shop import WORKSHOP, bot

from convokit.testing import Simulation


# --8<-- [start:unattended]
async def test_a_callback_is_offered_when_nobody_is_there() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        world.desk.operators = 0
        assert await ada.says("my bicycle") == [
            "One moment, a mechanic will join us.",
            "Nobody is here right now. On which number shall we call you back?",
        ]
        assert await ada.says("030 1234567") == ["We call 030 1234567 back."]


# --8<-- [end:unattended]


async def test_whom_nobody_answers_in_time_is_offered_a_callback() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("my bicycle") == ["One moment, a mechanic will join us."]
        await world.passes(minutes=30)
        assert ada.hears() == ["Everybody is busy. Shall we call you back instead?"]
        assert await ada.presses("Call me back") == [
            "Nobody is here right now. On which number shall we call you back?"
        ]


async def test_the_bot_asks_who_is_there_before_it_hands_over() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        world.desk.operators = 0
        (said,) = await ada.says("my bill")
        assert said.text.startswith("Bills are answered by people")
        world.desk.operators = 2
        assert await ada.says("my bill") == ["One moment. 0 wait before you."]


async def test_the_workshop_is_closed_over_noon_and_at_christmas() -> None:
    async with Simulation(bot) as world:
        now = world.clock.now()
        assert WORKSHOP.is_open(now)
        assert not WORKSHOP.is_open(now.replace(hour=12))
        assert not WORKSHOP.is_open(now.replace(month=12, day=25))
