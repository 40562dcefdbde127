"""The bank, tested as chats, and by simulated customers."""

import pytest
from bank import bot

from convokit.testing import Person, Simulation
from convokit.testing.personas import wander


async def says_all(person: Person, *said: str) -> str:
    """The last thing that comes back."""
    heard = [one for each in said for one in await person.says(each)]
    return heard[-1].text


async def test_a_card_is_blocked_once_it_is_known_whose_it_is() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await says_all(ada, "I lost my card", "credit card") == "Your customer number, please."
        assert await says_all(ada, "100200", "1111") == "Your customer number, please."
        asked = await says_all(ada, "100200", "2468")
        assert asked == "Shall I block the credit card of customer 100200 for good?"
        assert await says_all(ada, "yes") == "Your credit card is blocked. A new one is on its way."


# --8<-- [start:tries]
async def test_three_wrong_pins_end_with_the_security_team_whatever_is_said_in_between() -> None:
    async with Simulation(bot) as world:
        ada, grace = world.user("Ada"), world.operator("Grace")
        await says_all(ada, "block my card", "debit card", "100200", "1111")
        await says_all(ada, "back", "1112", "start over", "100200")
        assert await ada.says("1113") == ["I cannot verify you. Our security team will join us."]
        assert await ada.says("2468") == []
        await grace.joins(ada)
        await grace.closes(ada)
        assert await says_all(ada, "block my card") == "Which card?"


# --8<-- [end:tries]


async def test_a_pin_is_not_told_again() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await says_all(ada, "change my limit", "500 euros", "100200", "2468")
        said = await says_all(ada, "what did I say")
        assert "2468" not in said
        assert "100200" not in said


async def test_three_answers_that_are_no_number_fetch_a_person() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await says_all(ada, "block my card", "debit card", "what number", "where")
        assert await ada.says("I have none") == ["I did not understand that. A colleague will join us."]


async def test_simulated_customers_find_nothing_wrong() -> None:
    await wander(bot, runs=6, answers=["100200", "2468", "100300", "1357", "9999"])


@pytest.mark.slow
async def test_simulated_customers_find_nothing_wrong_in_many_runs() -> None:
    found = await wander(bot, runs=500, seed=1000, acts=20, answers=["100200", "2468", "2468"])
    assert {"identity.number", "identity.pin", "blocking.card", "limits.amount"} <= found.states
    assert {"blocking.sure", "limits.agreed"} <= found.states
