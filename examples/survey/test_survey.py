"""The survey, tested as chats, and by simulated customers."""

import pytest
from survey import bot

from convokit.testing import Simulation
from convokit.testing.personas import wander


async def test_it_begins_when_the_order_has_arrived_even_with_somebody_who_never_wrote() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await world.signals("order.delivered", to=ada, order="42")
        assert ada.hears() == [
            "Your order has arrived. May we ask three short questions?",
            "How likely is it that you order again, from 0 to 10?",
        ]
        (asked,) = await ada.says("five")
        assert asked.labels[:2] == ["Too late", "Damaged"]
        assert await ada.says("too late and damaged") == ["What shall we do better? Or say “skip”."]
        assert await ada.says("skip") == ["Thank you! That helps us."]


async def test_the_happy_are_not_asked_what_was_wrong() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("survey")
        assert await ada.says("10") == ["What shall we do better? Or say “skip”."]
        assert await ada.says("change the score") == ["How likely is it that you order again, from 0 to 10?"]
        (asked,) = await ada.says("3")
        assert asked == "What was wrong? You can name several."


async def test_silence_ends_it_without_a_word() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("survey")
        await world.passes(hours=5)
        assert len(ada.hears()) == 1
        await world.passes(days=2)
        assert ada.hears() == []
        (said,) = await ada.says("10")
        assert said.text.startswith("Say “survey”")


async def test_it_speaks_the_customers_language_where_it_can() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada", locale="tr")
        await ada.says("survey")
        (asked,) = await ada.says("çok")
        assert asked.text.startswith("Lütfen")
        assert (await ada.says("vazgeç"))[-1] == "We will not ask again about this order."


async def test_simulated_customers_find_nothing_wrong() -> None:
    await wander(bot, runs=6, signals={"order.delivered": {"order": "42"}})


@pytest.mark.slow
async def test_simulated_customers_find_nothing_wrong_in_many_runs() -> None:
    found = await wander(bot, runs=500, seed=1000, signals={"order.delivered": {"order": "42"}})
    assert {"opinion.score", "opinion.problems", "opinion.wish"} <= found.states
