"""A parcel's number is read, and what is none is answered in the customer's language."""

from own_expectation import bot

from convokit.testing import Simulation


async def test_a_parcel_is_found_by_its_number() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("track")
        assert await ada.says("P-12345679") == ["There is no such number.\nWhich parcel?"]
        assert await ada.says("p 12345678") == ["Parcel 12345678 is on its way."]
        ulla = world.user("Ulla", locale="de-DE")
        await ulla.says("track")
        assert await ulla.says("keine Ahnung") == ["So eine Nummer gibt es nicht.\nWhich parcel?"]
