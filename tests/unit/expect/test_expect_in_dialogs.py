"""Expectations in a dialog: in the customer's language and time zone, with what helps and what it could mean."""

import datetime as dt
from typing import Any

import pytest
from attrs import define, field

from convokit import END, Amount, Bot, Date, DateTime, DefinitionError, Email, Integer, Message, Money, Turn
from convokit.testing import Simulation


@define
class Booking:
    guests: int = 0
    day: dt.date | None = None
    at: dt.datetime | None = None
    deposit: Amount | None = None
    mail: str = ""
    told: list[str] = field(factory=list)


def restaurant(**more: Any) -> Bot:
    bot = Bot("restaurant", **more)
    booking = bot.dialog(Booking)

    @booking.state(ask="For how many?", expect=Integer(1, 8), to=["day"])
    async def guests(turn: Turn, order: Booking, answer: int) -> None:
        order.guests = answer

    @booking.state(ask="Which day?", expect=Date(earliest=dt.timedelta(0)), to=["at"])
    async def day(turn: Turn, order: Booking, answer: dt.date) -> None:
        order.day = answer

    @booking.state(ask="When shall we call?", expect=DateTime(), retry="A day and a time.", to=["deposit"])
    async def at(turn: Turn, order: Booking, answer: dt.datetime) -> None:
        order.at = answer

    @booking.state(ask="How much?", expect=Money("TRY"), to=["mail"])
    async def deposit(turn: Turn, order: Booking, answer: Amount) -> None:
        order.deposit = answer

    @booking.state(ask="Your mail?", expect=Email(), to=[END])
    async def mail(turn: Turn, order: Booking, answer: str) -> None:
        zone = dt.timezone(order.at.utcoffset() or dt.timedelta(0)) if order.at else None
        turn.reply(
            f"{order.guests}, {order.day}, {order.at and order.at.astimezone(zone):%d %H:%M}, {order.deposit}, {answer}"
        )

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(booking)

    return bot


async def test_a_booking_in_the_bots_language_and_zone() -> None:
    async with Simulation(restaurant(locale="tr-TR", zone="Europe/Istanbul")) as world:
        ada = world.user("Ada")
        assert await ada.says("book") == ["For how many?"]
        assert await ada.says("kalabalık") == ["Lütfen 1 ile 8 arasında bir tam sayı yazın.\nFor how many?"]
        assert await ada.says("dört kişi") == ["Which day?"]
        assert await ada.says("yarın") == ["When shall we call?"]
        assert await ada.says("öbür gün akşam 6'da") == ["How much?"]
        assert await ada.says("1.500 TL") == ["Your mail?"]
        (told,) = await ada.says("ada@example.org")
        assert told.text.startswith("4, ")
        assert "18:00, 1500.00 TRY, ada@example.org" in told.text


async def test_what_an_answer_could_mean_is_offered_and_pressed() -> None:
    async with Simulation(restaurant(locale="en-GB")) as world:
        ada = world.user("Ada")
        await ada.says("book")
        await ada.says("two")
        (asked,) = await ada.says("next friday")
        assert asked.text == "Which day do you mean?"
        labels = [one.label for one in asked.buttons]
        assert len(labels) == 2
        assert await ada.presses(labels[1]) == ["When shall we call?"]
        (retried,) = await ada.says("tomorrow at 5")
        assert retried.text == "A day and a time."
        assert len(retried.buttons) == 2
        assert await ada.says("the second") == ["How much?"]
        await ada.says("5k")
        (hint,) = await ada.says("ada@gmial.com")
        assert hint.text == "Did you mean ada@gmail.com?"
        (told,) = await ada.says("ada@gmial.com")
        assert told.text.endswith("5000.00 TRY, ada@gmial.com")


async def test_the_customers_own_locale_goes_before_the_bots() -> None:
    bot = restaurant(locale="tr-TR", sentences={"it": {"integer_between": "Da {least} a {most}, per favore."}})

    @bot.text("who")
    async def who(turn: Turn) -> None:
        turn.reply(f"{turn.situation.locale} {turn.situation.zone} {turn.situation.now == turn.now}")

    async with Simulation(bot) as world:
        assert await world.user("Ada").says("who") == ["tr-TR UTC True"]
        ada = world.user("Bruna", locale="it")
        assert await ada.says("who") == ["it UTC True"]
        await ada.says("book")
        assert await ada.says("boh") == ["Da 1 a 8, per favore.\nFor how many?"]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"locale": "turkish!"}, "BCP 47"),
        ({"zone": "Istanbul"}, "no time zone"),
        ({"zone": "../etc/passwd"}, "no time zone"),
    ],
)
def test_a_locale_or_zone_that_does_not_exist_is_refused(more: dict[str, str], complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        Bot("restaurant", **more)  # type: ignore[arg-type]  # the dictionary mixes kinds


async def test_a_retry_with_buttons_of_its_own_keeps_them_unless_something_is_offered() -> None:
    bot = Bot("restaurant")
    asking = bot.dialog(Booking)

    @asking.state(ask="Day?", expect=Date(), retry=Message("A day.", buttons=["Today"]), to=[END])
    async def day(turn: Turn, order: Booking, answer: dt.date) -> None:
        turn.reply(answer.isoformat())

    @bot.text("book")
    async def book(turn: Turn) -> None:
        turn.begin(asking)

    async with Simulation(bot) as world:
        ada = world.user("Ada")
        await ada.says("book")
        (plain,) = await ada.says("blah")
        assert [one.label for one in plain.buttons] == ["Today"]
        (offered,) = await ada.says("03/04")
        assert len(offered.buttons) == 2
