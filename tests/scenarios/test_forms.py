"""Forms, as chats: fields are asked, what is known is not, and the whole is shown before it counts."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from attrs import define

from convokit import Bot, DefinitionError, Turn, ask
from convokit.expect import Date, Integer, Text
from convokit.testing import Simulation


@define
class Booking:
    guests: int = ask("For how many?", Integer(1, 20), also=["people"])
    day: date = ask("Which day?", Date())
    room: str = ask("Which room?", Text(), default="", when=lambda form: (form.guests or 0) > 8)
    note: str = ask("Anything else?", Text(), default="", skip=True)


def booking_bot(done: list[Booking]) -> tuple[Bot, Any]:
    bot = Bot("tables", zone="Europe/Istanbul")
    booking = bot.form(Booking)

    @booking.on_complete
    async def booked(turn: Turn, filled: Booking) -> None:
        done.append(filled)
        turn.reply("Booked.")

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    @bot.text("book for four")
    async def book_four(turn: Turn) -> None:
        turn.begin(booking, booking.draft(guests=4))

    return bot, booking


async def test_a_form_asks_its_fields_shows_them_and_hands_the_instance_on() -> None:
    done: list[Booking] = []
    bot, _ = booking_bot(done)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("book") == ["For how many?"]
        assert await ada.says("4") == ["Which day?"]
        assert await ada.says("tomorrow") == ["Anything else?"]
        await world.restarts()
        (shown,) = await ada.says("skip")
        assert shown.text.startswith("guests: 4\nday: ")
        assert shown.text.endswith("\nIs that right?")
        assert [one.label for one in shown.buttons] == ["Yes", "Change something"]
        assert await ada.presses("Yes") == ["Booked."]
    assert done == [Booking(guests=4, day=date(2026, 1, 6))]


async def test_what_depends_on_an_answer_is_asked_when_it_changes() -> None:
    done: list[Booking] = []
    bot, _ = booking_bot(done)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book for four", "tomorrow", "no nuts"):
            await ada.says(said)
        (what,) = await ada.presses("Change something")
        assert what == "What would you like to change?"
        assert await ada.presses("guests") == ["For how many?"]
        assert await ada.says("12") == ["Which room?"]
        (shown,) = await ada.says("The red one")
        assert "room: The red one" in shown.text
        await ada.says("change people")
        (shown,) = await ada.says("3")
        assert "room" not in shown.text
        await ada.says("yes")
    assert [(one.guests, one.room, one.note) for one in done] == [(3, "", "no nuts")]


async def test_the_review_speaks_the_customers_language_and_offers_what_was_answered() -> None:
    done: list[Booking] = []
    bot, _ = booking_bot(done)
    async with Simulation(bot) as world:
        ada = world.user("Ada", locale="de-DE")
        for said in ("book for four", "morgen"):
            await ada.says(said)
        (shown,) = await ada.says("überspringen")
        assert shown.text.endswith("Stimmt das so?")
        assert [one.label for one in shown.buttons] == ["Ja", "Etwas ändern"]
        (what,) = await ada.presses("Etwas ändern")
        assert [one.label for one in what.buttons] == ["guests", "day"]
        await ada.presses("day")
        await ada.says("übermorgen")
        assert await ada.says("ja") == ["Booked."]
    assert [one.day for one in done] == [date(2026, 1, 7)]


async def test_an_answer_that_is_given_again_unchanged_leads_back_to_the_review() -> None:
    done: list[Booking] = []
    bot, _ = booking_bot(done)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for said in ("book for four", "tomorrow", "skip"):
            await ada.says(said)
        for _ in range(2):
            await ada.presses("Change something")
            await ada.says("day")
            (shown,) = await ada.says("tomorrow")
            assert shown.text.endswith("Is that right?")
        (shown,) = await ada.says("summary")
        assert shown.text.count("guests: 4") == 1
        assert "review" not in shown.text
        assert await ada.says("yes") == ["Booked."]


async def test_what_a_message_tells_besides_is_not_asked() -> None:
    done: list[Booking] = []
    bot, booking = booking_bot(done)

    @booking.extract
    async def found(turn: Turn, draft: Any) -> Mapping[str, Any]:
        words = turn.text.split()
        found: dict[str, Any] = {"guests": int(words[words.index("for") + 1])} if "for" in words else {}
        return found | ({"note": "window"} if "window" in words else {})

    @bot.regex("table.*")
    async def table(turn: Turn) -> None:
        turn.begin(booking)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.says("table for 5 at the window") == ["Which day?"]
        (shown,) = await ada.says("tomorrow")
        assert "guests: 5" in shown.text
        assert "note: window" in shown.text
        await ada.says("cancel")
        await ada.says("book")
        assert await ada.says("a table for 6 if you can, at the window") == ["Which day?"]


def test_a_form_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(DefinitionError, match="left out"):
        ask("Note?", Text(), skip=True)

    @define
    class Nothing:
        one: str = ""

    with pytest.raises(DefinitionError, match="no field is asked"):
        Bot("x").form(Nothing)
    _, booking = booking_bot([])
    with pytest.raises(DefinitionError, match="it asks for guests"):
        booking.draft(guest=4)
    with pytest.raises(DefinitionError, match="cannot begin"):
        booking.draft(guests="many")


async def test_what_was_known_from_the_start_is_asked_when_it_is_chosen_to_be_changed() -> None:
    done: list[Booking] = []
    bot, booking = booking_bot(done)

    @bot.text("again")
    async def again(turn: Turn) -> None:
        turn.begin(booking, booking.draft(guests=4, day="2026-01-06", note=""))

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        (shown,) = await ada.says("again")
        assert shown.text.startswith("guests: 4\nday: ")
        assert "note" not in shown.text
        await ada.presses("Change something")
        assert await ada.presses("guests") == ["For how many?"]
        (shown,) = await ada.says("5")
        assert shown.text.startswith("guests: 5\nday: ")
        await ada.presses("Yes")
    assert done == [Booking(guests=5, day=date(2026, 1, 6))]


NO = ("no", "No thanks", "nein", "hayır", "non", "no, gracias", "नहीं", "לא", "لا", "👎")
YES = ("yes please", "evet", "ja, bitte", "oui", "sí", "हाँ", "כן", "نعم", "👍")


@pytest.mark.parametrize("said", NO)
async def test_no_to_the_review_asks_what_to_change(said: str) -> None:
    bot, _ = booking_bot([])
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for answer in ("book for four", "tomorrow", "skip"):
            await ada.says(answer)
        (asked,) = await ada.says(said)
        assert asked == "What would you like to change?"


@pytest.mark.parametrize("said", YES)
async def test_yes_in_any_language_ends_it(said: str) -> None:
    done: list[Booking] = []
    bot, _ = booking_bot(done)
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for answer in ("book for four", "tomorrow", "skip"):
            await ada.says(answer)
        assert await ada.says(said) == ["Booked."]
    assert {one.guests for one in done} == {4}  # a handler that runs again after a fault is told so twice


async def test_a_yes_that_says_more_is_asked_again() -> None:
    bot, _ = booking_bot([])
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        for answer in ("book for four", "tomorrow", "skip"):
            await ada.says(answer)
        (asked,) = await ada.says("yes, but for five")
        assert asked.text.endswith("Is that right?")


def test_a_draft_out_of_bounds_is_refused_with_the_field_and_its_bounds() -> None:
    _, booking = booking_bot([])
    for guests in (0, 21):
        with pytest.raises(DefinitionError, match=rf"guests={guests}: Integer"):
            booking.draft(guests=guests)
    for guests in (1, 20):
        assert booking.draft(guests=guests).guests == guests


async def test_what_extract_finds_out_of_bounds_is_asked_and_what_was_known_stays() -> None:
    bot, booking = booking_bot([])

    @booking.extract
    async def numbers(turn: Turn, draft: Any) -> Mapping[str, Any]:
        found = [int(word) for word in turn.text.split() if word.isdigit()]
        return {"guests": found[0]} if found else {}

    @bot.regex("table for .*")
    async def table(turn: Turn) -> None:
        turn.begin(booking)

    async with Simulation(bot) as world:
        ada, ben = world.user("Ada"), world.user("Ben")
        assert await ada.says("table for 40") == ["For how many?"]
        assert await ben.says("table for 4") == ["Which day?"]
        assert await ben.says("tomorrow 99") == ["Anything else?"]
        (shown,) = await ben.says("skip")
        assert shown.text.startswith("guests: 4\n")


async def test_a_day_that_is_over_when_the_form_begins_is_asked() -> None:
    @define
    class Visit:
        day: date = ask("Which day?", Date(earliest=timedelta(0)))

    bot = Bot("visits")
    visit = bot.form(Visit)

    @bot.text("old")
    async def old(turn: Turn) -> None:
        turn.begin(visit, visit.draft(day=date(2020, 1, 1)))

    @bot.text("new")
    async def new(turn: Turn) -> None:
        turn.begin(visit, visit.draft(day=date(2026, 1, 9)))

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("old") == ["Which day?"]
        (shown,) = await world.user("Ben").says("new")
        assert shown.text.endswith("Is that right?")


async def test_the_summary_in_a_form_tells_what_was_found_too_and_at_the_review_nothing_twice() -> None:
    bot, _ = booking_bot([])
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book for four")
        (told,) = await ada.says("summary")
        assert "guests: 4" in told.text
        for answer in ("tomorrow", "skip"):
            await ada.says(answer)
        (told,) = await ada.says("summary")
        assert told.text.count("guests: 4") == 1
