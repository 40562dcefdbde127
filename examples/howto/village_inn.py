"""The inn of a village: what guests answer, as they write it. The page about expectations shows pieces of it."""

# --8<-- [start:bot]
import datetime as dt

from attrs import define

from convokit import END, Bot, Choices, DateTime, Either, Integer, Location, Phone, Place, Text, Turn

bot = Bot("inn", locale="tr-TR", zone="Europe/Istanbul")


@define
class Table:
    guests: int = 0
    at: dt.datetime | None = None
    dishes: tuple[str, ...] = ()
    phone: str = ""


booking = bot.dialog(Table)
# --8<-- [end:bot]


# --8<-- [start:states]
@booking.state(ask="For how many?", expect=Integer(1, 12), to=["at"])
async def guests(turn: Turn, table: Table, answer: int) -> None:
    table.guests = answer


@booking.state(
    ask="When?",
    expect=DateTime(
        earliest=dt.timedelta(hours=1), latest=dt.timedelta(days=60), opens=dt.time(12), closes=dt.time(23)
    ),
    to=["dishes"],
)
async def at(turn: Turn, table: Table, answer: dt.datetime) -> None:
    table.at = answer


@booking.state(ask="What may we prepare?", expect=Choices(["Lamb", "Fish", "Mezze"], least=0), to=["phone"])
async def dishes(turn: Turn, table: Table, answer: tuple[str, ...]) -> None:
    table.dishes = answer


@booking.state(ask="On which number do we reach you?", expect=Phone(), to=["place"])
async def phone(turn: Turn, table: Table, answer: str) -> None:
    table.phone = answer


# --8<-- [end:states]


# --8<-- [start:either]
@booking.state(ask="Where shall we pick you up?", expect=Either(Place(), Text()), to=[END])
async def place(turn: Turn, table: Table, answer: Location | str) -> None:
    where = answer if isinstance(answer, str) else "the place on your map"
    when = table.at.strftime("%d.%m. %H:%M") if table.at else ""
    turn.reply(f"{table.guests} at {when}, {' and '.join(table.dishes)}; {table.phone}; from {where}.")


# --8<-- [end:either]


@bot.text("table", "masa")
async def table(turn: Turn) -> None:
    turn.begin(booking)
