"""An airline: check-in and rebooking, which both call a dialog that asks for a seat, and news of delays in between.

Say "check in" and give the booking code KX7PL or MB2QT. While you are at it the operations centre may send

    await engine.signal("flight.delayed", to=conversation, data={"flight": "CK 204", "hours": 3})

and the traveller reads it in the middle of the check-in, may rebook, and comes back to the question that was open.

    convokit draw airline:checking_in
    convokit chat airline:bot
"""

# --8<-- [start:dialogs]
from datetime import timedelta

from attrs import define, field

from convokit import END, Bot, SignalReceived, Turn, call
from convokit.desks import Inbox
from convokit.dialogs import Call
from convokit.expect import Integer, Regex, YesNo

bot = Bot("airline", desk=Inbox())

FLIGHTS = {"KX7PL": "CK 204", "MB2QT": "CK 17"}
LATER = ["Tonight", "Tomorrow morning", "Tomorrow evening"]
CODE = Regex(r"[A-Z]{2}\d[A-Z]{2}", say="A booking code has five characters, such as KX7PL. It is on your ticket.")


@define
class Seat:
    side: str = ""
    row: int = 0


@define
class CheckIn:
    code: str = ""
    bags: int = 0
    seat: Seat = field(factory=Seat)


@define
class Rebooking:
    booking: str = ""
    when: str = ""
    seat: Seat = field(factory=Seat)


seating = bot.dialog(Seat, timeout=timedelta(hours=6))
checking_in = bot.dialog(CheckIn, timeout=timedelta(hours=6), reminders=[timedelta(minutes=15)])
rebooking = bot.dialog(Rebooking, timeout=timedelta(hours=6), reminders=[timedelta(minutes=15)])


@seating.state(ask="Window or aisle?", choices=["Window", "Aisle"], to=["row"])
async def side(turn: Turn, seat: Seat, answer: str) -> None:
    seat.side = answer


@seating.state(ask="Which row, from 1 to 30?", expect=Integer(1, 30), to=[END])
async def row(turn: Turn, seat: Seat, answer: int) -> None:
    seat.row = answer


# --8<-- [end:dialogs]


# --8<-- [start:call]
@checking_in.state(ask="What is your booking code?", expect=CODE, tries=4, to=["code", "bags"], label="booking code")
async def code(turn: Turn, check_in: CheckIn, answer: str) -> str:
    check_in.code = answer.upper()
    if check_in.code in FLIGHTS:
        return "bags"
    turn.reply(f"I find no booking {check_in.code}.")
    return "code"


@checking_in.state(
    ask=lambda _, check_in: f"Flight {FLIGHTS[check_in.code]}. How many bags do you check in?",
    expect=Integer(0, 4),
    to=["ready"],
    calls=[seating],
)
async def bags(turn: Turn, check_in: CheckIn, answer: int) -> Call:
    check_in.bags = answer
    return call(seating, then="ready", into="seat")


@checking_in.state(
    ask=lambda _, check_in: f"{check_in.bags} bags, row {check_in.seat.row}, {check_in.seat.side.lower()}. Check in?",
    expect=YesNo(),
    to=[END, "bags"],
)
async def ready(turn: Turn, check_in: CheckIn, answer: bool) -> str:
    if not answer:
        return "bags"
    turn.reply(f"You are checked in on {FLIGHTS[check_in.code]}. Have a good flight!")
    return END


@checking_in.on_cancel
async def not_checked_in(turn: Turn, check_in: CheckIn) -> None:
    turn.reply("You are not checked in yet. You can until an hour before the flight.")


# --8<-- [end:call]


@rebooking.state(ask="Which booking shall we change?", expect=CODE, tries=4, to=["booking", "when"])
async def booking(turn: Turn, change: Rebooking, answer: str) -> str:
    change.booking = answer.upper()
    if change.booking in FLIGHTS:
        return "when"
    turn.reply(f"I find no booking {change.booking}.")
    return "booking"


@rebooking.state(ask="Which flight would you like?", choices=LATER, to=["agreed"], calls=[seating])
async def when(turn: Turn, change: Rebooking, answer: str) -> Call:
    change.when = answer
    return call(seating, then="agreed", into="seat")


@rebooking.state(
    ask=lambda _, change: f"{change.when}, row {change.seat.row}, {change.seat.side.lower()}. Shall I rebook you?",
    expect=YesNo(),
    to=[END],
)
async def agreed(turn: Turn, change: Rebooking, answer: bool) -> None:
    turn.reply(f"You fly {change.when.lower()}." if answer else "Nothing is changed.")


# --8<-- [start:signal]
@bot.signal("flight.delayed")
async def delayed(turn: Turn) -> None:
    if isinstance(turn.event, SignalReceived):
        flight, hours = turn.event.data["flight"], turn.event.data["hours"]
        turn.reply(f"Flight {flight} is delayed by {hours} hours. We are sorry.", buttons=["Rebook me"])


@bot.button("Rebook me", interrupts=True)
@bot.text("rebook", "rebook me", interrupts=True)
async def rebook(turn: Turn) -> None:
    turn.begin(rebooking)


# --8<-- [end:signal]


@bot.text("check in")
async def check_in(turn: Turn) -> None:
    turn.begin(checking_in)


@bot.text("baggage", "how many bags may I bring", interrupts=True)
async def baggage(turn: Turn) -> None:
    turn.reply("Up to four bags of 23 kg each, and one small one in the cabin.")


@bot.text("a person", "talk to a person")
async def person(turn: Turn) -> None:
    turn.hand_off("wants a person", saying="One moment, a colleague will join us.")


@bot.fallback
async def welcome(turn: Turn) -> None:
    turn.reply("I can check you in or rebook you. Say “check in”, “rebook”, “baggage” or “a person”.")
