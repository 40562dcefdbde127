"""A bicycle repair shop with operators: the page about the inbox shows pieces of it."""

# --8<-- [start:desk]
from datetime import date, timedelta

from attrs import define

from convokit import END, Bot, HandoffClosed, HandoffUnattended, Turn
from convokit.desks import Hours, Inbox, Queue
from convokit.transports import WebChat

WORKSHOP = Hours(
    zone="Europe/Berlin",
    week={"mon-fri": "09:00-12:30, 13:30-18:00", "sat": "10:00-14:00"},
    closed=[date(2026, 12, 25), date(2026, 12, 26)],
)

bot = Bot(
    "repairs",
    desk=Inbox(
        queues=["", Queue("workshop", "The workshop", WORKSHOP), Queue("bills", "Bills")],
        silence=timedelta(minutes=10),
        patience=timedelta(minutes=30),
    ),
)
bot.attach(WebChat())
# --8<-- [end:desk]


# --8<-- [start:callback]
@define
class Callback:
    number: str = ""


calling_back = bot.dialog(Callback)


@calling_back.state(ask="Nobody is here right now. On which number shall we call you back?", to=[END])
async def number(turn: Turn, callback: Callback, answer: str) -> None:
    callback.number = answer
    turn.reply(f"We call {answer} back.")


@bot.text("my bicycle", "workshop")
async def workshop(turn: Turn) -> None:
    turn.hand_off("about a repair", to="workshop", saying="One moment, a mechanic will join us.")


@bot.on(HandoffUnattended)
async def nobody_there(turn: Turn) -> None:
    if turn.take_back():
        turn.begin(calling_back)


# --8<-- [end:callback]


# --8<-- [start:ask-first]
@bot.text("my bill")
async def bill(turn: Turn) -> None:
    there = turn.attendance("bills")
    if there.staffed:
        turn.hand_off("about a bill", to="bills", saying=f"One moment. {there.waiting} wait before you.")
    else:
        turn.reply("Bills are answered by people, and nobody is there now. Write to bills@repairs.example.")


# --8<-- [end:ask-first]


# --8<-- [start:expired]
@bot.on(HandoffClosed)
async def back_again(turn: Turn) -> None:
    if isinstance(turn.event, HandoffClosed) and turn.event.outcome == "expired":
        turn.reply("Everybody is busy. Shall we call you back instead?", buttons=["Call me back"])


@bot.button("Call me back")
async def call_back(turn: Turn) -> None:
    turn.begin(calling_back)


# --8<-- [end:expired]
