"""The airline, tested as chats, and by simulated customers."""

import pytest
from airline import bot, checking_in

from convokit.testing import Simulation
from convokit.testing.personas import wander


async def test_the_check_in_calls_the_dialog_that_asks_for_a_seat() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("check in") == ["What is your booking code?"]
        assert (await ada.says("AB1CD"))[0] == "I find no booking AB1CD."
        assert await ada.says("kx7pl") == ["Flight CK 204. How many bags do you check in?"]
        assert await ada.says("two") == ["Window or aisle?"]
        await world.restarts()
        assert await ada.presses("Window") == ["Which row, from 1 to 30?"]
        assert await ada.says("12") == ["2 bags, row 12, window. Check in?"]
        assert await ada.says("yes please") == ["You are checked in on CK 204. Have a good flight!"]


# --8<-- [start:delay]
async def test_a_delay_reaches_the_traveller_in_the_middle_of_the_check_in() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("check in")
        await ada.says("KX7PL")
        await world.signals("flight.delayed", to=ada, flight="CK 204", hours=3)
        assert ada.hears() == [
            "Flight CK 204 is delayed by 3 hours. We are sorry.",
            "Flight CK 204. How many bags do you check in?",
        ]
        assert await ada.presses("Rebook me") == ["Which booking shall we change?"]
        for said in ("KX7PL", "tonight", "aisle", "7"):
            await ada.says(said)
        assert await ada.says("yes") == [
            "You fly tonight.",
            "Back to where we were:\nFlight CK 204. How many bags do you check in?",
        ]


# --8<-- [end:delay]


async def test_cancelling_while_the_seat_is_asked_cancels_the_check_in() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("check in", "MB2QT", "0"):
            await ada.says(said)
        (cancelled, told) = await ada.says("cancel")
        assert cancelled == "All right, that is cancelled."
        assert told.text.startswith("You are not checked in yet.")


async def test_who_knows_no_code_is_fetched_by_a_person() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("check in")
        for said in ("what code?", "which ticket", "no idea"):
            (asked,) = await ada.says(said)
            assert asked.text.startswith("A booking code has five characters")
        assert await ada.says("help me out") == ["I did not understand that. A colleague will join us."]


def test_the_call_is_in_the_drawing() -> None:
    assert "seat" in checking_in.draw()


async def test_simulated_customers_find_nothing_wrong() -> None:
    await wander(bot, runs=6, answers=["KX7PL", "mb2qt"], signals={"flight.delayed": {"flight": "CK 204", "hours": 3}})


@pytest.mark.slow
async def test_simulated_customers_find_nothing_wrong_in_many_runs() -> None:
    answers, signals = ["KX7PL", "mb2qt", "ZZ9ZZ"], {"flight.delayed": {"flight": "CK 204", "hours": 3}}
    found = await wander(bot, runs=500, seed=1000, answers=answers, signals=signals)
    assert {"check_in.code", "check_in.bags", "check_in.ready", "seat.side", "seat.row"} <= found.states
    assert {"rebooking.booking", "rebooking.when", "rebooking.agreed"} <= found.states
