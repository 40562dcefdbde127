"""The restaurant, tested as chats, and by simulated customers."""

# --8<-- [start:chats]
import pytest
from restaurant import bot

from convokit.testing import Simulation
from convokit.testing.personas import wander

CORRECTED = "day: Tuesday 6 January\nhour: 7:30 pm\nguests: 4\nplace: Garden\nIs that right?"


async def test_a_table_is_booked_with_one_answer_corrected_on_the_way() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("book a table") == ["Which day would you like to come?"]
        assert await ada.says("tomorrow") == ["At what time? The kitchen is open from 17:00 to 22:00."]
        assert await ada.says("half past seven") == ["For how many?"]
        assert await ada.says("two") == ["In the garden or inside?"]
        await ada.presses("Garden")
        assert await ada.says("change the number of guests") == ["For how many?"]
        assert await ada.says("four of us") == ["Is there anything we should know? Or say “skip”."]
        assert await ada.says("skip") == [CORRECTED]
        assert await ada.presses("Yes") == ["Your table for 4 is booked: 06 January, 19:30. See you then!"]


# --8<-- [end:chats]


async def test_what_is_unclear_is_asked_with_what_it_could_mean() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        (asked,) = await ada.says("next saturday")
        assert asked.labels == ["Saturday 10 January", "Saturday 17 January"]
        await ada.presses("Saturday 17 January")
        (asked,) = await ada.says("at noon")
        assert "17:00" in asked.text


async def test_a_booking_is_changed_later_and_cancelled() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book", "tomorrow", "18:00", "8", "skip", "yes"):
            await ada.says(said)
        await world.restarts()
        (shown,) = await ada.says("change my booking")
        assert shown.text.startswith("day: Tuesday 6 January\nhour: 6:00 pm\nguests: 8")
        await ada.presses("Change something")
        await ada.presses("guests")
        assert await ada.says("3") == ["In the garden or inside?"]
        (shown,) = await ada.says("inside")
        assert "guests: 3\nplace: Inside" in shown.text
        assert await ada.says("never mind") == ["All right, that is cancelled.", "Your booking stays as it was."]
        assert await ada.says("cancel my booking") == ["Your booking is cancelled."]
        assert (await ada.says("change my booking"))[0].text.startswith("You have no booking")


async def test_the_opening_hours_are_told_in_the_middle() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        (told, asked) = await ada.says("When are you open?")
        assert told.text.startswith("We are open every day")
        assert asked == "Which day would you like to come?"


async def test_who_falls_silent_is_reminded_and_let_go() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await world.passes(minutes=21)
        assert ada.hears() == ["Are you still there?\nWhich day would you like to come?"]
        await world.passes(hours=12)
        assert ada.hears()[0].text.startswith("I have stopped waiting")


# --8<-- [start:customers]
WORTH_A_TRY = ["tomorrow", "next saturday", "half past seven", "four"]


async def test_simulated_customers_find_nothing_wrong() -> None:
    await wander(bot, runs=6, answers=WORTH_A_TRY)


@pytest.mark.slow
async def test_simulated_customers_find_nothing_wrong_in_many_runs() -> None:
    found = await wander(bot, runs=500, seed=1000, answers=WORTH_A_TRY)
    assert {f"booking.{one}" for one in ("day", "hour", "guests", "place", "wish", "review")} <= found.states


# --8<-- [end:customers]
