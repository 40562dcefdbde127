"""A restaurant that takes bookings: a form asks for a day and a time, shows what it understood, and can be changed.

Say "book a table", then answer as you like: "next Saturday", "half past seven", "we are four". Say "change the day" in
the middle, or "change my booking" a week later.

    convokit check restaurant:bot
    convokit chat restaurant:bot
"""

# --8<-- [start:form]
from datetime import date, time, timedelta
from typing import Any

from attrs import define

from convokit import Bot, Turn, ask
from convokit.desks import Inbox
from convokit.expect import Choice, Date, Integer, Text, Time

bot = Bot("restaurant", desk=Inbox(), zone="Europe/Istanbul")


@define
class Booking:
    day: date = ask("Which day would you like to come?", Date(timedelta(0), timedelta(days=90)))
    hour: time = ask("At what time? The kitchen is open from 17:00 to 22:00.", Time(time(17), time(22)), also=["time"])
    guests: int = ask("For how many?", Integer(1, 12), also=["people", "number of guests"])
    place: str = ask(
        "In the garden or inside?",
        Choice(["Garden", "Inside"]),
        default="Inside",
        when=lambda booking: (booking.guests or 0) <= 6,
    )
    wish: str = ask("Is there anything we should know? Or say “skip”.", Text(longest=300), default="", skip=True)


booking = bot.form(Booking, timeout=timedelta(hours=12), reminders=[timedelta(minutes=20)])


@booking.on_complete
async def booked(turn: Turn, table: Booking) -> None:
    turn.profile["booking"] = stored(table)
    turn.reply(f"Your table for {table.guests} is booked: {table.day:%d %B}, {table.hour:%H:%M}. See you then!")


@booking.on_cancel
async def not_booked(turn: Turn, draft: Any) -> None:
    turn.reply("Nothing is booked." if "booking" not in turn.profile else "Your booking stays as it was.")


# --8<-- [end:form]


# --8<-- [start:begin]
@bot.text("book a table", "book", "reserve a table")
@bot.button("Book a table")
async def book(turn: Turn) -> None:
    turn.begin(booking)


@bot.text("change my booking")
@bot.button("Change my booking")
async def change_booking(turn: Turn) -> None:
    kept = turn.profile.get("booking")
    if kept is None:
        turn.reply("You have no booking yet. Say “book a table”.")
    else:
        turn.begin(booking, booking.draft(**kept))


# --8<-- [end:begin]


@bot.text("cancel my booking")
async def cancel_booking(turn: Turn) -> None:
    if turn.profile.pop("booking", None) is None:
        turn.reply("You have no booking.")
    else:
        turn.reply("Your booking is cancelled.")


# --8<-- [start:interrupts]
@bot.text("opening hours", "when are you open", "menu", interrupts=True)
@bot.button("Opening hours", interrupts=True)
async def opening_hours(turn: Turn) -> None:
    turn.reply("We are open every day, the kitchen from 17:00 to 22:00. The menu is on restaurant.example/menu.")


# --8<-- [end:interrupts]


@bot.text("a person", "talk to a person")
async def person(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


@bot.fallback
async def welcome(turn: Turn) -> None:
    turn.reply("How can I help?", buttons=["Book a table", "Change my booking", "Opening hours"])


def stored(table: Booking) -> dict[str, Any]:
    """A booking as the profile keeps it: JSON's own types."""
    return {
        "day": f"{table.day}",
        "hour": f"{table.hour}",
        "guests": table.guests,
        "place": table.place,
        "wish": table.wish,
    }
