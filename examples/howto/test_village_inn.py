"""What guests of the inn answer, in Turkish and in English, and what they are asked back."""

from village_inn import bot

from convokit.testing import Simulation


# --8<-- [start:chat]
async def test_a_table_is_booked_as_people_talk() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("masa") == ["For how many?"]
        assert await ada.says("dört kişiyiz") == ["When?"]
        assert await ada.says("yarın akşam yedi buçukta") == ["What may we prepare?"]
        assert await ada.says("1 and 3") == ["On which number do we reach you?"]
        assert await ada.says("0532 123 45 67") == ["Where shall we pick you up?"]
        (told,) = await ada.says("at the old mill")
        assert told.text.endswith("19:30, Lamb and Mezze; +905321234567; from at the old mill.")


# --8<-- [end:chat]


async def test_what_is_unclear_is_asked_in_the_guests_language() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("masa")
        assert await ada.says("kalabalığız") == ["Lütfen 1 ile 12 arasında bir tam sayı yazın.\nFor how many?"]
        await ada.says("4")
        (closed,) = await ada.says("yarın sabah 9")
        assert closed.text == "Lütfen 12:00 ile 23:00 arasında bir saat yazın.\nWhen?"
        bob = world.user("Bob", locale="en-GB")
        await bob.says("table")
        await bob.says("two of us")
        (which,) = await bob.says("next friday at 8 pm")
        assert which.text == "When do you mean?"
        assert len(which.buttons) == 2


async def test_a_place_may_be_shared() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("masa")
        await ada.says("2")
        await ada.says("yarın 20:00")
        await ada.says("hepsi")
        await ada.says("+90 532 123 45 67")
        (told,) = await ada.says("41.0082, 28.9784")
        assert told.text.endswith("from the place on your map.")
